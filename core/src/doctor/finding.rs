//! What a check finds.

use serde::Serialize;
use std::fmt;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// A module is not there, or will not load.
    Problem,
    /// Nothing is missing now; something will be, or is in the way.
    Warning,
    /// Harmless, and good to know.
    Note,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Name of the check.
    pub check: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// Where: a path inside the root, a module, or a kernel.
    pub place: String,
    /// What is so.
    pub what: String,
    /// Why that matters.
    pub why: String,
    /// The command that mends it, to be run as root; absent where no command alone does.
    pub mend: Option<String>,
    /// Whether `evermod sync` mends it too.
    pub by_sync: bool,
}

impl Finding {
    /// A finding without a command.
    pub fn new(
        severity: Severity,
        place: impl Into<String>,
        what: impl Into<String>,
        why: impl Into<String>,
    ) -> Self {
        Self {
            // Set by whoever runs the check.
            check: "",
            severity,
            place: place.into(),
            what: what.into(),
            why: why.into(),
            mend: None,
            by_sync: false,
        }
    }

    /// With the command that mends it.
    pub fn mend(self, command: impl Into<String>) -> Self {
        Self { mend: Some(command.into()), ..self }
    }

    /// `evermod sync` mends it.
    pub fn by_sync(self) -> Self {
        let command = self.mend.unwrap_or_else(|| "evermod sync".into());
        Self { mend: Some(command), by_sync: true, ..self }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Problem => "problem",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// Three lines for a person.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<8} {}: {}", self.severity, self.place, self.what)?;
        writeln!(f, "         {}", self.why)?;
        match &self.mend {
            Some(command) => writeln!(f, "         mend: {command}"),
            None => Ok(()),
        }
    }
}
