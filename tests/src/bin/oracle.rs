//! `oracle [SEQUENCES [SEED]]`: so many sequences of commands for Debian 13's dkms and for evermod; a table, and each
//! sequence that differs, in its shortest form. `oracle show NUMBER [SEED]` does one of them, `oracle replay STEP...` any.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result};
use evermod_tests::oracle::grammar;
use evermod_tests::oracle::session::{Pair, table};

/// So many of those that differ are shrunk: each takes as many runs as it has steps.
const SHRUNK: usize = 20;

fn main() -> Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default: u64| match words.get(at) {
        None => Ok(default),
        Some(word) => word.parse().with_context(|| format!("{word} is no number")),
    };
    let first = words.first().map(String::as_str);
    let started = Instant::now();
    let Some(pair) = Pair::open()? else {
        eprintln!("target/dist has no evermod package: run make deb");
        return Ok(ExitCode::FAILURE);
    };
    match first {
        Some("replay") => {
            print!("{}", pair.transcript(words.get(1..).unwrap_or_default())?);
            return Ok(ExitCode::SUCCESS);
        }
        Some("show") => {
            print!("{}", pair.transcript(&grammar::sequence(number(2, 1)?, number(1, 0)?))?);
            return Ok(ExitCode::SUCCESS);
        }
        _ => {}
    }
    // `FROM..TO` goes on where another run stopped.
    let (from, count) = match words.first().and_then(|word| word.split_once("..")) {
        Some((from, to)) => (from.parse()?, to.parse()?),
        None => (0, number(0, 300)?),
    };
    let seed = number(1, 1)?;
    let prepared = started.elapsed().as_secs_f64();
    let runs = pair.run_all(seed, from..count, &|run| match &run.verdict {
        Ok(verdict) if verdict.different.is_empty() => {}
        Ok(verdict) => {
            let text: Vec<String> = verdict.different.iter().take(6).map(|d| format!("    {d}\n")).collect();
            let step = verdict.different.first().map_or(0, |d| d.step);
            let command = run.steps.get(step).map_or("", String::as_str);
            eprint!("sequence {} differs at step {step}: {command}\n{}", run.number, text.concat());
        }
        Err(error) => eprintln!("sequence {}: {error:#}", run.number),
    });
    let ran = started.elapsed().as_secs_f64() - prepared;
    let differing = runs.iter().filter(|r| r.verdict.as_ref().is_ok_and(|v| !v.different.is_empty()));
    if std::env::var_os("ORACLE_NO_SHRINK").is_none() {
        for run in differing.take(SHRUNK) {
            let shortest = pair.shrink(&run.steps)?;
            println!("sequence {} of seed {seed}, {} steps, in short:", run.number, run.steps.len());
            println!("{}", pair.transcript(&shortest)?);
        }
    }
    let (text, fine) = table(&runs, runs.len() >= 300);
    println!("{text}prepared in {prepared:.1} s, ran for {ran:.1} s");
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
