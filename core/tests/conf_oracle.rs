//! The oracle: wherever the literal reader accepts a file, bash must read the same values.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use evermod_core::config::directive_table::NAMES;
use evermod_core::config::literal;
use evermod_core::config::mangle::{Reread, collapse, reread};
use evermod_core::config::shell::{Shell, ShellJob, Task, quote};
use evermod_core::config::vars::Vars;
use evermod_core::config::{LoadRequest, load_module};
use evermod_core::exec::shell::ConfinedBash;
use evermod_core::root::Root;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn scope() -> Vars {
    Vars::from_iter([
        ("kernelver", "6.1.0-56-amd64"),
        ("arch", "x86_64"),
        ("kernel_source_dir", "/lib/modules/6.1.0-56-amd64/build"),
        ("dkms_tree", "/var/lib/dkms"),
        ("source_tree", "/usr/src"),
        ("install_tree", "/lib/modules"),
        ("parallel_jobs", "2"),
        ("module", "m"),
        ("module_version", "1"),
        ("v", "value"),
        ("e", ""),
        ("w", "two  words *"),
    ])
}

fn corpus() -> PathBuf {
    match (std::env::var_os("EVERMOD_CORPUS"), std::env::var_os("XDG_CACHE_HOME"), std::env::var_os("HOME")) {
        (Some(corpus), ..) => corpus.into(),
        (_, Some(cache), _) => Path::new(&cache).join("evermod-tests/corpus/conf"),
        (_, _, Some(home)) => Path::new(&home).join(".cache/evermod-tests/corpus/conf"),
        _ => PathBuf::new(),
    }
}

fn confs() -> Vec<PathBuf> {
    let mut confs: Vec<PathBuf> = std::fs::read_dir(corpus())
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "conf"))
        .collect();
    confs.sort();
    if confs.is_empty() {
        skipped(&format!("no corpus in {} (tests/corpus/fetch-confs.sh fetches it)", corpus().display()));
    }
    confs
}

fn job(path: &Path, names: &[&str]) -> ShellJob {
    let directory = path.parent().unwrap().to_path_buf();
    ShellJob {
        task: Task::Source(path.to_path_buf()),
        scope: scope(),
        names: names.iter().map(|name| name.to_string()).collect(),
        prefix: None,
        readable: vec![directory.clone()],
        directory,
    }
}

fn only(mut vars: Vars, names: &[&str]) -> Vars {
    vars.retain(|name| names.contains(&name));
    vars
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Tells past the runner's capture that a test does not run here; `make test` counts these lines.
fn skipped(why: &str) {
    use std::io::Write;
    let thread = std::thread::current();
    let _ = writeln!(std::io::stderr(), "skipped: {}: {why}", thread.name().unwrap_or("test"));
}

#[test]
fn corpus_has_the_values_of_bash() {
    let bash = ConfinedBash::new();
    let (mut literal_times, mut bash_times, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    let confs = confs();
    for path in &confs {
        let start = Instant::now();
        let theirs = bash.evaluate(&job(path, &NAMES)).unwrap();
        bash_times.push(start.elapsed());
        let text = std::fs::read_to_string(path).unwrap();
        let start = Instant::now();
        let scope = scope();
        let ours = literal::parse(&text, &scope);
        literal_times.push(start.elapsed());
        match ours {
            Ok(ours) => assert_eq!(only(ours.flattened(), &NAMES), theirs.vars, "{}", path.display()),
            Err(why) => refused.push(format!("{}:{why}", path.file_name().unwrap().display())),
        }
    }
    if confs.is_empty() {
        return;
    }
    println!(
        "{} of {} literal; median {:?} literal, {:?} bash",
        confs.len() - refused.len(),
        confs.len(),
        median(literal_times),
        median(bash_times)
    );
    refused.iter().for_each(|why| println!("  to bash: {why}"));
    assert!(refused.len() * 2 < confs.len(), "the literal reader takes too few");
}

#[test]
fn corpus_loads_without_errors() {
    let bash = ConfinedBash::new();
    for path in confs() {
        let request = LoadRequest { conf: path.clone(), scope: scope().into(), ..LoadRequest::default() };
        let start = Instant::now();
        let loaded = load_module(&Root::new("/"), &request, &bash).unwrap();
        let errors: Vec<_> = loaded.errors().collect();
        assert!(errors.is_empty(), "{}: {errors:?}", path.display());
        assert!(!loaded.directives.records.is_empty(), "{}", path.display());
        let name = path.file_stem().unwrap().display();
        println!("{name}: {} modules, {:?}", loaded.directives.records.len(), start.elapsed());
    }
}

/// Bash runs all `programs`, each in a subshell, and their reports are read.
fn in_bash(directory: &Path, programs: &[String]) -> Vec<Vars> {
    let program: String =
        programs.iter().map(|program| format!("( {program} )\nprintf '%s\\0next\\0\\0' ''\n")).collect();
    let mut bash = Command::new("bash")
        .args(["--norc", "--noprofile", "-s"])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LANG", "C")
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = bash.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(program.as_bytes()));
    let output = bash.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let fields: Vec<String> =
        output.stdout.split(|b| *b == 0).map(|f| String::from_utf8_lossy(f).into_owned()).collect();
    let mut all = vec![Vars::new()];
    for record in fields.chunks_exact(3) {
        match (record[0].as_str(), record[1].as_str()) {
            ("", "end") => {}
            ("", "next") => all.push(Vars::new()),
            (name, index) => all.last_mut().unwrap().set_element(name, index.parse().unwrap(), &record[2]),
        }
    }
    all.pop();
    assert_eq!(all.len(), programs.len(), "bash did not get through");
    all
}

/// A number from the environment, so that a longer run needs no change here.
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

fn runner() -> TestRunner {
    let seed = number("EVERMOD_ORACLE_SEED", 1);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed.to_le_bytes(); 4].concat());
    TestRunner::new_with_rng(Config::default(), rng)
}

