//! Whose words a package speaks.

/// A family of distributions that shares names, relations, places and scripts of packages.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dialect {
    /// Debian, Ubuntu and their kin: `.deb`.
    Debian {
        /// Whether the release ships files below `/usr/lib/modules` (Debian 13, Ubuntu 24.04 and later) and not below
        /// `/lib/modules`, where dpkg would not find them to be the kernel's.
        usr_merged: bool,
    },
    /// Fedora, EL and their kin: `.rpm`.
    Fedora {
        /// What `%{dist}` is, with its dot, such as `.fc43`; may be empty.
        dist: String,
    },
    /// Arch and its kin: `.pkg.tar.zst`.
    Arch,
}
