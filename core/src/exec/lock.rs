//! One evermod at a time may change a root.

use crate::model::Failure;
use crate::places::Places;
use crate::report::{Event, Sink};
use rustix::fs::{FlockOperation, flock};
use std::cell::Cell;
use std::fs::File;
use std::io::{Read, Seek, Write};

/// Held as long as it lives; a process that dies lets go of it.
#[derive(Debug)]
pub struct Lock {
    file: File,
    cut_off: Cell<bool>,
}

impl Lock {
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
        if !self.cut_off.get() {
            // Failing costs the next run one look at nothing.
            let _ = self.file.set_len(0);
        }
    }
}

/// Takes the lock, waiting for whoever has it. `who` is what the next one in line is told.
///
/// # Errors
/// The state directory cannot be written to.
pub fn take(places: &Places, who: &str, sink: &dyn Sink) -> Result<Lock, Failure> {
    let path = places.state("lock");
    fs_err::create_dir_all(places.state(""))?;
    let mut file =
        fs_err::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
    if flock(file.file(), FlockOperation::NonBlockingLockExclusive).is_err() {
        let mut holder = String::new();
        // Who holds it is a courtesy; not being able to tell is no reason to stop.
        let _ = file.read_to_string(&mut holder);
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
    Ok(Lock { file: file.into_parts().0, cut_off })
}
