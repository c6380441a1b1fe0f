//! Versions of modules whose sources went when another version came: they stay installed where the new one does not build.

use super::remove::strike;
use crate::cli::context::Context;
use crate::exec::lock;
use crate::install::files::remove_tree_if_there;
use crate::inventory::{Registered, Source, Tree};
use crate::model::Failure;

/// Deletes their builds wherever another version is installed, and forgets them with the last one.
///
/// # Errors
/// Files cannot be deleted.
pub fn superseded(context: &Context) -> Result<(), Failure> {
    if candidates(&context.tree()?).is_empty() {
        return Ok(());
    }
    let _lock = lock::take(&context.places, "sync", &*context.sink)?;
    for registered in candidates(&context.tree()?) {
        for built in registered.built.iter().filter(|built| !built.active) {
            let dir = context.places.instance_dir(&built.instance);
            remove_tree_if_there(&dir)?;
            if let Some(kernel_dir) = dir.parent() {
                // Kept if another architecture is in it.
                let _ = std::fs::remove_dir(kernel_dir);
            }
        }
        if !registered.built.iter().any(|built| built.active) {
            strike(context, &registered.module)?;
        }
    }
    Ok(())
}

/// Those without sources of which another version has some.
fn candidates(tree: &Tree) -> Vec<&Registered> {
    let has_source = |m: &Registered| matches!(m.source, Source::Directory(_));
    let is_superseded = |m: &&Registered| {
        m.source == Source::Broken && tree.versions(&m.module.name).into_iter().any(has_source)
    };
    tree.modules.iter().filter(is_superseded).collect()
}
