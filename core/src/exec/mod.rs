//! Carries out plans: the only place that runs programs.

mod build;
mod collect;
mod commands;
mod confine;
pub mod dpkg;
mod environment;
mod failed;
mod install;
mod kernel_arch;
mod kernel_steps;
pub mod lock;
pub mod pending;
mod prepare;
pub mod process;
pub mod rpm;
mod run;
mod sandboxed;
mod schedule;
mod session;
pub mod shell;
mod signing;

pub use build::BuildInput;
pub use confine::{Confinement, Landlock};
pub use environment::Environment;
pub use install::InstallInput;
pub use kernel_arch::kernel_arch;
pub use kernel_steps::has_initramfs;
pub use run::Report;
pub use schedule::{Outcome, run as run_steps};
pub use session::{Session, Settings, Signing};
pub use signing::make_by_distribution;
