//! Packages against the programs that must read them.

use std::path::Path;
use std::process::{Command, Output};

use super::*;
use crate::{Change, Comparison, Dependency, RelationKind, Relations, Trigger};

const DATE: u64 = 1_700_000_000;

fn sample() -> Package {
    let long = format!("/usr/share/evermod-sample/{}/{}", "directory-".repeat(8), "name-".repeat(12));
    Package {
        name: "evermod-sample".to_owned(),
        version: Version { epoch: 2, upstream: "1.0~rc1".to_owned(), release: "3".to_owned() },
        architecture: Architecture::Machine("x86_64".to_owned()),
        summary: "sample of every kind of entry".to_owned(),
        description: "One paragraph,\nof two lines.\n\nAnother.\n verbatim".to_owned(),
        maintainer: "A Person <person@example.org>".to_owned(),
        section: "kernel".to_owned(),
        homepage: "https://example.org/".to_owned(),
        relations: Relations::from([
            (
                RelationKind::Depends,
                vec![
                    Dependency::versioned("libc6", Comparison::GreaterEqual, "2.36"),
                    Dependency::on("gcc").or("c-compiler"),
                ],
            ),
            (RelationKind::Provides, vec![Dependency::versioned("sample", Comparison::Equal, "3.4.3")]),
        ]),
        entries: vec![
            Entry::program("/usr/bin/evermod-sample", "#!/bin/sh\n"),
            Entry::configuration("/etc/evermod-sample.conf", "a = 1\n"),
            Entry::file("/usr/share/evermod-sample/secret", vec![0u8; 3000]).with_mode(0o600),
            Entry::symlink("/usr/share/evermod-sample/link", "../../bin/evermod-sample"),
            Entry::symlink("/usr/share/evermod-sample/far", "x/".repeat(80)),
            Entry::directory("/var/lib/evermod-sample"),
            Entry::file(long, "long\n"),
        ],
        scripts: [(ScriptPoint::AfterInstall, "#!/bin/sh\nset -e\nexit 0\n".to_owned())].into(),
        triggers: vec![Trigger::InterestNoAwait("/usr/src".to_owned())],
        changelog: vec![Change {
            version: Version { epoch: 2, upstream: "1.0~rc1".to_owned(), release: "3".to_owned() },
            distribution: "stable".to_owned(),
            author: "A Person <person@example.org>".to_owned(),
            time: DATE,
            changes: vec!["A long sentence that must be broken into lines somewhere, ".repeat(3)],
        }],
        copyright: "Anyone may do anything with it.\n".to_owned(),
        extra: vec![("X-Evermod-Kernel".to_owned(), "6.1.0-1-amd64".to_owned())],
        ..Package::default()
    }
}

