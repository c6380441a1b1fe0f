//! Directories and small files of the DKMS tree, in as few system calls as there can be: a tree has thousands of them.

use crate::install::{BuiltFile, Stamp};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, openat, readlinkat, statat};
use rustix::io::{Errno, read, retry_on_intr};
use std::ffi::{CStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// A directory entry, as far as it matters here.
pub(super) struct Entry {
    pub name: String,
    pub is_dir: bool,
    pub is_link: bool,
}

/// A directory that is open: what is in it is found without walking down to it once more.
pub(super) struct Directory {
    opened: OwnedFd,
    path: PathBuf,
    /// What was in it when it was opened, in byte order. Names that are not UTF-8 cannot be ours.
    pub entries: Vec<Entry>,
}

impl Directory {
    /// Opens and lists a directory; `None` where there is none.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        Self::open_at(CWD, path, path.to_path_buf())
    }

    /// Opens and lists a directory in or below this one; `None` where there is none.
    pub fn below(&self, name: impl AsRef<Path>) -> io::Result<Option<Self>> {
        Self::open_at(self.opened.as_fd(), name.as_ref(), self.path.join(name.as_ref()))
    }

    fn open_at(from: BorrowedFd<'_>, name: &Path, path: PathBuf) -> io::Result<Option<Self>> {
        match openat(from, name, DIRECTORY, Mode::empty()) {
            Ok(opened) => {
                let mut directory = Self { opened, path, entries: Vec::new() };
                directory.list()?;
                Ok(Some(directory))
            }
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(error) => Err(told(&path, error)),
        }
    }

    fn list(&mut self) -> io::Result<()> {
        let Self { opened, path, entries } = self;
        each(opened, |file_name, kind| {
            let Ok(name) = file_name.to_str() else { return Ok(()) };
            let kind = match kind {
                // Some file systems do not keep it in the directory.
                FileType::Unknown => {
                    FileType::from_raw_mode(statat(&*opened, file_name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode)
                }
                known => known,
            };
            entries.push(Entry { name: name.to_string(), is_dir: kind.is_dir(), is_link: kind.is_symlink() });
            Ok(())
        })
        .map_err(|error| told(path, error))?;
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(())
    }

    /// The names of the directories in it.
    pub fn directories(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter(|e| e.is_dir).map(|e| e.name.as_str())
    }

    /// What is in it, with sizes and times.
    pub fn files(self) -> Vec<BuiltFile> {
        let Self { opened, entries, .. } = self;
        let file =
            |entry: Entry| BuiltFile { stamp: Stamp::at(&opened, Path::new(&entry.name)), name: entry.name };
        entries.into_iter().map(file).collect()
    }

    /// Where a link in it leads, as it is written; `None` for what is no link.
    pub fn link(&self, name: &str) -> Option<PathBuf> {
        let target = readlinkat(&self.opened, name, Vec::new()).ok()?;
        Some(OsString::from_vec(target.into_bytes()).into())
    }
}

/// How a directory is opened that is to be listed.
pub(super) const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Calls `see` with the name and the kind of all that is in an open directory, in no order.
pub(super) fn each(
    dir: &OwnedFd,
    mut see: impl FnMut(&CStr, FileType) -> Result<(), Errno>,
) -> Result<(), Errno> {
    let mut buffer = [MaybeUninit::uninit(); 8192];
    let mut listing = RawDir::new(dir, &mut buffer);
    while let Some(entry) = listing.next() {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            see(entry.file_name(), entry.file_type())?;
        }
    }
    Ok(())
}

/// An error with the place it is about.
pub(super) fn told(path: &Path, error: Errno) -> io::Error {
    io::Error::new(io::Error::from(error).kind(), format!("{}: {error}", path.display()))
}

/// The content of a regular file, which is small as a rule; `None` where it cannot be read.
pub(super) fn small_file(path: &Path) -> Option<Vec<u8>> {
    let file = openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let mut content = vec![0; 4096];
    let mut length = 0;
    loop {
        length += retry_on_intr(|| read(&file, content.get_mut(length..).unwrap_or_default())).ok()?;
        // A regular file gives less than was asked for at its end only.
        if length < content.len() {
            content.truncate(length);
            return Some(content);
        }
        content.resize(2 * length, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn entries_in_order() {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..500 {
            std::fs::write(dir.path().join(format!("file-with-a-rather-long-name-{number:03}")), "").unwrap();
        }
        std::fs::create_dir(dir.path().join("dir")).unwrap();
        symlink("dir", dir.path().join("link")).unwrap();
        let opened = Directory::open(dir.path()).unwrap().unwrap();
        let found = &opened.entries;
        assert_eq!(found.len(), 502);
        assert!(found.windows(2).all(|pair| pair[0].name < pair[1].name));
        let kind = |name: &str| found.iter().find(|e| e.name == name).map(|e| (e.is_dir, e.is_link));
        assert_eq!((kind("dir"), kind("link")), (Some((true, false)), Some((false, true))));
        assert_eq!(opened.directories().collect::<Vec<_>>(), ["dir"]);
        assert_eq!((opened.link("link"), opened.link("dir")), (Some("dir".into()), None));
        assert!(opened.below("dir").unwrap().unwrap().entries.is_empty());
        assert!(opened.below("absent").unwrap().is_none());
        assert!(opened.below("link/absent/more").unwrap().is_none());
        assert!(Directory::open(&dir.path().join("absent")).unwrap().is_none());
    }

    #[test]
    fn files_of_any_size() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        for size in [0, 1, 4095, 4096, 4097, 8192, 20_000] {
            let content: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
            std::fs::write(&path, &content).unwrap();
            assert!(small_file(&path) == Some(content), "{size}");
        }
        assert_eq!(small_file(dir.path()), None);
        assert_eq!(small_file(&dir.path().join("absent")), None);
    }
}
