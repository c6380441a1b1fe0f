//! Transcripts of the real managers (`tests/fixtures/record-rpm.sh`), read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use evermod_dnf_plugin::actions::{self, Place, Reply};
use evermod_dnf_plugin::commit::{self, Frame};
use evermod_dnf_plugin::kernels::{Part, kernel, paths};
use evermod_dnf_plugin::{Direction, Package, lines};
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn named<'a>(packages: &'a [Package], name: &str) -> &'a Package {
    packages.iter().find(|p| p.name == name).unwrap_or_else(|| panic!("no {name} in {packages:?}"))
}

fn dnf4(name: &str) -> Vec<Package> {
    lines::packages(&fixture(&format!("dnf4/{name}.jsonl"))).unwrap()
}

/// The answers to our three questions, and to one that no dnf knows.
fn dnf5(name: &str) -> Vec<Reply> {
    let text = fixture(&format!("dnf5/{name}.jsonl"));
    text.lines().map(|line| actions::reply(line).unwrap().expect("a whole answer")).collect()
}

fn frames(name: &str) -> Vec<Frame> {
    let text = fixture(&format!("zypp/{name}.frames"));
    text.split_terminator('\0').map(|text| commit::frame(text).unwrap()).collect()
}

#[test]
fn dnf4_says_where_the_files_are_once_they_are_there() {
    let resolved = dnf4("install-resolved");
    assert_eq!(resolved.len(), 6);
    assert!(named(&resolved, "kernel-devel").file.is_none());
    let downloaded = dnf4("install-downloaded");
    for package in &downloaded {
        let file = package.file.as_ref().expect("downloaded");
        assert!(file.ends_with(package.file_name()), "{package:?}");
        assert_eq!(package.direction, Direction::In);
    }
    let update = dnf4("update-downloaded");
    let hello = |direction| update.iter().find(|p| p.direction == direction).unwrap();
    assert_eq!(
        (hello(Direction::In).version.as_str(), hello(Direction::Out).version.as_str()),
        ("2.0", "1.0")
    );
    assert!(hello(Direction::Out).file.is_none());
    assert_eq!(dnf4("remove-resolved").len(), 1);
}

#[test]
fn dnf5_says_where_the_files_will_be() {
    for moment in ["resolved", "downloaded"] {
        let [packages, cache, repositories, refused] = &dnf5(&format!("no-headers-{moment}"))[..] else {
            panic!("four answers");
        };
        assert_eq!(*refused, Reply::default(), "an answer with an error brings nothing");
        let mut settings = cache.settings.clone();
        settings.extend(repositories.settings.clone());
        let place = |name| actions::place(named(&packages.packages, name), &settings);
        let core = named(&packages.packages, "kernel-core");
        let cached = Place::Cached {
            dir: "/var/cache/libdnf5".into(),
            prefix: "fedora-".into(),
            name: core.file_name(),
        };
        assert_eq!(place("kernel-core"), Some(cached));
        let file = PathBuf::from("/srv/modules/broken-dkms-1.0-1.noarch.rpm");
        assert_eq!(place("broken-dkms"), Some(Place::Path(file)), "named on the command line");
    }
    let install = dnf5("install-resolved");
    let hello = actions::place(named(&install[0].packages, "hello-dkms"), &install[2].settings);
    assert_eq!(
        hello,
        Some(Place::Path("/srv/modules/hello-dkms-1.0-1.noarch.rpm".into())),
        "a local repository"
    );
}

