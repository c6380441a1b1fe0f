//! Writers and readers of packages. A [`Package`] says what is in a package in no format's words; [`deb`] writes it for
//! dpkg. Writers read no files, clocks or environment: the same package and date give the same bytes.
//!
//! [`read`] is the other way round: what is in a package file of any format, unpacked without the package manager.

mod check;
pub mod deb;
mod error;
mod package;
pub mod read;

pub use error::PackageError;
pub use package::{
    Architecture, Change, Comparison, Content, Dependency, Entry, Package, RelationKind, Relations,
    Requirement, ScriptPoint, Trigger, Version,
};
