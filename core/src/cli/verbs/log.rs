//! `log`: the log of the last build of a module for a kernel.

use crate::cli::context::Context;
use crate::model::{Failure, Instance, ModuleId};
use std::path::PathBuf;

/// The logs of all matching instances, newest kernel last: places on the machine.
///
/// # Errors
/// There is none.
pub fn logs(
    context: &Context,
    name: &str,
    version: Option<&str>,
    kernel: Option<&str>,
) -> Result<Vec<(Instance, PathBuf)>, Failure> {
    let tree = context.tree()?;
    let kernels = context.kernels()?;
    let wanted = |module: &ModuleId| module.name == name && version.is_none_or(|v| module.version == v);
    let mut found = Vec::new();
    for registered in tree.modules.iter().filter(|m| wanted(&m.module)) {
        let module = &registered.module;
        let built = registered.built.iter().map(|b| b.instance.clone());
        let possible = kernels.iter().map(|k| Instance {
            module: module.clone(),
            kernel: k.release.clone(),
            arch: k.arch.clone(),
        });
        let mut instances: Vec<_> = built.chain(possible).collect();
        instances.sort();
        instances.dedup();
        for instance in instances.into_iter().filter(|i| kernel.is_none_or(|k| i.kernel.as_str() == k)) {
            let failed = context.places.failure_log(&instance);
            let good = context.places.instance_dir(&instance).join("log/make.log");
            if let Some(path) = [failed, good].into_iter().find(|path| path.is_file()) {
                found.push((instance, path));
            }
        }
    }
    if found.is_empty() {
        let which = kernel.map(|k| format!(" for kernel {k}")).unwrap_or_default();
        return Err(Failure::Usage { message: format!("there is no build log of {name}{which}"), code: 1 });
    }
    Ok(found)
}
