//! apt's words as a transaction, and what its user hears beside apt's own.

use crate::cli::context::{Audience, Common, Context};
use crate::cli::verbs::policy;
use crate::cli::verbs::preflight::glance;
use crate::cli::verbs::sync::Synced;
use crate::config::Importance;
use crate::inventory::Built;
use crate::model::{Arrival, Departure, Failure, ModuleId, Transaction};
use crate::plan::Note;
use crate::report::{Event, Lines, Sink};
use evermod_apt_hook::{Action, Mode, Plan, Proposal, Session, Step};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// `apt-preflight`: all that dpkg is about to do is on standard input.
///
/// # Errors
/// Standard input cannot be read.
pub fn preflight(context: &Context) -> Result<ExitCode, Failure> {
    let text = std::io::read_to_string(std::io::stdin())?;
    let plan = match Plan::parse(&text) {
        Ok(plan) => plan,
        Err(error) => {
            super::unjudged(context, &error.to_string());
            return Ok(ExitCode::SUCCESS);
        }
    };
    if plan.is_for_another_root() {
        return Ok(ExitCode::SUCCESS);
    }
    let lists = context.places.root.at("/var/lib/dpkg/info");
    let transaction = transaction(&plan, &|package| sources(&lists, package));
    let is_told = was_asked_before(&plan);
    // What the names of packages tell was said beside the list of packages.
    Ok(super::judge(context, &transaction, &|verdict| {
        !is_told || verdict.veto || !verdict.outlook.is_told_by_names()
    }))
}

/// apt and apt-get have called the JSON hooks; other programs that use apt's library do not.
fn was_asked_before(plan: &Plan) -> bool {
    let is_apt = |(name, value): &(String, String)| name == "Binary" && value.starts_with("apt");
    let is_hook =
        |(name, value): &(String, String)| name.starts_with("AptCli::Hooks::") && value.contains("evermod");
    plan.settings.iter().any(is_apt) && plan.settings.iter().any(is_hook)
}

/// What a plan of apt's comes to. `paths` are the configurations of modules that an installed package has.
fn transaction(plan: &Plan, paths: &dyn Fn(&Step) -> Vec<String>) -> Transaction {
    let version = |step: &Step| step.new.as_ref().map(|build| build.version.clone()).unwrap_or_default();
    let mut transaction = Transaction { manager: "apt".into(), ..Transaction::default() };
    for step in &plan.steps {
        if let Action::Unpack(file) = &step.action {
            transaction.arrives.push(Arrival {
                package: step.package.clone(),
                version: version(step),
                file: file.clone(),
                paths: Vec::new(),
            });
        }
    }
    // A package may be removed for a moment, to be installed again.
    let comes_back: BTreeSet<_> = transaction.arrives.iter().map(|arrival| arrival.package.clone()).collect();
    let goes = plan.steps.iter().filter(|step| step.action == Action::Remove);
    transaction.goes = goes
        .filter(|step| !comes_back.contains(&step.package))
        .map(|step| Departure {
            package: step.package.clone(),
            version: step.old.as_ref().map(|build| build.version.clone()).unwrap_or_default(),
            paths: paths(step),
        })
        .collect();
    transaction
}

/// Configurations of modules in an installed package, by dpkg's list of its files.
fn sources(lists: &Path, step: &Step) -> Vec<String> {
    let architecture = step.old.as_ref().and_then(|build| build.architecture.clone()).unwrap_or_default();
    let names = [format!("{}.list", step.package), format!("{}:{architecture}.list", step.package)];
    let text = names.iter().find_map(|name| std::fs::read_to_string(lists.join(name)).ok());
    let paths = text.iter().flat_map(|text| text.lines()).filter_map(|path| path.strip_prefix('/'));
    paths
        .filter(|path| path.starts_with("usr/src/") && path.ends_with("/dkms.conf"))
        .map(Into::into)
        .collect()
}

/// `apt-json`: a conversation with apt over standard input and output; warnings go to standard error. Whatever happens,
/// apt goes on, and what is not understood here is said by `apt-preflight`.
pub fn converse(common: &Common) -> ExitCode {
    let mut session = Session::default();
    for line in std::io::stdin().lock().lines() {
        let Ok(Ok(turn)) = line.map(|line| session.line(&line)) else { break };
        if let Some(reply) = turn.reply {
            let mut out = std::io::stdout();
            if out.write_all(reply.as_bytes()).and_then(|()| out.flush()).is_err() {
                break;
            }
        }
        if let Some(proposal) = turn.proposal.filter(|proposal| proposal.moment == "package-list") {
            warn(common, &proposal);
        }
        if turn.is_last {
            break;
        }
    }
    ExitCode::SUCCESS
}

