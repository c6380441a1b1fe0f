//! What the names of packages say of kernels: enough before anything is downloaded.

use crate::Package;

/// What a package holds of a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Its image.
    Image,
    /// What modules are built with.
    Headers,
}

/// Flavours of SUSE's kernels: packages `kernel-FLAVOUR` that hold an image.
const FLAVOURS: &str =
    "default 64kb azure coco debug kvmsmall longterm lpae pae preempt rt slowroll vanilla zfcpdump";
/// Variants that Fedora and RHEL append to the release, after a `+`.
const VARIANTS: [&str; 4] = ["debug", "rt", "64k", "16k"];

/// The release of the kernel that a package holds a part of, by the package's name, and which part.
pub fn kernel(package: &Package) -> Option<(Part, String)> {
    let Package { version, release, arch, .. } = package;
    let rest = package.name.strip_prefix("kernel")?;
    let devel = rest.strip_suffix("-devel");
    let part = if devel.is_some() { Part::Headers } else { Part::Image };
    let flavour = devel.unwrap_or(rest).trim_start_matches('-');
    let flavour = flavour.strip_suffix("-base").filter(|_| part == Part::Image).unwrap_or(flavour);
    // Fedora's releases end in the architecture's name; SUSE's `debug` and `rt` are not Fedora's.
    let is_suse = FLAVOURS.split(' ').any(|known| known == flavour) && !is_fedoras(release);
    if is_suse {
        // The last part counts rebuilds: packages have it, the kernel's own name does not.
        let stem = release.rsplit_once('.').map_or(release.as_str(), |(stem, _)| stem);
        return Some((part, format!("{version}-{stem}-{flavour}")));
    }
    let variant = match part {
        Part::Image => rest.strip_suffix("-core").filter(|variant| !variant.ends_with("-modules"))?,
        Part::Headers => devel?,
    };
    let (base, variant) = (format!("{version}-{release}.{arch}"), variant.trim_start_matches('-'));
    // RHEL 8's real-time kernel says so in its release; other names (uek, ...) are in no release.
    let is_told = variant.split('-').all(|v| VARIANTS.contains(&v)) && !release.contains(".rt");
    Some((part, if is_told { format!("{base}+{variant}") } else { base }))
}

/// Whether a package's release is of Fedora's kin, which name the distribution in it.
fn is_fedoras(release: &str) -> bool {
    [".fc", ".el", ".amzn", ".cs"].iter().any(|dist| release.contains(dist))
}

/// Paths that the package will have, as far as its name tells.
pub fn paths(package: &Package) -> Vec<String> {
    let Some((part, release)) = kernel(package) else { return Vec::new() };
    let name = if part == Part::Image { "vmlinuz" } else { "build" };
    vec![format!("lib/modules/{release}/{name}")]
}
