#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use crate::{Action, Build, Mode, Plan, PlanError, Proposal, Session, SessionError, Step};

const SUITES: [&str; 2] = ["bookworm", "trixie"];

fn fixture(suite: &str, name: &str) -> String {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::fs::read_to_string(top.join("tests/fixtures/apt").join(suite).join(name)).unwrap()
}

fn fixtures(kind: &str) -> Vec<(String, String)> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = Vec::new();
    for suite in SUITES {
        for entry in std::fs::read_dir(top.join("tests/fixtures/apt").join(suite)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(kind) {
                found.push((format!("{suite}/{name}"), fixture(suite, &name)));
            }
        }
    }
    assert!(found.len() >= 18, "{found:?}");
    found
}

fn steps(suite: &str, name: &str) -> Vec<(String, Option<String>, Option<String>, Action)> {
    let plan = Plan::parse(&fixture(suite, name)).unwrap();
    let version = |build: Option<Build>| build.map(|b| b.version);
    plan.steps.into_iter().map(|s| (s.package, version(s.old), version(s.new), s.action)).collect()
}

fn files(steps: &[Step]) -> Vec<PathBuf> {
    let file = |step: &Step| match &step.action {
        Action::Unpack(file) => file.clone(),
        _ => None,
    };
    steps.iter().filter_map(file).collect()
}

fn text(words: &str) -> Option<String> {
    Some(words.to_owned())
}

#[test]
fn every_recorded_plan_is_read() {
    for (name, text) in fixtures(".preinst") {
        let plan = Plan::parse(&text).unwrap_or_else(|why| panic!("{name}: {why}"));
        // A removal has no file, so version 1 has nothing to say.
        assert_eq!(plan.steps.is_empty(), name.ends_with("purge-v1.preinst"), "{name}");
        assert_eq!(plan.settings.is_empty(), name.ends_with("-v1.preinst"), "{name}");
        for step in &plan.steps {
            let is_known = !name.ends_with("local-v1.preinst");
            assert_eq!(step.new.is_none() && is_known, step.action == Action::Remove, "{name}: {step:?}");
            let first = plan.steps.iter().position(|s| s.package == step.package).unwrap();
            assert!(!matches!(plan.steps[first].action, Action::Configure), "{name}: {step:?}");
        }
    }
}

#[test]
fn a_kernel_upgrade_names_every_file() {
    for (suite, image, headers) in [
        ("bookworm", "linux-image-6.1.0-56-amd64", "linux-headers-6.1.0-56-common"),
        ("trixie", "linux-image-6.12.117+deb13-amd64", "linux-kbuild-6.12.117+deb13"),
    ] {
        let plan = Plan::parse(&fixture(suite, "full-upgrade.preinst")).unwrap();
        let unpacked: Vec<_> = plan.steps.iter().filter(|s| matches!(s.action, Action::Unpack(_))).collect();
        let configured = plan.steps.iter().filter(|s| s.action == Action::Configure).count();
        assert_eq!(unpacked.len(), configured);
        for name in [image, headers] {
            let step = unpacked.iter().find(|s| s.package == name).unwrap();
            assert_eq!(step.old, None);
            assert!(step.new.as_ref().unwrap().architecture.is_some());
            let Action::Unpack(Some(file)) = &step.action else { panic!("{step:?}") };
            assert!(file.starts_with("/var/cache/apt/archives") && file.extension().unwrap() == "deb");
        }
        let meta = unpacked.iter().find(|s| s.package == "linux-image-amd64").unwrap();
        assert!(meta.old.is_some() && meta.old != meta.new);
        // Older versions of the protocol say less of the same.
        for (name, settings) in [("full-upgrade-v1.preinst", 0), ("full-upgrade-v2.preinst", 2)] {
            let older = Plan::parse(&fixture(suite, name)).unwrap();
            assert!(older.settings.len() >= settings);
            assert_eq!(files(&older.steps), files(&plan.steps), "{name}");
            let versions = |plan: &Plan| -> Vec<_> {
                let unpacked = plan.steps.iter().filter(|s| matches!(s.action, Action::Unpack(_)));
                unpacked.map(|s| (s.package.clone(), s.new.as_ref().map(|b| b.version.clone()))).collect()
            };
            assert_eq!(versions(&older), versions(&plan), "{name}");
        }
        let command = plan.settings.iter().find(|(name, _)| name == "CommandLine::AsString").unwrap();
        assert_eq!(command.1, "apt-get -q -y --no-install-recommends full-upgrade");
    }
}

