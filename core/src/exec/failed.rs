//! What follows a failed build: its log and its directory stay for people, its inputs are remembered.

use super::build::{BuildInput, Log};
use super::session::Session;
use crate::build::diagnose;
use crate::install::files::{
    copy_tree, remove_empty_upwards, remove_if_there, remove_tree_if_there, write_atomically,
};
use crate::model::{Diagnosis, Failure, FailureRecord, Instance, ModuleId};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::PoisonError;
use std::time::{SystemTime, UNIX_EPOCH};

impl Session<'_> {
    pub(super) fn diagnosis(&self, input: &BuildInput, log: &mut Log) -> Option<Diagnosis> {
        let mut text = Vec::new();
        log.file.seek(SeekFrom::Start(0)).ok()?;
        log.file.read_to_end(&mut text).ok()?;
        let build_dir = self.places.build_dir_inside(&input.instance.module);
        diagnose(&String::from_utf8_lossy(&text), &build_dir.display().to_string())
    }

    /// What an earlier failure left in `T/M/V/build` goes with the last of the module's failures.
    pub(super) fn tidy_up(&self, instance: &Instance) -> Result<(), Failure> {
        let module = &instance.module;
        remove_if_there(&self.places.failure_record(instance))?;
        let failed = self.places.failures().join(&module.name).join(&module.version);
        let log = self.places.failure_log(instance);
        remove_if_there(&log)?;
        if let Some(dir) = log.parent() {
            remove_empty_upwards(dir, &self.places.failures());
        }
        if !failed.exists() {
            clear(&self.places.build_dir(module))?;
        }
        Ok(())
    }

    /// Once no build of the module is under way any more, the directory that they saw goes, as DKMS's does; not if a
    /// failure lies in it.
    pub(super) fn close_build_dir(&self, module: &ModuleId) {
        // What is not empty stays, which is all that is meant.
        let _ = std::fs::remove_dir(self.places.build_dir(module));
    }

    /// Leaves the build directory and its log where people look for them.
    pub(super) fn keep_failed(
        &self,
        input: &BuildInput,
        scratch: &Path,
        log: &mut Log,
    ) -> Result<(), Failure> {
        let build_dir = self.places.build_dir(&input.instance.module);
        if self.settings.log_only && scratch != build_dir {
            return Ok(remove_tree_if_there(scratch)?);
        }
        if scratch != build_dir {
            let turn = self.turn(&input.instance);
            let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
            chown_tree(scratch, (0, 0))?;
            clear(&build_dir)?;
            for entry in fs_err::read_dir(scratch)? {
                let entry = entry?;
                match fs_err::rename(entry.path(), build_dir.join(entry.file_name())) {
                    // The tree may be on a file system of its own.
                    Err(error) if error.kind() == std::io::ErrorKind::CrossesDevices => {
                        copy_tree(scratch, &build_dir, None)?;
                        break;
                    }
                    other => other?,
                }
            }
            remove_tree_if_there(scratch)?;
        }
        let text = fs_err::read(&log.path)?;
        write_atomically(&build_dir.join("make.log"), &text, 0o644, None)?;
        Ok(())
    }

    pub(super) fn remember(
        &self,
        input: &BuildInput,
        failure: &Failure,
        place: &Path,
    ) -> Result<(), Failure> {
        if self.settings.early && !failure.is_judged() {
            return Ok(());
        }
        // Disk full, a missing key, a signal: not the sources' fault, so the next run may try again.
        if failure.log().is_none()
            && !matches!(failure, Failure::ScriptFailed { .. } | Failure::BadPatch { .. })
        {
            return Ok(());
        }
        let record = FailureRecord {
            version: 1,
            instance: input.instance.clone(),
            key: input.key.clone(),
            code: failure.exit_code(),
            message: failure.to_string(),
            diagnosis: failure.diagnosis().cloned(),
            log: failure
                .log()
                .map(Path::to_path_buf)
                .unwrap_or_else(|| self.inside(&self.places.failure_log(&input.instance))),
            time: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()),
        };
        let text = serde_json::to_vec_pretty(&record).map_err(std::io::Error::from)?;
        Ok(write_atomically(place, &text, 0o644, None)?)
    }
}

/// Empties a directory without removing it: it is the mount point of every other build of the module, and removing a
/// mount point unmounts it in the sandboxes too.
pub(super) fn clear(dir: &Path) -> Result<(), Failure> {
    for entry in std::fs::read_dir(dir).into_iter().flatten() {
        let path = entry?.path();
        if path.symlink_metadata()?.is_dir() {
            fs_err::remove_dir_all(path)?;
        } else {
            fs_err::remove_file(path)?;
        }
    }
    Ok(())
}

pub(super) fn chown_tree(dir: &Path, (user, group): (u32, u32)) -> Result<(), Failure> {
    let at = |path: &Path| {
        std::os::unix::fs::lchown(path, Some(user), Some(group))
            .map_err(|e| std::io::Error::new(e.kind(), format!("{}: {e}", path.display())))
    };
    at(dir)?;
    for entry in fs_err::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            chown_tree(&entry.path(), (user, group))?;
        } else {
            at(&entry.path())?;
        }
    }
    Ok(())
}
