//! `status`: what is there.

use crate::cli::context::Context;
use crate::inventory::{Built, Candidate, Facts, Kernel, Registered, Source, State, Survey, Tree};
use crate::model::{Arch, Failure, Instance, KernelRelease, ModuleId, Prebuilt};
use crate::pattern::glob;
use crate::report::failure_text;
use crate::report::status::{Flags, Line, Report, Served, Stage, dkms_line};

/// Which lines are wanted: shell patterns, as DKMS takes them.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// M.
    pub module: Option<String>,
    /// V.
    pub version: Option<String>,
    /// K, with A where given.
    pub kernels: Vec<(String, Option<String>)>,
    /// A.
    pub arch: Option<String>,
}

impl Filter {
    fn module(&self, module: &ModuleId) -> bool {
        let fits = |pattern: &Option<String>, text: &str| pattern.as_ref().is_none_or(|p| glob(p, text));
        fits(&self.module, &module.name) && fits(&self.version, &module.version)
    }

    fn instance(&self, instance: &Instance) -> bool {
        let arch = |wanted: &Option<String>| wanted.as_ref().is_none_or(|a| glob(a, instance.arch.as_str()));
        let kernel = |k: &str| glob(k, instance.kernel.as_str());
        arch(&self.arch)
            && (self.kernels.is_empty() || self.kernels.iter().any(|(k, a)| kernel(k) && arch(a)))
    }
}

/// What DKMS prints: lines for standard output and complaints for standard error.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct DkmsStatus {
    /// The lines.
    pub lines: Vec<String>,
    /// The complaints.
    pub complaints: Vec<String>,
}

/// DKMS's lines. A `-k` filter does not hide modules that are not built for it: they are shown as added (contract 1.4).
///
/// # Errors
/// The tree cannot be read.
pub fn dkms_status(context: &Context, filter: &Filter) -> Result<DkmsStatus, Failure> {
    let tree = context.tree()?;
    let finder = context.finder();
    let survey = context.survey(&finder);
    let mut result = DkmsStatus::default();
    for registered in tree.modules.iter().filter(|m| filter.module(&m.module)) {
        let module = &registered.module;
        match registered.source {
            Source::Absent => continue,
            Source::Broken => {
                result.lines.push(format!("{module}: broken"));
                result.complaints.push(format!(
                    "\nError! {module}: Missing the module source directory or the symbolic link pointing to it.\n\
                     Manual intervention is required!"
                ));
                continue;
            }
            Source::Directory(_) => {}
        }
        let before = result.lines.len();
        for built in registered.built.iter().filter(|b| filter.instance(&b.instance)) {
            let flags = flags(&survey, &tree, built);
            result.lines.push(dkms_line(&built.instance, built.active, flags));
        }
        result.lines.extend(weak_lines(context, &survey, registered, filter)?);
        if result.lines.len() == before {
            result.lines.push(format!("{module}: added"));
        }
    }
    Ok(result)
}

/// DKMS's lines for kernels that a module serves by links from another one.
fn weak_lines(
    context: &Context,
    survey: &Survey<'_>,
    registered: &Registered,
    filter: &Filter,
) -> Result<Vec<String>, Failure> {
    let mut lines = Vec::new();
    if !survey.options.weak_modules {
        return Ok(lines);
    }
    let module = &registered.module;
    for kernel in context.kernels()? {
        let instance =
            Instance { module: module.clone(), kernel: kernel.release.clone(), arch: kernel.arch.clone() };
        if !filter.instance(&instance) || registered.built.iter().any(|b| b.instance == instance) {
            continue;
        }
        let Ok(facts) = survey.facts(module, &survey.conf_of(module), &kernel, false) else { break };
        let is_active =
            |k: &KernelRelease| registered.built.iter().any(|b| b.active && b.instance.kernel == *k);
        if let Some(from) = survey.weak_source(&instance, &facts.directives, &is_active) {
            let Instance { module, kernel, arch } = &instance;
            let ModuleId { name, version } = module;
            lines.push(format!("{name}, {version}, {kernel}, {arch}: installed-weak from {from}"));
        }
    }
    Ok(lines)
}

