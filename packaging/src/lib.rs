//! Writers of packages. A [`Package`] says what is in a package in no format's words; [`deb`] writes it for dpkg.
//!
//! Nothing here reads files, clocks or the environment: the same package and date give the same bytes.

mod check;
pub mod deb;
mod error;
mod package;

pub use error::PackageError;
pub use package::{
    Architecture, Change, Comparison, Content, Dependency, Entry, Package, RelationKind, Relations,
    Requirement, ScriptPoint, Trigger, Version,
};
