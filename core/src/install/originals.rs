//! The kernel's own modules: found, put aside, put back (contract 4.2, 4.8).

use super::compression::{ALL, Compression};
use super::files::{remove_empty_upwards, remove_if_there, write_atomically};
use memchr::memmem;
use std::io;
use std::path::{Path, PathBuf};

/// Ending of the file that tells where an archived module came from.
const ORIGIN: &str = ".origin";

/// Finds a module of this name that the kernel already has: in `extra`, in `updates`, at the destination, then wherever
/// its `modules.dep` names one, or anywhere where depmod has not run yet. `except` are directories that do not count.
pub fn find(kernel_dir: &Path, destination: &str, name: &str, except: &[PathBuf]) -> Option<PathBuf> {
    let dirs = [kernel_dir.join("extra"), kernel_dir.join("updates"), below(kernel_dir, destination)];
    let in_dirs = dirs.iter().filter(|dir| !except.contains(dir)).find_map(|dir| variant(dir, name));
    in_dirs.or_else(|| {
        let Ok(dep) = std::fs::read_to_string(kernel_dir.join("modules.dep")) else {
            return below_any(kernel_dir, name, except);
        };
        // Of thousands of lines those count that have the name somewhere: then what the line is about is looked at.
        memmem::find_iter(dep.as_bytes(), &format!("{name}.ko")).find_map(|at| {
            let begin = dep.get(..at)?.rfind('\n').map_or(0, |newline| newline + 1);
            let path = dep.get(begin..)?.lines().next()?.split(':').next()?;
            let file = path.rsplit('/').next()?;
            let stem = file.strip_suffix(Compression::of_file(file).suffix())?.strip_suffix(".ko")?;
            let place = kernel_dir.join(path);
            let counts = stem == name && place.parent().is_some_and(|dir| !except.iter().any(|e| e == dir));
            (counts && place.is_file()).then_some(place)
        })
    })
}

/// The first module of this name below `dir`, in the order of the directories' names. Links to directories, such as `build`,
/// are not followed.
fn below_any(dir: &Path, name: &str, except: &[PathBuf]) -> Option<PathBuf> {
    let here = Some(dir).filter(|dir| !except.iter().any(|e| e == dir)).and_then(|dir| variant(dir, name));
    here.or_else(|| {
        let mut dirs: Vec<_> = std::fs::read_dir(dir)
            .ok()?
            .filter_map(|entry| entry.ok().filter(|e| e.file_type().is_ok_and(|kind| kind.is_dir())))
            .map(|entry| entry.path())
            .collect();
        dirs.sort();
        dirs.iter().find_map(|dir| below_any(dir, name, except))
    })
}

/// `dir/name.ko` in whichever compression it lies there.
pub fn variant(dir: &Path, name: &str) -> Option<PathBuf> {
    ALL.iter().map(|c| dir.join(format!("{name}.ko{}", c.suffix()))).find(|path| path.is_file())
}

/// `dir/name.ko` in every compression that it lies there in, also where it is a link that leads nowhere.
pub fn installed(dir: &Path, name: &str) -> Vec<PathBuf> {
    let is_there = |path: &PathBuf| path.symlink_metadata().is_ok_and(|meta| !meta.is_dir());
    ALL.iter().map(|c| dir.join(format!("{name}.ko{}", c.suffix()))).filter(is_there).collect()
}

/// A destination such as `/updates/dkms` below a kernel's directory.
pub fn below(kernel_dir: &Path, destination: &str) -> PathBuf {
    kernel_dir.join(destination.trim_start_matches('/'))
}

/// Whether a kernel has a file of this module at a destination, in whichever compression.
pub fn is_there(kernel_dir: &Path, destination: &str, name: &str) -> bool {
    variant(&below(kernel_dir, destination), name).is_some()
}

/// Puts a module aside: copied, with the place it came from, then removed, so that a crash loses nothing. `inside` is
/// its place inside the root, which is what the `.origin` file holds.
///
/// # Errors
/// Anything on the way; the module is then still in place.
pub fn archive(original: &Path, inside: &Path, archive_dir: &Path) -> io::Result<()> {
    let name = original.file_name().unwrap_or_default();
    let kept = archive_dir.join(name);
    let meta = fs_err::metadata(original)?;
    write_atomically(&kept, &fs_err::read(original)?, 0o644, Some(meta.modified()?))?;
    let mut origin = kept.clone().into_os_string();
    origin.push(ORIGIN);
    write_atomically(Path::new(&origin), format!("{}\n", inside.display()).as_bytes(), 0o644, None)?;
    remove_if_there(original)
}

