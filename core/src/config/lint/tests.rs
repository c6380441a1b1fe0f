//! Every rule, on the smallest file that it speaks of.

use super::*;
use crate::config::shell::NoShell;
use crate::config::{LoadRequest, Vars, load_module};
use crate::model::KernelRelease;
use crate::root::Root;
use std::path::Path;

/// Nothing is to be said about this.
const CLEAN: &str = "PACKAGE_NAME=m\nPACKAGE_VERSION=1\nBUILT_MODULE_NAME=m\nDEST_MODULE_LOCATION=/updates\nAUTOINSTALL=yes\n";

struct Fake;

impl Files for Fake {
    fn kind(&self, path: &Path) -> Kind {
        match path.to_str() {
            Some("patches/there.patch") => Kind::Plain,
            Some("run.sh") => Kind::Executable,
            Some("plain.sh") => Kind::Plain,
            _ => Kind::Absent,
        }
    }
}

fn findings(text: &str, is_override: bool) -> Vec<LintFinding> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("dkms.conf"), text).unwrap();
    let request = LoadRequest {
        conf: "/dkms.conf".into(),
        kernel: Some(KernelRelease::new("6.1.0-9-amd64").unwrap()),
        scope: std::rc::Rc::new(Vars::from_iter([("kernel_source_dir", "/headers")])),
        strict: true,
        ..LoadRequest::default()
    };
    let loaded = load_module(&Root::new(dir.path()), &request, &NoShell);
    let module = ModuleId::new("m", "1").unwrap();
    lint(&Subject {
        text,
        loaded: &loaded,
        kernel: "6.1.0-9-amd64",
        module: Some(&module),
        files: Some(&Fake),
        is_override,
    })
}

/// Codes and places.
fn said(text: &str, is_override: bool) -> Vec<(&'static str, usize, usize)> {
    let place = |finding: &LintFinding| crate::config::literal::place(text, finding.span.start);
    findings(text, is_override).iter().map(|f| (f.code, place(f).0, place(f).1)).collect()
}

#[test]
fn nothing_is_said_of_a_clean_file() {
    assert_eq!(said(CLEAN, false), []);
    for line in [
        "MAKE=\"make -C $kernel_source_dir M=$dkms_tree/m/1/build\"",
        "MAKE=\"'make' KVER=$kernelver V='1'\"",
        "MAKE=\"env A=b make ${parallel_jobs+-j$parallel_jobs} K=$kernelver\"",
        "MAKE=\"find . -name '*.c'; make K=$kernelver\"",
        "# uname -r and -j4 in a comment",
        "X=1\nMAKE=\"make X=$X\"",
        "BUILD_EXCLUSIVE_KERNEL=\"^(5\\.[6-9]\\.|[6-9]\\.).*$\"",
        "BUILD_EXCLUSIVE_CONFIG=\"CONFIG_X !CONFIG_Y\"",
        "PATCH=(there.patch)",
        "PRE_BUILD='run.sh with words'",
        "BUILD_DEPENDS=(a b)",
    ] {
        assert_eq!(said(&format!("{CLEAN}{line}\n"), false), [], "{line}");
    }
}

