//! The fast part of the corpus through apt: every package installs, upgrades and purges on evermod, whether its module
//! builds or not, and leaves nothing.

use anyhow::Result;
use evermod_tests::corpus::{Set, Verdict, inputs};
use evermod_tests::corpus_apt::{Journey, travel_all};
use evermod_tests::{need, skip};

#[test]
fn debians_driver_packages_come_and_go_through_apt() -> Result<()> {
    need!();
    if evermod_tests::roots::evermod_package()?.is_none() {
        skip::report("target/dist has no evermod package: run make deb");
        return Ok(());
    }
    let mut chosen = inputs(Set::Fast)?;
    chosen.retain(|input| input.path.is_file());
    let journeys: Vec<Journey> = travel_all(&chosen, &|_, _| {}).into_iter().collect::<Result<_>>()?;
    assert!(journeys.len() >= 10, "only {} packages", journeys.len());
    let problems: Vec<String> = chosen
        .iter()
        .zip(&journeys)
        .flat_map(|(input, journey)| journey.problems.iter().map(move |p| format!("{}: {p}", input.name)))
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    // A test of failures only, or of nothing new to upgrade to, would prove little.
    let count = |verdict| journeys.iter().filter(|j| j.verdict == Some(verdict)).count();
    assert!(count(Verdict::Built) >= 9 && count(Verdict::Failed) >= 1, "{journeys:#?}");
    assert!(journeys.iter().filter(|j| j.no_new_version.is_none()).count() >= 9, "{journeys:#?}");
    Ok(())
}