/// Says what the names of packages tell, before the question whether to go on.
fn warn(common: &Common, proposal: &Proposal) {
    let transaction = proposed(proposal);
    let is_kernel = |arrival: &Arrival| arrival.package.starts_with("linux-");
    let may_serve = |departure: &Departure| departure.package.contains("modules");
    if !transaction.arrives.iter().any(is_kernel) && !transaction.goes.iter().any(may_serve) {
        return;
    }
    // Settings that cannot be used are told by `apt-preflight`.
    let quiet = Common { quiet: true, ..common.clone() };
    let Ok(context) = Context::new(&quiet, Audience::Hook) else { return };
    let Ok(forecast) = glance(&context, &transaction) else { return };
    let lines = Lines::new(Box::new(std::io::stderr()), "evermod: ", false);
    for text in forecast.told(false) {
        lines.event(&Event::Note { text: &text });
    }
}

/// What a proposal comes to; apt does not say here where files are.
fn proposed(proposal: &Proposal) -> Transaction {
    let mut transaction = Transaction { manager: "apt".into(), ..Transaction::default() };
    for package in &proposal.packages {
        let version = |of: &Option<evermod_apt_hook::Version>| {
            of.as_ref().map(|v| v.version.clone()).unwrap_or_default()
        };
        let (name, versions) = (package.name.clone(), &package.versions);
        match package.mode {
            Mode::Install | Mode::Upgrade | Mode::Downgrade | Mode::Reinstall => {
                let version = version(&versions.install);
                transaction.arrives.push(Arrival { package: name, version, ..Arrival::default() });
            }
            Mode::Deinstall | Mode::Purge => {
                let version = version(&versions.current);
                transaction.goes.push(Departure { package: name, version, paths: Vec::new() });
            }
            Mode::Keep => {}
        }
    }
    transaction
}

/// What kernels lack whose hooks ran in this run of apt's, a line `KERNEL MODULE` for each. A failure is told when it
/// happens, which may be many lines of dpkg's before the end.
fn report_file(context: &Context) -> PathBuf {
    context.places.root.at("/run/evermod/report")
}

/// Notes what a sync failed to do, for [`report`]. Only in runs of apt's, where somebody will ask.
///
/// # Errors
/// The file cannot be written.
pub fn note(context: &Context, synced: &Synced) -> Result<(), Failure> {
    let failures = synced.report.failures.iter();
    let counted = failures.filter(|(of, failure)| policy::counts(&synced.policy, of.as_ref(), failure));
    let before = synced.plan.notes.iter().filter_map(|note| match note {
        Note::FailedBefore { failure } if policy::importance(&synced.policy, note) < Importance::Optional => {
            Some(&failure.instance)
        }
        _ => None,
    });
    let failed: Vec<_> = counted.filter_map(|(instance, _)| instance.as_ref()).chain(before).collect();
    if failed.is_empty() || !context.environment.variables.contains_key("DPKG_FRONTEND_LOCKED") {
        return Ok(());
    }
    let file = report_file(context);
    if let Some(dir) = file.parent() {
        fs_err::create_dir_all(dir)?;
    }
    let mut file = fs_err::OpenOptions::new().create(true).append(true).open(file)?;
    for instance in failed {
        writeln!(file, "{} {}", instance.kernel, instance.module)?;
    }
    Ok(())
}

/// `apt-report`: says once, last of all, what is missing still.
///
/// # Errors
/// The note cannot be read or deleted.
pub fn report(context: &Context) -> Result<(), Failure> {
    let file = report_file(context);
    let text = match fs_err::read_to_string(&file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        text => text?,
    };
    fs_err::remove_file(&file)?;
    let tree = context.tree()?;
    let mut missing: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (kernel, name) in text.lines().filter_map(|line| line.split_once(' ')) {
        // What came later in the run may have mended or removed it.
        let registered = name.parse::<ModuleId>().ok().and_then(|module| tree.find(&module));
        let is_there = |built: &Built| built.active && built.instance.kernel.as_str() == kernel;
        if registered.is_some_and(|registered| !registered.built.iter().any(is_there)) {
            missing.entry(kernel).or_default().insert(name);
        }
    }
    for (kernel, modules) in missing {
        let modules = modules.into_iter().collect::<Vec<_>>().join(", ");
        let text = format!("kernel {kernel} is left without {modules}; evermod status says why");
        context.sink.event(&Event::Note { text: &text });
    }
    Ok(())
}

#[cfg(test)]
#[path = "apt_tests.rs"]
mod tests;
