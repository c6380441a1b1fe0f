//! Configurations that cannot be read, builds that failed or are incomplete.

use super::machine::Machine;
use super::{Check, Finding, Severity};
use crate::inventory::State;
use crate::model::Failure;
use std::collections::BTreeMap;

pub(super) const CHECKS: &[Check] = &[
    Check { name: "unreadable-conf", about: "a dkms.conf that cannot be used", run: confs },
    Check { name: "failed-build", about: "builds that failed with the inputs of today", run: failed },
    Check { name: "incomplete-build", about: "builds that lack a file of their dkms.conf", run: incomplete },
    Check { name: "no-headers", about: "kernels that a module cannot be built for", run: headers },
];

fn confs(machine: &Machine<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (module, failure) in &machine.candidates.problems {
        let (path, what) = match failure {
            Failure::BadConf { path, findings } => (path, findings.join("; ")),
            Failure::NoConf { path } => (path, "it does not exist".to_string()),
            other => {
                let why = format!("{module} cannot be judged, nor built.");
                found.push(Finding::new(Severity::Problem, module.to_string(), other.to_string(), why));
                continue;
            }
        };
        let shown = machine.places.root.resolve_inside(path).unwrap_or_else(|_| path.clone());
        let why = format!(
            "{module} is built for no kernel. Where the file cannot be corrected, remove the module."
        );
        let finding = Finding::new(Severity::Problem, shown.display().to_string(), what, why);
        found.push(match machine.owner(&shown.display().to_string()) {
            Some(package) => finding.mend(format!("apt install --reinstall {package}")),
            None => finding.mend(format!("evermod remove {module} --all")),
        });
    }
    found
}

fn failed(machine: &Machine<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for candidate in &machine.candidates.found {
        let instance = &candidate.instance;
        let Some(failure) = candidate.failure.as_ref().filter(|f| Some(&f.key) == candidate.key.as_ref())
        else {
            continue;
        };
        let what = match &failure.diagnosis {
            Some(diagnosis) => format!("it does not build: {diagnosis}"),
            None => failure.message.clone(),
        };
        let kept = if candidate.state == State::Added {
            "the kernel goes without it"
        } else {
            "the build before it is kept"
        };
        let why =
            format!("It is not tried again until something changes; {kept}. Log: {}", failure.log.display());
        // Mending the source is a person's; a newer package mostly has done it.
        found.push(
            Finding::new(Severity::Problem, instance.to_string(), what, why)
                .mend(format!("evermod sync {} -k {} --retry", instance.module, instance.kernel)),
        );
    }
    found
}

fn incomplete(machine: &Machine<'_>) -> Vec<Finding> {
    let why = "The kernel lacks a part of this module.";
    let mut found = Vec::new();
    for candidate in &machine.candidates.found {
        if let State::Incomplete(what) = &candidate.state {
            let finding = Finding::new(Severity::Problem, candidate.instance.to_string(), what, why);
            let Some(_) = candidate.key.as_ref().filter(|_| candidate.autoinstall) else {
                let (module, kernel) = (&candidate.instance.module, &candidate.instance.kernel);
                found.push(finding.mend(format!("evermod build {module} -k {kernel} --force")));
                continue;
            };
            found.push(finding.by_sync());
        }
    }
    // Older versions, which no sync builds.
    for built in machine.built().filter(|b| machine.candidate_state(b).is_none()) {
        let Some(name) = machine.comparison(built).and_then(|c| c.built_missing) else { continue };
        let instance = &built.instance;
        let what = format!("{name}.ko is missing in the tree");
        found.push(
            Finding::new(
                Severity::Warning,
                instance.to_string(),
                what,
                "Nothing but a new build completes it.",
            )
            .mend(format!("evermod build {} -k {} --force", instance.module, instance.kernel)),
        );
    }
    found
}

fn headers(machine: &Machine<'_>) -> Vec<Finding> {
    let mut lacking: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for candidate in &machine.candidates.found {
        let is_wanted =
            candidate.autoinstall && candidate.excluded.is_none() && candidate.state == State::Added;
        if is_wanted && !candidate.headers {
            lacking
                .entry(&candidate.instance.kernel)
                .or_default()
                .push(candidate.instance.module.to_string());
        }
    }
    let finding = |(kernel, modules): (&_, Vec<String>)| {
        let why = format!("Without them it goes without {}.", modules.join(", "));
        let place = format!("kernel {kernel}");
        Finding::new(Severity::Problem, place, "its headers are not installed", why)
            .mend((machine.headers_command)(kernel))
    };
    lacking.into_iter().map(finding).collect()
}
