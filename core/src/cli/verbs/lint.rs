//! `lint`: looks for mistakes in configurations of modules.

use crate::cli::context::Context;
use crate::config::lint::{Files, Kind, Subject, lint};
use crate::config::{LoadRequest, Vars, load_module, overrides};
use crate::inventory::{Source, Survey};
use crate::model::{Failure, ModuleId};
use crate::report::lint::LintedFile;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// A file to be looked at.
struct Target {
    path: PathBuf,
    module: Option<ModuleId>,
    is_override: bool,
}

/// The sources around a file.
struct Sources<'a> {
    top: &'a Path,
    scripts: Option<PathBuf>,
}

impl Files for Sources<'_> {
    fn kind(&self, path: &Path) -> Kind {
        // The administrator's own scripts and patches stand in for the package's (DKMS 3.4.0).
        let own = self.scripts.as_ref().map(|dir| dir.join(path)).filter(|path| path.is_file());
        match std::fs::metadata(own.unwrap_or_else(|| self.top.join(path))) {
            Ok(found) if !found.is_file() => Kind::Absent,
            Ok(found) if found.permissions().mode() & 0o111 != 0 => Kind::Executable,
            Ok(_) => Kind::Plain,
            Err(_) => Kind::Absent,
        }
    }
}

/// Looks at every file that is named: itself, by its directory, or by the module that it belongs to.
///
/// # Errors
/// One of them is not there, or cannot be read.
pub fn lint_all(context: &Context, names: &[String]) -> Result<Vec<LintedFile>, Failure> {
    let finder = context.finder();
    let survey = context.survey(&finder);
    let mut files = Vec::new();
    for name in names {
        for target in targets(context, name)? {
            files.push(lint_one(context, &survey, target)?);
        }
    }
    Ok(files)
}

fn targets(context: &Context, name: &str) -> Result<Vec<Target>, Failure> {
    let path = Path::new(name);
    if path.is_file() {
        let is_override = path.parent().and_then(|dir| dir.canonicalize().ok())
            == Some(context.places.root.at(&context.places.overrides));
        let module = path.parent().and_then(|dir| module_of(context, dir));
        return Ok(vec![Target {
            path: path.to_path_buf(),
            module: module.filter(|_| !is_override),
            is_override,
        }]);
    }
    if path.is_dir() {
        let conf = path.join("dkms.conf");
        if !conf.is_file() {
            return Err(Failure::NoConf { path: conf });
        }
        return Ok(vec![Target { path: conf, module: module_of(context, path), is_override: false }]);
    }
    let module = context.named("lint", name)?;
    let places = &context.places;
    let tree = context.tree()?;
    let registered = tree.find(&module).ok_or_else(|| Failure::NotAdded { module: module.clone() })?;
    let Source::Directory(dir) = &registered.source else {
        return Err(Failure::Broken { module });
    };
    let conf = dir.join("dkms.conf");
    if !conf.is_file() {
        return Err(Failure::NoConf { path: conf });
    }
    let kernel = context.environment.running.clone();
    let others = overrides(&places.overrides, &module, Some(&kernel), Some(&context.environment.arch));
    let others = others.into_iter().map(|path| places.root.at(path)).filter(|path| path.is_file());
    let others = others.map(|path| Target { path, module: None, is_override: true });
    Ok(std::iter::once(Target { path: conf, module: Some(module.clone()), is_override: false })
        .chain(others)
        .collect())
}

/// What a directory of the source tree says it is: NAME-VERSION, with the hyphen where PACKAGE_NAME of the file would
/// have it. Elsewhere a directory may have any name.
fn module_of(context: &Context, dir: &Path) -> Option<ModuleId> {
    let places = &context.places;
    let dir = dir.canonicalize().ok()?;
    let tree = places.root.at(&places.source_tree).canonicalize().ok()?;
    if dir.parent() != Some(tree.as_path()) {
        return None;
    }
    let name = dir.file_name()?.to_str()?;
    let text = std::fs::read_to_string(dir.join("dkms.conf")).ok()?;
    let splits = name.match_indices('-').filter_map(|(at, _)| Some((name.get(..at)?, name.get(at + 1..)?)));
    // The file names one half at least as the directory does; else a version begins with a digit.
    let mut splits: Vec<_> =
        splits.filter(|(name, version)| !name.is_empty() && !version.is_empty()).collect();
    splits.sort_by_key(|(name, version)| {
        let quoted =
            |word: &str| text.contains(&format!("={word}\n")) || text.contains(&format!("=\"{word}\""));
        let digit = version.starts_with(|c: char| c.is_ascii_digit());
        (std::cmp::Reverse(usize::from(quoted(name)) + usize::from(quoted(version))), !digit)
    });
    let (name, version) = splits.first()?;
    ModuleId::new(name, version).ok()
}

fn lint_one(context: &Context, survey: &Survey<'_>, target: Target) -> Result<LintedFile, Failure> {
    let Target { path, module, is_override } = target;
    let text = String::from_utf8_lossy(&fs_err::read(&path)?).into_owned();
    let kernel = context.environment.running.clone();
    let mut scope = Vars::clone(&survey.scope(&kernel));
    if let Some(module) = &module {
        scope.set("module", module.name.as_str());
        scope.set("module_version", module.version.as_str());
    }
    let request = LoadRequest {
        conf: context.places.root.inside(&std::path::absolute(&path)?),
        arch: Some(context.environment.arch.clone()),
        scope: Rc::new(scope),
        kernel: Some(kernel.clone()),
        strict: true,
        ..LoadRequest::default()
    };
    let loaded = load_module(&context.places.root, &request, &context.shell);
    // A file by itself may lie anywhere; one that is called dkms.conf lies among its sources.
    let top = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = module.as_ref().map(|m| m.name.clone());
    let scripts = name.map(|name| context.places.root.at(context.places.overrides.join(name)));
    let sources = Sources { top, scripts };
    let is_among_sources = path.file_name().is_some_and(|name| name == "dkms.conf");
    let findings = lint(&Subject {
        text: &text,
        loaded: &loaded,
        kernel: kernel.as_str(),
        module: module.as_ref(),
        files: is_among_sources.then_some(&sources as &dyn Files),
        is_override,
    });
    Ok(LintedFile { path, text, findings })
}
