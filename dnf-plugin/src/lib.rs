//! The words of the managers of rpms: dnf 4's plugin, dnf 5's actions plugin, zypper's commit plugins.
//!
//! Parsers of what they say and writers of what they are answered, without I/O. What follows from it is for others.

pub mod actions;
pub mod commit;
pub mod kernels;
pub mod lines;

use serde::Deserialize;
use std::path::PathBuf;

/// Words that are not the manager's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}, line {line}: {why}")]
pub struct Malformed {
    /// What was read, e.g. `dnf's request`.
    pub what: &'static str,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub why: String,
}

impl Malformed {
    fn json(what: &'static str, before: usize, error: &serde_json::Error) -> Self {
        Self { what, line: before + error.line(), why: error.to_string() }
    }
}

/// Whether a package comes or goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Direction {
    /// It comes, in a new version or again.
    #[default]
    In,
    /// It goes, also if another version of it comes.
    Out,
}

/// A package of a transaction: dnf's fields, and in short zypper's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Package {
    /// Whether it comes.
    #[serde(default)]
    pub direction: Direction,
    /// What dnf 5 does with it, as one letter.
    #[serde(default)]
    pub action: String,
    /// Its name.
    #[serde(alias = "n")]
    pub name: String,
    /// Its version, without epoch and release.
    #[serde(alias = "v")]
    pub version: String,
    /// Its release.
    #[serde(default, alias = "r")]
    pub release: String,
    /// Its architecture as rpm writes it.
    #[serde(default, alias = "a")]
    pub arch: String,
    /// Its file, where the manager says it.
    pub file: Option<PathBuf>,
    /// Its repository, where dnf 5 says it.
    #[serde(default)]
    pub repo_id: String,
    /// Its place in that repository.
    #[serde(default)]
    pub location: String,
}

impl Package {
    /// The name that its file has in most repositories.
    pub fn file_name(&self) -> String {
        format!("{}-{}-{}.{}.rpm", self.name, self.version, self.release, self.arch)
    }
}
