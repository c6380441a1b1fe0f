//! What `sync` mends beside building, and the removal of what is broken.

use super::remove::{self, forget, sweep};
use super::uninstall::{Scope, take_away};
use crate::cli::context::Context;
use crate::exec::{lock, pending};
use crate::install::files::{link_atomically, remove_if_there, remove_tree_if_there};
use crate::inventory::{Registered, Source, Tree, leftovers};
use crate::model::{Arch, Failure, Instance, KernelRelease, ModuleId};
use crate::report::Event;
use std::path::Path;

/// `evermod remove`: as DKMS's, and of broken modules too, for which DKMS knows no way out.
///
/// # Errors
/// The module is not there, or files cannot be removed.
pub fn remove(context: &Context, module: &ModuleId, scope: &Scope) -> Result<(), Failure> {
    let is_whole = |m: &Registered| matches!(m.source, Source::Directory(_));
    if context.tree()?.find(module).is_none_or(is_whole) {
        return remove::remove(context, module, scope, false);
    }
    context.require_writable()?;
    let _lock = lock::take(&context.places, &format!("remove {module}"), &*context.sink)?;
    sweep(context, module)?;
    take_away(context, module, scope, true)?;
    if context.tree()?.find(module).is_some_and(|m| m.built.is_empty()) {
        forget(context, module)?;
    }
    Ok(())
}

/// Before stock is taken: what runs of any program that were cut off left behind. The lock is held. Returns the tree as
/// it is then.
///
/// # Errors
/// Something cannot be deleted or linked.
pub(super) fn before(context: &Context) -> Result<Tree, Failure> {
    let places = &context.places;
    let tell = |text: String| context.sink.event(&Event::Note { text: &text });
    let inside = |path: &Path| places.root.inside(path).display().to_string();
    let tree = context.tree()?;
    let mut has_changed = false;
    for registered in &tree.modules {
        let module = &registered.module;
        let gone = if registered.has_strays { leftovers(places, module) } else { Vec::new() };
        for path in gone {
            remove_tree_if_there(&path)?;
            has_changed = true;
            tell(format!("deleted {}, which a build that was cut off left", inside(&path)));
        }
        // The link alone is missing, and kernels use what is built: then nobody meant to remove it.
        let link = places.source_link(module);
        let source = places.source_dir_inside(module);
        if registered.source == Source::Broken
            && !registered.built.is_empty()
            && link.symlink_metadata().is_err()
            && places.root.resolve(source.join("dkms.conf"))?.is_file()
        {
            link_atomically(&source, &link)?;
            has_changed = true;
            tell(format!("registered {module} again: its link to {} was missing", source.display()));
        }
    }
    // DKMS's flag for a depmod that it owes.
    for entry in std::fs::read_dir(places.tree()).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(kernel) = name.strip_prefix("depmod-pending-") else { continue };
        let release = kernel.rsplit_once('-').map_or(kernel, |(release, _)| release);
        if let Ok(release) = KernelRelease::new(release)
            && places.kernel_dir(&release).is_dir()
        {
            pending::begin(places, &release, &[])?;
        }
        remove_if_there(&entry.path())?;
    }
    if has_changed { context.tree() } else { Ok(tree) }
}

/// After the run: links to an active version that is not there, whose files are not there either. Before it they would
/// tell that what lies below the kernel is ours to replace.
///
/// # Errors
/// A link cannot be deleted.
pub(super) fn after(context: &Context, tree_before: &Tree) -> Result<(), Failure> {
    if without_build(tree_before).next().is_none() {
        return Ok(());
    }
    let tree = context.tree()?;
    for (name, kernel, arch) in without_build(&tree) {
        let link = context.places.active_link(name, kernel, arch);
        if has_files(context, &tree, name, kernel) {
            continue;
        }
        remove_if_there(&link)?;
        let text = format!(
            "deleted {}, which named a build that is not there",
            context.places.root.inside(&link).display()
        );
        context.sink.event(&Event::Note { text: &text });
    }
    Ok(())
}

/// The links to an active version that is not built.
fn without_build(tree: &Tree) -> impl Iterator<Item = &(String, KernelRelease, Arch)> {
    let is_built = |(name, kernel, arch): &(String, KernelRelease, Arch), version: &str| {
        ModuleId::new(name, version).is_ok_and(|module| {
            tree.built(&Instance { module, kernel: kernel.clone(), arch: arch.clone() }).is_some()
        })
    };
    tree.active.iter().filter(move |(key, version)| !is_built(key, version)).map(|(key, _)| key)
}

/// Whether the kernel may still have files of a module whose build is gone: then the link is what tells whose they are.
fn has_files(context: &Context, tree: &Tree, name: &str, kernel: &KernelRelease) -> bool {
    let dir = context.places.kernel_dir(kernel);
    if !dir.is_dir() {
        return false;
    }
    let finder = context.finder();
    let survey = context.survey(&finder);
    let Ok(kernel) = context.kernel(kernel.as_str(), None) else { return true };
    let Some(newest) = tree.versions(name).pop() else { return true };
    let Ok(facts) = survey.facts(&newest.module, &survey.conf_of(&newest.module), &kernel, false) else {
        return true;
    };
    facts.directives.records.iter().any(|record| {
        let destination = context.settings.destination.as_deref().unwrap_or(&record.dest_location);
        crate::install::is_there(&dir, destination, &record.dest_name)
    })
}
