//! The scripts of packages (contract 2.7), and those that an administrator puts in their place: `/etc/dkms/M/SCRIPT`,
//! where it is executable (DKMS 3.4.0).

use super::build_environment::UNSET;
use super::environment::is_executable;
use super::process;
use super::session::Session;
use crate::build::quoted;
use crate::config::Toolchain;
use crate::model::{Failure, Instance, ModuleId};
use crate::report::Event;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

/// What scripts are told of an instance (contract 2.6).
pub(super) fn told(instance: &Instance) -> Vec<(String, String)> {
    let Instance { module, kernel, arch } = instance;
    [
        ("module", module.name.as_str()),
        ("module_version", &module.version),
        ("kernelver", kernel.as_str()),
        ("arch", arch.as_str()),
    ]
    .map(|(name, value)| (name.to_string(), value.to_string()))
    .to_vec()
}

/// What they are told of the kernel's compiler.
pub(super) fn compiler(toolchain: &Toolchain) -> Vec<(String, String)> {
    let Toolchain { cc, kernel_cc, ld, .. } = toolchain;
    [("CC", cc), ("KERNEL_CC", kernel_cc), ("LD", ld), ("KERNEL_LD", ld)]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_string(), value.clone()?)))
        .collect()
}

impl Session<'_> {
    /// `/etc/dkms/M` (inside the root) if it has the script that `script` names in its first word.
    pub(super) fn administrators_script(&self, module: &ModuleId, script: &str) -> Option<PathBuf> {
        let name = Path::new(script.split_whitespace().next()?);
        let dir = self.places.overrides.join(&module.name);
        let is_below = name.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        (is_below && is_executable(&self.places.root.resolve(dir.join(name)).ok()?)).then_some(dir)
    }

    /// POST_ADD: DKMS tells it of a module and a kernel only where these are built and installed in the same breath.
    ///
    /// # Errors
    /// The script cannot be started.
    pub fn run_add_script(
        &self,
        module: &ModuleId,
        instance: Option<&Instance>,
        script: Option<&str>,
    ) -> Result<Option<i32>, Failure> {
        self.run_source_script(module, script, &instance.map_or_else(Vec::new, told))
    }

    /// Runs PRE_INSTALL, POST_INSTALL, POST_ADD or POST_REMOVE where the sources are, with its output passed through and
    /// with these variables; its status, or `None` if there is nothing to run.
    pub(super) fn run_source_script(
        &self,
        module: &ModuleId,
        script: Option<&str>,
        exports: &[(String, String)],
    ) -> Result<Option<i32>, Failure> {
        let Some(script) = script.filter(|s| !s.trim().is_empty()) else { return Ok(None) };
        let dir = match self.administrators_script(module, script) {
            Some(dir) => self.places.root.resolve(dir)?,
            None => self.places.source_link(module),
        };
        let first = dir.join(script.split_whitespace().next().unwrap_or_default());
        if !is_executable(&first) {
            let text = format!(
                "Warning: the script {} is not there or not executable, so it is not run.",
                first.display()
            );
            self.sink.event(&Event::Warning { text: &text });
            return Ok(None);
        }
        let line = format!("{}/{script}", quoted(&dir.display().to_string()));
        self.show(&line);
        let mut command = Command::new("bash");
        command.args(["--norc", "--noprofile", "-c", &format!("{}exec {line}", self.trace())]);
        UNSET.iter().for_each(|name| {
            command.env_remove(name);
        });
        // Where the script is, by the name under which it was reached.
        command.current_dir(&dir).env("PWD", &dir);
        command.envs(exports.iter().map(|(name, value)| (name, value)));
        Ok(Some(process::code(process::status(&mut command)?)))
    }
}
