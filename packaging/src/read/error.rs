//! Why a package file cannot be read or unpacked.

use std::io;
use std::path::{Path, PathBuf};

/// What is wrong with a package file; the text names the file, and is one line.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", shown(&path.to_string_lossy()))]
pub struct ReadError {
    /// The package file.
    pub path: PathBuf,
    problem: Problem,
}

impl ReadError {
    pub(super) fn new(path: &Path, problem: Problem) -> Self {
        Self { path: path.to_path_buf(), problem }
    }
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("cannot be opened: {0}")]
    Open(io::Error),
    #[error("cannot be read: {}", shown(&.0.to_string()))]
    Read(io::Error),
    #[error("is no package: {0}")]
    NotAPackage(String),
    #[error("is damaged: {0}")]
    Damaged(String),
    #[error("is refused: {}: {why}", shown(name))]
    Refused { name: String, why: String },
    #[error("is too big: it holds more than {0}")]
    TooBig(String),
    #[error("cannot be unpacked: {}: {why}", shown(name))]
    Write { name: String, why: io::Error },
}

impl Problem {
    pub(super) fn not_a_package(why: impl Into<String>) -> Self {
        Self::NotAPackage(why.into())
    }

    pub(super) fn damaged(why: impl Into<String>) -> Self {
        Self::Damaged(why.into())
    }

    pub(super) fn refused(name: &str, why: impl Into<String>) -> Self {
        Self::Refused { name: name.to_owned(), why: why.into() }
    }

    pub(super) fn write(name: &str, why: impl Into<io::Error>) -> Self {
        Self::Write { name: name.to_owned(), why: why.into() }
    }

    /// An error of a decoder, whose text may quote what a stranger wrote.
    pub(super) fn decoding(why: &io::Error) -> Self {
        match why.kind() {
            io::ErrorKind::UnexpectedEof => Self::damaged("it ends too early"),
            _ => Self::damaged(shown(&why.to_string())),
        }
    }
}

/// A stranger's word on one line of a terminal, and no longer than one wants to read.
fn shown(text: &str) -> String {
    const LONGEST: usize = 200;
    let mut out: String = text.chars().take(LONGEST).map(|c| if c.is_control() { '?' } else { c }).collect();
    if text.chars().nth(LONGEST).is_some() {
        out.push_str("...");
    }
    out
}
