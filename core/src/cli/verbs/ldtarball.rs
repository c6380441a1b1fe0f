//! `ldtarball`: takes a module in from an archive.

use super::add::{self, named_in, source_place};
use super::autoinstall::autoinstall;
use crate::archive::{Build, Layout, Limits, unpack};
use crate::cli::context::Context;
use crate::exec::{lock, rpm};
use crate::install::files::{TEMPORARY, remove_if_there};
use crate::install::source::place_tree;
use crate::inventory::Source;
use crate::model::{ArchiveProblem, Directives, Failure, Instance, ModuleId};
use crate::report::Event;
use std::path::Path;

/// What was in a file that was given as an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loaded {
    /// A module, which is added now.
    Module(ModuleId),
    /// An RPM package, which was installed by `rpm`.
    Package,
}

/// Takes in what is in an archive: the source, which is added, and builds, which stay as they are.
///
/// Nothing of it reaches the DKMS tree or the source tree before all of it was unpacked and found good.
///
/// # Errors
/// The archive is missing, damaged or refused; its module is added already; its dkms.conf cannot be used.
pub fn ldtarball(context: &Context, archive: &Path, force: bool) -> Result<Loaded, Failure> {
    let failed = |path: &Path, problem| Failure::Archive { path: path.to_path_buf(), problem };
    if !archive.is_file() {
        return Err(failed(archive, ArchiveProblem::Missing));
    }
    context.require_root("ldtarball")?;
    if archive.extension().is_some_and(|e| e == "rpm") {
        rpm::upgrade(&context.environment, archive)
            .map_err(|why| failed(archive, ArchiveProblem::Rpm(why)))?;
        autoinstall(context, &context.kernel(context.environment.running.as_str(), None)?)?;
        return Ok(Loaded::Package);
    }
    context.require_writable()?;
    let _lock = lock::take(&context.places, &format!("ldtarball {}", archive.display()), &*context.sink)?;
    let staging = context.places.state("unpack");
    fs_err::create_dir_all(&staging)?;
    let dir = tempfile::Builder::new().prefix(TEMPORARY).tempdir_in(&staging)?;
    let unpacked = unpack(archive, dir.path(), Limits::default())?;
    let layout = Layout::read(dir.path()).map_err(|problem| failed(archive, problem))?;
    let (module, directives) = describe(context, archive, dir.path(), &layout)?;
    for link in &unpacked.leading_out {
        let text = format!("Warning: a link in the archive leads out of it: {link}");
        context.sink.event(&Event::Warning { text: &text });
    }
    let known = context.tree()?.find(&module).map(|m| m.source.clone());
    if matches!(known, Some(Source::Directory(_))) && !force {
        return Err(failed(archive, ArchiveProblem::AlreadyAdded(module)));
    }
    context.sink.event(&Event::Note { text: &format!("Loading {module} from {}", archive.display()) });
    let is_registered = take_source(context, &module, &layout, force)?;
    for build in &layout.builds {
        take_build(context, &module, build, force)?;
    }
    if is_registered {
        add::post_add(context, &module, &directives, None)?;
    }
    Ok(Loaded::Module(module))
}

/// Which module it is, as its dkms.conf says: the strict reading, before anything is kept.
fn describe(
    context: &Context,
    archive: &Path,
    dir: &Path,
    layout: &Layout,
) -> Result<(ModuleId, Directives), Failure> {
    let conf = layout.conf_dir.join("dkms.conf");
    // Messages name the file where its reader can find it.
    let shown = archive.join(conf.strip_prefix(dir).unwrap_or(&conf));
    let read = |module: Option<&ModuleId>| {
        add::read(context, &context.places.root.inside(&conf), module, module.is_some()).map_err(|failure| {
            match failure {
                Failure::BadConf { findings, .. } => Failure::BadConf { path: shown.clone(), findings },
                other => other,
            }
        })
    };
    let module = named_in(&read(None)?, &shown)?;
    let directives = read(Some(&module))?;
    Ok((module, directives))
}

/// Puts the source in its place and registers it; true if that was not done before. Binaries alone bring no source but
/// their dkms.conf, which then is a directory in the place of the link, unless the source is there by other means.
fn take_source(context: &Context, module: &ModuleId, layout: &Layout, force: bool) -> Result<bool, Failure> {
    let places = &context.places;
    let source = source_place(context, module)?;
    if !layout.has_source && !source.is_dir() {
        fs_err::create_dir_all(places.build_dir(module))?;
        let conf = tempfile::Builder::new().prefix(TEMPORARY).tempdir_in(places.state("unpack"))?;
        fs_err::copy(layout.conf_dir.join("dkms.conf"), conf.path().join("dkms.conf"))?;
        place_tree(conf.path(), &places.source_link(module), false, Some(".tmp_"))?;
        let text = format!("Added {module}, of which there are binaries only");
        context.sink.event(&Event::Note { text: &text });
        return Ok(false);
    }
    if layout.has_source {
        place_tree(&layout.conf_dir, &source, !force, None)?;
    }
    if let Some(Source::Directory(_)) = context.tree()?.find(module).map(|m| m.source.clone()) {
        return Ok(false);
    }
    // A directory of binaries alone gives way to the link; so does a link that led nowhere.
    let link = places.source_link(module);
    if link.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
        fs_err::remove_dir_all(&link)?;
    } else {
        remove_if_there(&link)?;
    }
    add::register(context, module, None)?;
    Ok(true)
}

fn take_build(context: &Context, module: &ModuleId, build: &Build, force: bool) -> Result<(), Failure> {
    let places = &context.places;
    let instance =
        Instance { module: module.clone(), kernel: build.kernel.clone(), arch: build.arch.clone() };
    let target = places.instance_dir(&instance);
    let shown = places.root.inside(&target);
    if target.symlink_metadata().is_ok() && !force {
        let text = format!("Warning: {} already exists. Skipping...", shown.display());
        context.sink.event(&Event::Warning { text: &text });
        return Ok(());
    }
    let parts = tempfile::Builder::new().prefix(TEMPORARY).tempdir_in(places.state("unpack"))?;
    for part in ["module", "log"] {
        let from = build.dir.join(part);
        if from.is_dir() {
            fs_err::rename(from, parts.path().join(part))?;
        }
    }
    place_tree(parts.path(), &target, false, Some(&format!(".tmp_{}_", build.arch)))?;
    remove_if_there(&places.failure_record(&instance))?;
    remove_if_there(&places.failure_log(&instance))?;
    context.sink.event(&Event::Note { text: &format!("Loaded {}", shown.display()) });
    Ok(())
}
