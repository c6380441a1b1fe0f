//! Carries out plans: the only place that runs programs.

mod build;
mod build_environment;
mod collect;
mod commands;
mod confine;
pub mod dpkg;
mod environment;
mod failed;
mod framework;
mod install;
mod kernel_steps;
pub mod lock;
mod modprobe;
pub mod pending;
mod prepare;
pub mod process;
mod run;
mod sandboxed;
mod schedule;
mod scripts;
mod session;
pub mod shell;
pub mod signing;
mod transaction;
mod weak;

pub use build::BuildInput;
pub use confine::{Confinement, Landlock};
pub use environment::Environment;
pub use install::InstallInput;
pub use kernel_steps::has_initramfs;
pub use run::Report;
pub use schedule::{Outcome, run as run_steps};
pub use session::{Session, Settings, Signing};
pub use weak::{WeakTool, weak_tool};
