//! Packages of prebuilt modules: what they are called, what they need and what they run where they are installed, in the
//! words of each distribution.
//!
//! A [`ModulePackage`] is one module, built for one kernel; a [`SourcePackage`] holds the sources of the same module, to be
//! built where it is installed. Each [`Dialect`] makes a [`Package`](crate::Package) of them, for the writers.

mod arch;
mod debian;
mod dialect;
mod draft;
mod fedora;
mod layout;
mod license;
mod lintian;
mod manifest;
mod prebuilt;
mod scripts;
mod source;
#[cfg(test)]
mod tests;
mod words;

pub use dialect::{Dialect, Signed};
pub use prebuilt::{KernelPackage, ModuleFile, ModulePackage, Need, Provenance, TargetKernel};
pub use source::{SourceContent, SourceFile, SourcePackage};

/// What a person reads about a module, the same in all of its packages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// One line, without a full stop; may be empty, and a plain one is written then.
    pub summary: String,
    /// Paragraphs of plain text, parted by empty lines; may be empty.
    pub description: String,
    /// The licence, as the modules' own `license=` says it (`GPL`, `Dual MIT/GPL`, `Proprietary`); may be empty.
    pub license: String,
    /// `Name <address>`: who answers for the package.
    pub maintainer: String,
    /// Where the project lives; may be empty.
    pub homepage: String,
    /// The text of the licence and the holders of the rights, where it is known: a whole `copyright` file.
    pub copyright: String,
    /// What changed in this revision, one sentence each; may be empty.
    pub changes: Vec<String>,
    /// When that was, in seconds since 1970: the source date, never the clock's.
    pub date: u64,
}
