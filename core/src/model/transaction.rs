//! What a package manager is about to do, said in no manager's own words.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One transaction of a package manager. Adapters make it of what their manager tells; `evermod preflight --request` reads
/// it as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transaction {
    /// Who asks: `apt`, `dnf`, `dnf5`, `zypper`, `pacman`. For people.
    #[serde(default)]
    pub manager: String,
    /// What will be installed, in a new version or again.
    #[serde(default)]
    pub arrives: Vec<Arrival>,
    /// What will be removed, less what only changes its version.
    #[serde(default)]
    pub goes: Vec<Departure>,
}

/// A package that will be installed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arrival {
    /// The package's name.
    pub package: String,
    /// Its version as the manager prints it.
    #[serde(default)]
    pub version: String,
    /// The package file, if it has been downloaded and the manager says where.
    #[serde(default)]
    pub file: Option<PathBuf>,
    /// Paths of the package that the manager names, without a leading `/`; a choice of them or none.
    #[serde(default)]
    pub paths: Vec<String>,
}

/// A package that will be removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Departure {
    /// The package's name.
    pub package: String,
    /// Its version as the manager prints it.
    #[serde(default)]
    pub version: String,
    /// Paths of the package, without a leading `/`; a choice of them or none.
    #[serde(default)]
    pub paths: Vec<String>,
}
