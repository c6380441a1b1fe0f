//! Files that are there whole or not at all.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Beginning of the names of unfinished files; whoever finds one may delete it. depmod passes over them, since they do
/// not end in a module's suffix.
pub const TEMPORARY: &str = ".evermod-tmp-";

/// Writes `content` beside `path`, makes sure it is on disk, and renames it into place.
///
/// # Errors
/// Anything on the way; the old file is then untouched.
pub fn write_atomically(
    path: &Path,
    content: &[u8],
    mode: u32,
    modified: Option<SystemTime>,
) -> io::Result<()> {
    let dir = parent(path)?;
    fs_err::create_dir_all(dir)?;
    let mut file = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(dir)?;
    let at = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", path.display()));
    file.write_all(content).map_err(at)?;
    let handle = file.as_file();
    handle.set_permissions(Permissions::from_mode(mode)).map_err(at)?;
    if let Some(modified) = modified {
        handle.set_modified(modified).map_err(at)?;
    }
    handle.sync_all().map_err(at)?;
    file.persist(path).map_err(|e| at(e.error))?;
    Ok(())
}

/// Makes or replaces a symbolic link in one step.
///
/// # Errors
/// The directory cannot be written to.
pub fn link_atomically(target: &Path, link: &Path) -> io::Result<()> {
    let dir = parent(link)?;
    fs_err::create_dir_all(dir)?;
    let name = link.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let temporary = dir.join(format!("{TEMPORARY}{name}"));
    remove_if_there(&temporary)?;
    fs_err::os::unix::fs::symlink(target, &temporary)?;
    fs_err::rename(&temporary, link)
}

/// Waits until a directory's entries are on disk.
///
/// # Errors
/// The directory cannot be opened.
pub fn sync_directory(dir: &Path) -> io::Result<()> {
    File::open(dir)
        .and_then(|d| d.sync_all())
        .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", dir.display())))
}

/// Removes a file or link; that it is not there is no error.
///
/// # Errors
/// Anything else.
pub fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs_err::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Removes a directory with all in it; that it is not there is no error.
///
/// # Errors
/// Anything else.
pub fn remove_tree_if_there(path: &Path) -> io::Result<()> {
    match fs_err::remove_dir_all(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Removes empty directories from `dir` upwards, `top` and above excepted.
pub fn remove_empty_upwards(dir: &Path, top: &Path) {
    let mut dir = dir.to_path_buf();
    while dir != top && dir.starts_with(top) && std::fs::remove_dir(&dir).is_ok() {
        dir.pop();
    }
}

/// Deletes the unfinished files that a cut-off run left in `dir`.
///
/// # Errors
/// The directory cannot be read.
pub fn sweep(dir: &Path) -> io::Result<()> {
    let listing = match fs_err::read_dir(dir) {
        Ok(listing) => listing,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(()),
        Err(e) => return Err(e),
    };
    for entry in listing {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
            remove_if_there(&entry.path())?;
        }
    }
    Ok(())
}

fn parent(path: &Path) -> io::Result<&Path> {
    path.parent().ok_or_else(|| io::Error::other(format!("{}: has no directory", path.display())))
}

/// Copies a directory with its links, modes and times, sharing blocks where the file system can. Owners are the
/// caller's, or `owner`.
///
/// # Errors
/// Anything on the way.
pub fn copy_tree(from: &Path, to: &Path, owner: Option<(u32, u32)>) -> io::Result<()> {
    copy_tree_but(from, to, owner, &|_| false)
}

/// [`copy_tree`] without what `is_left_out` says yes to, which is asked for places below `from`.
///
/// # Errors
/// Anything on the way.
pub fn copy_tree_but(
    from: &Path,
    to: &Path,
    owner: Option<(u32, u32)>,
    is_left_out: &dyn Fn(&Path) -> bool,
) -> io::Result<()> {
    fs_err::create_dir_all(to)?;
    for entry in fs_err::read_dir(from)? {
        let entry = entry?;
        if is_left_out(&entry.path()) {
            continue;
        }
        let (source, target): (PathBuf, PathBuf) = (entry.path(), to.join(entry.file_name()));
        let meta = fs_err::symlink_metadata(&source)?;
        if meta.is_symlink() {
            remove_if_there(&target)?;
            fs_err::os::unix::fs::symlink(fs_err::read_link(&source)?, &target)?;
        } else if meta.is_dir() {
            copy_tree_but(&source, &target, owner, is_left_out)?;
        } else if meta.is_file() {
            // Never through a link that is there.
            if target.symlink_metadata().is_ok_and(|there| there.is_symlink()) {
                fs_err::remove_file(&target)?;
            }
            fs_err::copy(&source, &target)?;
            let file = File::options().write(true).open(&target).or_else(|_| File::open(&target))?;
            file.set_modified(meta.modified()?)
                .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", target.display())))?;
        }
        if let (Some((user, group)), false) = (owner, meta.is_dir()) {
            std::os::unix::fs::lchown(&target, Some(user), Some(group))
                .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", target.display())))?;
        }
    }
    let meta = fs_err::metadata(from)?;
    fs_err::set_permissions(to, Permissions::from_mode(meta.permissions().mode() | 0o700))?;
    if let Some((user, group)) = owner {
        std::os::unix::fs::chown(to, Some(user), Some(group))
            .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", to.display())))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/x.ko");
        let then = SystemTime::UNIX_EPOCH + std::time::Duration::from_nanos(1_234_567_890_123_456_789);
        write_atomically(&path, b"one", 0o644, Some(then)).unwrap();
        write_atomically(&path, b"two", 0o644, Some(then)).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), then);
        assert_eq!(
            std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1,
            "nothing unfinished is left"
        );
        let link = dir.path().join("link");
        link_atomically(Path::new("a"), &link).unwrap();
        link_atomically(Path::new("a/b"), &link).unwrap();
        assert_eq!(std::fs::read_link(&link).unwrap(), Path::new("a/b"));
        std::fs::write(dir.path().join(format!("{TEMPORARY}zzz")), "half").unwrap();
        sweep(dir.path()).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
        remove_if_there(&path).unwrap();
        remove_if_there(&path).unwrap();
        remove_empty_upwards(path.parent().unwrap(), dir.path());
        assert!(!dir.path().join("a").exists());
    }

    #[test]
    fn trees_are_copied_as_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("from");
        std::fs::create_dir_all(from.join("sub")).unwrap();
        std::fs::write(from.join("sub/run"), "#!").unwrap();
        std::fs::set_permissions(from.join("sub/run"), Permissions::from_mode(0o555)).unwrap();
        std::os::unix::fs::symlink("../nowhere", from.join("link")).unwrap();
        let to = dir.path().join("to");
        copy_tree(&from, &to, None).unwrap();
        let (old, new) = (
            std::fs::metadata(from.join("sub/run")).unwrap(),
            std::fs::metadata(to.join("sub/run")).unwrap(),
        );
        assert_eq!(old.permissions(), new.permissions());
        assert_eq!(old.modified().unwrap(), new.modified().unwrap());
        assert_eq!(std::fs::read_link(to.join("link")).unwrap(), Path::new("../nowhere"));
    }
}
