//! Files below kernels that belong to packages: whatever else goes, these are their package managers' to delete.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Such files, known by what they are and not by their names: the same file may be reached by `/lib` and by `/usr/lib`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packaged(BTreeSet<(u64, u64)>);

impl Packaged {
    /// Notes a file, where it is there.
    pub fn add(&mut self, place: &Path) {
        self.0.extend(identity(place));
    }

    /// Whether a place holds one of them.
    pub fn has(&self, place: &Path) -> bool {
        !self.0.is_empty() && identity(place).is_some_and(|file| self.0.contains(&file))
    }
}

/// Of a link, its own: what it leads to may belong to a package where the link does not.
fn identity(place: &Path) -> Option<(u64, u64)> {
    place.symlink_metadata().ok().map(|meta| (meta.dev(), meta.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_any_name() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        std::fs::create_dir_all(at("usr/lib")).unwrap();
        std::os::unix::fs::symlink("usr/lib", at("lib")).unwrap();
        std::fs::write(at("usr/lib/a.ko"), "").unwrap();
        std::fs::write(at("usr/lib/b.ko"), "").unwrap();
        std::os::unix::fs::symlink("a.ko", at("lib/link.ko")).unwrap();
        let mut packaged = Packaged::default();
        packaged.add(&at("usr/lib/a.ko"));
        packaged.add(&at("usr/lib/missing.ko"));
        assert!(packaged.has(&at("lib/a.ko")));
        assert!(!packaged.has(&at("lib/b.ko")) && !packaged.has(&at("lib/link.ko")));
        assert!(!packaged.has(&at("lib/missing.ko")));
    }
}
