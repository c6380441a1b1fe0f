//! The fast part of the corpus: evermod's verdicts, names, places and modinfo are those of Debian's dkms.

use anyhow::Result;
use evermod_tests::corpus::{Input, Oracle, Outcomes, Set, Verdict, ask_evermod, differences, inputs};
use evermod_tests::{need, skip};

/// Compares the inputs in a pair of roots; returns the oracle's answers, or `None` where the test was skipped.
fn compare(dkms: &str, ours: &str, chosen: &[Input]) -> Result<Option<Vec<Outcomes>>> {
    if evermod_tests::roots::evermod_package()?.is_none() {
        skip::report("target/dist has no evermod package: run make deb");
        return Ok(None);
    }
    let oracle = Oracle::new(dkms)?;
    let answers = oracle.ask_all(chosen, &|_, _| {}).into_iter().collect::<Result<Vec<_>>>()?;
    let asked: Vec<(&Input, &Outcomes)> = chosen.iter().zip(&answers).collect();
    let Some(ours) = ask_evermod(ours, &asked)? else {
        return Ok(None);
    };
    let mut found = Vec::new();
    for (input, there) in &asked {
        for (kernel, outcome) in &there.kernels {
            for difference in differences(outcome, &ours.outcomes[&input.name].kernels[kernel]) {
                found.push(format!("{} for {kernel}: {difference}", input.name));
            }
        }
    }
    assert!(found.is_empty(), "{}\n{}", found.join("\n"), ours.sync.all());
    Ok(Some(answers))
}

/// How often a verdict stands in the answers: a comparison of nothing would always be equal.
fn count(answers: &[Outcomes], verdict: Verdict) -> usize {
    answers.iter().flat_map(|o| o.kernels.values()).filter(|o| o.verdict == verdict).count()
}

#[test]
fn debians_drivers_come_out_as_with_dkms() -> Result<()> {
    need!();
    let Some(answers) = compare("dkms", "corpus", &inputs(Set::Fast)?)? else { return Ok(()) };
    assert!(count(&answers, Verdict::Built) >= 20);
    assert!(count(&answers, Verdict::Failed) >= 8);
    assert!(count(&answers, Verdict::Excluded) >= 2);
    Ok(())
}

#[test]
fn a_kernel_that_lacks_what_a_driver_needs_is_excluded_as_with_dkms() -> Result<()> {
    need!();
    let mut chosen = inputs(Set::Fast)?;
    chosen.retain(|i| ["v4l2loopback-dkms", "acpi-call-dkms", "digimend-dkms"].contains(&i.name.as_str()));
    let Some(answers) = compare("dkms-cloud", "cloud", &chosen)? else { return Ok(()) };
    assert!(count(&answers, Verdict::Excluded) >= 2, "nothing was excluded: {answers:?}");
    Ok(())
}
