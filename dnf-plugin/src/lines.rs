//! What `dnf4/evermod.py` writes: one JSON object a line, each a package.

use crate::{Malformed, Package};

/// Reads the packages.
///
/// # Errors
/// The line that is none.
pub fn packages(text: &str) -> Result<Vec<Package>, Malformed> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(n, line)| serde_json::from_str(line).map_err(|e| Malformed::json("dnf's request", n, &e)))
        .collect()
}
