//! Digests of directories and files, remembered by what `stat` says of them, so that nothing is read twice.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
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
        let mut items = Vec::new();
        walk(place, Path::new(""), &mut items)?;
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
        let meta = fs_err::metadata(file)?;
        if !meta.is_file() {
            return Err(io::Error::other(format!("{}: it is no file", file.display())));
        }
        // Never taken for what `of` remembers of the same place.
        let stat = format!("content {}", stat_fingerprint(&[Item { relative: PathBuf::new(), meta }]));
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
    meta: std::fs::Metadata,
}

/// Version control data changes without changing any build.
fn is_ignored(name: &std::ffi::OsStr) -> bool {
    name == ".git" || name == ".svn"
}

fn walk(base: &Path, relative: &Path, items: &mut Vec<Item>) -> io::Result<()> {
    let place = if relative.as_os_str().is_empty() { base.to_path_buf() } else { base.join(relative) };
    // The place itself may be a link (KS is one); what lies below is taken as it is.
    let meta =
        if relative.as_os_str().is_empty() { std::fs::metadata(&place) } else { place.symlink_metadata() };
    let meta = match meta {
        Ok(meta) => meta,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(io::Error::new(e.kind(), format!("{}: {e}", place.display()))),
    };
    let is_dir = meta.is_dir();
    items.push(Item { relative: relative.to_path_buf(), meta });
    if is_dir {
        let mut names = Vec::new();
        for entry in fs_err::read_dir(&place)? {
            names.push(entry?.file_name());
        }
        names.sort();
        for name in names.iter().filter(|name| !is_ignored(name)) {
            walk(base, &relative.join(name), items)?;
        }
    }
    Ok(())
}

fn stat_fingerprint(items: &[Item]) -> String {
    let mut hash = Sha256::new();
    for Item { relative, meta } in items {
        hash.update(relative.as_os_str().as_bytes());
        for number in
            [i64::from(meta.mode()), meta.ctime(), meta.ctime_nsec(), meta.mtime(), meta.mtime_nsec()]
        {
            hash.update(number.to_le_bytes());
        }
        hash.update(meta.size().to_le_bytes());
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
    for Item { relative, meta } in items {
        let place = if relative.as_os_str().is_empty() { base.to_path_buf() } else { base.join(relative) };
        let mut part = |kind: u8, content: Digest256| {
            hash.update([kind]);
            hash.update(relative.as_os_str().as_bytes());
            hash.update([0]);
            hash.update(content);
        };
        if meta.is_symlink() {
            part(b'l', Sha256::digest(fs_err::read_link(&place)?.as_os_str().as_bytes()));
        } else if meta.is_file() {
            let kind = if meta.mode() & 0o111 == 0 { b'f' } else { b'x' };
            part(kind, file_digest(&place)?);
        } else if meta.is_dir() {
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
