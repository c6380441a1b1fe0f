//! `corpus [fast|more|heavy] [NAME]...`: has Debian's dkms and evermod build the same packages for the same kernels, and
//! prints a table of both verdicts and of every difference. `corpus oracle ...` asks dkms only; `corpus cloud ...` uses
//! the small kernels, which lack what some drivers need.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

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
    let answers: Vec<Option<Outcomes>> = oracle
        .ask_all(&chosen, &|input, seconds| eprintln!("dkms: {} after {seconds:.1} s", input.name))
        .into_iter()
        .map(|answer| answer.inspect_err(|error| eprintln!("dkms: {error:#}")).ok())
        .collect();
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
