//! Every check finds what it is for, in a root where nothing else is wrong, and names the command that mends it.

macro_rules! row {
    ($check:literal, $severity:expr, $damage:expr, $says:literal, $mend:literal, $by_sync:literal) => {
        Row {
            check: $check,
            severity: $severity,
            damage: $damage,
            says: $says,
            mend: $mend,
            by_sync: $by_sync,
        }
    };
}

mod machine_rows;
mod tree_rows;

use super::doctor::{diagnose, text};
use crate::cli::testing::Fixture;
use crate::doctor::{Finding, Severity, checks};
use crate::install::testing::module;
use crate::sign::{Hash, load_or_create, sign_module};
use std::collections::BTreeSet;
use std::time::SystemTime;

const K: &str = "6.1.0-55-amd64";

/// One module, installed for one kernel; nothing is wrong.
fn healthy() -> Fixture {
    let f = Fixture::debian();
    f.kernel(K);
    f.source("m", "1.0", &["m"]);
    f.added("m", "1.0");
    f.installed("m", "1.0", K, &f.arch, &["m"]);
    f
}

fn findings(f: &Fixture) -> Vec<Finding> {
    // How full the disk of the tests is, is not theirs.
    diagnose(&f.context()).unwrap().findings.into_iter().filter(|f| f.check != "disk").collect()
}

fn tree(f: &Fixture, rest: &str) -> String {
    format!("/var/lib/dkms/m/{}", rest.replace("ARCH", &f.arch))
}

fn secure_boot(f: &Fixture, trusted: &[u8]) {
    f.file("/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", [6, 0, 0, 0, 1]);
    f.file("/sys/firmware/efi/mok-variables/MokListRT", trusted);
}

/// A pair where DKMS keeps it, and the module signed with it; the certificate.
fn keys(f: &Fixture) -> Vec<u8> {
    keys_at(f, ["/var/lib/dkms/mok.key", "/var/lib/dkms/mok.pub"])
}

fn keys_at(f: &Fixture, paths: [&str; 2]) -> Vec<u8> {
    let paths = paths.map(|path| f.at(path));
    let loaded = load_or_create(&paths[0], &paths[1], "The Key", SystemTime::now()).unwrap();
    let signed = sign_module(&module(&["version=1.0"]), &loaded.pair, Hash::Sha256).unwrap();
    for place in
        [tree(f, &format!("1.0/{K}/ARCH/module/m.ko")), format!("/lib/modules/{K}/updates/dkms/m.ko")]
    {
        f.file(&place, &signed);
    }
    loaded.pair.certificate().der().to_vec()
}

struct Row {
    check: &'static str,
    severity: Severity,
    damage: fn(&Fixture),
    /// In the finding's place or text.
    says: &'static str,
    /// In the command; empty where there is none.
    mend: &'static str,
    by_sync: bool,
}

fn rows() -> impl Iterator<Item = &'static Row> {
    tree_rows::ROWS.iter().chain(machine_rows::ROWS)
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    let f = healthy();
    assert_eq!(findings(&f), []);
    let certificate = keys(&f);
    secure_boot(&f, &certificate);
    assert_eq!(findings(&f), [], "signed by an enrolled key");
    // A package has the module for one kernel, and more of another whose sources are not here.
    let new = "6.1.0-56-amd64";
    f.kernel(new);
    f.prebuilt("m", "0.9", new, "updates/dkms", &["m"]);
    f.prebuilt("x", "1", new, "updates/dkms", &["x", "y"]);
    let found = findings(&f);
    assert!(found.iter().all(|f| f.check == "signature"), "no orphans, nothing to be built: {found:#?}");
    assert_eq!(found.len(), 3, "Secure Boot is on, and they are not signed: {found:#?}");
    assert_eq!(findings(&Fixture::debian()), [], "without kernels and modules");
}

#[test]
fn every_check_finds_what_it_is_for() {
    for (index, row) in rows().enumerate() {
        let f = healthy();
        if f.arch != "x86_64" && row.check == "two-architectures" {
            continue;
        }
        (row.damage)(&f);
        let found = findings(&f);
        let finding = found
            .iter()
            .find(|finding| finding.check == row.check && finding.severity == row.severity)
            .unwrap_or_else(|| panic!("row {index}: {} finds nothing: {found:#?}", row.check));
        let text = finding.to_string();
        assert!(text.contains(row.says), "row {index}: {text}");
        let mend = finding.mend.as_deref().unwrap_or_default();
        assert!(mend.contains(row.mend) && mend.is_empty() == row.mend.is_empty(), "row {index}: {text}");
        assert_eq!(finding.by_sync, row.by_sync, "row {index}: {text}");
        // What follows from the damage is told too, but never another thing as well.
        let others: BTreeSet<_> = found.iter().map(|f| f.check).filter(|c| *c != row.check).collect();
        let follows: &[&str] = match row.check {
            // The file that took the place of an active one belongs to nothing any more.
            "broken-module" | "unreadable-conf" => &[],
            "incomplete-build" => &["orphan-module"],
            // Fedora has modules elsewhere than where this root has them.
            "prebuilt-record" => &["left-out"],
            // What a package left for a kernel that is gone is told of the kernel too.
            "kernel-leftover" => &["no-headers"],
            "two-architectures" | "older-active" => &["not-installed"],
            "signing-key" => &["signature"],
            "shadowed" | "signature" | "enrolment" => &["signature", "enrolment"],
            _ => &[],
        };
        assert!(
            others.iter().all(|other| follows.contains(other)),
            "row {index} ({}): {found:#?}",
            row.check
        );
    }
}

