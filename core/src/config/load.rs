//! Loads the configuration of one module: the one way in for everybody else.

use super::directive_table::NAMES;
use super::directives::resolve;
use super::evaluate::{ConfigError, Content, EvaluatedBy, Evaluation, Note, Source};
use super::findings::{Finding, FindingKind, Severity};
use super::shell::Shell;
use super::stack::overrides;
use super::vars::{Vars, is_identifier};
use crate::model::{Arch, Directives, KernelRelease, ModuleId};
use crate::root::Root;
use std::path::PathBuf;
use std::rc::Rc;

/// What to load, and for what.
#[derive(Debug, Clone, Default)]
pub struct LoadRequest {
    /// The `dkms.conf`, as a path inside the root.
    pub conf: PathBuf,
    /// What it holds, where the caller has read it already.
    pub content: Option<Rc<Content>>,
    /// Where override files are, inside the root: DKMS has `/etc/dkms`. Without a module none are looked for.
    pub overrides: Option<PathBuf>,
    /// What the package is registered as; `None` while a source tree is only looked at.
    pub module: Option<ModuleId>,
    /// The kernel to resolve for.
    pub kernel: Option<KernelRelease>,
    /// Its architecture.
    pub arch: Option<Arch>,
    /// The other variables that a file sees: `kernel_source_dir`, `dkms_tree`, `source_tree`, `install_tree`,
    /// `parallel_jobs` … `kernelver`, `arch`, `module` and `module_version` are set from the fields above.
    ///
    /// For a root that is not `/`, paths in here are what the files will read and what ends up in commands, so
    /// they are to be given as the build will see them.
    pub scope: Rc<Vars>,
    /// `--directive NAME=value`, in order.
    pub directives: Vec<String>,
    /// The reading for add, build and install (see [`resolve`]).
    pub strict: bool,
}

/// A configuration that could be evaluated; whether it is valid, the findings say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedModule {
    /// What it says.
    pub directives: Directives,
    /// What is to be said about it, errors included.
    pub findings: Vec<Finding>,
    /// The files that it came from, in the order of reading.
    pub sources: Vec<Source>,
    /// Who evaluated them.
    pub evaluated_by: EvaluatedBy,
    /// The variables that the directives were made of.
    pub vars: Vars,
}

impl LoadedModule {
    /// The findings that make the configuration unusable.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error)
    }
}

/// Loads and resolves the configuration of a module.
///
/// # Errors
/// The `dkms.conf` is missing, a file cannot be read or is not valid shell, or the shell that it needs failed. A
/// configuration that is merely wrong is no error here: see [`LoadedModule::findings`].
pub fn load_module(
    root: &Root,
    request: &LoadRequest,
    shell: &dyn Shell,
) -> Result<LoadedModule, ConfigError> {
    let mut given = Vec::new();
    for directive in &request.directives {
        match directive.split_once('=') {
            Some((name, value)) if is_identifier(name) => given.push((name, value)),
            _ => return Err(ConfigError::Directive(directive.clone())),
        }
    }
    let mut scope = Vars::clone(&request.scope);
    let module = request.module.as_ref();
    for (name, value) in [
        ("kernelver", request.kernel.as_ref().map(KernelRelease::as_str)),
        ("arch", request.arch.as_ref().map(Arch::as_str)),
        ("module", module.map(|m| m.name.as_str())),
        ("module_version", module.map(|m| m.version.as_str())),
    ] {
        if let Some(value) = value {
            scope.set(name, value);
        }
    }
    let mut evaluation = Evaluation::new(root, shell, &NAMES, scope);
    match &request.content {
        Some(content) => evaluation.content(&request.conf, content)?,
        None if evaluation.file(&request.conf)? => {}
        None => return Err(ConfigError::Missing { path: request.conf.clone() }),
    }
    if let (Some(directory), Some(module)) = (&request.overrides, module) {
        for path in overrides(directory, module, request.kernel.as_ref(), request.arch.as_ref()) {
            evaluation.file(&path)?;
        }
    }
    for (name, value) in given {
        evaluation.set(name, value);
    }
    let Evaluation { vars, sources, notes, by, .. } = evaluation;
    let (directives, problems) = resolve(&vars, request.strict, module);
    let mut findings: Vec<Finding> =
        notes.iter().map(|(path, note)| finding(&path.display().to_string(), note)).collect();
    findings.extend(problems);
    Ok(LoadedModule { directives, findings, sources, evaluated_by: by, vars })
}

/// A note of the evaluation as a finding about the file `path`.
pub(super) fn finding(path: &str, note: &Note) -> Finding {
    let (kind, message) = match note {
        Note::Said(line) => {
            (FindingKind::Said, if line.contains(path) { line.clone() } else { format!("{path}: {line}") })
        }
        Note::Exited(status) => {
            (FindingKind::Exited, format!("{path}: calls exit ({status}), so nothing that it sets counts."))
        }
        Note::Destroyed(name, index, why) => (
            FindingKind::Destroyed,
            format!(
                "{path}: {name}[{index}] counts as not set, because {why}. Use single quotes inside the value."
            ),
        ),
    };
    Finding { severity: Severity::Warning, kind, record: None, message }
}
