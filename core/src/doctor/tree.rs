//! The DKMS tree: registrations, links, half of what should be whole.

use super::machine::{Entry, Machine, entries, kernel_operand};
use super::{Check, Finding, Severity};
use crate::inventory::{Source, leftovers};
use crate::model::ModuleId;
use crate::places::NOT_KERNELS;
use std::collections::BTreeMap;

pub(super) const CHECKS: &[Check] = &[
    Check { name: "broken-module", about: "registered modules without their source", run: broken },
    Check { name: "unregistered", about: "versions in the tree that are not registered", run: unregistered },
    Check { name: "active-link", about: "links to an active version that is not there", run: links },
    Check { name: "half-built", about: "what a build that was cut off left", run: half_built },
    Check { name: "two-architectures", about: "one kernel under two architecture names", run: architectures },
    Check { name: "older-active", about: "kernels that have an older version of a module", run: older },
    Check { name: "tree-link", about: "a DKMS tree that is reached through a link", run: tree_link },
    Check { name: "old-database", about: "files of DKMS before 2.8.8", run: database },
];

fn broken(machine: &Machine<'_>) -> Vec<Finding> {
    machine.with_source(&Source::Broken).map(|module| broken_module(machine, module)).collect()
}

fn broken_module(machine: &Machine<'_>, module: &ModuleId) -> Finding {
    let places = machine.places;
    let link = places.source_link(module);
    let source = places.source_dir_inside(module).display().to_string();
    let is_built = machine.tree.find(module).is_some_and(|m| !m.built.is_empty());
    let why = "It can neither be built nor, by DKMS, be removed.";
    let finding = |what: String| Finding::new(Severity::Problem, module.to_string(), what, why);
    match link.symlink_metadata() {
        Err(_) => {
            let what = format!("{} is missing, though {source} is there", machine.inside(&link));
            let finding = finding(what).mend(format!("evermod add {module}"));
            // Without anything built it may be what a removal left.
            if is_built { finding.by_sync() } else { finding }
        }
        Ok(meta) if meta.is_dir() => {
            let link = machine.inside(&link);
            finding(format!("{link} is a directory, though {source} is there"))
                .mend(format!("mv {link} {source}.old && evermod add {module}"))
        }
        Ok(meta) if !meta.is_symlink() => {
            let link = machine.inside(&link);
            finding(format!("{link} is no link")).mend(format!("rm {link} && evermod add {module}"))
        }
        Ok(_) => {
            let target = std::fs::read_link(&link).map(|t| t.display().to_string()).unwrap_or_default();
            let finding = finding(format!("its source {target} is missing"));
            match machine.owner(&format!("{target}/dkms.conf")) {
                Some(package) => finding.mend(format!("apt install --reinstall {package}")),
                None => finding.mend(format!("evermod remove {module} --all")),
            }
        }
    }
}

fn unregistered(machine: &Machine<'_>) -> Vec<Finding> {
    let finding = |module: &ModuleId| {
        let is_built = machine.tree.find(module).is_some_and(|m| !m.built.is_empty());
        let (severity, why) = if is_built {
            (Severity::Problem, "What is built of it is not kept for new kernels, and no command shows it.")
        } else {
            (Severity::Warning, "Nothing uses it: a removal that was cut off left it.")
        };
        let place = machine.inside(&machine.places.module_dir(module));
        Finding::new(severity, place, "there is no link to its source, and no source", why)
            .mend(format!("evermod remove {module} --all"))
    };
    machine.with_source(&Source::Absent).map(finding).collect()
}

/// Every `T/M`, with its entries.
fn names(machine: &Machine<'_>) -> Vec<(String, Vec<Entry>)> {
    let dirs = entries(&machine.places.tree()).into_iter().filter(|e| e.is_dir);
    dirs.map(|dir| (dir.name, entries(&dir.path))).collect()
}

fn links(machine: &Machine<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (_, entries) in names(machine) {
        for link in entries.iter().filter(|e| e.name.starts_with("kernel-")) {
            found.extend(active_link(machine, link));
        }
    }
    found
}

fn active_link(machine: &Machine<'_>, link: &Entry) -> Option<Finding> {
    let place = machine.inside(&link.path);
    if !link.is_link {
        let why = "Such a name is for a link to the active version; DKMS takes anything else for a module.";
        return Some(
            Finding::new(Severity::Warning, &place, "it is no link", why).mend(format!("rm -r {place}")),
        );
    }
    let target = std::fs::read_link(&link.path).ok()?;
    let dir = link.path.parent()?.join(&target);
    let shown = target.display();
    let why = "The kernel counts as having this module, and nothing says which files are its own.";
    let odd = || {
        let parts: Vec<_> = target.iter().filter_map(|part| part.to_str()).collect();
        let [.., kernel, arch] = parts.as_slice() else { return true };
        format!("kernel-{kernel}-{arch}") != link.name
    };
    if odd() {
        let what = format!("it names {shown}, which is for something else");
        let finding = Finding::new(Severity::Warning, &place, what, why);
        return Some(finding.mend(format!("rm {place} && evermod sync")));
    }
    let what = if !dir.is_dir() {
        format!("it names {shown}, which is not there")
    } else if !dir.join("module").is_dir() {
        format!("it names {shown}, which is not built")
    } else {
        return None;
    };
    Some(
        Finding::new(Severity::Warning, &place, what, why)
            .mend(format!("rm {place} && evermod sync"))
            .by_sync(),
    )
}

