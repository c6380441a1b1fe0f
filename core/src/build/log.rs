//! The text of `make.log` (contract 1.7): a head, then one entry per command.

use crate::model::Instance;
use std::time::Duration;

/// Begins the line with a command.
pub(super) const COMMAND: &str = "\n# command: ";
/// Begins the line after its output.
pub(super) const EXIT_CODE: &str = "\n# exit code: ";

/// The first lines of a log. `date` is what `date` prints.
pub fn head(instance: &Instance, date: &str, isolation: &str) -> String {
    let Instance { module, kernel, arch } = instance;
    format!(
        "DKMS (evermod-{}) make.log for {module} for kernel {kernel} ({arch})\n{date}\n# isolation: {isolation}\n",
        env!("CARGO_PKG_VERSION")
    )
}

/// What comes before a command's output.
pub fn entry(description: &str, command: &str) -> String {
    format!("\n{description}{COMMAND}{command}\n")
}

/// What comes after a command's output.
pub fn entry_end(status: i32, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    format!(
        "{EXIT_CODE}{status}\n# elapsed time: {:02}:{:02}:{:02}\n{}\n",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        "-".repeat(64)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout() {
        assert_eq!(entry("Building module(s)", "make"), "\nBuilding module(s)\n# command: make\n");
        let end = entry_end(2, Duration::from_secs(3725));
        assert!(end.starts_with("\n# exit code: 2\n# elapsed time: 01:02:05\n--------"), "{end}");
    }
}
