//! What earlier runs have built: with the same sources, headers, compiler, date and signing key it is not built again. It lies in the
//! caller's cache and is opened before the view is entered, where its path may lead elsewhere.

use super::keys::Keys;
use super::opened;
use crate::cache;
use crate::cli::context::Context;
use crate::inventory::Candidate;
use crate::model::{BuildRecord, Instance};
use crate::places::{Places, RECORD};
use crate::report::{Event, Sink};
use fs_err::File;
use rustix::fs::{FlockOperation, flock};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

/// The directory, as long as it is this run's alone.
#[derive(Debug)]
pub(super) struct Kept {
    dir: File,
    /// Nothing is taken from it.
    afresh: bool,
    /// Nothing more can be put into it.
    full: AtomicBool,
}

impl Kept {
    /// Opens it. There is none where the caller has no place for it, where another run has it, and where a program signs,
    /// whose key is not known.
    pub(super) fn open(context: &Context, keys: &Keys, afresh: bool) -> Option<Self> {
        let variable = |name: &str| {
            context.environment.variables.get(name).map(PathBuf::from).filter(|path| path.is_absolute())
        };
        let top = match variable("XDG_CACHE_HOME") {
            _ if context.environment.is_root => PathBuf::from("/var/cache"),
            Some(cache) => cache,
            None => variable("HOME")?.join(".cache"),
        };
        let dir = top.join("evermod/packages").join(keys.identity()?);
        std::fs::create_dir_all(&dir).ok()?;
        let dir = File::open(dir).ok()?;
        flock(dir.file(), FlockOperation::NonBlockingLockExclusive).ok()?;
        Some(Self { dir, afresh, full: AtomicBool::new(false) })
    }

    /// Where it is, wherever its own path leads by now.
    pub(super) fn place(&self) -> PathBuf {
        opened(self.dir.file())
    }

    /// Drops what must be built now.
    ///
    /// # Errors
    /// It cannot be deleted.
    pub(super) fn prepare(&self, places: &Places, candidates: &[Candidate]) -> std::io::Result<()> {
        cache::sweep(places, SystemTime::now())?;
        for candidate in candidates {
            if let Some(key) = &candidate.key
                && (self.afresh || is_tied(candidate, candidates))
            {
                cache::drop(places, key)?;
            }
        }
        Ok(())
    }

    /// Keeps what was built or taken, at once: the run may be cut off before it has built all.
    pub(super) fn keep(&self, sink: &dyn Sink, places: &Places, instance: &Instance) {
        if self.full.load(Ordering::Relaxed) {
            return;
        }
        let dir = places.instance_dir(instance);
        let put = || -> std::io::Result<()> {
            let record: BuildRecord = serde_json::from_slice(&std::fs::read(dir.join(RECORD))?)?;
            cache::put(places, &record.key, &dir)
        };
        if let Err(error) = put() {
            self.full.store(true, Ordering::Relaxed);
            let text = format!("Nothing more is kept for the next run: {error}");
            sink.event(&Event::Note { text: &text });
        }
    }
}

/// Whether a module is built upon another or another upon it: what a build finds of the other is in no key.
fn is_tied(candidate: &Candidate, all: &[Candidate]) -> bool {
    let is_upon = |other: &Candidate| other.depends.contains(&candidate.instance.module.name);
    !candidate.depends.is_empty() || all.iter().any(is_upon)
}
