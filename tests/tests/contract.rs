//! The contract of DKMS, row by row: each case of `tests/contract/*.t` is a test of its own (see the first of these files
//! for how they are written). All run in one Debian root, each over a throw-away layer of its own.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, bail, ensure};
use evermod_tests::roots::{Entry, Overlay};
use evermod_tests::{skip, top};
use libtest_mimic::{Arguments, Trial};

/// One case: a few commands that build on each other.
#[derive(Debug, Clone, Default)]
struct Case {
    name: String,
    place: String,
    steps: Vec<Step>,
}

/// One command and what is expected of it.
#[derive(Debug, Clone, Default)]
struct Step {
    command: String,
    code: i32,
    /// Lines of standard output; not looked at where there is none.
    stdout: Vec<String>,
    /// Lines that standard error has among its own.
    stderr: Vec<String>,
}

fn main() -> Result<ExitCode> {
    let mut arguments = Arguments::from_args();
    // Builds share the processors anyway.
    arguments.test_threads.get_or_insert(4);
    let cases = cases(&top().join("tests/contract"))?;
    let needs = skip::missing(&["unshare", "nsenter", "mmdebstrap"]);
    let root = match (&needs, arguments.list) {
        (None, false) => prepared()?,
        _ => None,
    };
    let why = needs.or_else(|| root.is_none().then(|| "no package of evermod: run make deb".to_owned()));
    if let (Some(why), false) = (&why, arguments.list) {
        let mut trial = vec![Trial::test("contract", {
            let why = why.clone();
            move || {
                skip::report(&why);
                Ok(())
            }
        })];
        return Ok(libtest_mimic::run(&arguments, std::mem::take(&mut trial)).exit_code());
    }
    let root = Arc::new(root);
    let trials = cases
        .into_iter()
        .enumerate()
        .map(|(number, case)| {
            let root = Arc::clone(&root);
            Trial::test(case.name.clone(), move || {
                let root = root.as_ref().as_ref().ok_or("no root")?;
                check(root, number, &case).map_err(|error| format!("{}\n{error:#}", case.place).into())
            })
        })
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    // Before the process ends: the root is left when its last owner goes.
    drop(root);
    Ok(conclusion.exit_code())
}

/// A root with evermod and what the prelude's functions need.
fn prepared() -> Result<Option<Overlay>> {
    let Some(root) = Entry::new("small").with_evermod()? else { return Ok(None) };
    root.copy_in(&top().join("tests/contract"), "/srv/contract")?;
    root.copy_in(&top().join("tests/modules"), "/srv/modules")?;
    root.sh("bash /srv/contract/prepare.sh")?.ok().context("prepare.sh")?;
    Ok(Some(root))
}

/// All cases, in the order of the files.
fn cases(dir: &Path) -> Result<Vec<Case>> {
    let mut files: Vec<_> = fs_err::read_dir(dir)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?
        .into_iter()
        .filter(|path| path.extension().is_some_and(|e| e == "t"))
        .collect();
    files.sort();
    let mut cases: Vec<Case> = Vec::new();
    for file in files {
        let stem = file.file_stem().and_then(|s| s.to_str()).unwrap_or_default().to_owned();
        for (number, line) in fs_err::read_to_string(&file)?.lines().enumerate() {
            read_line(&mut cases, &stem, number + 1, line)
                .with_context(|| format!("{}:{}", file.display(), number + 1))?;
        }
    }
    for case in &cases {
        ensure!(!case.steps.is_empty(), "{}: {} runs nothing", case.place, case.name);
        let twice = cases.iter().filter(|other| other.name == case.name).count();
        ensure!(twice == 1, "{}: {} stands there twice", case.place, case.name);
    }
    Ok(cases)
}

