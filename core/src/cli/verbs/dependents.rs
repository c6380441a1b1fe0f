//! BUILD_DEPENDS_REBUILD after `install`: what was built against another version of the module is built again
//! (contract 2.5). `sync` and `autoinstall` have it in their plan.

use super::plan::take_stock;
use super::sync::keep;
use crate::cli::context::Context;
use crate::exec::Report;
use crate::inventory::{Kernel, Survey, Tree};
use crate::model::{Failure, Instance, ModuleId};
use crate::plan::Request;
use crate::report::Event;

/// Builds and installs again what the installed instances have outdated. The lock is the caller's.
///
/// # Errors
/// Stock cannot be taken, or what was learnt not be written. Failures of single modules are in the result.
pub(super) fn rebuild_dependents(
    context: &Context,
    installed: &[Instance],
    kernels: &[Kernel],
) -> Result<Vec<Failure>, Failure> {
    let mut failures = Vec::new();
    for instance in installed {
        let Some(kernel) = kernels.iter().find(|k| k.release == instance.kernel) else { continue };
        let finder = context.finder();
        let survey = context.survey(&finder);
        let modules = outdated(&survey, &context.tree()?, instance, kernel);
        if modules.is_empty() {
            continue;
        }
        let names: Vec<_> = modules.iter().map(ToString::to_string).collect();
        let text = format!("Built against another version of {}: {}", instance.module.name, names.join(", "));
        context.sink.event(&Event::Note { text: &text });
        let request = Request { kernels: vec![kernel.release.clone()], modules, ..Request::default() };
        let stock = take_stock(context, &survey, context.tree()?, &request)?;
        let Report { failures: failed, .. } =
            context.session()?.carry_out(&stock.plan, &survey, &stock.tree, &stock.kernels);
        failures.extend(failed.into_iter().map(|(_, failure)| failure));
        keep(&survey)?;
    }
    Ok(failures)
}

/// The modules, built for the instance's kernel, that were built against another version of it.
fn outdated(survey: &Survey<'_>, tree: &Tree, instance: &Instance, kernel: &Kernel) -> Vec<ModuleId> {
    let built = tree.modules.iter().flat_map(|registered| &registered.built).map(|built| &built.instance);
    let here = built.filter(|other| other.kernel == instance.kernel && other.arch == instance.arch);
    here.filter(|other| {
        // One whose configuration cannot be read is another command's business.
        survey.facts(&other.module, &survey.conf_of(&other.module), kernel, false).is_ok_and(|facts| {
            let against = survey.built_against(other, &facts.directives);
            against.iter().any(|dep| dep.name == instance.module.name && dep.is_outdated(None))
        })
    })
    .map(|other| other.module.clone())
    .collect()
}
