//! framework.conf once more, for one kernel: what it says of signing, of the build's environment and of what follows a
//! transaction may name the kernel, which is not known when a run begins (contract 2.8).

use super::session::Session;
use super::shell::ConfinedBash;
use crate::config::{Framework, FrameworkRequest, Vars, load_framework};
use crate::model::{Arch, Failure, KernelRelease};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

type ByKernel<T> = BTreeMap<(KernelRelease, Arch), Arc<T>>;

/// What has been read in this run, by kernel.
#[derive(Debug, Default)]
pub(super) struct Reread {
    settings: Mutex<ByKernel<Framework>>,
    /// What `build_environment` exports.
    pub(super) exports: Mutex<ByKernel<Vec<(String, String)>>>,
}

impl Session<'_> {
    /// The settings as a kernel's builds see them.
    pub(super) fn framework_for(
        &self,
        kernel: &KernelRelease,
        arch: &Arch,
    ) -> Result<Arc<Framework>, Failure> {
        let mut known = self.reread.settings.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (kernel.clone(), arch.clone());
        if let Some(framework) = known.get(&key) {
            return Ok(framework.clone());
        }
        let mut scope = Vars::new();
        scope.set("kernelver", kernel.as_str());
        scope.set("arch", arch.as_str());
        let directory = self.places.overrides.clone();
        let environment = self.environment.variables.clone();
        let request = FrameworkRequest { directory: directory.clone(), scope, environment };
        let loaded = load_framework(&self.places.root, &request, &ConfinedBash::new()).map_err(|error| {
            Failure::BadConf { path: directory.join("framework.conf"), findings: vec![error.to_string()] }
        })?;
        let framework = Arc::new(loaded.framework);
        known.insert(key, framework.clone());
        Ok(framework)
    }
}