const GENERATED: [&str; 5] = ["A", "B", "C", "v", "kernelver"];

/// Confs from a grammar that goes a little beyond what the reader takes.
fn conf() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["A", "B", "C", "v", "A", "B"]);
    let expansion = prop::sample::select(vec![
        "$v",
        "${v}",
        "$e",
        "$w",
        "${w}",
        "$kernelver",
        "$unset",
        "$A",
        "${A}",
        "${B[1]}",
        "${A[0]}",
        "${v:-d}",
        "${unset:-d e}",
        "${e-x}",
        "${e:-$v}",
        "${v+-j$v}",
        "${e:+x}",
        "${unset+x}",
        "${v%u}",
        "$",
        "${#v}",
        "$1",
        "${A[$v]}",
        "${unset-}",
        "${v:+${A-n}}",
        "${B[2]:-two}",
    ])
    .prop_map(String::from);
    let bare = prop_oneof![6 => "[a-z0-9/._:=,+@%^#!\\]}-]{1,5}", 1 => "[a~:=*?{}\\[\\]\r-]{1,3}"];
    let escape = prop::sample::select(vec![
        "\\ ", "\\$", "\\\"", "\\'", "\\\\", "\\\n", "\\a", "\\#", "\\;", "\\\r", "\\*", "\\~",
    ])
    .prop_map(String::from);
    let single = "'[a-z $\"\\\\\n\t#\r*]{0,6}'";
    let in_double = prop_oneof![
    3 => "[a-z '#;*~()|&<>\n\t\r^.{}!-]{1,5}".prop_map(String::from),
    3 => expansion.clone(),
    2 => escape.clone(),
    1 => Just("$|".to_string()),
        ];
    let double = prop::collection::vec(in_double, 0..4).prop_map(|parts| format!("\"{}\"", parts.concat()));
    let piece = prop_oneof![
        5 => bare.prop_map(String::from),
        2 => expansion,
        2 => escape,
        2 => single.prop_map(String::from),
        4 => double,
    ];
    let word = prop::collection::vec(piece, 0..3).prop_map(|parts| parts.concat());
    let index = prop::sample::select(vec![
        "", "", "", "[0]", "[1]", "[3]", "[7]", "[1]", "[0]", "[3]", "[07]", "[v]",
    ]);
    let gap =
        prop::sample::select(vec![" ", "\n", "  ", "\t", " # note\n", " \\\n", "\r\n", "\\\n", "\n#x'\n"]);
    let element = (prop::sample::select(vec!["", "", "", "", "[2]=", "[5]=", "[0]+=", "[x]="]), word.clone())
        .prop_map(|(index, word)| format!("{index}{word}"));
    let list = prop::collection::vec((gap.clone(), element), 0..4).prop_map(|elements| {
        elements.into_iter().map(|(gap, element)| format!("{gap}{element}")).collect::<String>()
    });
    let list = (list, gap).prop_map(|(list, gap)| format!("({list}{gap})"));
    let value = prop_oneof![5 => word, 2 => list];
    let assignment = (name, index, prop::sample::select(vec!["=", "=", "=", "+="]), value).prop_map(
        |(name, index, sign, value)| {
            let index = if value.starts_with('(') && index != "[1]" { "" } else { index };
            format!("{name}{index}{sign}{value}")
        },
    );
    let end = prop::sample::select(vec![
        "\n",
        "\n",
        "\n",
        "\n",
        "\r\n",
        " # c'omment\n",
        "; ",
        " ",
        "#not\n",
        " \\\n",
        "\n\n\r\n",
        ";\n",
        " \r\n",
        ";;",
        " & ",
        "\t\n",
        "\n  ",
        " true\n",
        "\\\n\n",
        " \\\n#c\n",
        "\\\n#c\n",
        "; \\\n# x\n",
        ";\\\n;",
    ]);
    prop::collection::vec((assignment, end), 1..4)
        .prop_map(|lines| lines.into_iter().map(|(assignment, end)| format!("{assignment}{end}")).collect())
}

