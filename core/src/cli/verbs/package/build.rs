//! Takes stock in the view, plans as `sync` does and builds everything at once: one job server, and one failure stops nobody.

use super::kept::Kept;
use super::keys::Keys;
use super::output::Output;
use super::stage::Staged;
use super::targets::Target;
use super::{log_name, lost, won};
use crate::cli::context::Context;
use crate::config::Toolchain;
use crate::exec::{Environment, Session, Settings, owner};
use crate::inventory::{Candidate, Kernel, Survey, SurveyOptions};
use crate::model::{BuildRecord, Failure, Instance};
use crate::places::Places;
use crate::plan::{Action, Found, Note, Plan, Request as PlanRequest, plan};
use crate::report::matrix::{Cell, Outcome};
use crate::report::{Event, Sink, failure_text};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// One module that was built for a kernel.
#[derive(Debug)]
pub(super) struct Built {
    pub instance: Instance,
    pub record: BuildRecord,
    /// `T/M/V/K/A/module`.
    pub dir: PathBuf,
    /// Digest of the sources.
    pub source_sha256: String,
    /// The first line that the compiler says of itself.
    pub compiler: String,
    /// What it was built against: names and versions.
    pub needs: Vec<(String, String)>,
}

/// What was done.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// By module and kernel.
    pub cells: Vec<Cell>,
    pub built: Vec<Built>,
    /// Logs by the module and kernel of their cell.
    pub logs: Vec<((String, String), Vec<u8>)>,
}

/// Builds.
///
/// # Errors
/// The state cannot be read or written; what is wrong with a module or a kernel is in its cell.
pub(super) fn build(
    context: &Context,
    staged: &Staged,
    targets: &[Target],
    keys: &Keys,
    output: &Output,
    kept: Option<&Kept>,
) -> Result<Work, Failure> {
    // In its own user namespace everybody is root.
    let environment = Environment { is_root: true, ..context.environment.clone() };
    let settings = Settings {
        signing: keys.signing(),
        hidden: keys.hidden(),
        log_only: true,
        dates: targets.iter().map(|target| (target.release.clone(), target.date)).collect(),
        ..context.settings.clone()
    };
    let finder = |name: &str| environment.program(name);
    // make's jobs come from the job server; a configuration that names their number must not yield another build key for it.
    let options = SurveyOptions { jobs: 1, dates: settings.dates.clone(), ..context.survey_options(&finder) };
    // This machine's own may come from just such a package.
    let survey = Survey::new(&staged.places, &context.shell, options).without_prebuilts();
    let tree = crate::inventory::Tree::read(&staged.places)?;
    let (broken, whole): (Vec<&Target>, Vec<&Target>) =
        targets.iter().partition(|target| target.broken.is_some());
    let kernels: Vec<Kernel> = whole.iter().map(|target| target.kernel.clone()).collect();
    let candidates = survey.candidates(&tree, &kernels, &staged.modules)?;
    if let Some(kept) = kept {
        kept.prepare(&staged.places, &candidates.found)?;
    }
    let request = PlanRequest { modules: staged.modules.clone(), ..PlanRequest::default() };
    let found = Found { candidates: &candidates.found, ..Found::default() };
    let plan = plan(found, Vec::new(), &request);

    let places = &staged.places;
    let told = Watch { inner: &*context.sink, output, kept, places, times: Mutex::default() };
    let session = Session::new(places, &environment, &settings, &told)?;
    let report = session.carry_out(&plan, &survey, &tree, &kernels);

    let mut work = Work::default();
    for (text, why) in &staged.broken {
        work.cells.push(lost(text, None, Outcome::Failed, why.clone()));
    }
    for (module, failure) in &candidates.problems {
        work.cells.push(lost(&module.to_string(), None, Outcome::Failed, failure_text(failure)));
    }
    let unusable: BTreeSet<_> = candidates.problems.iter().map(|(module, _)| module).collect();
    for target in broken {
        let why = target.broken.clone().unwrap_or_default();
        for module in staged.modules.iter().filter(|module| !unusable.contains(module)) {
            work.cells.push(lost(
                &module.to_string(),
                Some(target.release.to_string()),
                Outcome::Failed,
                why.clone(),
            ));
        }
    }
    let mut compilers = BTreeMap::new();
    for candidate in &candidates.found {
        let instance = &candidate.instance;
        let (module, kernel) = (instance.module.to_string(), instance.kernel.to_string());
        let failure = report.failures.iter().find(|(of, _)| of.as_ref() == Some(instance));
        let dir = staged.places.instance_dir(instance);
        let (cell, log) = match (failure, survey.record(instance)) {
            (Some((_, failure)), _) => {
                let cell = lost(&module, Some(kernel.clone()), Outcome::Failed, failure.reason());
                let milliseconds = told.time(instance);
                (Cell { milliseconds, ..cell }, staged.places.failure_log(instance))
            }
            (None, Some(record)) => {
                let cell = won(&module, kernel.clone(), record.signature.clone(), record.milliseconds);
                let compiler = kernels
                    .iter()
                    .find(|kernel| kernel.release == instance.kernel)
                    .map(|kernel| compiler_of(&survey.toolchain(kernel)))
                    .unwrap_or_default();
                let said = compilers.entry(compiler).or_insert_with_key(|name: &String| {
                    owner::version_line(&environment, name).unwrap_or_default()
                });
                work.built.push(Built {
                    source_sha256: survey.source_digest(&source_of(&tree, instance)?)?,
                    compiler: said.clone(),
                    needs: needs(&record, &tree),
                    instance: instance.clone(),
                    record,
                    dir: dir.join("module"),
                });
                (cell, dir.join("log/make.log"))
            }
            (None, None) => (unplanned(candidate, &plan), PathBuf::new()),
        };
        if let Ok(text) = std::fs::read(log) {
            work.logs.push(((module, kernel), text));
        }
        work.cells.push(cell);
    }
    let order = |kernel: &Option<String>| {
        let at = |target: &Target| Some(target.release.as_str()) == kernel.as_deref();
        targets.iter().position(at)
    };
    work.cells.sort_by(|a, b| a.module.cmp(&b.module).then_with(|| order(&a.kernel).cmp(&order(&b.kernel))));
    Ok(work)
}

