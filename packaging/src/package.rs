//! What a package is, whatever its format.

use std::collections::BTreeMap;

/// A package to be written.
///
/// Names of dependencies differ between distributions, so whoever fills this in chooses them for the target;
/// the shape is common to all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Package {
    /// The package's name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// What machines it is for.
    pub architecture: Architecture,
    /// One line, without a full stop.
    pub summary: String,
    /// Paragraphs of plain text, parted by empty lines; a line that begins with a space is kept as it is.
    pub description: String,
    /// `Name <address>`.
    pub maintainer: String,
    /// The archive's section or group, such as `kernel`.
    pub section: String,
    /// Where the project lives; may be empty.
    pub homepage: String,
    /// The licence in SPDX words; Debian's packages say it in [`Self::copyright`] instead.
    pub license: String,
    /// Relations to other packages.
    pub relations: Relations,
    /// Files, links and directories, in any order. Parents need not be listed.
    pub entries: Vec<Entry>,
    /// Programs that the package manager runs, each a whole script with its `#!` line.
    pub scripts: BTreeMap<ScriptPoint, String>,
    /// dpkg's triggers.
    pub triggers: Vec<Trigger>,
    /// rpm's triggers.
    pub file_triggers: Vec<FileTrigger>,
    /// The newest change first.
    pub changelog: Vec<Change>,
    /// Text for the package's `copyright` file; no file where it is empty.
    pub copyright: String,
    /// Fields of the package's own, such as `X-Evermod-Kernel`.
    pub extra: Vec<(String, String)>,
}

/// A version in its three parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Version {
    /// Written only where it is not zero.
    pub epoch: u32,
    /// The version of the software.
    pub upstream: String,
    /// The revision of the packaging; empty where the package is its own upstream.
    pub release: String,
}

/// The machines that a package is for, in the words of `uname -m`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Architecture {
    /// Every machine.
    #[default]
    Any,
    /// One kind, such as `x86_64` or `aarch64`.
    Machine(String),
}

/// How a package relates to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RelationKind {
    /// Needed by the package's own scripts before it is unpacked.
    PreDepends,
    /// Needed.
    Depends,
    /// Wanted in all but unusual installations.
    Recommends,
    /// Of use together.
    Suggests,
    /// The reverse of `Suggests`.
    Enhances,
    /// The reverse of `Recommends`; rpm only.
    Supplements,
    /// May not be configured at the same time.
    Breaks,
    /// May not be unpacked at the same time.
    Conflicts,
    /// Takes over files, or (rpm, Arch) the whole package.
    Replaces,
    /// Names by which others may ask for it.
    Provides,
}

/// All relations of a package by kind.
pub type Relations = BTreeMap<RelationKind, Vec<Dependency>>;

/// One relation: any of its alternatives satisfies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency(pub Vec<Requirement>);

/// A package's name, perhaps with a range of versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The name.
    pub name: String,
    /// The range, as the target's package manager writes versions.
    pub version: Option<(Comparison, String)>,
}

/// How versions are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Earlier.
    Less,
    /// Earlier or the same.
    LessEqual,
    /// The same.
    Equal,
    /// The same or later.
    GreaterEqual,
    /// Later.
    Greater,
}

impl Dependency {
    /// Any version of `name`.
    pub fn on(name: impl Into<String>) -> Self {
        Self(vec![Requirement { name: name.into(), version: None }])
    }

    /// A version of `name` in a range.
    pub fn versioned(name: impl Into<String>, comparison: Comparison, version: impl Into<String>) -> Self {
        Self(vec![Requirement { name: name.into(), version: Some((comparison, version.into())) }])
    }

    /// The same, or any version of `name`.
    #[must_use]
    pub fn or(mut self, name: impl Into<String>) -> Self {
        self.0.push(Requirement { name: name.into(), version: None });
        self
    }
}

/// One path in a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Absolute.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// The owner's name.
    pub owner: String,
    /// The group's name.
    pub group: String,
    /// What is there.
    pub content: Content,
}

/// What a path holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A file.
    File(Vec<u8>),
    /// A file that the administrator may change; upgrades keep his version.
    Configuration(Vec<u8>),
    /// A symbolic link.
    Symlink(String),
    /// A directory.
    Directory,
}

impl Entry {
    fn new(path: impl Into<String>, mode: u32, content: Content) -> Self {
        Self { path: path.into(), mode, owner: "root".to_owned(), group: "root".to_owned(), content }
    }

    /// A file that everyone may read.
    pub fn file(path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self::new(path, 0o644, Content::File(content.into()))
    }

    /// A file that everyone may run.
    pub fn program(path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self::new(path, 0o755, Content::File(content.into()))
    }

    /// A file that belongs to the administrator once it is installed.
    pub fn configuration(path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self::new(path, 0o644, Content::Configuration(content.into()))
    }

    /// A symbolic link.
    pub fn symlink(path: impl Into<String>, target: impl Into<String>) -> Self {
        Self::new(path, 0o777, Content::Symlink(target.into()))
    }

    /// A directory.
    pub fn directory(path: impl Into<String>) -> Self {
        Self::new(path, 0o755, Content::Directory)
    }

    /// The same with other permissions.
    #[must_use]
    pub fn with_mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }
}

/// When a script of the package runs.
///
/// Every package manager passes arguments of its own: dpkg words such as `configure`, rpm how many versions there
/// will be, and for pacman the script gets `install`, `upgrade` or `remove`, and the versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ScriptPoint {
    /// Before the files are unpacked.
    BeforeInstall,
    /// After they are.
    AfterInstall,
    /// Before they are removed.
    BeforeRemove,
    /// After they are.
    AfterRemove,
    /// After all packages of a transaction in which this one was installed. rpm only; the other formats leave it aside.
    AfterTransaction,
}

/// A line of dpkg's `triggers` file. The other formats leave it aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// The package's postinst runs when this name or path is triggered, and whoever triggers it waits.
    Interest(String),
    /// The same, but nobody waits.
    InterestNoAwait(String),
    /// Installing or removing the package triggers this name; nobody waits.
    ActivateNoAwait(String),
}

/// A script that rpm runs once in a transaction that changes files below certain directories. The other formats leave
/// it aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileTrigger {
    /// Which change it waits for.
    pub change: FileChange,
    /// The directories, absolute; a file below any of them counts, and the script still runs once.
    pub directories: Vec<String>,
    /// A whole script with its `#!` line.
    pub script: String,
}

/// What happens to files in a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileChange {
    /// They were installed: `%transfiletriggerin`.
    Installed,
    /// They were removed: `%transfiletriggerpostun`.
    Removed,
}

/// One entry of a package's changelog.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Which version brought it.
    pub version: Version,
    /// Where it was released to, such as `stable`.
    pub distribution: String,
    /// Who made it: `Name <address>`.
    pub author: String,
    /// When, in seconds since 1970.
    pub time: u64,
    /// What changed, one sentence or paragraph each.
    pub changes: Vec<String>,
}
