//! `plan`: what `sync` would do.

use crate::cli::context::Context;
use crate::exec::{initramfs, pending};
use crate::inventory::{Candidate, Kernel, State, Survey, Tree};
use crate::model::{Failure, Instance};
use crate::plan::{Action, Found, Note, Plan, Request, plan};

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
    let candidates = survey.candidates(&tree, &kernels, &request.modules)?;
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
    let found = Found {
        candidates: &candidates.found,
        pending: &pending::kernels(&context.places),
        initramfs: &with_initramfs,
        outdated: &initramfs::outdated(&context.places),
        prebuilt: &prebuilt,
        claims: &survey.claims(&tree, &kernels),
    };
    let mut plan = plan(found, notes.collect(), request);
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