#[test]
fn a_package_whose_reason_changes_goes_nowhere() {
    // dnf5 mark: the direction says OUT, the action '?'.
    assert!(fixture("dnf5/mark-resolved.jsonl").contains(r#""direction": "OUT""#));
    assert_eq!(dnf5("mark-resolved")[0].packages, []);
    assert_eq!(dnf5("remove-resolved")[0].packages.len(), 1);
}

#[test]
fn an_answer_may_come_in_pieces() {
    let text = fixture("dnf5/install-resolved.jsonl");
    let line = text.lines().next().unwrap();
    for cut in 0..line.len() {
        assert_eq!(actions::reply(&line[..cut]), Ok(None), "{}", &line[..cut]);
    }
    assert!(actions::reply(line).unwrap().is_some());
    let wrong = actions::reply("Transaction 12\n").unwrap_err();
    assert_eq!((wrong.what, wrong.line), ("dnf5's answer", 1));
    assert_eq!(actions::stop("a \"b\"\nc"), r#"{"args":{"message":"a \"b\"\nc"},"op":"stop"}"#);
}

#[test]
fn zypper_speaks_in_frames() {
    let install = frames("install");
    let [Frame::Other, Frame::Begin(begin), Frame::End(end), Frame::Other, Frame::Disconnect] = &install[..]
    else {
        panic!("{install:?}");
    };
    assert_eq!(begin, end);
    assert_eq!(begin.len(), 4);
    let package = named(begin, "kernel-default-devel");
    assert_eq!((package.direction, package.arch.as_str()), (Direction::In, "x86_64"));
    let Frame::End(removed) = &frames("remove")[2] else { panic!() };
    assert_eq!(named(removed, "hello-dkms").direction, Direction::Out);
    assert_eq!(commit::frame("\nCOMMITEND\n\n"), Ok(Frame::End(vec![])), "a body may be empty");
    let wrong = commit::frame("COMMITBEGIN\ncontent-length:9\n\n{\n\"TransactionStepList\": 7}").unwrap_err();
    assert_eq!((wrong.line, wrong.what), (5, "zypper's list of steps"));
}

#[test]
fn other_steps_of_zypper_are_no_packages() {
    let text = r#"{"TransactionStepList":[
        {"solvable":{"n":"patch:openSUSE-2026-1","v":"1","r":"1","a":"noarch"},"type":"+"},
        {"solvable":{"n":"kernel-default","e":1,"v":"6.12.0","r":"1.1","a":"x86_64"},"type":"M","stage":"ok"},
        {"type":" "}]}"#;
    let Ok(Frame::Begin(packages)) = commit::frame(&format!("COMMITBEGIN\n\n{text}")) else { panic!() };
    assert_eq!(packages.len(), 1);
    assert_eq!(packages[0].direction, Direction::In);
}

#[test]
fn names_tell_what_paths_will() {
    let told = |packages: &[Package]| -> Vec<String> { packages.iter().flat_map(paths).collect() };
    let k = "6.12.116-1.deb13.x86_64";
    let both = [format!("lib/modules/{k}/vmlinuz"), format!("lib/modules/{k}/build")];
    assert_eq!(told(&dnf4("install-resolved")), both);
    let no_headers = |packages: &[Package]| {
        let told = told(packages);
        assert!(told.len() == 1 && told[0].ends_with("/vmlinuz"), "{told:?}");
    };
    no_headers(&dnf4("no-headers-resolved"));
    no_headers(&dnf5("no-headers-resolved")[0].packages);
    let begin = |name| match frames(name).remove(1) {
        Frame::Begin(packages) => packages,
        other => panic!("{other:?}"),
    };
    let k = "6.12.116-1-default";
    let both = [format!("lib/modules/{k}/vmlinuz"), format!("lib/modules/{k}/build")];
    // The part that all flavours share has the name of Fedora's package.
    let packages: Vec<_> = begin("install").into_iter().filter(|p| p.name != "kernel-devel").collect();
    assert_eq!(told(&packages), both);
    no_headers(&begin("no-headers"));
}

#[test]
fn names_of_kernels() {
    use Part::{Headers, Image};
    let cases = [
        ("kernel-core", "6.17.1", "300.fc43", Image, "6.17.1-300.fc43.x86_64"),
        ("kernel-devel", "6.17.1", "300.fc43", Headers, "6.17.1-300.fc43.x86_64"),
        ("kernel-debug-core", "6.17.1", "300.fc43", Image, "6.17.1-300.fc43.x86_64+debug"),
        ("kernel-debug-devel", "6.17.1", "300.fc43", Headers, "6.17.1-300.fc43.x86_64+debug"),
        ("kernel-rt-64k-core", "5.14.0", "1.el9", Image, "5.14.0-1.el9.x86_64+rt-64k"),
        ("kernel-rt-core", "4.18.0", "553.rt7.el8_10", Image, "4.18.0-553.rt7.el8_10.x86_64"),
        ("kernel-rt-devel", "4.18.0", "553.rt7.el8_10", Headers, "4.18.0-553.rt7.el8_10.x86_64"),
        ("kernel-uek-core", "6.12.0", "1.el9uek", Image, "6.12.0-1.el9uek.x86_64"),
        ("kernel-default", "6.4.0", "150600.23.25.1", Image, "6.4.0-150600.23.25-default"),
        ("kernel-default-devel", "6.4.0", "150600.23.25.1", Headers, "6.4.0-150600.23.25-default"),
        ("kernel-default-base", "6.17.0", "1.1", Image, "6.17.0-1-default"),
        ("kernel-rt-devel", "6.17.0", "1.1", Headers, "6.17.0-1-rt"),
    ];
    for (name, version, release, part, uname) in cases {
        let package = Package {
            name: name.into(),
            version: version.into(),
            release: release.into(),
            arch: "x86_64".into(),
            ..Package::default()
        };
        assert_eq!(kernel(&package), Some((part, uname.to_string())), "{name}");
    }
    let others = "kernel kernel-modules-core kernel-debug-modules-core kernel-macros kernel-firmware-all kernelshark cernel-core";
    for name in others.split(' ') {
        assert_eq!(kernel(&Package { name: name.into(), ..Package::default() }), None, "{name}");
    }
}
