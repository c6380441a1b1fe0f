//! What is wanted, less what is there.

use super::order::{Verdict, ordered};
use super::{Action, Note, Plan, Request};
use crate::inventory::{Candidate, State};
use crate::model::{Instance, KernelRelease};
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
}

/// Compares what is wanted with what is there. `notes` are the problems already met while taking stock.
pub fn plan(found: Found<'_>, notes: Vec<Note>, request: &Request) -> Plan {
    let Found { candidates, pending, .. } = found;
    let mut plan = Plan { notes, ..Plan::default() };
    let mut kernels: BTreeMap<&KernelRelease, Vec<&Candidate>> = BTreeMap::new();
    for candidate in candidates.iter().filter(|c| is_asked_for(c, request)) {
        kernels.entry(&candidate.instance.kernel).or_default().push(candidate);
    }
    for kernel in pending {
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
    if let Some(why) = &c.excluded {
        return Need::Note(Note::Excluded { instance: instance(), why: why.clone() });
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
    let (true, Some(key)) = (c.headers, &c.key) else { return Need::Headers };
    match &c.failure {
        Some(failure) if failure.key == *key && !request.retry => {
            Need::Note(Note::FailedBefore { failure: Box::new(failure.clone()) })
        }
        Some(failure) if failure.key != *key => Need::Build("its inputs changed since it failed".into()),
        Some(_) => Need::Build("failed before; tried again as asked".into()),
        None if incomplete.is_some() && !stale => Need::Build(incomplete.cloned().unwrap_or_default()),
        None if stale => Need::Build("its sources, the headers or the compiler changed".into()),
        None => Need::Build("missing".into()),
    }
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
    let without_headers: Vec<_> = wanted
        .iter()
        .filter(|c| matches!(needs.get(&c.instance), Some(Need::Headers)))
        .map(|c| c.instance.module.clone())
        .collect();
    if !without_headers.is_empty() {
        plan.notes.push(Note::NoHeaders { kernel: kernel.clone(), modules: without_headers });
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
                && (c.excluded.is_some() || matches!(c.state, State::Installed))
        })
    };
    let mut installed_by: BTreeMap<&str, usize> = BTreeMap::new();
    let mut touched = Vec::new();
    let mut arch = None;
    for (candidate, verdict) in ordered(wanted, &is_there, &cannot) {
        let instance = candidate.instance.clone();
        let after: Vec<usize> =
            candidate.depends.iter().filter_map(|d| installed_by.get(d.as_str()).copied()).collect();
        let (build_why, why) = match needs.remove(&candidate.instance) {
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
            plan.notes.push(Note::Blocked { instance, missing });
            continue;
        }
        arch = Some(instance.arch.clone());
        let after = match &build_why {
            Some(why) => vec![plan.add(Action::Build { instance: instance.clone() }, why.clone(), after)],
            None => after,
        };
        if candidate.image {
            // What is installed is replaced anyway; where a file of it never was, the kernel's own was preferred.
            let force = build_why.is_some() && matches!(candidate.state, State::Built | State::Incomplete(_));
            let step = plan.add(Action::Install { instance, force }, why, after);
            installed_by.insert(candidate.instance.module.name.as_str(), step);
            touched.push(step);
        }
    }
    let arch =
        arch.or_else(|| all.iter().find(|c| c.instance.kernel == *kernel).map(|c| c.instance.arch.clone()));
    if let (true, Some(arch)) = (cut_off || !touched.is_empty(), arch) {
        let why = if touched.is_empty() { "an earlier run was cut off before it" } else { "modules change" };
        let depmod = plan.add(Action::Depmod { kernel: kernel.clone(), arch }, why, touched);
        if request.initramfs && found.initramfs.contains(kernel) {
            plan.add(Action::Initramfs { kernel: kernel.clone() }, "modules change", vec![depmod]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Arch, BuildKey, BuildRecord, Directives, FailureRecord, ModuleId};

    fn candidate(name: &str, kernel: &str, state: State) -> Candidate {
        Candidate {
            instance: Instance {
                module: ModuleId::new(name, "1").unwrap(),
                kernel: KernelRelease::new(kernel).unwrap(),
                arch: Arch::new("x86_64").unwrap(),
            },
            autoinstall: true,
            depends: Vec::new(),
            excluded: None,
            state,
            key: Some(BuildKey("k1".into())),
            record: None,
            failure: None,
            headers: true,
            image: true,
        }
    }

    fn release(text: &str) -> KernelRelease {
        KernelRelease::new(text).unwrap()
    }

    fn record(key: &str) -> BuildRecord {
        BuildRecord {
            version: 1,
            key: BuildKey(key.into()),
            adopted: false,
            directives: Directives::default(),
            conf: String::new(),
            isolation: None,
            signature: None,
            milliseconds: 0,
            refused: None,
        }
    }

    fn failure(c: &Candidate, key: &str) -> FailureRecord {
        FailureRecord {
            version: 1,
            instance: c.instance.clone(),
            key: BuildKey(key.into()),
            code: 10,
            message: "it does not build".into(),
            diagnosis: None,
            log: "/log".into(),
            time: 0,
        }
    }

    fn shown(candidates: &[Candidate], request: &Request) -> Vec<String> {
        let plan = plan(
            Found { candidates, initramfs: &[release("6.1"), release("6.12")], ..Found::default() },
            Vec::new(),
            request,
        );
        let mut lines: Vec<String> = plan
            .steps
            .iter()
            .map(|s| {
                let (verb, what) = match &s.action {
                    Action::Build { instance } => ("build", instance.to_string()),
                    Action::Install { instance, .. } => ("install", instance.to_string()),
                    Action::Adopt { instance } => ("adopt", instance.to_string()),
                    Action::Depmod { kernel, .. } => ("depmod", kernel.to_string()),
                    Action::Initramfs { kernel } => ("initramfs", kernel.to_string()),
                };
                format!("{verb} {what} {:?}", s.after)
            })
            .collect();
        lines.extend(plan.notes.iter().map(|n| match n {
            Note::NoHeaders { kernel, modules } => format!("no headers {kernel} {}", modules.len()),
            Note::Excluded { instance, .. } => format!("excluded {}", instance.module),
            Note::FailedBefore { failure } => format!("failed {}", failure.instance.module),
            Note::Blocked { instance, missing } => {
                format!("blocked {} {}", instance.module, missing.join(" "))
            }
            other => format!("{other:?}"),
        }));
        lines
    }

    #[test]
    fn nothing_to_do() {
        let mut done = candidate("a", "6.1", State::Installed);
        done.record = Some(record("k1"));
        let plan = plan(Found { candidates: &[done], ..Found::default() }, Vec::new(), &Request::default());
        assert_eq!(plan, Plan::default());
    }

    #[test]
    fn one_depmod_per_kernel_after_all_installs() {
        let mut late = candidate("late", "6.1", State::Added);
        late.depends = vec!["z".into()];
        let request = Request { initramfs: true, ..Default::default() };
        assert_eq!(
            shown(
                &[late, candidate("z", "6.1", State::Added), candidate("b", "6.12", State::Built)],
                &request
            ),
            [
                "build z/1, 6.1, x86_64 []",
                "install z/1, 6.1, x86_64 [0]",
                "build late/1, 6.1, x86_64 [1]",
                "install late/1, 6.1, x86_64 [2]",
                "depmod 6.1 [1, 3]",
                "initramfs 6.1 [4]",
                "install b/1, 6.12, x86_64 []",
                "depmod 6.12 [6]",
                "initramfs 6.12 [7]",
            ]
        );
    }

    #[test]
    fn stale_failed_and_retried() {
        let mut stale = candidate("stale", "6.1", State::Installed);
        stale.record = Some(record("old"));
        let mut failed = candidate("failed", "6.1", State::Added);
        failed.failure = Some(failure(&failed, "k1"));
        let mut mended = candidate("mended", "6.1", State::Added);
        mended.failure = Some(failure(&mended, "other"));
        let all = [stale, failed, mended];
        let lines = shown(&all, &Request::default()).join("\n");
        assert!(lines.contains("build stale/1") && lines.contains("build mended/1"), "{lines}");
        assert!(lines.contains("failed failed/1") && !lines.contains("build failed/1"), "{lines}");
        let retried = shown(&all, &Request { retry: true, ..Default::default() }).join("\n");
        assert!(retried.contains("build failed/1"), "{retried}");
    }

    #[test]
    fn dependencies() {
        let with = |name: &str, depends: &[&str]| {
            let mut c = candidate(name, "6.1", State::Added);
            c.depends = depends.iter().map(|d| (*d).to_string()).collect();
            c
        };
        assert_eq!(shown(&[with("a", &["nowhere"])], &Request::default()), ["blocked a/1 nowhere"]);
        assert_eq!(
            shown(&[with("a", &["b"]), with("b", &["a"])], &Request::default()),
            ["blocked a/1 b", "blocked b/1 a"],
            "a circle is no reason to hang"
        );
        let mut excluded = with("x", &[]);
        excluded.excluded = Some("BUILD_EXCLUSIVE_ARCH".into());
        let lines = shown(&[with("a", &["x"]), excluded], &Request::default()).join("\n");
        assert!(lines.contains("build a/1") && lines.contains("excluded x/1"), "{lines}");
        let mut failed = with("f", &[]);
        failed.failure = Some(failure(&failed, "k1"));
        let lines = shown(&[with("a", &["f"]), failed], &Request::default()).join("\n");
        assert!(lines.contains("blocked a/1 f"), "{lines}");
    }

    #[test]
    fn kernels_without_headers_or_image() {
        let mut bare = candidate("a", "6.1", State::Added);
        (bare.headers, bare.key) = (false, None);
        assert_eq!(shown(&[bare.clone()], &Request::default()), ["no headers 6.1 1"]);
        bare.state = State::Installed;
        assert!(shown(&[bare], &Request::default()).is_empty(), "what is installed needs no headers");
        let mut headers_only = candidate("a", "6.1", State::Added);
        headers_only.image = false;
        assert_eq!(shown(&[headers_only], &Request::default()), ["build a/1, 6.1, x86_64 []"]);
    }

    /// Regression: it was only to be installed again, which failed at the very file that is missing.
    #[test]
    fn what_is_incomplete_in_the_tree_is_built_again() {
        let mut half = candidate("a", "6.1", State::Incomplete("a.ko is missing in the tree".into()));
        assert!(
            shown(&[half.clone()], &Request::default()).contains(&"build a/1, 6.1, x86_64 []".to_string())
        );
        half.record = Some(record("k1"));
        assert!(
            shown(&[half.clone()], &Request::default()).contains(&"build a/1, 6.1, x86_64 []".to_string())
        );
        half.headers = false;
        half.key = None;
        assert_eq!(shown(&[half], &Request::default()), ["no headers 6.1 1"]);
    }

    #[test]
    fn a_run_that_was_cut_off_is_finished() {
        let mut done = candidate("a", "6.1", State::Installed);
        done.record = Some(record("k1"));
        let found = Found { candidates: &[done], pending: &[release("6.1")], ..Found::default() };
        let plan = plan(found, Vec::new(), &Request::default());
        assert_eq!(plan.steps.len(), 1);
        assert!(matches!(plan.steps[0].action, Action::Depmod { .. }));
    }
}
