//! `corpus [fast|more|heavy] [NAME]...`: has Debian's dkms and evermod build the same packages for the same kernels, and
//! prints a table of both verdicts and of every difference. `corpus oracle ...` asks dkms only; `corpus cloud ...` uses
//! the small kernels, which lack what some drivers need. `corpus apt ...` has apt install, upgrade and purge the packages
//! on evermod instead.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

use anyhow::Result;
use evermod_tests::corpus::{Input, Oracle, Outcomes, Set, ask_evermod, differences, inputs};
use evermod_tests::corpus_apt::travel_all;

fn main() -> Result<ExitCode> {
    let mut most = Set::Heavy;
    let (mut oracle_only, mut through_apt) = (false, false);
    let (mut there, mut here) = ("dkms", "corpus");
    let mut names = Vec::new();
    for word in std::env::args().skip(1) {
        match word.as_str() {
            "fast" => most = Set::Fast,
            "more" => most = Set::More,
            "heavy" | "all" => most = Set::Heavy,
            "oracle" => oracle_only = true,
            "apt" => through_apt = true,
            "cloud" => (there, here) = ("dkms-cloud", "cloud"),
            name => names.push(name.to_owned()),
        }
    }
    let chosen: Vec<Input> =
        inputs(most)?.into_iter().filter(|i| names.is_empty() || names.contains(&i.name)).collect();
    if through_apt {
        return apt(chosen);
    }
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
    println!("{:<29}{:<40}{:<26}{:<10}{:<10}", "package", "module", "kernel", "dkms", "evermod");
    let (mut same, mut other) = (0, chosen.len() - asked.len());
    // The heavy ones are built each in a root of its own: several are one driver in different versions.
    let (heavy, light): (Vec<_>, Vec<_>) =
        asked.iter().copied().partition(|(input, _)| input.set == Set::Heavy);
    for group in std::iter::once(light.as_slice()).chain(heavy.chunks(1)).filter(|group| !group.is_empty()) {
        let Some(ours) = ask_evermod(here, group)? else {
            eprintln!("target/dist has no evermod package: run make deb");
            return Ok(ExitCode::FAILURE);
        };
        for (input, there) in group {
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
        let seconds = ours.sync.took.as_secs_f64();
        println!(
            "evermod sync of these {}: exit code {} after {seconds:.1} s",
            group.len(),
            ours.sync.status
        );
    }
    println!("{same} the same, {other} not");
    Ok(if other == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Takes the packages through apt and prints what became of each.
fn apt(mut chosen: Vec<Input>) -> Result<ExitCode> {
    chosen.retain(|input| input.path.is_file());
    let journeys =
        travel_all(&chosen, &|input, seconds| eprintln!("apt: {} after {seconds:.1} s", input.name));
    println!(
        "{:<29}{:<44}{:<10}{:>8}{:>8}{:>8}{:>8}",
        "package", "module", "verdict", "install", "upgrade", "new", "purge"
    );
    let (mut right, mut wrong) = (0, 0);
    for (input, journey) in chosen.iter().zip(journeys) {
        let journey = match journey {
            Ok(journey) => journey,
            Err(error) => {
                println!("{:<29}{error:#}", input.name);
                wrong += 1;
                continue;
            }
        };
        let verdict = journey.verdict.map_or_else(|| "no auto".to_owned(), |v| v.to_string());
        let seconds = |step: &str| {
            let took = journey.steps.iter().find(|(name, _)| name == step).map(|(_, seconds)| *seconds);
            took.map_or_else(|| "-".to_owned(), |s| format!("{s:.1}"))
        };
        let [install, upgrade, new, purge] = ["install", "upgrade", "new version", "purge"].map(seconds);
        let mark = if journey.problems.is_empty() { "clean" } else { "WRONG" };
        println!(
            "{:<29}{:<44}{verdict:<10}{install:>8}{upgrade:>8}{new:>8}{purge:>8}  {mark}",
            input.name, journey.module
        );
        if !journey.stand_ins.is_empty() {
            println!("    empty packages stood in for {}", journey.stand_ins.join(", "));
        }
        if let Some(why) = &journey.no_new_version {
            println!("    no new version of the module could be made: {why}");
        }
        for problem in &journey.problems {
            println!("    {problem}");
        }
        if journey.problems.is_empty() { right += 1 } else { wrong += 1 }
    }
    println!("{right} came and went without a trace, {wrong} did not");
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
