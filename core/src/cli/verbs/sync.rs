//! `sync`: makes what is there what it should be. Idempotent; every adapter ends here.

use super::plan::{Stock, take_stock};
use super::policy::{self, InOneLine};
use super::remove::sweep;
use super::{kernel_gone, mend};
use crate::cli::context::{Audience, Context};
use crate::config::{Importance, Policy};
use crate::exec::{Report, Session, initramfs, lock, pending, prebuilt, told};
use crate::install::files::{remove_tree_if_there, write_atomically};
use crate::install::source::sweep_trees;
use crate::inventory::Survey;
use crate::model::{Failure, Instance};
use crate::plan::{Note, Plan, Request};
use crate::report::Event;

/// What a sync did and what it had to leave.
#[derive(Debug)]
pub struct Synced {
    /// The plan.
    pub plan: Plan,
    /// How it went.
    pub report: Report,
    /// What was wanted and there before.
    pub present: Vec<Instance>,
    /// How much modules matter: what is optional counts for nothing below.
    pub policy: Policy,
}

impl Synced {
    /// How many steps failed. That the kernel has the same module or a newer one is no failure.
    pub fn failed(&self) -> usize {
        let counted = |(instance, failure): &&(Option<Instance>, Failure)| {
            policy::counts(&self.policy, instance.as_ref(), failure)
        };
        self.report.failures.iter().filter(counted).count()
    }

    /// How many instances are wanted and not there.
    pub fn shortfall(&self) -> usize {
        let counts = |note: &&Note| {
            policy::importance(&self.policy, note) != Importance::Optional
                && matches!(
                    note,
                    Note::FailedBefore { .. }
                        | Note::ReadOnly { .. }
                        | Note::Blocked { .. }
                        | Note::OnlyPrebuilt { .. }
                        | Note::Broken { .. }
                        | Note::BadConf { .. }
                )
        };
        self.failed() + self.plan.notes.iter().filter(counts).count()
    }
}

/// Plans and carries out.
///
/// # Errors
/// Stock cannot be taken, or the state not be written. Failures of single modules are in the result.
pub fn sync(context: &Context, request: &Request) -> Result<Synced, Failure> {
    context.require_root("sync")?;
    context.require_writable()?;
    let who = match request.manager.as_str() {
        "" => "sync".to_string(),
        manager => format!("sync for {manager}"),
    };
    let lock = lock::take(&context.places, &who, &*context.sink)?;
    if lock.is_nested() {
        // The run that waits for us is doing this very work.
        return Ok(Synced {
            plan: Plan::default(),
            report: Report::default(),
            present: Vec::new(),
            policy: context.policy.clone(),
        });
    }
    if lock.is_after_cut_off() {
        clean(context)?;
        lock.cleaned();
    }
    initramfs::sweep(&context.places)?;
    kernel_gone::sweep(context)?;
    let tree = mend::before(context)?;
    let finder = context.finder();
    let survey = context.survey(&finder);
    prebuilt::notice(&context.places, survey.prebuilts())?;
    let Stock { mut plan, tree, kernels, present } = take_stock(context, &survey, tree, request)?;
    plan.notes.sort_by_key(|note| policy::importance(&context.policy, note));
    for note in plan.notes.iter().filter(|note| is_told(context, note)) {
        match note {
            Note::Excluded { .. } => {
                context.sink.event(&Event::Warning { text: &format!("Warning: {note}") })
            }
            Note::Broken { .. } | Note::BadConf { .. } if context.audience == Audience::Dkms => {
                context.sink.event(&Event::Warning { text: &format!("Error! {note}") });
            }
            _ => context.sink.event(&Event::Note { text: &note.to_string() }),
        }
    }
    let known = plan.notes.iter().filter(|note| matches!(note, Note::FailedBefore { .. })).count();
    if known > 0 && context.audience != Audience::Hook {
        let text = format!(
            "Not tried again, since nothing changed: {known}. To try all the same: evermod sync --retry"
        );
        context.sink.event(&Event::Note { text: &text });
    }
    let sink = InOneLine::new(context);
    let report = match plan.steps.as_slice() {
        [] => Report::default(),
        _ => {
            let session = Session::new(&context.places, &context.environment, &context.settings, &sink)?;
            let report = session.carry_out(&plan, &survey, &tree, &kernels);
            session.post_transaction(&report.changed());
            report
        }
    };
    keep(&survey)?;
    mend::after(context, &tree)?;
    let synced = Synced { plan, report, present, policy: context.policy.clone() };
    for text in policy::lacking(&context.policy, &synced.plan, &synced.report) {
        context.sink.event(&Event::Note { text: &text });
    }
    Ok(synced)
}

/// A package manager's user is told of a failure when it happens, not at every run after it; what a module is not meant
/// for is nobody's worry unless asked.
fn is_told(context: &Context, note: &Note) -> bool {
    match note {
        Note::Excluded { .. } => context.audience == Audience::Dkms,
        Note::FailedBefore { .. } | Note::Refused { .. } => context.audience != Audience::Hook,
        Note::ReadOnly { .. } => {
            context.audience != Audience::Hook || told::is_news(&context.places.root, &note.to_string())
        }
        _ => true,
    }
}

/// Deletes what runs that were cut off left behind. The lock is held, so nothing of it is in use.
pub(super) fn clean(context: &Context) -> Result<(), Failure> {
    pending::clean(&context.places)?;
    for what in ["build", "unpack", "staging"] {
        remove_tree_if_there(&context.places.state(what))?;
    }
    sweep_trees(&context.places.root.resolve(&context.places.source_tree)?)?;
    for registered in context.tree()?.modules {
        sweep(context, &registered.module)?;
        if !registered.built.is_empty() {
            // There is none beside a build; what a failure left in it keeps it.
            let _ = std::fs::remove_dir(context.places.build_dir(&registered.module));
        }
    }
    Ok(())
}

/// Writes down what a survey learnt, for the next one.
///
/// # Errors
/// The state directory cannot be written to.
pub fn keep(survey: &Survey<'_>) -> Result<(), Failure> {
    for (path, content) in survey.learnt() {
        write_atomically(&path, &content, 0o644, None)?;
    }
    Ok(())
}
