//! The kernels to build for, and what packages have to say of them.

use super::Request;
use super::stage::Staged;
use crate::cli::context::Context;
use crate::exec::owner::{Owner, owner};
use crate::install::module_name;
use crate::inventory::{Kernel, KernelFile, KernelPackages, kernel};
use crate::model::{Arch, Failure, KernelRelease};
use evermod_packaging::module::{KernelPackage, TargetKernel};
use evermod_packaging::read::Format;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// A kernel that was asked for.
#[derive(Debug)]
pub(super) struct Chosen {
    pub release: KernelRelease,
    pub arch: Arch,
}

/// A kernel as the view has it.
#[derive(Debug)]
pub(super) struct Target {
    pub release: KernelRelease,
    /// What builds need to know.
    pub kernel: Kernel,
    /// What packages say of it.
    pub about: TargetKernel,
    /// The format of its own packages.
    pub format: Format,
    /// Debian: whether its packages have `/usr/lib/modules`, and not `/lib/modules`.
    pub usr_merged: bool,
    /// Modules that it brings itself, as far as that is known.
    pub in_tree: BTreeSet<String>,
    /// The date of its headers, or the caller's, in seconds since 1970.
    pub date: u64,
    /// Why nothing can be built for it, if so.
    pub broken: Option<String>,
}

/// The kernels that are asked for, oldest first.
///
/// # Errors
/// One is not there, or there is none.
pub(super) fn choose(
    context: &Context,
    request: &Request,
    offered: Option<&KernelPackages>,
) -> Result<Vec<Chosen>, Failure> {
    let named =
        request.kernels.iter().map(|name| KernelRelease::new(name)).collect::<Result<BTreeSet<_>, _>>()?;
    let chosen = |kernel: Kernel| Chosen { release: kernel.release, arch: kernel.arch };
    let Some(offered) = offered else {
        let kernels = if request.all_kernels {
            let all = context.kernels()?;
            let (with, without): (Vec<_>, Vec<_>) =
                all.into_iter().partition(|kernel| kernel.headers.is_some());
            if with.is_empty() {
                let first = without.first().map_or(&context.environment.running, |kernel| &kernel.release);
                let finder = context.finder();
                return Err(context.survey(&finder).no_headers(first));
            }
            with
        } else {
            let running = BTreeSet::from([context.environment.running.clone()]);
            let named = if named.is_empty() { running } else { named };
            named.iter().map(|name| context.kernel(name.as_str(), None)).collect::<Result<_, _>>()?
        };
        if let Some(kernel) = kernels.iter().find(|kernel| kernel.headers.is_none()) {
            let finder = context.finder();
            return Err(context.survey(&finder).no_headers(&kernel.release));
        }
        return Ok(kernels.into_iter().map(chosen).collect());
    };
    let usage = |message: String| Err(Failure::Usage { message, code: 2 });
    if let Some(absent) = named.iter().find(|name| !offered.kernels.contains_key(name)) {
        return usage(format!("none of the packages has headers of kernel {absent}"));
    }
    let releases = offered.kernels.keys().filter(|release| named.is_empty() || named.contains(release));
    let chosen: Vec<_> = releases
        .map(|release| Ok(chosen(context.kernel(release.as_str(), None)?)))
        .collect::<Result<_, Failure>>()?;
    if chosen.is_empty() {
        let why = offered.problems.iter().map(|why| format!("\n  {why}")).collect::<String>();
        return usage(format!(
            "none of the packages has headers of a kernel that can be built for here{why}"
        ));
    }
    Ok(chosen)
}

/// Looks at the kernels in the view.
pub(super) fn describe(
    context: &Context,
    chosen: Vec<Chosen>,
    staged: &Staged,
    offered: Option<&KernelPackages>,
    date: Option<u64>,
) -> Vec<Target> {
    chosen.into_iter().map(|one| target(context, one, staged, offered, date)).collect()
}

