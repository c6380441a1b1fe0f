//! The only place that runs programs.

mod confine;
pub mod shell;

pub use confine::{Confinement, Landlock};
