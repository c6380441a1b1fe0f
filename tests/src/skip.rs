//! Tests that cannot run say so: the run's last line counts them.

use std::io::Write as _;
use std::path::Path;

/// Why tests in roots cannot run here, if so.
#[must_use]
pub fn missing(programs: &[&str]) -> Option<String> {
    let uid = fs_err::read_to_string("/proc/self/status")
        .ok()
        .and_then(|s| s.lines().find_map(|l| l.strip_prefix("Uid:\t").map(str::to_owned)))
        .and_then(|l| l.split_whitespace().next().map(str::to_owned));
    if uid.as_deref() != Some("0") {
        return Some("needs root, to mount the test roots".to_owned());
    }
    let directories = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/bin"];
    programs
        .iter()
        .find(|program| !directories.iter().any(|directory| Path::new(directory).join(program).exists()))
        .map(|program| format!("needs {program}; tests/setup.sh installs it"))
}

/// Reports the test that runs on this thread as skipped. The line reaches the terminal past the test runner's capture,
/// and `make test` counts it.
pub fn report(why: &str) {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("test");
    // Nobody is left to tell if stderr is gone.
    let _ = writeln!(std::io::stderr(), "skipped: {name}: {why}");
}

/// Leaves the test, as skipped, where the machine cannot run it: `need!("qemu-system-x86_64")`.
#[macro_export]
macro_rules! need {
    ($($program:expr),* $(,)?) => {
        if let Some(why) = $crate::skip::missing(&["unshare", "nsenter", "mmdebstrap", $($program),*]) {
            $crate::skip::report(&why);
            return Ok(());
        }
    };
}
