//! The machine as the program found it: taken once at the start, passed to whoever needs it.

use crate::model::{Arch, KernelRelease};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What the running system and the caller's environment say.
#[derive(Debug, Clone)]
pub struct Environment {
    /// `uname -r`.
    pub running: KernelRelease,
    /// `uname -m`.
    pub arch: Arch,
    /// How many processors this process may use.
    pub cpus: usize,
    /// Memory that can be had without swapping, in bytes; 0 if unknown.
    pub memory: u64,
    /// Whether this is uid 0.
    pub is_root: bool,
    /// The caller's environment.
    pub variables: BTreeMap<String, String>,
    /// Seconds east of UTC, with the zone's name, for dates in logs.
    pub now: String,
}

/// Memory that one compiler or modpost may need, in bytes.
const MEMORY_PER_JOB: u64 = 300 << 20;

impl Environment {
    /// A program on the `PATH`.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        if name.contains('/') {
            return Some(PathBuf::from(name)).filter(|path| is_executable(path));
        }
        let path = self.variables.get("PATH").map_or("/usr/sbin:/usr/bin:/sbin:/bin", String::as_str);
        // A caller's PATH may lack the sbin directories, where depmod is.
        path.split(':')
            .chain(["/usr/sbin", "/sbin", "/usr/bin", "/bin"])
            .filter(|dir| !dir.is_empty())
            .map(|dir| Path::new(dir).join(name))
            .find(|path| is_executable(path))
    }

    /// How many compilers may run at once: as many as processors, bounded by memory.
    pub fn jobs(&self) -> usize {
        let by_memory = match self.memory {
            0 => usize::MAX,
            memory => usize::try_from(memory / MEMORY_PER_JOB).unwrap_or(usize::MAX),
        };
        self.cpus.min(by_memory).max(1)
    }
}

/// True if this is a file that somebody may execute.
pub(super) fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
