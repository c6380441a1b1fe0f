//! `plan`: what `sync` would do.

use crate::cli::context::Context;
use crate::exec::pending;
use crate::inventory::{Kernel, Survey, Tree};
use crate::model::Failure;
use crate::plan::{Note, Plan, Request, plan};

/// What was found, and the plan made of it.
#[derive(Debug)]
pub struct Stock {
    /// The plan.
    pub plan: Plan,
    /// The DKMS tree.
    pub tree: Tree,
    /// The kernels.
    pub kernels: Vec<Kernel>,
}

/// Takes stock and plans.
///
/// # Errors
/// Something cannot be read.
pub fn take_stock(context: &Context, survey: &Survey<'_>, request: &Request) -> Result<Stock, Failure> {
    let tree = context.tree()?;
    let mut kernels = context.kernels()?;
    if !request.kernels.is_empty() {
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
    let plan = plan(&candidates.found, notes.collect(), &pending::kernels(&context.places), request);
    Ok(Stock { plan, tree, kernels })
}
