//! One file per verb, used by both dialects.

pub mod add;
pub mod autoinstall;
pub mod build;
mod dependents;
pub mod doctor;
mod foreseen;
pub mod generate_mok;
pub mod hook;
pub mod kernel_gone;
pub mod ldtarball;
pub mod lint;
pub mod log;
pub mod matching;
pub mod mend;
pub mod mktarball;
pub mod package;
pub mod plan;
pub mod policy;
pub mod preflight;
pub mod publish;
pub mod remove;
pub mod retire;
pub mod rpm_safe;
pub mod status;
pub mod sync;
pub mod uninstall;

#[cfg(test)]
mod doctor_tests;
#[cfg(test)]
mod old_trees_tests;
#[cfg(test)]
mod prebuilt_tests;
