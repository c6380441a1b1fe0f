//! Takes stock of a root: every module for every kernel.

use super::candidate::{Candidate, State};
use super::digests::Digests;
use super::facts::Facts;
use super::kernels::Kernel;
use super::listing::{Directory, small_file};
use super::prebuilt::Prebuilts;
use super::tree::{Built, Registered, Source, Tree};
use crate::config::shell::Shell;
use crate::config::{Content, Distribution, HeaderHint, KernelConfig, Toolchain, Vars, toolchain};
use crate::install::{Compression, Looks, Placement};
use crate::model::{
    BuildRecord, BuildSummary, Directives, Failure, FailureRecord, Instance, KernelRelease, ModuleId,
};
use crate::places::{Places, RECORD};
use serde::de::DeserializeOwned;
use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::rc::Rc;

/// What the caller settles for a survey.
pub struct SurveyOptions<'a> {
    /// `--directive`s.
    pub directives: Vec<String>,
    /// Another dkms.conf than the modules' own.
    pub conf: Option<PathBuf>,
    /// `KS` for every kernel.
    pub kernel_source: Option<PathBuf>,
    /// A kernel configuration in place of the headers' own.
    pub kernel_config: Option<PathBuf>,
    /// What configurations see as `parallel_jobs`.
    pub jobs: usize,
    /// Where modules go below a kernel, if the distribution says so.
    pub destination: Option<String>,
    /// The distribution.
    pub distribution: Distribution,
    /// `uname -r`.
    pub running: String,
    /// The file whose exported variables builds get; its content decides what they yield.
    pub build_environment: Option<PathBuf>,
    /// What configurations see as `tmp_location`.
    pub temporary: PathBuf,
    /// Whether this is a distribution that links modules into the kernels they fit.
    pub weak_modules: bool,
    /// Kernels and modules whose prebuilt is about to go, so that it does not count.
    pub departing: BTreeSet<(KernelRelease, String)>,
    /// What builds for a kernel are told of the date, in seconds since 1970: it decides what they yield.
    pub dates: BTreeMap<KernelRelease, u64>,
    /// Finds a program.
    pub find_program: &'a dyn Fn(&str) -> Option<PathBuf>,
}

/// A look at a root that remembers what it has read.
pub struct Survey<'a> {
    /// The places.
    pub places: &'a Places,
    /// Evaluates what is no literal.
    pub shell: &'a dyn Shell,
    /// What the caller settled.
    pub options: SurveyOptions<'a>,
    pub(super) digests: RefCell<Digests>,
    pub(super) evaluated: RefCell<BTreeMap<String, Directives>>,
    pub(super) identities: RefCell<BTreeMap<KernelRelease, String>>,
    pub(super) source_digests: RefCell<HashMap<PathBuf, String>>,
    pub(super) content: RefCell<Option<(PathBuf, Option<Rc<Content>>)>>,
    pub(super) source_names: OnceCell<String>,
    pub(super) override_names: OnceCell<Vec<String>>,
    pub(super) forced: OnceCell<BTreeSet<String>>,
    pub(super) prebuilts: OnceCell<Prebuilts>,
    failed: OnceCell<BTreeSet<String>>,
    looks: Looks,
    pub(super) weak_links: RefCell<BTreeMap<KernelRelease, BTreeMap<String, PathBuf>>>,
    pub(super) scopes: RefCell<BTreeMap<KernelRelease, Rc<Vars>>>,
    config_paths: RefCell<BTreeMap<KernelRelease, PathBuf>>,
    compressions: RefCell<BTreeMap<KernelRelease, Compression>>,
    configs: RefCell<BTreeMap<KernelRelease, Option<Rc<KernelConfig>>>>,
    known: BTreeSet<String>,
}

/// What stocktaking found.
#[derive(Debug, Default)]
pub struct Candidates {
    /// The instances.
    pub found: Vec<Candidate>,
    /// The modules that cannot be judged.
    pub problems: Vec<(ModuleId, Failure)>,
}

/// Files of evermod's state that this module reads; `exec` writes them.
const DIGESTS: &str = "digests.json";
const EVALUATED: &str = "directives.json";
/// How many evaluated configurations are remembered.
const REMEMBERED: usize = 2000;

