//! The package that carries a kernel's headers, by its exact name, and the command that installs it.

mod debian;
mod others;
mod pacman;
mod rpm;
#[cfg(test)]
mod tests;

pub(super) use rpm::arch as rpm_arch;

use super::Distribution;
use crate::root::Root;
use std::fmt;
use std::path::Path;

/// How to get the headers of a kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderHint {
    /// A package has them.
    Package {
        /// Its name.
        name: String,
        /// What installs it.
        command: String,
    },
    /// No package can be named, or none of the distribution's; what to do, as a clause.
    Advice(String),
}

/// What a root tells of a kernel beside its release.
pub struct Evidence<'a> {
    /// The name of the pacman package that the kernel came in (`I/K/pkgbase`).
    pub pkgbase: Option<String>,
    /// Whether dpkg has a package of this name.
    pub has_package: &'a dyn Fn(&str) -> bool,
    /// Whether the system is an image to which rpm-ostree adds packages.
    pub is_ostree: bool,
}

impl HeaderHint {
    fn package(name: impl Into<String>, manager: &str) -> Self {
        let name = name.into();
        Self::Package { command: format!("{manager} {name}"), name }
    }

    /// The hint as the end of a sentence on a kernel without headers.
    pub fn sentence(&self) -> String {
        match self {
            Self::Package { command, .. } => format!("to install them: {command}"),
            Self::Advice(text) => text.clone(),
        }
    }
}

impl fmt::Display for HeaderHint {
    /// The command, or what to do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Package { command, .. } => f.write_str(command),
            Self::Advice(text) => f.write_str(text),
        }
    }
}

impl Distribution {
    /// How to get the headers of a kernel of this distribution.
    pub fn headers(&self, release: &str, evidence: &Evidence<'_>) -> HeaderHint {
        let found = of_any_distribution(release)
            .or_else(|| evidence.pkgbase.as_deref().map(pacman::of_base))
            .or_else(|| others::headers(self.id(), self.as_str(), release))
            .or_else(|| match self.as_str() {
                _ if self.mentions(&["debian", "ubuntu"]) => debian::headers(self.id(), release, evidence),
                _ if self.mentions(&["fedora", "rhel", "centos", "openEuler"]) => {
                    rpm::red_hat(release, evidence.is_ostree)
                }
                _ if self.mentions(&["suse", "sles"]) => rpm::suse(self.id(), release),
                _ if self.mentions(&["arch"]) => pacman::headers(release),
                _ => None,
            });
        found.unwrap_or_else(|| {
            HeaderHint::Advice(format!(
                "install the headers that belong to kernel {release}, with the version that it has"
            ))
        })
    }

    /// What the root tells of a kernel, and the hint made of it.
    pub fn headers_in(&self, root: &Root, install_tree: &Path, release: &str) -> HeaderHint {
        let read = |path: &Path| std::fs::read_to_string(root.resolve(path).ok()?).ok();
        let pkgbase = read(&install_tree.join(release).join("pkgbase")).map(|text| text.trim().to_string());
        let has_package = |name: &str| root.at(format!("/var/lib/dpkg/info/{name}.list")).exists();
        let evidence = Evidence {
            pkgbase: pkgbase.filter(|name| !name.is_empty()),
            has_package: &has_package,
            is_ostree: root.at("/run/ostree-booted").exists(),
        };
        self.headers(release, &evidence)
    }

    /// True if its ID is one of these names, or they are among the words that DKMS knows it by.
    fn mentions(&self, names: &[&str]) -> bool {
        let words = || std::iter::once(self.id()).chain(self.as_str().split_whitespace());
        words().any(|word| names.iter().any(|name| word.starts_with(name)))
    }
}

/// Kernels that come from elsewhere, whatever runs on them.
fn of_any_distribution(release: &str) -> Option<HeaderHint> {
    if let Some((version, _)) = release.split_once("-microsoft-standard") {
        return Some(HeaderHint::Advice(format!(
            "no package has the headers of WSL's kernel: build them from its sources, \
             https://github.com/microsoft/WSL2-Linux-Kernel, tag linux-msft-wsl-{version}"
        )));
    }
    release.ends_with("-tegra").then(|| HeaderHint::package("nvidia-l4t-kernel-headers", "apt install"))
}

/// The numbers of a version's first two parts: `6.11` of `6.11.4-301`.
fn series(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}
