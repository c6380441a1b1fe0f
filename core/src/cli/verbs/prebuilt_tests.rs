//! A root where packages have brought modules for kernels, with and without the sources: what is told, planned and left alone.

use super::build::{Options, build};
use super::kernel_gone::{Occasion, kernel_gone};
use super::plan::take_stock;
use super::status::{Filter, dkms_status, report};
use super::uninstall::{Scope, uninstall};
use crate::cli::context::{Audience, Common, Context};
use crate::cli::testing::Fixture;
use crate::inventory::{Digests, Prebuilts, State, packaged};
use crate::model::{Failure, ModuleId};
use crate::plan::Request;
use crate::report::status::table;

const OLD: &str = "6.1.0-55-amd64";
const NEW: &str = "6.1.0-56-amd64";

/// `m` 1.0 with sources, installed for the older kernel; nothing else.
fn machine() -> Fixture {
    let f = Fixture::debian();
    f.kernel(OLD);
    f.bare_kernel(NEW);
    f.source("m", "1.0", &["m"]);
    f.added("m", "1.0");
    f.installed("m", "1.0", OLD, &f.arch, &["m"]);
    f
}

fn status(f: &Fixture) -> Vec<String> {
    let report = report(&f.context(), &Filter::default()).unwrap();
    let text = table(&report.instances, false);
    text.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn dkms(f: &Fixture) -> Vec<String> {
    let lines = dkms_status(&f.context(), &Filter::default()).unwrap().lines;
    lines.into_iter().map(|line| line.replace(&f.arch, "ARCH")).collect()
}

fn plan(f: &Fixture) -> String {
    let context = f.context();
    let finder = context.finder();
    let survey = context.survey(&finder);
    let plan = take_stock(&context, &survey, context.tree().unwrap(), &Request::default()).unwrap().plan;
    plan.to_string()
}

/// What root gets who calls a verb.
fn called(f: &Fixture, audience: Audience) -> Context {
    let common = Common { root: Some(f.at("/")), quiet: true, ..Common::default() };
    let mut context = Context::new(&common, audience).unwrap();
    context.environment.is_root = true;
    context
}

fn m() -> ModuleId {
    ModuleId::new("m", "1.0").unwrap()
}

#[test]
fn a_package_serves_whatever_version_it_has() {
    let f = machine();
    assert!(plan(&f).contains("kernel 6.1.0-56-amd64 has no headers"), "{}", plan(&f));
    f.prebuilt("m", "0.9", NEW, "updates/dkms", &["m"]);
    assert_eq!(
        status(&f),
        [
            "m/1.0 6.1.0-55-amd64 installed",
            "m/1.0 6.1.0-56-amd64 prebuilt 0.9 from m-modules-6.1.0-56-amd64 0.9-1"
        ]
    );
    assert_eq!(dkms(&f), ["m/1.0, 6.1.0-55-amd64, ARCH: installed"], "the tree, and nothing else");
    let text = plan(&f);
    assert!(text.starts_with("  1  adopt") && text.lines().count() == 1, "{text}");
    // To whoever makes such packages it is nothing.
    let context = f.context();
    let finder = context.finder();
    let maker = context.survey(&finder).without_prebuilts();
    let (tree, kernel) = (context.tree().unwrap(), context.kernel(NEW, None).unwrap());
    assert_eq!(maker.candidate(tree.find(&m()).unwrap(), &kernel).unwrap().state, State::Added);
    // Its sources need not be there, nor of use.
    f.prebuilt("x", "2", NEW, "extra/x", &["x", "y"]);
    let x = "x/2 6.1.0-56-amd64 prebuilt 2 from x-modules-6.1.0-56-amd64 2-1".to_string();
    assert_eq!(status(&f).last(), Some(&x));
    f.source("x", "3", &["x"]);
    f.added("x", "3");
    f.file("/usr/src/x-3/dkms.conf", "");
    assert!(status(&f).contains(&x), "{:?}", status(&f));
    f.remove("/usr/src/x-3");
    assert_eq!(status(&f).iter().filter(|line| line.starts_with("x/")).count(), 2, "{:?}", status(&f));
    let json = serde_json::to_value(report(&f.context(), &Filter::default()).unwrap()).unwrap();
    let served = serde_json::json!({
        "version": "0.9", "package": "m-modules-6.1.0-56-amd64", "package_version": "0.9-1"
    });
    assert_eq!(
        (&json["instances"][1]["stage"], &json["instances"][1]["prebuilt"]),
        (&"prebuilt".into(), &served)
    );
    assert!(json["instances"][0]["prebuilt"].is_null());
    let of = |module: &str| {
        let filter = Filter { module: Some(module.into()), ..Filter::default() };
        report(&f.context(), &filter).unwrap().instances.len()
    };
    assert_eq!((of("x"), of("m"), of("z")), (2, 2, 0));
}

#[test]
fn the_schema_has_every_field_of_a_line() {
    let f = machine();
    f.prebuilt("m", "0.9", NEW, "updates/dkms", &["m"]);
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../../../../docs/status.schema.json")).unwrap();
    let json = serde_json::to_value(report(&f.context(), &Filter::default()).unwrap()).unwrap();
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let mut required: Vec<_> = schema["$defs"]["line"]["required"].as_array().unwrap().clone();
    required.sort_by_key(ToString::to_string);
    assert_eq!(keys(&json["instances"][1]), required.iter().map(|k| k.as_str().unwrap()).collect::<Vec<_>>());
    assert_eq!(keys(&schema["$defs"]["prebuilt"]["properties"]), keys(&json["instances"][1]["prebuilt"]));
}

#[test]
fn what_was_built_here_makes_way() {
    // In the place of ours, as on Debian: only the claim has to go.
    let f = machine();
    f.prebuilt("m", "1.0", OLD, "updates/dkms", &["m"]);
    let text = plan(&f);
    assert!(
        text.contains("uninstall  m/1.0 for 6.1.0-55-amd64  (m-modules-6.1.0-55-amd64 serves)"),
        "{text}"
    );
    assert!(!text.contains("depmod") && !text.contains("build"), "{text}");
    assert!(
        status(&f)[0].ends_with("1.0, built here, makes way for it with the next sync"),
        "{:?}",
        status(&f)
    );
    // Beside ours: modprobe has to take the package's.
    let f = machine();
    f.prebuilt("m", "1.0", OLD, "extra/m", &["m"]);
    assert!(plan(&f).contains("depmod     6.1.0-55-amd64"), "{}", plan(&f));
    // It goes; what is in the tree is installed again.
    f.remove("/usr/lib/evermod/prebuilt");
    f.remove(&format!("/lib/modules/{OLD}/updates"));
    f.remove(&format!("/var/lib/dkms/m/kernel-{OLD}-{}", f.arch));
    assert!(plan(&f).contains("install    m/1.0 for 6.1.0-55-amd64  (built, not installed)"), "{}", plan(&f));
}

#[test]
fn verbs_leave_the_files_of_packages_alone() {
    let f = machine();
    f.prebuilt("m", "1.0", OLD, "updates/dkms", &["m"]);
    let place = f.at(&format!("/lib/modules/{OLD}/updates/dkms/m.ko"));
    let brought = std::fs::read(&place).unwrap();
    let context = called(&f, Audience::Caller);
    let kernels = vec![context.kernel(OLD, None).unwrap()];
    let install = Options { install: true, ..Options::default() };
    let refused = build(&context, &m(), &kernels, install).unwrap_err();
    let Failure::Told(told) = &refused else { panic!("{refused:?}") };
    assert_eq!(
        told.to_string(),
        "m/1.0 is not installed for kernel 6.1.0-55-amd64: m-modules-6.1.0-55-amd64 1.0-1 serves it with prebuilt modules"
    );
    assert_eq!(refused.exit_code(), 6);
    // Scripts that call DKMS's command have nothing to complain of.
    build(&called(&f, Audience::Dkms), &m(), &kernels, install).unwrap();
    uninstall(&context, &m(), &Scope::Kernels(kernels), false).unwrap();
    assert_eq!(std::fs::read(&place).unwrap(), brought);
    assert_eq!(dkms(&f), ["m/1.0, 6.1.0-55-amd64, ARCH: built"], "the claim is gone, the build is kept");
    uninstall(&context, &m(), &Scope::All, true).unwrap();
    assert_eq!(std::fs::read(&place).unwrap(), brought);
    assert_eq!(dkms(&f), ["m/1.0: added"]);
}

#[test]
fn a_kernel_that_goes_leaves_packages_to_their_manager() {
    let f = machine();
    f.prebuilt("x", "1", OLD, "updates/dkms", &["x"]);
    // What a package put aside and brought back is ours, though nothing claims it.
    f.remove(&format!("/var/lib/dkms/m/kernel-{OLD}-{}", f.arch));
    let context = called(&f, Audience::Hook);
    kernel_gone(&context, &context.kernel(OLD, None).unwrap(), Occasion::Hook).unwrap();
    assert!(!f.at(&format!("/lib/modules/{OLD}/updates/dkms/m.ko")).exists());
    assert!(f.at(&format!("/lib/modules/{OLD}/updates/dkms/x.ko")).exists());
    assert_eq!(dkms(&f), ["m/1.0: added"]);
}

#[test]
fn what_is_not_whole_does_not_count() {
    type Damage = fn(&Fixture);
    let record = "/usr/lib/evermod/prebuilt/6.1.0-56-amd64/m.json";
    let rows: [(&str, Damage); 7] = [
        ("is altered", |f| f.file("/lib/modules/6.1.0-56-amd64/updates/dkms/m.ko", "x")),
        ("is missing", |f| f.remove("/lib/modules/6.1.0-56-amd64/updates/dkms/m.ko")),
        ("is missing", |f| {
            f.remove("/lib/modules/6.1.0-56-amd64/updates/dkms/m.ko");
            f.dir("/lib/modules/6.1.0-56-amd64/updates/dkms/m.ko");
        }),
        ("no record", |f| f.file("/usr/lib/evermod/prebuilt/6.1.0-56-amd64/m.json", vec![b' '; 3 << 20])),
        ("UTF-8", |f| f.file("/usr/lib/evermod/prebuilt/6.1.0-56-amd64/m.json", [0xff, 0xfe])),
        ("belongs into 6.1.0-56-amd64/m.json", |f| {
            f.dir("/usr/lib/evermod/prebuilt/6.1.0-55-amd64");
            let [from, to] = ["6.1.0-56-amd64/m.json", "6.1.0-55-amd64/m.json"]
                .map(|name| f.at(&format!("/usr/lib/evermod/prebuilt/{name}")));
            std::fs::rename(from, to).unwrap();
        }),
        ("o such file", |f| f.link("/nowhere", "/usr/lib/evermod/prebuilt/6.1.0-56-amd64/m.json")),
    ];
    for (says, damage) in rows {
        let f = machine();
        f.prebuilt("m", "1.0", NEW, "updates/dkms", &["m"]);
        let places = f.context().places;
        let found = Prebuilts::read(&places, &mut Digests::default());
        assert_eq!((found.whole.len(), found.faulty.len()), (1, 0), "{record}");
        damage(&f);
        let found = Prebuilts::read(&places, &mut Digests::default());
        assert_eq!((found.whole.len(), found.faulty.len()), (0, 1), "{says}: {found:?}");
        assert!(found.faulty[0].why.contains(says), "{says}: {:?}", found.faulty[0]);
        assert!(plan(&f).contains("goes without m/1.0"), "{says}: {}", plan(&f));
        assert!(status(&f)[1].starts_with("m/1.0 6.1.0-56-amd64 no headers"), "{:?}", status(&f));
        // A file that is altered is its package's still.
        let place = f.at("/lib/modules/6.1.0-56-amd64/updates/dkms/m.ko");
        assert!(says != "is altered" || packaged(&places).has(&place));
    }
    // Of one that nobody has sources of, too, somebody has to hear.
    let f = machine();
    f.prebuilt("x", "1", NEW, "updates/dkms", &["x"]);
    f.file("/lib/modules/6.1.0-56-amd64/updates/dkms/x.ko", "x");
    let x = "x/1 6.1.0-56-amd64 broken 1 from x-modules-6.1.0-56-amd64 1-1; \
             /lib/modules/6.1.0-56-amd64/updates/dkms/x.ko is altered";
    assert_eq!(status(&f).last().map(String::as_str), Some(x));
    // What is no directory at all.
    f.remove("/usr/lib/evermod/prebuilt");
    f.file("/usr/lib/evermod/prebuilt", "");
    let found = Prebuilts::read(&f.context().places, &mut Digests::default());
    assert_eq!(found.faulty.len(), 1, "{found:?}");
}
