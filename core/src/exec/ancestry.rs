//! The processes that this one descends from, as `/proc` tells (proc_pid_stat(5)).

use std::os::unix::process::parent_id;

/// A process. Numbers are used again, so only number and beginning together name one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Process {
    /// Its number.
    pub(super) id: u32,
    /// The name of its program, cut off after 15 bytes as the kernel does.
    pub(super) name: String,
    /// When it began, in clock ticks since the machine did.
    pub(super) began: String,
    parent: u32,
}

fn process(id: u32) -> Option<Process> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name in parentheses may hold anything.
    let (head, rest) = stat.rsplit_once(')')?;
    let (_, name) = head.split_once('(')?;
    let mut fields = rest.split_whitespace();
    let parent = fields.nth(1)?.parse().ok()?;
    let began = fields.nth(17)?.to_string();
    Some(Process { id, name: name.to_string(), began, parent })
}

/// From our parent upwards, as far as `/proc` shows them.
pub(super) fn ancestors() -> impl Iterator<Item = Process> {
    std::iter::successors(process(parent_id()), |below| process(below.parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_parents() {
        let ours = process(std::process::id()).unwrap();
        let parent = ancestors().next().unwrap();
        assert_eq!((ours.parent, parent.id), (parent_id(), parent_id()));
        assert!(ours.began.parse::<u64>().unwrap() >= parent.began.parse().unwrap());
        assert!(!parent.name.is_empty() && !parent.name.contains('('));
    }
}
