//! Writes a package's members below a directory, and nowhere else.

use std::collections::BTreeMap;
use std::fs::{File, Permissions};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, Timespec, Timestamps};
use rustix::io::Errno;

use super::error::Problem;
use super::inside::{open, split};
use super::{Kind, Member, Next};

/// Of all files together: several times the largest package of a kernel's headers or of a driver's sources.
const MOST_BYTES: u64 = 4 << 30;
const MOST_MEMBERS: usize = 500_000;

/// What this package has put at a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    File,
    Link,
}

/// The directory, and what was written there from one package.
pub(super) struct Destination<'w> {
    root: OwnedFd,
    wanted: &'w dyn Fn(&str) -> bool,
    made: BTreeMap<String, Made>,
    /// Directories that were made: their modes and times are set when nothing more is written into them.
    directories: BTreeMap<String, (u32, Option<u64>)>,
    /// Files that were not wanted, but are linked to by these that are.
    owed: BTreeMap<String, Vec<String>>,
    written: Vec<String>,
    left: u64,
    last: Option<(String, OwnedFd)>,
}

impl<'w> Destination<'w> {
    pub(super) fn open(into: &Path, wanted: &'w dyn Fn(&str) -> bool) -> Result<Self, Problem> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(into, flags, Mode::empty())
            .map_err(|why| Problem::write(&into.to_string_lossy(), why))?;
        Ok(Self {
            root,
            wanted,
            made: BTreeMap::new(),
            directories: BTreeMap::new(),
            owed: BTreeMap::new(),
            written: Vec::new(),
            left: MOST_BYTES,
            last: None,
        })
    }

    /// Writes a member, if it is wanted.
    pub(super) fn take(&mut self, member: Member<'_>) -> Result<Next, Problem> {
        let Member { name, kind, mode, modified, content } = member;
        let wanted = self.wanted;
        if let Kind::File { size, also } = kind {
            let mut names = also.iter().chain([&name]).filter(|name| wanted(name));
            if let Some(first) = names.next() {
                self.file(first, mode, modified, size, content)?;
                for other in names {
                    self.link(first, other)?;
                }
            }
            return Ok(Next::Continue);
        }
        if !wanted(&name) {
            return Ok(Next::Continue);
        }
        match kind {
            Kind::Directory => self.directory(&name, mode, modified)?,
            Kind::Symlink(target) => self.symlink(&name, &target, modified)?,
            Kind::HardLink(target) if self.made.get(&target) == Some(&Made::File) => {
                self.link(&target, &name)?
            }
            Kind::HardLink(target) => self.owed.entry(target).or_default().push(name),
            Kind::File { .. } | Kind::Special => {
                return Err(Problem::refused(&name, "it is neither a file nor a directory nor a link"));
            }
        }
        Ok(Next::Continue)
    }

    /// True where the payload has to be read once more, for [`Self::take_owed`].
    pub(super) fn owes(&self) -> bool {
        !self.owed.is_empty()
    }

    /// Writes a file that was not wanted itself under the first of the names that are.
    pub(super) fn take_owed(&mut self, member: Member<'_>) -> Result<Next, Problem> {
        let Member { name, kind, mode, modified, content } = member;
        if let Kind::File { size, .. } = kind {
            let names = self.owed.remove(&name).unwrap_or_default();
            if let Some((first, others)) = names.split_first() {
                self.file(first, mode, modified, size, content)?;
                for other in others {
                    self.link(first, other)?;
                }
            }
        }
        Ok(Next::Continue)
    }

    /// Gives the directories their modes and times, and tells what was made.
    pub(super) fn finish(self) -> Result<Vec<String>, Problem> {
        if let Some((target, names)) = self.owed.first_key_value() {
            let name = names.first().map_or(target.as_str(), String::as_str);
            return Err(Problem::refused(name, "it is a hard link to no file of the package"));
        }
        // From the deepest up: a parent may be closed to its owner too.
        for (name, (mode, modified)) in self.directories.iter().rev() {
            let place = open(self.root.as_fd(), name, OFlags::RDONLY | OFlags::DIRECTORY);
            let place = File::from(place.map_err(|why| Problem::write(name, why))?);
            place
                .set_permissions(Permissions::from_mode(mode & 0o777 | 0o700))
                .map_err(|why| Problem::write(name, why))?;
            if let Some(time) = modified.and_then(times) {
                // A time that the file system cannot hold is not worth an error.
                let _ = rustix::fs::futimens(&place, &time);
            }
        }
        Ok(self.written)
    }

    fn file(
        &mut self,
        name: &str,
        mode: u32,
        modified: u64,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), Problem> {
        if size > self.left {
            return Err(Problem::TooBig(format!("{} GiB", MOST_BYTES >> 30)));
        }
        self.left -= size;
        let place = self.place(name, Made::File, |parent, last| {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            rustix::fs::openat(parent, last, flags, Mode::RUSR | Mode::WUSR)
        })?;
        let mut place = File::from(place);
        copy(name, &mut content.take(size.saturating_add(1)), &mut place, size)?;
        place
            .set_permissions(Permissions::from_mode(mode & 0o777))
            .map_err(|why| Problem::write(name, why))?;
        if let Some(time) = times(modified) {
            let _ = rustix::fs::futimens(&place, &time);
        }
        Ok(())
    }

