//! 300 sequences of commands: evermod answers as Debian 13's dkms does, but for differences that are meant.

use anyhow::Result;
use evermod_tests::oracle::allowed::{ALLOWED, Source};
use evermod_tests::oracle::session::{Pair, table};
use evermod_tests::{need, skip, top};

const SEQUENCES: u64 = 300;
const SEED: u64 = 1;

#[test]
fn sequences_of_commands_end_as_with_dkms() -> Result<()> {
    need!();
    let Some(pair) = Pair::open()? else {
        skip::report("target/dist has no evermod package: run make deb");
        return Ok(());
    };
    let runs = pair.run_all(SEED, 0..SEQUENCES, &|_| {});
    let (text, fine) = table(&runs, true);
    println!("{text}");
    if fine {
        return Ok(());
    }
    let mut shown = String::new();
    for run in &runs {
        match &run.verdict {
            Ok(verdict) if verdict.different.is_empty() => {}
            Ok(_) if shown.len() < 10_000 => {
                let shortest = pair.shrink(&run.steps)?;
                shown.push_str(&format!("sequence {}:\n{}\n", run.number, pair.transcript(&shortest)?));
            }
            Ok(_) => shown.push_str(&format!("sequence {} differs, too\n", run.number)),
            Err(error) => shown.push_str(&format!("sequence {}: {error:#}\n", run.number)),
        }
    }
    panic!("{text}\n{shown}");
}

/// A reason that users cannot read is none.
#[test]
fn every_meant_difference_is_told_to_users() -> Result<()> {
    let text = fs_err::read_to_string(top().join("docs/differences.md"))?;
    let told = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for allowance in ALLOWED {
        if let Source::Differences(sentence) = allowance.source {
            assert!(
                told.contains(sentence),
                "{}: docs/differences.md does not say: {sentence}",
                allowance.name
            );
        }
    }
    Ok(())
}
