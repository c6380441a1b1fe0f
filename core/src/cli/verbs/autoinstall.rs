//! `autoinstall`: DKMS's way of asking for a sync of one kernel.

use super::sync::{Synced, sync};
use crate::cli::context::Context;
use crate::inventory::Kernel;
use crate::model::Failure;
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
    let synced = sync(context, &request)?;
    for text in summary(kernel, &synced) {
        context.sink.event(&Event::Note { text: &text });
    }
    if synced.plan.notes.iter().any(|note| matches!(note, Note::NoHeaders { .. })) {
        let finder = context.finder();
        return Err(context.survey(&finder).no_headers(&kernel.release));
    }
    match synced.shortfall() {
        0 => Ok(()),
        n => Err(Failure::Autoinstall(n)),
    }
}

fn summary(kernel: &Kernel, synced: &Synced) -> Vec<String> {
    let release = &kernel.release;
    let mut lines = Vec::new();
    let installed: Vec<_> = synced.report.installed.iter().map(|i| i.module.to_string()).collect();
    if !installed.is_empty() {
        lines.push(format!("Autoinstall on {release} succeeded for module(s) {}.", installed.join(" ")));
    }
    let now = synced
        .report
        .failures
        .iter()
        .filter_map(|(i, f)| Some((i.as_ref()?.module.to_string(), f.exit_code())));
    let before = synced.plan.notes.iter().filter_map(|note| match note {
        Note::FailedBefore { failure } => Some((failure.instance.module.to_string(), failure.code)),
        _ => None,
    });
    let failed: Vec<_> = now.chain(before).map(|(module, code)| format!("{module}({code})")).collect();
    if !failed.is_empty() {
        lines.push(format!("Autoinstall on {release} failed for module(s) {}.", failed.join(" ")));
    }
    for note in &synced.plan.notes {
        if let Note::Blocked { instance, missing } = note {
            let missing = missing.join(" ");
            lines.push(format!(
                "{} autoinstall failed due to missing dependencies: {missing}.",
                instance.module
            ));
        }
    }
    lines
}
