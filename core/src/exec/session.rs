//! What every step of one run shares.

use super::environment::Environment;
use super::framework::Reread;
use super::sandboxed::SandboxRunner;
use super::signing::Signers;
use super::weak::WeakTool;
use crate::config::Framework;
use crate::install::{Effort, Packaged};
use crate::inventory::packaged;
use crate::model::{Failure, Instance, KernelRelease, SandboxMode};
use crate::places::Places;
use crate::report::Sink;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// What is settled before a run: by the distribution, the administrator and the command line.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Where modules go below a kernel's directory, if the distribution says so.
    pub destination: Option<String>,
    /// Move the kernel's own modules aside, where they are not the package manager's.
    pub archive_originals: bool,
    /// Make jobs for all builds together; the machine's own number if absent.
    pub jobs: Option<usize>,
    /// The signing key and its certificate.
    pub signing: Signing,
    /// Whether builds run in a sandbox.
    pub sandbox: SandboxMode,
    /// Run depmod.
    pub depmod: bool,
    /// `KS` for every kernel, if the caller names it.
    pub kernel_source: Option<PathBuf>,
    /// A kernel configuration to use in place of the headers' own.
    pub kernel_config: Option<PathBuf>,
    /// framework.conf, with what the command line adds to it.
    pub framework: Framework,
    /// The distribution's program for weak modules, where it is there.
    pub weak_modules: Option<WeakTool>,
    /// Have bash trace what it runs.
    pub debug: bool,
    /// A failed build leaves its log and nothing else.
    pub log_only: bool,
    /// What builds need may not be all there yet, in the middle of a transaction: only what a tool says against the
    /// sources themselves is remembered.
    pub early: bool,
    /// Files that builds must not read, though the caller may.
    pub hidden: Vec<PathBuf>,
    /// What is built for these kernels is to be the same everywhere: builds take this for the time, in seconds since 1970, and
    /// see nothing of the caller's environment but where programs are.
    pub dates: BTreeMap<KernelRelease, u64>,
}

/// Where keys are, and whether to sign.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signing {
    /// Switched off, with the reason.
    pub off: Option<String>,
    /// Private key, inside the root, where framework.conf names none for the kernel.
    pub key: String,
    /// Its certificate, inside the root.
    pub certificate: String,
    /// The kernel's own key counts first, where its sources have it.
    pub of_kernel: bool,
    /// The distribution's program that makes the key and has it enrolled.
    pub maker: Option<&'static str>,
    /// The caller named the key: it counts before that of framework.conf.
    pub is_named: bool,
}

impl Signing {
    /// The command that has the certificate enrolled, once, where Secure Boot is on.
    pub fn enrol(&self) -> String {
        match self.maker {
            Some(program) => format!("{program} --enroll-key"),
            None => format!("mokutil --import {}", self.certificate),
        }
    }
}

/// One run.
pub struct Session<'a> {
    /// The places.
    pub places: &'a Places,
    /// The machine.
    pub environment: &'a Environment,
    /// What is settled.
    pub settings: &'a Settings,
    /// Where events go.
    pub sink: &'a dyn Sink,
    pub(super) jobs: jobserver::Client,
    pub(super) sandbox: SandboxRunner,
    pub(super) signers: Signers,
    pub(super) reread: Reread,
    pub(super) effort: OnceLock<Effort>,
    packaged: OnceLock<Packaged>,
    turns: Mutex<BTreeMap<String, Arc<Mutex<()>>>>,
}

impl<'a> Session<'a> {
    /// Prepares a run. Nothing is started yet.
    ///
    /// # Errors
    /// The job server's pipe cannot be made.
    pub fn new(
        places: &'a Places,
        environment: &'a Environment,
        settings: &'a Settings,
        sink: &'a dyn Sink,
    ) -> Result<Self, Failure> {
        Ok(Self {
            places,
            environment,
            settings,
            sink,
            jobs: jobserver::Client::new(
                settings.jobs.filter(|n| *n > 0).unwrap_or_else(|| environment.jobs()),
            )?,
            sandbox: SandboxRunner::find(environment, settings.sandbox),
            signers: Signers::default(),
            reread: Reread::default(),
            effort: OnceLock::new(),
            packaged: OnceLock::new(),
            turns: Mutex::default(),
        })
    }

    /// The files of packages of prebuilts, which stay whatever goes.
    pub(super) fn packaged(&self) -> &Packaged {
        self.packaged.get_or_init(|| packaged(self.places))
    }

    /// Without a sandbox, builds of one module for several kernels share a directory and must take turns.
    pub(super) fn turn(&self, instance: &Instance) -> Arc<Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.entry(instance.module.to_string()).or_default().clone()
    }
}
