//! What a module package says for one kernel: its directives, whether it is meant for the kernel, and the key of a build.

use super::exclusive::excluded;
use super::kernels::Kernel;
use super::survey::Survey;
use crate::config::shell::NoShell;
use crate::config::{ConfigError, Content, Finding, LoadRequest, Severity, Vars, load_module, overrides};
use crate::model::{BuildKey, Directives, Failure, Instance, KernelRelease, ModuleId, Record};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// What is known of a package for a kernel.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Its directives.
    pub directives: Directives,
    /// Warnings about its configuration.
    pub warnings: Vec<String>,
    /// Indices of modules that are not meant for this kernel.
    pub excluded_records: Vec<usize>,
    /// Why none of it is meant for this kernel, if so.
    pub excluded: Option<String>,
    /// Identity of the configuration files and of what they saw.
    pub conf: String,
}

/// The files of the headers that decide what a build makes of them. Debian's `compile.h` names the package's revision.
const HEADER_FILES: [&str; 6] = [
    "include/config/auto.conf",
    ".config",
    "Module.symvers",
    "include/generated/compile.h",
    "include/generated/utsrelease.h",
    ".kernelvariables",
];

impl Survey<'_> {
    /// Reads the configuration of a package for a kernel.
    ///
    /// # Errors
    /// It is missing, unreadable, or invalid.
    pub fn facts(
        &self,
        module: &ModuleId,
        conf: &Path,
        kernel: &Kernel,
        strict: bool,
    ) -> Result<Facts, Failure> {
        let request = LoadRequest {
            conf: conf.to_path_buf(),
            content: self.content(conf)?,
            overrides: self.has_overrides(module).then(|| self.places.overrides.clone()),
            module: Some(module.clone()),
            kernel: Some(kernel.release.clone()),
            arch: Some(kernel.arch.clone()),
            scope: self.scope(&kernel.release),
            directives: self.options.directives.clone(),
            strict,
        };
        // Most are literals, which cost less to read than to remember.
        let loaded = match load_module(&self.places.root, &request, &NoShell) {
            Err(ConfigError::Shell { .. }) => {
                let identity = self.conf_identity(module, conf, kernel);
                if let Some(directives) = self.evaluated.borrow().get(&identity) {
                    return Ok(self.judged(directives.clone(), Vec::new(), kernel, identity));
                }
                let loaded = load_module(&self.places.root, &request, self.shell);
                if let Ok(loaded) = &loaded
                    && loaded.errors().next().is_none()
                {
                    self.evaluated.borrow_mut().insert(identity, loaded.directives.clone());
                }
                loaded
            }
            literal => literal,
        };
        let loaded = loaded.map_err(|e| conf_failure(conf, e))?;
        let texts = |severity: Severity| -> Vec<String> {
            loaded
                .findings
                .iter()
                .filter(|f| f.severity == severity)
                .map(|f: &Finding| f.message.clone())
                .collect()
        };
        let errors = texts(Severity::Error);
        if !errors.is_empty() {
            return Err(Failure::BadConf { path: conf.to_path_buf(), findings: errors });
        }
        let warnings = texts(Severity::Warning);
        let files = loaded.sources.iter().map(|source| source.sha256.as_str()).collect::<Vec<_>>();
        let identity = format!("{:x}", Sha256::digest(files.join(" ")));
        Ok(self.judged(loaded.directives, warnings, kernel, identity))
    }

    /// What a configuration holds: it is evaluated for each kernel and read once.
    fn content(&self, conf: &Path) -> std::io::Result<Option<Rc<Content>>> {
        if let Some((known, content)) = &*self.content.borrow()
            && known == conf
        {
            return Ok(content.clone());
        }
        let content = Content::read(&self.places.root, conf)?.map(Rc::new);
        *self.content.borrow_mut() = Some((conf.to_path_buf(), content.clone()));
        Ok(content)
    }

    /// What an instance was built with, which says where its files are; else what its configuration says now; else, for one
    /// that cannot be read any more, what lies in the tree. With it, the modules that are not meant for the kernel.
    pub fn directives_then(&self, instance: &Instance, kernel: &Kernel) -> (Directives, Vec<usize>) {
        if let Some(record) = self.record(instance) {
            return (record.directives, Vec::new());
        }
        match self.facts(&instance.module, &self.conf_of(&instance.module), kernel, false) {
            Ok(facts) => (facts.directives, facts.excluded_records),
            Err(_) => {
                let dir = self.places.instance_dir(instance).join("module");
                let names = std::fs::read_dir(dir).into_iter().flatten();
                let record = |name: String| {
                    let (stem, _) = name.split_once(".ko")?;
                    Some(Record { dest_name: stem.to_string(), ..Record::default() })
                };
                let records =
                    names.filter_map(|entry| record(entry.ok()?.file_name().into_string().ok()?)).collect();
                (Directives { records, ..Directives::default() }, Vec::new())
            }
        }
    }

    fn judged(&self, directives: Directives, warnings: Vec<String>, kernel: &Kernel, conf: String) -> Facts {
        let config = || self.kernel_config(kernel);
        let rules_out = |exclusive| {
            let option = |name: &str| config().and_then(|c| c.get(name)).map(|value| value.to_string());
            let readable = config().is_some();
            excluded(
                exclusive,
                kernel.release.as_str(),
                kernel.arch.as_str(),
                readable.then_some(&option as _),
            )
        };
        let mut whole = if directives.is_unrestricted() { None } else { rules_out(&directives.exclusive) };
        let mut excluded_records = Vec::new();
        if whole.is_none() && !directives.is_unrestricted() {
            for (index, record) in directives.records.iter().enumerate() {
                if let Some(why) = rules_out(&record.exclusive) {
                    excluded_records.push(index);
                    if excluded_records.len() == directives.records.len() {
                        whole = Some(why);
                    }
                }
            }
        }
        Facts { directives, warnings, excluded_records, excluded: whole, conf }
    }

    /// What a shell could see of the configuration. A conf may look at what lies in the source tree (nvidia-fs does), so
    /// the tree's list of names counts.
    fn conf_identity(&self, module: &ModuleId, conf: &Path, kernel: &Kernel) -> String {
        let mut hash = Sha256::new();
        let mut add = |text: &[u8]| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        };
        add(env!("CARGO_PKG_VERSION").as_bytes());
        for text in [&module.name, &module.version, kernel.release.as_str(), kernel.arch.as_str()] {
            add(text.as_bytes());
        }
        for (name, elements) in self.scope(&kernel.release).iter() {
            add(name.as_bytes());
            elements.values().for_each(|value| add(value.as_bytes()));
        }
        self.options.directives.iter().for_each(|d| add(d.as_bytes()));
        add(kernel.headers.as_ref().map(|_| self.headers_identity(kernel)).unwrap_or_default().as_bytes());
        add(self.source_names.get_or_init(|| self.read_source_names()).as_bytes());
        let content = self.content(conf).ok().flatten();
        add(content.as_ref().map_or("", |content| content.sha256()).as_bytes());
        if self.has_overrides(module) {
            let stack = overrides(&self.places.overrides, module, Some(&kernel.release), Some(&kernel.arch));
            for path in stack {
                let content = self.places.root.opened(&path).ok().and_then(|place| std::fs::read(place).ok());
                add(content.as_deref().unwrap_or_default());
            }
        }
        format!("{:x}", hash.finalize())
    }

    /// Whether `/etc/dkms` may hold override files of a module: they all begin with its name.
    fn has_overrides(&self, module: &ModuleId) -> bool {
        let names = self.override_names.get_or_init(|| {
            let names = std::fs::read_dir(self.places.root.at(&self.places.overrides)).into_iter().flatten();
            names.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
        });
        names.iter().any(|name| name.starts_with(&module.name) && name.ends_with(".conf"))
    }

    /// Digest of the names in the source tree.
    fn read_source_names(&self) -> String {
        let names = std::fs::read_dir(self.places.root.at(&self.places.source_tree));
        let mut names: Vec<_> =
            names.into_iter().flatten().filter_map(|e| e.ok().map(|e| e.file_name())).collect();
        names.sort();
        let mut hash = Sha256::new();
        for name in names {
            hash.update(name.as_encoded_bytes());
            hash.update([0]);
        }
        format!("{:x}", hash.finalize())
    }

    /// Digest of a module's sources, which do not change while stock is taken: one look serves all kernels.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn source_digest(&self, place: &Path) -> std::io::Result<String> {
        if let Some(known) = self.source_digests.borrow().get(place) {
            return Ok(known.clone());
        }
        let digest = self.digests.borrow_mut().of(place)?;
        self.source_digests.borrow_mut().insert(place.to_path_buf(), digest.clone());
        Ok(digest)
    }

    /// Identity of a kernel's headers and of the compiler that they name.
    pub(super) fn headers_identity(&self, kernel: &Kernel) -> String {
        if let Some(known) = self.identities.borrow().get(&kernel.release) {
            return known.clone();
        }
        let mut hash = Sha256::new();
        if let Some(source) = &kernel.headers {
            for name in HEADER_FILES {
                let place = self.places.root.opened(source.join(name)).unwrap_or_default();
                hash.update(self.digests.borrow_mut().of(&place).unwrap_or_default());
            }
            let compiler = self.toolchain(kernel).cc.unwrap_or_else(|| "gcc".into());
            hash.update(&compiler);
            hash.update(self.program_identity(&compiler));
        }
        let identity = format!("{:x}", hash.finalize());
        self.identities.borrow_mut().insert(kernel.release.clone(), identity.clone());
        identity
    }

    /// A compiler is the file behind its name, by size and time: reading tens of megabytes would tell no more.
    fn program_identity(&self, name: &str) -> String {
        use std::os::unix::fs::MetadataExt;
        let place = (self.options.find_program)(name).and_then(|path| std::fs::canonicalize(path).ok());
        let meta = place.as_ref().and_then(|place| place.metadata().ok());
        meta.map_or_else(|| "absent".into(), |m| format!("{:?} {} {}", place, m.size(), m.mtime()))
    }

    /// The key of a build: everything that decides its output.
    ///
    /// # Errors
    /// The sources cannot be read.
    pub fn build_key(
        &self,
        module: &ModuleId,
        source: &Path,
        facts: &Facts,
        kernel: &Kernel,
    ) -> Result<BuildKey, Failure> {
        let mut hash = Sha256::new();
        let mut add = |text: &[u8]| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        };
        add(b"evermod build key 1");
        for text in [&module.name, &module.version, kernel.release.as_str(), kernel.arch.as_str()] {
            add(text.as_bytes());
        }
        add(self.source_digest(source)?.as_bytes());
        let patches = self.places.root.at(self.places.overrides.join(&module.name));
        add(self.source_digest(&patches)?.as_bytes());
        add(&serde_json::to_vec(&facts.directives).map_err(std::io::Error::from)?);
        add(self.headers_identity(kernel).as_bytes());
        if let Some(file) = &self.options.build_environment {
            add(self.source_digest(&self.places.root.resolve(file)?)?.as_bytes());
        }
        if let Some(date) = self.options.dates.get(&kernel.release) {
            add(&date.to_le_bytes());
        }
        Ok(BuildKey(format!("{:x}", hash.finalize())))
    }

    /// [`Self::framework_variables`] as a configuration sees them.
    pub fn scope(&self, kernel: &KernelRelease) -> Rc<Vars> {
        // Asked for every module of a kernel.
        let mut scopes = self.scopes.borrow_mut();
        let made = || Rc::new(self.framework_variables(kernel).into_iter().collect());
        scopes.entry(kernel.clone()).or_insert_with(made).clone()
    }

    /// `KS` of a kernel, inside the root, whether it is there or not.
    pub fn kernel_source(&self, kernel: &KernelRelease) -> PathBuf {
        self.options
            .kernel_source
            .clone()
            .unwrap_or_else(|| self.places.install_tree.join(kernel.as_str()).join("build"))
    }
}

/// A configuration that could not be had, as the failure it is for a command.
pub fn conf_failure(conf: &Path, error: ConfigError) -> Failure {
    match error {
        ConfigError::Missing { path } => Failure::NoConf { path },
        ConfigError::Io(error) => Failure::Io(error),
        other => Failure::BadConf { path: conf.to_path_buf(), findings: vec![other.to_string()] },
    }
}
