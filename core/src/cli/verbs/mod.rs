//! One file per verb, used by both dialects.

pub mod add;
pub mod autoinstall;
pub mod build;
pub mod doctor;
pub mod generate_mok;
pub mod hook;
pub mod kernel_gone;
pub mod log;
pub mod mend;
pub mod plan;
pub mod remove;
pub mod status;
pub mod sync;
pub mod uninstall;

#[cfg(test)]
mod doctor_tests;
#[cfg(test)]
mod old_trees_tests;
