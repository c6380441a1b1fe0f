//! What files say: `dkms.conf` and its overrides, `framework.conf`, kernel configurations, `os-release`.
//!
//! Parsers are pure; loaders read through [`crate::root::Root`]. Nothing here runs a program: what needs a shell
//! goes to a [`shell::Shell`] that the caller passes in.

pub mod literal;
pub mod mangle;
pub mod shell;
pub mod vars;
mod word;
