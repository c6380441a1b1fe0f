//! A root file system to work on: `/`, a chroot, an image, a staging directory.
//!
//! Every path that evermod reads or writes is absolute *inside* a [`Root`]; absolute symbolic links met on the
//! way (`/lib/modules/K/build -> /usr/src/linux-headers-K`) are resolved inside it too, as
//! `openat2(RESOLVE_IN_ROOT)` does.

use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path, PathBuf};

/// How many symbolic links one look-up may follow, as Linux's `MAXSYMLINKS`.
const MAX_LINKS: usize = 40;

/// A handle on a root file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    dir: PathBuf,
}

impl Root {
    /// The root at `dir`; `/` for the running system.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// True where paths inside the root are the machine's own.
    pub fn is_host(&self) -> bool {
        self.dir == Path::new("/")
    }

    /// The directory that is `/` inside.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The place of `path` on the machine, without following links in it.
    pub fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.dir.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// A place on the machine as a path inside the root: the reverse of [`Self::at`].
    pub fn inside(&self, place: &Path) -> PathBuf {
        Path::new("/").join(place.strip_prefix(&self.dir).unwrap_or(place))
    }

    /// The place of `path` on the machine with every symbolic link followed inside the root.
    ///
    /// Components that do not exist are kept as they are, so the result may name nothing.
    ///
    /// # Errors
    /// More than 40 links, or an unreadable one.
    pub fn resolve(&self, path: impl AsRef<Path>) -> io::Result<PathBuf> {
        if self.is_host() {
            return Ok(std::fs::canonicalize(path.as_ref()).unwrap_or_else(|_| path.as_ref().to_path_buf()));
        }
        let mut pending: Vec<std::ffi::OsString> = reversed(path.as_ref());
        let mut inside = PathBuf::from("/");
        let mut links = 0;
        while let Some(part) = pending.pop() {
            if part == OsStr::new("..") {
                inside.pop();
                continue;
            }
            let next = inside.join(&part);
            match std::fs::read_link(self.at(&next)) {
                Ok(target) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(io::Error::other(format!(
                            "{}: too many symbolic links",
                            path.as_ref().display()
                        )));
                    }
                    if target.is_absolute() {
                        inside = PathBuf::from("/");
                    }
                    pending.extend(reversed(&target));
                }
                // EINVAL: not a link; anything missing stays as it was named.
                Err(_) => inside = next,
            }
        }
        Ok(self.at(inside))
    }

    /// A place that leads to what `path` names when it is opened. On the running system that is the path itself: the
    /// kernel follows links better than we do, and in one call.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub fn opened(&self, path: impl AsRef<Path>) -> io::Result<PathBuf> {
        if self.is_host() { Ok(path.as_ref().to_path_buf()) } else { self.resolve(path) }
    }

    /// [`Self::resolve`], as a path inside the root.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub fn resolve_inside(&self, path: impl AsRef<Path>) -> io::Result<PathBuf> {
        let place = self.resolve(path)?;
        if self.is_host() {
            return Ok(place);
        }
        Ok(self.inside(&place))
    }
}

fn reversed(path: &Path) -> Vec<std::ffi::OsString> {
    path.components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_os_string()),
            Component::ParentDir => Some("..".into()),
            _ => None,
        })
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn absolute_links_stay_inside() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path());
        std::fs::create_dir_all(root.at("/usr/src/linux-headers-6.1")).unwrap();
        std::fs::create_dir_all(root.at("/usr/lib/modules/6.1")).unwrap();
        symlink("usr/lib", root.at("/lib")).unwrap();
        symlink("/usr/src/linux-headers-6.1", root.at("/usr/lib/modules/6.1/build")).unwrap();
        assert_eq!(
            root.resolve("/lib/modules/6.1/build/include").unwrap(),
            root.at("/usr/src/linux-headers-6.1/include")
        );
        assert_eq!(
            root.resolve_inside("/lib/modules/../modules/6.1/build").unwrap(),
            Path::new("/usr/src/linux-headers-6.1")
        );
        symlink("/loop", root.at("/loop")).unwrap();
        assert!(root.resolve("/loop").is_err());
        symlink("../../../../etc", root.at("/up")).unwrap();
        assert_eq!(root.resolve("/up/passwd").unwrap(), root.at("/etc/passwd"));
    }
}
