use super::super::Step;
use super::super::testing::candidate;
use super::*;
use crate::inventory::BuiltAgainst;
use crate::model::{BuildSummary, Cause, Diagnosis};
use serde::de::IgnoredAny;

fn release(text: &str) -> KernelRelease {
    KernelRelease::new(text).unwrap()
}

fn record(key: &str) -> BuildSummary {
    BuildSummary {
        version: 1,
        key: BuildKey(key.into()),
        adopted: false,
        directives: IgnoredAny,
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
                Action::Uninstall { instance, .. } => ("uninstall", instance.to_string()),
                Action::Adopt { instance } => ("adopt", instance.to_string()),
                Action::Depmod { kernel, .. } => ("depmod", kernel.to_string()),
                Action::Initramfs { kernel } => ("initramfs", kernel.to_string()),
            };
            format!("{verb} {what} {:?}", s.after)
        })
        .collect();
    lines.extend(plan.notes.iter().map(|n| match n {
        Note::NoHeaders { kernel, modules, .. } => format!("no headers {kernel} {}", modules.len()),
        Note::Excluded { instance, .. } => format!("excluded {}", instance.module),
        Note::FailedBefore { failure } => format!("failed {}", failure.instance.module),
        Note::Blocked { instance, missing } => {
            format!("blocked {} {}", instance.module, missing.join(" "))
        }
        Note::Deferred { instance, missing } => {
            format!("deferred {} {}", instance.module, missing.join(" "))
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
        shown(&[late, candidate("z", "6.1", State::Added), candidate("b", "6.12", State::Built)], &request),
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
fn what_failed_for_want_of_working_tools_is_tried_again() {
    let mut failed = candidate("failed", "6.1", State::Added);
    let of_tools = Diagnosis::at("", "cc1: error while loading shared libraries").by(Cause::Tools);
    let missing = Diagnosis { missing: Some("gcc".into()), ..of_tools.clone() };
    for (diagnosis, is_built) in
        [(of_tools, true), (missing, false), (Diagnosis::at("x.c:1:1", "no").by(Cause::Sources), false)]
    {
        failed.failure = Some(FailureRecord { diagnosis: Some(diagnosis.clone()), ..failure(&failed, "k1") });
        let lines = shown(std::slice::from_ref(&failed), &Request::default()).join("\n");
        assert_eq!(lines.contains("build failed/1"), is_built, "{diagnosis:?}: {lines}");
    }
}

#[test]
fn dependencies() {
    let with = |name: &str, depends: &[&str]| {
        let mut c = candidate(name, "6.1", State::Added);
        c.depends = depends.iter().map(|d| (*d).to_string()).collect();
        c
    };
    assert_eq!(shown(&[with("a", &["nowhere"])], &Request::default()), ["deferred a/1 nowhere"]);
    assert_eq!(
        shown(&[with("a", &["b"]), with("b", &["nowhere"])], &Request::default()),
        ["deferred a/1 b", "deferred b/1 nowhere"],
        "what waits for a deferred one is deferred"
    );
    let mut broken = with("b", &["nowhere"]);
    broken.failure = Some(failure(&broken, "k1"));
    let lines = shown(&[with("a", &["b", "nowhere"]), broken], &Request::default()).join("\n");
    assert!(lines.contains("blocked a/1"), "one that failed is no matter of waiting: {lines}");
    let mut done = with("b", &["nowhere"]);
    (done.state, done.record) = (State::Installed, Some(record("k1")));
    let lines = shown(&[with("a", &["b"]), done], &Request::default()).join("\n");
    assert!(lines.contains("build a/1"), "what is installed serves, though its own package went: {lines}");
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
fn dependents_are_built_again() {
    let mut dependent = candidate("a", "6.1", State::Installed);
    (dependent.depends, dependent.record) = (vec!["lib".into()], Some(record("k1")));
    let against = |then: &str, now: &str| {
        vec![BuiltAgainst { name: "lib".into(), then: Some(then.into()), now: Some(now.into()) }]
    };
    dependent.built_against = against("1", "1");
    let mut lib = candidate("lib", "6.1", State::Installed);
    lib.record = Some(record("k1"));
    assert!(shown(&[dependent.clone(), lib.clone()], &Request::default()).is_empty());
    // The other package's new version is on its way in the same plan.
    lib.instance.module = ModuleId::new("lib", "2").unwrap();
    (lib.state, lib.record) = (State::Added, None);
    assert_eq!(
        shown(&[dependent.clone(), lib.clone()], &Request::default()),
        [
            "build lib/2, 6.1, x86_64 []",
            "install lib/2, 6.1, x86_64 [0]",
            "build a/1, 6.1, x86_64 [1]",
            "install a/1, 6.1, x86_64 [2]",
            "depmod 6.1 [1, 3]",
        ]
    );
    // It is there, built by somebody else.
    dependent.built_against = against("1", "2");
    (lib.state, lib.record) = (State::Installed, Some(record("k1")));
    let lines = shown(&[dependent.clone(), lib], &Request::default());
    assert_eq!(lines.first().map(String::as_str), Some("build a/1, 6.1, x86_64 []"));
    // It did not build then, and nothing has changed since.
    dependent.failure = Some(failure(&dependent, "k1"));
    assert_eq!(shown(&[dependent], &Request::default()), ["failed a/1"]);
}

#[test]
fn a_weak_link_serves() {
    let weak = candidate("a", "6.1", State::Weak(release("6.0")));
    let mut above = candidate("b", "6.1", State::Added);
    above.depends = vec!["a".into()];
    assert_eq!(shown(&[weak, above], &Request::default())[0], "build b/1, 6.1, x86_64 []");
}

/// Steps and notes where packages of prebuilts serve.
fn with_prebuilts(
    candidates: &[Candidate],
    prebuilt: &[&str],
    claims: &[Claim],
    request: &Request,
) -> Vec<String> {
    let prebuilt: Vec<_> = prebuilt.iter().map(|name| (release("6.1"), (*name).to_string())).collect();
    let kernels = [release("6.1")];
    let found = Found { candidates, prebuilt: &prebuilt, claims, initramfs: &kernels, ..Found::default() };
    let plan = plan(found, Vec::new(), request);
    let step = |s: &Step| {
        let words = s.to_string();
        format!("{} {:?}", words.split_whitespace().collect::<Vec<_>>().join(" "), s.after)
    };
    plan.steps.iter().map(step).chain(plan.notes.iter().map(ToString::to_string)).collect()
}

fn claim(name: &str, has_files: bool) -> Claim {
    let instance = candidate(name, "6.1", State::Installed).instance;
    Claim { instance, package: format!("{name}-modules-6.1"), has_files }
}

#[test]
fn where_a_package_serves_nothing_is_built_and_what_was_makes_way() {
    let request = Request { initramfs: true, ..Request::default() };
    let served = |is_built| candidate("a", "6.1", State::Prebuilt { is_built });
    for is_built in [false, true] {
        let mut old = served(is_built);
        (old.record, old.failure) = (Some(record("another")), Some(failure(&old, "k1")));
        assert!(with_prebuilts(&[old], &["a"], &[], &request).is_empty(), "neither stale nor failed");
    }
    let mut bare = served(false);
    (bare.headers, bare.key, bare.excluded) = (false, None, Some("BUILD_EXCLUSIVE".into()));
    assert!(
        with_prebuilts(&[bare], &["a"], &[], &request).is_empty(),
        "no word of headers, nor of exclusion"
    );
    assert_eq!(
        with_prebuilts(&[served(true)], &["a"], &[claim("a", false)], &request),
        ["uninstall a/1 for 6.1 (a-modules-6.1 serves) []"],
        "the package's files lie in the place of ours, and it has run depmod"
    );
    assert_eq!(
        with_prebuilts(&[served(true)], &["a"], &[claim("a", true)], &request),
        [
            "uninstall a/1 for 6.1 (a-modules-6.1 serves) []",
            "depmod 6.1 (modules change) [0]",
            "initramfs 6.1 (modules change) [1]"
        ]
    );
    let other = Request { modules: vec![ModuleId::new("b", "1").unwrap()], ..Request::default() };
    assert!(with_prebuilts(&[served(true)], &["a"], &[claim("a", true)], &other).is_empty());
    // Its sources may be gone, or not ask for autoinstall.
    assert_eq!(with_prebuilts(&[], &["a"], &[claim("a", true)], &request).len(), 3);
    // The package goes: what is in the tree is installed, and no compiler runs.
    let mut back = candidate("a", "6.1", State::Built);
    back.record = Some(record("k1"));
    assert_eq!(
        with_prebuilts(&[back], &[], &[], &Request::default()),
        ["install a/1 for 6.1 (built, not installed) []", "depmod 6.1 (modules change) [0]"]
    );
}

#[test]
fn what_is_built_upon_a_prebuilt_needs_its_sources() {
    let mut upon = candidate("b", "6.1", State::Added);
    upon.depends = vec!["a".into()];
    let request = Request::default();
    assert_eq!(
        with_prebuilts(std::slice::from_ref(&upon), &["a"], &[], &request),
        [
            "b/1 for kernel 6.1 is built against a, of which only prebuilt modules are there: its sources have to be \
              installed too"
        ]
    );
    let served = |is_built| candidate("a", "6.1", State::Prebuilt { is_built });
    assert_eq!(
        with_prebuilts(&[upon.clone(), served(false)], &["a"], &[], &request),
        [
            "build a/1 for 6.1 (another module is built against it) []",
            "build b/1 for 6.1 (missing) [0]",
            "install b/1 for 6.1 (missing) [1]",
            "depmod 6.1 (modules change) [2]"
        ],
        "built for what it exports, and not installed"
    );
    assert_eq!(with_prebuilts(&[upon.clone(), served(true)], &["a"], &[], &request).len(), 3, "it is there");
    let mut broken = served(false);
    broken.failure = Some(failure(&broken, "k1"));
    let told = with_prebuilts(&[upon.clone(), broken], &["a"], &[], &request).join("\n");
    assert!(told.contains("b/1 for kernel 6.1 waits for a") && !told.contains("build b/1"), "{told}");
    (upon.state, upon.record) = (State::Installed, Some(record("k1")));
    assert!(with_prebuilts(&[upon, served(false)], &["a"], &[], &request).is_empty());
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
    let mut upon_it = candidate("b", "6.1", State::Added);
    (upon_it.image, upon_it.depends) = (false, vec!["a".into()]);
    assert_eq!(
        shown(&[upon_it, headers_only], &Request::default()),
        ["build a/1, 6.1, x86_64 []", "build b/1, 6.1, x86_64 [0]"]
    );
}

/// Regression: it was only to be installed again, which failed at the very file that is missing.
#[test]
fn what_is_incomplete_in_the_tree_is_built_again() {
    let mut half = candidate("a", "6.1", State::Incomplete("a.ko is missing in the tree".into()));
    assert!(shown(&[half.clone()], &Request::default()).contains(&"build a/1, 6.1, x86_64 []".to_string()));
    half.record = Some(record("k1"));
    assert!(shown(&[half.clone()], &Request::default()).contains(&"build a/1, 6.1, x86_64 []".to_string()));
    half.headers = false;
    half.key = None;
    assert_eq!(shown(&[half], &Request::default()), ["no headers 6.1 1"]);
}

/// What a plugin of kernel-install or a hook of pacman does after us, we need not do.
#[test]
fn what_others_do_anyway_is_left_to_them() {
    let wanted = [candidate("a", "6.1", State::Added)];
    let actions = |request: Request| -> Vec<&'static str> {
        let kernels = [release("6.1")];
        let found =
            Found { candidates: &wanted, initramfs: &kernels, outdated: &kernels, ..Found::default() };
        let name = |step: &Step| match step.action {
            Action::Depmod { .. } => "depmod",
            Action::Initramfs { .. } => "initramfs",
            _ => "module",
        };
        plan(found, Vec::new(), &request).steps.iter().map(name).collect()
    };
    let usual = Request { initramfs: true, ..Request::default() };
    assert_eq!(actions(usual.clone()), ["module", "module", "depmod", "initramfs"]);
    let follows = vec![release("6.1")];
    assert_eq!(
        actions(Request { initramfs_follows: follows, ..usual.clone() }),
        ["module", "module", "depmod"]
    );
    assert_eq!(actions(Request { depmod_follows: true, ..usual }), ["module", "module"]);
}

/// Regression: a run that was cut off between depmod and the initramfs left that as it was for good.
#[test]
fn an_initramfs_older_than_its_modules_is_written() {
    let mut done = candidate("a", "6.1", State::Installed);
    done.record = Some(record("k1"));
    let kernels = [release("6.1")];
    let found = Found { candidates: &[done], initramfs: &kernels, outdated: &kernels, ..Found::default() };
    let planned = |initramfs| plan(found, Vec::new(), &Request { initramfs, ..Request::default() });
    assert!(planned(false).steps.is_empty());
    let steps = planned(true).steps;
    assert!(matches!(steps.as_slice(), [Step { action: Action::Initramfs { .. }, .. }]), "{steps:?}");
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
