//! `hook`: what package managers' hooks call. Errors are told, never passed on: no package is left half configured for a
//! module that does not build.

pub mod apt;
pub mod dnf;
mod kernel_install;
pub mod pacman;
pub mod unpacked;
pub mod zypp;

pub use kernel_install::kernel_install;

use crate::cli::context::Context;
use crate::cli::verbs::add;
use crate::cli::verbs::autoinstall::autoinstall;
use crate::cli::verbs::kernel_gone::{Occasion, kernel_gone};
use crate::cli::verbs::ldtarball::ldtarball;
use crate::cli::verbs::preflight::VETO;
use crate::cli::verbs::sync::sync;
use crate::cli::verbs::{self, policy};
use crate::exec::dpkg::activate_trigger;
use crate::inventory::Source;
use crate::model::{Failure, KernelRelease, ModuleId, Transaction};
use crate::plan::{Forecast, Request, Verdict};
use crate::report::{Event, failure_text};
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

/// Judges a transaction for an adapter, and tells what its user should hear. Nothing but a veto may stop a transaction:
/// failures of our own are told, and let it go on.
pub fn preflight(context: &Context, transaction: &Transaction) -> ExitCode {
    judge(context, transaction, &|_| true)
}

/// The same, where the user has heard of some verdicts already.
fn judge(context: &Context, transaction: &Transaction, is_told: &dyn Fn(&Verdict) -> bool) -> ExitCode {
    tell(context, verbs::preflight::preflight(context, transaction), is_told)
}

/// Tells what was judged, or why nothing was, and gives the exit code.
fn tell(
    context: &Context,
    judged: Result<Forecast, Failure>,
    is_told: &dyn Fn(&Verdict) -> bool,
) -> ExitCode {
    match judged {
        Ok(mut forecast) => {
            forecast.verdicts.retain(is_told);
            for text in forecast.told(false) {
                context.sink.event(&Event::Note { text: &text });
            }
            if forecast.veto { ExitCode::from(VETO) } else { ExitCode::SUCCESS }
        }
        Err(failure) => {
            unjudged(context, &failure_text(&failure));
            ExitCode::SUCCESS
        }
    }
}

fn unjudged(context: &Context, why: &str) {
    context.sink.event(&Event::Note { text: &format!("this transaction could not be judged: {why}") });
}

/// What a package manager writes to a hook. What is no text becomes some: paths that matter here are.
///
/// # Errors
/// It cannot be read.
pub fn standard_input() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A kernel's image is being configured: everything for it now, before the initramfs is made. Without headers there is
/// nothing to do yet; the trigger at the end of the run looks again, and says what the kernel goes without.
///
/// # Errors
/// The state cannot be read or written.
pub fn kernel_postinst(context: &Context, release: &str) -> Result<(), Failure> {
    if context.is_autoinstall_off() {
        return Ok(());
    }
    let kernel = context.kernel(release, None)?;
    let is_there = context.places.kernel_dir(&kernel.release).is_dir();
    if kernel.headers.is_none() && (activate_trigger(&context.environment)? || !is_there) {
        return Ok(());
    }
    unpacked::register_for(context, &kernel.release)?;
    let request = Request { kernels: vec![KernelRelease::new(release)?], ..Request::default() };
    let synced = sync(context, &request)?;
    if !synced.report.failures.is_empty() {
        // It may have been for want of what this very run has not configured yet.
        activate_trigger(&context.environment)?;
    }
    apt::note(context, &synced)
}

/// A kernel's headers are being configured: the trigger at the end of the run does the rest; without a package manager
/// around it, it is done now.
///
/// # Errors
/// The state cannot be read or written.
pub fn header_postinst(context: &Context, release: &str) -> Result<(), Failure> {
    if context.is_autoinstall_off() || activate_trigger(&context.environment)? {
        return Ok(());
    }
    let request =
        Request { kernels: vec![KernelRelease::new(release)?], initramfs: true, ..Request::default() };
    sync(context, &request).map(|_| ())
}

/// A kernel is being removed.
///
/// # Errors
/// The state cannot be read or written.
pub fn kernel_prerm(context: &Context, release: &str) -> Result<(), Failure> {
    kernel_gone(context, &context.kernel(release, None)?, Occasion::Hook)
}

/// The end of a run of a package manager: everything that is missing, for all kernels. Where several ask, as rpm's file
/// triggers and the managers' plugins, the second finds nothing left to do. `manager` is for who has to wait.
///
/// # Errors
/// The state cannot be read or written.
pub fn settle(context: &Context, manager: &str) -> Result<(), Failure> {
    if context.is_autoinstall_off() {
        return Ok(());
    }
    sync(context, &Request { initramfs: true, manager: manager.into(), ..Request::default() }).map(|_| ())
}

/// What a `*-dkms` package's postinst asks for (contract 5): registers the module; inside dpkg the build is left to the
/// trigger, elsewhere it is done now.
///
/// # Errors
/// The module cannot be registered.
pub fn common_postinst(
    context: &Context,
    name: &str,
    version: &str,
    archives: Option<&Path>,
) -> Result<(), Failure> {
    if context.is_autoinstall_off() {
        context.sink.event(&Event::Note { text: "autoinstall for dkms modules has been disabled." });
        return Ok(());
    }
    let module = ModuleId::new(name, version)?;
    // A module that is registered keeps what is built until the new source is built: its key tells the difference.
    let is_known =
        matches!(context.tree()?.find(&module).map(|m| m.source.clone()), Some(Source::Directory(_)));
    let archive = archives.map(|dir| dir.join(format!("{name}-{version}.dkms.tar.gz")));
    match archive.filter(|archive| context.places.root.at(archive).is_file()) {
        Some(archive) => {
            ldtarball(context, &archive, is_known)?;
        }
        None if is_known => _ = unpacked::was_registered_early(context, &module),
        None => add::add(context, &module, None)?,
    }
    let conf = context.places.source_dir_inside(&module).join("dkms.conf");
    if !add::read(context, &conf, Some(&module), false)?.autoinstall {
        let text = format!("Not building the {name} module which does not have AUTOINSTALL enabled.");
        context.sink.event(&Event::Note { text: &text });
        return Ok(());
    }
    if activate_trigger(&context.environment)? {
        return Ok(());
    }
    let synced = sync(context, &Request { modules: vec![module], initramfs: true, ..Request::default() })?;
    let mut failures = synced.report.failures.into_iter();
    match failures.find(|(instance, failure)| policy::counts(&synced.policy, instance.as_ref(), failure)) {
        None => Ok(()),
        Some((_, failure)) => Err(failure),
    }
}

/// DKMS's `dkms_autoinstaller start`: all modules for one kernel.
///
/// # Errors
/// Those of [`autoinstall`].
pub fn autoinstaller(context: &Context, release: &str) -> Result<(), Failure> {
    let kernel = context.kernel(release, None)?;
    if kernel.headers.is_none() {
        let finder = context.finder();
        let hint = context.survey(&finder).header_hint(&kernel.release).sentence();
        let text = format!(
            "Automatic installation of modules for kernel {release} was skipped since the kernel headers for this \
             kernel do not seem to be installed; {hint}"
        );
        context.sink.event(&Event::Note { text: &text });
        return Ok(());
    }
    autoinstall(context, &kernel)
}
