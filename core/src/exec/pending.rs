//! Which kernels still wait for depmod: noted before the first file is placed, so that a run that is cut off is
//! finished by the next one.

use super::notes;
use crate::install::files::{remove_if_there, sweep};
use crate::model::KernelRelease;
use crate::places::Places;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

fn note(places: &Places, kernel: &KernelRelease) -> PathBuf {
    places.state("pending").join(kernel.as_str())
}

/// Notes that files below `dirs` (on the machine) are about to change.
///
/// # Errors
/// The state directory cannot be written to.
pub fn begin(places: &Places, kernel: &KernelRelease, dirs: &[PathBuf]) -> io::Result<()> {
    notes::add(&note(places, kernel), dirs.iter().map(|dir| dir.display().to_string()))
}

/// depmod has run.
///
/// # Errors
/// The state directory cannot be written to.
pub fn end(places: &Places, kernel: &KernelRelease) -> io::Result<()> {
    remove_if_there(&note(places, kernel))
}

/// The kernels that wait, less those for which somebody else has run depmod since: kernel-install(8) does.
pub fn kernels(places: &Places) -> Vec<KernelRelease> {
    noted(places).into_iter().filter(|kernel| !is_served(places, kernel)).collect()
}

/// What every depmod(8) of kmod writes, in this order, each by a rename of its own: one that is killed leaves some new
/// and some old.
const INDEX: [&str; 8] = [
    "modules.dep",
    "modules.dep.bin",
    "modules.alias",
    "modules.alias.bin",
    "modules.softdep",
    "modules.symbols",
    "modules.symbols.bin",
    "modules.devname",
];

/// Whether the index is younger than everything that was noted, and has all modules that lie there.
fn is_served(places: &Places, kernel: &KernelRelease) -> bool {
    let (dir, note) = (places.kernel_dir(kernel), note(places, kernel));
    let changed = |path: &Path| path.metadata().and_then(|meta| meta.modified()).ok();
    let Some(indexed) = INDEX.iter().map(|name| changed(&dir.join(name))).min().flatten() else {
        return false;
    };
    let Ok(index) = std::fs::read_to_string(dir.join("modules.dep")) else { return false };
    let listed: BTreeSet<&str> = index.lines().filter_map(|line| line.split(':').next()).collect();
    let is_listed = |path: PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_module = name.ends_with(".ko") || name.contains(".ko.");
        !is_module
            || path.strip_prefix(&dir).is_ok_and(|path| path.to_str().is_some_and(|p| listed.contains(p)))
    };
    let text = std::fs::read_to_string(&note).unwrap_or_default();
    changed(&note).is_some_and(|noted| noted < indexed)
        && text.lines().map(Path::new).all(|noted| {
            let mut files = std::fs::read_dir(noted).into_iter().flatten().flatten();
            changed(noted).is_none_or(|changed| changed < indexed) && files.all(|file| is_listed(file.path()))
        })
}

fn noted(places: &Places) -> Vec<KernelRelease> {
    notes::kernels(&places.state("pending"))
}

/// Deletes the unfinished files of runs that were cut off.
///
/// # Errors
/// A directory cannot be read, or a file not deleted.
pub fn clean(places: &Places) -> io::Result<()> {
    sweep(&places.state("pending"))?;
    for kernel in noted(places) {
        sweep_depmod(&places.kernel_dir(&kernel))?;
        for dir in std::fs::read_to_string(note(places, &kernel)).unwrap_or_default().lines() {
            // Only below the root's own kernels, whatever the note says.
            if Path::new(dir).starts_with(places.kernel_dir(&kernel)) {
                sweep(Path::new(dir))?;
            }
        }
    }
    Ok(())
}

/// depmod writes `modules.dep.PID.SECONDS.MICROSECONDS` and renames it; killed, it leaves that behind.
fn sweep_depmod(dir: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(dir).into_iter().flatten() {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let mut parts = name.rsplit('.');
        let numbers =
            parts.by_ref().take(3).filter(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit())).count();
        if name.starts_with("modules.") && numbers == 3 {
            remove_if_there(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::files::TEMPORARY;
    use crate::root::Root;

    #[test]
    fn a_note_outlives_the_run() {
        let dir = tempfile::tempdir().unwrap();
        let places = Places::new(Root::new(dir.path()));
        let kernel = KernelRelease::new("6.1").unwrap();
        let updates = places.kernel_dir(&kernel).join("updates/dkms");
        std::fs::create_dir_all(&updates).unwrap();
        begin(&places, &kernel, std::slice::from_ref(&updates)).unwrap();
        begin(&places, &kernel, &[updates.clone(), PathBuf::from("/etc")]).unwrap();
        std::fs::write(updates.join(format!("{TEMPORARY}x")), "half").unwrap();
        for name in ["modules.dep", "modules.symbols.bin", "modules.symbols.4711.1795442714.123456"] {
            std::fs::write(places.kernel_dir(&kernel).join(name), "").unwrap();
        }
        assert_eq!(kernels(&places), std::slice::from_ref(&kernel));
        clean(&places).unwrap();
        assert_eq!(std::fs::read_dir(&updates).unwrap().count(), 0);
        assert!(places.kernel_dir(&kernel).join("modules.symbols.bin").exists());
        assert_eq!(std::fs::read_dir(places.kernel_dir(&kernel)).unwrap().count(), 3);
        end(&places, &kernel).unwrap();
        assert!(kernels(&places).is_empty());
    }

    /// kernel-install runs depmod after our plugin: the next sync need not do it once more. Where it has not, it must.
    #[test]
    fn an_index_of_somebody_else_serves() {
        let dir = tempfile::tempdir().unwrap();
        let places = Places::new(Root::new(dir.path()));
        let kernel = KernelRelease::new("6.1").unwrap();
        let updates = places.kernel_dir(&kernel).join("updates/dkms");
        std::fs::create_dir_all(&updates).unwrap();
        let index = |name: &str| places.kernel_dir(&kernel).join(name);
        let at = |path: &Path, seconds: u64| {
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000 + seconds);
            std::fs::File::open(path).unwrap().set_modified(time).unwrap();
        };
        let indexed = |text: &str, seconds| {
            for name in INDEX {
                std::fs::write(index(name), text).unwrap();
                at(&index(name), seconds);
            }
        };
        begin(&places, &kernel, std::slice::from_ref(&updates)).unwrap();
        std::fs::write(updates.join("m.ko.zst"), "").unwrap();
        at(&note(&places, &kernel), 10);
        at(&updates, 20);
        assert_eq!(kernels(&places).len(), 1, "there is no index");
        indexed("updates/dkms/m.ko.zst:\n", 15);
        assert_eq!(kernels(&places).len(), 1, "files came after it");
        indexed("kernel/fs/ext4.ko: kernel/lib/crc16.ko\n", 30);
        assert_eq!(kernels(&places).len(), 1, "it lacks a file");
        indexed("kernel/fs/ext4.ko:\nupdates/dkms/m.ko.zst: kernel/fs/ext4.ko\n", 30);
        assert!(kernels(&places).is_empty());
        at(&index("modules.dep.bin"), 15);
        assert_eq!(kernels(&places).len(), 1, "depmod was killed between two of its files");
        std::fs::remove_file(index("modules.dep.bin")).unwrap();
        assert_eq!(kernels(&places).len(), 1, "depmod was killed, and this was its first run");
    }
}
