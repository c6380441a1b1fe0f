//! The order of BUILD_DEPENDS: who can be planned now, who must wait, who waits in vain.

use crate::inventory::Candidate;
use std::collections::BTreeSet;

/// What stands in the way of one candidate.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Its dependencies are there or planned: plan it now.
    Ready,
    /// These names are missing and nothing will bring them.
    Blocked(Vec<String>),
}

/// Sorts the candidates of one kernel so that each comes after those it depends on, with a verdict each.
///
/// `is_there` tells whether a name that is not among the candidates' own is satisfied: installed, or excluded, which
/// DKMS counts as satisfied. `cannot` holds the names of candidates that will not be built. One that is settled needs
/// nothing any more, whatever became of its own dependencies.
pub(super) fn ordered<'a>(
    candidates: Vec<&'a Candidate>,
    is_there: &dyn Fn(&str) -> bool,
    cannot: &BTreeSet<&str>,
    is_settled: &dyn Fn(&Candidate) -> bool,
) -> Vec<(&'a Candidate, Verdict)> {
    let names: BTreeSet<String> = candidates.iter().map(|c| c.instance.module.name.clone()).collect();
    let mut done: BTreeSet<String> = BTreeSet::new();
    let mut waiting = candidates;
    let mut result = Vec::new();
    loop {
        let satisfied = |name: &String| done.contains(name) || (!names.contains(name) && is_there(name));
        let (ready, rest): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|c| {
            is_settled(c) || c.depends.iter().all(|d| satisfied(d) && !cannot.contains(d.as_str()))
        });
        waiting = rest;
        if ready.is_empty() {
            break;
        }
        for candidate in ready {
            done.insert(candidate.instance.module.name.clone());
            result.push((candidate, Verdict::Ready));
        }
    }
    let absent = |d: &&String| {
        cannot.contains(d.as_str()) || !done.contains(*d) && (names.contains(*d) || !is_there(d))
    };
    for candidate in waiting {
        let missing = candidate.depends.iter().filter(absent).cloned().collect();
        result.push((candidate, Verdict::Blocked(missing)));
    }
    result
}
