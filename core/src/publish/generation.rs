//! A directory of an index, made beside the old one and put in its place.

use crate::install::files::{TEMPORARY, write_atomically};
use crate::install::source::move_into_place;
use evermod_packaging::repository::IndexFile;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How long files of older indexes are kept for clients that read an older index. One that takes longer than this from
/// an index to what it names has to begin again.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// What a directory of an index is to be.
#[derive(Debug, Default)]
pub(super) struct Generation {
    /// The directory, below the top.
    pub(super) dir: String,
    /// Files that are new.
    pub(super) files: Vec<IndexFile>,
    /// Other names of files that are new or unchanged: (new name, file).
    pub(super) also: Vec<(String, String)>,
    /// Files that stay as they are.
    pub(super) unchanged: Vec<String>,
    /// Files that the index before this one names and this one does not.
    pub(super) superseded: Vec<String>,
    /// What older indexes may name: directories in which everything is kept for a while.
    pub(super) aging: Vec<String>,
}

impl Generation {
    /// Puts it in its place. Everything, packages too, is on disk before that.
    pub(super) fn put(&self, top: &Path, now: SystemTime) -> io::Result<()> {
        let target = top.join(&self.dir);
        let parent = target.parent().unwrap_or(top);
        fs_err::create_dir_all(parent)?;
        let staging = tempfile::Builder::new().prefix(TEMPORARY).tempdir_in(parent)?;
        let new = |name: &Path| -> io::Result<PathBuf> {
            let path = staging.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap_or(parent))?;
            Ok(path)
        };
        for file in &self.files {
            let path = new(Path::new(&file.name))?;
            fs_err::write(&path, &file.content)?;
            date_after(&path, &target.join(&file.name))?;
        }
        for name in &self.unchanged {
            link(&target.join(name), &new(Path::new(name))?)?;
        }
        for (name, file) in &self.also {
            link(&staging.path().join(file), &new(Path::new(name))?)?;
        }
        for name in &self.superseded {
            let old = target.join(name);
            // From now on its age counts.
            if let Ok(file) = fs_err::OpenOptions::new().write(true).open(&old) {
                file.into_parts().0.set_modified(now)?;
            }
        }
        for dir in &self.aging {
            for entry in std::fs::read_dir(target.join(dir)).into_iter().flatten().flatten() {
                let path = new(&Path::new(dir).join(entry.file_name()))?;
                let meta = entry.metadata()?;
                let age = now.duration_since(meta.modified()?).unwrap_or_default();
                if meta.is_file() && age <= KEPT && !path.exists() {
                    link(&entry.path(), &path)?;
                }
            }
        }
        fs_err::set_permissions(staging.path(), Permissions::from_mode(0o755))?;
        rustix::fs::syncfs(fs_err::File::open(staging.path())?.file())
            .map_err(|e| io::Error::other(format!("{}: {e}", staging.path().display())))?;
        move_into_place(staging, &target)
    }
}

/// Gives a file a second later than that of the one whose place it takes. Clients ask for what was modified since their
/// copy, and HTTP dates have whole seconds: of two indexes of one second they would keep the first, beside the second's
/// signature.
fn date_after(path: &Path, old: &Path) -> io::Result<()> {
    let Ok(old) = std::fs::metadata(old).and_then(|meta| meta.modified()) else { return Ok(()) };
    let file = fs_err::OpenOptions::new().write(true).open(path)?;
    let second = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let next = second(old) + 1;
    if second(file.metadata()?.modified()?) < next {
        file.into_parts().0.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(next))?;
    }
    Ok(())
}

/// Another name for a file, or a copy where the file system has none.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    match fs_err::hard_link(from, to) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(error),
        Err(_) => fs_err::copy(from, to).map(|_| ()),
    }
}

/// Writes a small file beside the index, unless it is there already.
pub(super) fn write_where_changed(path: &Path, content: &[u8]) -> io::Result<()> {
    if std::fs::read(path).is_ok_and(|there| there == content) {
        return Ok(());
    }
    write_atomically(path, content, 0o644, None)
}

/// All files below a directory whose names end so, sorted, as paths below `top`. Hidden directories are passed over.
pub(super) fn files_below(top: &Path, dir: &Path, ends: &[&str]) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut dirs = vec![dir.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        let listing = match fs_err::read_dir(&dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            listing => listing?,
        };
        for entry in listing {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type()?;
            if kind.is_dir() && !name.starts_with('.') {
                dirs.push(entry.path());
            } else if kind.is_file()
                && ends.iter().any(|end| name.ends_with(end))
                && let Ok(path) = entry.path().strip_prefix(top)
            {
                found.push(path.to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}
