//! Trees as DKMS 2.2 to 3.4 leave them, made by hand from what is known of their layouts: what `dkms status` prints of
//! them, what a sync would do, what `doctor` says, and what mending changes.

use super::doctor::diagnose;
use super::mend;
use super::plan::take_stock;
use super::status::{Filter, dkms_status};
use crate::cli::testing::Fixture;
use crate::plan::Request;

const K: &str = "6.1.0-55-amd64";
const GONE: &str = "2.6.32-5-amd64";

/// A Debian with one kernel and the sources of `old/1.0`, registered.
fn machine() -> Fixture {
    let f = Fixture::debian();
    f.kernel(K);
    f.source("old", "1.0", &["old"]);
    f.added("old", "1.0");
    f
}

fn t(f: &Fixture, rest: &str) -> String {
    format!("/var/lib/dkms/old/{}", rest.replace("ARCH", &f.arch))
}

/// 2.2: the database's version, directories of the mk* commands, originals without a note, collisions, the kernel's
/// configuration beside the log, builds for a kernel that is long gone.
fn dkms_2_2() -> Fixture {
    let f = machine();
    f.file("/var/lib/dkms/dkms_dbversion", "2.0.0\n");
    for dir in ["rpm", "deb", "bmdeb", "driver_disk", "tarball"] {
        f.dir(&t(&f, &format!("1.0/{dir}")));
    }
    f.installed("old", "1.0", K, &f.arch, &["old"]);
    f.file(&t(&f, &format!("1.0/{K}/ARCH/log/.config")), "CONFIG_MODULES=y\n");
    f.file(&t(&f, &format!("original_module/{K}/ARCH/old.ko")), "the kernel's own");
    f.file(&t(&f, &format!("original_module/{K}/ARCH/collisions/old.ko")), "another of its own");
    f.built("old", "1.0", GONE, &f.arch, &["old"]);
    f.link(&format!("1.0/{GONE}/{}", f.arch), &t(&f, &format!("kernel-{GONE}-ARCH")));
    f
}

/// 2.8: architectures by the package manager's name, a kernel whose name begins with no digit, two versions.
fn dkms_2_8() -> Fixture {
    let f = machine();
    f.installed("old", "1.0", K, "amd64", &["old"]);
    f.kernel("foo-1");
    f.installed("old", "1.0", "foo-1", &f.arch, &["old"]);
    f.source("old", "0.9", &["old"]);
    f.added("old", "0.9");
    f.built("old", "0.9", K, "amd64", &["old"]);
    f
}

/// 3.0: `source` may be a directory, or lead nowhere; no Module.symvers.
fn dkms_3_0() -> Fixture {
    let f = machine();
    f.installed("old", "1.0", K, &f.arch, &["old"]);
    f.remove("/var/lib/dkms/old/1.0/source");
    std::fs::rename(f.at("/usr/src/old-1.0"), f.at("/var/lib/dkms/old/1.0/source")).unwrap();
    f.added("nowhere", "2");
    f.built("nowhere", "2", K, &f.arch, &["nowhere"]);
    f
}

/// 3.1: Module.symvers, staging directories, notes of where originals came from.
fn dkms_3_1() -> Fixture {
    let f = machine();
    f.installed("old", "1.0", K, &f.arch, &["old"]);
    f.file(&t(&f, &format!("1.0/{K}/ARCH/module/Module.symvers")), "");
    f.file(&t(&f, &format!("1.0/{K}/.tmp_ARCH_Ab12Cd/module/old.ko")), "half");
    f.file(&t(&f, &format!("original_module/{K}/ARCH/old.ko.xz")), "the kernel's own");
    f.file(
        &t(&f, &format!("original_module/{K}/ARCH/old.ko.xz.origin")),
        format!("/lib/modules/{K}/kernel/drivers/old.ko.xz\n"),
    );
    f
}

/// 3.2: notes on the dependencies that a build saw, the kernel's configuration under its newer name, a run of
/// kernel_prerm that was cut off.
fn dkms_3_2() -> Fixture {
    let f = machine();
    f.installed("old", "1.0", K, &f.arch, &["old"]);
    f.file(&t(&f, &format!("1.0/{K}/ARCH/.dep_zfs")), "2.3\n");
    f.file(&t(&f, &format!("1.0/{K}/ARCH/log/auto.conf")), "CONFIG_MODULES=y\n");
    f.file(&format!("/var/lib/dkms/depmod-pending-{K}-{}", f.arch), "");
    f.file("/var/lib/dkms/post_transaction.log", "");
    f
}

/// 3.4: patches and scripts of the administrator; a link whose build was taken away, and a link that is missing.
fn dkms_3_4() -> Fixture {
    let f = machine();
    f.installed("old", "1.0", K, &f.arch, &["old"]);
    f.file("/etc/dkms/old/patches/fix.patch", "");
    f.link(&format!("0.8/{GONE}/{}", f.arch), &t(&f, &format!("kernel-{GONE}-ARCH")));
    f.source("lost", "1", &["lost"]);
    f.installed("lost", "1", K, &f.arch, &["lost"]);
    f
}

