//! Module files below a kernel: placed whole or not at all, compared, taken away, with the kernel's own kept.

mod compression;
mod effort;
pub mod files;
mod modinfo;
mod originals;
mod packaged;
mod place;
mod refusal;
pub mod source;
mod stamp;
#[cfg(test)]
pub(crate) mod testing;

pub use compression::Compression;
pub use effort::{Effort, XzCheck};
pub use modinfo::{ModInfo, imports_any, module_name};
pub use originals::is_there;
pub use packaged::Packaged;
pub use place::{Comparison, Installed, Judged, Overriding, Placement, Removed, Target};
pub use stamp::{BuiltFile, Looks, Stamp};
