//! `preflight`: what a transaction will leave behind, found out before anything is changed. What must not be missing is
//! built now, against headers that only lie in package files.

use super::sync::clean;
use super::{add, foreseen};
use crate::cache;
use crate::cli::context::Context;
use crate::config::BuiltBefore;
use crate::exec::{Session, Settings, Stage, lock};
use crate::install::files::link_atomically;
use crate::inventory::{Candidate, Incoming, Kernel, State, Survey, Tree};
use crate::model::{Failure, Instance, ModuleId, Transaction};
use crate::plan::{Action, Evidence, Failed, Forecast, Found, Plan, Request, forecast, plan};
use crate::report::{Event, Sink, failure_text};
use evermod_packaging::read::PackageFile;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::SystemTime;

/// Exit code of a veto, which adapters turn into what stops their manager; any other lets it go on.
pub const VETO: u8 = 100;

/// Judges a transaction. Nothing of the machine changes but evermod's own cache and memory of failures.
///
/// # Errors
/// The state cannot be read. What only keeps a module from being judged is in the forecast.
pub fn preflight(context: &Context, transaction: &Transaction) -> Result<Forecast, Failure> {
    if context.is_autoinstall_off() {
        return Ok(judge(context, &Incoming::default(), &Work::default()));
    }
    let tree = context.tree()?;
    let names: Vec<&str> = tree.modules.iter().map(|m| m.module.name.as_str()).collect();
    let paths = |file: &Path| -> Result<Vec<String>, String> {
        PackageFile::open(file).and_then(|package| package.paths()).map_err(|error| error.to_string())
    };
    let mut incoming = Incoming::of(transaction, &names, &paths);
    depart(context, &mut incoming, transaction);
    if incoming.is_empty() {
        return Ok(judge(context, &incoming, &Work::default()));
    }
    if !is_anything_built(context, &tree, &incoming) {
        let work = look(context, tree, &incoming)?;
        return Ok(judge(context, &incoming, &work));
    }
    context.require_root("preflight")?;
    let who = format!("preflight for {}", transaction.manager);
    let lock = lock::take(&context.places, who.trim_end_matches(" for "), &*context.sink)?;
    if lock.is_after_cut_off() {
        clean(context)?;
        lock.cleaned();
    }
    // Asked before the view is entered: it has other inodes.
    let question = foreseen::question(context, transaction, &incoming, &tree);
    if let Some(forecast) = question.as_deref().and_then(|question| foreseen::recall(context, question)) {
        return Ok(forecast);
    }
    cache::sweep(&context.places, SystemTime::now())?;
    context.session()?.prepare_key();
    let shown = Stage::new(&context.places, context.environment.memory).and_then(|mut stage| {
        unpack(&mut incoming, &stage.files());
        stage.show(&context.places).map(|()| stage)
    });
    if let Err(failure) = &shown {
        incoming.unread.push(format!("Nothing can be built before the transaction: {failure}"));
        let work = look(context, tree, &incoming)?;
        return Ok(judge(context, &incoming, &work));
    }
    let work = build(context, &mut incoming)?;
    let forecast = judge(context, &incoming, &work);
    let ready = work.candidates.iter().filter(|c| work.ready.contains(&c.instance));
    foreseen::keep(context, question, &forecast, ready.filter_map(|c| c.key.clone()).collect());
    Ok(forecast)
}

/// What the names of the packages tell of kernels that arrive, in milliseconds: nothing is opened, built or locked.
///
/// # Errors
/// The state cannot be read.
pub fn glance(context: &Context, transaction: &Transaction) -> Result<Forecast, Failure> {
    let by_names = |modules: &[&str]| Incoming::of(transaction, modules, &|_| Ok(Vec::new()));
    // Most transactions bring no kernel and take nothing away; for those, nothing is read.
    let is_idle = transaction.goes.is_empty() && by_names(&[]).images.is_empty();
    if context.is_autoinstall_off() || is_idle {
        return Ok(judge(context, &Incoming::default(), &Work::default()));
    }
    let mut tree = context.tree()?;
    let names: Vec<&str> = tree.modules.iter().map(|m| m.module.name.as_str()).collect();
    let mut incoming = by_names(&names);
    depart(context, &mut incoming, transaction);
    if incoming.images.is_empty() && incoming.departing.is_empty() {
        return Ok(judge(context, &Incoming::default(), &Work::default()));
    }
    // Of modules that come or go themselves, names tell nothing.
    let arrives = transaction.arrives.iter().map(|arrival| &arrival.package);
    let goes = transaction.goes.iter().map(|departure| &departure.package);
    let is_source = |package: &&String| {
        !package.starts_with("linux-") && !package.starts_with("kmod-") && !package.contains("-modules-")
    };
    let changes: Vec<_> = arrives.chain(goes).filter(is_source).collect();
    tree.modules.retain(|registered| !changes.iter().any(|name| name.contains(&registered.module.name)));
    let work = look(context, tree, &incoming)?;
    Ok(judge(context, &incoming, &work))
}

