//! Paths inside a directory that is the root of a file system to them.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// The directory above, and the last part.
pub(super) fn split(name: &str) -> (&str, &str) {
    name.rsplit_once('/').unwrap_or(("", name))
}

/// Opens a path inside the root, whatever links are on the way.
pub(super) fn open(root: impl AsFd, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::CLOEXEC;
    let name = if name.is_empty() { "." } else { name };
    let inside = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    match rustix::fs::openat2(&root, name, flags, Mode::empty(), inside) {
        // Before Linux 5.6, and where a container's filter does not know the call.
        Err(Errno::NOSYS | Errno::PERM) => open_without_links(root, name, flags),
        opened => opened,
    }
}

/// The same without the kernel's help: part by part, and following no link at all.
pub(super) fn open_without_links(root: impl AsFd, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let mut dir = rustix::fs::openat(root, ".", flags, Mode::empty())?;
    for part in name.split('/') {
        dir = rustix::fs::openat(&dir, part, flags | OFlags::NOFOLLOW, Mode::empty())?;
    }
    Ok(dir)
}
