//! Where the files of a prebuilt lie.

use std::collections::BTreeSet;

use super::{ModulePackage, manifest, words};
use crate::{Entry, PackageError};

/// The places of a package's files on one distribution.
#[derive(Debug)]
pub(super) struct Layout {
    /// The kernel's directory: `/lib/modules/KERNEL`.
    pub(super) tree: String,
    /// The directories below it that have modules of the package.
    pub(super) directories: BTreeSet<String>,
    /// Each module's path, in the order of the package's files.
    pub(super) paths: Vec<String>,
    /// What depmod is to be told, path and text: where a module would lose against the kernel's own of the same name.
    depmod: Option<(String, String)>,
}

/// What a distribution decides.
pub(super) struct Places<'a> {
    /// `/lib` or `/usr/lib`.
    pub(super) lib: &'a str,
    /// The directory below the kernel's for modules that name none.
    pub(super) directory: &'a str,
    /// The directories that depmod prefers to the kernel's own without being told.
    pub(super) preferred: &'a [&'a str],
}

impl Layout {
    /// Lays out the files of a package of this name.
    ///
    /// # Errors
    /// A file that is no module.
    pub(super) fn new(
        name: &str,
        package: &ModulePackage,
        places: &Places<'_>,
    ) -> Result<Self, PackageError> {
        let release = &package.kernel.release;
        let tree = format!("{}/modules/{release}", places.lib);
        let (mut directories, mut paths) = (BTreeSet::new(), Vec::new());
        let mut told = String::new();
        for file in &package.files {
            // The kernel's own file of that name is its package's, and no other can have it.
            let of_kernel =
                |dir: &str| file.replaces_in_tree && (dir == "kernel" || dir.starts_with("kernel/"));
            let directory =
                file.directory.as_deref().filter(|dir| !of_kernel(dir)).unwrap_or(places.directory);
            let first = directory.split('/').next().unwrap_or_default();
            if file.replaces_in_tree && !places.preferred.contains(&first) {
                told.push_str(&format!(
                    "override {} {release} {directory}\n",
                    words::stem(file)?.replace('-', "_")
                ));
            }
            paths.push(format!("{tree}/{directory}/{}", file.name));
            directories.insert(directory.to_owned());
        }
        let depmod = (!told.is_empty()).then(|| (format!("{}/depmod.d/{name}.conf", places.lib), told));
        Ok(Self { tree, directories, paths, depmod })
    }

    /// What tells by its times whether depmod has seen the package: its modules, and their directories.
    pub(super) fn placed(&self) -> Vec<String> {
        let directories = self.directories.iter().map(|directory| format!("{}/{directory}", self.tree));
        self.paths.iter().cloned().chain(directories).collect()
    }

    /// The modules, what depmod is told, and the file by which programs recognise them.
    ///
    /// # Errors
    /// None but the serializer's.
    pub(super) fn entries(
        &self,
        name: &str,
        version: &str,
        package: &ModulePackage,
    ) -> Result<Vec<Entry>, PackageError> {
        let mut entries: Vec<Entry> = self
            .paths
            .iter()
            .zip(&package.files)
            .map(|(path, file)| Entry::file(path, file.content.clone()))
            .collect();
        if let Some((path, text)) = &self.depmod {
            entries.push(Entry::file(path, text.as_bytes()));
        }
        entries.push(manifest::entry(package, name, version, &self.paths)?);
        Ok(entries)
    }
}
