//! Many sequences at once: both programs' answers, the verdicts, one table, and the shortest form of what differs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::Result;

use super::allowed::{self, ALLOWED, Case};
use super::compare::{Difference, Kind, differences};
use super::grammar;
use super::side::{Seen, Side};

/// What the comparison of one sequence came to.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// Steps after which everything was the same.
    pub same: usize,
    /// Steps after which all differences were meant.
    pub meant: usize,
    /// Steps that were not compared: a meant difference before them had left two different states.
    pub beyond: usize,
    /// How often each allowance was used.
    pub used: BTreeMap<&'static str, usize>,
    /// Differences that nobody meant, all of one step.
    pub different: Vec<Difference>,
}

/// Compares two programs' answers, up to the first step with a difference that is not meant.
#[must_use]
pub fn judge(steps: &[String], there: &[Seen], here: &[Seen]) -> Verdict {
    let mut verdict = Verdict::default();
    let mut known: Vec<Difference> = Vec::new();
    let all: Vec<_> = steps.iter().zip(there).zip(here).collect();
    for (number, ((command, there_now), here_now)) in all.iter().enumerate() {
        let mut ends = false;
        let mut meant = false;
        for difference in differences(number, command, there_now, here_now) {
            // What was there after the step before is still the same difference.
            let carried = |known: &Difference| {
                matches!(known.kind, Kind::Path | Kind::Module | Kind::Index | Kind::Log)
                    && Difference { step: number, ..known.clone() } == difference
            };
            if known.iter().any(carried) {
                continue;
            }
            let case = Case { difference: &difference, steps, number, there, here };
            match allowed::find(&case) {
                Some(allowance) => {
                    meant = true;
                    ends |= allowance.ends;
                    *verdict.used.entry(allowance.name).or_default() += 1;
                    known.push(difference);
                }
                None => verdict.different.push(difference),
            }
        }
        if !verdict.different.is_empty() {
            return verdict;
        }
        if meant {
            verdict.meant += 1
        } else {
            verdict.same += 1
        }
        if ends {
            verdict.beyond = all.len() - number - 1;
            return verdict;
        }
    }
    verdict
}

/// Both programs' answers to a sequence.
#[derive(Debug, Clone)]
pub struct Answers {
    /// dkms's.
    pub there: Vec<Seen>,
    /// evermod's.
    pub here: Vec<Seen>,
}

/// The two programs.
#[derive(Debug)]
pub struct Pair {
    /// dkms.
    pub there: Side,
    /// evermod.
    pub here: Side,
}

/// One sequence, and what it came to.
#[derive(Debug)]
pub struct Run {
    /// Its number below the seed.
    pub number: u64,
    /// Its steps.
    pub steps: Vec<String>,
    /// The verdict, or why there is none.
    pub verdict: Result<Verdict>,
}

impl Pair {
    /// Both programs in their roots; `None` where evermod's package has not been made.
    ///
    /// # Errors
    /// A root cannot be made.
    pub fn open() -> Result<Option<Self>> {
        let Some(here) = Side::evermod()? else { return Ok(None) };
        Ok(Some(Self { there: Side::dkms()?, here }))
    }

    /// Asks both.
    ///
    /// # Errors
    /// A root cannot be entered.
    pub fn ask(&self, steps: &[String]) -> Result<Answers> {
        Ok(Answers { there: self.there.ask(steps)?, here: self.here.ask(steps)? })
    }

