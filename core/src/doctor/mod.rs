//! `evermod doctor`: looks at everything that can be wrong with the modules of a root, and changes nothing.
//!
//! Each file holds the checks of one subject and their rows of the table. A check is a function from what was found
//! ([`Machine`]) to findings; each finding names the command that mends it.

mod builds;
mod finding;
mod host;
mod installed;
mod kernels;
mod keys;
mod machine;
mod modprobe;
mod originals;
mod prebuilts;
mod signatures;
mod tree;

pub use finding::{Finding, Severity};
pub use machine::Machine;

use serde::Serialize;

/// One row of the table.
pub struct Check {
    /// Its name, in JSON too.
    pub name: &'static str,
    /// What it looks for.
    pub about: &'static str,
    run: fn(&Machine<'_>) -> Vec<Finding>,
}

const TABLE: [&[Check]; 10] = [
    tree::CHECKS,
    builds::CHECKS,
    kernels::CHECKS,
    installed::CHECKS,
    originals::CHECKS,
    prebuilts::CHECKS,
    modprobe::CHECKS,
    keys::CHECKS,
    signatures::CHECKS,
    host::CHECKS,
];

/// All checks.
pub fn checks() -> impl Iterator<Item = &'static Check> {
    TABLE.iter().flat_map(|rows| rows.iter())
}

/// What all checks found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// Format of this value: 1.
    pub version: u32,
    /// The findings, worst first.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// How many findings want something done: all but notes.
    pub fn wanting(&self) -> usize {
        self.findings.iter().filter(|f| f.severity != Severity::Note).count()
    }
}

/// Runs all checks.
pub fn examine(machine: &Machine<'_>) -> Diagnosis {
    let mut findings: Vec<_> = checks()
        .flat_map(|check| (check.run)(machine).into_iter().map(|f| Finding { check: check.name, ..f }))
        .collect();
    // Stable: findings of one weight stay in the table's order.
    findings.sort_by_key(|finding| finding.severity);
    Diagnosis { version: 1, findings }
}
