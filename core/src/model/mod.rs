//! The words everything else is said in: plain values, no I/O.

mod directives;
mod names;
mod version;

pub use directives::{Directives, Exclusive, Patch, Record};
pub use names::{Arch, InvalidName, KernelRelease, ModuleId};
pub use version::{compare, version_key};
