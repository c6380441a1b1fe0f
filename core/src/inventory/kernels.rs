//! The kernels of a root: those that have a directory below `I`.

use crate::model::{Arch, KernelRelease};
use crate::places::Places;
use std::io;
use std::path::PathBuf;

/// One kernel of a root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    /// `uname -r`.
    pub release: KernelRelease,
    /// The architecture string of the DKMS tree.
    pub arch: Arch,
    /// `KS`: the headers inside the root, if they are there (`include` exists).
    pub headers: Option<PathBuf>,
    /// Whether depmod has run for it, which the kernel's image package does first.
    pub has_image: bool,
    /// Whether it is only a view of what a transaction will bring: there is something to build against, and no place to
    /// install to.
    pub is_staged: bool,
}

/// Where it is noted that a kernel's package has gone. Its headers may stay, and are those of no kernel then.
pub fn departure(places: &Places, release: &KernelRelease) -> PathBuf {
    places.state("gone").join(release.as_str())
}

/// Whether a kernel's package has gone, and nothing of its image is there.
fn is_gone(places: &Places, release: &KernelRelease) -> bool {
    departure(places, release).exists() && !has_image_files(places, release)
}

/// Whether anything lies there that only a kernel's image has; links to headers and depmod's index tell nothing.
pub fn has_image_files(places: &Places, release: &KernelRelease) -> bool {
    let dir = places.kernel_dir(release);
    let is_there = |name: &str| dir.join(name).symlink_metadata().is_ok();
    ["vmlinuz", "modules.builtin", "kernel"].into_iter().any(is_there)
        || places.root.at(format!("/boot/vmlinuz-{release}")).symlink_metadata().is_ok()
}

/// All kernels below `I`, oldest first, but those that have gone. `arch` is the machine's, which Debian's, Arch's and Gentoo's trees use.
///
/// # Errors
/// `I` cannot be read.
pub fn kernels(places: &Places, arch: &dyn Fn(&KernelRelease) -> Arch) -> io::Result<Vec<Kernel>> {
    let tree = places.root.resolve(&places.install_tree)?;
    let listing = match fs_err::read_dir(tree) {
        Ok(listing) => listing,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let mut found = Vec::new();
    for entry in listing {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            continue;
        }
        let Some(release) = entry.file_name().to_str().and_then(|n| KernelRelease::new(n).ok()) else {
            continue;
        };
        if is_gone(places, &release) {
            continue;
        }
        let arch = arch(&release);
        found.push(kernel(places, release, arch, None)?);
    }
    found.sort_by(|a, b| a.release.cmp(&b.release));
    Ok(found)
}

/// What is known of one kernel, present or not. `source_dir` overrides `KS`.
///
/// # Errors
/// Links that lead in circles.
pub fn kernel(
    places: &Places,
    release: KernelRelease,
    arch: Arch,
    source_dir: Option<PathBuf>,
) -> io::Result<Kernel> {
    let dir = places.install_tree.join(release.as_str());
    let source_dir = source_dir.unwrap_or_else(|| dir.join("build"));
    let headers = places.root.resolve(source_dir.join("include"))?.is_dir().then_some(source_dir);
    let has_image = places.root.resolve(dir.join("modules.dep"))?.exists();
    Ok(Kernel { release, arch, headers, has_image, is_staged: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::Root;
    use std::os::unix::fs::symlink;

    #[test]
    fn headers_are_found_through_absolute_links() {
        let dir = tempfile::tempdir().unwrap();
        let places = Places::new(Root::new(dir.path()));
        let mk = |path: &str| std::fs::create_dir_all(places.root.at(path)).unwrap();
        mk("/usr/lib/modules/6.1.0-10-amd64");
        mk("/usr/lib/modules/6.1.0-9-amd64");
        mk("/usr/src/linux-headers-6.1.0-9-amd64/include");
        symlink("usr/lib", places.root.at("/lib")).unwrap();
        symlink("/usr/src/linux-headers-6.1.0-9-amd64", places.root.at("/lib/modules/6.1.0-9-amd64/build"))
            .unwrap();
        let found = kernels(&places, &|_| Arch::new("x86_64").unwrap()).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].release.as_str(), "6.1.0-9-amd64");
        assert_eq!(
            found[0].headers.as_deref(),
            Some(std::path::Path::new("/lib/modules/6.1.0-9-amd64/build"))
        );
        assert!(found[1].headers.is_none());
    }

    #[test]
    fn headers_of_a_kernel_that_has_gone_are_of_none() {
        let dir = tempfile::tempdir().unwrap();
        let places = Places::new(Root::new(dir.path()));
        let release = KernelRelease::new("6.1").unwrap();
        std::fs::create_dir_all(places.kernel_dir(&release).join("build/include")).unwrap();
        let count = || kernels(&places, &|_| Arch::new("x86_64").unwrap()).unwrap().len();
        assert_eq!(count(), 1, "headers that came first are built for");
        let note = departure(&places, &release);
        std::fs::create_dir_all(note.parent().unwrap()).unwrap();
        std::fs::write(&note, "").unwrap();
        assert_eq!(count(), 0);
        std::fs::write(places.kernel_dir(&release).join("modules.builtin"), "").unwrap();
        assert_eq!(count(), 1, "it is there again");
    }
}