    fn symlink(&mut self, name: &str, target: &str, modified: u64) -> Result<(), Problem> {
        self.place(name, Made::Link, |parent, last| {
            rustix::fs::symlinkat(target, parent, last)?;
            if let Some(time) = times(modified) {
                let _ = rustix::fs::utimensat(parent, last, &time, AtFlags::SYMLINK_NOFOLLOW);
            }
            Ok(())
        })?;
        // It may have taken the place of a link to a directory.
        self.last = None;
        Ok(())
    }

    /// `target` is a file that was made from this package.
    fn link(&mut self, target: &str, name: &str) -> Result<(), Problem> {
        let (above, file) = split(target);
        let above = open(self.root.as_fd(), above, OFlags::PATH | OFlags::DIRECTORY);
        let above = above.map_err(|why| Problem::write(name, why))?;
        self.place(name, Made::File, |parent, last| {
            rustix::fs::linkat(&above, file, parent, last, AtFlags::empty())
        })?;
        Ok(())
    }

    fn directory(&mut self, name: &str, mode: u32, modified: u64) -> Result<(), Problem> {
        if self.made.contains_key(name) {
            return Err(Problem::refused(name, "it is there twice"));
        }
        self.enter(name)?;
        if let Some(made) = self.directories.get_mut(name) {
            *made = (mode, Some(modified));
        }
        self.tell(name)
    }

    fn tell(&mut self, name: &str) -> Result<(), Problem> {
        if self.written.len() >= MOST_MEMBERS {
            return Err(Problem::TooBig(format!("{MOST_MEMBERS} files")));
        }
        self.written.push(name.to_owned());
        Ok(())
    }

    /// Makes something that is no directory, in the place of what may be there already.
    fn place<T>(
        &mut self,
        name: &str,
        kind: Made,
        make: impl Fn(&OwnedFd, &str) -> Result<T, Errno>,
    ) -> Result<T, Problem> {
        if self.made.insert(name.to_owned(), kind).is_some() {
            return Err(Problem::refused(name, "it is there twice"));
        }
        self.tell(name)?;
        let (above, last) = split(name);
        let parent = self.enter(above)?;
        let made = match make(parent, last) {
            // Of another package, or of an earlier try. A directory stays, and is an error.
            Err(Errno::EXIST) => {
                rustix::fs::unlinkat(parent, last, AtFlags::empty()).and_then(|()| make(parent, last))
            }
            made => made,
        };
        made.map_err(|why| Problem::write(name, why))
    }

    /// The directory `name`, made with all above it where it is not there.
    fn enter(&mut self, name: &str) -> Result<&OwnedFd, Problem> {
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        if self.last.as_ref().is_none_or(|(last, _)| last != name) {
            self.check_above(name)?;
            let root = self.root.as_fd();
            let found = match open(root, name, flags) {
                Err(Errno::NOENT) => {
                    for (at, _) in name.match_indices('/').chain([(name.len(), "")]) {
                        let part = name.get(..at).unwrap_or_default();
                        let (above, last) = split(part);
                        let parent = open(root, above, flags).map_err(|why| Problem::write(part, why))?;
                        match rustix::fs::mkdirat(&parent, last, Mode::RWXU) {
                            Ok(()) => {
                                self.directories.insert(part.to_owned(), (0o755, None));
                            }
                            Err(Errno::EXIST) => {}
                            Err(why) => return Err(Problem::write(part, why)),
                        }
                    }
                    open(root, name, flags)
                }
                found => found,
            };
            self.last = Some((name.to_owned(), found.map_err(|why| Problem::write(name, why))?));
        }
        Ok(self.last.as_ref().map_or(&self.root, |(_, dir)| dir))
    }

    /// Refuses a directory that is a file or a link of this package, or lies below one.
    fn check_above(&self, name: &str) -> Result<(), Problem> {
        for (at, _) in name.match_indices('/').chain([(name.len(), "")]) {
            match self.made.get(name.get(..at).unwrap_or_default()) {
                Some(Made::File) => return Err(Problem::refused(name, "it lies below a file")),
                Some(Made::Link) => return Err(Problem::refused(name, "it would be written through a link")),
                None => {}
            }
        }
        Ok(())
    }
}

fn times(modified: u64) -> Option<Timestamps> {
    let time = Timespec { tv_sec: i64::try_from(modified).ok()?, tv_nsec: 0 };
    Some(Timestamps { last_access: time, last_modification: time })
}

/// Copies exactly `size` bytes; reading fails as damage, writing as what it is.
fn copy(name: &str, from: &mut dyn Read, to: &mut File, size: u64) -> Result<(), Problem> {
    let mut buffer = [0; 64 << 10];
    let mut written = 0;
    loop {
        let n = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(why) if why.kind() == io::ErrorKind::Interrupted => continue,
            Err(why) => return Err(Problem::decoding(&why)),
        };
        written += n as u64;
        if written > size {
            return Err(Problem::damaged(format!("{name} is longer than it says")));
        }
        io::Write::write_all(to, buffer.get(..n).unwrap_or_default())
            .map_err(|why| Problem::write(name, why))?;
    }
    if written != size {
        return Err(Problem::damaged(format!("it ends within {name}")));
    }
    Ok(())
}