impl<'a> Survey<'a> {
    /// Begins with what earlier surveys learnt.
    pub fn new(places: &'a Places, shell: &'a dyn Shell, options: SurveyOptions<'a>) -> Self {
        let evaluated: BTreeMap<String, Directives> = std::fs::read(places.state(EVALUATED))
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default();
        Self {
            places,
            shell,
            options,
            digests: RefCell::new(Digests::load(&places.state(DIGESTS))),
            known: evaluated.keys().cloned().collect(),
            evaluated: RefCell::new(evaluated),
            identities: RefCell::default(),
            source_digests: RefCell::default(),
            content: RefCell::default(),
            source_names: OnceCell::new(),
            override_names: OnceCell::new(),
            forced: OnceCell::new(),
            prebuilts: OnceCell::new(),
            failed: OnceCell::new(),
            looks: Looks::default(),
            weak_links: RefCell::default(),
            scopes: RefCell::default(),
            config_paths: RefCell::default(),
            compressions: RefCell::default(),
            configs: RefCell::default(),
        }
    }

    /// The same where it is of no account what packages have brought for the kernels.
    #[must_use]
    pub fn without_prebuilts(mut self) -> Self {
        self.prebuilts = OnceCell::from(Prebuilts::default());
        self
    }

    /// What was learnt, as files to be written: places on the machine and their content.
    pub fn learnt(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        if let Some(text) = self.digests.borrow().changed() {
            files.push((self.places.state(DIGESTS), text));
        }
        let evaluated = self.evaluated.borrow();
        if evaluated.keys().any(|key| !self.known.contains(key)) {
            // What was not asked for this time is forgotten once there is too much of it.
            let keep = |key: &String| evaluated.len() <= REMEMBERED || !self.known.contains(key);
            let kept: BTreeMap<_, _> = evaluated.iter().filter(|(key, _)| keep(key)).collect();
            if let Ok(text) = serde_json::to_vec(&kept) {
                files.push((self.places.state(EVALUATED), text));
            }
        }
        files
    }

    /// A kernel's configuration, if it can be read.
    pub fn kernel_config(&self, kernel: &Kernel) -> Option<Rc<KernelConfig>> {
        let mut configs = self.configs.borrow_mut();
        configs
            .entry(kernel.release.clone())
            .or_insert_with(|| {
                let place = self.places.root.opened(self.kernel_config_path(&kernel.release)).ok()?;
                Some(Rc::new(KernelConfig::new(std::fs::read(place).ok()?)))
            })
            .clone()
    }

    /// Where a kernel's configuration is, inside the root.
    fn kernel_config_path(&self, kernel: &KernelRelease) -> PathBuf {
        if let Some(given) = &self.options.kernel_config {
            return given.clone();
        }
        // Asked for every module of a kernel.
        if let Some(known) = self.config_paths.borrow().get(kernel) {
            return known.clone();
        }
        let source = self.kernel_source(kernel);
        let usual = source.join("include/config/auto.conf");
        let is_there = self.places.root.opened(&usual).is_ok_and(|place| place.is_file());
        let path = if is_there { usual } else { source.join(".config") };
        self.config_paths.borrow_mut().insert(kernel.clone(), path.clone());
        path
    }

    /// The compiler that matches a kernel.
    pub fn toolchain(&self, kernel: &Kernel) -> Toolchain {
        let config = self.kernel_config(kernel);
        let option = |name: &str| config.as_ref().and_then(|c| c.get(name)).map(|value| value.to_string());
        let variables = kernel.headers.as_ref().and_then(|source| {
            std::fs::read_to_string(self.places.root.opened(source.join(".kernelvariables")).ok()?).ok()
        });
        toolchain(&option, variables.as_deref(), &|name| (self.options.find_program)(name).is_some())
    }

    /// How a kernel's modules are compressed.
    pub fn compression(&self, kernel: &Kernel) -> Compression {
        // Asked for every instance; the lists that tell have thousands of lines.
        let mut known = self.compressions.borrow_mut();
        *known.entry(kernel.release.clone()).or_insert_with(|| self.read_compression(kernel))
    }

    fn read_compression(&self, kernel: &Kernel) -> Compression {
        let dir = self.places.kernel_dir(&kernel.release);
        let own = File::open(dir.join("modules.dep")).ok().and_then(|index| {
            let order = std::fs::read(dir.join("modules.order")).ok();
            Compression::of_kernel(BufReader::new(index), order.as_deref())
        });
        own.unwrap_or_else(|| {
            let config = self.kernel_config(kernel);
            let option =
                |name: &str| config.as_ref().and_then(|c| c.get(name)).map(|value| value.to_string());
            Compression::of_config(kernel.release.as_str(), &option)
        })
    }

