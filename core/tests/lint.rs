//! `evermod lint` on real files, and what becomes of an `evermod.toml` that cannot be used.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

fn evermod(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evermod"));
    command.args(arguments).env("NO_COLOR", "1");
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn small(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/modules").join(name)
}

/// Debian's own packages work, so nothing in them is an error; what is said of them is worth saying.
#[test]
fn no_false_alarm_on_debians_own_files() {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let corpus = std::env::var_os("EVERMOD_CORPUS")
        .map(PathBuf::from)
        .or_else(|| cache.or_else(home).map(|cache| cache.join("evermod-tests/corpus/conf")));
    let files: Vec<_> = corpus
        .and_then(|dir| std::fs::read_dir(dir).ok())
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().display().to_string())
        .collect();
    if files.len() < 40 {
        let _ = writeln!(
            std::io::stderr(),
            "skipped: no_false_alarm_on_debians_own_files: tests/corpus/fetch-confs.sh has not run"
        );
        return;
    }
    let mut arguments = vec!["lint", "--json"];
    arguments.extend(files.iter().map(String::as_str));
    let output = evermod(&arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let of = |code: &str| findings.iter().filter(|finding| finding["code"] == code).count();
    assert_eq!(report["files"].as_array().unwrap().len(), files.len());
    // Each of these was looked at: they are what a maintainer would change.
    assert!(of("deprecated") >= 15 && of("needs-a-shell") >= 5, "{report:#}");
    let known = [
        "deprecated",
        "needs-a-shell",
        "said",
        "unused-variable",
        "no-autoinstall",
        "glob",
        "lost-quotes",
        "own-jobs",
    ];
    for finding in findings {
        assert!(known.iter().any(|code| finding["code"] == *code), "{finding:#}");
    }
}

#[test]
fn the_exit_code_tells_of_errors_only() {
    for (name, code) in [("hello-1.0", 0), ("patched-1.0", 0)] {
        let output = evermod(&["lint", &small(name).display().to_string()]).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}{}", text(&output.stdout), text(&output.stderr));
    }
    let dir = tempfile::tempdir().unwrap();
    let conf = dir.path().join("dkms.conf");
    let named = conf.display().to_string();
    assert_eq!(
        evermod(&["lint", &dir.path().display().to_string()]).output().unwrap().status.code(),
        Some(4),
        "no file"
    );
    std::fs::write(&conf, "PACKAGE_NAME=m\nPACKAGE_VERSION=1\nPATCH=gone.patch\nAUTOINSTALL=yes\nif\n")
        .unwrap();
    let output = evermod(&["lint", &named]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains(&format!("{named}:5:1")), "{}", text(&output.stdout));
    std::fs::write(&conf, "PACKAGE_NAME=m\nPACKAGE_VERSION=1\nPATCH=gone.patch\nAUTOINSTALL=yes\n").unwrap();
    let output = evermod(&["lint", &named]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    for part in [
        "error[patch]: there is no file patches/gone.patch",
        ":3:7",
        "PATCH=gone.patch",
        "^^^^^^^^^^",
        "hint: ",
        "1 error, 1 warning",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

/// Verbs stop; hooks and `dkms` say it and go on.
#[test]
fn bad_settings_are_told_with_their_place() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for (path, content) in [
        ("etc/os-release", "ID=debian\n"),
        ("etc/evermod/evermod.toml", "[policy]\n  critcal = ['zfs']\n"),
        ("etc/dkms/no-autoinstall", ""),
    ] {
        std::fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        std::fs::write(root.join(path), content).unwrap();
    }
    let named = root.display().to_string();
    let complaint =
        "/etc/evermod/evermod.toml:2:3: there is no setting 'critcal'; 'critical' is probably meant";
    let output = evermod(&["--root", &named, "status"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains(complaint), "{}", text(&output.stderr));
    let output = evermod(&["--root", &named, "hook", "dpkg-trigger"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(
        text(&output.stderr).contains(&format!("evermod: {complaint}; the defaults count")),
        "{}",
        text(&output.stderr)
    );
    std::fs::write(root.join("etc/evermod/evermod.toml"), "").unwrap();
    assert_eq!(evermod(&["--root", &named, "status"]).output().unwrap().status.code(), Some(0));
}
