//! One instance as it stands, with everything that decides what becomes of it.

use super::depends::BuiltAgainst;
use crate::model::{BuildKey, BuildSummary, FailureRecord, Instance, KernelRelease};

/// One instance as it stands.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Which one.
    pub instance: Instance,
    /// AUTOINSTALL.
    pub autoinstall: bool,
    /// BUILD_DEPENDS.
    pub depends: Vec<String>,
    /// The packages that it is to be built again for when their version changes; only where it is built.
    pub built_against: Vec<BuiltAgainst>,
    /// Why BUILD_EXCLUSIVE rules it out, if it does.
    pub excluded: Option<String>,
    /// Its state in the tree and the kernel.
    pub state: State,
    /// The key of its inputs as they are now; absent without headers.
    pub key: Option<BuildKey>,
    /// What was recorded when it was built.
    pub record: Option<BuildSummary>,
    /// The last failed build, if the last one failed.
    pub failure: Option<FailureRecord>,
    /// Whether the kernel has headers to build against.
    pub headers: bool,
    /// Whether the kernel has module directories to install to.
    pub image: bool,
}

/// How far an instance is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Registered only.
    Added,
    /// In the tree.
    Built,
    /// In the tree, but not all of it: which file is missing there.
    Incomplete(String),
    /// In the tree, active, and its files lie unaltered below the kernel.
    Installed,
    /// Active, but a file is missing or different; which.
    Damaged(String),
    /// Not built, but the modules of another kernel serve by a link.
    Weak(KernelRelease),
    /// A package of prebuilt modules serves, or is about to; in whatever version.
    Prebuilt {
        /// Whether it is in the tree too.
        is_built: bool,
    },
}

impl Candidate {
    /// True if it was built from inputs that have changed since.
    pub fn is_stale(&self) -> bool {
        matches!((&self.record, &self.key), (Some(record), Some(key)) if record.key != *key)
    }
}
