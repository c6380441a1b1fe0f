//! Directories and small files of the DKMS tree, in as few system calls as there can be: a tree has thousands of them.

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, openat, statat};
use rustix::io::{Errno, read, retry_on_intr};
use std::io;
use std::mem::MaybeUninit;
use std::path::Path;

/// A directory entry, as far as it matters here.
pub(super) struct Entry {
    pub name: String,
    pub is_dir: bool,
    pub is_link: bool,
}

/// The entries of a directory in byte order; none where it is missing. Names that are not UTF-8 cannot be ours.
pub(super) fn entries(dir: &Path) -> io::Result<Vec<Entry>> {
    let told =
        |error: Errno| io::Error::new(io::Error::from(error).kind(), format!("{}: {error}", dir.display()));
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = match openat(CWD, dir, flags, Mode::empty()) {
        Ok(opened) => opened,
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(Vec::new()),
        Err(error) => return Err(told(error)),
    };
    let mut buffer = [MaybeUninit::uninit(); 8192];
    let mut listing = RawDir::new(&opened, &mut buffer);
    let mut found = Vec::new();
    while let Some(entry) = listing.next() {
        let entry = entry.map_err(told)?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        if matches!(name, "." | "..") {
            continue;
        }
        let kind = match entry.file_type() {
            // Some file systems do not keep it in the directory.
            FileType::Unknown => {
                let meta = statat(&opened, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW).map_err(told)?;
                FileType::from_raw_mode(meta.st_mode)
            }
            known => known,
        };
        found.push(Entry { name: name.to_string(), is_dir: kind.is_dir(), is_link: kind.is_symlink() });
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// The names of the directories in a directory; none where it is missing.
pub(super) fn directories(dir: &Path) -> io::Result<Vec<String>> {
    Ok(entries(dir)?.into_iter().filter(|e| e.is_dir).map(|e| e.name).collect())
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
        let found = entries(dir.path()).unwrap();
        assert_eq!(found.len(), 502);
        assert!(found.windows(2).all(|pair| pair[0].name < pair[1].name));
        let kind = |name: &str| found.iter().find(|e| e.name == name).map(|e| (e.is_dir, e.is_link));
        assert_eq!((kind("dir"), kind("link")), (Some((true, false)), Some((false, true))));
        assert_eq!(directories(dir.path()).unwrap(), ["dir"]);
        assert!(entries(&dir.path().join("absent")).unwrap().is_empty());
        assert!(entries(&dir.path().join("link/absent/more")).unwrap().is_empty());
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
