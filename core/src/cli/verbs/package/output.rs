//! The directory that packages go to. It is opened before the view is entered, where its path may lead elsewhere. **Every file
//! of a run is written here**: beside its place, then renamed, so that no other file of this name is ever there in part.

use super::given::Given;
use super::opened;
use crate::install::files::{remove_if_there, write_atomically};
use crate::model::Failure;
use fs_err::File;
use std::path::{Path, PathBuf};

/// The directory.
#[derive(Debug)]
pub(super) struct Output {
    dir: File,
    /// As the caller named it.
    shown: PathBuf,
    /// It was made by this run.
    is_new: bool,
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
        Ok(Self { dir: File::open(place)?, shown: path.to_path_buf(), is_new })
    }

    /// Takes it away again, if it is new and empty.
    pub(super) fn withdraw(&self) {
        if self.is_new {
            let _ = std::fs::remove_dir(self.place());
        }
    }

    /// Where it really is, for those who must not copy it.
    pub(super) fn place(&self) -> &Path {
        self.dir.path()
    }

    /// A file in it, as the caller would name it.
    pub(super) fn shown(&self, name: &str) -> PathBuf {
        self.shown.join(name)
    }

    /// Takes a file away that an earlier run may have left: a signature of what is no more.
    ///
    /// # Errors
    /// It cannot be deleted.
    pub(super) fn remove(&self, name: &str) -> Result<(), Failure> {
        Ok(remove_if_there(&self.reached(name))?)
    }

    /// A file in it, wherever the directory's own path leads by now.
    fn reached(&self, name: &str) -> PathBuf {
        opened(self.dir.file()).join(name)
    }

    /// Writes one file, whole or not at all.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        write_atomically(&self.reached(name), bytes, 0o644, None).map_err(|error| {
            let text = error.to_string();
            // Said as the caller knows it.
            let why = text.rsplit(": ").next().unwrap_or(&text);
            std::io::Error::new(error.kind(), format!("{}: {why}", self.shown(name).display())).into()
        })
    }
}
