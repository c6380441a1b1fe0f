//! What an unpacked archive holds, and what an archive is called.

use super::{BINARIES_ONLY, MAIN_TREE, SOURCE_TREE};
use crate::model::{Arch, ArchiveProblem, Instance, KernelRelease, ModuleId};
use crate::places::NOT_KERNELS;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

/// A build in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// For which kernel.
    pub kernel: KernelRelease,
    /// For which architecture.
    pub arch: Arch,
    /// Its directory, with `module` in it.
    pub dir: PathBuf,
}

/// What an unpacked archive holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The directory that the dkms.conf is in.
    pub conf_dir: PathBuf,
    /// Whether that directory holds the sources; else there are binaries alone.
    pub has_source: bool,
    /// The builds, in the order of their names.
    pub builds: Vec<Build>,
}

/// `mktarball` names no kernels where the list of them is longer than this.
const LONGEST: usize = 200;

/// The name that an archive gets by itself.
pub fn default_name(module: &ModuleId, builds: &[Instance], source_only: bool) -> String {
    let kernels: String = builds.iter().map(|i| format!("-kernel{}-{}", i.kernel, i.arch)).collect();
    let what = match kernels.as_str() {
        _ if source_only => "-source-only",
        long if long.len() > LONGEST => "-manykernels",
        kernels => kernels,
    };
    format!("{}-{}{what}.dkms.tar.gz", module.name, module.version)
}

impl Layout {
    /// Looks at what was unpacked into `dir`.
    ///
    /// # Errors
    /// There is no dkms.conf, or a directory is named as no kernel or architecture can be.
    pub fn read(dir: &Path) -> Result<Self, ArchiveProblem> {
        let (main, source, binaries) = (dir.join(MAIN_TREE), dir.join(SOURCE_TREE), dir.join(BINARIES_ONLY));
        let (conf_dir, has_source) = if is_conf(&source) {
            (source, true)
        } else if is_conf(&binaries) {
            (binaries, false)
        } else if is_dir(&main) {
            return Err(ArchiveProblem::Incomplete);
        } else {
            (shallowest_conf(dir).ok_or(ArchiveProblem::NoConf)?, true)
        };
        Ok(Self { conf_dir, has_source, builds: builds(&main)? })
    }
}

fn is_dir(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|meta| meta.is_dir())
}

/// Whether there is a dkms.conf, which must be no link: reading it must not read anything else.
fn is_conf(dir: &Path) -> bool {
    is_dir(dir) && dir.join("dkms.conf").symlink_metadata().is_ok_and(|meta| meta.is_file())
}

/// The directory of the dkms.conf that is nearest to the top, the first by name among equals.
fn shallowest_conf(top: &Path) -> Option<PathBuf> {
    let mut pending = VecDeque::from([top.to_path_buf()]);
    while let Some(dir) = pending.pop_front() {
        if is_conf(&dir) {
            return Some(dir);
        }
        pending.extend(names(&dir).into_iter().map(|name| dir.join(name)).filter(|path| is_dir(path)));
    }
    None
}

/// The names in a directory, sorted. The archive's reader has let none pass that is not UTF-8.
fn names(dir: &Path) -> Vec<String> {
    let listing = std::fs::read_dir(dir).into_iter().flatten();
    let mut names: Vec<_> = listing.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    names
}

fn builds(main: &Path) -> Result<Vec<Build>, ArchiveProblem> {
    let mut found = Vec::new();
    for kernel in names(main) {
        for arch in names(&main.join(&kernel)) {
            let name = format!("{MAIN_TREE}/{kernel}/{arch}");
            let refused = |why: String| ArchiveProblem::Member { name: name.clone(), why };
            let dir = main.join(&kernel).join(&arch);
            if NOT_KERNELS.contains(&kernel.as_str()) || kernel.starts_with('.') || arch.starts_with('.') {
                return Err(refused("that is no kernel's name".into()));
            }
            let release = KernelRelease::new(&kernel).map_err(|e| refused(e.to_string()))?;
            let arch = Arch::new(&arch).map_err(|e| refused(e.to_string()))?;
            if !is_dir(&dir.join("module")) {
                return Err(refused("there are no modules in it".into()));
            }
            only_files(&dir, &name)?;
            found.push(Build { kernel: release, arch, dir });
        }
    }
    Ok(found)
}