/// What became of the archived copy of a module.
#[derive(Debug, PartialEq, Eq)]
pub enum Restored {
    /// There was none.
    Nothing,
    /// It is back at this place on the machine.
    At(PathBuf),
    /// It names a place that is not below the kernel's directory, so it stays where it is.
    BadOrigin(PathBuf),
}

/// Puts the archived copy of `name` back: where its `.origin` says, else (older trees have none) to
/// `DEST_MODULE_LOCATION`.
///
/// # Errors
/// Anything on the way; the archived copy is then still there.
pub fn restore(
    archive_dir: &Path,
    name: &str,
    kernel_dir: &Path,
    dest_location: &str,
) -> io::Result<Restored> {
    let Some(kept) = variant(archive_dir, name) else { return Ok(Restored::Nothing) };
    let file = kept.file_name().unwrap_or_default();
    let mut origin = kept.clone().into_os_string();
    origin.push(ORIGIN);
    let target = match std::fs::read_to_string(&origin) {
        Ok(text) => {
            let named = PathBuf::from(text.trim_end());
            let release = kernel_dir.file_name().unwrap_or_default();
            let relative = named.iter().skip_while(|part| *part != release).skip(1).collect::<PathBuf>();
            let leaves = relative.iter().any(|part| part == "..") || relative.as_os_str().is_empty();
            if leaves || !named.is_absolute() {
                return Ok(Restored::BadOrigin(named));
            }
            kernel_dir.join(relative)
        }
        Err(_) => below(kernel_dir, dest_location).join(file),
    };
    let meta = fs_err::metadata(&kept)?;
    write_atomically(&target, &fs_err::read(&kept)?, 0o644, Some(meta.modified()?))?;
    remove_if_there(&kept)?;
    remove_if_there(Path::new(&origin))?;
    if let Some(top) = archive_dir.ancestors().nth(3) {
        remove_empty_upwards(archive_dir, top);
    }
    Ok(Restored::At(target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aside_and_back() {
        let dir = tempfile::tempdir().unwrap();
        let kernel = dir.path().join("lib/modules/6.1");
        let archive_dir = dir.path().join("dkms/m/original_module/6.1/x86_64");
        std::fs::create_dir_all(kernel.join("kernel/drivers")).unwrap();
        std::fs::write(kernel.join("kernel/drivers/m.ko.xz"), "stock").unwrap();
        std::fs::write(
            kernel.join("modules.dep"),
            "kernel/fs/mm.ko.xz: kernel/drivers/m.ko.xz\nkernel/drivers/m.ko.xz:\n",
        )
        .unwrap();
        let found = find(&kernel, "/updates/dkms", "m", &[]).unwrap();
        assert_eq!(found, kernel.join("kernel/drivers/m.ko.xz"));
        std::fs::remove_file(kernel.join("modules.dep")).unwrap();
        std::os::unix::fs::symlink(dir.path(), kernel.join("build")).unwrap();
        assert_eq!(find(&kernel, "/updates/dkms", "m", &[]), Some(found.clone()), "before the first depmod");
        assert_eq!(find(&kernel, "/updates/dkms", "m", &[kernel.join("kernel/drivers")]), None);
        archive(&found, Path::new("/lib/modules/6.1/kernel/drivers/m.ko.xz"), &archive_dir).unwrap();
        assert!(!found.exists());
        assert_eq!(restore(&archive_dir, "other", &kernel, "/kernel").unwrap(), Restored::Nothing);
        assert_eq!(restore(&archive_dir, "m", &kernel, "/kernel").unwrap(), Restored::At(found.clone()));
        assert_eq!(std::fs::read(&found).unwrap(), b"stock");
        assert!(!dir.path().join("dkms/m/original_module").exists());
        assert!(dir.path().join("dkms/m").exists());
    }

    #[test]
    fn an_origin_elsewhere_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let kernel = dir.path().join("lib/modules/6.1");
        let archive_dir = dir.path().join("a/b/c/d");
        std::fs::create_dir_all(&archive_dir).unwrap();
        std::fs::write(archive_dir.join("m.ko"), "stock").unwrap();
        for bad in ["/etc/passwd", "/lib/modules/6.1/../../../etc/passwd", "relative/6.1/x"] {
            std::fs::write(archive_dir.join("m.ko.origin"), bad).unwrap();
            assert!(
                matches!(restore(&archive_dir, "m", &kernel, "/kernel").unwrap(), Restored::BadOrigin(_)),
                "{bad}"
            );
        }
        std::fs::remove_file(archive_dir.join("m.ko.origin")).unwrap();
        assert_eq!(
            restore(&archive_dir, "m", &kernel, "/kernel/drivers").unwrap(),
            Restored::At(kernel.join("kernel/drivers/m.ko")),
            "trees of older versions have no .origin"
        );
    }
}