/// A tree, and what is said of it; `ARCH` stands for the machine's.
struct Row {
    made_by: &'static str,
    tree: fn() -> Fixture,
    status: &'static [&'static str],
    plan: &'static [&'static str],
    /// Check and place.
    doctor: &'static [(&'static str, &'static str)],
}

const ROWS: &[Row] = &[
    Row {
        made_by: "2.2",
        tree: dkms_2_2,
        status: &[
            "old/1.0, 2.6.32-5-amd64, ARCH: installed (Differences between built and installed modules)",
            "old/1.0, 6.1.0-55-amd64, ARCH: installed (Original modules exist)",
        ],
        plan: &["adopt old/1.0 6.1.0-55-amd64"],
        doctor: &[
            ("kernel-gone", "kernel 2.6.32-5-amd64"),
            ("old-database", "/var/lib/dkms/dkms_dbversion"),
            ("original-module", "/var/lib/dkms/old/original_module/6.1.0-55-amd64/ARCH/collisions"),
            ("original-module", "/var/lib/dkms/old/original_module/6.1.0-55-amd64/ARCH/old.ko"),
        ],
    },
    Row {
        made_by: "2.8",
        tree: dkms_2_8,
        status: &[
            "old/0.9, 6.1.0-55-amd64, amd64: built",
            "old/1.0, foo-1, ARCH: installed",
            "old/1.0, 6.1.0-55-amd64, amd64: installed",
        ],
        plan: &["adopt old/1.0 foo-1", "adopt old/1.0 6.1.0-55-amd64"],
        doctor: &[
            ("two-architectures", "/var/lib/dkms/old/0.9/6.1.0-55-amd64/amd64"),
            ("two-architectures", "/var/lib/dkms/old/1.0/6.1.0-55-amd64/amd64"),
        ],
    },
    Row {
        made_by: "3.0",
        tree: dkms_3_0,
        status: &["nowhere/2: broken", "old/1.0, 6.1.0-55-amd64, ARCH: installed"],
        plan: &["adopt old/1.0 6.1.0-55-amd64", "broken nowhere/2"],
        doctor: &[("broken-module", "nowhere/2")],
    },
    Row {
        made_by: "3.1",
        tree: dkms_3_1,
        status: &["old/1.0, 6.1.0-55-amd64, ARCH: installed (Original modules exist)"],
        plan: &["adopt old/1.0 6.1.0-55-amd64"],
        doctor: &[("half-built", "/var/lib/dkms/old/1.0/6.1.0-55-amd64/.tmp_ARCH_Ab12Cd")],
    },
    Row {
        made_by: "3.2",
        tree: dkms_3_2,
        status: &["old/1.0, 6.1.0-55-amd64, ARCH: installed"],
        plan: &["adopt old/1.0 6.1.0-55-amd64"],
        doctor: &[("depmod-pending", "/var/lib/dkms/depmod-pending-6.1.0-55-amd64-ARCH")],
    },
    Row {
        made_by: "3.4",
        tree: dkms_3_4,
        status: &["lost/1: broken", "old/1.0, 6.1.0-55-amd64, ARCH: installed"],
        plan: &["adopt old/1.0 6.1.0-55-amd64", "broken lost/1"],
        doctor: &[
            ("broken-module", "lost/1"),
            ("active-link", "/var/lib/dkms/old/kernel-2.6.32-5-amd64-ARCH"),
        ],
    },
];

fn status(f: &Fixture) -> Vec<String> {
    dkms_status(&f.context(), &Filter::default()).unwrap().lines
}

fn plan(f: &Fixture) -> Vec<String> {
    let context = f.context();
    let finder = context.finder();
    let plan = take_stock(&context, &context.survey(&finder), context.tree().unwrap(), &Request::default())
        .unwrap()
        .plan;
    let steps = plan.steps.iter().map(|step| {
        let text = step.to_string();
        let (verb, rest) = text.split_once(' ').unwrap();
        format!("{verb} {}", rest.trim().split("  (").next().unwrap().replace(" for ", " "))
    });
    let notes = plan.notes.iter().map(|note| match note {
        crate::plan::Note::Broken { module } => format!("broken {module}"),
        other => other.to_string(),
    });
    steps.chain(notes).collect()
}

fn doctor(f: &Fixture) -> Vec<(&'static str, String)> {
    let found = diagnose(&f.context()).unwrap().findings;
    found.into_iter().filter(|f| f.check != "disk").map(|f| (f.check, f.place)).collect()
}

/// Everything below the tree, by name and content.
fn everything(f: &Fixture) -> Vec<String> {
    fn walk(dir: &std::path::Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let entry = entry.unwrap();
            let path = entry.path();
            let kind = entry.file_type().unwrap();
            let content = if kind.is_symlink() {
                std::fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
            } else if kind.is_file() {
                std::fs::read(&path).unwrap()
            } else {
                Vec::new()
            };
            found.push(format!("{} {content:?}", path.display()));
            if kind.is_dir() {
                walk(&path, found);
            }
        }
    }
    let mut found = Vec::new();
    walk(&f.at("/"), &mut found);
    found.sort();
    found
}

