//! What is mounted below a directory that an overlay is about to cover, as a workspace below `/var/lib` may be: an overlay
//! shows directories, not what is mounted on them.

use rustix::fs::CWD;
use rustix::mount::{MoveMountFlags, OpenTreeFlags, move_mount, open_tree};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// Mounts below `dir`, each with all that is mounted below it. One that cannot be had is left out: it is hidden then.
pub(super) fn take(dir: &Path) -> Vec<(OwnedFd, PathBuf)> {
    let flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::AT_RECURSIVE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let listing = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
    let mounts = topmost(mount_points(&listing), dir).into_iter();
    mounts.filter_map(|place| Some((open_tree(CWD, &place, flags).ok()?, place))).collect()
}

/// Mounts them again where they were.
pub(super) fn put_back(taken: Vec<(OwnedFd, PathBuf)>) {
    for (tree, place) in taken {
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
        // What cannot be shown is missed by whoever needs it, and named then.
        let _ = move_mount(&tree, "", CWD, &place, flags);
    }
}

/// The fifth field of each line (proc_pid_mountinfo(5)), where blanks and the like are octal numbers.
fn mount_points(listing: &[u8]) -> Vec<PathBuf> {
    let lines = listing.split(|byte| *byte == b'\n');
    let fields = lines.filter_map(|line| line.split(|byte| *byte == b' ').nth(4));
    fields.map(|field| PathBuf::from(std::ffi::OsString::from_vec(unescaped(field)))).collect()
}

fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut rest = field;
    while let Some((first, tail)) = rest.split_first() {
        let number =
            tail.get(..3).filter(|_| *first == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        match number.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                text.push(byte);
                rest = tail.get(3..).unwrap_or_default();
            }
            None => {
                text.push(*first);
                rest = tail;
            }
        }
    }
    text
}

/// Those below `dir` that are below none of the others.
fn topmost(mut places: Vec<PathBuf>, dir: &Path) -> Vec<PathBuf> {
    places.retain(|place| place.starts_with(dir) && place != dir);
    places.sort();
    places.dedup_by(|later, earlier| later.starts_with(&*earlier));
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_below_a_directory() {
        let listing = b"22 1 0:5 / / rw - ext4 /dev/vda rw\n\
            23 22 0:6 / /var/lib/ci rw shared:1 - xfs /dev/vdb rw\n\
            24 23 0:7 / /var/lib/ci/deep rw - tmpfs tmpfs rw\n\
            25 22 0:8 / /var/lib rw - tmpfs tmpfs rw\n\
            26 22 0:9 / /var/lib/with\\040blank rw - tmpfs tmpfs rw\n\
            27 22 0:9 / /var/library rw - tmpfs tmpfs rw\n";
        let found = topmost(mount_points(listing), Path::new("/var/lib"));
        assert_eq!(found, [Path::new("/var/lib/ci"), Path::new("/var/lib/with blank")]);
    }
}
