//! The plan: what has to be done so that every module is there for every kernel. A value, made by a pure function.

mod difference;
mod forecast;
mod order;
mod text;

#[cfg(test)]
mod testing;

pub use difference::{Found, plan};
pub use forecast::{Evidence, Failed, Forecast, Outlook, Verdict, forecast};

use crate::model::{Arch, FailureRecord, Instance, KernelRelease, ModuleId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Only these kernels; all with headers if empty.
    pub kernels: Vec<KernelRelease>,
    /// Only these modules; all that ask for autoinstall if empty.
    pub modules: Vec<ModuleId>,
    /// Try failed builds again although nothing changed.
    pub retry: bool,
    /// Refresh the initramfs of kernels whose modules change and that have one.
    pub initramfs: bool,
    /// Kernels whose initramfs is written after this anyway.
    #[serde(default)]
    pub initramfs_follows: Vec<KernelRelease>,
    /// Somebody runs depmod after this anyway. The kernels stay noted as waiting for it.
    #[serde(default)]
    pub depmod_follows: bool,
    /// The package manager that asks; empty if none does.
    #[serde(default)]
    pub manager: String,
}

/// What cannot be planned for and must not be passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "problem")]
pub enum Note {
    /// A kernel has no headers, so nothing can be built for it.
    NoHeaders {
        /// The kernel.
        kernel: KernelRelease,
        /// The modules that it therefore lacks.
        modules: Vec<ModuleId>,
        /// How to get the headers, as a clause.
        #[serde(default)]
        hint: Option<String>,
    },
    /// BUILD_EXCLUSIVE rules the instance out.
    Excluded {
        /// Which one.
        instance: Instance,
        /// The directive.
        why: String,
    },
    /// It failed with these very inputs.
    FailedBefore {
        /// What is remembered.
        failure: Box<FailureRecord>,
    },
    /// A module that it needs is not there and not coming.
    Blocked {
        /// Which one.
        instance: Instance,
        /// The BUILD_DEPENDS names.
        missing: Vec<String>,
    },
    /// A module that it needs is not even registered: its package may be on the way.
    Deferred {
        /// Which one.
        instance: Instance,
        /// The BUILD_DEPENDS names.
        missing: Vec<String>,
    },
    /// A module that it needs is there as a prebuilt only, and nothing can be built against that.
    OnlyPrebuilt {
        /// Which one.
        instance: Instance,
        /// The BUILD_DEPENDS names.
        missing: Vec<String>,
    },
    /// The kernel's own module is the same or newer.
    Refused {
        /// Which one.
        instance: Instance,
        /// What the kernel has.
        why: String,
    },
    /// Where kernels have their modules is mounted read-only: what is built waits in the tree.
    ReadOnly {
        /// The directory.
        path: PathBuf,
        /// The kernels in question.
        kernels: Vec<KernelRelease>,
        /// The modules that wait; none where only depmod does.
        modules: Vec<ModuleId>,
    },
    /// The module's source is gone.
    Broken {
        /// Which module.
        module: ModuleId,
    },
    /// Its dkms.conf cannot be used.
    BadConf {
        /// Which module.
        module: ModuleId,
        /// The file.
        path: PathBuf,
        /// What is wrong, one message each.
        findings: Vec<String>,
    },
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "action")]
pub enum Action {
    /// Compile, strip, sign, compress, put into the tree.
    Build {
        /// Which instance.
        instance: Instance,
    },
    /// Place the built files below the kernel and make the version active.
    Install {
        /// Which instance.
        instance: Instance,
        /// Whatever version the kernel has.
        force: bool,
    },
    /// Take the files that were built here away from below the kernel, since a package's prebuilt modules serve; what was
    /// built stays in the tree.
    Uninstall {
        /// Which instance.
        instance: Instance,
        /// The package.
        package: String,
    },
    /// Record the inputs of what another program built.
    Adopt {
        /// Which instance.
        instance: Instance,
    },
    /// Run depmod, once, when all modules are in place.
    Depmod {
        /// The kernel.
        kernel: KernelRelease,
        /// Its architecture.
        arch: Arch,
    },
    /// Write the initramfs anew, once, after depmod.
    Initramfs {
        /// The kernel.
        kernel: KernelRelease,
    },
}

/// An action, why, and what must be done before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What to do.
    #[serde(flatten)]
    pub action: Action,
    /// Why, in a few words.
    pub why: String,
    /// Indices of the steps that come first.
    pub after: Vec<usize>,
}

/// A graph of steps, every one after those it waits for, and what could not be planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Format of this value: 1.
    pub version: u32,
    /// What to do.
    pub steps: Vec<Step>,
    /// What will not be done, and why.
    pub notes: Vec<Note>,
}

impl Default for Plan {
    fn default() -> Self {
        Self { version: 1, steps: Vec::new(), notes: Vec::new() }
    }
}

impl Action {
    /// The kernel that the action is for.
    pub fn kernel(&self) -> &KernelRelease {
        match self {
            Self::Build { instance }
            | Self::Install { instance, .. }
            | Self::Uninstall { instance, .. }
            | Self::Adopt { instance } => &instance.kernel,
            Self::Depmod { kernel, .. } | Self::Initramfs { kernel } => kernel,
        }
    }

    /// The instance that the action is for, if it is for one.
    pub fn instance(&self) -> Option<&Instance> {
        match self {
            Self::Build { instance }
            | Self::Install { instance, .. }
            | Self::Uninstall { instance, .. }
            | Self::Adopt { instance } => Some(instance),
            Self::Depmod { .. } | Self::Initramfs { .. } => None,
        }
    }
}

impl Plan {
    /// Adds a step and tells its index.
    pub fn add(&mut self, action: Action, why: impl Into<String>, after: Vec<usize>) -> usize {
        self.steps.push(Step { action, why: why.into(), after });
        self.steps.len() - 1
    }

    /// Says for every kernel without headers how to get them: what the distribution knows and planning does not.
    pub fn hint_at_headers(&mut self, how: &dyn Fn(&KernelRelease) -> String) {
        for note in &mut self.notes {
            if let Note::NoHeaders { kernel, hint, .. } = note {
                *hint = Some(how(kernel));
            }
        }
    }

    /// The kernels below which files would change.
    pub fn touched(&self) -> BTreeSet<&KernelRelease> {
        let touches = |action: &&Action| matches!(action, Action::Install { .. } | Action::Depmod { .. });
        self.steps.iter().map(|step| &step.action).filter(touches).map(Action::kernel).collect()
    }

    /// True if there is nothing to do but to take note of what is there.
    pub fn is_idle(&self) -> bool {
        self.steps.iter().all(|step| matches!(step.action, Action::Adopt { .. }))
    }
}