#[test]
fn generated_confs_have_the_values_of_bash() {
    let rounds = number("EVERMOD_ORACLE_CONFS", 12_000);
    let (mut runner, grammar) = (runner(), conf());
    let mut accepted = Vec::new();
    for _ in 0..rounds {
        let text: String = grammar.new_tree(&mut runner).unwrap().current();
        if let Ok(vars) = literal::parse(&text, &scope()) {
            accepted.push((text, only(vars.flattened(), &GENERATED)));
        }
    }
    println!("{} of {rounds} generated confs are literal", accepted.len());
    assert!(accepted.len() as u64 * 6 >= rounds, "the grammar generates too few literal confs");
    let dir = tempfile::tempdir().unwrap();
    for chunk in accepted.chunks(250) {
        let programs: Vec<String> = chunk
            .iter()
            .enumerate()
            .map(|(number, (text, _))| {
                let path = dir.path().join(format!("{number}.conf"));
                std::fs::write(&path, text).unwrap();
                job(&path, &GENERATED).program()
            })
            .collect();
        for ((text, ours), theirs) in chunk.iter().zip(in_bash(dir.path(), &programs)) {
            assert_eq!(ours, &theirs, "\n{text}\n{text:?}");
        }
    }
}

/// The second reading against its description in the contract: written unquoted, sourced in double quotes.
#[test]
fn second_readings_have_the_values_of_bash() {
    let part = prop_oneof![
        4 => "[a-z ./=:,^'()|;*-]{1,6}",
        2 => "[ \t\n\r]{1,3}",
        2 => prop::sample::select(vec!["$v", "${v}", "$e", "$unset", "${kernelver}", "$", "$|", "$)"]).prop_map(String::from),
        2 => prop::sample::select(vec!["\\", "\\$v", "\\\\", "\\\"", "\"", "\"x\"", "\"a b\"", "\\`"]).prop_map(String::from),
    ];
    let value = prop::collection::vec(part, 0..5).prop_map(|parts| parts.concat());
    let mut runner = runner();
    let values: Vec<String> = (0..number("EVERMOD_ORACLE_VALUES", 3_000))
        .map(|_| value.new_tree(&mut runner).unwrap().current())
        .collect();
    let dir = tempfile::tempdir().unwrap();
    let mut judged = 0;
    for chunk in values.chunks(250) {
        let programs: Vec<String> = chunk
            .iter()
            .map(|raw| {
                let mut again = job(&dir.path().join("x"), &["A"]);
                // Nothing is globbed here (see mangle.rs), hence `set -f`.
                let line = format!(
                    "set -f; raw={}; raw=${{raw%$'\\r'}}; line=$(echo A[0]=\\\"$raw\\\"); set +f\n",
                    quote(raw)
                );
                again.task = Task::Reread(Vars::new());
                let program = again.program();
                let (before, after) = program.split_once("set +eux").unwrap();
                format!("{before}{line}unset raw; eval \"$line\"\nset +eux{after}")
            })
            .collect();
        for (raw, theirs) in chunk.iter().zip(in_bash(dir.path(), &programs)) {
            let theirs = theirs.scalar("A");
            match reread(&collapse(raw), &scope()) {
                Reread::Value(ours) => assert_eq!(Some(ours.as_str()), theirs, "{raw:?}"),
                Reread::Destroyed(why) => assert_eq!(theirs, None, "{raw:?}: {why}"),
                Reread::Shell(_) => continue,
            }
            judged += 1;
        }
    }
    println!("{judged} of {} values judged", values.len());
    assert!(judged * 2 > values.len());
}
