//! Programs are run here and nowhere else.

use crate::model::Failure;
use std::process::{Command, ExitStatus, Output, Stdio};

fn cannot_run(command: &Command, source: std::io::Error) -> Failure {
    Failure::Spawn { program: command.get_program().to_string_lossy().into_owned(), source }
}

/// Runs a program to its end, with standard input from nowhere, and keeps what it prints.
///
/// # Errors
/// It cannot be started.
pub fn output(command: &mut Command) -> Result<Output, Failure> {
    command.stdin(Stdio::null());
    command.output().map_err(|e| cannot_run(command, e))
}

/// Runs a program to its end; where its output goes is the caller's business.
///
/// # Errors
/// It cannot be started.
pub fn status(command: &mut Command) -> Result<ExitStatus, Failure> {
    command.status().map_err(|e| cannot_run(command, e))
}

/// A command as one would type it.
pub fn text(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// A status as a shell would give it: the exit code, or 128 and the signal.
pub fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1)
}
