//! depmod, the step that concerns a whole kernel; the other is in `initramfs`.

use super::pending;
use super::process;
use super::session::Session;
use crate::model::{Failure, KernelRelease};
use crate::report::Event;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Deletes the directory of a kernel of which nothing is left but depmod's own, empty index: the last modules of a kernel
/// that is gone.
fn remove_bare_index(dir: &Path) -> std::io::Result<()> {
    const INDEX: [&str; 6] = ["alias", "dep", "devname", "softdep", "symbols", "weakdep"];
    if !dir.join("modules.dep").metadata().is_ok_and(|meta| meta.len() == 0) {
        return Ok(());
    }
    let mut names = Vec::new();
    for entry in fs_err::read_dir(dir)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let Some(rest) = name.strip_prefix("modules.") else { return Ok(()) };
        if !INDEX.contains(&rest) && !rest.ends_with(".bin") {
            return Ok(());
        }
        names.push(name);
    }
    names.iter().try_for_each(|name| fs_err::remove_file(dir.join(name)))?;
    fs_err::remove_dir(dir)
}

impl Session<'_> {
    /// Runs depmod for a kernel, unless its image package has not run it yet and will.
    ///
    /// # Errors
    /// depmod is missing or fails.
    pub fn depmod(&self, kernel: &KernelRelease) -> Result<(), Failure> {
        let dir = self.places.install_tree.join(kernel.as_str());
        match self.settings.depmod && self.places.root.resolve(dir.join("modules.dep"))?.exists() {
            true => self.index(kernel),
            false => Ok(pending::end(self.places, kernel)?),
        }
    }

    /// Runs depmod for a kernel, also where it has never run.
    ///
    /// # Errors
    /// depmod is missing or fails.
    pub fn index(&self, kernel: &KernelRelease) -> Result<(), Failure> {
        let dir = self.places.install_tree.join(kernel.as_str());
        let failed = |why: String| Failure::Depmod { kernel: kernel.clone(), why };
        let program =
            self.environment.program("depmod").ok_or_else(|| failed("it is not installed".into()))?;
        let _token = self.jobs.acquire()?;
        self.sink.event(&Event::DepmodStarted { kernel });
        let started = Instant::now();
        let mut command = Command::new(program);
        if !self.places.root.is_host() {
            command.arg("-b").arg(self.places.root.dir());
        }
        command.arg("-a");
        let map = self.places.root.at(format!("/boot/System.map-{kernel}"));
        if map.is_file() {
            command.arg("-F").arg(map);
        }
        command.arg(kernel.as_str());
        self.show(&process::text(&command));
        let output = process::output(&mut command)?;
        if !output.status.success() {
            return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_string()));
        }
        self.sink.event(&Event::DepmodEnded { kernel, elapsed: started.elapsed() });
        remove_bare_index(&self.places.root.resolve(&dir)?)?;
        pending::end(self.places, kernel)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bare_index_goes() {
        let top = tempfile::tempdir().unwrap();
        let dir = top.path().join("6.1");
        let make = |names: &[&str]| {
            std::fs::create_dir_all(&dir).unwrap();
            names.iter().for_each(|name| std::fs::write(dir.join(name), "").unwrap());
        };
        make(&["modules.dep", "modules.dep.bin", "modules.symbols", "modules.builtin"]);
        remove_bare_index(&dir).unwrap();
        assert!(dir.join("modules.dep").exists(), "a kernel without modules of its own is still a kernel");
        std::fs::remove_file(dir.join("modules.builtin")).unwrap();
        std::fs::write(dir.join("modules.dep"), "updates/dkms/m.ko:\n").unwrap();
        remove_bare_index(&dir).unwrap();
        assert!(dir.exists());
        make(&["modules.dep"]);
        remove_bare_index(&dir).unwrap();
        assert!(!dir.exists());
    }
}
