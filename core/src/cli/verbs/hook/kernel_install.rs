//! kernel-install(8): a kernel comes or goes, and this is before depmod and the initramfs.

use super::{kernel_prerm, unpacked};
use crate::cli::context::Context;
use crate::cli::verbs::sync::sync;
use crate::exec::dpkg::activate_trigger;
use crate::model::{Failure, KernelRelease};
use crate::plan::Request;
use crate::report::Event;
use evermod_kernel_install::{BadCall, Call, Command, Layout, Plugin};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Does what a call asks for.
///
/// # Errors
/// The state cannot be read or written.
pub fn kernel_install(context: &Context, words: &[String]) -> Result<(), Failure> {
    let variable = |name: &str| context.environment.variables.get(name).cloned();
    let call = match Call::read(words, &variable) {
        Ok(call) => call,
        // Commands of later versions are not for us.
        Err(BadCall::Command(_)) => return Ok(()),
        Err(error) => return Err(Failure::Usage { message: error.to_string(), code: 1 }),
    };
    if call.command == Command::Remove {
        return kernel_prerm(context, &call.release);
    }
    if context.is_autoinstall_off() {
        return Ok(());
    }
    let kernel = context.kernel(&call.release, None)?;
    let is_there = context.places.kernel_dir(&kernel.release).is_dir();
    if !is_there {
        return Ok(());
    }
    let is_image = is_running_image(context);
    if !is_image && kernel.headers.is_some() {
        unpacked::register_for(context, &kernel.release)?;
    }
    if context.tree()?.modules.is_empty() {
        return Ok(());
    }
    if is_image {
        let text =
            "this system is an image that is booted: its modules are built where the image is, not here";
        context.sink.event(&Event::Note { text });
        return Ok(());
    }
    // Headers may only be unpacked later; dpkg's trigger looks again then.
    if kernel.headers.is_none() && activate_trigger(&context.environment)? {
        return Ok(());
    }
    let follows = call.depmod_follows(&|path| plugin(&context.places.root.at(path)));
    let depmod_follows = follows && context.places.kernel_dir(&kernel.release).join("kernel").is_dir();
    let kernels = vec![KernelRelease::new(&call.release)?];
    let has_index = context.places.kernel_dir(&kernel.release).join("modules.dep").exists();
    let synced = sync(
        context,
        &Request { kernels, depmod_follows, manager: "kernel-install".into(), ..Request::default() },
    )?;
    // There the initramfs is made before anybody else runs depmod.
    if call.layout == Layout::Ostree && !has_index && !synced.report.installed.is_empty() {
        context.session()?.index(&kernel.release)?;
    }
    Ok(())
}

/// Whether /usr belongs to an image that runs, and nothing can be put there.
fn is_running_image(context: &Context) -> bool {
    let modules = context.places.root.at(&context.places.install_tree);
    let is_writable = rustix::fs::access(&modules, rustix::fs::Access::WRITE_OK).is_ok();
    context.places.root.at("/run/ostree-booted").exists() && !is_writable
}

fn plugin(path: &Path) -> Plugin {
    match path.metadata() {
        Err(_) if path.symlink_metadata().is_err() => Plugin::Absent,
        Ok(meta) if meta.is_file() && meta.permissions().mode() & 0o111 != 0 => Plugin::Runs,
        _ => Plugin::Masked,
    }
}
