//! `doctor`: what is wrong, and the command that mends it.

use crate::cli::context::Context;
use crate::doctor::{Diagnosis, Machine, examine};
use crate::inventory::{Candidates, Kernel, Source, Survey, Tree};
use crate::model::{Failure, KernelRelease};
use std::collections::BTreeSet;

/// Looks at everything, and changes nothing.
///
/// # Errors
/// The tree or the kernels cannot be read.
pub fn diagnose(context: &Context) -> Result<Diagnosis, Failure> {
    let tree = context.tree()?;
    let kernels = context.kernels()?;
    let finder = context.finder();
    let survey = context.survey(&finder);
    let candidates = candidates(&survey, &tree, &kernels);
    let headers_command = |kernel: &KernelRelease| survey.header_hint(kernel).to_string();
    let machine = Machine {
        places: &context.places,
        environment: &context.environment,
        settings: &context.settings,
        survey: &survey,
        tree: &tree,
        kernels: &kernels,
        candidates: &candidates,
        headers_command: &headers_command,
        owned: std::cell::OnceCell::new(),
    };
    Ok(examine(&machine))
}

/// As the survey takes stock, but nothing that cannot be read ends it.
fn candidates(survey: &Survey<'_>, tree: &Tree, kernels: &[Kernel]) -> Candidates {
    let mut all = Candidates::default();
    let names: BTreeSet<&str> = tree.modules.iter().map(|m| m.module.name.as_str()).collect();
    for registered in names.into_iter().filter_map(|name| tree.versions(name).pop()) {
        if registered.source == Source::Broken {
            continue;
        }
        for kernel in kernels.iter().filter(|k| k.headers.is_some() || k.has_image) {
            match survey.candidate(registered, kernel) {
                Ok(candidate) => all.found.push(candidate),
                Err(failure) => {
                    all.problems.push((registered.module.clone(), failure));
                    break;
                }
            }
        }
    }
    all
}

/// All findings for a person, and what to do next.
pub fn text(diagnosis: &Diagnosis) -> String {
    if diagnosis.findings.is_empty() {
        return "Nothing is wrong.\n".into();
    }
    let mut text: String = diagnosis.findings.iter().map(|finding| format!("{finding}\n")).collect();
    let wanting = diagnosis.wanting();
    let by_sync = diagnosis.findings.iter().filter(|finding| finding.by_sync).count();
    text.push_str(&match wanting {
        0 => "Nothing is wrong.".to_string(),
        1 => "One finding wants to be mended.".to_string(),
        n => format!("{n} findings want to be mended."),
    });
    if by_sync > 0 {
        text.push_str(&format!(" `evermod sync` mends {by_sync}."));
    }
    text.push('\n');
    text
}