    /// Those of a seed's sequences and all that are written by hand, on as many threads as there are processors.
    pub fn run_all(&self, seed: u64, which: Range<u64>, told: &(dyn Fn(&Run) + Sync)) -> Vec<Run> {
        let numbers: Vec<u64> = which.chain(grammar::written()).collect();
        let next = AtomicUsize::new(0);
        let runs = Mutex::new(Vec::new());
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let Some(&number) = numbers.get(next.fetch_add(1, Ordering::Relaxed)) else { return };
                        let steps = grammar::sequence(seed, number);
                        let verdict = self.ask(&steps).map(|a| judge(&steps, &a.there, &a.here));
                        let run = Run { number, steps, verdict };
                        told(&run);
                        runs.lock().unwrap_or_else(PoisonError::into_inner).push(run);
                    }
                });
            }
        });
        let mut runs = runs.into_inner().unwrap_or_else(PoisonError::into_inner);
        runs.sort_by_key(|run| run.number);
        runs
    }

    /// Drops steps for as long as the sequence still differs in something that is not meant.
    ///
    /// # Errors
    /// A root cannot be entered.
    pub fn shrink(&self, steps: &[String]) -> Result<Vec<String>> {
        let mut steps = steps.to_vec();
        let mut at = 0;
        while at < steps.len() {
            let mut fewer = steps.clone();
            fewer.remove(at);
            let answers = self.ask(&fewer)?;
            let verdict = judge(&fewer, &answers.there, &answers.here);
            match verdict.different.first().map(|d| d.step) {
                Some(last) => {
                    fewer.truncate(last + 1);
                    steps = fewer;
                }
                None => at += 1,
            }
        }
        Ok(steps)
    }

    /// A sequence as one would see it in a terminal, with both programs' answers.
    ///
    /// # Errors
    /// A root cannot be entered.
    pub fn transcript(&self, steps: &[String]) -> Result<String> {
        let Answers { there, here } = self.ask(steps)?;
        let verdict = judge(steps, &there, &here);
        let mut text = String::new();
        for (number, ((step, there), here)) in steps.iter().zip(&there).zip(&here).enumerate() {
            let _ = writeln!(text, "$ {step}");
            for (name, seen) in [("dkms   ", there), ("evermod", here)] {
                let _ = writeln!(text, "  {name} ({})", seen.code);
                for (stream, output) in [("1", &seen.out), ("2", &seen.err)] {
                    for line in output.lines() {
                        let _ = writeln!(text, "    {stream}| {line}");
                    }
                }
            }
            for difference in verdict.different.iter().filter(|d| d.step == number) {
                let _ = writeln!(text, "  DIFFERS {difference}");
            }
        }
        let quoted: Vec<String> = steps.iter().map(|s| format!("'{}'", s.replace('\'', "'\\''"))).collect();
        let _ = writeln!(
            text,
            "to replay: cargo run -p evermod-tests --bin oracle -- replay {}",
            quoted.join(" ")
        );
        Ok(text)
    }
}

/// The table at the end; true if nothing differs, and nothing is allowed in vain.
#[must_use]
pub fn table(runs: &[Run], complain_unused: bool) -> (String, bool) {
    let mut text = String::new();
    let mut used: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut steps, mut same, mut meant, mut beyond, mut different, mut failed) = (0, 0, 0, 0, 0, 0);
    for run in runs {
        steps += run.steps.len();
        match &run.verdict {
            Ok(verdict) => {
                same += verdict.same;
                meant += verdict.meant;
                beyond += verdict.beyond;
                different += usize::from(!verdict.different.is_empty());
                for (name, n) in &verdict.used {
                    *used.entry(name).or_default() += n;
                }
            }
            Err(_) => failed += 1,
        }
    }
    let _ = writeln!(text, "sequences               {:>6}", runs.len());
    let _ = writeln!(text, "steps                   {steps:>6}");
    let _ = writeln!(text, "  same                  {same:>6}");
    let _ = writeln!(text, "  with meant differences{meant:>6}");
    let _ = writeln!(text, "  after such, skipped   {beyond:>6}");
    let _ = writeln!(text, "sequences that differ   {different:>6}");
    if failed > 0 {
        let _ = writeln!(text, "not run                 {failed:>6}");
    }
    let _ = writeln!(text, "meant differences, by reason:");
    let mut vain = 0;
    for allowance in ALLOWED {
        let n = used.get(allowance.name).copied().unwrap_or(0);
        let is_vain = n == 0;
        let mark = if is_vain && complain_unused { " NEVER USED" } else { "" };
        vain += usize::from(is_vain);
        let _ =
            writeln!(text, "{n:>6}  {}: {} [{}]{mark}", allowance.name, allowance.reason, allowance.source);
    }
    let fine = different == 0 && failed == 0 && (vain == 0 || !complain_unused);
    (text, fine)
}
