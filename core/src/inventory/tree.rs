//! The DKMS tree as it stands: what is registered, built and active (contract 3.1, 3.2).

use super::listing::Directory;
use crate::install::BuiltFile;
use crate::model::{Arch, Instance, KernelRelease, ModuleId};
use crate::places::{NOT_KERNELS, ORIGINALS, Places};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

/// Everything the DKMS tree holds.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// Every `T/M/V` that is added or broken, by name and version in byte order.
    pub modules: Vec<Registered>,
    /// The version that `T/M/kernel-K-A` names, by (M, K, A).
    pub active: BTreeMap<(String, KernelRelease, Arch), String>,
    /// (M, K, A) that have an `original_module` directory.
    pub originals: BTreeSet<(String, KernelRelease, Arch)>,
}

/// Where a registered module's source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `source` leads to this directory (a place on the machine).
    Directory(PathBuf),
    /// The link leads nowhere, or is missing though the source is there.
    Broken,
    /// There is a directory of that name but no registration.
    Absent,
}

/// One `T/M/V`.
#[derive(Debug, Clone)]
pub struct Registered {
    /// Its name.
    pub module: ModuleId,
    /// Its source.
    pub source: Source,
    /// What is built of it.
    pub built: Vec<Built>,
    /// Something in `T/M/V` is neither a build nor a place of its own; `leftovers` tells what of it may go.
    pub has_strays: bool,
}

impl Registered {
    /// What is built for a kernel: under its own architecture string, else under another name of the same machine.
    pub fn built_for(&self, kernel: &KernelRelease, arch: &Arch) -> Option<&Built> {
        let of_kernel = || self.built.iter().filter(|b| b.instance.kernel == *kernel);
        of_kernel()
            .find(|b| b.instance.arch == *arch)
            .or_else(|| of_kernel().find(|b| b.instance.arch.is_same_machine(arch)))
    }
}

impl Built {
    /// The names of the files that are modules.
    pub fn modules(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.name.as_str()).filter(|name| name.contains(".ko"))
    }
}

/// One `T/M/V/K/A/module`.
#[derive(Debug, Clone)]
pub struct Built {
    /// Which instance.
    pub instance: Instance,
    /// The files in `module/`, by name.
    pub files: Vec<BuiltFile>,
    /// Whether `T/M/kernel-K-A` names this version.
    pub active: bool,
}

impl Registered {
    /// Whether there is nothing to build it from: `ldtarball` of binaries alone leaves their dkms.conf in a directory where
    /// otherwise the link to the source is.
    pub fn is_binaries_only(&self) -> bool {
        let own = Path::new(&self.module.name).join(&self.module.version).join("source");
        let Source::Directory(dir) = &self.source else { return false };
        dir.ends_with(own) && std::fs::read_dir(dir).is_ok_and(|listing| listing.count() < 2)
    }
}

impl Tree {
    /// Reads the tree. A tree that is not there is empty.
    ///
    /// # Errors
    /// A directory of it cannot be read.
    pub fn read(places: &Places) -> io::Result<Self> {
        let mut tree = Self::default();
        let Some(top) = Directory::open(&places.tree())? else { return Ok(tree) };
        for name in top.directories() {
            if let Some(dir) = top.below(name)? {
                tree.read_name(places, name, &dir)?;
            }
        }
        Ok(tree)
    }

    fn read_name(&mut self, places: &Places, name: &str, dir: &Directory) -> io::Result<()> {
        let mut versions = Vec::new();
        for entry in &dir.entries {
            if let Some(rest) = entry.name.strip_prefix("kernel-")
                && entry.is_link
            {
                self.read_active(name, dir.link(&entry.name), rest);
                continue;
            }
            if entry.is_dir && entry.name == ORIGINALS {
                self.read_originals(name, dir)?;
            } else if entry.is_dir {
                versions.push(&entry.name);
            }
        }
        for version in versions {
            let Ok(module) = ModuleId::new(name, version) else { continue };
            if let Some(dir) = dir.below(version)? {
                self.modules.push(self.read_version(places, module, &dir)?);
            }
        }
        Ok(())
    }