fn read_line(cases: &mut Vec<Case>, stem: &str, number: usize, line: &str) -> Result<()> {
    if let Some(title) = line.strip_prefix("== ") {
        let topic = stem.split_once('-').map_or(stem, |(_, topic)| topic);
        let place = format!("tests/contract/{stem}.t:{number}");
        cases.push(Case { name: format!("{topic}: {title}"), place, ..Case::default() });
        return Ok(());
    }
    let Some(case) = cases.last_mut().filter(|case| case.place.contains(stem)) else { return Ok(()) };
    if let Some(command) = line.strip_prefix("$ ") {
        case.steps.push(Step { command: command.to_owned(), ..Step::default() });
        return Ok(());
    }
    if line.is_empty() || line.starts_with("# ") {
        return Ok(());
    }
    let step = case.steps.last_mut().context("a line before the first command of its case")?;
    if let Some(more) = line.strip_prefix("> ") {
        step.command.push('\n');
        step.command.push_str(more);
    } else if let Some(code) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        step.code = code.parse().with_context(|| format!("no exit code: {line}"))?;
    } else if let Some(text) = line.strip_prefix("! ") {
        step.stderr.push(text.to_owned());
    } else {
        step.stdout.push(line.strip_prefix("  ").unwrap_or(line).to_owned());
    }
    Ok(())
}

/// Kernels' names are looked up once.
static KERNELS: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

fn kernels(root: &Overlay) -> Result<Vec<(String, String)>> {
    let mut known = KERNELS.lock().unwrap_or_else(PoisonError::into_inner);
    if known.is_empty() {
        let names = root.kernels()?;
        let mut pairs: Vec<_> =
            names.into_iter().enumerate().map(|(n, kernel)| (format!("K{}", n + 1), kernel)).collect();
        pairs.push(("RUNNING".to_owned(), root.run(&["uname", "-r"])?.ok()?.stdout.trim().to_owned()));
        *known = pairs;
    }
    Ok(known.clone())
}

fn check(root: &Overlay, number: usize, case: &Case) -> Result<()> {
    let kernels = kernels(root)?;
    let dir = format!("/run/contract/{number}");
    let mut script = format!("mkdir -p {dir}\n. /srv/contract/prelude.sh\n");
    for (name, value) in &kernels {
        writeln!(script, "{name}={value}")?;
    }
    for (index, step) in case.steps.iter().enumerate() {
        writeln!(
            script,
            "{{\n{}\n}} >{dir}/{index}.out 2>{dir}/{index}.err; echo $? >{dir}/{index}.code",
            step.command
        )?;
    }
    let run = root.run(&["unshare", "--mount", "--propagation", "private", "bash", "-c", &script])?;
    let read = |name: String| fs_err::read_to_string(root.path(&format!("{dir}/{name}")));
    let mut transcript = String::new();
    for (index, step) in case.steps.iter().enumerate() {
        let (Ok(code), Ok(stdout), Ok(stderr)) =
            (read(format!("{index}.code")), read(format!("{index}.out")), read(format!("{index}.err")))
        else {
            bail!("{transcript}$ {}\nwas not reached:\n{}", step.command, run.all());
        };
        let code: i32 = code.trim().parse()?;
        write!(transcript, "$ {}\n{stdout}{}[{code}]\n", step.command, indent(&stderr))?;
        let fill = |line: &String| {
            kernels
                .iter()
                .fold(line.clone(), |line, (name, value)| line.replace(&format!("{{{name}}}"), value))
        };
        let expected: Vec<String> = step.stdout.iter().map(fill).collect();
        let got: Vec<&str> = stdout.lines().collect();
        ensure!(code == step.code, "{transcript}^ exit code {} was expected", step.code);
        if !expected.is_empty() {
            ensure!(
                lines_match(&expected, &got),
                "{transcript}^ standard output was to be\n{}",
                expected.join("\n")
            );
        }
        for line in step.stderr.iter().map(fill) {
            ensure!(
                stderr.lines().any(|got| text_matches(&line, got)),
                "{transcript}^ standard error was to have the line\n{line}"
            );
        }
    }
    root.run(&["rm", "-rf", &dir])?.ok()?;
    Ok(())
}

fn indent(stderr: &str) -> String {
    stderr.lines().map(|line| format!("! {line}\n")).collect()
}

/// `...` alone on a line stands for any lines, none included.
fn lines_match(expected: &[String], got: &[&str]) -> bool {
    match (expected.split_first(), got.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if first == "..." => {
            lines_match(rest, got) || got.split_first().is_some_and(|(_, fewer)| lines_match(expected, fewer))
        }
        (Some((first, rest)), Some((line, fewer))) => text_matches(first, line) && lines_match(rest, fewer),
        _ => false,
    }
}

/// `...` inside a line stands for any text.
fn text_matches(expected: &str, got: &str) -> bool {
    let mut parts = expected.split("...");
    let Some(mut rest) = parts.next().and_then(|first| got.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.ends_with(last)
}