#[test]
fn every_check_has_a_row_and_a_name_of_its_own() {
    let names: Vec<_> = checks().map(|check| check.name).collect();
    let different: BTreeSet<_> = names.iter().copied().collect();
    assert_eq!(names.len(), different.len());
    let tested: BTreeSet<_> = rows().map(|row| row.check).chain(["disk", "failed-build"]).collect();
    assert_eq!(different, tested);
    assert!(checks().all(|check| !check.about.is_empty()));
}

#[test]
fn the_schema_knows_every_check() {
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../../../../../docs/doctor.schema.json")).unwrap();
    let listed = schema["$defs"]["finding"]["properties"]["check"]["enum"].as_array().unwrap();
    let listed: BTreeSet<_> = listed.iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(listed, checks().map(|check| check.name).collect());
    let f = healthy();
    f.remove("/usr/src/m-1.0");
    let value = serde_json::to_value(diagnose(&f.context()).unwrap()).unwrap();
    let keys = |value: &serde_json::Value| -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    let required = |at: &serde_json::Value| -> BTreeSet<String> {
        at["required"].as_array().unwrap().iter().map(|k| k.as_str().unwrap().to_string()).collect()
    };
    assert_eq!(keys(&value), required(&schema));
    assert_eq!(keys(&value["findings"][0]), required(&schema["$defs"]["finding"]));
}

/// Regression: a key of the present day in the tree, and a person who reads the end first.
#[test]
fn what_a_person_reads() {
    let f = healthy();
    assert_eq!(text(&diagnose(&f.context()).unwrap()), "Nothing is wrong.\n");
    f.remove("/var/lib/dkms/m/1.0/source");
    let told = text(&diagnose(&f.context()).unwrap());
    assert!(told.starts_with("problem  m/1.0: /var/lib/dkms/m/1.0/source is missing"), "{told}");
    assert!(told.ends_with("One finding wants to be mended. `evermod sync` mends 1.\n"), "{told}");
}

/// Keys that were there before are used and never touched: DKMS's, Ubuntu's, and one that cannot be used.
#[test]
fn keys_of_before_are_kept() {
    const UBUNTU: [&str; 2] = ["/var/lib/shim-signed/mok/MOK.priv", "/var/lib/shim-signed/mok/MOK.der"];
    const DKMS: [&str; 2] = ["/var/lib/dkms/mok.key", "/var/lib/dkms/mok.pub"];
    for (release, paths) in [("ID=ubuntu\nID_LIKE=debian\n", UBUNTU), ("ID=debian\n", DKMS)] {
        let f = healthy();
        f.file("/etc/os-release", release);
        let certificate = keys_at(&f, paths);
        secure_boot(&f, &certificate);
        assert_eq!(findings(&f), [], "{release}");
        let read = || paths.map(|path| std::fs::read(f.at(path)).unwrap());
        let before = read();
        super::generate_mok::generate_mok(&f.context()).unwrap();
        assert_eq!(read(), before, "{release}");

        f.file(
            paths[0],
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        );
        let before = read();
        let failure = super::generate_mok::generate_mok(&f.context()).unwrap_err();
        assert!(failure.to_string().contains("the private key is encrypted"), "{failure}");
        assert_eq!(read(), before, "{release}");
    }
}

/// Only a failure with the inputs of today is told: after any change the next sync tries again.
#[test]
fn a_failure_counts_while_its_inputs_are_the_same() {
    use crate::model::{Diagnosis, FailureRecord, Instance};
    let f = healthy();
    let new = "6.12.1-amd64";
    f.kernel(new);
    let context = f.context();
    let kernel = context.kernel(new, None).unwrap();
    let finder = context.finder();
    let survey = context.survey(&finder);
    let tree = context.tree().unwrap();
    let candidate = survey.candidate(&tree.modules[0], &kernel).unwrap();
    let record = FailureRecord {
        version: 1,
        instance: Instance { kernel: kernel.release, ..candidate.instance },
        key: candidate.key.unwrap(),
        code: 10,
        message: "m/1.0 does not build".into(),
        diagnosis: Some(Diagnosis::at("m.c:1:2", "no such thing")),
        log: "/var/lib/evermod/failed/m.log".into(),
        time: 0,
    };
    let place = context.places.failure_record(&record.instance);
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::fs::write(place, serde_json::to_vec(&record).unwrap()).unwrap();
    let found = findings(&f);
    assert_eq!(found.iter().map(|f| f.check).collect::<Vec<_>>(), ["failed-build"], "{found:#?}");
    let told = found[0].to_string();
    assert!(told.contains("it does not build: m.c:1:2: no such thing"), "{told}");
    assert!(told.contains("Log: /var/lib/evermod/failed/m.log"), "{told}");
    assert!(told.contains("mend: evermod sync m/1.0 -k 6.12.1-amd64 --retry"), "{told}");
    f.file("/usr/src/m-1.0/Makefile", "obj-m := y.o\n");
    let found = findings(&f);
    assert_eq!(found.iter().map(|f| f.check).collect::<Vec<_>>(), ["not-installed"], "{found:#?}");
}