#[test]
fn what_each_command_does_is_told() {
    for suite in SUITES {
        let (name, version) = match suite {
            "bookworm" => ("v4l2loopback-dkms", "0.12.7-2"),
            _ => ("v4l2loopback-dkms", "0.15.0-2"),
        };
        let install = steps(suite, "install.preinst");
        let found = install.iter().find(|s| s.0 == name).unwrap();
        assert!(matches!(&found.3, Action::Unpack(Some(_))), "{found:?}");
        assert_eq!(found.1, None);
        let remove = steps(suite, "remove.preinst");
        assert_eq!(remove.len(), 1);
        assert_eq!((remove[0].0.as_str(), &remove[0].3), (name, &Action::Remove));
        assert!(remove[0].1.as_deref().is_some_and(|v| v == version || suite == "trixie"));
        let purge = steps(suite, "purge.preinst");
        assert_eq!((purge[0].0.as_str(), &purge[0].3), ("acpi-call-dkms", &Action::Remove));
        let again = steps(suite, "reinstall.preinst");
        assert!(again[0].1.is_some() && again[0].1 == again[0].2 && again.len() == 2);
        let down = steps(suite, "downgrade.preinst");
        let file = Action::Unpack(Some("/rec/with blanks/tiny 1.0.deb".into()));
        assert_eq!(down[0], ("tiny".into(), text("1:2.0~rc1"), text("1.0"), file));
        assert_eq!(down[1].3, Action::Configure);
    }
}

#[test]
fn odd_input_is_told_from_good_input() {
    assert_eq!(Plan::parse("").unwrap(), Plan::default());
    assert_eq!(Plan::parse("VERSION 3\n\n").unwrap().steps, []);
    // A name with a blank and a colon in its version, encoded by apt in the file's name.
    let one = &Plan::parse("/tmp/a b/x_1%3a2_all.deb\n").unwrap().steps[0];
    assert_eq!((one.package.as_str(), one.new.as_ref().unwrap().version.as_str()), ("x", "1:2"));
    assert_eq!(files(&Plan::parse("/tmp/odd name\n").unwrap().steps), [Path::new("/tmp/odd name")]);
    let lost = Plan::parse("VERSION 2\n\nx - < 1 **ERROR**\n").unwrap();
    assert_eq!(lost.steps[0].action, Action::Unpack(None));
    assert_eq!(Plan::parse("VERSION 4\n"), Err(PlanError::Version("4".into())));
    for (bad, at) in [
        ("VERSION 3\nA=b\n\nx - - none < 1 all none\n", 4),
        ("VERSION 3\n\nx - - none ? 1 all none /x.deb\n", 3),
        ("VERSION 3\n\nx - - none < 1 all none x.deb\n", 3),
        ("VERSION 2\n\n - < 1 /x.deb\n", 3),
        ("VERSION 2\n\n\n", 3),
        ("x.deb\n", 1),
    ] {
        let error = Plan::parse(bad).unwrap_err();
        assert!(matches!(error, PlanError::Line(line, _) if line == at), "{bad:?}: {error}");
    }
}

#[test]
fn settings_are_decoded_and_tell_of_another_root() {
    let of = |settings: &str| Plan::parse(&format!("VERSION 3\n{settings}\n\n")).unwrap();
    let plan = of("A%3dB=c%20d%0ae%%2\nEmpty=\nBare");
    let expected = [("A=B", "c d\ne%%2"), ("Empty", ""), ("Bare", "")];
    assert!(plan.settings.iter().map(|(n, v)| (n.as_str(), v.as_str())).eq(expected));
    assert_eq!(of("A=%+1%f").settings[0].1, "%+1%f");
    for (settings, elsewhere) in [
        ("Dir=/", false),
        ("RootDir=", false),
        ("RootDir=/", false),
        ("RootDir=/mnt", true),
        ("DPkg::Options::=--force-confold", false),
        ("DPkg::Options::=--root=/", false),
        ("DPkg::Options::=--root=/mnt", true),
        ("DPkg::Options::=--instdir=/mnt", true),
        ("Other::=--root=/mnt", false),
    ] {
        assert_eq!(of(settings).is_for_another_root(), elsewhere, "{settings}");
    }
}

/// Has a session hear what apt said in a transcript, and compares what it answers with what the recorder had answered.
fn hear(name: &str, transcript: &str) -> Vec<Proposal> {
    let mut proposals = Vec::new();
    for conversation in transcript.split("--\n").filter(|c| !c.is_empty()) {
        let mut session = Session::default();
        let mut replies = String::new();
        let mut is_last = false;
        for line in conversation.lines().filter_map(|l| l.strip_prefix("< ")) {
            assert!(!is_last || line.is_empty(), "{name}: more after the last word");
            let turn = session.line(line).unwrap_or_else(|why| panic!("{name}: {why}"));
            replies += &turn.reply.unwrap_or_default();
            proposals.extend(turn.proposal);
            is_last |= turn.is_last;
        }
        assert!(is_last, "{name}: no last word");
        assert_eq!(replies, "{\"id\":0,\"jsonrpc\":\"2.0\",\"result\":{\"version\":\"0.2\"}}\n\n", "{name}");
    }
    proposals
}

