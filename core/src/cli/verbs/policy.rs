//! How much modules matter (evermod.toml): what is told in which words, and what makes a sync fail.

use crate::cli::context::Context;
use crate::config::{Importance, Policy};
use crate::exec::Report;
use crate::model::{Failure, Instance, ModuleId};
use crate::plan::{Note, Plan};
use crate::report::{Event, Sink};

/// The modules that a note is about.
fn modules(note: &Note) -> Vec<&ModuleId> {
    match note {
        Note::NoHeaders { modules, .. } | Note::ReadOnly { modules, .. } => modules.iter().collect(),
        Note::Excluded { instance, .. }
        | Note::Blocked { instance, .. }
        | Note::Deferred { instance, .. }
        | Note::OnlyPrebuilt { instance, .. }
        | Note::Refused { instance, .. } => vec![&instance.module],
        Note::FailedBefore { failure } => vec![&failure.instance.module],
        Note::Broken { module } | Note::BadConf { module, .. } => vec![module],
    }
}

/// How much a note matters: as much as the most important of its modules.
pub fn importance(policy: &Policy, note: &Note) -> Importance {
    modules(note).iter().map(|module| policy.importance(&module.name)).min().unwrap_or_default()
}

/// Whether a failure makes a run fail. That the kernel has the same module or a newer one is no failure.
pub fn counts(policy: &Policy, instance: Option<&Instance>, failure: &Failure) -> bool {
    let is_optional = instance.is_some_and(|i| policy.importance(&i.module.name) == Importance::Optional);
    !is_optional && !matches!(failure, Failure::Refused { .. })
}

/// One line for each kernel that lacks a critical module after all, and why.
pub fn lacking(policy: &Policy, plan: &Plan, report: &Report) -> Vec<String> {
    let critical = |module: &ModuleId| policy.importance(&module.name) == Importance::Critical;
    let line = |module: &ModuleId, kernel: &str, why: &str| {
        format!("Kernel {kernel} lacks {module}, which is critical: {why}")
    };
    let mut lines = Vec::new();
    for (instance, failure) in &report.failures {
        if let Some(instance) = instance.as_ref().filter(|i| critical(&i.module)) {
            lines.push(line(&instance.module, instance.kernel.as_str(), &failure.to_string()));
        }
    }
    for note in &plan.notes {
        match note {
            Note::NoHeaders { kernel, modules, .. } => {
                let lacks = modules.iter().filter(|module| critical(module));
                lines.extend(lacks.map(|m| line(m, kernel.as_str(), "its headers are not installed")));
            }
            Note::ReadOnly { path, kernels, modules } => {
                let why = format!("{} is mounted read-only", path.display());
                let lacks = modules.iter().filter(|module| critical(module));
                lines.extend(
                    lacks.flat_map(|m| kernels.iter().map(|k| line(m, k.as_str(), &why)).collect::<Vec<_>>()),
                );
            }
            Note::FailedBefore { failure } if critical(&failure.instance.module) => {
                lines.push(line(
                    &failure.instance.module,
                    failure.instance.kernel.as_str(),
                    &failure.message,
                ));
            }
            Note::Blocked { instance, missing }
            | Note::Deferred { instance, missing }
            | Note::OnlyPrebuilt { instance, missing }
                if critical(&instance.module) =>
            {
                let why = format!("it needs {}", missing.join(", "));
                lines.push(line(&instance.module, instance.kernel.as_str(), &why));
            }
            Note::Broken { module } | Note::BadConf { module, .. } if critical(module) => {
                lines.push(format!("{module}, which is critical, cannot be built for any kernel: {note}"));
            }
            _ => {}
        }
    }
    lines
}

/// Passes events on, but tells the failure of an optional module in one line, and so one that need not last: where not all
/// of the tools are in place yet, the pass at the end of dpkg's run tries again.
pub struct InOneLine<'a> {
    context: &'a Context,
}

impl<'a> InOneLine<'a> {
    /// In front of the context's own sink.
    pub fn new(context: &'a Context) -> Self {
        Self { context }
    }
}

impl Sink for InOneLine<'_> {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Failed { instance, failure, elapsed }
                if self.context.policy.importance(&instance.module.name) == Importance::Optional =>
            {
                let message = format!("{failure} (optional: not counted)");
                let failure = &Failure::Usage { message, code: failure.exit_code() };
                self.context.sink.event(&Event::Failed { instance, failure, elapsed: *elapsed });
            }
            Event::Failed { instance, failure, .. }
                if self.context.settings.early && failure.is_tried_again() =>
            {
                let Instance { module, kernel, .. } = instance;
                let why = failure.reason();
                let text = format!(
                    "{module} cannot be built for kernel {kernel} yet, and is tried again at the end: {why}"
                );
                self.context.sink.event(&Event::Note { text: &text });
            }
            other => self.context.sink.event(other),
        }
    }
}
