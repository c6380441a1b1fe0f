//! `corpus [fast|more|heavy] [NAME]...`: has Debian's dkms and evermod build the same packages for the same kernels, and
//! prints a table of both verdicts and of every difference. `corpus oracle ...` asks dkms only; `corpus cloud ...` uses
//! the small kernels, which lack what some drivers need.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::Result;
use evermod_tests::corpus::{Input, Oracle, Outcomes, Set, ask_evermod, differences, inputs};

fn main() -> Result<ExitCode> {
    let mut most = Set::Heavy;
    let mut oracle_only = false;
    let (mut there, mut here) = ("dkms", "corpus");
    let mut names = Vec::new();
    for word in std::env::args().skip(1) {
        match word.as_str() {
            "fast" => most = Set::Fast,
            "more" => most = Set::More,
            "heavy" => most = Set::Heavy,
            "oracle" => oracle_only = true,
            "cloud" => (there, here) = ("dkms-cloud", "cloud"),
            name => names.push(name.to_owned()),
        }
    }
    let chosen: Vec<Input> =
        inputs(most)?.into_iter().filter(|i| names.is_empty() || names.contains(&i.name)).collect();
    let oracle = Oracle::new(there)?;
    let answers = ask_all(&oracle, &chosen);
    if oracle_only {
        return Ok(ExitCode::SUCCESS);
    }
    // What dkms could not be asked has been reported, and counts.
    let asked: Vec<(&Input, &Outcomes)> =
        chosen.iter().zip(&answers).filter_map(|(i, a)| Some((i, a.as_ref()?))).collect();
    let Some(ours) = ask_evermod(here, &asked)? else {
        eprintln!("target/dist has no evermod package: run make deb");
        return Ok(ExitCode::FAILURE);
    };
    println!("evermod sync: exit code {} after {:.1} s", ours.sync.status, ours.sync.took.as_secs_f64());
    println!("{:<29}{:<40}{:<26}{:<10}{:<10}", "package", "module", "kernel", "dkms", "evermod");
    let (mut same, mut other) = (0, chosen.len() - asked.len());
    for (input, there) in &asked {
        for (kernel, outcome) in &there.kernels {
            let here = &ours.outcomes[&input.name].kernels[kernel];
            let found = differences(outcome, here);
            let mark = if found.is_empty() { "same" } else { "DIFFERS" };
            println!(
                "{:<29}{:<40}{kernel:<26}{:<10}{:<10}{mark}",
                input.name, there.module, outcome.verdict, here.verdict
            );
            for line in &found {
                println!("    {line}");
            }
            if found.is_empty() { same += 1 } else { other += 1 }
        }
    }
    println!("{same} the same, {other} not");
    Ok(if other == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Asks the oracle about all, two at a time: dkms builds one after another, and half of a package's time is not make's.
fn ask_all(oracle: &Oracle, chosen: &[Input]) -> Vec<Option<Outcomes>> {
    let next = AtomicUsize::new(0);
    let answers = Mutex::new(vec![None; chosen.len()]);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(input) = chosen.get(at) else { break };
                    let started = Instant::now();
                    match oracle.ask(input) {
                        Ok(outcomes) => {
                            eprintln!("dkms: {} after {:.1} s", input.name, started.elapsed().as_secs_f64());
                            if let Ok(mut answers) = answers.lock() {
                                answers[at] = Some(outcomes);
                            }
                        }
                        Err(error) => eprintln!("dkms: {error:#}"),
                    }
                }
            });
        }
    });
    answers.into_inner().unwrap_or_default()
}
