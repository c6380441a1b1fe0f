//! Carries out a whole plan.

use super::build::BuildInput;
use super::install::{InstallInput, UninstallInput};
use super::pending;
use super::schedule::{self, Outcome};
use super::session::Session;
use crate::config::Toolchain;
use crate::install::{Compression, Placement};
use crate::inventory::{Kernel, Survey, Tree};
use crate::model::{Arch, BuildRecord, Failure, Instance, KernelRelease, Signature};
use crate::places::RECORD;
use crate::plan::{Action, Plan, Step};
use crate::report::Event;
use crate::sign::signature_of;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// A step with all that it needs; a failure to prepare is the step's failure.
enum Prepared {
    Build(Box<BuildInput>),
    Install(Box<InstallInput>),
    Uninstall(Box<UninstallInput>),
    Adopt(Box<BuildRecord>),
    Kernel,
}

/// What a run ended with.
#[derive(Debug, Default)]
pub struct Report {
    /// What was built.
    pub built: Vec<Instance>,
    /// What was installed.
    pub installed: Vec<Instance>,
    /// What made way for a package's modules.
    pub uninstalled: Vec<Instance>,
    /// What failed, one failure for each instance or kernel.
    pub failures: Vec<(Option<Instance>, Failure)>,
}

impl Report {
    /// The kernels whose modules have changed.
    pub fn changed(&self) -> BTreeSet<(KernelRelease, Arch)> {
        let all = self.installed.iter().chain(&self.uninstalled);
        all.map(|instance| (instance.kernel.clone(), instance.arch.clone())).collect()
    }
}

impl Session<'_> {
    /// Does what the plan says. Failures of single steps are in the report; the rest goes on.
    pub fn carry_out(&self, plan: &Plan, survey: &Survey<'_>, tree: &Tree, kernels: &[Kernel]) -> Report {
        let mut prepared = Vec::new();
        let mut report = Report::default();
        for step in &plan.steps {
            let mut result = prepare(&step.action, survey, tree, kernels);
            if let Ok(Prepared::Install(install)) = &mut result {
                install.compiler = built_before(step, &prepared);
            }
            prepared.push(result.map_err(|failure| {
                self.fail(&mut report, step.action.instance(), failure, Instant::now());
            }));
        }
        let builds = prepared.iter().filter(|p| matches!(p, Ok(Prepared::Build(_)))).count();
        self.sink.event(&Event::Planned { builds });
        let report = Mutex::new(report);
        // More threads than jobs, so that a build that waits for a token never keeps an installation waiting.
        let workers = self.environment.cpus * 2 + 2;
        schedule::run(plan, workers, &|index, before| {
            let (Some(step), Some(Ok(input))) = (plan.steps.get(index), prepared.get(index)) else {
                return Outcome::Failed;
            };
            let started = Instant::now();
            let stopped = before.contains(&Outcome::Failed);
            let result = match input {
                Prepared::Build(input) if stopped => Err(dependency_failure(input, plan, index)),
                // Its build has told why.
                Prepared::Install(_) if stopped => return Outcome::Failed,
                Prepared::Build(input) => self.build_step(input, &report),
                Prepared::Install(input) => self.install_step(input, &report),
                Prepared::Uninstall(input) => self.uninstall_step(input, &report),
                Prepared::Adopt(record) => self.adopt(step.action.instance(), record),
                // With nothing in place there is nothing to index, unless a run that was cut off has left something.
                Prepared::Kernel
                    if !before.is_empty()
                        && !before.contains(&Outcome::Done)
                        && !self.waits_for_depmod(&step.action) =>
                {
                    return Outcome::Failed;
                }
                Prepared::Kernel => match &step.action {
                    Action::Initramfs { kernel } => self.initramfs(kernel),
                    other => self.depmod(other.kernel()).inspect(|()| {
                        if before.contains(&Outcome::Done) {
                            self.load(other.kernel());
                        }
                    }),
                },
            };
            match result {
                Ok(()) => Outcome::Done,
                Err(failure) => {
                    let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
                    self.fail(&mut report, step.action.instance(), failure, started);
                    Outcome::Failed
                }
            }
        });
        let report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
        for instance in &report.built {
            self.close_build_dir(&instance.module);
        }
        report
    }

    fn waits_for_depmod(&self, action: &Action) -> bool {
        matches!(action, Action::Depmod { kernel, .. } if pending::kernels(self.places).contains(kernel))
    }

    fn fail(&self, report: &mut Report, instance: Option<&Instance>, failure: Failure, started: Instant) {
        if report.failures.iter().any(|(known, _)| known.is_some() && known.as_ref() == instance) {
            return;
        }
        match instance {
            Some(instance) => {
                self.sink.event(&Event::Failed { instance, failure: &failure, elapsed: started.elapsed() });
            }
            None => self.sink.event(&Event::Note { text: &failure.to_string() }),
        }
        report.failures.push((instance.cloned(), failure));
    }

    fn build_step(&self, input: &BuildInput, report: &Mutex<Report>) -> Result<(), Failure> {
        let instance = &input.instance;
        if self.take_cached(input)?.is_none() {
            let record = self.build(input)?;
            let files = input.directives.records.len() - input.excluded.len();
            self.sink.event(&Event::Built { instance, record: &record, files });
        }
        report.lock().unwrap_or_else(PoisonError::into_inner).built.push(instance.clone());
        Ok(())
    }

    fn install_step(&self, input: &InstallInput, report: &Mutex<Report>) -> Result<(), Failure> {
        self.install(input)?;
        report.lock().unwrap_or_else(PoisonError::into_inner).installed.push(input.instance.clone());
        Ok(())
    }

    fn uninstall_step(&self, input: &UninstallInput, report: &Mutex<Report>) -> Result<(), Failure> {
        let UninstallInput { instance, directives, excluded, package } = input;
        self.uninstall(instance, directives, excluded, Some(package))?;
        report.lock().unwrap_or_else(PoisonError::into_inner).uninstalled.push(instance.clone());
        Ok(())
    }

    fn adopt(&self, instance: Option<&Instance>, record: &BuildRecord) -> Result<(), Failure> {
        if let Some(instance) = instance {
            let records = record.directives.records_but(&[]);
            let destination = self.settings.destination.as_deref();
            Placement::new(self.places, instance, &records, destination).align_times()?;
            let text = serde_json::to_vec_pretty(record).map_err(std::io::Error::from)?;
            let place = self.places.instance_dir(instance).join(RECORD);
            crate::install::files::write_atomically(&place, &text, 0o644, None)?;
        }
        Ok(())
    }
}

