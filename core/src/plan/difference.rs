//! What is wanted, less what is there.

use super::order::{Verdict, ordered};
use super::{Action, Note, Plan, Request};
use crate::inventory::{Candidate, Claim, State};
use crate::model::{BuildKey, FailureRecord, Instance, KernelRelease, ModuleId};
use std::collections::{BTreeMap, BTreeSet};

/// What is there, as far as planning needs it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Found<'a> {
    /// All instances in question, of one version per module name.
    pub candidates: &'a [Candidate],
    /// The kernels whose last run was cut off before depmod.
    pub pending: &'a [KernelRelease],
    /// The kernels that have an initramfs.
    pub initramfs: &'a [KernelRelease],
    /// Those of them whose initramfs is older than their modules.
    pub outdated: &'a [KernelRelease],
    /// Kernels and the modules that packages of prebuilts serve them with.
    pub prebuilt: &'a [(KernelRelease, String)],
    /// What was installed from sources where such packages serve now.
    pub claims: &'a [Claim],
}

/// Compares what is wanted with what is there. `notes` are the problems already met while taking stock.
pub fn plan(found: Found<'_>, notes: Vec<Note>, request: &Request) -> Plan {
    let Found { candidates, pending, .. } = found;
    let mut plan = Plan { notes, ..Plan::default() };
    let mut kernels: BTreeMap<&KernelRelease, Vec<&Candidate>> = BTreeMap::new();
    for candidate in candidates.iter().filter(|c| is_asked_for(c, request)) {
        kernels.entry(&candidate.instance.kernel).or_default().push(candidate);
    }
    let outdated = found.outdated.iter().filter(|_| request.initramfs);
    let claims = found.claims.iter().filter(|claim| is_in_question(claim, request));
    for kernel in pending.iter().chain(outdated).chain(claims.map(|claim| &claim.instance.kernel)) {
        kernels.entry(kernel).or_default();
    }
    for (kernel, wanted) in kernels {
        if !request.kernels.is_empty() && !request.kernels.contains(kernel) {
            continue;
        }
        plan_kernel(&mut plan, kernel, wanted, found, request);
    }
    plan
}

fn is_asked_for(candidate: &Candidate, request: &Request) -> bool {
    match request.modules.as_slice() {
        [] => candidate.autoinstall,
        modules => modules.contains(&candidate.instance.module),
    }
}

/// Whoever asks for some modules means those.
fn is_in_question(claim: &Claim, request: &Request) -> bool {
    request.modules.is_empty() || request.modules.iter().any(|m| m.name == claim.instance.module.name)
}

/// What one candidate needs, by itself.
enum Need {
    Nothing,
    Adopt,
    Install(String),
    Build(String),
    Note(Note),
    Headers,
}

fn need(c: &Candidate, request: &Request) -> Need {
    let instance = || c.instance.clone();
    if let State::Prebuilt { .. } = c.state {
        return Need::Nothing;
    }
    if let Some(why) = &c.excluded {
        return Need::Note(Note::Excluded { instance: instance(), why: why.clone() });
    }
    if let State::Weak(_) = c.state {
        return Need::Nothing;
    }
    let stale = c.is_stale();
    let incomplete = match &c.state {
        State::Incomplete(what) => Some(what),
        _ => None,
    };
    let built = c.state != State::Added;
    if built && !stale && incomplete.is_none() {
        return match &c.state {
            State::Installed if c.record.is_none() && c.key.is_some() => Need::Adopt,
            State::Installed => Need::Nothing,
            State::Damaged(what) => Need::Install(what.clone()),
            _ => match c.record.as_ref().and_then(|r| r.refused.clone()) {
                Some(why) => Need::Note(Note::Refused { instance: instance(), why }),
                None if !c.image => Need::Nothing,
                None => Need::Install("built, not installed".into()),
            },
        };
    }
    let why = match incomplete {
        _ if stale => "its sources, the headers or the compiler changed",
        Some(what) => what,
        None => "missing",
    };
    build(c, why, request)
}

/// What it takes to build one, unless that has failed with the same inputs.
fn build(c: &Candidate, why: &str, request: &Request) -> Need {
    let (true, Some(key)) = (c.headers, &c.key) else { return Need::Headers };
    match &c.failure {
        Some(failure) if is_known(failure, key, request) => {
            Need::Note(Note::FailedBefore { failure: Box::new(failure.clone()) })
        }
        Some(failure) if failure.key != *key => Need::Build("its inputs changed since it failed".into()),
        Some(failure) if failure.is_of_tools() => {
            Need::Build("what it is built with did not work when it failed".into())
        }
        Some(_) => Need::Build("failed before; tried again as asked".into()),
        None => Need::Build(why.into()),
    }
}