/// Notes the prebuilts whose packages go: they need not be looked for where nothing does.
fn depart(context: &Context, incoming: &mut Incoming, transaction: &Transaction) {
    if !transaction.goes.is_empty() {
        let finder = context.finder();
        incoming.depart(transaction, &context.survey(&finder).prebuilts().whole);
    }
}

/// Unpacks what builds need of the packages that arrive.
fn unpack(incoming: &mut Incoming, to: &Path) {
    let needed: fn(&str) -> bool = Incoming::is_needed;
    let files = incoming.files.iter().map(|file| (file, needed));
    let tools = incoming.tools.iter().map(|file| (file, Incoming::is_tool as fn(&str) -> bool));
    for (file, wanted) in files.chain(tools) {
        if let Err(error) = PackageFile::open(file).and_then(|package| package.unpack(to, &wanted)) {
            incoming.unread.push(error.to_string());
        }
    }
}

/// What was looked at and done.
#[derive(Default)]
struct Work {
    candidates: Vec<Candidate>,
    plan: Plan,
    ready: BTreeSet<Instance>,
    failed: Vec<Failed>,
}

fn judge(context: &Context, incoming: &Incoming, work: &Work) -> Forecast {
    let finder = context.finder();
    let survey = context.survey(&finder);
    let mut forecast = forecast(&Evidence {
        incoming,
        candidates: &work.candidates,
        plan: &work.plan,
        ready: &work.ready,
        failed: &work.failed,
        is_built_now: &|name| context.preflight.builds(context.policy.importance(name)),
        importance: &|name| context.policy.importance(name),
        header_hint: &|kernel| survey.header_hint(kernel).sentence(),
    });
    forecast.veto &= context.preflight.veto;
    forecast
}

/// Whether the settings and what arrives leave anything to be built now.
fn is_anything_built(context: &Context, tree: &Tree, incoming: &Incoming) -> bool {
    let brings = !incoming.files.is_empty() || !incoming.departing.is_empty();
    let is_possible = context.places.root.is_host() && brings;
    if context.preflight.build == BuiltBefore::Nothing || !is_possible {
        return false;
    }
    let builds = |name: &str| context.preflight.builds(context.policy.importance(name));
    // Where a name ends and a version begins is only known when the configuration is read.
    let may_build =
        |dir: &String| dir.match_indices('-').any(|(at, _)| dir.get(..at).is_some_and(builds)) || builds(dir);
    let brings_kernels = !incoming.images.is_empty() || !incoming.headers.is_empty();
    brings_kernels && tree.modules.iter().any(|m| builds(&m.module.name))
        || incoming.sources.iter().any(may_build)
        || incoming.departing.iter().any(|(_, name)| builds(name))
}

/// The kernels in question as they are known without unpacking anything.
fn kernels_by_name(context: &Context, incoming: &Incoming) -> Result<Vec<Kernel>, Failure> {
    incoming
        .images
        .iter()
        .map(|release| Ok(Kernel { is_staged: true, ..context.kernel(release.as_str(), None)? }))
        .collect()
}

/// Only what the modules themselves say of the kernels' names.
fn look(context: &Context, mut tree: Tree, incoming: &Incoming) -> Result<Work, Failure> {
    leave_out(&mut tree, incoming);
    let finder = context.finder();
    let mut survey = context.survey(&finder);
    survey.options.departing = incoming.departing.clone();
    let mut candidates = survey.candidates(&tree, &kernels_by_name(context, incoming)?, &[])?.found;
    candidates.extend(left_alone(context, &survey, &tree, incoming)?.0);
    serve(&mut candidates, incoming);
    Ok(Work { candidates, ..Work::default() })
}

