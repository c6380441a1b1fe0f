//! The house's rules: who may import whom, who may run programs, who may print (ARCHITECTURE.md).
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The floors, from the ground up. A module may use those on lower floors and itself.
const FLOORS: [&[&str]; 11] = [
    &["model", "root", "pattern", "sign"],
    &["places"],
    &["config", "install"],
    &["archive", "cache", "publish"],
    &["report"],
    &["inventory", "build"],
    &["plan"],
    &["exec"],
    &["doctor"],
    &["cli"],
    &["main", "lib"],
];

fn sources() -> Vec<(String, PathBuf, String)> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&src, &mut files);
    files
        .into_iter()
        .map(|path| {
            let relative = path.strip_prefix(&src).unwrap().to_path_buf();
            let first = relative.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_string();
            let text = std::fs::read_to_string(&path).unwrap();
            // Tests and comments may say what they like.
            let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
            let code: Vec<_> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            (first, relative, code.join("\n"))
        })
        .filter(|(_, relative, _)| {
            !relative.ends_with("testing.rs") && !relative.ends_with("oracle_tests.rs")
        })
        .collect()
}

fn floor(module: &str) -> usize {
    FLOORS.iter().position(|floor| floor.contains(&module)).unwrap_or_else(|| panic!("{module} has no floor"))
}

/// The modules of the crate that a text names: `crate::x`, also several in braces.
fn named(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for rest in code.split("crate::").skip(1) {
        if let Some(group) = rest.strip_prefix('{') {
            let names = group.split('}').next().unwrap().split(',');
            found.extend(names.map(|n| n.trim().split("::").next().unwrap().to_string()));
        } else {
            found.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    found
}

#[test]
fn imports_run_down() {
    let mut seen = BTreeMap::new();
    for (module, file, code) in sources() {
        for other in named(&code) {
            if other == module || !FLOORS.concat().contains(&other.as_str()) {
                continue;
            }
            *seen.entry((module.clone(), other.clone())).or_insert(0) += 1;
            assert!(
                floor(&other) < floor(&module),
                "{}: {module} must not use {other}, which is not below it",
                file.display()
            );
        }
    }
    assert!(seen.len() > 15, "the test has gone blind: {seen:?}");
}

#[test]
fn model_does_no_io_and_plan_none_of_its_own() {
    for (module, file, code) in sources() {
        if module == "model" || module == "plan" || module == "pattern" {
            for forbidden in ["std::fs", "fs_err", "std::process", "std::env", "std::net"] {
                assert!(!code.contains(forbidden), "{}: {forbidden}", file.display());
            }
        }
    }
}

#[test]
fn only_exec_runs_programs() {
    let mut runners = 0;
    for (module, file, code) in sources() {
        let runs = code.contains("process::Command")
            || code.contains("process::{Command")
            || code.contains("Command::new(");
        runners += usize::from(runs);
        assert!(!runs || module == "exec", "{} runs programs", file.display());
    }
    assert!(runners > 0, "the test has gone blind");
}

#[test]
fn only_cli_reads_the_environment_and_only_cli_and_report_print() {
    for (module, file, code) in sources() {
        if module != "cli" && module != "main" {
            for forbidden in ["env::var", "env::args", "env::home", "env::temp", "env::current"] {
                assert!(!code.contains(forbidden), "{}: {forbidden}", file.display());
            }
        }
        if module != "cli" && module != "report" {
            for forbidden in ["println!", "eprintln!", "print!(", "io::stdout", "io::stderr"] {
                assert!(!code.contains(forbidden), "{}: {forbidden}", file.display());
            }
        }
    }
}

#[test]
fn files_stay_small() {
    let mut lengths: Vec<_> = sources()
        .into_iter()
        .map(|(_, file, code)| (code.lines().count(), file))
        .filter(|(lines, _)| *lines > 3)
        .collect();
    lengths.sort();
    let (longest, file) = lengths.last().unwrap();
    assert!(*longest <= 600, "{} has {longest} lines", file.display());
    let (median, _) = &lengths[lengths.len() / 2];
    assert!(*median <= 200, "the median file has {median} lines");
}
