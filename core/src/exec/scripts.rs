//! The scripts of packages (contract 2.7), and those that an administrator puts in their place: `/etc/dkms/M/SCRIPT`,
//! where it is executable (DKMS 3.4.0).

use super::build_environment::UNSET;
use super::environment::is_executable;
use super::process;
use super::session::Session;
use crate::build::quoted;
use crate::model::{Failure, Instance, ModuleId};
use crate::report::Event;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

impl Session<'_> {
    /// `/etc/dkms/M` (inside the root) if it has the script that `script` names in its first word.
    pub(super) fn administrators_script(&self, module: &ModuleId, script: &str) -> Option<PathBuf> {
        let name = Path::new(script.split_whitespace().next()?);
        let dir = self.places.overrides.join(&module.name);
        let is_below = name.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        (is_below && is_executable(&self.places.root.resolve(dir.join(name)).ok()?)).then_some(dir)
    }

    /// Runs PRE_INSTALL, POST_INSTALL, POST_ADD or POST_REMOVE where the sources are, with its output passed through;
    /// its status, or `None` if there is nothing to run.
    ///
    /// # Errors
    /// The script cannot be started.
    pub fn run_source_script(
        &self,
        instance: &Instance,
        script: Option<&str>,
    ) -> Result<Option<i32>, Failure> {
        let Some(script) = script.filter(|s| !s.trim().is_empty()) else { return Ok(None) };
        let Instance { module, kernel, arch } = instance;
        let dir = match self.administrators_script(module, script) {
            Some(dir) => self.places.root.resolve(dir)?,
            None => self.places.source_link(module),
        };
        let first = dir.join(script.split_whitespace().next().unwrap_or_default());
        if !is_executable(&first) {
            let text =
                format!("The script {} is not there or not executable, so it is not run.", first.display());
            self.sink.event(&Event::Note { text: &text });
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
        command.env("module", &module.name).env("module_version", &module.version);
        command.env("kernelver", kernel.as_str()).env("arch", arch.as_str());
        Ok(Some(process::code(process::status(&mut command)?)))
    }
}
