//! What modprobe would take: depmod's own answer, where it has given one, else the reason why it cannot.

use super::machine::Machine;
use super::{Check, Finding, Severity};
use crate::exec::pending;
use crate::install::module_name;
use crate::model::KernelRelease;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

pub(super) const CHECKS: &[Check] = &[
    Check { name: "shadowed", about: "modules that depmod passes over for another file", run: shadowed },
    Check { name: "initramfs", about: "an initramfs that is older than a module in it", run: initramfs },
];

/// Module name to file below the kernel's directory, as `modules.dep` has it.
type Index = BTreeMap<String, String>;

fn index(text: &str) -> Index {
    let paths = text.lines().filter_map(|line| line.split(':').next());
    paths.filter_map(|path| Some((module_name(path)?, path.to_string()))).collect()
}

fn shadowed(machine: &Machine<'_>) -> Vec<Finding> {
    let mut indices: BTreeMap<&KernelRelease, (Option<Index>, Index)> = BTreeMap::new();
    let waiting = pending::kernels(machine.places);
    let own = machine.active().map(|built| (&built.instance.kernel, machine.installed_paths(built)));
    let prebuilt = machine.prebuilt_files().map(|(prebuilt, path)| (&prebuilt.kernel, vec![path]));
    let mut found = Vec::new();
    for (kernel, paths) in own.chain(prebuilt).filter(|(kernel, _)| !waiting.contains(kernel)) {
        let dir = machine.places.kernel_dir(kernel);
        let (known, built_in) = indices.entry(kernel).or_insert_with(|| {
            let read = |name: &str| std::fs::read_to_string(dir.join(name)).ok().map(|text| index(&text));
            (read("modules.dep"), read("modules.builtin").unwrap_or_default())
        });
        // Without an index its image package has yet to run depmod.
        let Some(known) = known else { continue };
        for path in paths.into_iter().filter(|path| path.exists()) {
            found.extend(judge(machine, kernel, &dir, &path, known, built_in));
        }
    }
    found
}

fn judge(
    machine: &Machine<'_>,
    kernel: &KernelRelease,
    dir: &Path,
    path: &Path,
    known: &Index,
    built_in: &Index,
) -> Option<Finding> {
    let relative = path.strip_prefix(dir).ok()?.to_str()?;
    let name = module_name(relative)?;
    let place = machine.inside(path);
    if let Some(inside) = built_in.get(&name) {
        let why = "modprobe loads nothing: the kernel has this module in itself.";
        return Some(Finding::new(
            Severity::Warning,
            place,
            format!("the kernel is built with {inside}"),
            why,
        ));
    }
    match known.get(&name) {
        Some(other) if other == relative => None,
        Some(other) if dir.join(other).exists() => {
            let why = "depmod prefers that file, by the order that /etc/depmod.d gives or by its default.";
            let here = Path::new(relative).parent()?.display().to_string();
            let conf = machine.places.root.at("/etc/depmod.d").join(format!("evermod-{name}.conf"));
            Some(
                Finding::new(
                    Severity::Problem,
                    place,
                    format!("modprobe takes {}", machine.inside(&dir.join(other))),
                    why,
                )
                .mend(format!(
                    "mkdir -p /etc/depmod.d && echo 'override {name} {kernel} {here}' > {} && depmod {kernel}",
                    machine.inside(&conf)
                )),
            )
        }
        _ => {
            let why = "depmod has not run since it came, so modprobe does not find it.";
            Some(
                Finding::new(Severity::Problem, place, "it is not in modules.dep", why)
                    .mend(format!("depmod {kernel}")),
            )
        }
    }
}

/// Only modules that somebody has asked to be in the initramfs: unpacking it to look would take seconds.
fn initramfs(machine: &Machine<'_>) -> Vec<Finding> {
    let wanted = wanted_in_initramfs(machine);
    let modified = |place: &Path| place.metadata().and_then(|m| m.modified()).ok();
    // What packages bring is as old as its sources; only its inode tells when it came.
    let came = |place: &Path| {
        let seconds = place.metadata().ok()?.ctime();
        Some(UNIX_EPOCH + Duration::from_secs(seconds.try_into().ok()?))
    };
    let own = machine.active().flat_map(|built| {
        let paths = machine.installed_paths(built).into_iter();
        paths.map(|path| (&built.instance.kernel, modified(&path), path))
    });
    let prebuilt = machine.prebuilt_files().map(|(prebuilt, path)| (&prebuilt.kernel, came(&path), path));
    let mut found = Vec::new();
    for (kernel, changed, path) in own.chain(prebuilt) {
        let images = [format!("/boot/initrd.img-{kernel}"), format!("/boot/initramfs-{kernel}.img")];
        let Some(image) = images.iter().find(|image| machine.exists(image)) else { continue };
        let Some(sealed) = machine.places.root.opened(image).ok().and_then(|p| modified(&p)) else {
            continue;
        };
        let name = path.to_str().and_then(module_name).unwrap_or_default();
        if !wanted.contains(&name) || changed.is_none_or(|time| time <= sealed) {
            continue;
        }
        let command = if machine.exists("/usr/sbin/update-initramfs") {
            format!("update-initramfs -u -k {kernel}")
        } else {
            format!("dracut --force --kver {kernel}")
        };
        let what = format!("it is older than {}, which belongs into it", machine.inside(&path));
        let why = "At boot the old copy is loaded, or none.";
        found.push(Finding::new(Severity::Warning, image, what, why).mend(command));
    }
    found
}

fn wanted_in_initramfs(machine: &Machine<'_>) -> Vec<String> {
    let mut texts = vec![machine.text("/etc/initramfs-tools/modules").unwrap_or_default()];
    let list = |dir: &str| super::machine::entries(&machine.places.root.at(dir));
    let read = |entry: super::machine::Entry| std::fs::read_to_string(entry.path).ok();
    texts.extend(list("/usr/share/initramfs-tools/modules.d").into_iter().filter_map(read));
    let mut names: Vec<String> = Vec::new();
    for line in texts.iter().flat_map(|text| text.lines()).filter(|line| !line.trim_start().starts_with('#'))
    {
        names.extend(line.split_whitespace().next().map(|word| word.replace('-', "_")));
    }
    let dracut: Vec<_> = ["/etc/dracut.conf.d", "/usr/lib/dracut/dracut.conf.d"]
        .iter()
        .flat_map(|dir| list(dir))
        .filter_map(read)
        .chain(machine.text("/etc/dracut.conf"))
        .collect();
    for line in dracut.iter().flat_map(|text| text.lines()) {
        let Some((setting, value)) = line.trim().split_once('=') else { continue };
        if matches!(setting.trim_end_matches('+'), "add_drivers" | "force_drivers") {
            names.extend(
                value.replace(['"', '\''], " ").split_whitespace().map(|word| word.replace('-', "_")),
            );
        }
    }
    names
}