/// Runs a program of dpkg's; `None`, with a line that says so, where it is absent.
fn run(program: &str, args: &[&str], dir: &Path) -> Option<Output> {
    match Command::new(program).args(args).current_dir(dir).env("TZ", "UTC").output() {
        Ok(output) => {
            assert!(
                output.status.success(),
                "{program} {args:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            Some(output)
        }
        Err(why) => {
            skipped(&format!("{program}: {why}"));
            None
        }
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Tells past the runner's capture that a test does not run here; `make test` counts these lines.
fn skipped(why: &str) {
    use std::io::Write;
    let thread = std::thread::current();
    let _ = writeln!(std::io::stderr(), "skipped: {}: {why}", thread.name().unwrap_or("test"));
}

#[test]
fn dpkg_deb_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    std::fs::write(dir.join("x.deb"), write(&sample(), DATE).unwrap()).unwrap();
    let Some(output) = run("dpkg-deb", &["--field", "x.deb"], dir) else { return };
    let (files, links, directories) = (1 + 1 + 3 + 1 + 1 + 1, 2, 11);
    let size = files + links + directories;
    assert_eq!(
        text(&output),
        format!(
            "Package: evermod-sample\nVersion: 2:1.0~rc1-3\nArchitecture: amd64\n\
             Maintainer: A Person <person@example.org>\nInstalled-Size: {size}\n\
             Depends: libc6 (>= 2.36), gcc | c-compiler\nProvides: sample (= 3.4.3)\nSection: kernel\n\
             Priority: optional\nHomepage: https://example.org/\nX-Evermod-Kernel: 6.1.0-1-amd64\n\
             Description: sample of every kind of entry\n One paragraph,\n of two lines.\n .\n Another.\n  verbatim\n"
        )
    );
    let listing = text(&run("dpkg-deb", &["--contents", "x.deb"], dir).unwrap());
    for line in [
        "drwxr-xr-x root/root         0 2023-11-14 22:13 ./\n",
        "drwxr-xr-x root/root         0 2023-11-14 22:13 ./usr/bin/\n",
        "-rwxr-xr-x root/root        10 2023-11-14 22:13 ./usr/bin/evermod-sample\n",
        "-rw------- root/root      3000 2023-11-14 22:13 ./usr/share/evermod-sample/secret\n",
        "./usr/share/evermod-sample/link -> ../../bin/evermod-sample\n",
        "./usr/share/doc/evermod-sample/changelog.Debian.gz\n",
    ] {
        assert!(listing.contains(line), "no `{line}` in\n{listing}");
    }
    assert!(listing.contains(&format!("/far -> {}\n", "x/".repeat(80))), "{listing}");

    run("dpkg-deb", &["--raw-extract", "x.deb", "root"], dir).unwrap();
    let root = dir.join("root");
    assert_eq!(std::fs::read_to_string(root.join("DEBIAN/conffiles")).unwrap(), "/etc/evermod-sample.conf\n");
    assert_eq!(std::fs::read_to_string(root.join("DEBIAN/triggers")).unwrap(), "interest-noawait /usr/src\n");
    let sums = std::fs::read_to_string(root.join("DEBIAN/md5sums")).unwrap();
    assert_eq!(sums.lines().count(), 5, "{sums}");
    // As dpkg --verify: every sum fits, and every file but configuration has one.
    run("md5sum", &["--check", "--strict", "DEBIAN/md5sums"], &root).unwrap();
    let changelog = root.join("usr/share/doc/evermod-sample/changelog.Debian.gz");
    let unpacked = run("gzip", &["-dc", &changelog.to_string_lossy()], dir).unwrap();
    std::fs::write(dir.join("changelog"), &unpacked.stdout).unwrap();
    if let Some(parsed) = run("dpkg-parsechangelog", &["-l", "changelog", "-S", "Date"], dir) {
        assert_eq!(text(&parsed).trim(), "Tue, 14 Nov 2023 22:13:20 +0000");
    }
    assert!(text(&unpacked).lines().all(|line| line.len() <= 80));
}

#[test]
fn the_same_bytes_again() {
    let mut shuffled = sample();
    shuffled.entries.reverse();
    let first = write(&sample(), DATE).unwrap();
    assert!(first == write(&shuffled, DATE).unwrap());
    assert!(first != write(&sample(), DATE + 1).unwrap());
    assert_eq!(file_name(&sample()), "evermod-sample_1.0~rc1-3_amd64.deb");
}

#[test]
fn bad_input_is_refused() {
    type Spoil = fn(&mut Package);
    let cases: [(&str, Spoil); 24] = [
        ("name", |p| p.name = "Upper".into()),
        ("name", |p| p.name = "x".into()),
        ("name", |p| p.name = "a\nb".into()),
        ("version", |p| p.version.upstream = String::new()),
        ("version", |p| p.version.upstream = "1 0".into()),
        ("version", |p| p.version.upstream = "v1".into()),
        ("version", |p| p.version.release = "1-1".into()),
        ("summary", |p| p.summary = "one\nTwo: three".into()),
        ("maintainer", |p| p.maintainer = String::new()),
        ("homepage", |p| p.homepage = "x\nDepends: y".into()),
        ("X-A", |p| p.extra.push(("X-A".into(), "a\nb".into()))),
        ("extra field", |p| p.extra.push(("X A".into(), "a".into()))),
        ("relation", |p| drop(p.relations.insert(RelationKind::Breaks, vec![Dependency::on("a, b")]))),
        ("relation", |p| drop(p.relations.insert(RelationKind::Breaks, vec![Dependency(vec![])]))),
        ("trigger", |p| p.triggers.push(Trigger::Interest("a b".into()))),
        ("script", |p| drop(p.scripts.insert(ScriptPoint::BeforeRemove, "exit 0\n".into()))),
        ("usr/x: is not absolute", |p| p.entries.push(Entry::file("usr/x", ""))),
        ("/usr/../x", |p| p.entries.push(Entry::file("/usr/../x", ""))),
        ("/usr//x", |p| p.entries.push(Entry::file("/usr//x", ""))),
        ("/usr/x/", |p| p.entries.push(Entry::directory("/usr/x/"))),
        ("/usr/bin/evermod-sample: is there twice", |p| {
            p.entries.push(Entry::file("/usr/bin/evermod-sample", ""))
        }),
        ("/usr/bin/evermod-sample/x", |p| p.entries.push(Entry::file("/usr/bin/evermod-sample/x", ""))),
        ("/a", |p| p.entries.push(Entry::file("/a\nb", ""))),
        ("/l: links", |p| p.entries.push(Entry::symlink("/l", ""))),
    ];
    for (expected, spoil) in cases {
        let mut package = sample();
        spoil(&mut package);
        let message = write(&package, DATE).expect_err(expected).to_string();
        assert!(message.contains(expected), "`{message}` does not name `{expected}`");
    }
    let mut description = sample();
    description.description = "a\u{7}b".into();
    assert!(write(&description, DATE).is_err());
}

#[test]
fn a_directory_of_names_at_the_header_limit() {
    let mut package = sample();
    for length in 95..106 {
        package.entries.push(Entry::file(format!("/{}", "n".repeat(length - 2)), length.to_string()));
        package.entries.push(Entry::symlink(format!("/link{length}"), "t".repeat(length)));
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x.deb"), write(&package, DATE).unwrap()).unwrap();
    if run("dpkg-deb", &["--extract", "x.deb", "root"], dir.path()).is_none() {
        return;
    }
    for length in 95..106 {
        let file = dir.path().join("root").join("n".repeat(length - 2));
        assert_eq!(std::fs::read_to_string(file).unwrap(), length.to_string());
        let link = dir.path().join(format!("root/link{length}"));
        assert_eq!(std::fs::read_link(link).unwrap().as_os_str().len(), length);
    }
}
