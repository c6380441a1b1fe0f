//! The command line, in both dialects.

mod context;
pub mod dkms;
mod errors;
mod evermod;
mod hooks;
mod openpgp;
mod package_arguments;
mod verbs;

#[cfg(test)]
mod testing;

pub use evermod::command;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

/// Runs the program with its whole command line: DKMS's dialect if it was called by the name `dkms`, else evermod's.
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    // What is written is for everybody to read, whoever calls (contract 1.9).
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let name = arguments.first().map(Path::new).and_then(Path::file_name);
    if name.is_some_and(|name| name == "dkms") { dkms::main(&arguments) } else { evermod::main(arguments) }
}