#[test]
fn every_recorded_conversation_is_understood() {
    for (name, text) in fixtures(".json") {
        let proposals = hear(&name, &text);
        let moments: Vec<_> = proposals.iter().map(|p| p.moment.as_str()).collect();
        assert_eq!(moments, ["pre-prompt", "package-list", "statistics", "post"], "{name}");
        for proposal in &proposals {
            assert_eq!(proposal.packages, proposals[0].packages, "{name}");
        }
    }
}

#[test]
fn a_proposal_names_what_comes_and_goes() {
    let cases = [
        ("full-upgrade", "full-upgrade", "linux-headers-amd64", Mode::Upgrade),
        ("install", "install", "acpi-call-dkms", Mode::Install),
        ("remove", "remove", "v4l2loopback-dkms", Mode::Deinstall),
        ("purge", "purge", "acpi-call-dkms", Mode::Purge),
        ("downgrade", "install", "tiny", Mode::Downgrade),
        ("configure-left", "install", "tiny", Mode::Upgrade),
    ];
    for suite in SUITES {
        for (case, command, package, mode) in cases {
            let proposal = hear(case, &fixture(suite, &format!("{case}.json"))).remove(1);
            assert_eq!(proposal.command, command, "{suite}/{case}");
            let found = proposal.packages.iter().find(|p| p.name == package).unwrap();
            assert_eq!(found.mode, mode, "{suite}/{case}");
            let goes = matches!(mode, Mode::Deinstall | Mode::Purge);
            assert_eq!(found.versions.install.is_none(), goes, "{suite}/{case}");
            assert_eq!(found.versions.current.is_none(), mode == Mode::Install, "{suite}/{case}");
        }
    }
}

#[test]
fn a_session_answers_only_what_it_understands() {
    let hello = |versions: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","method":"org.debian.apt.hooks.hello","id":7,"params":{{"versions":[{versions}]}}}}"#
        )
    };
    let mut session = Session::default();
    let reply = session.line(&hello(r#""0.1","9.9""#)).unwrap().reply.unwrap();
    assert_eq!(reply, "{\"id\":7,\"jsonrpc\":\"2.0\",\"result\":{\"version\":\"0.1\"}}\n\n");
    let told = r#"{"jsonrpc":"2.0","method":"org.debian.apt.hooks.search.pre","params":{}}"#;
    assert_eq!(session.line(told).unwrap(), crate::Turn::default());
    let asked = r#"{"jsonrpc":"2.0","method":"org.debian.apt.hooks.later","id":"x"}"#;
    assert!(session.line(asked).unwrap().reply.unwrap().contains("-32601"));
    let new_mode = r#"{"method":"org.debian.apt.hooks.install.post","params":{"command":"x","packages":[{"name":"a","mode":"teleport"}]}}"#;
    assert_eq!(session.line(new_mode).unwrap().proposal.unwrap().packages[0].mode, Mode::Keep);

    let fails = |line: &str| Session::default().line(line).unwrap_err();
    assert!(matches!(fails("{"), SessionError::Message(_)));
    assert!(matches!(fails(r#"{"method":"org.debian.apt.hooks.bye"}"#), SessionError::Order(_)));
    assert!(matches!(fails(&hello(r#""9.9""#)), SessionError::Version(_)));
    assert!(matches!(
        session.line(r#"{"method":"org.debian.apt.hooks.install.post"}"#),
        Err(SessionError::Message(_))
    ));
}

prop_compose! {
    fn word()(word in "[!-$&-~]{1,12}") -> String { word }
}

proptest! {
    #[test]
    fn no_input_is_a_crash(text in "(VERSION [0-4]\n)?([-a-z0-9%=<>*/ ]{0,30}\n){0,8}\\PC{0,40}") {
        let _ = Plan::parse(&text);
        let _ = Session::default().line(&text);
    }

    #[test]
    fn what_apt_writes_is_what_is_read(
        package in word(), old in proptest::option::of(word()), new in word(), file in "/\\PC{0,30}"
    ) {
        prop_assume!(new != "-" && old.as_deref() != Some("-") && !file.contains(['\r', '\u{85}']));
        let had = old.as_ref().map_or("- -".to_owned(), |old| format!("{old} amd64"));
        let line = format!("VERSION 3\n\n{package} {had} none < {new} all same {file}\n");
        let plan = Plan::parse(&line).unwrap();
        let old = old.map(|version| Build { version, architecture: text("amd64") });
        let new = Some(Build { version: new, architecture: text("all") });
        prop_assert_eq!(&plan.steps, &[Step { package, old, new, action: Action::Unpack(Some(file.into())) }]);
    }
}
