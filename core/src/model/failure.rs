//! Everything that can go wrong for one instance or one command, with DKMS's exit code for it (contract 1.6).

use super::{Arch, KernelRelease, ModuleId};
use std::path::{Path, PathBuf};

/// Where the first real error of a failed build is, and what it says.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Diagnosis {
    /// The place as the tool printed it: `file.c:12:3`, empty if it named none.
    pub place: String,
    /// The message, one line.
    pub message: String,
    /// The program that was missing, if that was it: no fault of the sources, and mended by installing it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// Whose fault it is.
    #[serde(default)]
    pub cause: Cause,
}

/// Whose fault a failed build is, as far as its log tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The sources': a compiler, modpost or patch(1) has looked at them and refused.
    Sources,
    /// A tool's that could not do its work: half of it is there, or a signal ended it. Nothing that a build key knows of
    /// tells when it can again, so the next run tries.
    Tools,
    /// It does not say.
    #[default]
    Unknown,
}

impl Diagnosis {
    /// What a tool said of a place.
    pub fn at(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into(), ..Self::default() }
    }

    /// The same, with whose fault it is.
    #[must_use]
    pub fn by(self, cause: Cause) -> Self {
        Self { cause, ..self }
    }
}

impl std::fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.place.is_empty() {
            return f.write_str(&self.message);
        }
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// A reason to stop, typed so that one place can turn it into text, hint and exit code.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// Reading or writing failed; the error names the path.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A name that cannot be used.
    #[error(transparent)]
    Name(#[from] super::InvalidName),
    /// The command line is wrong.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// DKMS's code for it.
        code: u8,
    },
    /// The action needs uid 0.
    #[error("'{action}' needs to be run as root")]
    NotRoot {
        /// The verb.
        action: &'static str,
    },
    /// The DKMS tree is not writable.
    #[error("no write access to {}", tree.display())]
    NotWritable {
        /// The tree.
        tree: PathBuf,
    },
    /// State cannot be changed.
    #[error("{} is on a file system that is mounted read-only, so nothing can be changed there", path.display())]
    ReadOnly {
        /// The directory.
        path: PathBuf,
    },
    /// A module or its version was not named.
    #[error("'{action}' needs a module and its version: MODULE/VERSION")]
    ModuleNotNamed {
        /// The verb.
        action: &'static str,
    },
    /// No version of a module is in the tree.
    #[error("there is no module {name}")]
    UnknownName {
        /// The name.
        name: String,
    },
    /// What an event has told already.
    #[error(transparent)]
    Told(Box<Self>),
    /// `add` of something that is there.
    #[error("{module} is already added")]
    AlreadyAdded {
        /// The module.
        module: ModuleId,
    },
    /// Not in the tree.
    #[error("{module} is not in the DKMS tree")]
    NotAdded {
        /// The module.
        module: ModuleId,
    },
    /// There is no source to add.
    #[error("there is no source directory {}", path.display())]
    NoSource {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The source link points nowhere.
    #[error("{module} is broken: its source directory, or the link to it, is missing")]
    Broken {
        /// The module.
        module: ModuleId,
    },
    /// There is no dkms.conf.
    #[error("there is no {}", path.display())]
    NoConf {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The dkms.conf cannot be used.
    #[error("{} cannot be used", path.display())]
    BadConf {
        /// The file.
        path: PathBuf,
        /// One message each.
        findings: Vec<String>,
    },
    /// The source directory holds nothing to build.
    #[error("the source directory {} is empty", path.display())]
    EmptySource {
        /// The directory.
        path: PathBuf,
    },
    /// No headers for this kernel.
    #[error("the headers of kernel {kernel} are not installed (looked for {})", path.display())]
    NoHeaders {
        /// The kernel.
        kernel: KernelRelease,
        /// Where they should be.
        path: PathBuf,
        /// How to get them, as a clause.
        hint: String,
    },
    /// BUILD_EXCLUSIVE does not match.
    #[error("{module} is not meant for kernel {kernel} ({arch}): {why}")]
    Excluded {
        /// The module.
        module: ModuleId,
        /// The kernel.
        kernel: KernelRelease,
        /// Its architecture.
        arch: Arch,
        /// The directive that says so.
        why: String,
    },
    /// Modules that must be installed first are not.
    #[error("{module} for kernel {kernel} needs {}, which is not installed for it", missing.join(", "))]
    MissingDepends {
        /// The module.
        module: ModuleId,
        /// The kernel.
        kernel: KernelRelease,
        /// The BUILD_DEPENDS names that are missing.
        missing: Vec<String>,
    },
    /// A patch is not there, or lies outside the package.
    #[error("patch {name} cannot be used: {why}")]
    BadPatch {
        /// As named in PATCH.
        name: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A patch does not apply.
    #[error("patch {name} does not apply to {module} for kernel {kernel}")]
    PatchRejected {
        /// As named in PATCH.
        name: String,
        /// The module.
        module: ModuleId,
        /// The kernel.
        kernel: KernelRelease,
        /// The log.
        log: PathBuf,
    },
    /// The make command failed.
    #[error("{module} does not build for kernel {kernel}")]
    BuildFailed {
        /// The module.
        module: ModuleId,
        /// The kernel.
        kernel: KernelRelease,
        /// The make command's status.
        status: i32,
        /// The first real error in the log.
        diagnosis: Option<Diagnosis>,
        /// The log.
        log: PathBuf,
    },
    /// The sandbox that is required cannot be had.
    #[error("{module} is not built for kernel {kernel}: a sandbox is required, and there is none ({why})")]
    NoSandbox {
        /// The module.
        module: ModuleId,
        /// The kernel.
        kernel: KernelRelease,
        /// Why there is none.
        why: String,
    },
    /// `evermod.toml` cannot be used.
    #[error("{path}:{line}:{column}: {message}", path = path.display())]
    BadSettings {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// The same inputs failed before and were not tried again.
    #[error("{module} did not build for kernel {kernel}, and nothing it depends on has changed since")]
    FailedBefore {
        /// The module.
        module: ModuleId,
        /// The kernel.
        kernel: KernelRelease,
        /// The first real error in the log.
        diagnosis: Option<Diagnosis>,
        /// The log.
        log: PathBuf,
    },
    /// make ended well but a module is not there.
    #[error("the build of {module} for kernel {kernel} ended well but did not make {file}")]
    NotProduced {
        /// The module.
        module: ModuleId,
        /// The kernel.
        kernel: KernelRelease,
        /// The file that is missing, below the build directory.
        file: String,
        /// The log.
        log: PathBuf,
    },
    /// A script of the package failed.
    #[error("{directive} of {module} failed with status {status}")]
    ScriptFailed {
        /// Which script.
        directive: &'static str,
        /// The module.
        module: ModuleId,
        /// Its status, which becomes ours.
        status: i32,
        /// The first real error in the log.
        diagnosis: Option<Diagnosis>,
        /// The log, where there is one.
        log: Option<PathBuf>,
    },
    /// The kernel's module directory is missing.
    #[error("kernel {kernel} is not installed: there is no {}", path.display())]
    NoKernel {
        /// The kernel.
        kernel: KernelRelease,
        /// Its module directory.
        path: PathBuf,
    },
    /// A built instance lacks one of its modules.
    #[error("{module} for kernel {kernel} was built without {file}")]
    BuiltIncomplete {
        /// The module.
        module: ModuleId,
        /// The kernel.
        kernel: KernelRelease,
        /// The missing file.
        file: String,
    },
    /// The kernel already has the same or a newer module.
    #[error("{module} is not installed for kernel {kernel}: {why}")]
    Refused {
        /// The module.
        module: ModuleId,
        /// The kernel.
        kernel: KernelRelease,
        /// What the kernel has.
        why: String,
    },
    /// PRE_INSTALL failed.
    #[error("PRE_INSTALL of {module} failed with status {status}")]
    PreInstall {
        /// The module.
        module: ModuleId,
        /// Its status.
        status: i32,
    },
    /// depmod failed; the modules are in place, and the next sync tries again.
    #[error("depmod failed for kernel {kernel}: {why}")]
    Depmod {
        /// The kernel.
        kernel: KernelRelease,
        /// What depmod said.
        why: String,
    },
    /// A key or signature could not be made.
    #[error("{module} for kernel {kernel} could not be signed: {why}")]
    Signing {
        /// The module.
        module: ModuleId,
        /// The kernel.
        kernel: KernelRelease,
        /// What went wrong.
        why: String,
    },
    /// A module that this one is built upon failed in the same run.
    #[error("{module} for kernel {kernel} waits for {dependency}, which failed")]
    DependencyFailed {
        /// The module.
        module: ModuleId,
        /// The kernel.
        kernel: KernelRelease,
        /// The BUILD_DEPENDS name.
        dependency: String,
    },
    /// autoinstall could not do everything.
    #[error("{0} of the modules could not be installed")]
    Autoinstall(usize),
    /// An archive cannot be written, read or used.
    #[error("archive {}: {problem}", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong.
        problem: super::ArchiveProblem,
    },
    /// A package file that cannot be used; the text names it.
    #[error("{0}")]
    UnreadablePackage(String),
    /// A package cannot be put into a repository, or the repository cannot take it.
    #[error("{}: {why}", path.display())]
    NotPublished {
        /// The package, or what of the repository it is about.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Nothing can be signed with the key that was named.
    #[error("the OpenPGP key {why}")]
    KeyUnusable {
        /// What is wrong with it.
        why: String,
    },
    /// Only what is built can be handed out.
    #[error("{module} is not built for {what}")]
    NotBuilt {
        /// The module.
        module: ModuleId,
        /// The kernel, or kernels.
        what: String,
    },
    /// A program that is needed could not be started.
    #[error("cannot run {program}: {source}")]
    Spawn {
        /// The program.
        program: String,
        /// Why not.
        source: std::io::Error,
    },
}

impl Failure {
    /// Whether a tool refused the sources, rather than something being missing to build them with.
    pub fn is_judged(&self) -> bool {
        match self {
            Self::BuildFailed { diagnosis, .. } => {
                diagnosis.as_ref().is_some_and(|d| d.cause == Cause::Sources)
            }
            Self::PatchRejected { .. } => true,
            _ => false,
        }
    }

    /// The first real error in the log.
    pub fn diagnosis(&self) -> Option<&Diagnosis> {
        match self {
            Self::BuildFailed { diagnosis, .. }
            | Self::FailedBefore { diagnosis, .. }
            | Self::ScriptFailed { diagnosis, .. } => diagnosis.as_ref(),
            _ => None,
        }
    }

    /// The first real error, else the failure itself.
    pub fn reason(&self) -> String {
        self.diagnosis().map_or_else(|| self.to_string(), ToString::to_string)
    }

    /// The log of a build.
    pub fn log(&self) -> Option<&Path> {
        match self {
            Self::BuildFailed { log, .. }
            | Self::FailedBefore { log, .. }
            | Self::NotProduced { log, .. }
            | Self::PatchRejected { log, .. } => Some(log),
            Self::ScriptFailed { log, .. } => log.as_deref(),
            _ => None,
        }
    }

    /// The same failure of a build with its log in another place; `None` for a failure without a log.
    #[must_use]
    pub fn with_log(&self, place: PathBuf) -> Option<Self> {
        Some(match self {
            Self::BuildFailed { module, kernel, status, diagnosis, .. } => Self::BuildFailed {
                module: module.clone(),
                kernel: kernel.clone(),
                status: *status,
                diagnosis: diagnosis.clone(),
                log: place,
            },
            Self::NotProduced { module, kernel, file, .. } => Self::NotProduced {
                module: module.clone(),
                kernel: kernel.clone(),
                file: file.clone(),
                log: place,
            },
            Self::PatchRejected { name, module, kernel, .. } => Self::PatchRejected {
                name: name.clone(),
                module: module.clone(),
                kernel: kernel.clone(),
                log: place,
            },
            Self::ScriptFailed { directive, module, status, diagnosis, .. } => Self::ScriptFailed {
                directive,
                module: module.clone(),
                status: *status,
                diagnosis: diagnosis.clone(),
                log: Some(place),
            },
            _ => return None,
        })
    }

    /// Whether it is a build that no tool has judged: with all tools in place, it may end otherwise.
    pub fn is_tried_again(&self) -> bool {
        matches!(
            self,
            Self::BuildFailed { .. }
                | Self::NotProduced { .. }
                | Self::ScriptFailed { .. }
                | Self::Spawn { .. }
        ) && !self.is_judged()
    }

    /// DKMS's exit code for this failure.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { code, .. } => *code,
            Self::Io(_)
            | Self::Name(_)
            | Self::NotRoot { .. }
            | Self::NotWritable { .. }
            | Self::UnreadablePackage(_)
            | Self::NotPublished { .. }
            | Self::KeyUnusable { .. }
            | Self::ReadOnly { .. }
            | Self::Spawn { .. } => 1,
            Self::ModuleNotNamed { .. } => 1,
            Self::Told(failure) => failure.exit_code(),
            Self::NoSource { .. } | Self::BadSettings { .. } => 2,
            Self::AlreadyAdded { .. } | Self::NotAdded { .. } | Self::UnknownName { .. } => 3,
            Self::NoConf { .. } | Self::Broken { .. } => 4,
            Self::BadPatch { .. } => 5,
            Self::PatchRejected { .. }
            | Self::NoKernel { .. }
            | Self::BuiltIncomplete { .. }
            | Self::Refused { .. }
            | Self::NotBuilt { .. }
            | Self::Depmod { .. } => 6,
            Self::NotProduced { .. } => 7,
            Self::BadConf { .. } | Self::EmptySource { .. } => 8,
            Self::BuildFailed { .. }
            | Self::FailedBefore { .. }
            | Self::Signing { .. }
            | Self::NoSandbox { .. } => 10,
            Self::Autoinstall(_) => 11,
            Self::MissingDepends { .. } | Self::DependencyFailed { .. } => 13,
            Self::NoHeaders { .. } => 21,
            Self::Archive { problem, .. } => problem.exit_code(),
            Self::Excluded { .. } => 77,
            Self::PreInstall { .. } => 101,
            Self::ScriptFailed { status, .. } => u8::try_from(*status).ok().filter(|s| *s != 0).unwrap_or(1),
        }
    }
}
