//! What happens while a plan is carried out, as values.

use crate::install::{Installed, Removed};
use crate::model::{BuildRecord, Failure, Instance, KernelRelease};
use std::time::Duration;

/// One thing that happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// So many builds are about to start.
    Planned {
        /// How many.
        builds: usize,
    },
    /// A build began.
    BuildStarted {
        /// Which.
        instance: &'a Instance,
    },
    /// A build ended well; it is in the tree now.
    Built {
        /// Which.
        instance: &'a Instance,
        /// What is recorded of it.
        record: &'a BuildRecord,
        /// How many files it yielded.
        files: usize,
    },
    /// What was built before the transaction, or by an earlier run, is in the tree now; no compiler ran.
    Reused {
        /// Which.
        instance: &'a Instance,
        /// How many files there are.
        files: usize,
    },
    /// A step failed.
    Failed {
        /// Which.
        instance: &'a Instance,
        /// Why.
        failure: &'a Failure,
        /// How long it took to find out.
        elapsed: Duration,
    },
    /// Modules are in place.
    Installed {
        /// Which.
        instance: &'a Instance,
        /// The files.
        installed: &'a Installed,
    },
    /// Modules are gone.
    Removed {
        /// Which.
        instance: &'a Instance,
        /// The files.
        removed: &'a Removed,
        /// The package that serves in its place, if it made way for one.
        package: Option<&'a str>,
    },
    /// depmod is running.
    DepmodStarted {
        /// For which kernel.
        kernel: &'a KernelRelease,
    },
    /// depmod ran.
    DepmodEnded {
        /// For which kernel.
        kernel: &'a KernelRelease,
        /// For how long.
        elapsed: Duration,
    },
    /// An initramfs is being written.
    InitramfsStarted {
        /// For which kernel.
        kernel: &'a KernelRelease,
    },
    /// An initramfs was written.
    InitramfsEnded {
        /// For which kernel.
        kernel: &'a KernelRelease,
        /// In how much time.
        elapsed: Duration,
    },
    /// Something that a person should know.
    Note {
        /// A full sentence.
        text: &'a str,
    },
    /// Something that a person should know and look into; on standard error where DKMS has it there.
    Warning {
        /// A full sentence.
        text: &'a str,
    },
    /// Another evermod is at work and is waited for.
    Waiting {
        /// Who, as it wrote itself into the lock.
        holder: &'a str,
    },
}

/// Where events go.
pub trait Sink: Sync {
    /// Takes one event; called from several threads.
    fn event(&self, event: &Event<'_>);
}

/// Takes all events and does nothing with them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Sink for Silent {
    fn event(&self, _: &Event<'_>) {}
}
