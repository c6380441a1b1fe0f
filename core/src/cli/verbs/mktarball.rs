//! `mktarball`: writes an archive of a module's source and builds.

use super::uninstall::{Scope, check_added};
use crate::archive::{Contents, default_name, pack};
use crate::cli::context::Context;
use crate::inventory::{Registered, Source};
use crate::model::{ArchiveProblem, Failure, Instance, ModuleId};
use crate::report::Event;
use std::path::{Path, PathBuf};

/// What goes into the archive, and where that goes.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The archive; a name alone is one in `T/M/V/tarball`.
    pub archive: Option<PathBuf>,
    /// No sources.
    pub binaries_only: bool,
    /// No builds.
    pub source_only: bool,
}

/// Writes it, and says where it is.
///
/// # Errors
/// The module is not added, or not built for one of the kernels; or the archive cannot be written.
pub fn mktarball(
    context: &Context,
    module: &ModuleId,
    scope: &Scope,
    options: &Options,
) -> Result<(), Failure> {
    check_added(context, module)?;
    let tree = context.tree()?;
    let Some(registered) = tree.find(module) else {
        return Err(Failure::NotAdded { module: module.clone() });
    };
    let Source::Directory(source) = &registered.source else {
        return Err(Failure::Broken { module: module.clone() });
    };
    // All builds may be none: then the source is what there is.
    let is_source_only = options.source_only
        || matches!(scope, Scope::All) && registered.built.is_empty() && !options.binaries_only;
    let builds = if is_source_only { Vec::new() } else { chosen(registered, scope)? };
    let note = |text: String| context.sink.event(&Event::Note { text: &text });
    for instance in &builds {
        note(format!("Packing what is built for {} ({})", instance.kernel, instance.arch));
    }
    let place = |i: &Instance| context.places.instance_dir(i);
    let mut contents =
        Contents { builds: builds.iter().map(|i| (i.clone(), place(i))).collect(), ..Contents::default() };
    let is_there = !registered.is_binaries_only();
    if is_source_only && !is_there {
        return Err(Failure::EmptySource { path: context.places.root.inside(source) });
    }
    if options.binaries_only || !is_there {
        contents.binaries_only = Some((module.clone(), source.join("dkms.conf")));
    } else {
        note(format!("Packing the source in {}", context.places.root.inside(source).display()));
        contents.source = Some(source.clone());
    }
    let target = target(context, module, &builds, options)?;
    pack(&contents, &target)?;
    note(format!("Tarball location: {}", context.places.root.inside(&target).display()));
    Ok(())
}

/// The instances that were asked for, all of which must be built.
fn chosen(registered: &Registered, scope: &Scope) -> Result<Vec<Instance>, Failure> {
    let module = &registered.module;
    let not_built = |what: String| Failure::NotBuilt { module: module.clone(), what };
    let all = || registered.built.iter().map(|b| b.instance.clone()).collect::<Vec<_>>();
    match scope {
        Scope::All if registered.built.is_empty() => Err(not_built("any kernel".into())),
        Scope::All => Ok(all()),
        Scope::Kernels(kernels) => kernels
            .iter()
            .map(|kernel| {
                let is = |i: &Instance| i.kernel == kernel.release && i.arch == kernel.arch;
                let what = || format!("kernel {} ({})", kernel.release, kernel.arch);
                all().into_iter().find(is).ok_or_else(|| not_built(what()))
            })
            .collect(),
    }
}

/// Where the archive goes, on the machine.
fn target(
    context: &Context,
    module: &ModuleId,
    builds: &[Instance],
    options: &Options,
) -> Result<PathBuf, Failure> {
    let usual = context.places.module_dir(module).join("tarball");
    match options.archive.as_deref() {
        None => Ok(usual.join(default_name(module, builds, builds.is_empty()))),
        Some(path) if path.as_os_str().is_empty() || path.to_string_lossy().ends_with('/') => {
            let problem = ArchiveProblem::Write("that is no name of a file".into());
            Err(Failure::Archive { path: path.to_path_buf(), problem })
        }
        Some(name) if name.parent() == Some(Path::new("")) => Ok(usual.join(name)),
        // As everything that is named on the command line, it is a place on the machine.
        Some(path) => Ok(std::path::absolute(path)?),
    }
}
