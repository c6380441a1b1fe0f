//! The initramfs of a kernel: which ones are older than the modules that they hold, and writing them anew.
//!
//! What changed below a kernel is noted before the first file changes, and struck out once the initramfs is newer. So a run
//! that is cut off, a module removed by hand, headers that came late: the next `sync` of a package manager finds them all.
//! An initramfs takes long to write, so it is only written where a changed module is inside or is meant to be.

use super::environment::Environment;
use super::notes;
use super::process;
use super::session::Session;
use crate::install::files::{remove_empty_upwards, remove_if_there};
use crate::install::module_name;
use crate::model::{Failure, KernelRelease};
use crate::places::Places;
use crate::report::Event;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Where generators look up what goes into an initramfs, beside the kernel's own modules.
const CONFIGURATION: [&str; 11] = [
    "/etc/initramfs-tools",
    "/usr/share/initramfs-tools/hooks",
    "/usr/share/initramfs-tools/modules.d",
    "/usr/share/initramfs-tools/conf.d",
    "/etc/dracut.conf",
    "/etc/dracut.conf.d",
    "/usr/lib/dracut/dracut.conf.d",
    "/usr/lib/dracut/modules.d",
    "/etc/mkinitcpio.conf",
    "/etc/mkinitcpio.conf.d",
    "/usr/lib/initcpio/install",
];

/// The initramfs of a kernel, on the machine: by the names that distributions give it, then where kernel-install puts it for
/// boot loaders that read `loader/entries`, in a directory named after the machine or by its administrator.
fn image(places: &Places, kernel: &KernelRelease) -> Option<PathBuf> {
    let mut names = vec![
        format!("/boot/initrd.img-{kernel}"),
        format!("/boot/initramfs-{kernel}.img"),
        format!("/boot/initrd-{kernel}"),
    ];
    if let Ok(base) = std::fs::read_to_string(places.kernel_dir(kernel).join("pkgbase")) {
        names.push(format!("/boot/initramfs-{}.img", base.trim()));
    }
    let named = names.into_iter().map(|name| places.root.at(name)).find(|place| place.is_file());
    named.or_else(|| {
        let boots = ["/boot", "/efi", "/boot/efi"].map(|dir| places.root.at(dir));
        let mut entries = boots.iter().filter_map(|dir| std::fs::read_dir(dir).ok()).flatten().flatten();
        entries
            .find_map(|entry| Some(entry.path().join(kernel.as_str()).join("initrd")).filter(|p| p.is_file()))
    })
}

/// Whether a kernel has an initramfs.
pub fn has_initramfs(places: &Places, kernel: &KernelRelease) -> bool {
    image(places, kernel).is_some()
}

fn note_of(places: &Places, kernel: &KernelRelease) -> PathBuf {
    places.state("initramfs").join(kernel.as_str())
}

/// Strikes out a note, and the directory with the last of them.
fn strike(places: &Places, kernel: &KernelRelease) -> io::Result<()> {
    let note = note_of(places, kernel);
    remove_if_there(&note)?;
    if let Some(dir) = note.parent() {
        remove_empty_upwards(dir, &places.state(""));
    }
    Ok(())
}

/// Notes that module files are about to change. Where there is no initramfs yet, whoever makes one finds them as they are.
///
/// # Errors
/// The state directory cannot be written to.
pub fn changing(places: &Places, kernel: &KernelRelease, files: &[PathBuf]) -> io::Result<()> {
    if !has_initramfs(places, kernel) {
        return Ok(());
    }
    let names = files.iter().filter_map(|file| module_name(file.file_name()?.to_str()?));
    notes::add(&note_of(places, kernel), names)
}

/// Notes module files that others have changed or removed, unless the initramfs was written after that.
///
/// # Errors
/// The state directory cannot be written to.
pub fn changed(places: &Places, kernel: &KernelRelease, files: &[PathBuf]) -> io::Result<()> {
    let Some(written) = image(places, kernel).and_then(|image| image.metadata().ok()) else { return Ok(()) };
    let is_later = |file: &&PathBuf| {
        let (at, is_there) = match file.metadata() {
            Ok(meta) => (Some(meta), true),
            // The directory that a file was removed from tells when.
            Err(_) => (file.ancestors().find_map(|dir| dir.metadata().ok()), false),
        };
        // What packages bring has an old modification time.
        let time = |meta: std::fs::Metadata| match is_there {
            true => (meta.ctime(), meta.ctime_nsec()),
            false => (meta.mtime(), meta.mtime_nsec()),
        };
        at.is_none_or(|meta| time(meta) >= (written.mtime(), written.mtime_nsec()))
    };
    let files: Vec<_> = files.iter().filter(is_later).cloned().collect();
    if files.is_empty() { Ok(()) } else { changing(places, kernel, &files) }
}

