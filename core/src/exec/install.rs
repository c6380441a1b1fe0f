//! Installs and uninstalls one instance, with its scripts.

use super::environment::is_executable;
use super::pending;
use super::process;
use super::session::Session;
use crate::install::{Installed, Overriding, Placement, Removed};
use crate::model::{BuildRecord, Directives, Failure, Instance};
use crate::places::RECORD;
use crate::report::Event;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What an installation needs to know.
#[derive(Debug, Clone)]
pub struct InstallInput {
    /// Which instance.
    pub instance: Instance,
    /// Its directives for this kernel.
    pub directives: Directives,
    /// Indices of modules that are not meant for this kernel.
    pub excluded: Vec<usize>,
    /// Files of the version that is active now, on the machine.
    pub previous: Vec<PathBuf>,
    /// Install whatever version the kernel has.
    pub force_version: bool,
    /// Install although PRE_INSTALL fails.
    pub force: bool,
}

impl Session<'_> {
    fn placement<'p>(
        &'p self,
        instance: &'p Instance,
        directives: &Directives,
        excluded: &[usize],
    ) -> Placement<'p> {
        let records = self.records(directives, excluded);
        Placement::new(self.places, instance, &records, self.settings.destination.as_deref())
    }

    /// Places a built instance below its kernel and makes it the active one. depmod is the caller's.
    ///
    /// # Errors
    /// The kernel or a built module is missing, PRE_INSTALL fails, the kernel's own modules are preferred, or a file
    /// cannot be written.
    pub fn install(&self, input: &InstallInput) -> Result<Installed, Failure> {
        let InstallInput { instance, directives, .. } = input;
        let kernel_dir = self.places.root.resolve(self.places.install_tree.join(instance.kernel.as_str()))?;
        if !kernel_dir.is_dir() {
            return Err(Failure::NoKernel {
                kernel: instance.kernel.clone(),
                path: self.inside(&kernel_dir),
            });
        }
        if let Some(status) = self.run_source_script(instance, directives.pre_install.as_deref())?
            && status != 0
            && !input.force
        {
            return Err(Failure::PreInstall { module: instance.module.clone(), status });
        }
        let placement = self.placement(instance, directives, &input.excluded);
        let dirs: Vec<_> =
            placement.installed_paths().iter().filter_map(|p| Some(p.parent()?.to_path_buf())).collect();
        let over = Overriding { version: input.force_version, archive: self.settings.archive_originals };
        let judged = placement.judge(over).inspect_err(|failure| {
            if let Failure::Refused { why, .. } = failure {
                self.record_refusal(instance, why);
            }
        })?;
        pending::begin(self.places, &instance.kernel, &dirs)?;
        let installed = placement.place(judged, &input.previous)?;
        self.run_source_script(instance, directives.post_install.as_deref())?;
        self.sink.event(&Event::Installed { instance, installed: &installed });
        Ok(installed)
    }

    /// Takes an installed instance away. depmod is the caller's.
    ///
    /// # Errors
    /// A file cannot be removed or restored.
    pub fn uninstall(
        &self,
        instance: &Instance,
        directives: &Directives,
        excluded: &[usize],
    ) -> Result<Removed, Failure> {
        let placement = self.placement(instance, directives, excluded);
        pending::begin(self.places, &instance.kernel, &[])?;
        let removed = placement.uninstall()?;
        self.run_source_script(instance, directives.post_remove.as_deref())?;
        self.sink.event(&Event::Removed { instance, removed: &removed });
        Ok(removed)
    }

    /// So that the next sync does not ask the same question again.
    fn record_refusal(&self, instance: &Instance, why: &str) {
        let path = self.places.instance_dir(instance).join(RECORD);
        let known =
            std::fs::read(&path).ok().and_then(|text| serde_json::from_slice::<BuildRecord>(&text).ok());
        if let Some(mut record) = known {
            record.refused = Some(why.to_string());
            if let Ok(text) = serde_json::to_vec_pretty(&record) {
                // Not being able to remember costs one more look next time, nothing else.
                let _ = crate::install::files::write_atomically(&path, &text, 0o644, None);
            }
        }
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
        let exports = [
            ("module", instance.module.name.as_str()),
            ("module_version", instance.module.version.as_str()),
            ("kernelver", instance.kernel.as_str()),
            ("arch", instance.arch.as_str()),
        ];
        self.run_script_in(&self.places.source_link(&instance.module), script, &exports)
    }

    /// Runs a script of a package below `dir`.
    ///
    /// # Errors
    /// The script cannot be started.
    pub fn run_script_in(
        &self,
        dir: &Path,
        script: Option<&str>,
        exports: &[(&str, &str)],
    ) -> Result<Option<i32>, Failure> {
        let Some(script) = script.filter(|s| !s.trim().is_empty()) else { return Ok(None) };
        let first = script.split_whitespace().next().unwrap_or_default();
        if !is_executable(&dir.join(first)) {
            let text = format!(
                "Warning: the script {} is not there or not executable, so it is not run.",
                dir.join(first).display()
            );
            self.sink.event(&Event::Warning { text: &text });
            return Ok(None);
        }
        let mut command = Command::new("bash");
        command.args(["--norc", "--noprofile", "-c", &format!("exec {}/{script}", dir.display())]);
        command.current_dir(dir).envs(exports.iter().copied());
        Ok(Some(process::code(process::status(&mut command)?)))
    }
}
