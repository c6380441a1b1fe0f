//! `autoinstall`: DKMS's way of asking for a sync of one kernel.

use super::sync::{Synced, sync};
use crate::cli::context::Context;
use crate::inventory::{Facts, Kernel, Source};
use crate::model::{Failure, Instance, ModuleId};
use crate::plan::{Note, Request};
use crate::report::Event;

/// Installs every module that asks for it, and says in the end what became of them.
///
/// # Errors
/// Something is missing in the end, or the kernel has no headers although there is something to build.
pub fn autoinstall(context: &Context, kernel: &Kernel) -> Result<(), Failure> {
    context.require_root("autoinstall")?;
    if context.is_autoinstall_off() {
        context.sink.event(&Event::Note { text: "Automatic installation of modules has been disabled." });
        return Ok(());
    }
    let request = Request { kernels: vec![kernel.release.clone()], ..Request::default() };
    let synced = match sync(context, &request) {
        // To DKMS a kernel that is not there is one without headers.
        Err(Failure::NoKernel { .. }) if !is_anything_wanted(context, kernel)? => return Ok(()),
        Err(Failure::NoKernel { .. }) => return Err(no_headers(context, kernel)),
        other => other?,
    };
    for text in summary(kernel, &synced) {
        context.sink.event(&Event::Note { text: &text });
    }
    if synced.plan.notes.iter().any(|note| matches!(note, Note::NoHeaders { .. })) {
        return Err(no_headers(context, kernel));
    }
    match synced.shortfall() {
        0 => Ok(()),
        n => Err(Failure::Autoinstall(n)),
    }
}

fn no_headers(context: &Context, kernel: &Kernel) -> Failure {
    let finder = context.finder();
    context.survey(&finder).no_headers(&kernel.release)
}

/// Whether any module asks to be installed.
fn is_anything_wanted(context: &Context, kernel: &Kernel) -> Result<bool, Failure> {
    let finder = context.finder();
    let survey = context.survey(&finder);
    let tree = context.tree()?;
    let mut usable = tree.modules.iter().filter(|m| matches!(m.source, Source::Directory(_)));
    Ok(usable.any(|m| {
        let facts = survey.facts(&m.module, &survey.conf_of(&m.module), kernel, false);
        facts.is_ok_and(|Facts { directives, excluded, .. }| {
            // What waits for a module that is not registered is not tried.
            let is_waiting = directives.build_depends.iter().any(|name| tree.versions(name).is_empty());
            directives.autoinstall && excluded.is_none() && !is_waiting
        })
    }))
}

fn summary(kernel: &Kernel, synced: &Synced) -> Vec<String> {
    let release = &kernel.release;
    let mut lines = Vec::new();
    let is_idle = synced.plan.is_idle() && synced.plan.notes.is_empty();
    if is_idle {
        return lines;
    }
    // In the order of the plan, whichever was ready first.
    let place = |i: &Instance| synced.plan.steps.iter().position(|step| step.action.instance() == Some(i));
    let mut new: Vec<_> = synced.report.installed.iter().collect();
    new.sort_by_key(|instance| place(instance));
    let all = synced.present.iter().chain(new);
    let installed: Vec<_> = all.map(|i| i.module.name.as_str()).collect();
    if !installed.is_empty() {
        lines.push(format!("Autoinstall on {release} succeeded for module(s) {}.", installed.join(" ")));
    }
    let skipped = synced.plan.notes.iter().filter_map(|note| match note {
        Note::Excluded { instance, .. } => Some(instance.module.name.as_str()),
        _ => None,
    });
    let skipped: Vec<_> = skipped.collect();
    if !skipped.is_empty() {
        lines.push(format!("Autoinstall on {release} was skipped for module(s) {}.", skipped.join(" ")));
    }
    let now = synced
        .report
        .failures
        .iter()
        .filter(|(_, f)| !matches!(f, Failure::Refused { .. } | Failure::DependencyFailed { .. }))
        .filter_map(|(i, f)| Some((i.as_ref()?.module.name.clone(), f.exit_code())));
    let before = synced.plan.notes.iter().filter_map(|note| match note {
        Note::FailedBefore { failure } => Some((failure.instance.module.name.clone(), failure.code)),
        _ => None,
    });
    let failed: Vec<_> = now.chain(before).map(|(module, code)| format!("{module}({code})")).collect();
    if !failed.is_empty() {
        lines.push(format!("Autoinstall on {release} failed for module(s) {}.", failed.join(" ")));
    }
    let missing = |module: &ModuleId, names: &str| {
        format!("{module} autoinstall failed due to missing dependencies: {names}.")
    };
    for (_, failure) in &synced.report.failures {
        if let Failure::DependencyFailed { module, dependency, .. } = failure {
            lines.push(missing(module, dependency));
        }
    }
    let mut deferred = Vec::new();
    for note in &synced.plan.notes {
        match note {
            Note::Blocked { instance, missing: names } | Note::OnlyPrebuilt { instance, missing: names } => {
                lines.push(missing(&instance.module, &names.join(" ")));
            }
            Note::Deferred { instance, missing } => {
                lines.push(format!(
                    "{} autoinstall deferred: BUILD_DEPENDS not registered with DKMS: {}.",
                    instance.module,
                    missing.join(" ")
                ));
                deferred.push(instance.module.name.as_str());
            }
            _ => {}
        }
    }
    if !deferred.is_empty() {
        lines.push(format!(
            "Autoinstall on {release} deferred module(s) {} due to BUILD_DEPENDS not yet registered with DKMS.",
            deferred.join(" ")
        ));
        lines.push("They follow once those packages are installed.".to_string());
    }
    lines
}
