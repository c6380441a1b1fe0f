//! `build` and `install`: one module, for the kernels that were named.

use super::add;
use super::dependents::rebuild_dependents;
use super::sync::keep;
use crate::cli::context::{Audience, Context};
use crate::exec::lock;
use crate::inventory::{Kernel, Source, Survey, Tree};
use crate::model::{Failure, Instance, ModuleId, Prebuilt};
use crate::plan::{Action, Plan};
use crate::report::Event;
use std::time::Duration;

/// How far to go, and over what.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Install, too.
    pub install: bool,
    /// Build again what is built, install again what is installed, whatever the kernel has.
    pub force: bool,
    /// Do not compare versions with what the kernel has.
    pub force_version: bool,
}

/// Builds, and installs if asked to, a module for kernels; adds it first if need be.
///
/// # Errors
/// The first failure; the other kernels are attempted all the same.
pub fn build(
    context: &Context,
    module: &ModuleId,
    kernels: &[Kernel],
    options: Options,
) -> Result<(), Failure> {
    if options.install {
        context.require_root("install")?;
    }
    context.require_writable()?;
    let verb = if options.install { "install" } else { "build" };
    let _lock = lock::take(&context.places, &format!("{verb} {module}"), &*context.sink)?;
    let mut tree = context.tree()?;
    let was_added = tree.find(module).is_some();
    match tree.find(module).map(|m| m.source.clone()) {
        Some(Source::Directory(_)) => {}
        Some(Source::Broken) => return Err(Failure::Broken { module: module.clone() }),
        Some(Source::Absent) | None => {
            let first = kernels.first().map(|kernel| Instance {
                module: module.clone(),
                kernel: kernel.release.clone(),
                arch: kernel.arch.clone(),
            });
            add::add_for(context, module, context.conf(), first.as_ref())?;
            tree = context.tree()?;
        }
    }
    let finder = context.finder();
    let survey = context.survey(&finder);
    let (plan, early) = steps(context, &survey, &tree, module, kernels, options)?;
    if was_added && !plan.steps.is_empty() {
        tell_of_conf(context, &survey, module);
    }
    let session = context.session()?;
    let report = session.carry_out(&plan, &survey, &tree, kernels);
    session.post_transaction(&report.changed());
    keep(&survey)?;
    let dependents = match options.force {
        false => rebuild_dependents(context, &report.installed, kernels)?,
        true => Vec::new(),
    };
    // Every failure has been told when it happened; the first one decides the exit code.
    let own = report.failures.into_iter().map(|(_, failure)| failure);
    match early.into_iter().chain(own).chain(dependents).next() {
        None => Ok(()),
        Some(failure) => Err(Failure::Told(Box::new(failure))),
    }
}

/// Says what is outdated or doubtful in the configuration, as DKMS does each time. Errors come with the kernel's reading.
fn tell_of_conf(context: &Context, survey: &Survey<'_>, module: &ModuleId) {
    if context.audience == Audience::Dkms {
        let _ = add::read(context, &survey.conf_of(module), Some(module), true);
    }
}

/// The plan for exactly these kernels, and the failures of those that cannot be planned for.
fn steps(
    context: &Context,
    survey: &Survey<'_>,
    tree: &Tree,
    module: &ModuleId,
    kernels: &[Kernel],
    options: Options,
) -> Result<(Plan, Vec<Failure>), Failure> {
    let mut early = Vec::new();
    let note = |text: String| context.sink.event(&Event::Note { text: &text });
    let mut plan = Plan::default();
    for kernel in kernels {
        let (release, arch) = (&kernel.release, &kernel.arch);
        let instance = Instance { module: module.clone(), kernel: release.clone(), arch: arch.clone() };
        let built = tree.built(&instance);
        let mut after = Vec::new();
        if let Some(prebuilt) = survey.prebuilts().of(kernel, &module.name).filter(|_| options.install) {
            let Prebuilt { package, package_version, .. } = prebuilt;
            let why = format!("{package} {package_version} serves it with prebuilt modules");
            let refused = Failure::Refused { module: module.clone(), kernel: release.clone(), why };
            match (options.force, context.audience) {
                (true, _) => note(format!(
                    "{package} has prebuilt modules of {module} for kernel {release}, too: to keep \
                                           what is installed now, remove that package"
                )),
                // Scripts of packages call it, and have nothing to complain of: the module is there.
                (false, Audience::Dkms) => {
                    note(format!("{refused}; --force installs it all the same"));
                    continue;
                }
                (false, _) => {
                    let elapsed = Duration::ZERO;
                    context.sink.event(&Event::Failed { instance: &instance, failure: &refused, elapsed });
                    early.push(refused);
                    continue;
                }
            }
        }
        if built.is_none() || (options.force && !options.install) {
            if let Err(failure) = check_depends(context, survey, tree, &instance, kernel, options.force) {
                context.sink.event(&Event::Failed {
                    instance: &instance,
                    failure: &failure,
                    elapsed: Duration::ZERO,
                });
                early.push(failure);
                continue;
            }
            after.push(plan.add(Action::Build { instance: instance.clone() }, "asked for", Vec::new()));
        } else if !options.install {
            note(format!("{module} is already built for kernel {release} ({arch}); --force builds it again"));
        }
        if !options.install {
            continue;
        }
        if built.is_some_and(|b| b.active) && !options.force {
            note(format!(
                "{module} is already installed for kernel {release} ({arch}); --force installs it again"
            ));
            continue;
        }
        let force = options.force || options.force_version;
        let install = plan.add(Action::Install { instance, force }, "asked for", after);
        let depmod = Action::Depmod { kernel: release.clone(), arch: arch.clone() };
        plan.add(depmod, "modules change", vec![install]);
    }
    Ok((plan, early))
}

/// BUILD_DEPENDS must be installed for the same kernel; with force it is only said.
fn check_depends(
    context: &Context,
    survey: &Survey<'_>,
    tree: &Tree,
    instance: &Instance,
    kernel: &Kernel,
    force: bool,
) -> Result<(), Failure> {
    let facts = survey.facts(&instance.module, &survey.conf_of(&instance.module), kernel, true)?;
    if facts.excluded.is_some() || kernel.headers.is_none() {
        // DKMS looks at these first; the build tells of them.
        return Ok(());
    }
    let is_there = |name: &String| {
        tree.active.contains_key(&(name.clone(), instance.kernel.clone(), instance.arch.clone()))
    };
    let missing: Vec<_> =
        facts.directives.build_depends.iter().filter(|name| !is_there(name)).cloned().collect();
    if missing.is_empty() {
        return Ok(());
    }
    let failure =
        Failure::MissingDepends { module: instance.module.clone(), kernel: instance.kernel.clone(), missing };
    if force {
        context.sink.event(&Event::Warning { text: &format!("Warning: {failure}") });
        return Ok(());
    }
    Err(failure)
}