fn flags(survey: &Survey<'_>, tree: &Tree, built: &Built) -> Flags {
    let Built { instance, active, .. } = built;
    let key = (instance.module.name.clone(), instance.kernel.clone(), instance.arch.clone());
    let originals = tree.originals.contains(&key);
    let kernel = Kernel {
        release: instance.kernel.clone(),
        arch: instance.arch.clone(),
        headers: None,
        has_image: true,
        is_staged: false,
    };
    let facts = match survey.record(instance) {
        Some(record) => Facts {
            directives: record.directives,
            warnings: Vec::new(),
            excluded_records: Vec::new(),
            excluded: None,
            conf: String::new(),
        },
        None => match survey.facts(&instance.module, &survey.conf_of(&instance.module), &kernel, false) {
            Ok(facts) => facts,
            Err(_) => return Flags { originals, ..Flags::default() },
        },
    };
    let compared = survey.placement(built, &facts).compare();
    Flags {
        originals,
        built_missing: compared.built_missing.is_some(),
        different: *active && (compared.different.is_some() || compared.left_out.is_some()),
    }
}

/// evermod's own view: every module that is wanted for every kernel, with what keeps it from being there.
///
/// # Errors
/// Something cannot be read.
pub fn report(context: &Context, filter: &Filter) -> Result<Report, Failure> {
    let tree = context.tree()?;
    let finder = context.finder();
    let survey = context.survey(&finder);
    let kernels = context.kernels()?;
    let mut instances = Vec::new();
    for registered in tree.modules.iter().filter(|m| m.source != Source::Absent && filter.module(&m.module)) {
        let module = &registered.module;
        if registered.source == Source::Broken {
            instances.push(bare(module, Stage::Broken, Some("its source directory is missing".into())));
            continue;
        }
        let newest = tree.versions(&module.name).last().is_some_and(|last| last.module == *module);
        let before = instances.len();
        for kernel in all_kernels(context, &kernels, registered)? {
            let instance = Instance {
                module: module.clone(),
                kernel: kernel.release.clone(),
                arch: kernel.arch.clone(),
            };
            let there = registered.built_for(&kernel.release, &kernel.arch);
            // Shown under the name that it has in the tree.
            let instance = there.map_or(instance, |built| built.instance.clone());
            let built = there.is_some();
            let is_possible = built || newest && (kernel.headers.is_some() || kernel.has_image);
            if !is_possible || !filter.instance(&instance) {
                continue;
            }
            match survey.candidate(registered, &kernel) {
                Ok(candidate) if matches!(candidate.state, State::Prebuilt { .. }) && newest => {
                    let prebuilt = survey.prebuilts().of(&kernel, &module.name);
                    instances.extend(prebuilt.map(|prebuilt| served(&tree, &candidate.instance, prebuilt)));
                }
                Ok(candidate) if built || candidate.autoinstall || candidate.failure.is_some() => {
                    instances.push(line(context, &survey, &candidate));
                }
                Ok(_) => {}
                Err(failure) => {
                    let problem = match &failure {
                        Failure::BadConf { findings, .. } => findings.join("; "),
                        other => failure_text(other),
                    };
                    instances.push(bare(module, Stage::Broken, Some(problem)));
                    break;
                }
            }
        }
        if instances.len() == before && filter.kernels.is_empty() {
            instances.push(bare(module, Stage::Added, None));
        }
    }
    instances.extend(unregistered(&survey, &tree, &kernels, filter, &instances));
    // Stable: what is registered comes first, as it is in the tree.
    instances.sort_by(|a, b| a.module.name.cmp(&b.module.name));
    Ok(Report { version: 1, instances })
}

/// Prebuilts of which nothing is told yet: their sources are not registered, or of no use.
fn unregistered(
    survey: &Survey<'_>,
    tree: &Tree,
    kernels: &[Kernel],
    filter: &Filter,
    told: &[Line],
) -> Vec<Line> {
    let mut lines = Vec::new();
    let is_told = |instance: &Instance| {
        let is_it = |line: &&Line| line.module.name == instance.module.name;
        told.iter().filter(is_it).any(|line| line.kernel.as_deref() == Some(instance.kernel.as_str()))
    };
    let instance =
        |p: &Prebuilt| Instance { module: p.module.clone(), kernel: p.kernel.clone(), arch: p.arch.clone() };
    for kernel in kernels {
        let serves = |p: &&Prebuilt| survey.prebuilts().of(kernel, &p.module.name) == Some(*p);
        let whole = survey.prebuilts().whole.iter().filter(serves);
        lines.extend(whole.map(|prebuilt| served(tree, &instance(prebuilt), prebuilt)));
        let faulty = survey.prebuilts().faulty.iter().filter_map(|f| Some((f.prebuilt.as_ref()?, &f.why)));
        lines.extend(faulty.filter(|(prebuilt, _)| prebuilt.kernel == kernel.release).map(
            |(prebuilt, why)| {
                let line = served(tree, &instance(prebuilt), prebuilt);
                Line { stage: Stage::Broken, problem: Some(why.clone()), ..line }
            },
        ));
    }
    lines.retain(|line| {
        let (Some(kernel), Some(arch)) = (&line.kernel, &line.arch) else { return false };
        let (Ok(kernel), Ok(arch)) = (KernelRelease::new(kernel), Arch::new(arch)) else { return false };
        let instance = Instance { module: line.module.clone(), kernel, arch };
        filter.module(&line.module) && filter.instance(&instance) && !is_told(&instance)
    });
    lines
}

