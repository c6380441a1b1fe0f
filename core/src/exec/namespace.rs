//! Namespaces of this process's own: what is mounted in them nobody else sees. Root needs one for mounts, another user first
//! one of users, in which he is root.

use rustix::io::Errno;
use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::thread::UnshareFlags;
use std::io;

/// Enters a mount namespace, for the rest of this process's life. Must be called while it has one thread.
///
/// # Errors
/// It is refused, as in a container without privileges.
pub(super) fn enter_mounts() -> io::Result<()> {
    unshare(UnshareFlags::NEWNS).map_err(|e| at("a mount namespace", e))?;
    make_private()
}

/// Enters a mount namespace as root, or as whoever calls with a user namespace around it, in which he is root and alone. Must
/// be called while the process has one thread.
///
/// # Errors
/// Both are refused: by the kernel's settings, or in a container without privileges.
pub fn enter_as_anyone(is_root: bool) -> io::Result<()> {
    if is_root && unshare(UnshareFlags::NEWNS).is_ok() {
        return make_private();
    }
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    unshare(UnshareFlags::NEWUSER | UnshareFlags::NEWNS).map_err(|e| at("a user namespace", e))?;
    // Without it, no group could be mapped (user_namespaces(7)).
    fs_err::write("/proc/self/setgroups", "deny")?;
    fs_err::write("/proc/self/uid_map", format!("0 {user} 1\n"))?;
    fs_err::write("/proc/self/gid_map", format!("0 {group} 1\n"))?;
    make_private()
}

/// Whether a process here can become the user `uid`: in a user namespace there may be only one.
pub(super) fn has_user(uid: u32) -> bool {
    std::fs::read_to_string("/proc/self/uid_map").map_or(true, |map| is_mapped(&map, uid))
}

/// `uid_map` has lines of the first user inside, the first outside and how many follow them.
fn is_mapped(map: &str, uid: u32) -> bool {
    map.lines().any(|line| {
        let mut numbers = line.split_whitespace().map(|word| word.parse::<u64>().ok());
        let (first, _, count) = (numbers.next().flatten(), numbers.next(), numbers.next().flatten());
        let (Some(first), Some(count)) = (first, count) else { return false };
        (first..first.saturating_add(count)).contains(&u64::from(uid))
    })
}

#[allow(deprecated)] // Only with other flags than these it can break a promise of safe code.
fn unshare(flags: UnshareFlags) -> rustix::io::Result<()> {
    rustix::thread::unshare(flags)
}

/// What is mounted later must not reach the machine.
fn make_private() -> io::Result<()> {
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(|e| at("making mounts private", e))
}

pub(super) fn at(what: &str, error: Errno) -> io::Error {
    io::Error::other(format!("{what}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_mapped() {
        assert!(is_mapped("         0          0 4294967295\n", 65534));
        assert!(!is_mapped("         0       1000          1\n", 65534));
        assert!(is_mapped("0 1000 1\n1 100000 65536\n", 65534));
        assert!(!is_mapped("", 0) && !is_mapped("nonsense", 0));
    }
}
