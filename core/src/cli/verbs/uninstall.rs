//! `uninstall` and `unbuild`: take a module away from kernels again.

use crate::cli::context::Context;
use crate::exec::{lock, pending};
use crate::install::files::{remove_if_there, remove_tree_if_there};
use crate::inventory::{Kernel, Source, Tree};
use crate::model::{Arch, Failure, Instance, KernelRelease, ModuleId};
use crate::report::{Event, failure_text};
use std::collections::BTreeSet;

/// For which kernels.
#[derive(Debug, Clone)]
pub enum Scope {
    /// All that the module is built for.
    All,
    /// These.
    Kernels(Vec<Kernel>),
}

/// Uninstalls, and unbuilds if asked to.
///
/// # Errors
/// The module is not there, or files cannot be removed.
pub fn uninstall(context: &Context, module: &ModuleId, scope: &Scope, unbuild: bool) -> Result<(), Failure> {
    // What is not there cannot be taken away, whoever asks.
    check_added(context, module)?;
    if !unbuild {
        context.require_root("uninstall")?;
    }
    context.require_writable()?;
    let verb = if unbuild { "unbuild" } else { "uninstall" };
    let _lock = lock::take(&context.places, &format!("{verb} {module}"), &*context.sink)?;
    check_added(context, module)?;
    take_away(context, module, scope, unbuild)?;
    let text =
        format!("{module} stays registered: if it asks for autoinstall, the next sync installs it again.");
    context.sink.event(&Event::Note { text: &text });
    Ok(())
}

/// The module must be added and whole.
pub(super) fn check_added(context: &Context, module: &ModuleId) -> Result<(), Failure> {
    match context.tree()?.find(module).map(|m| m.source.clone()) {
        Some(Source::Directory(_)) => Ok(()),
        Some(Source::Broken) => Err(Failure::Broken { module: module.clone() }),
        _ => Err(Failure::NotAdded { module: module.clone() }),
    }
}

/// Does it, with one depmod for each kernel that changed. The lock is the caller's.
pub(super) fn take_away(
    context: &Context,
    module: &ModuleId,
    scope: &Scope,
    unbuild: bool,
) -> Result<(), Failure> {
    let tree = context.tree()?;
    let kernels = match scope {
        Scope::Kernels(kernels) => kernels.clone(),
        Scope::All => {
            let built = tree.find(module).map(|m| m.built.as_slice()).unwrap_or_default();
            let kernel = |i: &Instance| context.kernel(i.kernel.as_str(), Some(i.arch.as_str()));
            built.iter().map(|b| kernel(&b.instance)).collect::<Result<_, _>>()?
        }
    };
    let mut changed = BTreeSet::new();
    let mut failures = Vec::new();
    for kernel in &kernels {
        let instance =
            Instance { module: module.clone(), kernel: kernel.release.clone(), arch: kernel.arch.clone() };
        match take_away_one(context, &tree, &instance, kernel, unbuild) {
            Ok(true) => _ = changed.insert(kernel.release.clone()),
            Ok(false) => {}
            Err(failure) => failures.push(failure),
        }
    }
    let session = context.session()?;
    failures.extend(changed.iter().filter_map(|kernel| session.depmod(kernel).err()));
    let mut failures = failures.into_iter();
    let first = failures.next();
    for failure in failures {
        context.sink.event(&Event::Warning { text: &format!("Error! {}", failure_text(&failure)) });
    }
    session.post_transaction(&touched(&tree, module, &kernels, unbuild));
    first.map_or(Ok(()), Err)
}

/// The kernels for which there was something to take away.
fn touched(
    tree: &Tree,
    module: &ModuleId,
    kernels: &[Kernel],
    unbuild: bool,
) -> BTreeSet<(KernelRelease, Arch)> {
    let built = tree.find(module).map(|registered| registered.built.as_slice()).unwrap_or_default();
    let was_there = |kernel: &&Kernel| {
        let is_it = |i: &Instance| i.kernel == kernel.release && i.arch == kernel.arch;
        built.iter().any(|b| is_it(&b.instance) && (unbuild || b.active))
    };
    kernels.iter().filter(was_there).map(|kernel| (kernel.release.clone(), kernel.arch.clone())).collect()
}

/// Takes one instance away; true if files of the kernel changed.
pub(super) fn take_away_one(
    context: &Context,
    tree: &Tree,
    instance: &Instance,
    kernel: &Kernel,
    unbuild: bool,
) -> Result<bool, Failure> {
    let Instance { module, kernel: release, arch } = instance;
    let note = |text: String| context.sink.event(&Event::Note { text: &text });
    let built = tree.built(instance);
    let mut changed = false;
    if built.is_some_and(|b| b.active) {
        let finder = context.finder();
        let survey = context.survey(&finder);
        let (directives, excluded) = survey.directives_then(instance, kernel);
        context.session()?.uninstall(instance, &directives, &excluded, None)?;
        changed = true;
    } else if let Some(package) = serving(context, instance, kernel) {
        let command = context.distribution.remove_command(&package);
        note(format!(
            "{module} is not installed for kernel {release} from sources. {package} serves it, and stays; to remove that: \
             {command}"
        ));
    } else if is_told(context, tree, instance, kernel) {
        note(format!("Module {module} is not installed for kernel {release} ({arch}). Skipping..."));
    }
    if let (Some(_), false, Some(other)) = (built, changed, active_version(tree, instance)) {
        note(format!(
            "{module} is INACTIVE for kernel {release} ({arch}), where version {other} is installed."
        ));
    }
    if unbuild && built.is_none() && is_told(context, tree, instance, kernel) {
        note(format!("Module {module} is not built for kernel {release} ({arch}). Skipping..."));
    }
    if unbuild {
        if built.is_some() {
            let dir = context.places.instance_dir(instance);
            remove_tree_if_there(&dir)?;
            if let Some(kernel_dir) = dir.parent() {
                // Kept if another architecture is in it.
                let _ = std::fs::remove_dir(kernel_dir);
            }
        }
        remove_if_there(&context.places.failure_record(instance))?;
        remove_if_there(&context.places.failure_log(instance))?;
    }
    if !changed {
        // Nothing of the kernel was touched, so no depmod is owed.
        return Ok(false);
    }
    if !context.places.kernel_dir(release).join("modules.dep").exists() {
        pending::end(&context.places, release)?;
    }
    Ok(true)
}

/// The package of prebuilt modules that serves the instance's kernel, if one does.
fn serving(context: &Context, instance: &Instance, kernel: &Kernel) -> Option<String> {
    let finder = context.finder();
    let survey = context.survey(&finder);
    survey.prebuilts().of(kernel, &instance.module.name).map(|prebuilt| prebuilt.package.clone())
}

/// The version of the module that is installed for the instance's kernel.
fn active_version<'t>(tree: &'t Tree, instance: &Instance) -> Option<&'t String> {
    let Instance { module, kernel, arch } = instance;
    tree.active.get(&(module.name.clone(), kernel.clone(), arch.clone()))
}

/// Whether it is worth saying that there is nothing to take away: not of a package that is meant for some kernels only.
fn is_told(context: &Context, tree: &Tree, instance: &Instance, kernel: &Kernel) -> bool {
    if tree.find(&instance.module).is_none() {
        return true;
    }
    let finder = context.finder();
    let survey = context.survey(&finder);
    survey.directives_then(instance, kernel).0.is_unrestricted()
}