/// What packages bring in the transaction need not be built.
fn serve(candidates: &mut [Candidate], incoming: &Incoming) {
    for candidate in candidates {
        let Instance { module, kernel, .. } = &candidate.instance;
        if incoming.prebuilts.iter().any(|(k, name)| k == kernel && *name == module.name) {
            let is_built = !matches!(candidate.state, State::Added | State::Weak(_));
            candidate.state = State::Prebuilt { is_built };
        }
    }
}

/// Modules whose prebuilts go, for their kernels, and these.
fn left_alone(
    context: &Context,
    survey: &Survey<'_>,
    tree: &Tree,
    incoming: &Incoming,
) -> Result<(Vec<Candidate>, Vec<Kernel>), Failure> {
    let (mut candidates, mut kernels) = (Vec::new(), Vec::new());
    for (release, name) in &incoming.departing {
        if incoming.images.contains(release) || incoming.headers.contains(release) {
            // Looked at anyway.
            continue;
        }
        let kernel = Kernel { is_staged: true, ..context.kernel(release.as_str(), None)? };
        let mut only = tree.clone();
        only.modules.retain(|registered| registered.module.name == *name);
        candidates.extend(survey.candidates(&only, std::slice::from_ref(&kernel), &[])?.found);
        if !kernels.contains(&kernel) {
            kernels.push(kernel);
        }
    }
    Ok((candidates, kernels))
}

/// Modules whose sources go need not be there for what comes.
fn leave_out(tree: &mut Tree, incoming: &Incoming) {
    tree.modules.retain(|registered| {
        let ModuleId { name, version } = &registered.module;
        !incoming.gone.contains(&format!("{name}-{version}"))
    });
}

/// Inside the view of what will be: registers what arrives, plans as `sync` does, and builds what is to be built now.
fn build(context: &Context, incoming: &mut Incoming) -> Result<Work, Failure> {
    let arriving = register(context, incoming);
    let mut tree = context.tree()?;
    leave_out(&mut tree, incoming);
    // Of a module that arrives, no other version is in question.
    tree.modules.retain(|registered| {
        arriving.iter().all(|new| new.name != registered.module.name || *new == registered.module)
    });
    let finder = context.finder();
    let mut survey = context.survey(&finder);
    survey.options.departing = incoming.departing.clone();
    let mut kernels = context.kernels()?;
    kernels.retain(|kernel| !incoming.leaving.contains(&kernel.release));
    for release in &incoming.images {
        if !kernels.iter().any(|kernel| kernel.release == *release) {
            kernels.push(context.kernel(release.as_str(), None)?);
        }
    }
    kernels.iter_mut().for_each(|kernel| kernel.is_staged = true);
    let comes = |kernel: &Kernel| {
        incoming.images.contains(&kernel.release) || incoming.headers.contains(&kernel.release)
    };
    let (new, old): (Vec<Kernel>, Vec<Kernel>) = kernels.into_iter().partition(comes);
    let mut candidates = survey.candidates(&tree, &new, &[])?.found;
    if !arriving.is_empty() {
        let mut only_new = tree.clone();
        only_new.modules.retain(|registered| arriving.contains(&registered.module));
        let old: Vec<_> = old.iter().filter(|kernel| kernel.headers.is_some()).cloned().collect();
        candidates.extend(survey.candidates(&only_new, &old, &[])?.found);
    }
    let (left, kernels_left) = left_alone(context, &survey, &tree, incoming)?;
    candidates.extend(left.into_iter().filter(|c| arriving.iter().all(|m| *m != c.instance.module)));
    serve(&mut candidates, incoming);
    let wanted = to_be_built(context, &candidates);
    let chosen: Vec<_> =
        candidates.iter().filter(|c| wanted.contains(&c.instance.module.name)).cloned().collect();
    let found = Found { candidates: &chosen, ..Found::default() };
    let plan = plan(found, Vec::new(), &Request::default());
    let mut kernels: Vec<Kernel> = new.into_iter().chain(old).collect();
    let is_known = |k: &Kernel| kernels.iter().any(|known| known.release == k.release);
    let missing: Vec<_> = kernels_left.into_iter().filter(|k| !is_known(k)).collect();
    kernels.extend(missing);
    let mut work = Work { candidates, ..Work::default() };
    (work.ready, work.failed) = carry_out(context, &survey, &tree, &kernels, &chosen, &plan)?;
    work.plan = plan;
    Ok(work)
}

