//! The kernel's own modules that were put aside.

use super::machine::{Entry, Machine, entries};
use super::{Check, Finding, Severity};
use crate::model::{Arch, KernelRelease};
use crate::places::ORIGINALS;

pub(super) const CHECKS: &[Check] =
    &[Check { name: "original-module", about: "the kernel's own modules, put aside", run: originals }];

fn originals(machine: &Machine<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for name in entries(&machine.places.tree()).into_iter().filter(|e| e.is_dir) {
        let kept = name.path.join(ORIGINALS);
        for kernel in entries(&kept).into_iter().filter(|e| e.is_dir) {
            for arch in entries(&kernel.path).into_iter().filter(|e| e.is_dir) {
                if let (Ok(release), Ok(arch_name)) =
                    (KernelRelease::new(&kernel.name), Arch::new(&arch.name))
                {
                    archived(machine, &name.name, &release, &arch_name, &arch, &mut found);
                }
            }
        }
    }
    found
}

fn archived(
    machine: &Machine<'_>,
    name: &str,
    release: &KernelRelease,
    arch: &Arch,
    dir: &Entry,
    found: &mut Vec<Finding>,
) {
    let place = machine.inside(&dir.path);
    if !machine.is_here(release) {
        let why = "The kernel they belong to is gone, so they go back nowhere.";
        let what = format!("modules put aside from kernel {release}");
        found.push(Finding::new(Severity::Warning, &place, what, why).mend(format!("rm -r {place}")));
        return;
    }
    let is_active = machine.tree.active.contains_key(&(name.to_string(), release.clone(), arch.clone()));
    for file in entries(&dir.path) {
        let place = machine.inside(&file.path);
        if file.is_dir && file.name == "collisions" {
            let what = "second copies of a module of the kernel's own, put aside by an old DKMS";
            let why = "Nothing puts them back; where the kernel lacks them, its package has them.";
            found.push(Finding::new(Severity::Note, &place, what, why).mend(format!("rm -r {place}")));
            continue;
        }
        if file.is_dir || !file.name.contains(".ko") || file.name.ends_with(".origin") {
            continue;
        }
        let origin = std::fs::read_to_string(dir.path.join(format!("{}.origin", file.name))).ok();
        let origin = origin.map(|text| text.trim_end().to_string());
        match (is_active, origin) {
            (true, Some(_)) => {}
            (true, None) => {
                let why = "It goes back to the DEST_MODULE_LOCATION of its dkms.conf, which may not be where it was.";
                let what = "no note says where it came from: a DKMS before 3.1.7 put it aside";
                found.push(Finding::new(Severity::Note, &place, what, why));
            }
            (false, origin) => {
                let why = "The kernel has neither its own module nor the one that took its place.";
                let what = "put aside, though nothing of this module is installed";
                let finding = Finding::new(Severity::Problem, &place, what, why);
                found.push(match origin {
                    Some(origin) => {
                        finding.mend(format!("mv {place} {origin} && rm {place}.origin && depmod {release}"))
                    }
                    None => {
                        let dir = format!("{}/{release}/kernel", machine.places.install_tree.display());
                        finding.mend(format!("mv {place} {dir}/ && depmod {release}"))
                    }
                });
            }
        }
    }
}