/// A module that a package brought for a kernel.
fn served(tree: &Tree, instance: &Instance, prebuilt: &Prebuilt) -> Line {
    let key = (instance.module.name.clone(), instance.kernel.clone(), instance.arch.clone());
    let before = tree.active.get(&key);
    Line {
        kernel: Some(instance.kernel.to_string()),
        arch: Some(instance.arch.to_string()),
        prebuilt: Some(Served::from(prebuilt)),
        ..bare(
            &instance.module,
            Stage::Prebuilt,
            before.map(|version| format!("{version}, built here, makes way for it with the next sync")),
        )
    }
}

/// The root's kernels, and those that are gone but still have something built for them.
fn all_kernels(
    context: &Context,
    kernels: &[Kernel],
    registered: &Registered,
) -> Result<Vec<Kernel>, Failure> {
    let mut all = kernels.to_vec();
    for built in &registered.built {
        let is_shown = |k: &Kernel| {
            registered.built_for(&k.release, &k.arch).is_some_and(|shown| shown.instance == built.instance)
        };
        if !all.iter().any(is_shown) {
            all.push(context.kernel(built.instance.kernel.as_str(), Some(built.instance.arch.as_str()))?);
        }
    }
    all.sort_by(|a, b| a.release.cmp(&b.release));
    Ok(all)
}

fn bare(module: &ModuleId, stage: Stage, problem: Option<String>) -> Line {
    Line {
        module: module.clone(),
        kernel: None,
        arch: None,
        stage,
        stale: false,
        problem,
        signature: None,
        isolation: None,
        diagnosis: None,
        log: None,
        prebuilt: None,
    }
}

fn line(context: &Context, survey: &Survey<'_>, candidate: &Candidate) -> Line {
    let instance = &candidate.instance;
    let failure = candidate.failure.as_ref().filter(|f| Some(&f.key) == candidate.key.as_ref());
    let (stage, problem) = match &candidate.state {
        State::Installed => (Stage::Installed, None),
        State::Damaged(what) => (Stage::Installed, Some(what.clone())),
        State::Weak(from) => (Stage::Installed, Some(format!("by a link to the modules of {from}"))),
        State::Incomplete(what) => (Stage::Built, Some(what.clone())),
        // An older version: of the newest one the package is told.
        State::Prebuilt { .. } => (Stage::Built, None),
        State::Built => (Stage::Built, candidate.record.as_ref().and_then(|r| r.refused.clone())),
        State::Added => match (&candidate.excluded, failure) {
            (Some(why), _) => (Stage::Excluded, Some(why.clone())),
            (None, Some(failure)) => {
                (Stage::Failed, failure.diagnosis.is_none().then(|| failure.message.clone()))
            }
            (None, None) if !candidate.headers => {
                (Stage::NoHeaders, Some(survey.header_hint(&instance.kernel).to_string()))
            }
            (None, None) => (Stage::Missing, None),
        },
    };
    let record = candidate.record.as_ref();
    let log = failure.map(|f| f.log.clone()).or_else(|| {
        let place = context.places.instance_dir(instance).join("log/make.log");
        place.is_file().then(|| context.places.root.inside(&place))
    });
    Line {
        module: instance.module.clone(),
        kernel: Some(instance.kernel.to_string()),
        arch: Some(instance.arch.to_string()),
        stage,
        stale: candidate.is_stale(),
        problem,
        signature: record.and_then(|r| r.signature.clone()),
        isolation: record.and_then(|r| r.isolation.clone()),
        diagnosis: failure.and_then(|f| f.diagnosis.clone()),
        log,
        prebuilt: None,
    }
}
