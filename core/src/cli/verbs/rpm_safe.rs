//! `--rpm_safe_upgrade`: an upgrade to the same version must not end with the module gone.

use crate::cli::context::Context;
use crate::exec::rpm::Transaction;
use crate::model::{Failure, ModuleId};
use crate::report::Event;
use std::path::PathBuf;

/// Where the parts of a transaction leave notes for each other.
fn notes(context: &Context) -> PathBuf {
    if let Some(dir) = &context.settings.framework.tmp_location {
        return context.places.root.at(dir);
    }
    let dir = context.environment.variables.get("TMPDIR").filter(|dir| !dir.is_empty());
    context.places.root.at(dir.map_or("/tmp", String::as_str))
}

/// `add` notes that this transaction brings the module, also where it is there already.
///
/// # Errors
/// The note cannot be written.
pub fn note(context: &Context, module: &ModuleId) -> Result<(), Failure> {
    Transaction::ours().map_or(Ok(()), |transaction| transaction.note(&notes(context), module))
}

/// Whether this transaction brought the module, so that `remove` is to leave it; says so, too.
///
/// # Errors
/// The note cannot be taken away.
pub fn is_kept(context: &Context, module: &ModuleId) -> Result<bool, Failure> {
    let Some(transaction) = Transaction::ours() else { return Ok(false) };
    let is_kept = transaction.take_note(&notes(context), module)?;
    if is_kept {
        let text = format!(
            "Warning: {module} is not removed: this very rpm transaction installs it (--rpm_safe_upgrade)."
        );
        context.sink.event(&Event::Warning { text: &text });
    }
    Ok(is_kept)
}
