//! Reads an archive that somebody else made into a private directory.
//!
//! Nothing outside the directory is ever written: names are checked part by part, nothing is written through a link
//! (links are made last, when every file is in its place), no file is written twice, and everything is counted.

use super::Codec;
use crate::model::{ArchiveProblem, Failure};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{File, Permissions};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};
use tar::{Archive, EntryType};

/// How much an archive may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of all files together, in bytes.
    pub bytes: u64,
    /// How many members.
    pub members: usize,
}

impl Default for Limits {
    /// Several times what the largest drivers have, built for a dozen kernels.
    fn default() -> Self {
        Self { bytes: 4 << 30, members: 200_000 }
    }
}

/// What was unpacked.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Unpacked {
    /// How many files, directories and links.
    pub members: usize,
    /// Links that lead out of the directory, as `NAME -> TARGET`. They are kept, since drivers have such; nothing was
    /// written through them.
    pub leading_out: Vec<String>,
}

/// What one member's own bookkeeping (headers, long names, attributes) may take, and what may follow the end, in bytes.
const OVERHEAD: u64 = 1 << 20;
const AFTERWARDS: u64 = 64 << 20;

/// What is at a name already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Directory,
    File,
    Link,
}

/// Counts what is read, gives up beyond an allowance, and remembers how many zero bytes came last.
struct Metered<R> {
    inner: R,
    allowance: Rc<Cell<u64>>,
    zeros: Rc<Cell<u64>>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        let left = self.allowance.get().checked_sub(n as u64);
        self.allowance
            .set(left.ok_or_else(|| io::Error::other("it holds more than its members account for"))?);
        let read = buffer.get(..n).unwrap_or_default();
        let tail = read.iter().rev().take_while(|byte| **byte == 0).count();
        self.zeros.set(if tail == n { self.zeros.get() + n as u64 } else { tail as u64 });
        Ok(n)
    }
}

/// Unpacks `archive` into `dir`, which must be there, empty, and nobody else's. Compression is told by the first bytes.
///
/// Owners become the caller's, and of the modes only the permissions of owner, group and others are kept, without
/// setuid, setgid and the writing of group and others.
///
/// # Errors
/// The archive is missing or damaged, holds what no driver's archive has a reason to, or is too big. What is in `dir`
/// then is for the caller to remove.
pub fn unpack(archive: &Path, dir: &Path, limits: Limits) -> Result<Unpacked, Failure> {
    let failed = |problem| Failure::Archive { path: archive.to_path_buf(), problem };
    let file = match File::open(archive) {
        Ok(file) if file.metadata().is_ok_and(|meta| meta.is_file()) => file,
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            return Err(failed(ArchiveProblem::Unreadable(e.to_string())));
        }
        _ => return Err(failed(ArchiveProblem::Missing)),
    };
    Unpacking { dir, limits, left: limits.bytes, kinds: BTreeMap::new(), links: Vec::new() }
        .run(file)
        .map_err(failed)
}

struct Unpacking<'a> {
    dir: &'a Path,
    limits: Limits,
    left: u64,
    kinds: BTreeMap<PathBuf, Kind>,
    links: Vec<(PathBuf, PathBuf)>,
}