    /// `T/M/kernel-K-A -> V/K/A`: K and A come from the target, since K itself contains dashes.
    fn read_active(&mut self, name: &str, link: Option<PathBuf>, rest: &str) {
        let Some(target) = link else { return };
        let parts: Vec<_> = target.iter().filter_map(|p| p.to_str()).collect();
        let [.., version, kernel, arch] = parts.as_slice() else { return };
        if format!("{kernel}-{arch}") != rest {
            return;
        }
        if let (Ok(kernel), Ok(arch)) = (KernelRelease::new(kernel), Arch::new(arch)) {
            self.active.insert((name.to_string(), kernel, arch), (*version).to_string());
        }
    }

    fn read_originals(&mut self, name: &str, dir: &Directory) -> io::Result<()> {
        let Some(dir) = dir.below(ORIGINALS)? else { return Ok(()) };
        for kernel in dir.directories() {
            let below = dir.below(kernel)?;
            for arch in below.iter().flat_map(Directory::directories) {
                if let (Ok(kernel), Ok(arch)) = (KernelRelease::new(kernel), Arch::new(arch)) {
                    self.originals.insert((name.to_string(), kernel, arch));
                }
            }
        }
        Ok(())
    }

    fn read_version(&self, places: &Places, module: ModuleId, dir: &Directory) -> io::Result<Registered> {
        let source = source(places, &module, dir);
        let mut registered = Registered { source, module, built: Vec::new(), has_strays: false };
        for kernel in &dir.entries {
            if !kernel.is_dir || NOT_KERNELS.contains(&kernel.name.as_str()) {
                continue;
            }
            let Ok(release) = KernelRelease::new(&kernel.name) else {
                registered.has_strays = true;
                continue;
            };
            let Some(of_kernel) = dir.below(&kernel.name)? else { continue };
            registered.has_strays |= of_kernel.entries.is_empty();
            for entry in &of_kernel.entries {
                let arch =
                    Arch::new(&entry.name).ok().filter(|_| entry.is_dir && !entry.name.starts_with('.'));
                let instance =
                    |arch| Instance { module: registered.module.clone(), kernel: release.clone(), arch };
                match arch.and_then(|arch| self.read_built(instance(arch), &of_kernel)) {
                    Some(built) => registered.built.push(built),
                    None => registered.has_strays = true,
                }
            }
        }
        registered.built.sort_by(|a, b| a.instance.cmp(&b.instance));
        Ok(registered)
    }

    fn read_built(&self, instance: Instance, of_kernel: &Directory) -> Option<Built> {
        // A package may declare no module at all: the directory alone makes it built.
        let files = match of_kernel.below(Path::new(instance.arch.as_str()).join("module")) {
            Ok(None) => return None,
            Ok(Some(dir)) => dir.files(),
            Err(_) => Vec::new(),
        };
        let active = self
            .active
            .get(&(instance.module.name.clone(), instance.kernel.clone(), instance.arch.clone()))
            .is_some_and(|version| *version == instance.module.version);
        Some(Built { instance, files, active })
    }

    /// The registered module of this name and version.
    pub fn find(&self, module: &ModuleId) -> Option<&Registered> {
        let wanted = (&module.name, &module.version);
        let at = self.modules.binary_search_by(|m| (&m.module.name, &m.module.version).cmp(&wanted)).ok()?;
        self.modules.get(at)
    }

    /// All added (not merely leftover) versions of a name, oldest first.
    pub fn versions(&self, name: &str) -> Vec<&Registered> {
        let first = self.modules.partition_point(|m| m.module.name.as_str() < name);
        let named = self.modules.iter().skip(first).take_while(|m| m.module.name == name);
        let mut found: Vec<_> = named.filter(|m| m.source != Source::Absent).collect();
        found.sort_by(|a, b| a.module.cmp(&b.module));
        found
    }

    /// The built instance, if it is.
    pub fn built(&self, instance: &Instance) -> Option<&Built> {
        self.find(&instance.module)?.built.iter().find(|b| b.instance == *instance)
    }
}

