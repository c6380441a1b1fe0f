//! Names of modules, kernels and architectures.

use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A name that cannot be a directory's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{name}' cannot be a {what}: {why}")]
pub struct InvalidName {
    /// What was named.
    pub what: &'static str,
    /// The name as given.
    pub name: String,
    /// What is wrong with it.
    pub why: &'static str,
}

/// All these names become directories of the DKMS tree, so none may leave it.
fn checked(what: &'static str, name: &str) -> Result<String, InvalidName> {
    let why = if name.is_empty() {
        "it is empty"
    } else if name == "." || name == ".." {
        "it names a directory itself"
    } else if name.contains('/') {
        "it contains '/'"
    } else if name.chars().any(|c| c.is_control() || c == ',') {
        "it contains a control character or a comma"
    } else {
        return Ok(name.to_string());
    };
    Err(InvalidName { what, name: name.to_string(), why })
}

/// A module package: `name/version`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ModuleId {
    /// PACKAGE_NAME.
    pub name: String,
    /// PACKAGE_VERSION.
    pub version: String,
}

impl ModuleId {
    /// Checks both names.
    ///
    /// # Errors
    /// Either cannot be a directory's name.
    pub fn new(name: &str, version: &str) -> Result<Self, InvalidName> {
        Ok(Self { name: checked("module name", name)?, version: checked("module version", version)? })
    }
}

impl fmt::Display for ModuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.name, self.version)
    }
}

impl FromStr for ModuleId {
    type Err = InvalidName;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let (name, version) = s.split_once('/').unwrap_or((s, ""));
        Self::new(name, version)
    }
}

impl Ord for ModuleId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name
            .cmp(&other.name)
            .then_with(|| super::compare(&self.version, &other.version))
            .then_with(|| self.version.cmp(&other.version))
    }
}

impl PartialOrd for ModuleId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A kernel release as `uname -r` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KernelRelease(String);

impl KernelRelease {
    /// Checks the name.
    ///
    /// # Errors
    /// It cannot be a directory's name.
    pub fn new(release: &str) -> Result<Self, InvalidName> {
        checked("kernel release", release).map(Self)
    }

    /// The release as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KernelRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Ord for KernelRelease {
    fn cmp(&self, other: &Self) -> Ordering {
        super::compare(&self.0, &other.0).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for KernelRelease {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// An architecture string as the DKMS tree has it: `uname -m` or the package manager's own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Arch(String);

impl Arch {
    /// Checks the name.
    ///
    /// # Errors
    /// It cannot be a directory's name.
    pub fn new(arch: &str) -> Result<Self, InvalidName> {
        checked("architecture", arch).map(Self)
    }

    /// The architecture as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether two strings name one machine: trees that a package manager's scripts wrote have `amd64` where others have
    /// `x86_64`.
    pub fn is_same_machine(&self, other: &Self) -> bool {
        const TABLE: [(&str, &str); 8] = [
            ("amd64", "x86_64"),
            ("arm64", "aarch64"),
            ("armhf", "armv7l"),
            ("armel", "armv5tel"),
            ("ppc64el", "ppc64le"),
            ("i386", "i686"),
            ("i486", "i686"),
            ("i586", "i686"),
        ];
        let machine = |name: &str| {
            TABLE.iter().find(|(alias, _)| *alias == name).map_or(name.to_string(), |(_, m)| (*m).to_string())
        };
        machine(&self.0) == machine(&other.0)
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_the_tree_are_refused() {
        for bad in ["", ".", "..", "a/b", "a\nb", "a,b"] {
            assert!(KernelRelease::new(bad).is_err(), "{bad:?}");
            assert!(ModuleId::new("m", bad).is_err(), "{bad:?}");
        }
        assert_eq!("zfs/2.1.11".parse::<ModuleId>().unwrap().to_string(), "zfs/2.1.11");
        assert!("zfs".parse::<ModuleId>().is_err());
    }

    #[test]
    fn architectures_by_other_names() {
        let same = |a, b| Arch::new(a).unwrap().is_same_machine(&Arch::new(b).unwrap());
        assert!(same("amd64", "x86_64") && same("x86_64", "amd64") && same("s390x", "s390x"));
        assert!(same("i386", "i586") && !same("amd64", "i386") && !same("aarch64", "x86_64"));
    }

    #[test]
    fn releases_sort_by_number() {
        let mut all: Vec<_> = ["6.12.1-amd64", "6.1.0-9-amd64", "6.1.0-56-amd64"]
            .iter()
            .map(|k| KernelRelease::new(k).unwrap())
            .collect();
        all.sort();
        assert_eq!(
            all.iter().map(KernelRelease::as_str).collect::<Vec<_>>(),
            ["6.1.0-9-amd64", "6.1.0-56-amd64", "6.12.1-amd64"]
        );
    }
}