/// What is built against a module needs what its build left in the tree, whoever serves the kernel with the module itself.
fn build_for_dependents<'a>(
    needs: &mut BTreeMap<&'a Instance, Need>,
    wanted: &[&'a Candidate],
    request: &Request,
) {
    loop {
        let builds = |c: &&&Candidate| matches!(needs.get(&c.instance), Some(Need::Build(_)));
        let upon: BTreeSet<&String> = wanted.iter().filter(builds).flat_map(|c| &c.depends).collect();
        let is_wanting = |c: &&&'a Candidate| {
            c.state == State::Prebuilt { is_built: false }
                && c.excluded.is_none()
                && upon.contains(&c.instance.module.name)
                && matches!(needs.get(&c.instance), Some(Need::Nothing))
        };
        let Some(next) = wanted.iter().find(is_wanting) else { return };
        needs.insert(&next.instance, build(next, "another module is built against it", request));
    }
}

/// Whether a build of these inputs failed before, and would again.
fn is_known(failure: &FailureRecord, key: &BuildKey, request: &Request) -> bool {
    failure.key == *key && !request.retry && !failure.is_of_tools()
}

fn plan_kernel(
    plan: &mut Plan,
    kernel: &KernelRelease,
    wanted: Vec<&Candidate>,
    found: Found<'_>,
    request: &Request,
) {
    let all = found.candidates;
    let cut_off = found.pending.contains(kernel);
    let mut needs: BTreeMap<&Instance, Need> =
        wanted.iter().map(|c| (&c.instance, need(c, request))).collect();
    build_for_dependents(&mut needs, &wanted, request);
    let without_headers: Vec<_> = wanted
        .iter()
        .filter(|c| matches!(needs.get(&c.instance), Some(Need::Headers)))
        .map(|c| c.instance.module.clone())
        .collect();
    if !without_headers.is_empty() {
        let (kernel, modules) = (kernel.clone(), without_headers);
        plan.notes.push(Note::NoHeaders { kernel, modules, hint: None });
    }
    // An excluded dependency counts as satisfied; one that failed does not.
    let cannot: BTreeSet<&str> = wanted
        .iter()
        .filter(|c| {
            matches!(needs.get(&c.instance), Some(Need::Headers | Need::Note(Note::FailedBefore { .. })))
        })
        .map(|c| c.instance.module.name.as_str())
        .collect();
    let is_there = |name: &str| {
        all.iter().any(|c| {
            c.instance.kernel == *kernel
                && c.instance.module.name == name
                && (c.excluded.is_some()
                    || matches!(c.state, State::Installed | State::Weak(_) | State::Prebuilt { .. }))
        })
    };
    let mut provided_by: BTreeMap<&str, usize> = BTreeMap::new();
    let mut touched = Vec::new();
    let mut arch = None;
    for claim in found.claims.iter().filter(|c| c.instance.kernel == *kernel && is_in_question(c, request)) {
        let Claim { instance, package, has_files } = claim.clone();
        let why = format!("{package} serves");
        let step = plan.add(Action::Uninstall { instance, package }, why, Vec::new());
        if has_files {
            arch = Some(claim.instance.arch.clone());
            touched.push(step);
        }
    }
    let settled: BTreeSet<Instance> = wanted
        .iter()
        .filter(|c| c.built_against.is_empty() && matches!(needs.get(&c.instance), Some(Need::Nothing)))
        .map(|c| c.instance.clone())
        .collect();
    let verdicts = ordered(wanted, &is_there, &cannot, &|c| settled.contains(&c.instance));
    let registered = registered(all, kernel, &plan.notes);
    let deferred = deferred(&verdicts, &registered, &cannot);
    let is_only_prebuilt = |name: &&String| {
        found.prebuilt.iter().any(|(k, module)| k == kernel && module == *name) && !registered.contains(*name)
    };
    // The versions that will be there in the end of what is built on the way.
    let mut coming: BTreeMap<&str, &str> = BTreeMap::new();
    for (candidate, verdict) in verdicts {
        let instance = candidate.instance.clone();
        let after: Vec<usize> =
            candidate.depends.iter().filter_map(|d| provided_by.get(d.as_str()).copied()).collect();
        let need = needs.remove(&candidate.instance).map(|need| rebuilt(candidate, need, &coming, request));
        let (build_why, why) = match need {
            None | Some(Need::Nothing | Need::Headers) => continue,
            Some(Need::Adopt) => {
                plan.add(Action::Adopt { instance }, "built by another program", Vec::new());
                continue;
            }
            Some(Need::Note(note)) => {
                plan.notes.push(note);
                continue;
            }
            Some(Need::Install(why)) => (None, why),
            Some(Need::Build(why)) => (Some(why.clone()), why),
        };
        if let Verdict::Blocked(missing) = verdict {
            let prebuilt: Vec<String> = missing.iter().filter(is_only_prebuilt).cloned().collect();
            if !prebuilt.is_empty() {
                plan.notes.push(Note::OnlyPrebuilt { instance, missing: prebuilt });
                continue;
            }
            let is_deferred = deferred.contains(&instance.module.name);
            plan.notes.push(match is_deferred {
                true => Note::Deferred { instance, missing },
                false => Note::Blocked { instance, missing },
            });
            continue;
        }
        arch = Some(instance.arch.clone());
        if build_why.is_some() {
            let ModuleId { name, version } = &candidate.instance.module;
            coming.insert(name, version);
        }
        let after = match &build_why {
            Some(why) => vec![plan.add(Action::Build { instance: instance.clone() }, why.clone(), after)],
            None => after,
        };
        if !candidate.image || matches!(candidate.state, State::Prebuilt { .. }) {
            // Whoever needs it is built after it, as elsewhere after it is installed.
            if let (true, [build]) = (build_why.is_some(), after.as_slice()) {
                provided_by.insert(candidate.instance.module.name.as_str(), *build);
            }
        } else {
            // What is installed is replaced anyway; where a file of it never was, the kernel's own was preferred.
            let force = build_why.is_some() && matches!(candidate.state, State::Built | State::Incomplete(_));
            let step = plan.add(Action::Install { instance, force }, why, after);
            provided_by.insert(candidate.instance.module.name.as_str(), step);
            touched.push(step);
        }
    }
    let arch =
        arch.or_else(|| all.iter().find(|c| c.instance.kernel == *kernel).map(|c| c.instance.arch.clone()));
    if request.depmod_follows {
        return;
    }
    let is_written = request.initramfs && !request.initramfs_follows.contains(kernel);
    if let (true, Some(arch)) = (cut_off || !touched.is_empty(), arch) {
        let why = if touched.is_empty() { "an earlier run was cut off before it" } else { "modules change" };
        let depmod = plan.add(Action::Depmod { kernel: kernel.clone(), arch }, why, touched);
        if is_written && found.initramfs.contains(kernel) {
            plan.add(Action::Initramfs { kernel: kernel.clone() }, "modules change", vec![depmod]);
        }
    } else if is_written && found.outdated.contains(kernel) {
        plan.add(Action::Initramfs { kernel: kernel.clone() }, "modules have changed since", Vec::new());
    }
}