fn target(
    context: &Context,
    Chosen { release, arch }: Chosen,
    staged: &Staged,
    offered: Option<&KernelPackages>,
    date: Option<u64>,
) -> Target {
    let places = &staged.places;
    let source = places.install_tree.join(release.as_str()).join("build");
    let found = kernel(places, release.clone(), arch.clone(), None);
    let mut broken = None;
    let kernel = match found {
        Ok(kernel) => Kernel { is_staged: true, ..kernel },
        Err(error) => {
            broken = Some(error.to_string());
            Kernel { release: release.clone(), arch, headers: None, has_image: false, is_staged: true }
        }
    };
    let offered = offered.and_then(|offered| offered.kernels.get(&release));
    let (mut format, mut usr_merged) = (own_format(context), true);
    let (headers, image, in_tree);
    if let Some(offered) = offered {
        let file = &offered.headers;
        match staged.unpacked.get(&file.path) {
            Some(Ok(paths)) => usr_merged = paths.iter().any(|path| path.starts_with("usr/lib/modules/")),
            Some(Err(why)) => broken = Some(why.clone()),
            None => {}
        }
        format = file.format;
        headers = Some(packaged(file));
        image = offered.image.as_ref().map(packaged).or_else(|| image_of(file));
        in_tree = offered.in_tree.clone();
    } else {
        let owner = |path: PathBuf| owner(&context.environment, &path);
        let package = |owner: Owner| KernelPackage { name: owner.name, version: owner.version };
        let dir = places.kernel_dir(&release);
        let of_headers = owner(dir.join("build"));
        let of_image = ["kernel", "modules.builtin", "vmlinuz"].iter().find_map(|name| owner(dir.join(name)));
        let first = of_image.iter().chain(&of_headers).next();
        usr_merged = first.is_none_or(|owner| owner.path.starts_with("/usr"));
        headers = of_headers.map(package);
        image = of_image.map(package);
        in_tree = in_tree_of(&dir);
    }
    let broken = broken.or_else(|| incomplete(&source));
    let date = date.unwrap_or_else(|| date_of(&source));
    let about = TargetKernel {
        release: release.to_string(),
        machine: context.environment.arch.to_string(),
        arch: kernel.arch.to_string(),
        flavour: flavour(format, release.as_str(), headers.as_ref().map(|package| package.name.as_str())),
        pkgbase: pkgbase(format, headers.as_ref(), &places.kernel_dir(&release)),
        image,
        headers,
    };
    Target { release, kernel, about, format, usr_merged, in_tree, date, broken }
}

fn packaged(file: &KernelFile) -> KernelPackage {
    KernelPackage { name: file.name.clone(), version: file.version.clone() }
}

/// The image's package where only the headers' is known: they have one source, and so one version.
fn image_of(headers: &KernelFile) -> Option<KernelPackage> {
    let name = &headers.name;
    let name = match headers.format {
        Format::Deb => name.replacen("-headers-", "-image-", 1),
        Format::Rpm => name.strip_suffix("-devel").map(|kernel| format!("{kernel}-core"))?,
        Format::Arch => name.strip_suffix("-headers")?.to_string(),
    };
    Some(KernelPackage { name, version: headers.version.clone() })
}

/// The kind of kernel, as the name of its metapackage ends: `amd64`, `cloud-amd64`, `generic`; `rt` of Fedora's `kernel-rt`.
fn flavour(format: Format, release: &str, headers: Option<&str>) -> Option<String> {
    match format {
        Format::Deb => {
            let mut parts = release.split('-').skip(1).peekable();
            // The ABI's number.
            while parts.next_if(|part| part.starts_with(|c: char| c.is_ascii_digit())).is_some() {}
            Some(parts.collect::<Vec<_>>().join("-")).filter(|flavour| !flavour.is_empty())
        }
        Format::Rpm => {
            let kernel = headers?.strip_suffix("-devel")?.strip_prefix("kernel")?;
            Some(kernel.trim_start_matches('-').to_string())
        }
        Format::Arch => None,
    }
}

