//! `modprobe_on_install`: loads what the running machine's devices ask for (contract 4.7).

use super::process;
use super::session::Session;
use crate::model::KernelRelease;
use crate::report::Event;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// How many bytes of aliases one modprobe is given: well below Linux's limit for a command line.
const CHUNK: usize = 100_000;
const UNIT: &str = "systemd-modules-load.service";

impl Session<'_> {
    /// Loads the modules of the running kernel that devices ask for, if that is wanted and this is the running kernel.
    /// What cannot be loaded is passed over in silence, as DKMS has it; that modprobe is missing is told.
    pub(super) fn load(&self, kernel: &KernelRelease) {
        let is_wanted = self.settings.framework.modprobe_on_install
            && *kernel == self.environment.running
            && self.places.root.is_host();
        if !is_wanted {
            return;
        }
        let Some(modprobe) = self.environment.program("modprobe") else {
            self.sink.event(&Event::Note { text: "modprobe_on_install: modprobe is not installed." });
            return;
        };
        self.show(&format!("{} -a -b -q (the aliases of all devices)", modprobe.display()));
        for aliases in chunks(modaliases(Path::new("/sys/devices"))) {
            // -q: most aliases belong to no module, and that is no failure.
            if let Err(failure) =
                process::output(Command::new(&modprobe).args(["-a", "-b", "-q"]).args(aliases))
            {
                self.sink.event(&Event::Note { text: &failure.to_string() });
            }
        }
        let has_unit = ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"]
            .iter()
            .any(|dir| Path::new(dir).join(UNIT).exists());
        // systemd is not at work in a chroot or a container.
        let is_running = Path::new("/run/systemd/system").is_dir();
        if let (true, Some(systemctl)) = (has_unit && is_running, self.environment.program("systemctl")) {
            self.show(&format!("{} restart {UNIT}", systemctl.display()));
            if let Err(failure) = process::output(Command::new(systemctl).args(["restart", UNIT])) {
                self.sink.event(&Event::Note { text: &failure.to_string() });
            }
        }
    }
}

/// The aliases of all devices below `dir`, each once.
fn modaliases(dir: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![dir.to_path_buf()];
    while let Some(dir) = waiting.pop() {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            // Links lead to devices that are met at their own place.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                waiting.push(entry.path());
            } else if entry.file_name() == "modalias" {
                let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
                found.extend(text.lines().map(str::trim).filter(|alias| is_alias(alias)).map(str::to_string));
            }
        }
    }
    found
}

/// Nothing that modprobe would take for an option.
fn is_alias(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('-')
}

fn chunks(aliases: BTreeSet<String>) -> Vec<Vec<String>> {
    let mut chunks: Vec<Vec<String>> = Vec::new();
    let mut size = CHUNK;
    for alias in aliases {
        if size + alias.len() + 1 > CHUNK {
            chunks.push(Vec::new());
            size = 0;
        }
        size += alias.len() + 1;
        if let Some(last) = chunks.last_mut() {
            last.push(alias);
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_are_gathered_once_and_links_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let device = dir.path().join("pci0000:00/0000:00:01.0");
        std::fs::create_dir_all(&device).unwrap();
        std::fs::write(device.join("modalias"), "pci:v1\n").unwrap();
        std::fs::write(dir.path().join("modalias"), "pci:v1\nacpi:X:\n\n-rm\n").unwrap();
        std::os::unix::fs::symlink(dir.path(), device.join("subsystem")).unwrap();
        assert_eq!(modaliases(dir.path()).into_iter().collect::<Vec<_>>(), ["acpi:X:", "pci:v1"]);
        assert!(modaliases(&dir.path().join("nowhere")).is_empty());
        assert!(chunks(BTreeSet::new()).is_empty());
        let many: BTreeSet<String> = (0..10_000).map(|n| format!("usb:v{n:0>40}")).collect();
        let parts = chunks(many.clone());
        assert!(
            parts.len() > 3 && parts.iter().all(|p| p.iter().map(|a| a.len() + 1).sum::<usize>() <= CHUNK)
        );
        assert_eq!(parts.into_iter().flatten().collect::<BTreeSet<_>>(), many);
    }
}
