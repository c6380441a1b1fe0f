//! Takes what was built before the transaction, or by an earlier run, in place of a build.

use super::build::BuildInput;
use super::session::Session;
use super::signing::Method;
use crate::cache;
use crate::install::source::move_into_place;
use crate::model::{BuildRecord, Failure, Signature};
use crate::report::Event;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

impl Session<'_> {
    /// Puts the result that waits for these inputs into the tree, if there is one that is signed and compressed as a
    /// build would be now.
    pub(super) fn take_cached(&self, input: &BuildInput) -> Result<Option<BuildRecord>, Failure> {
        let instance = &input.instance;
        let Some((entry, record)) = cache::get(self.places, &input.key) else { return Ok(None) };
        let method = self.signing_method(instance, input.sig_hash.as_deref(), input.kernel_key.as_deref())?;
        if !is_signed_by(&record, &method) || !has_suffix(&entry, input.compression.suffix()) {
            return Ok(None);
        }
        let target = self.places.instance_dir(instance);
        let parent = target.parent().unwrap_or(&target);
        fs_err::create_dir_all(parent)?;
        let staging =
            tempfile::Builder::new().prefix(&format!(".tmp_{}_", instance.arch)).tempdir_in(parent)?;
        cache::copy(&entry, staging.path())?;
        fs_err::set_permissions(staging.path(), Permissions::from_mode(0o755))?;
        move_into_place(staging, &target)?;
        self.tidy_up(instance)?;
        cache::drop(self.places, &input.key)?;
        let files = input.directives.records.len() - input.excluded.len();
        self.sink.event(&Event::Reused { instance, files });
        Ok(Some(record))
    }
}

fn is_signed_by(record: &BuildRecord, method: &Method) -> bool {
    match (&record.signature, method) {
        (Some(Signature::Signer(name)), Method::Pair(pair, _)) => *name == pair.certificate().common_name(),
        (Some(Signature::Signer(name)), Method::Tool(program, _)) => *name == program.display().to_string(),
        (Some(Signature::Unsigned(_)), Method::None(_)) => true,
        _ => false,
    }
}

/// Whether all modules in an entry are compressed in one way.
fn has_suffix(entry: &Path, suffix: &str) -> bool {
    let wanted = format!(".ko{suffix}");
    let names = std::fs::read_dir(entry.join("module")).into_iter().flatten().flatten();
    let mut names = names.filter_map(|entry| entry.file_name().into_string().ok());
    names.all(|name| !name.contains(".ko") || name.ends_with(&wanted))
}
