//! A driver's sources and builds that come from outside, put in their places in one step.

use super::files::{TEMPORARY, copy_tree, remove_tree_if_there, sync_directory};
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Copies the directory `from` to `target`. What is there already is replaced, or with `overlay` kept where `from` has
/// nothing of that name. Cut off at any point, `target` is as it was or as it should be. `prefix` begins the name that
/// the copy has until it is whole.
///
/// # Errors
/// `target` lies in `from`, or something cannot be copied.
pub fn place_tree(from: &Path, target: &Path, overlay: bool, prefix: Option<&str>) -> io::Result<()> {
    let dir = target.parent().unwrap_or(Path::new("/"));
    if target.starts_with(from) {
        let what = format!("{} cannot be copied into itself, to {}", from.display(), target.display());
        return Err(io::Error::other(what));
    }
    fs_err::create_dir_all(dir)?;
    let staging = tempfile::Builder::new().prefix(prefix.unwrap_or(TEMPORARY)).tempdir_in(dir)?;
    if overlay && target.is_dir() {
        copy_tree(target, staging.path(), None)?;
    }
    copy_tree(from, staging.path(), None)?;
    let mode = fs_err::metadata(from)?.permissions().mode();
    fs_err::set_permissions(staging.path(), Permissions::from_mode(mode & 0o777 | 0o755))?;
    // On disk before it has its name, as everything that is renamed into place.
    rustix::fs::syncfs(fs_err::File::open(staging.path())?.file())
        .map_err(|e| io::Error::other(format!("{}: {e}", staging.path().display())))?;
    move_into_place(staging, target)
}

/// Puts a staged directory in a place, in one step also where there is something already.
///
/// # Errors
/// The place cannot be written to.
pub fn move_into_place(staging: tempfile::TempDir, target: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    let staged = staging.path().to_path_buf();
    match target.symlink_metadata() {
        Err(_) => {
            fs_err::rename(&staged, target)?;
            let _moved = staging.keep();
        }
        Ok(old) => match renameat_with(CWD, &staged, CWD, target, RenameFlags::EXCHANGE) {
            // What was there leaves with the temporary directory, unless it is none.
            Ok(()) if old.is_dir() => {}
            Ok(()) => {
                fs_err::remove_file(&staged)?;
                let _gone = staging.keep();
            }
            // An overlay file system does not move a directory of its lower layers, as in a container's image.
            Err(rustix::io::Errno::XDEV | rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                match old.is_dir() {
                    true => fs_err::remove_dir_all(target)?,
                    false => fs_err::remove_file(target)?,
                }
                fs_err::rename(&staged, target)?;
                let _moved = staging.keep();
            }
            Err(error) => return Err(io::Error::other(format!("{}: {error}", target.display()))),
        },
    }
    target.parent().map_or(Ok(()), sync_directory)
}

/// Deletes what runs that were cut off left in a directory of sources.
///
/// # Errors
/// Something cannot be deleted.
pub fn sweep_trees(dir: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_dir && entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
            remove_tree_if_there(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn sources_are_overlaid_or_replaced() {
        let top = tempfile::tempdir().unwrap();
        let (from, target) = (top.path().join("from"), top.path().join("src/m-1"));
        std::fs::create_dir_all(&from).unwrap();
        std::fs::write(from.join("a"), "1").unwrap();
        place_tree(&from, &target, true, None).unwrap();
        std::fs::write(target.join("old"), "1").unwrap();
        std::fs::write(from.join("a"), "2").unwrap();
        place_tree(&from, &target, true, None).unwrap();
        assert_eq!(names(&target), ["a", "old"]);
        assert_eq!(std::fs::read(target.join("a")).unwrap(), b"2");
        place_tree(&from, &target, false, None).unwrap();
        assert_eq!(names(&target), ["a"]);
        assert_eq!(names(target.parent().unwrap()), ["m-1"], "nothing unfinished is left");
        assert!(place_tree(top.path(), &target, false, None).is_err(), "into itself");
        assert_eq!(names(&target), ["a"]);
    }

    /// Regression: the directory that a developer's link leads to was emptied with it.
    #[test]
    fn a_link_in_the_place_is_replaced_and_not_followed() {
        let top = tempfile::tempdir().unwrap();
        let (from, project) = (top.path().join("from"), top.path().join("project"));
        for dir in [&from, &project] {
            std::fs::create_dir_all(dir).unwrap();
            std::fs::write(dir.join("a"), dir.display().to_string()).unwrap();
        }
        std::fs::write(project.join("precious"), "").unwrap();
        let target = top.path().join("m-1");
        symlink(&project, &target).unwrap();
        place_tree(&from, &target, false, None).unwrap();
        assert!(target.symlink_metadata().unwrap().is_dir());
        assert_eq!(names(&target), ["a"]);
        assert_eq!(names(&project), ["a", "precious"]);
        assert_eq!(std::fs::read_to_string(project.join("a")).unwrap(), project.display().to_string());
        assert_eq!(names(top.path()), ["from", "m-1", "project"]);
    }

    /// Regression: a file was written through a link of the older source.
    #[test]
    fn an_overlay_writes_through_no_link() {
        let top = tempfile::tempdir().unwrap();
        let (from, target) = (top.path().join("from"), top.path().join("m-1"));
        std::fs::create_dir_all(&from).unwrap();
        std::fs::create_dir_all(&target).unwrap();
        std::fs::write(top.path().join("outside"), "untouched").unwrap();
        symlink("../outside", target.join("README")).unwrap();
        std::fs::write(from.join("README"), "new").unwrap();
        place_tree(&from, &target, true, None).unwrap();
        assert_eq!(std::fs::read(top.path().join("outside")).unwrap(), b"untouched");
        assert_eq!(std::fs::read(target.join("README")).unwrap(), b"new");
    }
}