/// One line more than the clean file has, so that it is the sixth.
#[test]
fn each_rule_finds_its_line() {
    for (line, code, column) in [
        ("AUTOINSTAL=no", "unknown-directive", 1),
        ("build_depends=a", "unknown-directive", 1),
        ("LOUD=no", "unused-variable", 1),
        ("CLEAN='make clean'", "deprecated", 1),
        ("REMAKE_INITRD=yes", "deprecated", 1),
        ("MODULES_CONF=x", "deprecated", 1),
        ("OBSOLETE_BY=6.9", "deprecated", 1),
        ("MAKE='make *'", "glob", 6),
        ("MAKE=\"make X=\\\"a\\\"\"", "lost-quotes", 14),
        ("MAKE='make X=\"a\"'", "lost-quotes", 14),
        ("MAKE=\"'make' V=1\"", "fixed-kernel", 6),
        ("MAKE=\"cd src && make\"", "fixed-kernel", 6),
        ("MAKE=\"make -j4\"", "own-jobs", 12),
        ("MAKE[0]=\"make -j 4\"", "own-jobs", 15),
        ("MAKE=make; MAKE[1]=\"make one\"", "pair", 12),
        ("MAKE_MATCH[1]=\"^6\"", "pair", 1),
        ("PATCH_MATCH[1]=\"^6\"", "pair", 1),
        ("BUILD_EXCLUSIVE_KERNEL='6.(1'", "pattern", 24),
        ("BUILD_EXCLUSIVE_ARCH='(x)\\1'", "pattern", 22),
        ("BUILD_EXCLUSIVE_CONFIG='X'", "config-word", 24),
        ("BUILD_EXCLUSIVE_CONFIG='CONFIG_X=y'", "config-word", 24),
        ("STRIP=maybe", "strip", 7),
        ("BUILD_DEPENDS='a b'", "depends", 15),
        ("PATCH=gone.patch", "patch", 7),
        ("PATCH=../there.patch", "patch", 7),
        ("PRE_BUILD='gone.sh x'", "script", 11),
        ("POST_ADD=plain.sh", "script", 10),
        ("NO_WEAK_MODULES=perhaps", "boolean", 17),
        ("DEST_MODULE_NAME=m.ko", "suffix", 18),
        ("BUILD_EXCLUSIVE_KERNEL_MIN=6 BUILD_EXCLUSIVE_KERNEL_MAX=5", "range", 57),
        ("STRIP=no\r", "carriage-return", 9),
    ] {
        assert_eq!(said(&format!("{CLEAN}{line}\n"), false), [(code, 6, column)], "{line}");
    }
}

#[test]
fn what_is_missing_or_wrong_has_a_place() {
    for (from, to, expected) in [
        ("PACKAGE_VERSION=1\n", "", vec![("missing", 1, 1)]),
        ("AUTOINSTALL=yes\n", "", vec![("no-autoinstall", 1, 1)]),
        ("PACKAGE_NAME=m", "PACKAGE_NAME=other", vec![("identity", 1, 14)]),
        ("PACKAGE_VERSION=1", "PACKAGE_VERSION=#MODULE_VERSION#", vec![("placeholder", 2, 17)]),
        ("=/updates", "=/opt", vec![("destination", 4, 22)]),
        ("=/updates", "=/updatesx", vec![("destination", 4, 22)]),
        ("BUILT_MODULE_NAME=m", "BUILT_MODULE_NAME[1]=m", vec![("missing", 3, 1), ("missing", 4, 1)]),
        (
            "DEST_MODULE_LOCATION=/updates",
            "DEST_MODULE_LOCATION=(/updates /updates)\nBUILT_MODULE_NAME[1]=m",
            vec![("duplicate", 5, 22), ("duplicate", 5, 22)],
        ),
    ] {
        let text = CLEAN.replace(from, to);
        let mut found = said(&text, false);
        found.sort_unstable();
        assert!(expected.iter().all(|wanted| found.contains(wanted)), "{to}: {found:?}");
    }
    let text = format!(
        "{CLEAN}BUILT_MODULE_NAME[2]=c\nDEST_MODULE_LOCATION[2]=/extra\nBUILT_MODULE_NAME[1]=b\nDEST_MODULE_LOCATION[1]=/extra\n"
    );
    assert_eq!(said(&text, false), [("out-of-order", 8, 1)]);
    let text = format!("{CLEAN}PATCH[0]=there.patch\nPATCH[2]=there.patch\n");
    assert_eq!(said(&text, false), [("gap", 7, 1)]);
}

#[test]
fn what_needs_a_shell_is_still_searched() {
    // Without a shell it cannot be evaluated, which is an error here, but its text is there.
    let text = format!("{CLEAN}KVER=$(uname -r)\nif true; then AUTOINSTAL=$KVER; fi\n");
    let found = said(&text, false);
    assert_eq!(found, [("shell-failed", 6, 6), ("running-kernel", 6, 8), ("unknown-directive", 7, 15)]);
}

#[test]
fn an_override_need_not_say_everything() {
    assert_eq!(said("STRIP=no\n", true), []);
    assert_eq!(said("STRIP=no\nMAEK=make\n", true), [("unknown-directive", 2, 1)]);
}

#[test]
fn every_error_and_warning_helps() {
    for line in
        ["AUTOINSTAL=no", "MAKE='make *'", "BUILD_EXCLUSIVE_KERNEL='6.(1'", "PATCH=gone.patch", "CLEAN=x"]
    {
        for finding in findings(&format!("{CLEAN}{line}\n"), false) {
            assert!(finding.hint.is_some(), "{finding:?}");
        }
    }
}
