//! A kernel goes, or another of the same name takes its place: its modules go with it, registrations stay.

use super::uninstall::take_away_one;
use crate::cli::context::Context;
use crate::exec::{lock, pending};
use crate::install::files::{remove_if_there, remove_tree_if_there, write_atomically};
use crate::inventory::{Built, Kernel, departure, has_image_files};
use crate::model::{Failure, KernelRelease};
use crate::report::{Event, failure_text};
use std::path::Path;

/// Who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// A package manager's hook: the kernel's own files go next, so depmod's index is nobody's concern.
    Hook,
    /// `kernel_prerm`: all modules.
    Prerm,
    /// `kernel_preinst`: the modules that ask for AUTOINSTALL, which will be built again.
    Preinst,
}

/// Takes away what was built for a kernel.
///
/// # Errors
/// Exit code 14 if anything could not be removed; the rest is.
pub fn kernel_gone(context: &Context, kernel: &Kernel, occasion: Occasion) -> Result<(), Failure> {
    let verb = if occasion == Occasion::Preinst { "kernel_preinst" } else { "kernel_prerm" };
    context.require_root(verb)?;
    let _lock =
        lock::take(&context.places, &format!("removal of kernel {}", kernel.release), &*context.sink)?;
    if occasion == Occasion::Hook && context.places.kernel_dir(&kernel.release).is_dir() {
        write_atomically(&departure(&context.places, &kernel.release), b"", 0o644, None)?;
    }
    let tree = context.tree()?;
    let mut failed = Vec::new();
    let mut changed = false;
    let complain = |text: String| context.sink.event(&Event::Warning { text: &text });
    let is_of_kernel = |b: &&Built| {
        let is_meant = occasion == Occasion::Hook || b.instance.arch.is_same_machine(&kernel.arch);
        b.instance.kernel == kernel.release && is_meant
    };
    for built in tree.modules.iter().flat_map(|m| &m.built).filter(is_of_kernel) {
        let module = &built.instance.module;
        if occasion == Occasion::Preinst && !is_automatic(context, built, kernel) {
            continue;
        }
        if occasion != Occasion::Hook {
            let arch = &built.instance.arch;
            complain(format!("dkms: removing module {module} for kernel {} ({arch})", kernel.release));
        }
        if occasion == Occasion::Hook && !built.active {
            let finder = context.finder();
            let (directives, excluded) = context.survey(&finder).directives_then(&built.instance, kernel);
            context.session()?.remove_unclaimed(&built.instance, &directives, &excluded)?;
        }
        match take_away_one(context, &tree, &built.instance, kernel, true) {
            Ok(has_changed) => changed |= has_changed,
            Err(failure) => {
                complain(failure_text(&failure));
                failed.push(module.to_string());
            }
        }
    }
    for registered in &tree.modules {
        for dir in context.places.all_remembered(&registered.module) {
            remove_tree_if_there(&dir.join(kernel.release.as_str()))?;
        }
    }
    if changed && occasion != Occasion::Hook {
        if let Err(failure) = context.session()?.depmod(&kernel.release) {
            complain(failure_text(&failure));
            failed.push("depmod".into());
        }
    } else {
        pending::end(&context.places, &kernel.release)?;
    }
    let dir = context.places.root.resolve(context.places.install_tree.join(kernel.release.as_str()))?;
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        remove_if_empty(&entry.path());
    }
    if failed.is_empty() {
        return Ok(());
    }
    let message = format!("not all could be removed for kernel {}: {}", kernel.release, failed.join(", "));
    Err(Failure::Usage { message, code: 14 })
}

/// Strikes out the notes of kernels that are there again, and of those of which nothing is left.
///
/// # Errors
/// A note cannot be deleted.
pub(super) fn sweep(context: &Context) -> Result<(), Failure> {
    let places = &context.places;
    let dir = places.state("gone");
    for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
        let Some(release) = entry.file_name().to_str().and_then(|name| KernelRelease::new(name).ok()) else {
            continue;
        };
        if has_image_files(places, &release) || !places.kernel_dir(&release).is_dir() {
            remove_if_there(&entry.path())?;
        }
    }
    // Kept while there is something in it.
    let _ = std::fs::remove_dir(dir);
    Ok(())
}

/// Whether AUTOINSTALL brings a module back. One whose configuration cannot be read is not touched.
fn is_automatic(context: &Context, built: &Built, kernel: &Kernel) -> bool {
    let finder = context.finder();
    let survey = context.survey(&finder);
    survey.directives_then(&built.instance, kernel).0.autoinstall
}

/// Removes a directory in which there is nothing but empty directories, or those of them that are.
fn remove_if_empty(dir: &Path) {
    if !dir.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
        return;
    }
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        remove_if_empty(&entry.path());
    }
    // Fails where something is in it, as it should.
    let _ = std::fs::remove_dir(dir);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_empty_directories_go() {
        let top = tempfile::tempdir().unwrap();
        let kernel = top.path().join("6.1");
        std::fs::create_dir_all(kernel.join("updates/dkms")).unwrap();
        std::fs::create_dir_all(kernel.join("kernel/fs/empty")).unwrap();
        std::fs::write(kernel.join("kernel/x.ko"), "").unwrap();
        std::os::unix::fs::symlink(top.path(), kernel.join("build")).unwrap();
        for name in ["updates", "kernel", "build"] {
            remove_if_empty(&kernel.join(name));
        }
        assert!(kernel.join("kernel/x.ko").exists() && kernel.join("build").exists());
        assert!(!kernel.join("updates").exists() && !kernel.join("kernel/fs").exists());
    }
}
