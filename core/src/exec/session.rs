//! What every step of one run shares.

use super::environment::Environment;
use super::sandboxed::SandboxRunner;
use super::signing::Signers;
use crate::model::{Directives, Failure, Instance, Record, SandboxMode};
use crate::places::Places;
use crate::report::Sink;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// What is settled before a run: by the distribution, the administrator and the command line.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Where modules go below a kernel's directory, if the distribution says so.
    pub destination: Option<String>,
    /// Move the kernel's own modules aside, as DKMS does but on Debian and Ubuntu.
    pub archive_originals: bool,
    /// Make jobs for all builds together; the machine's own number if absent.
    pub jobs: Option<usize>,
    /// The signing key, its certificate and an external signing tool.
    pub signing: Signing,
    /// Whether builds run in a sandbox.
    pub sandbox: SandboxMode,
    /// Run depmod.
    pub depmod: bool,
    /// `KS` for every kernel, if the caller names it.
    pub kernel_source: Option<PathBuf>,
    /// A kernel configuration to use in place of the headers' own.
    pub kernel_config: Option<PathBuf>,
}

/// Where keys are, and whether to sign.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signing {
    /// Switched off, with the reason.
    pub off: Option<String>,
    /// Private key, inside the root; may hold `$kernelver`.
    pub key: String,
    /// Certificate, inside the root.
    pub certificate: String,
    /// An external tool in the kernel's `sign-file` manner.
    pub tool: Option<String>,
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
            turns: Mutex::default(),
        })
    }

    /// The modules of a package that are meant for a kernel.
    pub fn records<'d>(&self, directives: &'d Directives, excluded: &[usize]) -> Vec<&'d Record> {
        directives.records.iter().enumerate().filter(|(i, _)| !excluded.contains(i)).map(|(_, r)| r).collect()
    }

    /// Without a sandbox, builds of one module for several kernels share a directory and must take turns.
    pub(super) fn turn(&self, instance: &Instance) -> Arc<Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.entry(instance.module.to_string()).or_default().clone()
    }
}
