//! Carries out a graph of steps: everything that is ready at once, each step after those it waits for.

use crate::plan::Plan;
use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, PoisonError};

/// How a step ended, as far as the steps after it care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Done,
    /// Failed, or not begun because one before it failed.
    Failed,
}

#[derive(Default)]
struct State {
    begun: BTreeSet<usize>,
    ended: Vec<Option<Outcome>>,
}

/// Runs `step` for every step of the plan on up to `workers` threads. A step is given the outcomes of those it waits
/// for, in their order, and decides itself what they mean.
pub fn run(
    plan: &Plan,
    workers: usize,
    step: &(dyn Fn(usize, &[Outcome]) -> Outcome + Sync),
) -> Vec<Outcome> {
    let state = Mutex::new(State { begun: BTreeSet::new(), ended: vec![None; plan.steps.len()] });
    let changed = Condvar::new();
    let workers = workers.clamp(1, plan.steps.len().max(1));
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((index, before)) = next(plan, &state, &changed) {
                    let outcome = step(index, &before);
                    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                    if let Some(slot) = state.ended.get_mut(index) {
                        *slot = Some(outcome);
                    }
                    changed.notify_all();
                }
            });
        }
    });
    let state = state.into_inner().unwrap_or_else(PoisonError::into_inner);
    state.ended.into_iter().map(|o| o.unwrap_or(Outcome::Failed)).collect()
}

/// Waits for a step that can begin; `None` when all have begun. Steps only wait for earlier ones, so there is always
/// one that can begin or one that is going on.
fn next(plan: &Plan, state: &Mutex<State>, changed: &Condvar) -> Option<(usize, Vec<Outcome>)> {
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let outcome = |index: &usize| state.ended.get(*index).copied().flatten();
        let ready =
            plan.steps.iter().enumerate().filter(|(i, _)| !state.begun.contains(i)).find_map(|(i, step)| {
                let before: Option<Vec<_>> = step.after.iter().map(outcome).collect();
                Some((i, before?))
            });
        if let Some((index, before)) = ready {
            state.begun.insert(index);
            return Some((index, before));
        }
        if state.begun.len() == plan.steps.len() {
            return None;
        }
        state = changed.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Arch, KernelRelease};
    use crate::plan::Action;

    #[test]
    fn order_and_parallelism() {
        let mut plan = Plan::default();
        let action = || Action::Depmod {
            kernel: KernelRelease::new("6.1").unwrap(),
            arch: Arch::new("x86_64").unwrap(),
        };
        for after in [vec![], vec![0], vec![0], vec![1, 2], vec![]] {
            plan.add(action(), "", after);
        }
        for workers in [1, 2, 8] {
            let log = Mutex::new(Vec::new());
            let outcomes = run(&plan, workers, &|index, before| {
                assert_eq!(before.len(), plan.steps[index].after.len());
                log.lock().unwrap().push(index);
                if index == 1 || before.contains(&Outcome::Failed) { Outcome::Failed } else { Outcome::Done }
            });
            let log = log.into_inner().unwrap();
            let at = |step| log.iter().position(|i| *i == step).unwrap();
            assert!(at(0) < at(1) && at(0) < at(2) && at(3) > at(1) && at(3) > at(2), "{log:?}");
            assert_eq!(
                outcomes,
                [Outcome::Done, Outcome::Failed, Outcome::Done, Outcome::Failed, Outcome::Done]
            );
        }
        assert!(run(&Plan::default(), 4, &|_, _| Outcome::Done).is_empty());
    }
}
