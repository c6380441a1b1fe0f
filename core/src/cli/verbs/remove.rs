//! `remove`: uninstalls, unbuilds, and forgets a module that is built for no kernel any more.

use super::rpm_safe;
use super::uninstall::{Scope, check_added, take_away};
use crate::cli::context::Context;
use crate::exec::lock;
use crate::install::files::remove_tree_if_there;
use crate::model::{Failure, ModuleId};
use crate::places::NOT_KERNELS;
use crate::report::Event;

/// Removes it. The source in `S` is not touched.
///
/// # Errors
/// The module is not there, or files cannot be removed.
pub fn remove(
    context: &Context,
    module: &ModuleId,
    scope: &Scope,
    rpm_safe_upgrade: bool,
) -> Result<(), Failure> {
    // What is not there cannot be removed, whoever asks.
    check_added(context, module)?;
    context.require_writable()?;
    let _lock = lock::take(&context.places, &format!("remove {module}"), &*context.sink)?;
    check_added(context, module)?;
    sweep(context, module)?;
    if rpm_safe_upgrade && rpm_safe::is_kept(context, module)? {
        return Ok(());
    }
    take_away(context, module, scope, true)?;
    if !is_kernel_going(context) && context.tree()?.find(module).is_some_and(|m| m.built.is_empty()) {
        forget(context, module)?;
    }
    Ok(())
}

/// Whether the scripts of a kernel's package call. The hook that Debian 12's dkms leaves in /etc "removes" what is
/// installed for the kernel, which must not deregister a module with its last kernel: the next one wants it.
fn is_kernel_going(context: &Context) -> bool {
    let caller = context.environment.variables.get("DPKG_MAINTSCRIPT_PACKAGE");
    caller.is_some_and(|package| package.starts_with("linux-image"))
}

/// Deregisters a module.
pub(super) fn forget(context: &Context, module: &ModuleId) -> Result<(), Failure> {
    context
        .sink
        .event(&Event::Note { text: &format!("Deleting module {module} completely from the DKMS tree.") });
    strike(context, module)
}

/// Deregisters a module, without a word.
pub(super) fn strike(context: &Context, module: &ModuleId) -> Result<(), Failure> {
    let places = &context.places;
    remove_tree_if_there(&places.module_dir(module))?;
    for dir in places.all_remembered(module) {
        remove_tree_if_there(&dir)?;
        if let Some(all_versions) = dir.parent() {
            let _ = std::fs::remove_dir(all_versions);
        }
    }
    // Kept while another version is there.
    let _ = std::fs::remove_dir(places.name_dir(&module.name));
    Ok(())
}

/// Deletes what builds that were cut off left in `T/M/V`.
pub(super) fn sweep(context: &Context, module: &ModuleId) -> Result<(), Failure> {
    for kernel in std::fs::read_dir(context.places.module_dir(module)).into_iter().flatten().flatten() {
        let name = kernel.file_name().to_string_lossy().into_owned();
        if name.starts_with(".tmp_") {
            remove_tree_if_there(&kernel.path())?;
            continue;
        }
        // The source is not ours, and a failed build stays for people to look at.
        if NOT_KERNELS.contains(&name.as_str()) || !kernel.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let mut is_empty = true;
        for entry in std::fs::read_dir(kernel.path()).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(".tmp_") {
                remove_tree_if_there(&entry.path())?;
            } else {
                is_empty = false;
            }
        }
        if is_empty {
            // A build that begins right now may have filled it: then it stays.
            let _ = std::fs::remove_dir(kernel.path());
        }
    }
    Ok(())
}
