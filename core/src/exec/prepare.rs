//! Gathers what the steps of a plan need, before any of them starts.

use super::build::BuildInput;
use super::install::InstallInput;
use crate::inventory::{Kernel, Source, Survey, Tree};
use crate::model::{Failure, Instance};

impl BuildInput {
    /// Everything that a build of `instance` needs.
    ///
    /// # Errors
    /// It is not added, broken, not meant for the kernel, or the kernel has no headers.
    pub fn prepare(
        survey: &Survey<'_>,
        tree: &Tree,
        instance: &Instance,
        kernel: &Kernel,
    ) -> Result<Self, Failure> {
        let module = &instance.module;
        let registered = tree.find(module).ok_or_else(|| Failure::NotAdded { module: module.clone() })?;
        let source = match &registered.source {
            Source::Directory(source) => source.clone(),
            Source::Broken => return Err(Failure::Broken { module: module.clone() }),
            Source::Absent => return Err(Failure::NotAdded { module: module.clone() }),
        };
        let facts = survey.facts(module, &survey.conf_of(module), kernel, true)?;
        if let Some(why) = facts.excluded {
            return Err(Failure::Excluded {
                module: module.clone(),
                kernel: instance.kernel.clone(),
                arch: instance.arch.clone(),
                why,
            });
        }
        let Some(kernel_source) = kernel.headers.clone() else {
            return Err(survey.no_headers(&kernel.release));
        };
        let key = survey.build_key(module, &source, &facts, kernel)?;
        let config = survey.kernel_config(kernel);
        let variables = survey.framework_variables(&kernel.release);
        let extra_symbols = facts
            .directives
            .build_depends
            .iter()
            .filter_map(|name| {
                let module = tree.versions(name).pop()?.module.clone();
                let dependency = Instance { module, ..instance.clone() };
                let place = survey.places.instance_dir(&dependency).join("module/Module.symvers");
                Some(survey.places.root.inside(&place))
            })
            .collect();
        Ok(Self {
            instance: instance.clone(),
            excluded: facts.excluded_records,
            source,
            kernel_source,
            toolchain: survey.toolchain(kernel),
            sig_hash: config.and_then(|c| c.get("CONFIG_MODULE_SIG_HASH")).map(|hash| hash.to_string()),
            kernel_key: survey.kernel_signing_key(kernel),
            compression: survey.compression(kernel),
            variables,
            key,
            conf: facts.conf,
            extra_symbols,
            directives: facts.directives,
        })
    }
}

impl InstallInput {
    /// Everything that an installation of `instance` needs, whether it is built yet or not.
    ///
    /// # Errors
    /// Its configuration cannot be read.
    pub fn prepare(
        survey: &Survey<'_>,
        tree: &Tree,
        instance: &Instance,
        kernel: &Kernel,
        force: bool,
    ) -> Result<Self, Failure> {
        let facts = survey.facts(&instance.module, &survey.conf_of(&instance.module), kernel, false)?;
        let forced = survey.forced(&instance.module.name);
        let active = tree
            .active
            .get(&(instance.module.name.clone(), instance.kernel.clone(), instance.arch.clone()))
            .and_then(|version| {
                let module =
                    crate::model::ModuleId { name: instance.module.name.clone(), version: version.clone() };
                Some(Instance { module, ..instance.clone() }).filter(|i| tree.built(i).is_some())
            });
        let previous = active.map_or_else(Vec::new, |active| {
            // What it was built with says where its files are, even if its configuration has changed since.
            let directives = survey.record(&active).map(|record| record.directives);
            let facts_then =
                survey.facts(&active.module, &survey.conf_of(&active.module), kernel, false).ok();
            let directives = directives.or_else(|| facts_then.map(|f| f.directives)).unwrap_or_default();
            let records: Vec<_> = directives.records.iter().collect();
            let destination = survey.options.destination.as_deref();
            crate::install::Placement::new(survey.places, &active, &records, destination).installed_paths()
        });
        Ok(Self {
            instance: instance.clone(),
            directives: facts.directives,
            excluded: facts.excluded_records,
            previous,
            force_version: force || forced.version,
            force: force || forced.all,
            forced,
            compiler: None,
        })
    }
}
