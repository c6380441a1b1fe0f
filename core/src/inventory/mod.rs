//! What is there: kernels, module sources, the DKMS tree; read only.

mod candidate;
mod depends;
mod digests;
mod exclusive;
mod facts;
mod forced;
mod incoming;
mod kernel_packages;
mod kernels;
mod leftovers;
mod listing;
mod prebuilt;
mod survey;
mod tree;
mod weak;

pub use candidate::{Candidate, State};
pub use depends::{BuiltAgainst, built_against};
pub use digests::Digests;
pub use exclusive::excluded;
pub use facts::{Facts, conf_failure};
pub use forced::Forced;
pub use incoming::Incoming;
pub use kernel_packages::{KernelFile, KernelPackages, OfferedKernel};
pub use kernels::{Kernel, departure, has_image_files, kernel, kernels};
pub use leftovers::leftovers;
pub use prebuilt::{Claim, FaultyPrebuilt, Prebuilts, packaged};
pub use survey::{Candidates, Survey, SurveyOptions};
pub use tree::{Built, Registered, Source, Tree};