/// BUILD_DEPENDS_REBUILD: what is built is built again when the version of a package that it was built against changes.
fn rebuilt(c: &Candidate, need: Need, coming: &BTreeMap<&str, &str>, request: &Request) -> Need {
    let outdated = c.built_against.iter().find(|dep| dep.is_outdated(coming.get(dep.name.as_str()).copied()));
    let (Some(dep), Some(key), true) = (outdated, &c.key, c.headers) else { return need };
    if !matches!(need, Need::Nothing | Need::Adopt | Need::Install(_)) {
        return need;
    }
    match &c.failure {
        Some(failure) if is_known(failure, key, request) => {
            Need::Note(Note::FailedBefore { failure: Box::new(failure.clone()) })
        }
        _ => Need::Build(format!("it was built against another version of {}", dep.name)),
    }
}

/// The names of all modules that are registered, those that cannot be used included.
fn registered(all: &[Candidate], kernel: &KernelRelease, notes: &[Note]) -> BTreeSet<String> {
    let usable = all.iter().filter(|c| c.instance.kernel == *kernel).map(|c| c.instance.module.name.clone());
    let unusable = notes.iter().filter_map(|note| match note {
        Note::Broken { module } | Note::BadConf { module, .. } => Some(module.name.clone()),
        _ => None,
    });
    usable.chain(unusable).collect()
}

/// The names of those that wait for nothing but what is not registered yet, directly or by way of one another.
fn deferred(
    verdicts: &[(&Candidate, Verdict)],
    registered: &BTreeSet<String>,
    cannot: &BTreeSet<&str>,
) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = BTreeSet::new();
    loop {
        let before = found.len();
        for (candidate, verdict) in verdicts {
            let name = candidate.instance.module.name.as_str();
            if let Verdict::Blocked(missing) = verdict
                && !cannot.contains(name)
                && missing.iter().all(|name| !registered.contains(name) || found.contains(name))
            {
                found.insert(name.to_string());
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

#[cfg(test)]
mod tests;