fn compiler_of(toolchain: &Toolchain) -> String {
    toolchain.cc.clone().unwrap_or_else(|| "gcc".into())
}

fn source_of(tree: &crate::inventory::Tree, instance: &Instance) -> Result<PathBuf, Failure> {
    match tree.find(&instance.module).map(|registered| &registered.source) {
        Some(crate::inventory::Source::Directory(dir)) => Ok(dir.clone()),
        _ => Err(Failure::Broken { module: instance.module.clone() }),
    }
}

fn needs(record: &BuildRecord, tree: &crate::inventory::Tree) -> Vec<(String, String)> {
    let names = record.directives.build_depends.iter();
    names.filter_map(|name| Some((name.clone(), tree.versions(name).pop()?.module.version.clone()))).collect()
}

/// The cell of what the plan left out.
fn unplanned(candidate: &Candidate, plan: &Plan) -> Cell {
    let instance = &candidate.instance;
    let cell =
        |outcome, why| lost(&instance.module.to_string(), Some(instance.kernel.to_string()), outcome, why);
    let missing = plan.notes.iter().find_map(|note| match note {
        Note::Blocked { instance: of, missing } | Note::Deferred { instance: of, missing }
            if of == instance =>
        {
            Some(missing.join(", "))
        }
        _ => None,
    });
    match (&candidate.excluded, missing) {
        (Some(why), _) => cell(Outcome::Excluded, why.clone()),
        (None, Some(missing)) => {
            cell(Outcome::Failed, format!("it is built upon {missing}, which is to be named, too"))
        }
        (None, None) if candidate.key.is_none() => cell(Outcome::Failed, "the kernel has no headers".into()),
        (None, None) => {
            debug_assert!(
                !plan
                    .steps
                    .iter()
                    .any(|step| matches!(&step.action, Action::Build { instance: of } if of == instance))
            );
            cell(Outcome::Failed, "it was not built".into())
        }
    }
}

/// Passes events on, with logs where they will be found, and keeps what was built and how long failures took.
struct Watch<'a> {
    inner: &'a dyn Sink,
    output: &'a Output,
    kept: Option<&'a Kept>,
    places: &'a Places,
    times: Mutex<BTreeMap<Instance, u64>>,
}

impl Watch<'_> {
    /// In milliseconds.
    fn time(&self, instance: &Instance) -> u64 {
        let times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.get(instance).copied().unwrap_or_default()
    }
}

impl Sink for Watch<'_> {
    fn event(&self, event: &Event<'_>) {
        if let (Event::Built { instance, .. } | Event::Reused { instance, .. }, Some(kept)) =
            (event, self.kept)
        {
            kept.keep(self.inner, self.places, instance);
        }
        let Event::Failed { instance, failure, elapsed } = event else { return self.inner.event(event) };
        let milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        self.times.lock().unwrap_or_else(PoisonError::into_inner).insert((*instance).clone(), milliseconds);
        let log = log_name(&instance.module.to_string(), instance.kernel.as_str());
        let moved = failure.with_log(self.output.shown(&log));
        self.inner.event(&Event::Failed {
            instance,
            failure: moved.as_ref().unwrap_or(failure),
            elapsed: *elapsed,
        });
    }
}
