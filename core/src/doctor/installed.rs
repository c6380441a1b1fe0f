//! Files below the kernels: damaged, or nobody's.

use super::machine::{Machine, entries};
use super::{Check, Finding, Severity};
use crate::inventory::{State, packaged};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub(super) const CHECKS: &[Check] = &[
    Check { name: "damaged-install", about: "installed files that are missing or altered", run: damaged },
    Check {
        name: "not-installed",
        about: "modules that are built and wanted, but not installed",
        run: absent,
    },
    Check { name: "left-out", about: "modules for which the kernel's own is preferred", run: left_out },
    Check { name: "orphan-module", about: "module files that belong to nothing registered", run: orphans },
];

fn damaged(machine: &Machine<'_>) -> Vec<Finding> {
    let why = "The kernel loads something else than what was built, or nothing.";
    let mut found = Vec::new();
    for candidate in &machine.candidates.found {
        if let State::Damaged(what) = &candidate.state {
            let finding = Finding::new(Severity::Problem, candidate.instance.to_string(), what, why);
            let (module, kernel) = (&candidate.instance.module, &candidate.instance.kernel);
            found.push(if candidate.autoinstall {
                finding.by_sync()
            } else {
                finding.mend(format!("evermod sync {module} -k {kernel}"))
            });
        }
    }
    for built in machine.active().filter(|b| machine.candidate_state(b).is_none()) {
        let Some(file) = machine.comparison(built).and_then(|c| c.different) else { continue };
        let instance = &built.instance;
        found.push(
            Finding::new(
                Severity::Problem,
                instance.to_string(),
                format!("{file} is missing or altered"),
                why,
            )
            .mend(format!("evermod install {} -k {} --force", instance.module, instance.kernel)),
        );
    }
    found
}

fn absent(machine: &Machine<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for candidate in
        machine.candidates.found.iter().filter(|c| c.autoinstall && c.image && c.excluded.is_none())
    {
        let instance = &candidate.instance;
        let is_new = candidate.failure.as_ref().is_none_or(|f| Some(&f.key) != candidate.key.as_ref());
        let is_missing = candidate.state == State::Added && candidate.headers && is_new;
        let refused = candidate.record.as_ref().and_then(|r| r.refused.clone());
        let finding = match (&candidate.state, refused) {
            (State::Built, Some(why)) => {
                let text = "It is built, and the kernel's own module is preferred.";
                Finding::new(Severity::Note, instance.to_string(), why, text)
                    .mend(format!("evermod install {} -k {} --force", instance.module, instance.kernel))
            }
            (State::Built, None) => {
                let why = "The kernel goes without a module that asks to be installed.";
                Finding::new(Severity::Problem, instance.to_string(), "built, not installed", why).by_sync()
            }
            _ if is_missing => {
                let why = "The kernel goes without a module that asks to be installed.";
                Finding::new(Severity::Problem, instance.to_string(), "not built", why).by_sync()
            }
            _ => continue,
        };
        found.push(finding);
    }
    found
}

fn left_out(machine: &Machine<'_>) -> Vec<Finding> {
    let finding = |built: &crate::inventory::Built| {
        let why = machine.comparison(built)?.left_out?;
        let instance = &built.instance;
        let text = "A part of it is not installed for this kernel, which has the same or a newer one.";
        Some(
            Finding::new(Severity::Note, instance.to_string(), why, text)
                .mend(format!("evermod install {} -k {} --force", instance.module, instance.kernel)),
        )
    };
    machine.active().filter_map(finding).collect()
}

/// Only where the distribution gives dkms a directory of its own: others share theirs with packages.
fn orphans(machine: &Machine<'_>) -> Vec<Finding> {
    let Some(destination) = machine.settings.destination.as_deref().filter(|d| d.contains("dkms")) else {
        return Vec::new();
    };
    let ours: BTreeSet<PathBuf> = machine.claimed().flat_map(|b| machine.installed_paths(b)).collect();
    let names: BTreeSet<String> = ours.iter().filter_map(|p| Some(stem(p)?.to_string())).collect();
    let packaged = packaged(machine.places);
    let mut found = Vec::new();
    for kernel in machine.kernels {
        let dir = machine.places.kernel_dir(&kernel.release).join(destination.trim_start_matches('/'));
        for file in modules_below(&dir, 0).into_iter().filter(|file| !ours.contains(file)) {
            let place = machine.inside(&file);
            if packaged.has(&file) || machine.owner(&place).is_some() {
                continue;
            }
            let twin = stem(&file).is_some_and(|s| names.contains(s));
            let why = if twin {
                "It may be loaded in place of the module of the same name that is installed."
            } else {
                "It stays when drivers are updated or removed, and modprobe loads it."
            };
            let command = format!("rm {place} && depmod {}", kernel.release);
            let what = "no registered module put it there";
            found.push(Finding::new(Severity::Warning, &place, what, why).mend(command));
        }
    }
    found
}

/// `name` of `name.ko.xz`.
fn stem(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()?.split_once(".ko").map(|(stem, _)| stem)
}

fn modules_below(dir: &Path, depth: usize) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in entries(dir) {
        if entry.is_dir && depth < 6 {
            found.extend(modules_below(&entry.path, depth + 1));
        } else if !entry.is_dir && stem(&entry.path).is_some() && !entry.name.starts_with('.') {
            found.push(entry.path);
        }
    }
    found
}
