//! Sources that lie below /usr/src and are not registered, when a kernel's turn comes: in the run that brings both, a
//! package may register its module only after the kernel's initramfs is made.

use crate::cli::context::Context;
use crate::cli::verbs::add;
use crate::exec::{dpkg, rpm};
use crate::install::files::{remove_if_there, write_atomically};
use crate::model::{Directives, Failure, KernelRelease, ModuleId};
use std::path::{Path, PathBuf};

/// Registers the sources in those directories whose name fits, and of which `is_meant` says so by their configuration and
/// what that says. Returns what was registered, and what could not be.
///
/// # Errors
/// The sources or the tree cannot be listed.
pub fn register(
    context: &Context,
    fits: &dyn Fn(&str) -> bool,
    is_meant: &dyn Fn(&Path, &Directives) -> Result<bool, Failure>,
) -> Result<(Vec<ModuleId>, Vec<Failure>), Failure> {
    let places = &context.places;
    let tree = context.tree()?;
    let (mut registered, mut failures) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(places.root.resolve(&places.source_tree)?).into_iter().flatten().flatten()
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_known = tree.modules.iter().any(|m| format!("{}-{}", m.module.name, m.module.version) == name);
        if is_known || !fits(&name) || !entry.path().join("dkms.conf").is_file() {
            continue;
        }
        let conf = places.source_tree.join(&name).join("dkms.conf");
        let added = add::declared(context, &conf).and_then(|(module, directives)| {
            let is_its_place = places.source_dir_inside(&module).file_name() == Some(name.as_ref());
            let is_added = is_its_place && tree.find(&module).is_none() && is_meant(&conf, &directives)?;
            if is_added {
                add::add(context, &module, None)?;
            }
            Ok(is_added.then_some(module))
        });
        match added {
            Ok(module) => registered.extend(module),
            Err(failure) => failures.push(failure),
        }
    }
    Ok((registered, failures))
}

/// Registers what this run of dpkg, or this transaction of rpm's, has unpacked beside a kernel, as the scripts of the packages
/// will after the kernel's: so that it gets into its first initramfs. What cannot be registered is left to those scripts, which
/// tell why.
///
/// # Errors
/// The sources or the tree cannot be listed.
pub fn register_for(context: &Context, kernel: &KernelRelease) -> Result<(), Failure> {
    let image = context.places.install_tree.join(kernel.as_str()).join("vmlinuz");
    let (registered, _) = register(context, &|_| true, &|conf, directives| {
        let environment = &context.environment;
        Ok(directives.autoinstall
            && (dpkg::is_about_to_configure(environment, conf)?
                || rpm::came_together(environment, conf, &image)?))
    })?;
    for module in registered {
        write_atomically(&note(context, &module), b"", 0o644, None)?;
    }
    Ok(())
}

/// Whether a module that is registered already is so by [`register_for`] alone, for the script of its package to find it done;
/// that is so once.
pub fn was_registered_early(context: &Context, module: &ModuleId) -> bool {
    let note = note(context, module);
    note.exists() && remove_if_there(&note).is_ok()
}

/// It need not outlive the machine's run.
fn note(context: &Context, module: &ModuleId) -> PathBuf {
    context.places.root.at(format!("/run/evermod/early/{}-{}", module.name, module.version))
}
