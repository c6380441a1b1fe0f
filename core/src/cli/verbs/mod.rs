//! One file per verb, used by both dialects.

pub mod add;
pub mod autoinstall;
pub mod build;
pub mod generate_mok;
pub mod hook;
pub mod kernel_gone;
pub mod lint;
pub mod log;
pub mod plan;
pub mod policy;
pub mod remove;
pub mod status;
pub mod sync;
pub mod uninstall;
