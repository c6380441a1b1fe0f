//! The sources of a module, to be built where they are installed.

use super::About;
use crate::Entry;

/// The sources of a module, as a `*-dkms` package carries them for any kernel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourcePackage {
    /// `PACKAGE_NAME` of its `dkms.conf`.
    pub module: String,
    /// `PACKAGE_VERSION`.
    pub version: String,
    /// The packaging's own revision, such as `1`.
    pub revision: String,
    /// What lies below `/usr/src/MODULE-VERSION`, in any order.
    pub files: Vec<SourceFile>,
    /// Other modules whose sources have to be there (`BUILD_DEPENDS`).
    pub needs: Vec<String>,
    /// What a person reads.
    pub about: About,
}

/// One file of a module's sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Below the sources' directory: `dkms.conf`, `src/main.c`.
    pub path: String,
    /// Permission bits; files are packaged with 0644, or 0755 where the owner may run them.
    pub mode: u32,
    /// What is there.
    pub content: SourceContent,
}

/// What a path of a module's sources holds. Directories need not be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceContent {
    /// A file.
    File(Vec<u8>),
    /// A symbolic link.
    Symlink(String),
}

/// All that lies below the directory of the sources.
pub(super) fn entries(package: &SourcePackage) -> Vec<Entry> {
    let top = format!("/usr/src/{}-{}", package.module, package.version);
    let entry = |file: &SourceFile| {
        let path = format!("{top}/{}", file.path);
        match &file.content {
            SourceContent::File(content) if file.mode & 0o100 != 0 => Entry::program(path, content.clone()),
            SourceContent::File(content) => Entry::file(path, content.clone()),
            SourceContent::Symlink(target) => Entry::symlink(path, target),
        }
    };
    package.files.iter().map(entry).collect()
}

/// The directories of the sources, for formats in which a package has only those that it names.
pub(super) fn directories(package: &SourcePackage) -> Vec<Entry> {
    let top = format!("/usr/src/{}-{}", package.module, package.version);
    let mut directories: std::collections::BTreeSet<String> = [top.clone()].into();
    for file in &package.files {
        let parents = file.path.match_indices('/').map(|(at, _)| format!("{top}/{}", &file.path[..at]));
        directories.extend(parents);
    }
    directories.into_iter().map(Entry::directory).collect()
}
