//! Packages of prebuilt modules: what they say of themselves, and whether it is still so.

use super::machine::Machine;
use super::{Check, Finding, Severity};
use crate::inventory::{FaultyPrebuilt, State};
use crate::model::Prebuilt;

pub(super) const CHECKS: &[Check] = &[
    Check { name: "prebuilt-record", about: "records of prebuilt modules that cannot be used", run: records },
    Check { name: "prebuilt-files", about: "files of prebuilt modules, missing or altered", run: files },
    Check { name: "prebuilt-twice", about: "modules built here where a package has some", run: twice },
];

fn records(machine: &Machine<'_>) -> Vec<Finding> {
    let prebuilts = machine.survey.prebuilts();
    let why = "Whatever its package brought counts for nothing: the module is built here, or not there.";
    let mut found = Vec::new();
    for FaultyPrebuilt { path, why: what, .. } in prebuilts.faulty.iter().filter(|f| f.prebuilt.is_none()) {
        let place = path.display().to_string();
        let distribution = &machine.survey.options.distribution;
        let owner = machine.owner(&place);
        let owner =
            owner.or_else(|| distribution.owner_command(&place).map(|command| format!("$({command})")));
        let finding = Finding::new(Severity::Problem, place, what, why);
        found.push(match owner {
            Some(package) => finding.mend(distribution.reinstall_command(&package)),
            None => finding,
        });
    }
    for prebuilt in &prebuilts.whole {
        let kernel = machine.kernels.iter().find(|kernel| kernel.release == prebuilt.kernel);
        if let Some(kernel) = kernel.filter(|kernel| !kernel.arch.is_same_machine(&prebuilt.arch)) {
            let what =
                format!("it is for {}, and kernel {} is of {}", prebuilt.arch, kernel.release, kernel.arch);
            let finding = Finding::new(Severity::Problem, &prebuilt.package, what, why);
            found.push(finding.mend(remove(machine, prebuilt)));
        }
    }
    found
}

fn files(machine: &Machine<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for FaultyPrebuilt { prebuilt, why: what, .. } in &machine.survey.prebuilts().faulty {
        let Some(prebuilt) = prebuilt else { continue };
        let Prebuilt { module, kernel, package, .. } = prebuilt;
        if !machine.is_here(kernel) {
            let (what, why) =
                (format!("kernel {kernel} is gone"), "It has modules for that kernel, and for no other.");
            let finding = Finding::new(Severity::Warning, package, what, why);
            found.push(finding.mend(remove(machine, prebuilt)));
            continue;
        }
        let is_served = machine.candidates.found.iter().any(|c| {
            c.instance.kernel == *kernel
                && c.instance.module.name == module.name
                && c.state == State::Installed
        });
        let (severity, why) = match is_served {
            true => (Severity::Warning, "What was built here is used in its place."),
            false => (
                Severity::Problem,
                "Its modules count for nothing: the kernel loads something else, or nothing.",
            ),
        };
        let command = machine.survey.options.distribution.reinstall_command(package);
        let what = format!("{what}, which it brought for kernel {kernel}");
        found.push(Finding::new(severity, package, what, why).mend(command));
    }
    found
}

fn twice(machine: &Machine<'_>) -> Vec<Finding> {
    let finding = |claim: crate::inventory::Claim| {
        let what = format!("it is installed, though {} has modules for this kernel", claim.package);
        let why = "It makes way for the package; what was built stays in the tree.";
        Finding::new(Severity::Warning, claim.instance.to_string(), what, why).by_sync()
    };
    machine.survey.claims(machine.tree, machine.kernels).into_iter().map(finding).collect()
}

fn remove(machine: &Machine<'_>, prebuilt: &Prebuilt) -> String {
    machine.survey.options.distribution.remove_command(&prebuilt.package)
}
