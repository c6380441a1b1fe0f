//! Archives of modules, as DKMS's `mktarball` writes and its `ldtarball` reads them: sources, builds, or both.
//!
//! ```text
//! dkms_main_tree/KERNEL/ARCH/{module,log}/    what was built
//! dkms_source_tree/                           the sources, with their dkms.conf; or, of binaries alone:
//! dkms_binaries_only/                         PACKAGE_NAME, PACKAGE_VERSION and the dkms.conf
//! ```
//!
//! Whoever hands out an archive decides what is in it, so reading one trusts nothing: see [`unpack()`].

mod codec;
mod layout;
mod pack;
mod unpack;
#[cfg(test)]
mod unpack_tests;

pub use codec::Codec;
pub use layout::{Build, Layout, default_name};
pub use pack::{Contents, pack};
pub use unpack::{Limits, Unpacked, unpack};

/// Builds, by kernel and architecture.
pub const MAIN_TREE: &str = "dkms_main_tree";
/// Sources.
pub const SOURCE_TREE: &str = "dkms_source_tree";
/// What stands in for the sources where there are none.
pub const BINARIES_ONLY: &str = "dkms_binaries_only";
