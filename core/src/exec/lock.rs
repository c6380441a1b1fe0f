//! One evermod at a time may change a root.

use super::ancestry::ancestors;
use crate::model::Failure;
use crate::places::Places;
use crate::report::{Event, Sink};
use rustix::fs::{FlockOperation, flock};
use std::cell::Cell;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;

/// Held as long as it lives; a process that dies lets go of it.
#[derive(Debug)]
pub struct Lock {
    /// None where an ancestor holds it for us.
    file: Option<File>,
    cut_off: Cell<bool>,
}

impl Lock {
    /// Whether a run that this one descends from holds the lock.
    pub fn is_nested(&self) -> bool {
        self.file.is_none()
    }

    /// Whether a run before this one was cut off and what it left has not been cleaned away.
    pub fn is_after_cut_off(&self) -> bool {
        self.cut_off.get()
    }

    /// What cut-off runs left has been cleaned away.
    pub fn cleaned(&self) {
        self.cut_off.set(false);
    }
}

impl Drop for Lock {
    /// Whoever ends in good order empties the lock file; a name in it tells of one who did not.
    fn drop(&mut self) {
        if let (Some(file), false) = (&self.file, self.cut_off.get()) {
            // Failing costs the next run one look at nothing.
            let _ = file.set_len(0);
        }
    }
}

/// The process that a holder's line names.
fn process_in(holder: &str) -> Option<u32> {
    holder.trim().strip_suffix(')')?.rsplit_once("(process ")?.1.parse().ok()
}

/// Whether a process is one that this one descends from.
fn is_ancestor(process: u32) -> bool {
    ancestors().any(|ancestor| ancestor.id == process)
}

/// Takes the lock, waiting for whoever has it. `who` is what the next one in line is told.
///
/// # Errors
/// The state directory cannot be written to.
pub fn take(places: &Places, who: &str, sink: &dyn Sink) -> Result<Lock, Failure> {
    fs_err::create_dir_all(places.state(""))?;
    take_file(&places.state("lock"), who, sink)
}

/// The same with another file than the machine's.
///
/// # Errors
/// The file cannot be made or written to.
pub fn take_file(path: &Path, who: &str, sink: &dyn Sink) -> Result<Lock, Failure> {
    let mut file =
        fs_err::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    if flock(file.file(), FlockOperation::NonBlockingLockExclusive).is_err() {
        let mut holder = String::new();
        // Who holds it is a courtesy; not being able to tell is no reason to stop.
        let _ = file.read_to_string(&mut holder);
        // A script of a package, or an initramfs hook, that calls us while we wait for it: it goes on under our lock.
        if process_in(&holder).is_some_and(is_ancestor) {
            return Ok(Lock { file: None, cut_off: Cell::new(false) });
        }
        sink.event(&Event::Waiting { holder: holder.trim() });
        loop {
            match flock(file.file(), FlockOperation::LockExclusive) {
                Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(std::io::Error::other(format!("{}: {e}", path.display())).into()),
                Ok(()) => break,
            }
        }
    }
    let cut_off = Cell::new(file.metadata()?.len() > 0);
    file.rewind()?;
    file.set_len(0)?;
    writeln!(file, "{who} (process {})", std::process::id())?;
    Ok(Lock { file: Some(file.into_parts().0), cut_off })
}

/// Who was cut off, if a run was and none runs now. Only looks.
pub fn cut_off(places: &Places) -> Option<String> {
    let mut file = File::open(places.state("lock")).ok()?;
    // Shared, and let go at once: a run that begins meanwhile waits for an instant.
    flock(&file, FlockOperation::NonBlockingLockShared).ok()?;
    let mut holder = String::new();
    file.read_to_string(&mut holder).ok()?;
    let holder = holder.trim();
    (!holder.is_empty()).then(|| holder.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Silent;
    use crate::root::Root;

    #[test]
    fn ancestors() {
        assert!(is_ancestor(std::os::unix::process::parent_id()));
        assert!(!is_ancestor(std::process::id()));
        assert_eq!(process_in("sync of m/1 (2) (process 4711)\n"), Some(4711));
        assert_eq!(process_in("sync"), None);
    }

    #[test]
    fn a_name_in_the_file_tells_of_a_run_that_was_cut_off() {
        let dir = tempfile::tempdir().unwrap();
        let places = Places::new(Root::new(dir.path()));
        let text = || std::fs::read_to_string(places.state("lock")).unwrap();
        assert_eq!(cut_off(&places), None);
        let lock = take(&places, "sync", &Silent).unwrap();
        assert!(!lock.is_after_cut_off() && text().starts_with("sync (process"));
        assert_eq!(cut_off(&places), None, "it runs");
        drop(lock);
        assert_eq!(text(), "");
        assert_eq!(cut_off(&places), None);
        std::fs::write(places.state("lock"), "build m/1 (process 1)\n").unwrap();
        assert_eq!(cut_off(&places).as_deref(), Some("build m/1 (process 1)"));
        drop(take(&places, "status", &Silent).unwrap());
        let lock = take(&places, "sync", &Silent).unwrap();
        assert!(lock.is_after_cut_off(), "whoever does not clean up leaves the mark");
        lock.cleaned();
        drop(lock);
        assert!(!take(&places, "sync", &Silent).unwrap().is_after_cut_off());
    }
}
