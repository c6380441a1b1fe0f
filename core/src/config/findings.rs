//! What is to be said about a configuration.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth changing; without effect here.
    Deprecated,
    /// Probably not what was meant.
    Warning,
    /// The configuration cannot be used.
    Error,
}

/// What it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// A required directive is missing.
    Missing,
    /// A module name ends in `.o` or `.ko`.
    Suffix,
    /// A destination is not below `/kernel`, `/updates` or `/extra`.
    Destination,
    /// A name or place would leave the directory that it belongs to.
    Escapes,
    /// Names and locations do not pair up.
    LengthMismatch,
    /// An array index is beyond all reason.
    Index,
    /// A yes-or-no directive is neither.
    Boolean,
    /// No module at all.
    ZeroModules,
    /// Two records name the same file.
    Duplicate,
    /// Something DKMS no longer does.
    Deprecated,
    /// PACKAGE_NAME or PACKAGE_VERSION is not what the module is registered as.
    Identity,
    /// The file wrote to stderr.
    Said,
    /// The file called `exit`.
    Exited,
    /// A value fell apart when DKMS's second reading met its quotes.
    Destroyed,
}

/// One thing to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    pub kind: FindingKind,
    /// The record (module number) that it concerns, if it is one.
    pub record: Option<usize>,
    /// One sentence for a person.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