#[test]
fn trees_of_all_versions_are_read() {
    for row in ROWS {
        let f = (row.tree)();
        let before = everything(&f);
        let here = |text: &&str| text.replace("ARCH", &f.arch);
        let by = row.made_by;
        assert_eq!(status(&f), row.status.iter().map(here).collect::<Vec<_>>(), "status of {by}");
        assert_eq!(plan(&f), row.plan.iter().map(here).collect::<Vec<_>>(), "plan of {by}");
        if f.arch == "x86_64" {
            let expected: Vec<_> = row.doctor.iter().map(|(check, place)| (*check, here(place))).collect();
            assert_eq!(doctor(&f), expected, "doctor of {by}");
        }
        assert_eq!(everything(&f), before, "looking at a tree of {by} changed it");
    }
}

/// What a sync does beside building: all that the doctor says of these trees and a sync may mend is mended, and what
/// cannot be made again is left.
#[test]
fn mending() {
    for row in ROWS {
        let f = (row.tree)();
        let context = f.context();
        let kept: Vec<_> = everything(&f).into_iter().filter(|line| line.contains("/module/")).collect();
        let tree = context.tree().unwrap();
        mend::before(&context).unwrap();
        mend::after(&context, &tree).unwrap();
        let left: Vec<_> = diagnose(&context)
            .unwrap()
            .findings
            .into_iter()
            // Its depmod is a step of the plan.
            .filter(|f| f.by_sync && f.check != "depmod-pending")
            .collect();
        assert_eq!(left, [], "{}", row.made_by);
        let now = everything(&f);
        let lost: Vec<_> =
            kept.iter().filter(|line| !now.contains(line) && !line.contains(".tmp_")).collect();
        assert!(lost.is_empty(), "{}: {lost:?}", row.made_by);
    }
    let f = dkms_3_2();
    mend::before(&f.context()).unwrap();
    assert!(plan(&f).contains(&format!("depmod {K}")), "{:?}", plan(&f));
    let f = dkms_3_4();
    mend::before(&f.context()).unwrap();
    assert_eq!(
        status(&f),
        [format!("lost/1, {K}, {}: installed", f.arch), format!("old/1.0, {K}, {}: installed", f.arch)]
    );
}

/// The link says whose the file below the kernel is: it goes only where there is no such file.
#[test]
fn a_link_to_nothing_stays_while_the_kernel_has_its_files() {
    let f = machine();
    f.installed("old", "1.0", K, &f.arch, &["old"]);
    f.remove(&t(&f, &format!("1.0/{K}")));
    let link = f.at(&t(&f, &format!("kernel-{K}-ARCH")));
    let context = f.context();
    mend::after(&context, &context.tree().unwrap()).unwrap();
    assert!(link.symlink_metadata().is_ok());
    f.remove(&format!("/lib/modules/{K}/updates/dkms/old.ko"));
    mend::after(&context, &context.tree().unwrap()).unwrap();
    assert!(link.symlink_metadata().is_err());
}

/// A removal that was cut off took the link first: nothing is built, so nobody wants it back.
#[test]
fn a_half_removed_module_is_not_registered_again() {
    let f = machine();
    f.remove("/var/lib/dkms/old/1.0/source");
    mend::before(&f.context()).unwrap();
    assert_eq!(status(&f), ["old/1.0: broken"]);
}

/// DKMS knows no way out of `broken`; evermod has one.
#[test]
fn broken_modules_can_be_removed() {
    use super::uninstall::Scope;
    for lose in ["/usr/src/old-1.0", "/var/lib/dkms/old/1.0/source"] {
        let f = machine();
        f.built("old", "1.0", K, &f.arch, &["old"]);
        f.remove(lose);
        let context = f.context();
        let module = "old/1.0".parse().unwrap();
        let failure = super::remove::remove(&context, &module, &Scope::All, false).unwrap_err();
        assert_eq!(failure.exit_code(), 4, "as DKMS has it");
        mend::remove(&context, &module, &Scope::All).unwrap();
        assert!(!f.at("/var/lib/dkms/old").exists(), "{lose}");
        assert!(status(&f).is_empty());
    }
}

/// Regression: with the last kernel, the hook of a DKMS that was removed and not purged took the registration.
#[test]
fn a_kernel_that_goes_takes_no_registration_along() {
    use super::uninstall::Scope;
    for (caller, left) in
        [(Some("linux-image-6.1.0-55-amd64"), vec!["old/1.0: added".to_string()]), (None, vec![])]
    {
        let f = machine();
        f.built("old", "1.0", K, &f.arch, &["old"]);
        let mut context = f.context();
        context.environment.variables.remove("DPKG_MAINTSCRIPT_PACKAGE");
        if let Some(caller) = caller {
            context.environment.variables.insert("DPKG_MAINTSCRIPT_PACKAGE".into(), caller.into());
        }
        let scope = Scope::Kernels(vec![context.kernel(K, None).unwrap()]);
        super::remove::remove(&context, &"old/1.0".parse().unwrap(), &scope, false).unwrap();
        assert_eq!(status(&f), left);
    }
}
