//! Sources that a run of dpkg has unpacked and not configured yet, when a kernel's turn comes.

use crate::cli::context::Context;
use crate::cli::verbs::add;
use crate::exec::dpkg::is_about_to_configure;
use crate::model::{Failure, ModuleId};
use std::path::Path;

/// Registers them, as the postinst of their packages will do after the kernel's: so that they get into its first initramfs.
/// What cannot be registered is left to that postinst, which tells why.
///
/// # Errors
/// The sources or the tree cannot be listed.
pub fn register(context: &Context) -> Result<(), Failure> {
    let places = &context.places;
    let tree = context.tree()?;
    let Ok(entries) = fs_err::read_dir(places.root.resolve(&places.source_tree)?) else { return Ok(()) };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_known = tree.modules.iter().any(|m| format!("{}-{}", m.module.name, m.module.version) == name);
        let conf = places.source_tree.join(&name).join("dkms.conf");
        if is_known
            || !entry.path().join("dkms.conf").is_file()
            || !is_about_to_configure(&context.environment, &conf)?
        {
            continue;
        }
        if let Some(module) = module_in(context, &conf) {
            // A failure is that of the postinst, which is still to come.
            let _ = add::add(context, &module, None);
        }
    }
    Ok(())
}

/// The module that a configuration is of, if it asks for autoinstall and lies where modules of its name do.
fn module_in(context: &Context, conf: &Path) -> Option<ModuleId> {
    let (module, directives) = add::declared(context, conf).ok()?;
    let is_its_place = context.places.source_dir_inside(&module) == conf.parent()?;
    (directives.autoinstall && is_its_place).then_some(module)
}