/// The kernels that something is noted of.
fn noted(places: &Places) -> Vec<KernelRelease> {
    notes::kernels(&places.state("initramfs"))
}

/// Whether an initramfs was written after the note.
fn is_overtaken(places: &Places, kernel: &KernelRelease, image: &Path) -> bool {
    let modified = |path: &Path| path.metadata().and_then(|meta| meta.modified()).ok();
    modified(image) > modified(&note_of(places, kernel))
}

/// The kernels whose initramfs is older than what changed below them.
pub fn outdated(places: &Places) -> Vec<KernelRelease> {
    let is_older = |kernel: &KernelRelease| {
        image(places, kernel).is_some_and(|image| !is_overtaken(places, kernel, &image))
    };
    noted(places).into_iter().filter(is_older).collect()
}

/// Strikes out what time has overtaken, and what is noted of kernels that are gone.
///
/// # Errors
/// A note cannot be deleted.
pub fn sweep(places: &Places) -> io::Result<()> {
    for kernel in noted(places) {
        let is_gone = !places.kernel_dir(&kernel).is_dir();
        if is_gone || image(places, &kernel).is_some_and(|image| is_overtaken(places, &kernel, &image)) {
            strike(places, &kernel)?;
        }
    }
    Ok(())
}

/// Whether a text names a module, however it spells dashes.
fn names(text: &str, module: &str) -> bool {
    text.replace('-', "_")
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .any(|word| word == module)
}

fn is_configured(path: &Path, modules: &[String]) -> bool {
    if path.is_dir() {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        return entries.map(|entry| entry.path()).any(|path| is_configured(&path, modules));
    }
    std::fs::read(path).is_ok_and(|text| {
        let text = String::from_utf8_lossy(&text);
        let mut lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        lines.any(|line| modules.iter().any(|module| names(line, module)))
    })
}

/// Whether a generator that packs what this machine needs would find a module in use: its driver has devices.
fn is_bound(places: &Places, module: &str) -> bool {
    places.root.is_host() && Path::new("/sys/module").join(module).join("drivers").is_dir()
}

impl Session<'_> {
    /// Writes a kernel's initramfs anew, if it has one and a module that changed belongs into it.
    ///
    /// # Errors
    /// The generator fails.
    pub fn initramfs(&self, kernel: &KernelRelease) -> Result<(), Failure> {
        let note = note_of(self.places, kernel);
        let Some(image) = image(self.places, kernel).filter(|_| self.places.root.is_host()) else {
            return Ok(());
        };
        let changed: Vec<String> =
            std::fs::read_to_string(&note).unwrap_or_default().lines().map(str::to_string).collect();
        if !changed.is_empty() && !self.is_inside(&image, &changed) {
            return Ok(strike(self.places, kernel)?);
        }
        let Some(mut command) = generator(self.environment, self.places, kernel, &image) else {
            return Ok(());
        };
        self.show(&process::text(&command));
        self.sink.event(&Event::InitramfsStarted { kernel });
        let started = Instant::now();
        let output = process::output(&mut command)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let program = command.get_program().to_string_lossy().into_owned();
            let why = format!("{program} for kernel {kernel}: {}", said.lines().last().unwrap_or_default());
            return Err(io::Error::other(why).into());
        }
        strike(self.places, kernel)?;
        self.sink.event(&Event::InitramfsEnded { kernel, elapsed: started.elapsed() });
        Ok(())
    }

    /// Whether one of these modules is in an initramfs, or would be in a new one. In doubt, yes.
    fn is_inside(&self, image: &Path, modules: &[String]) -> bool {
        let mut files = CONFIGURATION.iter().map(|path| self.places.root.at(path));
        if modules.iter().any(|module| is_bound(self.places, module))
            || files.any(|path| is_configured(&path, modules))
        {
            return true;
        }
        let listers = ["lsinitramfs", "lsinitrd", "lsinitcpio"];
        let Some(program) = listers.iter().find_map(|name| self.environment.program(name)) else {
            return true;
        };
        match process::output(Command::new(program).arg(image)) {
            Ok(output) if output.status.success() => holds(&String::from_utf8_lossy(&output.stdout), modules),
            _ => true,
        }
    }
}

/// Whether the listing of an image, one file at the end of each line, has one of these modules.
fn holds(listing: &str, modules: &[String]) -> bool {
    let files = listing.lines().filter_map(|line| line.split_whitespace().last());
    files.filter_map(module_name).any(|module| modules.contains(&module))
}

