//! A view of what a transaction will bring: package files are unpacked aside, and overlays show them to this process and
//! those it starts where they will lie. Nobody else sees anything, and nothing is installed.

use crate::model::Failure;
use crate::places::Places;
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

/// Where package files are unpacked, and what is written in the view.
#[derive(Debug)]
pub struct Stage {
    /// Holds `files`, what was unpacked, and `rw`, what overlays write to.
    dir: tempfile::TempDir,
    /// Mounts of the view, in the order in which they were made.
    mounts: Vec<PathBuf>,
}

/// Directories below which transactions bring what builds need; `usr/lib` only where something comes beside modules.
const COVERED: [&str; 7] =
    ["usr/bin", "usr/libexec", "usr/lib64", "usr/lib", "usr/src", "usr/lib/modules", "lib/modules"];

/// Memory, in bytes, from which on package files are unpacked into it: thousands of small files take seconds on a disk.
const ROOMY: u64 = 2 << 30;

fn at(what: &str, error: rustix::io::Errno) -> Failure {
    io::Error::other(format!("{what}: {error}")).into()
}

impl Stage {
    /// An empty one, in a mount namespace that this process is in from now on. `memory` is what can be had, in bytes.
    ///
    /// # Errors
    /// The state directory cannot be written to, or mounts are refused, as in a container without privileges.
    pub fn new(places: &Places, memory: u64) -> Result<Self, Failure> {
        #[allow(deprecated)] // Only with other flags than this one it can break a promise of safe code.
        rustix::thread::unshare(rustix::thread::UnshareFlags::NEWNS)
            .map_err(|e| at("a mount namespace", e))?;
        // What is mounted below must not reach the machine.
        mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
            .map_err(|e| at("making mounts private", e))?;
        let parent = places.state("staging");
        fs_err::create_dir_all(&parent)?;
        let dir = tempfile::Builder::new().prefix("").tempdir_in(parent)?;
        let mut stage = Self { dir, mounts: Vec::new() };
        for (place, is_mounted) in [(stage.files(), memory >= ROOMY), (stage.rw(), true)] {
            fs_err::create_dir(&place)?;
            if is_mounted {
                mount("tmpfs", &place, "tmpfs", MountFlags::empty(), c"mode=755")
                    .map_err(|e| at("a tmpfs", e))?;
                stage.mounts.push(place);
            }
        }
        Ok(stage)
    }

    /// Where package files are to be unpacked.
    pub fn files(&self) -> PathBuf {
        self.dir.path().join("files")
    }

    /// Where what is written to the DKMS tree goes.
    fn rw(&self) -> PathBuf {
        self.dir.path().join("rw")
    }

    /// Shows what was unpacked below `/usr`, and has everything that is written to the DKMS tree go nowhere.
    ///
    /// # Errors
    /// Mounts are refused.
    pub fn show(&mut self, places: &Places) -> Result<(), Failure> {
        let files = self.files();
        merge(&files)?;
        let mut covered = Vec::new();
        for name in COVERED {
            let (staged, place) = (files.join(name), Path::new("/").join(name));
            let is_needed = match name {
                "usr/lib" => has_more_than(&staged, "modules")?,
                _ => staged.is_dir(),
            };
            if is_needed {
                // Held open: a mount below a directory that is covered before would be hidden by it.
                fs_err::create_dir_all(&place)?;
                covered.push((staged, fs_err::File::open(&place)?, place));
            }
        }
        for (staged, original, place) in covered {
            let lower = format!("{}:/proc/self/fd/{}", staged.display(), original.file().as_raw_fd());
            self.overlay(&place, &format!("lowerdir={lower}"), MountFlags::RDONLY)?;
        }
        let rw = self.rw();
        for name in ["upper", "work"] {
            fs_err::create_dir(rw.join(name))?;
        }
        let tree = places.tree();
        fs_err::create_dir_all(&tree)?;
        let options = |more: &str| {
            let rw = rw.display();
            format!("lowerdir={},upperdir={rw}/upper,workdir={rw}/work{more}", tree.display())
        };
        // With it, a build that is there already can be moved aside.
        self.overlay(&tree, &options(",redirect_dir=on"), MountFlags::empty())
            .or_else(|_| self.overlay(&tree, &options(""), MountFlags::empty()))
    }

    fn overlay(&mut self, place: &Path, options: &str, flags: MountFlags) -> Result<(), Failure> {
        let options = std::ffi::CString::new(options).map_err(io::Error::from)?;
        mount("overlay", place, "overlay", flags, options.as_c_str())
            .map_err(|e| io::Error::other(format!("an overlay of {}: {e}", place.display())))?;
        self.mounts.push(place.to_path_buf());
        Ok(())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for place in self.mounts.iter().rev() {
            // What stays mounted goes with the namespace.
            let _ = unmount(place, UnmountFlags::DETACH);
        }
    }
}

/// Packages of Debian before 13 have `lib/modules`, where the machine has a link to `usr/lib`: what they bring goes
/// where the link leads.
fn merge(files: &Path) -> io::Result<()> {
    for name in ["bin", "lib", "lib64"] {
        let old = files.join(name);
        if old.is_dir() && Path::new("/").join(name).is_symlink() {
            move_into(&old, &files.join("usr").join(name))?;
        }
    }
    Ok(())
}

/// Moves what is in `from` to `to`, where directories may be already.
fn move_into(from: &Path, to: &Path) -> io::Result<()> {
    fs_err::create_dir_all(to)?;
    for entry in fs_err::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let both = entry.file_type()?.is_dir() && target.symlink_metadata().is_ok_and(|there| there.is_dir());
        if both {
            move_into(&entry.path(), &target)?;
        } else {
            fs_err::rename(entry.path(), target)?;
        }
    }
    fs_err::remove_dir_all(from)
}

fn has_more_than(dir: &Path, name: &str) -> io::Result<bool> {
    if !dir.is_dir() {
        return Ok(false);
    }
    for entry in fs_err::read_dir(dir)? {
        if entry?.file_name() != name {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_old_packages_bring_is_moved_where_the_machine_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        for path in ["lib/modules/6.1/build.d", "usr/lib/modules/6.1", "usr/lib/linux-kbuild-6.1"] {
            std::fs::create_dir_all(at(path)).unwrap();
        }
        std::fs::write(at("lib/modules/6.1/modules.order"), "").unwrap();
        assert!(has_more_than(&at("usr/lib"), "modules").unwrap());
        assert!(!has_more_than(&at("lib"), "modules").unwrap());
        move_into(&at("lib"), &at("usr/lib")).unwrap();
        assert!(
            at("usr/lib/modules/6.1/modules.order").is_file() && at("usr/lib/modules/6.1/build.d").is_dir()
        );
        assert!(!at("lib").exists());
    }
}
