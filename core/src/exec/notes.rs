//! What is noted of kernels in evermod's state: a file with the kernel's name, of lines that stand there once.

use crate::install::files::write_atomically;
use crate::model::KernelRelease;
use std::io;
use std::path::Path;

/// Adds lines to a note. It is written even if it has them all: its time tells of the last change.
///
/// # Errors
/// The state directory cannot be written to.
pub(super) fn add(note: &Path, lines: impl IntoIterator<Item = String>) -> io::Result<()> {
    let mut text = std::fs::read_to_string(note).unwrap_or_default();
    for new in lines {
        if !text.lines().any(|line| line == new) {
            text.push_str(&new);
            text.push('\n');
        }
    }
    write_atomically(note, text.as_bytes(), 0o644, None)
}

/// The kernels that a directory has notes of, oldest first.
pub(super) fn kernels(dir: &Path) -> Vec<KernelRelease> {
    let Ok(listing) = std::fs::read_dir(dir) else { return Vec::new() };
    let names = listing.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut found: Vec<_> = names.filter_map(|name| KernelRelease::new(&name).ok()).collect();
    found.sort();
    found
}