    /// How to get the headers of a kernel that has none.
    pub fn header_hint(&self, kernel: &KernelRelease) -> HeaderHint {
        let Self { places, options, .. } = self;
        options.distribution.headers_in(&places.root, &places.install_tree, kernel.as_str())
    }

    /// The failure of what needs headers that are not there.
    pub fn no_headers(&self, kernel: &KernelRelease) -> Failure {
        let hint = self.header_hint(kernel).sentence();
        Failure::NoHeaders { kernel: kernel.clone(), path: self.kernel_source(kernel), hint }
    }

    /// The kernel's own signing key, which holds the certificate too (CONFIG_MODULE_SIG_KEY), inside the root, if the
    /// kernel's sources have it.
    pub fn kernel_signing_key(&self, kernel: &Kernel) -> Option<PathBuf> {
        let config = self.kernel_config(kernel)?;
        let named = config.get("CONFIG_MODULE_SIG_KEY").filter(|key| !key.is_empty())?;
        let place = self.kernel_source(&kernel.release).join(&*named);
        self.places.root.resolve_inside(place).ok().filter(|place| self.places.root.at(place).is_file())
    }

    /// The variables of the framework that configurations and commands see.
    pub fn framework_variables(&self, kernel: &KernelRelease) -> BTreeMap<String, String> {
        let text = |path: &std::path::Path| path.display().to_string();
        BTreeMap::from([
            ("kernel_source_dir".into(), text(&self.kernel_source(kernel))),
            ("dkms_tree".into(), text(&self.places.dkms_tree)),
            ("source_tree".into(), text(&self.places.source_tree)),
            ("install_tree".into(), text(&self.places.install_tree)),
            ("parallel_jobs".into(), self.options.jobs.to_string()),
            ("running_distribution".into(), self.options.distribution.as_str().to_string()),
            ("current_kernel".into(), self.options.running.clone()),
            ("kernel_config".into(), text(&self.kernel_config_path(kernel))),
            ("tmp_location".into(), text(&self.options.temporary)),
        ])
    }

    /// The configuration of a registered module, inside the root.
    pub fn conf_of(&self, module: &ModuleId) -> PathBuf {
        let own = || self.places.dkms_tree.join(&module.name).join(&module.version).join("source/dkms.conf");
        self.options.conf.clone().unwrap_or_else(own)
    }

    /// The record beside a built instance.
    pub fn record(&self, instance: &Instance) -> Option<BuildRecord> {
        self.read_record(instance)
    }

    fn read_record<R: DeserializeOwned>(&self, instance: &Instance) -> Option<R> {
        let text = small_file(&self.places.instance_dir(instance).join(RECORD))?;
        serde_json::from_slice(&text).ok()
    }

    /// What is remembered of the last failed build.
    fn failure(&self, instance: &Instance) -> Option<FailureRecord> {
        // Of most modules there is nothing for any kernel.
        let names = || {
            let dir = Directory::open(&self.places.failures()).ok().flatten();
            dir.iter().flat_map(Directory::directories).map(str::to_string).collect()
        };
        if !self.failed.get_or_init(names).contains(&instance.module.name) {
            return None;
        }
        let text = small_file(&self.places.failure_record(instance))?;
        serde_json::from_slice(&text).ok()
    }

    /// The placement of an instance's modules.
    pub fn placement<'p>(&'p self, built: &'p Built, facts: &Facts) -> Placement<'p> {
        let records = facts.directives.records_but(&facts.excluded_records);
        let placement =
            Placement::new(self.places, &built.instance, &records, self.options.destination.as_deref());
        Placement { built_files: Some(&built.files), looks: Some(&self.looks), ..placement }
    }

    /// Every module, in its highest version, for every kernel that has headers or an image, and the modules that cannot
    /// be judged.
    ///
    /// # Errors
    /// The sources or the state cannot be read.
    pub fn candidates(
        &self,
        tree: &Tree,
        kernels: &[Kernel],
        wanted: &[ModuleId],
    ) -> Result<Candidates, Failure> {
        let mut all = Candidates::default();
        for registered in chosen(tree, wanted) {
            let module = &registered.module;
            if registered.source == Source::Broken {
                all.problems.push((module.clone(), Failure::Broken { module: module.clone() }));
                continue;
            }
            for kernel in kernels {
                match self.candidate(registered, kernel) {
                    Ok(candidate) => all.found.push(candidate),
                    Err(failure @ (Failure::BadConf { .. } | Failure::NoConf { .. })) => {
                        // One that cannot be read cannot for any kernel: say it once.
                        all.problems.push((module.clone(), failure));
                        break;
                    }
                    Err(failure) => return Err(failure),
                }
            }
        }
        Ok(all)
    }

