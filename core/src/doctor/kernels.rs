//! Kernels that are gone or half gone, and runs that did not end.

use super::machine::{Machine, entries};
use super::{Check, Finding, Severity};
use crate::exec::{lock, pending};
use crate::inventory::{Kernel, Prebuilts};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

pub(super) const CHECKS: &[Check] = &[
    Check { name: "kernel-gone", about: "builds for kernels that are not there", run: gone },
    Check { name: "kernel-leftover", about: "module directories of removed kernels", run: leftover },
    Check { name: "depmod-pending", about: "changes that depmod has not seen", run: pending_depmod },
    Check { name: "cut-off", about: "a run that was cut off", run: cut_off },
];

fn gone(machine: &Machine<'_>) -> Vec<Finding> {
    let mut builds: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for built in machine.built().filter(|b| !machine.is_here(&b.instance.kernel)) {
        builds.entry(&built.instance.kernel).or_default().insert(built.instance.module.to_string());
    }
    let finding = |(kernel, modules): (&_, BTreeSet<String>)| {
        let names = modules.into_iter().collect::<Vec<_>>().join(", ");
        let place = format!("kernel {kernel}");
        Finding::new(
            Severity::Warning,
            place,
            format!("it is gone, and {names} are still built for it"),
            "They take room, and DKMS would install them if a kernel of this name came back.",
        )
        .mend(format!("dkms kernel_prerm -k {kernel}"))
    };
    builds.into_iter().map(finding).collect()
}

fn leftover(machine: &Machine<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for kernel in machine.kernels.iter().filter(|k| k.headers.is_none()) {
        let dir = machine.places.kernel_dir(&kernel.release);
        // A kernel's package ships the one or the other, whatever depmod and module packages add.
        let is_whole =
            ["kernel", "modules.builtin", "modules.order", "vmlinuz"].iter().any(|n| dir.join(n).exists());
        let has_build = dir.join("build").symlink_metadata().is_ok();
        if is_whole || has_build || kernel.release == machine.environment.running {
            continue;
        }
        let place = machine.inside(&dir);
        let modules = count_modules(&dir, 0);
        let finding = if modules == 0 {
            Finding::new(
                Severity::Warning,
                &place,
                "left by a kernel that is gone",
                "Tools that go through the kernels try to build modules and initramfs for it.",
            )
            .mend(format!("rm -r {place}"))
        } else {
            Finding::new(
                Severity::Warning,
                &place,
                format!("left by a kernel that is gone, with {modules} modules that came from elsewhere"),
                "No kernel loads them, and they keep its directory alive.",
            )
            .mend(match packages(machine, kernel) {
                packages if packages.is_empty() => {
                    format!("dkms kernel_prerm -k {} && rm -r {place}", kernel.release)
                }
                packages => machine.survey.options.distribution.remove_command(&packages),
            })
        };
        found.push(finding);
    }
    found
}

/// The packages of prebuilts that have modules for a kernel.
fn packages(machine: &Machine<'_>, kernel: &Kernel) -> String {
    let Prebuilts { whole, faulty } = machine.survey.prebuilts();
    let all = whole.iter().chain(faulty.iter().filter_map(|faulty| faulty.prebuilt.as_ref()));
    let names = all.filter(|p| p.kernel == kernel.release).map(|p| p.package.as_str());
    names.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" ")
}

/// How many module files are below a directory, a few levels deep.
fn count_modules(dir: &Path, depth: usize) -> usize {
    let below = |e: &super::machine::Entry| if depth < 6 { count_modules(&e.path, depth + 1) } else { 0 };
    entries(dir).iter().map(|e| if e.is_dir { below(e) } else { usize::from(e.name.contains(".ko")) }).sum()
}

fn pending_depmod(machine: &Machine<'_>) -> Vec<Finding> {
    let why = "modprobe does not find modules that depmod has not seen.";
    let own = pending::kernels(machine.places).into_iter().map(|kernel| {
        let place = machine.inside(&machine.places.state("pending").join(kernel.as_str()));
        let what = format!("modules of kernel {kernel} have changed and depmod has not run since");
        Finding::new(Severity::Problem, place, what, why).by_sync()
    });
    // DKMS leaves a flag of its own where it is cut off.
    let flags = entries(&machine.places.tree()).into_iter().filter_map(|entry| {
        let kernel = entry.name.strip_prefix("depmod-pending-")?.to_string();
        let what = format!("DKMS was cut off while it took modules from kernel {kernel}");
        Some(Finding::new(Severity::Warning, machine.inside(&entry.path), what, why).by_sync())
    });
    own.chain(flags).collect()
}

fn cut_off(machine: &Machine<'_>) -> Vec<Finding> {
    let Some(who) = lock::cut_off(machine.places) else { return Vec::new() };
    let place = machine.inside(&machine.places.state("lock"));
    let why = "What it left undone is done by the next run.";
    vec![Finding::new(Severity::Warning, place, format!("cut off: {who}"), why).by_sync()]
}