/// The compiler of the build that an installation waits for.
fn built_before(step: &Step, prepared: &[Result<Prepared, ()>]) -> Option<Toolchain> {
    step.after.iter().find_map(|index| match prepared.get(*index) {
        Some(Ok(Prepared::Build(input))) => Some(input.toolchain.clone()),
        _ => None,
    })
}

fn prepare(
    action: &Action,
    survey: &Survey<'_>,
    tree: &Tree,
    kernels: &[Kernel],
) -> Result<Prepared, Failure> {
    let by_release: BTreeMap<_, _> = kernels.iter().map(|k| (&k.release, k)).collect();
    let kernel = |instance: &Instance| {
        by_release.get(&instance.kernel).copied().ok_or_else(|| Failure::NoKernel {
            kernel: instance.kernel.clone(),
            path: survey.places.install_tree.join(instance.kernel.as_str()),
        })
    };
    Ok(match action {
        Action::Build { instance } => {
            Prepared::Build(Box::new(BuildInput::prepare(survey, tree, instance, kernel(instance)?)?))
        }
        Action::Install { instance, force } => Prepared::Install(Box::new(InstallInput::prepare(
            survey,
            tree,
            instance,
            kernel(instance)?,
            *force,
        )?)),
        Action::Uninstall { instance, package } => {
            let (directives, excluded) = survey.directives_then(instance, kernel(instance)?);
            let (instance, package) = (instance.clone(), package.clone());
            Prepared::Uninstall(Box::new(UninstallInput { instance, directives, excluded, package }))
        }
        Action::Adopt { instance } => {
            let input = BuildInput::prepare(survey, tree, instance, kernel(instance)?)?;
            Prepared::Adopt(Box::new(BuildRecord {
                version: 1,
                adopted: true,
                directives: input.built_directives(),
                key: input.key,
                conf: input.conf,
                isolation: None,
                signature: signer(survey, tree, instance),
                milliseconds: 0,
                refused: None,
            }))
        }
        Action::Depmod { .. } | Action::Initramfs { .. } => Prepared::Kernel,
    })
}

/// Who signed what another program built.
fn signer(survey: &Survey<'_>, tree: &Tree, instance: &Instance) -> Option<Signature> {
    let file = tree.built(instance)?.modules().next()?;
    let data = std::fs::read(survey.places.instance_dir(instance).join("module").join(file)).ok()?;
    let plain = Compression::of_file(file).decompress(&data).ok()?;
    Some(match signature_of(&plain) {
        Some(signature) => Signature::Signer(signature.signer),
        None => Signature::Unsigned("as it was found".into()),
    })
}

fn dependency_failure(input: &BuildInput, plan: &Plan, index: usize) -> Failure {
    let names = plan.steps.get(index).map(|step| step.after.as_slice()).unwrap_or_default();
    let dependency =
        names.iter().find_map(|i| plan.steps.get(*i)?.action.instance()).map(|i| i.module.name.clone());
    Failure::DependencyFailed {
        module: input.instance.module.clone(),
        kernel: input.instance.kernel.clone(),
        dependency: dependency.unwrap_or_default(),
    }
}