/// An error's text, without what the file holds: that may be anything, and be meant for nobody's eyes.
fn harmless(error: &io::Error) -> String {
    let text = error.to_string();
    if text.contains(" when getting ") || text.contains("checksum mismatch") {
        return "a member's description is damaged".into();
    }
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn unreadable(error: io::Error) -> ArchiveProblem {
    ArchiveProblem::Unreadable(harmless(&error))
}

fn no_archive(error: io::Error) -> ArchiveProblem {
    match harmless(&error) {
        text if text.starts_with("a member") => {
            ArchiveProblem::NotAnArchive("it does not begin as one".into())
        }
        text => ArchiveProblem::NotAnArchive(text),
    }
}

fn stopped(name: &str, error: &io::Error) -> ArchiveProblem {
    ArchiveProblem::Unreadable(format!("{}: {}", name.escape_debug(), harmless(error)))
}

fn refused(name: &str, why: impl Into<String>) -> ArchiveProblem {
    ArchiveProblem::Member { name: name.to_string(), why: why.into() }
}

impl Unpacking<'_> {
    fn run(mut self, mut file: File) -> Result<Unpacked, ArchiveProblem> {
        let mut first = Vec::new();
        Read::by_ref(&mut file).take(8).read_to_end(&mut first).map_err(unreadable)?;
        let whole = io::Cursor::new(first.clone()).chain(file);
        let codec = Codec::of_data(&first);
        let plain = codec.decoder(BufReader::new(whole)).map_err(unreadable)?;
        let allowance = Rc::new(Cell::new(OVERHEAD));
        let zeros = Rc::new(Cell::new(0));
        let metered = Metered { inner: plain, allowance: allowance.clone(), zeros: zeros.clone() };
        let mut archive = Archive::new(metered);
        // What is compressed was meant to be one.
        let mut is_archive = codec != Codec::Plain;
        for (count, entry) in archive.entries().map_err(unreadable)?.enumerate() {
            let mut entry = entry.map_err(|e| if is_archive { unreadable(e) } else { no_archive(e) })?;
            is_archive = true;
            if count >= self.limits.members {
                return Err(ArchiveProblem::TooBig(format!("{} files", self.limits.members)));
            }
            let size = entry.size();
            if size > self.left {
                return Err(self.too_big());
            }
            allowance.set(size.saturating_add(OVERHEAD));
            self.member(&mut entry)?;
            // What is left of a member that was not read is passed over on the way to the next.
            io::copy(&mut entry, &mut io::sink()).map_err(unreadable)?;
            allowance.set(OVERHEAD);
        }
        // To the very end, so that the checksums of the compression are looked at.
        allowance.set(AFTERWARDS);
        let rest = io::copy(&mut archive.into_inner(), &mut io::sink());
        rest.map_err(|e| if is_archive { unreadable(e) } else { no_archive(e) })?;
        // Every archive ends with blocks of zeros.
        if zeros.get() < 512 {
            if !is_archive {
                return Err(no_archive(io::Error::other("it is empty")));
            }
            return Err(ArchiveProblem::Unreadable("its end is missing".into()));
        }
        self.make_links()
    }

    fn too_big(&self) -> ArchiveProblem {
        ArchiveProblem::TooBig(match self.limits.bytes {
            bytes if bytes >= 1 << 30 => format!("{} GiB", bytes >> 30),
            bytes => format!("{bytes} bytes"),
        })
    }

    fn member<R: Read>(&mut self, entry: &mut tar::Entry<'_, R>) -> Result<(), ArchiveProblem> {
        let kind = entry.header().entry_type();
        if matches!(kind, EntryType::XGlobalHeader) {
            return Ok(());
        }
        let raw = entry.path_bytes().into_owned();
        let shown = String::from_utf8_lossy(&raw).into_owned();
        let name = checked(&raw).map_err(|why| refused(&shown, why))?;
        let Some(name) = name else {
            // The directory itself.
            return if kind.is_dir() { Ok(()) } else { Err(refused(&shown, "it has no name")) };
        };
        self.make_parents(&name, &shown)?;
        let mode = entry.header().mode().unwrap_or(0o644) & 0o755;
        if !kind.is_dir() && self.kinds.contains_key(&name) {
            return Err(refused(&shown, "it is there twice"));
        }
        match kind {
            EntryType::Directory => self.make_directory(&name, &shown, mode | 0o700),
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let modified = entry.header().mtime().unwrap_or_default();
                self.write(entry, &name, &shown, mode | 0o400, modified)
            }
            EntryType::Link => {
                let target = entry.link_name_bytes().map(|bytes| bytes.into_owned()).unwrap_or_default();
                self.copy(&name, &shown, &target, mode | 0o400)
            }
            EntryType::Symlink => {
                let target = entry.link_name_bytes().map(|bytes| bytes.into_owned()).unwrap_or_default();
                let target = String::from_utf8(target).ok().filter(|t| !t.chars().any(char::is_control));
                let target = target.filter(|t| !t.is_empty());
                let target =
                    target.ok_or_else(|| refused(&shown, "it is a link to a name that cannot be used"))?;
                self.kinds.insert(name.clone(), Kind::Link);
                self.links.push((name, target.into()));
                Ok(())
            }
            _ => Err(refused(&shown, "it is neither a file nor a directory nor a link")),
        }
    }

    /// Directories that no member of their own announces; a file or a link in their place is an attack or a mistake.
    fn make_parents(&mut self, name: &Path, shown: &str) -> Result<(), ArchiveProblem> {
        let mut parents: Vec<_> = name.ancestors().skip(1).filter(|p| !p.as_os_str().is_empty()).collect();
        parents.reverse();
        for parent in parents {
            self.make_directory(parent, shown, 0o755)?;
        }
        Ok(())
    }

    fn make_directory(&mut self, name: &Path, shown: &str, mode: u32) -> Result<(), ArchiveProblem> {
        match self.kinds.get(name) {
            Some(Kind::Directory) => return Ok(()),
            Some(Kind::File) => return Err(refused(shown, "it lies below a file")),
            Some(Kind::Link) => return Err(refused(shown, "it would be written through a link")),
            None => {}
        }
        // They cost as much as members that are told of.
        if self.kinds.len() >= self.limits.members {
            return Err(ArchiveProblem::TooBig(format!("{} files", self.limits.members)));
        }
        let place = self.dir.join(name);
        std::fs::create_dir(&place)
            .and_then(|()| std::fs::set_permissions(&place, Permissions::from_mode(mode)))
            .map_err(|e| stopped(shown, &e))?;
        self.kinds.insert(name.to_path_buf(), Kind::Directory);
        Ok(())
    }

    fn write<R: Read>(
        &mut self,
        entry: &mut tar::Entry<'_, R>,
        name: &Path,
        shown: &str,
        mode: u32,
        modified: u64,
    ) -> Result<(), ArchiveProblem> {
        let size = entry.size();
        let failed = |e: io::Error| stopped(shown, &e);
        let mut file = self.create(name, shown, mode)?;
        // Reading and writing fail alike here; the member's name tells where.
        let written = io::copy(&mut entry.take(self.left.saturating_add(1)), &mut file).map_err(failed)?;
        if written > self.left {
            return Err(self.too_big());
        }
        if written != size {
            return Err(ArchiveProblem::Unreadable(format!("it ends within {}", shown.escape_debug())));
        }
        self.left -= written;
        if let Some(time) = UNIX_EPOCH.checked_add(Duration::from_secs(modified)) {
            // A time that the file system cannot hold is not worth an error.
            let _ = file.set_modified(time);
        }
        Ok(())
    }

    fn create(&mut self, name: &Path, shown: &str, mode: u32) -> Result<File, ArchiveProblem> {
        let mut options = File::options();
        let file = options.write(true).create_new(true).mode(0o600).open(self.dir.join(name));
        let file = file
            .and_then(|file| file.set_permissions(Permissions::from_mode(mode)).map(|()| file))
            .map_err(|e| stopped(shown, &e))?;
        self.kinds.insert(name.to_path_buf(), Kind::File);
        Ok(file)
    }

    /// A hard link becomes a file of its own: the one it names must have come before it, in this archive.
    fn copy(&mut self, name: &Path, shown: &str, target: &[u8], mode: u32) -> Result<(), ArchiveProblem> {
        let target = checked(target).ok().flatten().filter(|t| self.kinds.get(t) == Some(&Kind::File));
        let target = target.ok_or_else(|| refused(shown, "it is a hard link to no file of this archive"))?;
        let failed = |e: io::Error| stopped(shown, &e);
        let mut source = File::open(self.dir.join(&target)).map_err(failed)?;
        let meta = source.metadata().map_err(failed)?;
        self.left = self.left.checked_sub(meta.len()).ok_or_else(|| self.too_big())?;
        let mut file = self.create(name, shown, mode)?;
        io::copy(&mut source, &mut file).map_err(failed)?;
        if let Ok(modified) = meta.modified() {
            let _ = file.set_modified(modified);
        }
        Ok(())
    }

    fn make_links(self) -> Result<Unpacked, ArchiveProblem> {
        let mut result = Unpacked { members: self.kinds.len(), leading_out: Vec::new() };
        for (name, target) in self.links {
            let shown = name.display().to_string();
            symlink(&target, self.dir.join(&name)).map_err(|e| stopped(&shown, &e))?;
            if leads_out(&name, &target) {
                result.leading_out.push(format!("{shown} -> {}", target.display()));
            }
        }
        Ok(result)
    }
}

/// A member's name as a path below the directory; `None` for the directory itself.
fn checked(raw: &[u8]) -> Result<Option<PathBuf>, &'static str> {
    let text = std::str::from_utf8(raw).map_err(|_| "its name is not UTF-8")?;
    if text.chars().any(char::is_control) {
        return Err("its name holds control characters");
    }
    let mut path = PathBuf::new();
    for part in Path::new(text).components() {
        match part {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return Err("its name is absolute"),
            Component::ParentDir => return Err("its name leads out by '..'"),
        }
    }
    Ok(Some(path).filter(|path| !path.as_os_str().is_empty()))
}

/// Whether a link at `name` leads out of the directory, by its text alone.
fn leads_out(name: &Path, target: &Path) -> bool {
    let mut depth = name.components().count().saturating_sub(1);
    for part in target.components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            _ => return true,
        }
    }
    false
}
