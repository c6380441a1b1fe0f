//! Writers and readers of packages. A [`Package`] says what is in a package in no format's words; [`deb`], [`rpm`]
//! and [`arch`] write it for dpkg, rpm and pacman. Writers read no files, clocks or environment: the same package and date give the same bytes.
//!
//! [`module`] says what a package of a prebuilt module is, and what one of its sources, in each distribution's words.
//!
//! [`read`] is the other way round: what is in a package file of any format, unpacked without the package manager.

pub mod arch;
mod check;
pub mod deb;
mod error;
pub mod module;
pub mod openpgp;
mod package;
pub mod read;
pub mod repository;
pub mod rpm;
mod tarball;

pub use error::PackageError;
pub use package::{
    Architecture, Change, Comparison, Content, Dependency, Entry, FileChange, FileTrigger, Package,
    RelationKind, Relations, Requirement, ScriptPoint, Trigger, Version,
};
