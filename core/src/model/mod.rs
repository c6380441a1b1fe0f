//! The words everything else is said in: plain values, no I/O.

mod archive;
mod directives;
mod exit_code;
mod failure;
mod instance;
mod names;
mod prebuilt;
mod transaction;
mod version;

pub use archive::ArchiveProblem;
pub use directives::{Directives, Exclusive, Patch, Record};
pub use exit_code::EXIT_CODES;
pub use failure::{Cause, Diagnosis, Failure};
pub use instance::{
    BuildKey, BuildRecord, BuildSummary, FailureRecord, Instance, Isolation, SandboxMode, Signature,
};
pub use names::{Arch, InvalidName, KernelRelease, ModuleId};
pub use prebuilt::{BadPrebuilt, PackagedFile, Prebuilt};
pub use transaction::{Arrival, Departure, Transaction};
pub use version::compare;