/// What was built is files: a link there would be followed when it is installed.
fn only_files(dir: &Path, name: &str) -> Result<(), ArchiveProblem> {
    for entry in names(dir) {
        let (path, name) = (dir.join(&entry), format!("{name}/{entry}"));
        if is_dir(&path) {
            only_files(&path, &name)?;
        } else if path.symlink_metadata().is_ok_and(|meta| meta.is_symlink()) {
            return Err(ArchiveProblem::Member { name, why: "it is a link among what was built".into() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(kernel: &str) -> Instance {
        Instance {
            module: ModuleId::new("m", "1.0").unwrap(),
            kernel: KernelRelease::new(kernel).unwrap(),
            arch: Arch::new("x86_64").unwrap(),
        }
    }

    #[test]
    fn names_of_archives() {
        let module = ModuleId::new("m", "1.0").unwrap();
        let name = |kernels: &[&str], source| {
            default_name(&module, &kernels.iter().map(|k| instance(k)).collect::<Vec<_>>(), source)
        };
        assert_eq!(name(&["6.1"], false), "m-1.0-kernel6.1-x86_64.dkms.tar.gz");
        assert_eq!(name(&["6.1", "6.2"], false), "m-1.0-kernel6.1-x86_64-kernel6.2-x86_64.dkms.tar.gz");
        assert_eq!(name(&[], true), "m-1.0-source-only.dkms.tar.gz");
        let many = ["6.12.117+deb12-amd64"; 12];
        assert_eq!(name(&many, false), "m-1.0-manykernels.dkms.tar.gz");
    }

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let place = dir.path().join(file);
            std::fs::create_dir_all(place.parent().unwrap()).unwrap();
            std::fs::write(place, "").unwrap();
        }
        dir
    }

    #[test]
    fn layouts() {
        let built = "dkms_main_tree/6.1/x86_64/module/m.ko";
        let other = "dkms_main_tree/6.2/x86_64/module/m.ko";
        let dir = tree(&[built, other, "dkms_source_tree/dkms.conf", "dkms_binaries_only/dkms.conf"]);
        let layout = Layout::read(dir.path()).unwrap();
        assert!(layout.has_source && layout.conf_dir.ends_with("dkms_source_tree"));
        assert_eq!(layout.builds.len(), 2);
        let dir = tree(&[built, "dkms_binaries_only/dkms.conf"]);
        assert!(!Layout::read(dir.path()).unwrap().has_source);
        let dir = tree(&["b/c/dkms.conf", "z/dkms.conf", "y/dkms.conf"]);
        assert_eq!(Layout::read(dir.path()).unwrap().conf_dir, dir.path().join("y"));
        assert_eq!(Layout::read(tree(&[built]).path()), Err(ArchiveProblem::Incomplete));
        assert_eq!(Layout::read(tree(&["m/Makefile"]).path()), Err(ArchiveProblem::NoConf));
    }

    #[test]
    fn names_that_would_land_elsewhere_in_the_tree_are_refused() {
        for bad in ["source/x86_64", "build/x", "tarball/x", ".tmp_x/x86_64", "6.1/.tmp_x", "6.1/a,b"] {
            let dir = tree(&[&format!("dkms_main_tree/{bad}/module/m.ko"), "dkms_source_tree/dkms.conf"]);
            assert_eq!(Layout::read(dir.path()).unwrap_err().exit_code(), 7, "{bad}");
        }
        let dir = tree(&["dkms_main_tree/6.1/x86_64/log/make.log", "dkms_source_tree/dkms.conf"]);
        assert!(Layout::read(dir.path()).is_err(), "without modules it is no build");
        let dir = tree(&["dkms_main_tree/6.1/x86_64/module/m.ko", "dkms_source_tree/dkms.conf"]);
        let link = dir.path().join("dkms_main_tree/6.1/x86_64/module/n.ko");
        std::os::unix::fs::symlink("/etc/shadow", link).unwrap();
        assert_eq!(Layout::read(dir.path()).unwrap_err().exit_code(), 7);
        let dir = tree(&["dkms_source_tree/Makefile", "dkms_main_tree/6.1/x86_64/module/m.ko"]);
        std::os::unix::fs::symlink("/etc/shadow", dir.path().join("dkms_source_tree/dkms.conf")).unwrap();
        assert_eq!(Layout::read(dir.path()), Err(ArchiveProblem::Incomplete));
    }
}
