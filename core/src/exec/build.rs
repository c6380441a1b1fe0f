//! Builds one instance: sources into a directory of its own, patches, scripts and make in the sandbox, then strip, sign,
//! compress, and the result into the tree in one step. The commands are in `commands`, what follows make is in
//! `collect`, what follows a failure in `failed`.

use super::failed::clear;
use super::session::Session;
use crate::build::{Sandbox, User, log};
use crate::config::Toolchain;
use crate::install::Compression;
use crate::install::files::{copy_tree, remove_tree_if_there};
use crate::model::{BuildKey, BuildRecord, Directives, Failure, Instance, Isolation};
use crate::report::Event;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::Instant;

/// Everything that one build needs to know.
#[derive(Debug, Clone)]
pub struct BuildInput {
    /// Which instance.
    pub instance: Instance,
    /// Its directives for this kernel.
    pub directives: Directives,
    /// Indices of modules that are not meant for this kernel.
    pub excluded: Vec<usize>,
    /// The source directory, on the machine.
    pub source: PathBuf,
    /// `KS`, inside the root.
    pub kernel_source: PathBuf,
    /// The kernel's compiler.
    pub toolchain: Toolchain,
    /// `CONFIG_MODULE_SIG_HASH`.
    pub sig_hash: Option<String>,
    /// The kernel's own signing key with its certificate, inside the root, if its sources have it.
    pub kernel_key: Option<PathBuf>,
    /// How the kernel's modules are compressed.
    pub compression: Compression,
    /// The framework's variables, which commands may use.
    pub variables: BTreeMap<String, String>,
    /// Key of the inputs.
    pub key: BuildKey,
    /// Identity of the configuration files.
    pub conf: String,
    /// `Module.symvers` of the packages that this one is built upon, inside the root.
    pub extra_symbols: Vec<PathBuf>,
}

impl BuildInput {
    /// The directives less the modules that are not meant for the kernel: what a build has to show for itself.
    pub fn built_directives(&self) -> Directives {
        let records = self.directives.records.iter().enumerate();
        let records = records.filter(|(i, _)| !self.excluded.contains(i)).map(|(_, r)| r.clone()).collect();
        Directives { records, ..self.directives.clone() }
    }
}

/// The log of a build that is going on.
pub(super) struct Log {
    pub(super) file: File,
    pub(super) path: PathBuf,
}

impl Session<'_> {
    /// Builds and puts the result into the tree, replacing an older build of the same instance; a failure leaves that
    /// one untouched and is remembered with the key of its inputs.
    ///
    /// # Errors
    /// The build's own failure, or what kept it from starting.
    pub fn build(&self, input: &BuildInput) -> Result<BuildRecord, Failure> {
        // The implicit token of the make that is started below: a build begins when there is room for it.
        let _token = self.jobs.acquire()?;
        self.sink.event(&Event::BuildStarted { instance: &input.instance });
        let started = Instant::now();
        let result = self.attempt(input, started);
        let remembered = self.places.failure_record(&input.instance);
        if let Err(failure) = &result {
            self.remember(input, failure, &remembered)?;
        }
        result
    }

    fn attempt(&self, input: &BuildInput, started: Instant) -> Result<BuildRecord, Failure> {
        check_source(input)?;
        self.sandbox.check(&input.instance)?;
        match self.attempt_in(input, started, self.sandbox.user())? {
            Some(record) => Ok(record),
            // The sandbox could not be made, which is noted by now: once more without it.
            None => {
                self.sandbox.check(&input.instance)?;
                self.attempt_in(input, started, None)?
                    .ok_or_else(|| std::io::Error::other("a build without a sandbox cannot lack one").into())
            }
        }
    }

    /// One attempt; `None` if the sandbox could not be made.
    fn attempt_in(
        &self,
        input: &BuildInput,
        started: Instant,
        user: Option<User>,
    ) -> Result<Option<BuildRecord>, Failure> {
        let instance = &input.instance;
        let owner = user.map(User::owner);
        let build_dir = self.places.build_dir(&instance.module);
        let turn = self.turn(instance);
        let _turn = owner.is_none().then(|| turn.lock().unwrap_or_else(PoisonError::into_inner));
        let scratch = if owner.is_some() { self.places.scratch(instance) } else { build_dir.clone() };
        remove_tree_if_there(&scratch)?;
        copy_tree(&input.source, &scratch, owner)?;
        // The administrator's patches come over the package's own (DKMS 3.4.0).
        let patches = self.places.root.at(self.places.overrides.join(&instance.module.name).join("patches"));
        if patches.is_dir() {
            copy_tree(&patches, &scratch.join("patches"), owner)?;
        }
        // Where the build believes to be must exist for the sandbox's mount.
        fs_err::create_dir_all(&build_dir)?;
        let mut log = self.start_log(input, user)?;
        // Whoever builds there finds a copy, which no other kernel's build sees, and leaves nothing behind.
        let sources = self.places.root.resolve(&self.places.source_tree)?;
        let source = Some(input.source.clone()).filter(|source| source.starts_with(sources));
        let hidden = self.settings.hidden.clone();
        let sandbox = Sandbox { scratch: scratch.clone(), build_dir, source, staged: None, hidden, user };

        let ended = self.run_commands(input, &sandbox, &mut log);
        let result = match ended {
            Ok(false) => Ok(None),
            Ok(true) => self.finish(input, &sandbox, &mut log, started),
            Err(failure) => Err(failure),
        };
        match result {
            Ok(None) => {
                remove_tree_if_there(&scratch)?;
                Ok(None)
            }
            Ok(Some(record)) => {
                if scratch == self.places.build_dir(&instance.module) {
                    clear(&scratch)?;
                } else {
                    remove_tree_if_there(&scratch)?;
                }
                self.tidy_up(instance)?;
                Ok(Some(record))
            }
            Err(failure) => {
                if let Some(kernel_dir) = self.places.instance_dir(instance).parent() {
                    // Made for what did not come; kept if anything is in it.
                    let _ = std::fs::remove_dir(kernel_dir);
                }
                self.keep_failed(input, &scratch, &mut log)?;
                Err(failure)
            }
        }
    }

    fn start_log(&self, input: &BuildInput, user: Option<User>) -> Result<Log, Failure> {
        let path = self.places.failure_log(&input.instance);
        if let Some(dir) = path.parent() {
            fs_err::create_dir_all(dir)?;
        }
        let isolation = match self.sandbox.isolation_of(user) {
            Isolation::Bubblewrap => "bubblewrap, unprivileged user, no network".to_string(),
            Isolation::None { why } => format!("none ({why})"),
        };
        fs_err::write(&path, log::head(&input.instance, &self.environment.now, &isolation))?;
        let file = fs_err::OpenOptions::new().read(true).append(true).open(&path)?.into_parts().0;
        Ok(Log { file, path })
    }

    /// A place on the machine as a path inside the root.
    pub(super) fn inside(&self, place: &Path) -> PathBuf {
        self.places.root.inside(place)
    }
}

fn check_source(input: &BuildInput) -> Result<(), Failure> {
    // A dkms.conf alone builds nothing.
    if fs_err::read_dir(&input.source)?.take(2).count() < 2 {
        return Err(Failure::EmptySource { path: input.source.clone() });
    }
    Ok(())
}