/// Arch's name for the kernel; other kernels, as far as they are packaged for pacman at all, go by their flavour.
fn pkgbase(format: Format, headers: Option<&KernelPackage>, dir: &Path) -> Option<String> {
    let written = std::fs::read_to_string(dir.join("pkgbase")).ok();
    written.map(|text| text.trim().to_string()).or_else(|| {
        let name = &headers.filter(|_| format == Format::Arch)?.name;
        name.strip_suffix("-headers").map(str::to_string)
    })
}

/// The format of this machine's package manager.
fn own_format(context: &Context) -> Format {
    let distribution = &context.distribution;
    if distribution.is_like(&["arch"]) {
        Format::Arch
    } else if distribution.is_like(&["fedora", "rhel", "centos", "sles", "suse", "opensuse"]) {
        Format::Rpm
    } else {
        Format::Deb
    }
}

/// The names of the modules that an installed kernel brings.
fn in_tree_of(dir: &Path) -> BTreeSet<String> {
    let read = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap_or_default();
    let lists = [read("modules.order"), read("modules.builtin")];
    let lines = lists.iter().flat_map(|list| list.lines());
    lines.filter_map(module_name).collect()
}

/// What headers need and lack: the parts that several kernels share come in packages of their own.
fn incomplete(source: &Path) -> Option<String> {
    let lacks = |path: &Path| Some(format!("its headers are not whole: there is no {}", path.display()));
    let makefile = source.join("Makefile");
    let Ok(text) = std::fs::read_to_string(&makefile) else { return lacks(&makefile) };
    let included = text.lines().filter_map(|line| line.strip_prefix("include "));
    if let Some(path) =
        included.map(str::trim).map(Path::new).find(|path| path.is_absolute() && !path.exists())
    {
        return lacks(path);
    }
    let scripts = source.join("scripts");
    if scripts.exists() {
        return None;
    }
    lacks(&std::fs::read_link(&scripts).map_or(scripts.clone(), |target| {
        let real = std::fs::canonicalize(source).unwrap_or_else(|_| source.to_path_buf());
        crate::root::Root::new("/").resolve_inside(real.join(target)).unwrap_or(scripts)
    }))
}

/// When headers were made: the newest of the files that say what they are headers of, in seconds since 1970.
fn date_of(source: &Path) -> u64 {
    let names = ["Makefile", ".config", "include/config/auto.conf", "include/generated/utsrelease.h"];
    let modified =
        |name: &&str| source.join(name).metadata().ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok();
    names.iter().filter_map(modified).map(|since| since.as_secs()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flavours() {
        let debian = |release| flavour(Format::Deb, release, None);
        assert_eq!(debian("6.1.0-56-amd64").as_deref(), Some("amd64"));
        assert_eq!(debian("6.12.117+deb12-cloud-amd64").as_deref(), Some("cloud-amd64"));
        assert_eq!(debian("6.8.0-45-generic").as_deref(), Some("generic"));
        assert_eq!(debian("6.8.12-4-pve").as_deref(), Some("pve"));
        assert_eq!(debian("6.8.12"), None);
        let fedora = |name| flavour(Format::Rpm, "6.11.4-301.fc41.x86_64", Some(name));
        assert_eq!(fedora("kernel-devel").as_deref(), Some(""));
        assert_eq!(fedora("kernel-rt-devel").as_deref(), Some("rt"));
    }

    #[test]
    fn headers_without_the_parts_that_are_shared() {
        let dir = tempfile::tempdir().unwrap();
        let shared = dir.path().join("common");
        assert!(incomplete(dir.path()).unwrap().ends_with("Makefile"));
        std::fs::write(dir.path().join("Makefile"), format!("include {}/Makefile\n", shared.display()))
            .unwrap();
        assert!(incomplete(dir.path()).unwrap().ends_with("common/Makefile"));
        std::fs::create_dir(&shared).unwrap();
        std::fs::write(shared.join("Makefile"), "").unwrap();
        std::os::unix::fs::symlink("nowhere/scripts", dir.path().join("scripts")).unwrap();
        assert!(incomplete(dir.path()).unwrap().ends_with("nowhere/scripts"));
        std::fs::create_dir_all(dir.path().join("nowhere/scripts")).unwrap();
        assert_eq!(incomplete(dir.path()), None);
    }
}