/// What writes a kernel's initramfs anew here. `update-initramfs`, also dracut's, writes Debian's name only; dracut is told
/// the file, since the name that it would choose depends on its build and on what lies in `/boot`.
fn generator(
    environment: &Environment,
    places: &Places,
    kernel: &KernelRelease,
    image: &Path,
) -> Option<Command> {
    let with = |name: &str, arguments: &[&str]| {
        let mut command = Command::new(environment.program(name)?);
        command.args(arguments);
        Some(command)
    };
    let release = kernel.as_str();
    // Where the image has the name of the package that owns the kernel, only mkinitcpio's presets know it.
    let base = std::fs::read_to_string(places.kernel_dir(kernel).join("pkgbase"));
    let preset = base.ok().and_then(|base| with("mkinitcpio", &["-p", base.trim()]));
    let is_debians = image.file_name().is_some_and(|name| name.to_string_lossy().starts_with("initrd.img-"));
    let debians = || if is_debians { with("update-initramfs", &["-u", "-k", release]) } else { None };
    preset.or_else(debians).or_else(|| with("dracut", &["--force", "--kver", release, image.to_str()?]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::Root;
    use std::time::{Duration, SystemTime};

    #[test]
    fn what_changed_is_noted_until_the_initramfs_is_newer() {
        let dir = tempfile::tempdir().unwrap();
        let places = Places::new(Root::new(dir.path()));
        let kernel = KernelRelease::new("6.1").unwrap();
        std::fs::create_dir_all(places.kernel_dir(&kernel)).unwrap();
        changing(&places, &kernel, &["/x/bar.ko".into()]).unwrap();
        assert!(!places.state("initramfs").exists(), "without an initramfs there is nothing to note");
        let image = places.root.at("/boot/initrd.img-6.1");
        std::fs::create_dir_all(image.parent().unwrap()).unwrap();
        let file = std::fs::File::create(&image).unwrap();
        changing(&places, &kernel, &["/x/snd-foo.ko.xz".into(), "/x/bar.ko".into()]).unwrap();
        changing(&places, &kernel, &["/y/bar.ko".into(), "/y/README".into()]).unwrap();
        assert_eq!(std::fs::read_to_string(note_of(&places, &kernel)).unwrap(), "snd_foo\nbar\n");
        file.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
        assert_eq!(outdated(&places), std::slice::from_ref(&kernel));
        file.set_modified(SystemTime::now() + Duration::from_secs(60)).unwrap();
        assert!(outdated(&places).is_empty());
        sweep(&places).unwrap();
        assert!(!places.state("initramfs").exists(), "nothing is left of the last note");
    }

    #[test]
    fn an_initramfs_is_found_where_distributions_put_it() {
        for name in [
            "boot/initrd.img-6.1",
            "boot/initramfs-6.1.img",
            "boot/initrd-6.1",
            "boot/0123456789abcdef0123456789abcdef/6.1/initrd",
            "efi/fedora/6.1/initrd",
        ] {
            let top = tempfile::tempdir().unwrap();
            let places = Places::new(Root::new(top.path()));
            let kernel = KernelRelease::new("6.1").unwrap();
            assert!(!has_initramfs(&places, &kernel));
            let path = top.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "").unwrap();
            assert_eq!(image(&places, &kernel), Some(path));
            assert!(!has_initramfs(&places, &KernelRelease::new("6.10").unwrap()), "{name}");
        }
    }

    #[test]
    fn what_belongs_into_an_initramfs() {
        let modules = ["acpi_call".to_string()];
        for (text, expected) in [
            ("acpi_call", true),
            ("add_drivers+=\" acpi-call \"", true),
            ("acpi_call_x", false),
            ("# acpi_call", false),
        ] {
            let dir = tempfile::tempdir().unwrap();
            std::fs::create_dir(dir.path().join("modules.d")).unwrap();
            std::fs::write(dir.path().join("modules.d/x"), text).unwrap();
            assert_eq!(is_configured(dir.path(), &modules), expected, "{text}");
        }
        let debian = "usr/lib/modules/6.1/updates/dkms/acpi_call.ko\nusr/bin/sh\n";
        let dracut = "-rw-r--r-- 1 root root 9 Nov 23 10:00 usr/lib/modules/6.1/updates/acpi-call.ko.xz\n";
        assert!(holds(debian, &modules) && holds(dracut, &modules));
        assert!(!holds("usr/lib/modules/6.1/kernel/acpi.ko\n", &modules));
    }
}
