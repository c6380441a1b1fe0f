//! Prebuilt modules that have come or gone since the last look: their packages did that, and the initramfs may have to follow.

use super::{initramfs, notes};
use crate::install::files::{remove_empty_upwards, remove_if_there, write_atomically};
use crate::inventory::Prebuilts;
use crate::model::KernelRelease;
use crate::places::Places;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

/// Where it is remembered what was there: a file for each kernel, a line `SHA256 PATH` for each module.
const SEEN: &str = "prebuilt";

/// Compares what is there with what was there, notes what changed for the initramfs, and remembers.
///
/// # Errors
/// The state directory cannot be written to.
pub fn notice(places: &Places, prebuilts: &Prebuilts) -> io::Result<()> {
    let mut now: BTreeMap<KernelRelease, BTreeSet<String>> = BTreeMap::new();
    for prebuilt in &prebuilts.whole {
        let lines = prebuilt.files.iter().map(|file| format!("{} {}", file.sha256, file.path.display()));
        now.entry(prebuilt.kernel.clone()).or_default().extend(lines);
    }
    for kernel in notes::kernels(&places.state(SEEN)) {
        now.entry(kernel).or_default();
    }
    for (kernel, lines) in now {
        let seen = places.state(SEEN).join(kernel.as_str());
        let before = std::fs::read_to_string(&seen).unwrap_or_default();
        let before: BTreeSet<String> = before.lines().map(str::to_string).collect();
        if before == lines {
            continue;
        }
        let path = |line: &String| line.split_once(' ').map(|(_, path)| places.root.at(Path::new(path)));
        let changed: Vec<PathBuf> = before.symmetric_difference(&lines).filter_map(path).collect();
        initramfs::changed(places, &kernel, &changed)?;
        if lines.is_empty() {
            remove_if_there(&seen)?;
            remove_empty_upwards(&places.state(SEEN), &places.state(""));
        } else {
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            write_atomically(&seen, text.as_bytes(), 0o644, None)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Arch, ModuleId, PackagedFile, Prebuilt};
    use crate::root::Root;
    use std::time::{Duration, SystemTime};

    #[test]
    fn what_came_or_went_is_noted_until_an_initramfs_is_newer() {
        let dir = tempfile::tempdir().unwrap();
        let places = Places::new(Root::new(dir.path()));
        let kernel = KernelRelease::new("6.1").unwrap();
        let path = "/lib/modules/6.1/updates/dkms/m.ko.xz";
        let (module, image) = (places.root.at(path), places.root.at("/boot/initrd.img-6.1"));
        for place in [&module, &image] {
            std::fs::create_dir_all(place.parent().unwrap()).unwrap();
            std::fs::write(place, "").unwrap();
        }
        let written = |ago: i64| {
            let second = Duration::from_secs(ago.unsigned_abs());
            let time = if ago < 0 { SystemTime::now() + second } else { SystemTime::now() - second };
            std::fs::File::open(&image).unwrap().set_modified(time).unwrap();
        };
        let prebuilt = Prebuilt {
            module: ModuleId::new("m", "1").unwrap(),
            kernel: kernel.clone(),
            arch: Arch::new("x86_64").unwrap(),
            package: "m-modules-6.1".into(),
            package_version: "1-1".into(),
            files: vec![PackagedFile { path: path.into(), sha256: "00".repeat(32) }],
        };
        let here = Prebuilts { whole: vec![prebuilt], faulty: Vec::new() };
        let outdated = || initramfs::outdated(&places);
        // Its own package has written the initramfs.
        written(-60);
        notice(&places, &here).unwrap();
        assert!(outdated().is_empty() && !places.state("initramfs").exists());
        // It goes, and nobody has.
        std::fs::remove_file(&module).unwrap();
        written(60);
        notice(&places, &Prebuilts::default()).unwrap();
        assert_eq!(outdated(), std::slice::from_ref(&kernel));
        assert!(!places.state(SEEN).exists(), "nothing is left of the last one");
        // It comes, and nobody has.
        std::fs::remove_dir_all(places.state("initramfs")).unwrap();
        std::fs::write(&module, "").unwrap();
        notice(&places, &here).unwrap();
        assert_eq!(outdated(), std::slice::from_ref(&kernel));
        std::fs::remove_dir_all(places.state("initramfs")).unwrap();
        notice(&places, &here).unwrap();
        assert!(outdated().is_empty(), "asked once");
    }
}