    /// One module for one kernel.
    ///
    /// # Errors
    /// Its configuration or its sources cannot be read.
    pub fn candidate(&self, registered: &Registered, kernel: &Kernel) -> Result<Candidate, Failure> {
        let module = &registered.module;
        // What is there under another name of the same architecture is not built a second time.
        let built = registered.built_for(&kernel.release, &kernel.arch);
        let instance = built.map_or_else(
            || Instance { module: module.clone(), kernel: kernel.release.clone(), arch: kernel.arch.clone() },
            |built| built.instance.clone(),
        );
        let mut facts = self.facts(module, &self.conf_of(module), kernel, false)?;
        let is_binaries_only = registered.is_binaries_only();
        if is_binaries_only && built.is_none() {
            let why = "there are only binaries of it, and none for this kernel";
            facts.excluded.get_or_insert_with(|| why.into());
        }
        let key = match (&registered.source, &kernel.headers) {
            // Nobody will build it: its sources need not be read.
            (Source::Directory(source), Some(_)) if facts.excluded.is_none() && !is_binaries_only => {
                Some(self.build_key(module, source, &facts, kernel)?)
            }
            _ => None,
        };
        let prebuilt = self.prebuilts().of(kernel, &module.name);
        let state = match built {
            _ if prebuilt.is_some() => State::Prebuilt { is_built: built.is_some() },
            None => {
                let is_active =
                    |k: &KernelRelease| registered.built.iter().any(|b| b.active && b.instance.kernel == *k);
                let source = self.weak_source(&instance, &facts.directives, &is_active);
                source.map_or(State::Added, State::Weak)
            }
            Some(built) => {
                let compared = self.placement(built, &facts).compare();
                match (compared.built_missing, compared.different) {
                    (Some(name), _) => State::Incomplete(format!("{name}.ko is missing in the tree")),
                    _ if !built.active => State::Built,
                    (None, Some(file)) => State::Damaged(format!("{file} is missing or altered")),
                    (None, None) => State::Installed,
                }
            }
        };
        Ok(Candidate {
            autoinstall: facts.directives.autoinstall,
            depends: facts.directives.build_depends.clone(),
            excluded: facts.excluded,
            state,
            key,
            built_against: built
                .filter(|_| prebuilt.is_none())
                .map_or_else(Vec::new, |b| self.built_against(&b.instance, &facts.directives)),
            record: built.and_then(|b| self.unforced(module, self.read_record(&b.instance)?)),
            failure: self.failure(&instance).filter(|failure| !self.is_cured(failure)),
            headers: kernel.headers.is_some(),
            image: !kernel.is_staged,
            instance,
        })
    }
}

impl Survey<'_> {
    /// Whether a build failed for want of a program that is there by now.
    fn is_cured(&self, failure: &FailureRecord) -> bool {
        let missing = failure.diagnosis.as_ref().and_then(|diagnosis| diagnosis.missing.as_deref());
        missing.is_some_and(|program| (self.options.find_program)(program).is_some())
    }

    /// A refusal does not count any more once the module is among those to be forced.
    fn unforced(&self, module: &ModuleId, mut record: BuildSummary) -> Option<BuildSummary> {
        if record.refused.is_some() && self.forced(&module.name).version {
            record.refused = None;
        }
        Some(record)
    }
}

/// The highest added version of every name that has its source, or exactly those that are wanted. Where a lower version took
/// the place of a higher one, the source of the latter is gone.
fn chosen<'t>(tree: &'t Tree, wanted: &[ModuleId]) -> Vec<&'t Registered> {
    let names: BTreeSet<&str> = tree.modules.iter().map(|m| m.module.name.as_str()).collect();
    let explicit = |name: &str| wanted.iter().filter(|m| m.name == name).cloned().collect::<Vec<_>>();
    names
        .into_iter()
        .flat_map(|name| match explicit(name).as_slice() {
            [] => {
                let versions = tree.versions(name);
                let whole = versions.iter().rfind(|m| m.source != Source::Broken);
                whole.or(versions.last()).copied().into_iter().collect::<Vec<_>>()
            }
            modules => modules.iter().filter_map(|m| tree.find(m)).collect(),
        })
        .collect()
}
