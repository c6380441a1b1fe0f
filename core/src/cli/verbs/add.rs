//! `add`: registers a module's source.

use crate::cli::context::{Audience, Context};
use crate::config::{LoadRequest, Severity, load_module};
use crate::install::files::link_atomically;
use crate::install::source::place_tree;
use crate::inventory::{Source, conf_failure};
use crate::model::{Directives, Failure, Instance, ModuleId};
use crate::report::Event;
use std::path::{Path, PathBuf};

/// Registers `S/M-V`.
///
/// # Errors
/// It is there already, there is no source, or its dkms.conf is wrong.
pub fn add(context: &Context, module: &ModuleId, conf: Option<&Path>) -> Result<(), Failure> {
    let directives = register(context, module, conf)?;
    post_add(context, module, &directives, None)
}

/// [`add`] on the way to a build of `instance`, of which POST_ADD is told. The build goes on where POST_ADD fails, as in DKMS:
/// nobody asked for the registration by itself, and the module is registered.
///
/// # Errors
/// Those of [`add`], but that one.
pub(super) fn add_for(
    context: &Context,
    module: &ModuleId,
    conf: Option<&Path>,
    instance: Option<&Instance>,
) -> Result<(), Failure> {
    let directives = register(context, module, conf)?;
    match post_add(context, module, &directives, instance) {
        Err(failed @ Failure::ScriptFailed { .. }) => {
            context.sink.event(&Event::Warning { text: &failed.to_string() });
            Ok(())
        }
        ended => ended,
    }
}

/// All of [`add`] but POST_ADD.
pub(super) fn register(
    context: &Context,
    module: &ModuleId,
    conf: Option<&Path>,
) -> Result<Directives, Failure> {
    context.require_writable()?;
    let places = &context.places;
    let source = places.source_dir_inside(module);
    if let Some(known) = context.tree()?.find(module) {
        match known.source {
            Source::Directory(_) => return Err(Failure::AlreadyAdded { module: module.clone() }),
            // The link alone is missing: it is made again below.
            _ if places.source_link(module).symlink_metadata().is_err() => {}
            // The link is there and the source is back: nothing is broken any more.
            Source::Broken if places.root.resolve(&source)?.is_dir() => {
                return Err(Failure::Broken { module: module.clone() });
            }
            Source::Broken | Source::Absent => {}
        }
    }
    if !places.root.resolve(&source)?.is_dir() {
        return Err(Failure::NoSource { path: source });
    }
    let conf = conf.map_or_else(|| source.join("dkms.conf"), Path::to_path_buf);
    let directives = read(context, &conf, Some(module), true)?;
    fs_err::create_dir_all(places.build_dir(module))?;
    link_atomically(&source, &places.source_link(module))?;
    context.sink.event(&Event::Note { text: &format!("Added {module} from {}", source.display()) });
    Ok(directives)
}

/// Runs POST_ADD, whose status becomes the command's. The module stays added.
pub(super) fn post_add(
    context: &Context,
    module: &ModuleId,
    directives: &Directives,
    instance: Option<&Instance>,
) -> Result<(), Failure> {
    match context.session()?.run_add_script(module, instance, directives.post_add.as_deref())? {
        None | Some(0) => Ok(()),
        Some(status) => {
            let (module, diagnosis) = (module.clone(), None);
            Err(Failure::ScriptFailed { directive: "POST_ADD", module, status, diagnosis, log: None })
        }
    }
}

/// Copies a source directory to `S/M-V`, named as its dkms.conf says. Registering it is [`add`]'s.
///
/// # Errors
/// Its dkms.conf is wrong, or it cannot be copied.
pub fn import(context: &Context, dir: &Path, force: bool) -> Result<ModuleId, Failure> {
    context.require_root("add")?;
    let places = &context.places;
    let dir = fs_err::canonicalize(dir)?;
    let inside = places.root.inside(&dir);
    let conf = inside.join("dkms.conf");
    let (module, _) = declared(context, &conf)?;
    let target = source_place(context, &module)?;
    let own = [target.clone(), places.source_link(&module), places.build_dir(&module)];
    if !own.iter().any(|own| fs_err::canonicalize(own).is_ok_and(|own| own == dir)) {
        if force && target.symlink_metadata().is_ok() {
            context.sink.event(&Event::Note { text: &format!("Replacing the source of {module}") });
        }
        place_tree(&dir, &target, !force, None)?;
    }
    Ok(module)
}

/// `S/M-V` on the machine. A link in its place is not followed.
pub(super) fn source_place(context: &Context, module: &ModuleId) -> Result<PathBuf, Failure> {
    let inside = context.places.source_dir_inside(module);
    let tree = context.places.root.resolve(&context.places.source_tree)?;
    Ok(tree.join(inside.file_name().unwrap_or_default()))
}

/// The module that a dkms.conf declares, registered or not, with all that it says.
pub(super) fn declared(context: &Context, conf: &Path) -> Result<(ModuleId, Directives), Failure> {
    let directives = read(context, conf, None, false)?;
    Ok((named_in(&directives, conf)?, directives))
}

/// The module that a dkms.conf describes, if its names can be directories'.
pub(super) fn named_in(directives: &Directives, conf: &Path) -> Result<ModuleId, Failure> {
    ModuleId::new(&directives.package_name, &directives.package_version)
        .map_err(|e| Failure::BadConf { path: conf.to_path_buf(), findings: vec![e.to_string()] })
}

/// Reads a dkms.conf that need not belong to a registered module.
pub(super) fn read(
    context: &Context,
    conf: &Path,
    module: Option<&ModuleId>,
    strict: bool,
) -> Result<Directives, Failure> {
    let finder = context.finder();
    let survey = context.survey(&finder);
    let kernel = context.environment.running.clone();
    let request = LoadRequest {
        conf: PathBuf::from(conf),
        overrides: module.map(|_| context.places.overrides.clone()),
        module: module.cloned(),
        arch: Some(context.environment.arch.clone()),
        scope: survey.scope(&kernel),
        kernel: Some(kernel),
        strict,
        ..LoadRequest::default()
    };
    let loaded =
        load_module(&context.places.root, &request, &context.shell).map_err(|e| conf_failure(conf, e))?;
    // In a package manager's run, advice for the package's author would only be noise.
    let is_told = context.audience != Audience::Hook;
    for finding in loaded.findings.iter().filter(|f| is_told && f.severity != Severity::Error) {
        let is_old = finding.severity == Severity::Deprecated;
        let word = if is_old { "Deprecated feature:" } else { "dkms.conf: Warning!" };
        context.sink.event(&Event::Warning { text: &format!("{word} {}", finding.message) });
    }
    let errors: Vec<_> = loaded.errors().map(|f| f.message.clone()).collect();
    if errors.is_empty() {
        Ok(loaded.directives)
    } else {
        Err(Failure::BadConf { path: conf.to_path_buf(), findings: errors })
    }
}
