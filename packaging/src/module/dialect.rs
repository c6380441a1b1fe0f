//! Whose words a package speaks.

use super::{ModulePackage, SourcePackage, arch, debian, fedora};
use crate::openpgp::{Kind, SignError, Signer};
use crate::read::Format;
use crate::{Package, PackageError};

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

impl Dialect {
    /// The package of a prebuilt.
    ///
    /// # Errors
    /// A name, version or place that may not stand in a package, or is not known where this dialect needs it: named with what
    /// is wrong. Nothing has been written then.
    pub fn prebuilt(&self, package: &ModulePackage) -> Result<Package, PackageError> {
        match self {
            Self::Debian { usr_merged } => debian::prebuilt(package, *usr_merged),
            Self::Fedora { dist } => fedora::prebuilt(package, dist),
            Self::Arch => arch::prebuilt(package),
        }
    }

    /// The package that follows the newest kernel of a flavour, made for the newest one's prebuilt. `None` where the kernel
    /// has no flavour, and on Arch, where the prebuilt itself is upgraded with the kernel.
    ///
    /// # Errors
    /// As [`Self::prebuilt`].
    pub fn metapackage(&self, newest: &ModulePackage) -> Result<Option<Package>, PackageError> {
        match self {
            Self::Debian { .. } => debian::metapackage(newest),
            Self::Fedora { dist } => fedora::metapackage(newest, dist),
            Self::Arch => Ok(None),
        }
    }

    /// The package of a module's sources.
    ///
    /// # Errors
    /// As [`Self::prebuilt`].
    pub fn source(&self, package: &SourcePackage) -> Result<Package, PackageError> {
        match self {
            Self::Debian { .. } => debian::source(package),
            Self::Fedora { dist } => fedora::source(package, dist),
            Self::Arch => arch::source(package),
        }
    }

    /// The format of its packages.
    #[must_use]
    pub fn format(&self) -> Format {
        match self {
            Self::Debian { .. } => Format::Deb,
            Self::Fedora { .. } => Format::Rpm,
            Self::Arch => Format::Arch,
        }
    }

    /// What the file of a package is called.
    #[must_use]
    pub fn file_name(&self, package: &Package) -> String {
        match self {
            Self::Debian { .. } => crate::deb::file_name(package),
            Self::Fedora { .. } => crate::rpm::file_name(package),
            Self::Arch => crate::arch::file_name(package),
        }
    }

    /// A whole package file. `source_date`, in seconds since 1970, is the time of all that is in it.
    ///
    /// # Errors
    /// A package that breaks a rule of the format, named with the part that does.
    pub fn write(&self, package: &Package, source_date: u64) -> Result<Vec<u8>, PackageError> {
        match self {
            Self::Debian { .. } => crate::deb::write(package, source_date),
            Self::Fedora { .. } => crate::rpm::write(package, source_date),
            Self::Arch => crate::arch::write(package, source_date),
        }
    }

    /// Signs a package that [`Self::write`] made, as its manager wants it: rpm inside the package, pacman in a file beside it,
    /// and apt only whole repositories.
    ///
    /// # Errors
    /// The key cannot be used.
    pub fn sign(&self, package: Vec<u8>, signer: &dyn Signer) -> Result<Signed, SignError> {
        Ok(match self {
            Self::Debian { .. } => Signed { package, beside: None },
            Self::Fedora { .. } => Signed { package: crate::rpm::sign_own(&package, signer)?, beside: None },
            Self::Arch => Signed { beside: Some(signer.sign(&package, Kind::Binary)?), package },
        })
    }
}

/// A package with its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The package file.
    pub package: Vec<u8>,
    /// What goes into a file of the same name and `.sig`, if anything.
    pub beside: Option<Vec<u8>>,
}
