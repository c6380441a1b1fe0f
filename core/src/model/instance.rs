//! One module package for one kernel, and what is remembered of it.

use super::{Arch, Cause, Diagnosis, Directives, KernelRelease, ModuleId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// One module package for one kernel.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Instance {
    /// The module package.
    pub module: ModuleId,
    /// The kernel.
    pub kernel: KernelRelease,
    /// The kernel's architecture, as the DKMS tree names it.
    pub arch: Arch,
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}, {}", self.module, self.kernel, self.arch)
    }
}

/// Digest of everything that decides a build's output, in hexadecimal: sources, resolved directives, patches,
/// the headers' identity and the compiler's.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BuildKey(pub String);

/// How much an untrusted build was kept from the rest of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Isolation {
    /// bubblewrap: no network, read-only host, private `/tmp`, an unprivileged user.
    Bubblewrap,
    /// None could be had.
    None {
        /// Why not.
        why: String,
    },
}

/// Whether builds are to run in a sandbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SandboxMode {
    /// Where it can be had.
    #[default]
    Auto,
    /// Never.
    Off,
    /// Always: without it nothing is built.
    Required,
}

/// What evermod writes beside a built instance (`T/M/V/K/A/.evermod.json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildRecord<D = Directives> {
    /// Format of this record: 1.
    pub version: u32,
    /// Key of the inputs.
    pub key: BuildKey,
    /// Built by something else and taken over; the key is that of the day it was seen.
    #[serde(default)]
    pub adopted: bool,
    /// The directives in force when it was built.
    pub directives: D,
    /// Identity of the files the directives came from.
    pub conf: String,
    /// How the build was isolated; absent for what another program built.
    #[serde(default)]
    pub isolation: Option<Isolation>,
    /// Common name of the signer, or why it is unsigned.
    #[serde(default)]
    pub signature: Option<Signature>,
    /// Milliseconds that the build took.
    #[serde(default)]
    pub milliseconds: u64,
    /// Why the kernel's own module was preferred at installation, if it was.
    #[serde(default)]
    pub refused: Option<String>,
}

/// A [`BuildRecord`] without the directives, which are most of it and seldom asked for.
pub type BuildSummary = BuildRecord<serde::de::IgnoredAny>;

/// Whether the modules of an instance are signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signature {
    /// By the certificate with this common name.
    Signer(String),
    /// They are not, and why.
    Unsigned(String),
}

/// What is remembered of a failed build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureRecord {
    /// Format of this record: 1.
    pub version: u32,
    /// Which build.
    pub instance: Instance,
    /// Key of the inputs that failed.
    pub key: BuildKey,
    /// DKMS's exit code for the failure.
    pub code: u8,
    /// One sentence.
    pub message: String,
    /// The first real error in the log.
    pub diagnosis: Option<Diagnosis>,
    /// The log.
    pub log: PathBuf,
    /// Seconds since the epoch.
    pub time: u64,
}

impl FailureRecord {
    /// Whether what builds are made with was at fault, in a way that no input tells the end of.
    pub fn is_of_tools(&self) -> bool {
        self.diagnosis.as_ref().is_some_and(|d| d.cause == Cause::Tools && d.missing.is_none())
    }
}
