//! The directory that packages go to. It is opened before the view is entered, where its path may lead elsewhere. **Every file
//! of a run is written here**: beside its place, then renamed, so that no other file of this name is ever there in part.

use super::given::Given;
use crate::install::files::write_atomically;
use crate::model::Failure;
use fs_err::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

/// The directory.
#[derive(Debug)]
pub(super) struct Output {
    dir: File,
    /// As the caller named it.
    shown: PathBuf,
}

impl Output {
    /// Makes it if it is not there, and opens it.
    ///
    /// # Errors
    /// It cannot be made, or lies where packages would become sources of a module that was named.
    pub(super) fn open(path: &Path, given: &[Given]) -> Result<Self, Failure> {
        let is_new = !path.exists();
        fs_err::create_dir_all(path)?;
        let place = fs_err::canonicalize(path)?;
        if given.iter().filter_map(Given::directory).any(|dir| dir == place) {
            if is_new {
                fs_err::remove_dir(&place)?;
            }
            let place = path.display();
            let message =
                format!("{place}: packages would become part of the module's sources; name another --output");
            return Err(Failure::Usage { message, code: 2 });
        }
        Ok(Self { dir: File::open(place)?, shown: path.to_path_buf() })
    }

    /// Where it really is, for those who must not copy it.
    pub(super) fn place(&self) -> &Path {
        self.dir.path()
    }

    /// A file in it, as the caller would name it.
    pub(super) fn shown(&self, name: &str) -> PathBuf {
        self.shown.join(name)
    }

    /// Writes one file, whole or not at all.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let place = PathBuf::from(format!("/proc/self/fd/{}", self.dir.file().as_raw_fd())).join(name);
        write_atomically(&place, bytes, 0o644, None).map_err(|error| {
            let text = error.to_string();
            // Said as the caller knows it.
            let why = text.rsplit(": ").next().unwrap_or(&text);
            std::io::Error::new(error.kind(), format!("{}: {why}", self.shown(name).display())).into()
        })
    }
}
