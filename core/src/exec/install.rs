//! Installs and uninstalls one instance, with its scripts.

use super::scripts::{compiler, told};
use super::session::Session;
use super::weak::Change;
use super::{initramfs, pending};
use crate::config::Toolchain;
use crate::install::files::remove_if_there;
use crate::install::{Installed, Overriding, Placement, Removed};
use crate::inventory::Forced;
use crate::model::{BuildRecord, Directives, Failure, Instance, ModuleId, compare};
use crate::places::RECORD;
use crate::report::Event;
use std::cmp::Ordering;
use std::path::PathBuf;

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
    /// What the machine's lists say of the module.
    pub forced: Forced,
    /// The kernel's compiler, of which scripts are told where the same run builds the instance.
    pub compiler: Option<Toolchain>,
}

/// What the step needs to know by which an instance makes way for a package's modules.
#[derive(Debug, Clone)]
pub struct UninstallInput {
    /// Which instance.
    pub instance: Instance,
    /// What it was built with.
    pub directives: Directives,
    /// Indices of modules that are not meant for this kernel.
    pub excluded: Vec<usize>,
    /// The package that serves.
    pub package: String,
}

impl Session<'_> {
    fn placement<'p>(
        &'p self,
        instance: &'p Instance,
        directives: &Directives,
        excluded: &[usize],
    ) -> Placement<'p> {
        let records = directives.records_but(excluded);
        let placement = Placement::new(self.places, instance, &records, self.settings.destination.as_deref());
        Placement { packaged: Some(self.packaged()), ..placement }
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
        let module = &instance.module;
        let mut exports = input.compiler.as_ref().map_or_else(Vec::new, compiler);
        exports.extend(told(instance));
        let Forced { all, version } = input.forced;
        if all || version {
            let what = if all { "installation" } else { "version override" };
            self.sink.event(&Event::Note { text: &format!("Forcing {what} of {}", instance.module.name) });
        }
        self.check_obsolete(input)?;
        if let Some(status) = self.run_source_script(module, directives.pre_install.as_deref(), &exports)?
            && status != 0
            && !input.force
        {
            return Err(Failure::PreInstall { module: instance.module.clone(), status });
        }
        let placement = self.placement(instance, directives, &input.excluded);
        let dirs: Vec<_> =
            placement.installed_paths().iter().filter_map(|p| Some(p.parent()?.to_path_buf())).collect();
        let over = Overriding {
            version: input.force_version,
            archive: self.settings.archive_originals,
            link: self.settings.framework.symlink_modules,
        };
        let judged = placement.judge(over).inspect_err(|failure| {
            if let Failure::Refused { why, .. } = failure {
                self.record_refusal(instance, why);
            }
        })?;
        pending::begin(self.places, &instance.kernel, &dirs)?;
        let same = placement.own_copies();
        let changing: Vec<_> =
            placement.installed_paths().into_iter().filter(|path| !same.contains(path)).collect();
        if !changing.is_empty() {
            initramfs::changing(self.places, &instance.kernel, &changing)?;
        }
        let installed = placement.place(judged, &input.previous)?;
        self.weak_modules(instance, directives, Change::Added, &installed.files);
        self.run_source_script(module, directives.post_install.as_deref(), &exports)?;
        self.sink.event(&Event::Installed { instance, installed: &installed });
        Ok(installed)
    }

    /// Takes an installed instance away. Files of packages stay; `package` is the one that it makes way for, if it does.
    /// depmod is the caller's.
    ///
    /// # Errors
    /// A file cannot be removed or restored.
    pub fn uninstall(
        &self,
        instance: &Instance,
        directives: &Directives,
        excluded: &[usize],
        package: Option<&str>,
    ) -> Result<Removed, Failure> {
        let placement = self.placement(instance, directives, excluded);
        let files = placement.own_paths();
        // Where a package's files lie in the place of ours, only the claim goes, and their package has run depmod.
        if package.is_none() || !files.is_empty() {
            pending::begin(self.places, &instance.kernel, &[])?;
        }
        if !files.is_empty() {
            initramfs::changing(self.places, &instance.kernel, &files)?;
        }
        self.weak_modules(instance, directives, Change::Removed, &files);
        let removed = placement.uninstall()?;
        let ModuleId { name, version } = &instance.module;
        let exports =
            [("module", name), ("module_version", version)].map(|(n, v)| (n.to_string(), v.clone()));
        self.run_source_script(&instance.module, directives.post_remove.as_deref(), &exports)?;
        self.sink.event(&Event::Removed { instance, removed: &removed, package });
        Ok(removed)
    }

    /// Deletes what lies below a kernel that goes as it was built, though nothing claims it: what a package of prebuilt modules
    /// put aside and brought back when it went.
    ///
    /// # Errors
    /// A file cannot be removed.
    pub fn remove_unclaimed(
        &self,
        instance: &Instance,
        directives: &Directives,
        excluded: &[usize],
    ) -> Result<(), Failure> {
        for file in self.placement(instance, directives, excluded).own_copies() {
            remove_if_there(&file)?;
        }
        Ok(())
    }

    /// OBSOLETE_BY: from that kernel on, the kernel's own module is to be preferred.
    fn check_obsolete(&self, input: &InstallInput) -> Result<(), Failure> {
        let InstallInput { instance, directives, .. } = input;
        let Some(since) = directives.obsolete_by.as_deref() else { return Ok(()) };
        if input.force || compare(instance.kernel.as_str(), since) == Ordering::Less {
            return Ok(());
        }
        let why = format!("it is part of kernels since {since} (OBSOLETE_BY)");
        self.record_refusal(instance, &why);
        Err(Failure::Refused { module: instance.module.clone(), kernel: instance.kernel.clone(), why })
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
}
