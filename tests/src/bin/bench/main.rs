//! `bench DIR KERNEL...`: measures evermod beside Debian's dkms, inside a root that has both; started by
//! `tests/bench.sh`. Prints a table and writes DIR/bench.json. Ends with 1 where a goal is missed.
//!
//! Figures are CPU seconds of whole process trees. Both programs see the same files; runs alternate.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod apt;
mod fresh;
mod measure;
mod packages;
mod small;
mod table;
mod trees;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};

use measure::{Added, Cost, Run, run};

/// Debian's program.
pub const DKMS: &str = "/usr/sbin/dkms";
/// evermod under its own name; `dkms` beside it is the same.
pub const EVERMOD: &str = "/usr/local/lib/evermod-bench/evermod";
/// evermod as DKMS.
pub const AS_DKMS: &str = "/usr/local/lib/evermod-bench/dkms";

/// What the command line asks for.
#[derive(Debug)]
struct Arguments {
    /// Results and logs.
    dir: PathBuf,
    /// Packages for the fresh kernel.
    debs: Vec<PathBuf>,
    /// Only sections with this in their name.
    only: Option<String>,
    /// Rounds of what takes long.
    rounds: usize,
    /// Measure nothing: leave a tree of this many modules for all kernels, to look at with other programs.
    grow: Option<usize>,
}

fn main() -> Result<ExitCode> {
    let arguments = arguments()?;
    measure::adopt_orphans()?;
    let dir = &arguments.dir;
    if arguments.only.as_deref() == Some("packages") {
        let entries = packages::entries(arguments.rounds, dir)?;
        println!("{}", packages::table(&entries));
        fs_err::write(dir.join("bench-packages.json"), serde_json::to_vec_pretty(&entries)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let kernels: Vec<String> =
        fs_err::read_to_string("/etc/test-kernels")?.lines().map(str::to_owned).collect();
    let wanted = |section: &str| arguments.only.as_ref().is_none_or(|only| section.contains(only.as_str()));
    let mut rows = Vec::new();
    eprintln!("bench: a tiny module for {} kernels ...", kernels.len());
    let seeds = small::seeds(&kernels, dir)?;
    if let Some(modules) = arguments.grow {
        trees::grow(&seeds, 0..modules, trees::three_or_four)?;
        trees::copy_times(&seeds)?;
        return Ok(ExitCode::SUCCESS);
    }
    if wanted("small") {
        rows.extend(small::rows(&kernels, dir)?);
    }
    if wanted("many") {
        rows.extend(small::many(seeds, arguments.rounds, dir)?);
    }
    trees::clear()?;
    if wanted("fresh") {
        // The stable series' newest stands before the next series' only one.
        let kernel = kernels.iter().rev().nth(1).or(kernels.last()).context("no kernel")?;
        let names = fresh::register(&arguments.debs, dir)?;
        eprintln!("bench: {} for {kernel} ...", names.join(" "));
        rows.push(fresh::compare(kernel, names.len(), arguments.rounds, dir)?);
    }
    if wanted("apt") && Path::new(apt::PACKAGE).is_file() {
        rows.push(apt::row(dir)?);
    }
    println!("{}", table::table(&rows));
    fs_err::write(dir.join("bench.json"), serde_json::to_vec_pretty(&rows)?)?;
    let missed = rows.iter().flat_map(|row| &row.goals).filter(|goal| !goal.met).count();
    let goals: usize = rows.iter().map(|row| row.goals.len()).sum();
    println!("{} of {goals} goals met", goals - missed);
    Ok(if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn arguments() -> Result<Arguments> {
    let mut words = std::env::args().skip(1);
    let mut arguments =
        Arguments { dir: PathBuf::new(), debs: Vec::new(), only: None, rounds: 2, grow: None };
    while let Some(word) = words.next() {
        match word.as_str() {
            "--only" => arguments.only = Some(words.next().context("--only needs a section")?),
            "--grow" => arguments.grow = Some(words.next().context("--grow needs a number")?.parse()?),
            "--rounds" => arguments.rounds = words.next().context("--rounds needs a number")?.parse()?,
            deb if deb.ends_with(".deb") => arguments.debs.push(deb.into()),
            dir => arguments.dir = dir.into(),
        }
    }
    ensure!(arguments.dir.is_dir(), "bench DIR DEB...: there is no directory {}", arguments.dir.display());
    Ok(arguments)
}

/// Runs a command that must succeed.
pub fn check(argv: &[&str], dir: &Path) -> Result<Run> {
    let output = dir.join("last.log");
    let done = run(argv, &output)?;
    let said = || fs_err::read_to_string(&output).unwrap_or_default();
    ensure!(done.status == 0, "{}: exit code {}\n{}", argv.join(" "), done.status, said());
    Ok(done)
}

/// A command with what makes it ready to be run once more, which is not measured.
pub struct Subject<'a> {
    /// The commands, run one after another as one operation.
    pub commands: &'a [&'a [&'a str]],
    /// Makes ready.
    pub before: &'a dyn Fn() -> Result<()>,
    /// Whether processes are counted by strace, which leaves threads out but takes time.
    pub traced: bool,
}

impl Subject<'_> {
    /// Makes ready and runs once.
    fn run(&self, dir: &Path) -> Result<Run> {
        (self.before)()?;
        let mut sum = Run { cpu: 0.0, wall: 0.0, tasks: 0, status: 0 };
        for command in self.commands {
            let one = check(command, dir)?;
            sum.cpu += one.cpu;
            sum.wall += one.wall;
            sum.tasks += one.tasks;
        }
        Ok(sum)
    }

    /// Sums up, and counts processes.
    fn cost(&self, runs: &[Run], dir: &Path) -> Result<Cost> {
        let mut count = runs.last().map(|r| r.tasks);
        if self.traced {
            (self.before)()?;
            let mut sum = 0;
            for command in self.commands {
                sum += measure::processes(command, dir)?;
            }
            count = Some(sum);
        }
        Ok(Cost::of(runs).with_processes(count))
    }
}

/// Measures several subjects, `runs` times each, in turn.
///
/// # Errors
/// A command cannot be run, or fails.
pub fn alternate<const N: usize>(subjects: [&Subject<'_>; N], runs: usize, dir: &Path) -> Result<[Cost; N]> {
    let mut all: [Vec<Run>; N] = std::array::from_fn(|_| Vec::new());
    for _ in 0..runs {
        for (subject, runs) in subjects.iter().zip(&mut all) {
            runs.push(subject.run(dir)?);
        }
    }
    let mut costs = [Cost::of(&[]); N];
    for ((subject, runs), cost) in subjects.iter().zip(&all).zip(&mut costs) {
        *cost = subject.cost(runs, dir)?;
    }
    Ok(costs)
}

/// Measures what one subject costs over another, which is a small part of either: by pairs of runs, so that both of a pair
/// see the machine in the same state, each of them first in every other pair.
///
/// # Errors
/// A command cannot be run, or fails.
pub fn compare(
    floor: &Subject<'_>,
    subject: &Subject<'_>,
    pairs: usize,
    dir: &Path,
) -> Result<(Cost, Cost, Added)> {
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for pair in 0..pairs {
        if pair.is_multiple_of(2) {
            without.push(floor.run(dir)?);
            with.push(subject.run(dir)?);
        } else {
            with.push(subject.run(dir)?);
            without.push(floor.run(dir)?);
        }
    }
    let (below, above) = (floor.cost(&without, dir)?, subject.cost(&with, dir)?);
    Ok((below, above, Added::of(&without, &with)))
}
