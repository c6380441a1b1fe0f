//! `plan`: what `sync` would do.

use crate::cli::context::Context;
use crate::exec::{initramfs, pending};
use crate::inventory::{Candidate, Kernel, State, Survey, Tree};
use crate::model::{Failure, Instance, KernelRelease};
use crate::plan::{Action, Found, Note, Plan, Request, plan};
use std::collections::BTreeSet;

/// What was found, and the plan made of it.
#[derive(Debug)]
pub struct Stock {
    /// The plan.
    pub plan: Plan,
    /// The DKMS tree.
    pub tree: Tree,
    /// The kernels.
    pub kernels: Vec<Kernel>,
    /// What is wanted and there already.
    pub present: Vec<Instance>,
}

/// Takes stock and plans.
///
/// # Errors
/// Something cannot be read.
pub fn take_stock(
    context: &Context,
    survey: &Survey<'_>,
    tree: Tree,
    request: &Request,
) -> Result<Stock, Failure> {
    let mut kernels = context.kernels()?;
    if let Some(module) = request.modules.iter().find(|m| tree.find(m).is_none()) {
        return Err(Failure::NotAdded { module: module.clone() });
    }
    if let Some(kernel) = request.kernels.iter().find(|k| !context.places.kernel_dir(k).exists()) {
        let path = context.places.install_tree.join(kernel.as_str());
        return Err(Failure::NoKernel { kernel: kernel.clone(), path });
    }
    if request.kernels.is_empty() {
        // A directory with neither is what a removed kernel left.
        kernels.retain(|k| k.headers.is_some() || k.has_image);
    } else {
        kernels.retain(|k| request.kernels.contains(&k.release));
    }
    let mut candidates = survey.candidates(&tree, &kernels, &request.modules)?;
    let notes = candidates.problems.into_iter().map(|(module, failure)| match failure {
        Failure::BadConf { path, findings } => Note::BadConf { module, path, findings },
        Failure::NoConf { path } => {
            Note::BadConf { module, path, findings: vec!["it does not exist".into()] }
        }
        _ => Note::Broken { module },
    });
    let with_initramfs: Vec<_> = kernels
        .iter()
        .map(|k| k.release.clone())
        .filter(|k| initramfs::has_initramfs(&context.places, k))
        .collect();
    let prebuilt: Vec<_> =
        survey.prebuilts().whole.iter().map(|p| (p.kernel.clone(), p.module.name.clone())).collect();
    let claims = survey.claims(&tree, &kernels);
    let mut waiting = pending::kernels(&context.places);
    let outdated = initramfs::outdated(&context.places);
    let notes: Vec<_> = notes.collect();
    let planned = |candidates: &[Candidate], pending: &[KernelRelease]| {
        let found = Found {
            candidates,
            pending,
            initramfs: &with_initramfs,
            outdated: &outdated,
            prebuilt: &prebuilt,
            claims: &claims,
        };
        plan(found, notes.clone(), request)
    };
    let mut plan = planned(&candidates.found, &waiting);
    if let Some(note) = read_only(context, &plan) {
        // Whatever can be done without is done: then it needs no more than to be put in its place.
        let is_locked = |release: &KernelRelease| matches!(&note, Note::ReadOnly { kernels, .. } if kernels.contains(release));
        waiting.retain(|release| !is_locked(release));
        candidates.found.iter_mut().for_each(|c| c.image &= !is_locked(&c.instance.kernel));
        plan = planned(&candidates.found, &waiting);
        plan.notes.push(note);
    }
    plan.hint_at_headers(&|kernel| survey.header_hint(kernel).sentence());
    let is_present = |c: &&Candidate| {
        c.autoinstall
            && matches!(c.state, State::Installed | State::Weak(_) | State::Prebuilt { .. })
            && !plan.steps.iter().any(|step| {
                step.action.instance() == Some(&c.instance) && !matches!(step.action, Action::Adopt { .. })
            })
    };
    let present = candidates.found.iter().filter(is_present).map(|c| c.instance.clone()).collect();
    Ok(Stock { plan, tree, kernels, present })
}

/// What of a plan cannot be done since the kernels' modules lie on a file system that is mounted read-only.
fn read_only(context: &Context, plan: &Plan) -> Option<Note> {
    let is_locked = |release: &KernelRelease| {
        let dir = context.places.kernel_dir(release);
        rustix::fs::access(&dir, rustix::fs::Access::WRITE_OK) == Err(rustix::io::Errno::ROFS)
    };
    let kernels: Vec<_> = plan.touched().into_iter().filter(|release| is_locked(release)).cloned().collect();
    let waits =
        |action: &&Action| matches!(action, Action::Install { .. }) && kernels.contains(action.kernel());
    let steps = plan.steps.iter().map(|step| &step.action).filter(waits).filter_map(Action::instance);
    let modules: BTreeSet<_> = steps.map(|instance| instance.module.clone()).collect();
    let path = context.places.install_tree.clone();
    (!kernels.is_empty()).then(|| Note::ReadOnly { path, kernels, modules: modules.into_iter().collect() })
}
