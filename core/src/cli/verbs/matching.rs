//! `match`: gives a kernel what another one has.

use super::sync::sync;
use crate::cli::context::Context;
use crate::inventory::Kernel;
use crate::model::{Failure, ModuleId};
use crate::plan::{Note, Request};
use crate::report::Event;

/// Builds and installs for `kernel` what is installed for `template`: all of it, or only `module`, in any version unless
/// one is given.
///
/// # Errors
/// No template, or the kernel itself, or an unknown module; else the first failure, the others being attempted all the
/// same.
pub fn match_kernel(
    context: &Context,
    kernel: &Kernel,
    template: Option<&Kernel>,
    (name, version): (Option<&str>, Option<&str>),
) -> Result<(), Failure> {
    context.require_root("match")?;
    let usage = |message: &str, code| Failure::Usage { message: message.into(), code };
    let template = template.ok_or_else(|| usage("'match' needs --templatekernel KERNEL", 1))?;
    if template.release == kernel.release {
        return Err(usage("the kernel and its template are the same", 2));
    }
    let tree = context.tree()?;
    if let Some(name) = name.filter(|name| tree.versions(name).is_empty()) {
        return Err(Failure::UnknownName { name: name.to_string() });
    }
    let is_meant = |m: &ModuleId| {
        name.is_none_or(|name| m.name == name) && version.is_none_or(|version| m.version == version)
    };
    let built = tree.modules.iter().flat_map(|m| &m.built).filter(|b| b.active).map(|b| &b.instance);
    let modules: Vec<_> = built
        .filter(|i| i.kernel == template.release && i.arch == template.arch && is_meant(&i.module))
        .map(|i| i.module.clone())
        .collect();
    let note = |text: String| context.sink.event(&Event::Note { text: &text });
    note(format!("Matching modules in kernel: {} ({})", kernel.release, kernel.arch));
    note(format!("to the configuration of kernel: {} ({})", template.release, template.arch));
    if modules.is_empty() {
        note("There is nothing to be done for this match.".into());
        return Ok(());
    }
    for module in &modules {
        note(format!("Module:  {}\nVersion: {}", module.name, module.version));
    }
    let kernels = vec![kernel.release.clone()];
    let synced = sync(context, &Request { kernels, modules, retry: true, ..Request::default() })?;
    let failure = synced.report.failures.into_iter().map(|(_, failure)| Failure::Told(Box::new(failure)));
    let noted = synced.plan.notes.into_iter().filter_map(|note| missing(context, kernel, note));
    match failure.chain(noted).next() {
        None => Ok(()),
        Some(failure) => Err(failure),
    }
}

/// What a note means for a module that was asked for by name.
fn missing(context: &Context, kernel: &Kernel, note: Note) -> Option<Failure> {
    Some(match note {
        Note::NoHeaders { kernel, .. } => {
            let finder = context.finder();
            context.survey(&finder).no_headers(&kernel)
        }
        Note::Excluded { instance, why } => {
            Failure::Excluded { module: instance.module, kernel: instance.kernel, arch: instance.arch, why }
        }
        Note::Blocked { instance, missing }
        | Note::Deferred { instance, missing }
        | Note::OnlyPrebuilt { instance, missing } => {
            Failure::MissingDepends { module: instance.module, kernel: kernel.release.clone(), missing }
        }
        Note::Refused { instance, why } => {
            Failure::Refused { module: instance.module, kernel: instance.kernel, why }
        }
        Note::Broken { module } => Failure::Broken { module },
        Note::BadConf { path, findings, .. } => Failure::BadConf { path, findings },
        Note::ReadOnly { path, .. } => Failure::ReadOnly { path },
        Note::FailedBefore { .. } => return None,
    })
}
