//! A view of what a transaction will bring, or of kernels that are only to be built for: package files are unpacked aside,
//! and mounts show them to this process and those it starts where they will lie. Nobody else sees anything, and nothing is
//! installed.

use super::namespace::{at, enter_mounts};
use super::submounts;
use crate::model::Failure;
use crate::places::Places;
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind, unmount};
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

/// How many times larger headers are once they are unpacked.
const UNPACKED: u64 = 10;

impl Stage {
    /// An empty one, in a mount namespace that this process is in from now on. `memory` is what can be had, in bytes.
    ///
    /// # Errors
    /// The state directory cannot be written to, or mounts are refused, as in a container without privileges.
    pub fn new(places: &Places, memory: u64) -> Result<Self, Failure> {
        enter_mounts()?;
        let parent = places.state("staging");
        fs_err::create_dir_all(&parent)?;
        Self::below(&parent, memory >= ROOMY, true)
    }

    /// An empty one below `parent`, where this process has a mount namespace of its own. `packed` is the size, in bytes, of
    /// the package files that will be unpacked, `memory` what can be had.
    ///
    /// # Errors
    /// `parent` cannot be written to, or mounts are refused.
    pub fn private(parent: &Path, packed: u64, memory: u64) -> Result<Self, Failure> {
        let is_roomy = memory >= ROOMY;
        Self::below(parent, is_roomy && packed.saturating_mul(UNPACKED) < memory / 2, is_roomy)
    }

    fn below(parent: &Path, files_in_memory: bool, rw_in_memory: bool) -> Result<Self, Failure> {
        let dir = tempfile::Builder::new().prefix("evermod-").tempdir_in(parent)?;
        let mut stage = Self { dir, mounts: Vec::new() };
        for (place, is_mounted) in [(stage.files(), files_in_memory), (stage.rw(), rw_in_memory)] {
            fs_err::create_dir(&place)?;
            if is_mounted {
                stage.tmpfs(&place)?;
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
        merge(&self.files())?;
        self.cover(&COVERED)?;
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

    /// Shows what was unpacked below `/usr`, with an empty DKMS tree and an empty state of evermod's, which go with the stage.
    /// Of module sources only what was unpacked is there and, if `only_staged`, of kernels, too: what else this machine has
    /// does not decide what is built.
    ///
    /// # Errors
    /// Mounts are refused, or a directory that every system has is not there.
    pub fn show_alone(&mut self, places: &Places, only_staged: bool) -> Result<(), Failure> {
        let files = self.files();
        merge(&files)?;
        let modules = std::fs::canonicalize("/lib").unwrap_or_else(|_| "/usr/lib".into()).join("modules");
        let modules_staged = files.join(modules.strip_prefix("/").unwrap_or(&modules));
        fs_err::create_dir_all(files.join("usr/src"))?;
        if only_staged {
            fs_err::create_dir_all(&modules_staged)?;
        }
        // Where a mount point is missing, the directory above it is covered by one that has it.
        let own =
            [&places.dkms_tree, &places.state].map(|place| (place.clone(), self.rw().join(name_of(place))));
        let mut above = Vec::new();
        for place in own.iter().map(|(place, _)| place).chain(only_staged.then_some(&modules)) {
            if !place.is_dir() {
                let relative = place.strip_prefix("/").unwrap_or(place);
                fs_err::create_dir_all(files.join(relative))?;
                above.extend(relative.parent().and_then(Path::to_str).map(str::to_string));
            }
        }
        let mut covered = vec!["usr/bin", "usr/libexec", "usr/lib64", "usr/lib"];
        above.retain(|dir| !covered.contains(&dir.as_str()));
        above.dedup();
        covered.extend(above.iter().map(String::as_str));
        if !only_staged {
            covered.push("usr/src");
        }
        self.cover(&covered)?;
        if only_staged {
            self.bind(&files.join("usr/src"), Path::new("/usr/src"))?;
            self.bind(&modules_staged, &modules)?;
        }
        for (place, instead) in own {
            fs_err::create_dir(&instead)?;
            self.bind(&instead, &place)?;
        }
        let cache = places.cache();
        if cache.is_dir() {
            self.tmpfs(&cache)?;
        }
        Ok(())
    }

    /// Puts read-only overlays with what was unpacked over directories of the machine.
    fn cover(&mut self, names: &[&str]) -> Result<(), Failure> {
        let files = self.files();
        let mut covered = Vec::new();
        for name in names {
            let (staged, place) = (files.join(name), Path::new("/").join(name));
            let is_needed = match *name {
                "usr/lib" => has_more_than(&staged, "modules")? || !place.join("modules").is_dir(),
                _ => true,
            };
            if is_needed && staged.is_dir() {
                // Held open: a mount below a directory that is covered before would be hidden by it.
                fs_err::create_dir_all(&place)?;
                covered.push((staged, fs_err::File::open(&place)?, place));
            }
        }
        for (staged, original, place) in covered {
            let lower = format!("{}:/proc/self/fd/{}", staged.display(), original.file().as_raw_fd());
            let below = submounts::take(&place);
            self.overlay(&place, &format!("lowerdir={lower}"), MountFlags::RDONLY)?;
            submounts::put_back(below);
        }
        Ok(())
    }

    fn overlay(&mut self, place: &Path, options: &str, flags: MountFlags) -> Result<(), Failure> {
        let options = std::ffi::CString::new(options).map_err(io::Error::from)?;
        mount("overlay", place, "overlay", flags, options.as_c_str())
            .map_err(|e| at(&format!("an overlay of {}", place.display()), e))?;
        self.mounts.push(place.to_path_buf());
        Ok(())
    }

    fn bind(&mut self, instead: &Path, place: &Path) -> Result<(), Failure> {
        mount_bind(instead, place).map_err(|e| at(&format!("a mount on {}", place.display()), e))?;
        self.mounts.push(place.to_path_buf());
        Ok(())
    }

    fn tmpfs(&mut self, place: &Path) -> Result<(), Failure> {
        mount("tmpfs", place, "tmpfs", MountFlags::empty(), c"mode=755").map_err(|e| at("a tmpfs", e))?;
        self.mounts.push(place.to_path_buf());
        Ok(())
    }
}

fn name_of(place: &Path) -> &std::ffi::OsStr {
    place.file_name().unwrap_or_default()
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
