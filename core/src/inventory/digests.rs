//! Digests of directories and files, remembered by what `stat` says of them, so that nothing is read twice.

use super::listing::{DIRECTORY, each, told};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, openat, statat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Digests by place, each valid as long as the `stat` fingerprint beside it holds.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Digests {
    entries: BTreeMap<PathBuf, Remembered>,
    #[serde(skip)]
    changed: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Remembered {
    stat: String,
    digest: String,
}

impl Digests {
    /// What was remembered at `path`; nothing if it is missing or damaged, since all of it can be made again.
    pub fn load(path: &Path) -> Self {
        std::fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    /// The text to remember, if anything was learnt since it was loaded.
    pub fn changed(&self) -> Option<Vec<u8>> {
        self.changed.then(|| serde_json::to_vec(self).unwrap_or_default())
    }

    /// SHA-256, in hexadecimal, of a directory's files, or of one file: names, kinds, executable bits and contents.
    /// A place that is missing has a digest of its own.
    ///
    /// # Errors
    /// Something in it cannot be read.
    pub fn of(&mut self, place: &Path) -> io::Result<String> {
        let items = walk(place)?;
        let stat = stat_fingerprint(&items);
        if let Some(known) = self.entries.get(place)
            && known.stat == stat
        {
            return Ok(known.digest.clone());
        }
        let digest = content_digest(place, &items)?;
        self.entries.insert(place.to_path_buf(), Remembered { stat, digest: digest.clone() });
        self.changed = true;
        Ok(digest)
    }

    /// SHA-256, in hexadecimal, of the content of one file, and nothing else.
    ///
    /// # Errors
    /// It is no file, or cannot be read.
    pub fn of_content(&mut self, file: &Path) -> io::Result<String> {
        let stat = statat(CWD, file, AtFlags::empty()).map_err(|error| told(file, error))?;
        let item = Item { relative: PathBuf::new(), stat };
        if !item.kind().is_file() {
            return Err(io::Error::other(format!("{}: it is no file", file.display())));
        }
        // Never taken for what `of` remembers of the same place.
        let stat = format!("content {}", stat_fingerprint(&[item]));
        if let Some(known) = self.entries.get(file).filter(|known| known.stat == stat) {
            return Ok(known.digest.clone());
        }
        let digest = format!("{:x}", file_digest(file)?);
        self.entries.insert(file.to_path_buf(), Remembered { stat, digest: digest.clone() });
        self.changed = true;
        Ok(digest)
    }

    /// Forgets places that are not there any more.
    pub fn prune(&mut self) {
        let before = self.entries.len();
        self.entries.retain(|place, _| place.symlink_metadata().is_ok());
        self.changed |= self.entries.len() != before;
    }
}

struct Item {
    relative: PathBuf,
    stat: Stat,
}

impl Item {
    fn kind(&self) -> FileType {
        FileType::from_raw_mode(self.stat.st_mode)
    }
}

/// Version control data changes without changing any build.
fn is_ignored(name: &OsStr) -> bool {
    name == ".git" || name == ".svn"
}

fn at(base: &Path, relative: &Path) -> PathBuf {
    if relative.as_os_str().is_empty() { base.to_path_buf() } else { base.join(relative) }
}

/// What is at `base`, and all that lies below it, in the order of names.
fn walk(base: &Path) -> io::Result<Vec<Item>> {
    let mut items = Vec::new();
    // The place itself may be a link (KS is one); what lies below is taken as it is.
    let stat = match statat(CWD, base, AtFlags::empty()) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return Ok(items),
        Err(error) => return Err(told(base, error)),
    };
    let top = Item { relative: PathBuf::new(), stat };
    let is_dir = top.kind().is_dir();
    items.push(top);
    if is_dir {
        let opened = openat(CWD, base, DIRECTORY, Mode::empty()).map_err(|error| told(base, error))?;
        walk_below(&opened, base, Path::new(""), &mut items)?;
    }
    Ok(items)
}

/// From an open directory on, so that the way down is walked once for each.
fn walk_below(dir: &OwnedFd, base: &Path, relative: &Path, items: &mut Vec<Item>) -> io::Result<()> {
    let mut names = Vec::new();
    each(dir, |name, _| {
        let name = OsStr::from_bytes(name.to_bytes());
        names.extend((!is_ignored(name)).then(|| name.to_os_string()));
        Ok(())
    })
    .map_err(|error| told(&at(base, relative), error))?;
    names.sort();
    for name in names {
        let below = relative.join(&name);
        let failed = |error| told(&base.join(&below), error);
        let stat = match statat(dir, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => continue,
            Err(error) => return Err(failed(error)),
        };
        let item = Item { relative: below.clone(), stat };
        let is_dir = item.kind().is_dir();
        items.push(item);
        if is_dir {
            let opened = openat(dir, &name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty()).map_err(failed)?;
            walk_below(&opened, base, &below, items)?;
        }
    }
    Ok(())
}

fn stat_fingerprint(items: &[Item]) -> String {
    let mut hash = Sha256::new();
    for Item { relative, stat } in items {
        hash.update(relative.as_os_str().as_bytes());
        // The types differ by architecture.
        let numbers: [i128; 6] = [
            stat.st_mode.into(),
            stat.st_ctime.into(),
            stat.st_ctime_nsec.into(),
            stat.st_mtime.into(),
            stat.st_mtime_nsec.into(),
            stat.st_size.into(),
        ];
        numbers.iter().for_each(|number| hash.update(number.to_le_bytes()));
    }
    format!("{:x}", hash.finalize())
}

type Digest256 = sha2::digest::Output<Sha256>;

/// In parts: memory for a whole `Module.symvers` costs more than what is read into it.
fn file_digest(file: &Path) -> io::Result<Digest256> {
    let mut hash = Sha256::new();
    io::copy(&mut io::BufReader::with_capacity(1 << 16, fs_err::File::open(file)?), &mut hash)?;
    Ok(hash.finalize())
}

fn content_digest(base: &Path, items: &[Item]) -> io::Result<String> {
    let mut hash = Sha256::new();
    for item in items {
        let (relative, kind) = (&item.relative, item.kind());
        let place = at(base, relative);
        let mut part = |kind: u8, content: Digest256| {
            hash.update([kind]);
            hash.update(relative.as_os_str().as_bytes());
            hash.update([0]);
            hash.update(content);
        };
        if kind.is_symlink() {
            part(b'l', Sha256::digest(fs_err::read_link(&place)?.as_os_str().as_bytes()));
        } else if kind.is_file() {
            let executable = if item.stat.st_mode & 0o111 == 0 { b'f' } else { b'x' };
            part(executable, file_digest(&place)?);
        } else if kind.is_dir() {
            part(b'd', Sha256::digest([]));
        }
    }
    Ok(format!("{:x}", hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_and_stat_saves_reading() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        for place in [&a, &b] {
            std::fs::create_dir_all(place.join("sub")).unwrap();
            std::fs::write(place.join("sub/x.c"), "int x;").unwrap();
        }
        let mut digests = Digests::default();
        let first = digests.of(&a).unwrap();
        assert_eq!(first, digests.of(&b).unwrap(), "same content, same digest, wherever it lies");
        let saved = digests.changed().unwrap();
        let mut again: Digests = serde_json::from_slice(&saved).unwrap();
        assert_eq!(again.of(&a).unwrap(), first);
        assert!(again.changed().is_none());
        std::fs::write(a.join("sub/x.c"), "int y;").unwrap();
        assert_ne!(again.of(&a).unwrap(), first);
        let file = a.join("sub/x.c");
        let content = again.of_content(&file).unwrap();
        assert_eq!(content, format!("{:x}", Sha256::digest("int y;")));
        assert_ne!(content, again.of(&file).unwrap(), "a file's name and bits count there");
        assert_eq!(content, again.of_content(&file).unwrap());
        assert!(again.of_content(&a).is_err());
        again.entries.remove(&file);
        std::fs::remove_dir_all(&b).unwrap();
        again.prune();
        assert_eq!(again.entries.len(), 1);
    }

    #[test]
    fn a_damaged_memory_is_no_error() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("digests.json");
        std::fs::write(&file, "{\"entries\": [").unwrap();
        assert!(Digests::load(&file).entries.is_empty());
    }
}
