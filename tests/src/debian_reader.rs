//! `tests/debian-reader`: it reads what dpkg and apt read, with a library of other hands than ours.

use std::ffi::OsStr;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::{skip, top};

/// What it prints of a package, or of a repository and a suite; `None`, reported as skipped, where it is not built.
///
/// # Errors
/// It finds something wrong.
pub fn debian_reader(words: &[&OsStr]) -> Result<Option<String>> {
    let program = top().join("target/debian-reader/debug/debian-reader");
    if !program.exists() {
        skip::report("the reader is not built: run make reader");
        return Ok(None);
    }
    let output = Command::new(program).args(words).output()?;
    ensure!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(Some(String::from_utf8(output.stdout)?))
}
