//! What is there: kernels, module sources, the DKMS tree; read only.

mod digests;
mod exclusive;
mod kernels;
mod tree;

pub use digests::{Digests, hex};
pub use exclusive::excluded;
pub use kernels::{Kernel, kernel, kernels};
pub use tree::{Built, Registered, Source, Tree};
