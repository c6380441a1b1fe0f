//! Size and modification time of a file: what tells, as a rule, whether two are the same, without reading either.

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, openat, statat};
use std::cell::RefCell;
use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// The size in bytes and the modification time, to the nanosecond, of a regular file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    size: i128,
    modified: (i128, i128),
}

impl Stamp {
    /// That of `path`; links are followed. `None` where no regular file is.
    pub fn of(path: &Path) -> Option<Self> {
        Self::at(CWD, path)
    }

    /// That of `name` in an open directory.
    pub fn at(dir: impl AsFd, name: &Path) -> Option<Self> {
        let stat = statat(dir, name, AtFlags::empty()).ok()?;
        // The types differ by architecture.
        (FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile).then(|| Self {
            size: stat.st_size.into(),
            modified: (stat.st_mtime.into(), stat.st_mtime_nsec.into()),
        })
    }

    /// Whether files with these stamps differ for certain.
    pub fn is_of_another_size(self, other: Self) -> bool {
        self.size != other.size
    }
}

/// A file in a directory of the tree where builds are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltFile {
    /// Its name.
    pub name: String,
    /// Its size and time when the tree was read.
    pub stamp: Option<Stamp>,
}

/// Directories that hold many of the files that are looked at: the way down to each is walked once. On a file system of
/// layers (a container, a live system) that is most of what a look costs.
#[derive(Debug, Default)]
pub struct Looks(RefCell<HashMap<PathBuf, Option<OwnedFd>>>);

/// How many are open at a time: far below what a process may open.
const OPEN: usize = 64;

impl Looks {
    /// What [`Stamp::of`] says of `path`.
    pub fn stamp(&self, path: &Path) -> Option<Stamp> {
        let (dir, name) = (path.parent()?, path.file_name()?);
        let mut known = self.0.borrow_mut();
        if known.len() >= OPEN && !known.contains_key(dir) {
            known.clear();
        }
        let open =
            || openat(CWD, dir, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok();
        let opened = known.entry(dir.to_path_buf()).or_insert_with(open);
        Stamp::at(opened.as_ref()?, Path::new(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_and_time_of_regular_files() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("a"), "12").unwrap();
        std::fs::write(at("b"), "34").unwrap();
        let time = at("a").metadata().unwrap().modified().unwrap();
        std::fs::File::options().write(true).open(at("b")).unwrap().set_modified(time).unwrap();
        std::os::unix::fs::symlink("a", at("link")).unwrap();
        let looks = Looks::default();
        for name in ["a", "b", "link"] {
            assert_eq!(looks.stamp(&at(name)), Stamp::of(&at("a")), "{name}");
        }
        std::fs::write(at("b"), "345").unwrap();
        let (a, b) = (looks.stamp(&at("a")).unwrap(), looks.stamp(&at("b")).unwrap());
        assert!(a != b && a.is_of_another_size(b));
        for name in ["", "absent", "a/below", "absent/file"] {
            assert_eq!(looks.stamp(&at(name)), None, "{name}");
        }
        for number in 0..2 * OPEN {
            std::fs::create_dir(at(&format!("d{number}"))).unwrap();
            std::fs::write(at(&format!("d{number}/f")), "12").unwrap();
            assert!(looks.stamp(&at(&format!("d{number}/f"))).is_some());
        }
        assert!(looks.0.borrow().len() <= OPEN);
    }
}
