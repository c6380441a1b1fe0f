use super::*;
use crate::read::PackageFile;
use crate::{FileTrigger, Trigger};

pub(crate) const SOURCE_DATE: u64 = 1_700_000_000;

/// A package with something of everything; what only one format knows is added by its tests.
pub(crate) fn package() -> Package {
    let mut package = Package {
        name: "m".to_owned(),
        version: Version { epoch: 1, upstream: "2.0".to_owned(), release: "3".to_owned() },
        architecture: Architecture::Machine("x86_64".to_owned()),
        summary: "A module".to_owned(),
        description: "Several\nlines\n\nof text".to_owned(),
        maintainer: "A Person <a@b.invalid>".to_owned(),
        license: "GPL-2.0-only".to_owned(),
        triggers: vec![Trigger::InterestNoAwait("/usr/src".to_owned())],
        changelog: vec![Change {
            author: "A Person".to_owned(),
            time: 5,
            changes: vec!["One.".to_owned()],
            ..Change::default()
        }],
        ..Package::default()
    };
    package.relations.insert(
        RelationKind::Depends,
        vec![Dependency::on("bash"), Dependency::versioned("kmod", Comparison::GreaterEqual, "29")],
    );
    package
        .relations
        .insert(RelationKind::Provides, vec![Dependency::versioned("dkms", Comparison::Equal, "3.4.3")]);
    package.entries = vec![
        Entry::program("/usr/bin/m", "#!/bin/sh\n"),
        Entry::configuration("/etc/m.conf", "x=1\n"),
        Entry::symlink("/usr/src/m-2.0/link", "/usr/bin/m"),
        Entry::file("/usr/src/m-2.0/a name = # \u{e4}.c", "int m;\n"),
        Entry::directory("/var/lib/m").with_mode(0o750),
    ];
    package.scripts.insert(ScriptPoint::AfterInstall, "#!/bin/sh\necho after\n".to_owned());
    package
}

/// What [`package`] must look like to a reader; `parents` where the format has directories above the entries.
pub(crate) fn check_by_reading(bytes: &[u8], parents: bool) -> PackageFile {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("package");
    std::fs::write(&file, bytes).unwrap();
    let read = PackageFile::open(&file).unwrap();
    assert_eq!(
        (read.name.as_str(), read.version.as_str(), read.architecture.as_str()),
        ("m", "1:2.0-3", "x86_64")
    );
    let mut expected: Vec<String> = package().entries.into_iter().map(|e| e.path[1..].to_owned()).collect();
    if parents {
        expected.extend(
            ["etc", "usr", "usr/bin", "usr/src", "usr/src/m-2.0", "var", "var/lib"].map(str::to_owned),
        );
    }
    expected.sort();
    let mut paths = read.paths().unwrap();
    paths.sort();
    assert_eq!(paths, expected);
    let into = dir.path().join("into");
    std::fs::create_dir(&into).unwrap();
    let mut made = read.unpack(&into, &|_| true).unwrap();
    made.sort();
    assert_eq!(made, expected);
    assert_eq!(std::fs::read_to_string(into.join("usr/src/m-2.0/a name = # \u{e4}.c")).unwrap(), "int m;\n");
    assert_eq!(std::fs::read_link(into.join("usr/src/m-2.0/link")).unwrap().to_str(), Some("/usr/bin/m"));
    let mode = |path: &str| std::fs::metadata(into.join(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode("usr/bin/m"), mode("etc/m.conf"), mode("var/lib/m")), (0o755, 0o644, 0o750));
    read
}

fn with_triggers() -> Package {
    let trigger = |change, directories: &[&str], text: &str| FileTrigger {
        change,
        directories: directories.iter().map(|dir| (*dir).to_owned()).collect(),
        script: format!("#!/bin/sh\n{text}\n"),
    };
    let mut package = package();
    package.file_triggers = vec![
        trigger(FileChange::Installed, &["/usr/src", "/usr/lib/modules"], "echo in"),
        trigger(FileChange::Removed, &["/usr/src"], "echo out"),
    ];
    let rich = Dependency::on("(kernel-devel-matched if kernel-core)");
    package.relations.get_mut(&RelationKind::Depends).unwrap().push(rich);
    package.relations.insert(RelationKind::Recommends, vec![Dependency::on("zstd").or("xz")]);
    package
}

#[test]
fn the_same_bytes_each_time_that_a_reader_understands() {
    let package = with_triggers();
    let bytes = write(&package, SOURCE_DATE).unwrap();
    assert!(bytes == write(&package, SOURCE_DATE).unwrap());
    assert!(bytes != write(&package, SOURCE_DATE + 1).unwrap());
    check_by_reading(&bytes, false);
    assert_eq!(file_name(&package), "m-2.0-3.x86_64.rpm");
}

/// What the crate cannot say: one script for several directories, and the name of the sources.
#[test]
fn one_trigger_has_several_directories() {
    let bytes = write(&with_triggers(), SOURCE_DATE).unwrap();
    let built = ::rpm::Package::parse(&mut &bytes[..]).unwrap();
    built.verify_digests().unwrap();
    let triggers = built.metadata.get_trans_file_triggers().unwrap();
    let told: Vec<(String, Vec<&str>)> = triggers
        .iter()
        .map(|trigger| (trigger.script.clone(), trigger.conditions.iter().map(|c| c.name.as_str()).collect()))
        .collect();
    assert_eq!(
        told,
        [
            ("echo in\n".to_owned(), vec!["/usr/lib/modules", "/usr/src"]),
            ("echo out\n".to_owned(), vec!["/usr/src"])
        ]
    );
    assert_eq!(built.metadata.get_source_rpm().unwrap(), "m-2.0-3.src.rpm");
    let requires: Vec<String> =
        built.metadata.get_requires().unwrap().iter().map(ToString::to_string).collect();
    for wanted in [
        "(kernel-devel-matched if kernel-core)",
        "kmod >= 29",
        "/bin/sh",
        "rpmlib(RichDependencies) <= 4.12.0-1",
    ] {
        assert!(requires.iter().any(|one| one == wanted), "{wanted}: {requires:?}");
    }
    let recommends = built.metadata.get_recommends().unwrap();
    assert_eq!(recommends.iter().map(ToString::to_string).collect::<Vec<_>>(), ["(zstd or xz)"]);
}

#[test]
fn what_rpm_would_not_take_is_refused() {
    let refused = |change: &dyn Fn(&mut Package), why: &str| {
        let mut package = package();
        change(&mut package);
        let error = write(&package, SOURCE_DATE).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    };
    refused(&|p| p.version.upstream = "2-0".to_owned(), "rpm: ");
    refused(&|p| p.name = "a b".to_owned(), "rpm: ");
    for script in ["#!<lua>\nprint()\n", "#!/bin/sh -e\n", "#!sh\n"] {
        refused(&|p| p.scripts = [(ScriptPoint::AfterInstall, script.to_owned())].into(), "interpreter");
    }
    for bad in [Dependency::on("a b"), Dependency::on(""), Dependency(Vec::new())] {
        refused(&|p| p.relations = [(RelationKind::Depends, vec![bad.clone()])].into(), "relation");
    }
    let error = write(&package(), 1 << 33).unwrap_err().to_string();
    assert!(error.contains("date"), "{error}");
}