fn source(places: &Places, module: &ModuleId, dir: &Directory) -> Source {
    // Nearly always the link names a directory outright, and nothing more needs to be followed.
    if let Some(target) = dir.link("source")
        && places.root.is_host()
        && target.is_absolute()
        && target.symlink_metadata().is_ok_and(|meta| meta.is_dir())
    {
        return Source::Directory(target);
    }
    let link = places.source_link(module);
    match std::fs::symlink_metadata(&link) {
        Ok(meta) if meta.is_symlink() => {
            let inside = places.root.inside(&link);
            match places.root.resolve(inside) {
                Ok(dir) if dir.is_dir() => Source::Directory(dir),
                _ => Source::Broken,
            }
        }
        // `ldtarball` of binaries alone leaves a real directory here.
        Ok(meta) if meta.is_dir() && !places.root.at(places.source_dir_inside(module)).is_dir() => {
            Source::Directory(link)
        }
        Ok(_) => Source::Broken,
        Err(_) if places.root.at(places.source_dir_inside(module)).is_dir() => Source::Broken,
        Err(_) => Source::Absent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::Root;
    use std::os::unix::fs::symlink;

    fn places(dir: &Path) -> Places {
        Places::new(Root::new(dir))
    }

    #[test]
    fn states() {
        let dir = tempfile::tempdir().unwrap();
        let p = places(dir.path());
        let mk = |path: &str| std::fs::create_dir_all(p.root.at(path)).unwrap();
        mk("/usr/src/good-1.0");
        mk("/var/lib/dkms/good/1.0/build");
        mk("/var/lib/dkms/good/1.0/6.1.0-9-amd64/x86_64/module");
        mk("/var/lib/dkms/good/1.0/6.1.0-9-amd64/.tmp_x86_64_abc/module");
        mk("/var/lib/dkms/good/original_module/6.1.0-9-amd64/x86_64");
        mk("/var/lib/dkms/gone/2");
        std::fs::write(p.root.at("/var/lib/dkms/good/1.0/6.1.0-9-amd64/x86_64/module/good.ko"), "x").unwrap();
        std::fs::write(p.root.at("/var/lib/dkms/mok.key"), "x").unwrap();
        symlink("/usr/src/good-1.0", p.root.at("/var/lib/dkms/good/1.0/source")).unwrap();
        symlink("/usr/src/gone-2", p.root.at("/var/lib/dkms/gone/2/source")).unwrap();
        symlink("1.0/6.1.0-9-amd64/x86_64", p.root.at("/var/lib/dkms/good/kernel-6.1.0-9-amd64-x86_64"))
            .unwrap();
        let tree = Tree::read(&p).unwrap();
        assert_eq!(tree.modules.len(), 2);
        assert_eq!(tree.modules[0].source, Source::Broken);
        let good = &tree.modules[1];
        assert_eq!(good.source, Source::Directory(p.root.at("/usr/src/good-1.0")));
        assert_eq!(good.built.len(), 1);
        assert!(good.built[0].active);
        let [file] = good.built[0].files.as_slice() else { panic!("{:?}", good.built) };
        assert!(file.name == "good.ko" && file.stamp.is_some());
        assert_eq!(tree.originals.len(), 1);
    }

    /// Regression: DKMS shows no module whose `source` is a directory, though it can be installed.
    #[test]
    fn binaries_alone_are_added_too() {
        let dir = tempfile::tempdir().unwrap();
        let p = places(dir.path());
        let source = p.root.at("/var/lib/dkms/m/1/source");
        std::fs::create_dir_all(&source).unwrap();
        std::fs::write(source.join("dkms.conf"), "").unwrap();
        let read = || Tree::read(&p).unwrap().modules.remove(0);
        assert_eq!(read().source, Source::Directory(source.clone()));
        assert!(read().is_binaries_only());
        std::fs::write(source.join("Makefile"), "").unwrap();
        assert!(!read().is_binaries_only(), "older DKMS took a directory with sources in it for added");
        std::fs::create_dir_all(p.root.at("/usr/src/m-1")).unwrap();
        assert_eq!(read().source, Source::Broken);
    }

    /// Regression: the link led out of the root, to the machine's own tree.
    #[test]
    fn a_tree_behind_an_absolute_link_is_the_roots_own() {
        let dir = tempfile::tempdir().unwrap();
        let p = places(dir.path());
        std::fs::create_dir_all(p.root.at("/srv/dkms/m/1/build")).unwrap();
        std::fs::create_dir_all(p.root.at("/var/lib")).unwrap();
        symlink("/srv/dkms", p.root.at("/var/lib/dkms")).unwrap();
        assert_eq!(Tree::read(&p).unwrap().modules.len(), 1);
    }

    #[test]
    fn a_missing_tree_is_empty() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Tree::read(&places(dir.path())).unwrap().modules.is_empty());
    }
}
