//! A kernel goes: its modules go with it, registrations stay.

use super::uninstall::take_away_one;
use crate::cli::context::Context;
use crate::exec::{lock, pending};
use crate::install::files::remove_tree_if_there;
use crate::inventory::Kernel;
use crate::model::Failure;
use crate::report::Event;

/// Takes everything away that was built for a kernel. No depmod: the kernel's own files go next.
///
/// # Errors
/// Exit code 14 if anything could not be removed; the rest is.
pub fn kernel_gone(context: &Context, kernel: &Kernel) -> Result<(), Failure> {
    context.require_root("kernel_prerm")?;
    let _lock =
        lock::take(&context.places, &format!("removal of kernel {}", kernel.release), &*context.sink)?;
    let tree = context.tree()?;
    let mut failed = None;
    for built in tree.modules.iter().flat_map(|m| &m.built).filter(|b| b.instance.kernel == kernel.release) {
        if let Err(failure) = take_away_one(context, &tree, &built.instance, kernel, true) {
            context.sink.event(&Event::Note { text: &failure.to_string() });
            failed = Some(built.instance.module.clone());
        }
    }
    for registered in &tree.modules {
        for what in ["failed", "build"] {
            let dir =
                context.places.state(what).join(&registered.module.name).join(&registered.module.version);
            remove_tree_if_there(&dir.join(kernel.release.as_str()))?;
        }
    }
    pending::end(&context.places, &kernel.release)?;
    match failed {
        None => Ok(()),
        Some(module) => Err(Failure::Usage {
            message: format!("{module} could not be removed for kernel {}", kernel.release),
            code: 14,
        }),
    }
}