fn half_built(machine: &Machine<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for module in machine.tree.modules.iter().map(|m| &m.module) {
        let gone = leftovers(machine.places, module);
        for path in &gone {
            let why = "It takes room, and DKMS takes it for a build that is there.";
            let place = machine.inside(path);
            let command = format!("rm -r {place}");
            let what = "left by a build that was cut off";
            found.push(Finding::new(Severity::Warning, place, what, why).mend(command).by_sync());
        }
        let kernels = entries(&machine.places.module_dir(module)).into_iter();
        for kernel in kernels.filter(|k| k.is_dir && !NOT_KERNELS.contains(&k.name.as_str())) {
            for arch in entries(&kernel.path).into_iter().filter(|a| a.is_dir) {
                if arch.path.join("module").is_dir() || gone.iter().any(|path| arch.path.starts_with(path)) {
                    continue;
                }
                let place = machine.inside(&arch.path);
                let why = "It counts as no build; DKMS, though, refuses to build in its place.";
                let what = "it holds no modules, but other files";
                found.push(Finding::new(Severity::Warning, &place, what, why).mend(format!("rm -r {place}")));
            }
        }
    }
    found
}

fn architectures(machine: &Machine<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let usual = &machine.environment.arch;
    for module in &machine.tree.modules {
        for built in module.built.iter().filter(|b| b.instance.arch != *usual) {
            let instance = &built.instance;
            if !instance.arch.is_same_machine(usual) {
                continue;
            }
            let place = machine.inside(&machine.places.instance_dir(instance));
            let operand = kernel_operand(&instance.kernel, &instance.arch, usual);
            let twice = module
                .built
                .iter()
                .any(|b| b.instance.kernel == instance.kernel && b.instance.arch == *usual);
            found.push(if twice {
                let why = "Both claim the same files below the kernel, so removing one breaks the other.";
                Finding::new(Severity::Warning, place, format!("the same machine as {usual}"), why)
                    .mend(format!("dkms unbuild {} -k {operand} && evermod sync", instance.module))
            } else {
                let why = format!("evermod keeps it as it is; DKMS would build it once more, as {usual}.");
                Finding::new(Severity::Note, place, format!("{} means {usual}", instance.arch), why)
            });
        }
    }
    found
}

fn older(machine: &Machine<'_>) -> Vec<Finding> {
    let mut newest: BTreeMap<&str, &ModuleId> = BTreeMap::new();
    for module in machine.tree.modules.iter().filter(|m| matches!(m.source, Source::Directory(_))) {
        let best = newest.entry(&module.module.name).or_insert(&module.module);
        *best = (*best).max(&module.module);
    }
    let mut found = Vec::new();
    for built in machine.active() {
        let instance = &built.instance;
        let Some(best) = newest.get(instance.module.name.as_str()).filter(|n| **n > &instance.module) else {
            continue;
        };
        // Known to fail, or not meant: then the older one is what there is.
        let candidate = machine
            .candidates
            .found
            .iter()
            .find(|c| c.instance.module == **best && c.instance.kernel == instance.kernel);
        if candidate.is_some_and(|c| c.excluded.is_some() || c.failure.is_some()) {
            continue;
        }
        let what = format!("{} is active, though {best} is registered", instance.module);
        let finding = Finding::new(
            Severity::Warning,
            format!("kernel {}", instance.kernel),
            what,
            "The newer version was never installed for this kernel.",
        )
        .mend(format!("evermod install {best} -k {}", instance.kernel));
        found.push(if candidate.is_some_and(|c| c.autoinstall) { finding.by_sync() } else { finding });
    }
    found
}

fn tree_link(machine: &Machine<'_>) -> Vec<Finding> {
    let tree = &machine.places.dkms_tree;
    let Ok(real) = machine.places.root.resolve_inside(tree) else { return Vec::new() };
    if real == *tree || !machine.places.tree().exists() {
        return Vec::new();
    }
    vec![Finding::new(
        Severity::Note,
        tree.display().to_string(),
        format!("it is really {}", real.display()),
        "evermod does not mind; DKMS would show every installed module as only built.",
    )]
}

fn database(machine: &Machine<'_>) -> Vec<Finding> {
    let place = machine.places.tree().join("dkms_dbversion");
    if place.symlink_metadata().is_err() {
        return Vec::new();
    }
    let place = machine.inside(&place);
    let why = "Nothing reads it any more.";
    vec![Finding::new(Severity::Note, &place, "left by a DKMS before 2.8.8", why).mend(format!("rm {place}"))]
}