/// Registers the sources that arrive, in the view; returns what they are.
fn register(context: &Context, incoming: &mut Incoming) -> Vec<ModuleId> {
    let mut arriving = Vec::new();
    for dir in &incoming.sources {
        let source = context.places.source_tree.join(dir);
        let registered = add::declared(context, &source.join("dkms.conf")).and_then(|(module, _)| {
            fs_err::create_dir_all(context.places.build_dir(&module))?;
            link_atomically(&source, &context.places.source_link(&module))?;
            Ok(module)
        });
        match registered {
            Ok(module) => arriving.push(module),
            Err(failure) => incoming.unread.push(failure_text(&failure)),
        }
    }
    arriving
}

/// The names of the modules that are built now: those that matter enough, and those that they are built upon.
fn to_be_built(context: &Context, candidates: &[Candidate]) -> BTreeSet<String> {
    let matters = |c: &&Candidate| {
        context.preflight.builds(context.policy.importance(&c.instance.module.name)) && c.autoinstall
    };
    let mut names: BTreeSet<String> =
        candidates.iter().filter(matters).map(|c| c.instance.module.name.clone()).collect();
    loop {
        let upon: BTreeSet<String> = candidates
            .iter()
            .filter(|c| names.contains(&c.instance.module.name))
            .flat_map(|c| c.depends.iter().cloned())
            .collect();
        let before = names.len();
        names.extend(upon);
        if names.len() == before {
            return names;
        }
    }
}

type Outcome = (BTreeSet<Instance>, Vec<Failed>);

/// Builds, and keeps the results by the keys of their inputs.
fn carry_out(
    context: &Context,
    survey: &Survey<'_>,
    tree: &Tree,
    kernels: &[Kernel],
    candidates: &[Candidate],
    plan: &Plan,
) -> Result<Outcome, Failure> {
    let builds: Vec<&Instance> = plan
        .steps
        .iter()
        .filter(|step| matches!(step.action, Action::Build { .. }))
        .filter_map(|step| step.action.instance())
        .collect();
    if builds.is_empty() {
        return Ok(Outcome::default());
    }
    let waits = |instance: &Instance| {
        let candidate = candidates.iter().find(|c| c.instance == *instance);
        candidate.and_then(|c| cache::get(&context.places, c.key.as_ref()?)).is_some()
    };
    let names: Vec<_> =
        builds.iter().filter(|i| !waits(i)).map(|i| format!("{} for {}", i.module, i.kernel)).collect();
    if !names.is_empty() {
        let text = format!("building before anything is changed: {}", names.join(", "));
        context.sink.event(&Event::Note { text: &text });
    }
    let settings = Settings { log_only: true, early: true, ..context.settings.clone() };
    let quiet = Quiet(&*context.sink);
    let session = Session::new(&context.places, &context.environment, &settings, &quiet)?;
    let report = session.carry_out(plan, survey, tree, kernels);
    let mut ready = BTreeSet::new();
    let mut failed = Vec::new();
    for instance in builds {
        let built = context.places.instance_dir(instance);
        let failure = report.failures.iter().find(|(of, _)| of.as_ref() == Some(instance));
        match (failure, survey.record(instance)) {
            (Some((_, failure)), _) => {
                let (why, is_judged) = (failure_text(failure), failure.is_judged());
                failed.push(Failed { instance: instance.clone(), why, is_judged });
            }
            (None, Some(record)) => {
                cache::put(&context.places, &record.key, &built)?;
                ready.insert(instance.clone());
            }
            (None, None) => {}
        }
    }
    Ok((ready, failed))
}

/// What became of builds is in the forecast, which tells each of them once.
struct Quiet<'a>(&'a dyn Sink);

impl Sink for Quiet<'_> {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Failed { .. } | Event::Built { .. } | Event::Reused { .. } => {}
            other => self.0.event(other),
        }
    }
}

/// The request of an adapter or a person, as JSON.
///
/// # Errors
/// It cannot be read, or is no such value; the error has line and column.
pub fn read_request(file: Option<&Path>) -> Result<Transaction, Failure> {
    let file = file.filter(|file| *file != Path::new("-"));
    let name = file.map_or_else(|| "standard input".into(), |file| file.display().to_string());
    let text = match file {
        Some(file) => fs_err::read_to_string(file)?,
        None => std::io::read_to_string(std::io::stdin())?,
    };
    serde_json::from_str(&text).map_err(|error| Failure::Usage {
        message: format!("{name}:{}:{}: {error}", error.line(), error.column()),
        code: 2,
    })
}
