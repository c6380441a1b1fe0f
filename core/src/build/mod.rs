//! What one build is: its command, its sandbox, its log. Pure; `exec` carries it out.

mod command;
mod diagnose;
pub mod log;
mod sandbox;

pub use command::{Program, make_command, program, quoted, with_jobs};
pub use diagnose::diagnose;
pub use sandbox::{Sandbox, User, has_started};
