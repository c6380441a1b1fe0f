//! Where two programs part, step by step.

use super::side::Seen;
use std::collections::{BTreeMap, BTreeSet};

/// What a difference is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The exit code.
    Code,
    /// What `status` prints.
    Status,
    /// A path: there or not, its type, mode, owner or target.
    Path,
    /// A module's content, as modinfo tells it.
    Module,
    /// What is in modules.dep.
    Index,
    /// What scripts saw and printed.
    Script,
    /// What builds saw, from their logs.
    Log,
    /// An error where the other has none, or on the wrong stream.
    Stream,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The step, from 0.
    pub step: usize,
    /// What it is about.
    pub kind: Kind,
    /// The path, or the line; empty for what there is one of.
    pub what: String,
    /// What dkms has.
    pub there: String,
    /// What evermod has.
    pub here: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kind, what, there, here, .. } = self;
        let or_none =
            |text: &str| if text.is_empty() { "-".to_owned() } else { text.trim_end().replace('\n', " | ") };
        write!(f, "{kind:?} {what}: dkms {}, evermod {}", or_none(there), or_none(here))
    }
}

/// The differences after one step. `command` is the step itself.
#[must_use]
pub fn differences(step: usize, command: &str, there: &Seen, here: &Seen) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut tell = |kind, what: &str, there: &str, here: &str| {
        if there != here {
            found.push(Difference {
                step,
                kind,
                what: what.to_owned(),
                there: there.to_owned(),
                here: here.to_owned(),
            });
        }
    };
    tell(Kind::Code, "", &there.code.to_string(), &here.code.to_string());
    // One that was refused prints how the program is used, each in words of its own.
    let is_usage = |seen: &Seen| seen.out.starts_with("Usage: ");
    if is_status(command) && !(is_usage(there) && is_usage(here)) {
        tell(Kind::Status, "", &there.out, &here.out);
    }
    for (kind, a, b) in [(Kind::Path, &there.tree, &here.tree), (Kind::Module, &there.modules, &here.modules)]
    {
        for path in a.keys().chain(b.keys()).collect::<BTreeSet<_>>() {
            let missing = String::new();
            let (a, b) = (a.get(path), b.get(path));
            // A file that one of them lacks is told once, as a path.
            if kind == Kind::Module && (a.is_none() || b.is_none()) {
                continue;
            }
            tell(kind, path, a.unwrap_or(&missing), b.unwrap_or(&missing));
        }
    }
    tell(Kind::Index, "", &only(&there.index, &here.index), &only(&here.index, &there.index));
    tell(Kind::Log, "", &only(&there.log, &here.log), &only(&here.log, &there.log));
    for (name, a, b) in [("stdout", &there.out, &here.out), ("stderr", &there.err, &here.err)] {
        tell(Kind::Script, name, &told(a), &told(b));
    }
    let marks = |seen: &Seen| {
        let mut marks = Vec::new();
        for (name, text) in [("stdout", &seen.out), ("stderr", &seen.err)] {
            for word in ["Error! ", "Warning: ", "Deprecated feature: "] {
                if text.lines().any(|line| line.starts_with(word)) {
                    marks.push(format!("{word}on {name}"));
                }
            }
        }
        marks.join(", ")
    };
    tell(Kind::Stream, "", &marks(there), &marks(here));
    found
}

/// Whether a step asks for `status`.
#[must_use]
pub fn is_status(command: &str) -> bool {
    command.contains("dkms ") && command.split_whitespace().any(|word| word == "status")
}

/// The lines that the other has not, or has less often.
fn only(of: &[String], other: &[String]) -> String {
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for line in other {
        *left.entry(line).or_default() += 1;
    }
    let mut lines = Vec::new();
    for line in of {
        match left.get_mut(line.as_str()) {
            Some(n) if *n > 0 => *n -= 1,
            _ => lines.push(line.as_str()),
        }
    }
    lines.join("\n")
}

/// What the package's scripts printed, in order.
fn told(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("ORACLE")).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen() -> Seen {
        Seen {
            code: 0,
            out: String::new(),
            err: String::new(),
            tree: BTreeMap::from([("/a".to_owned(), "d 755 0:0".to_owned())]),
            modules: BTreeMap::from([("/m.ko".to_owned(), "signed".to_owned())]),
            index: vec!["updates/m.ko:".to_owned()],
            log: Vec::new(),
        }
    }

    fn kinds(change: impl FnOnce(&mut Seen)) -> Vec<Kind> {
        let mut other = seen();
        change(&mut other);
        differences(0, "dkms status", &seen(), &other).into_iter().map(|d| d.kind).collect()
    }

    #[test]
    fn each_kind_of_difference_is_found() {
        assert!(kinds(|_| {}).is_empty());
        assert_eq!(kinds(|s| s.code = 3), [Kind::Code]);
        assert_eq!(kinds(|s| s.out = "m/1: added\n".to_owned()), [Kind::Status]);
        assert_eq!(kinds(|s| s.tree.clear()), [Kind::Path]);
        assert_eq!(
            kinds(|s| {
                s.tree.insert("/a".to_owned(), "d 700 0:0".to_owned());
            }),
            [Kind::Path]
        );
        assert_eq!(
            kinds(|s| {
                s.modules.insert("/m.ko".to_owned(), "unsigned".to_owned());
            }),
            [Kind::Module]
        );
        assert_eq!(kinds(|s| s.index.clear()), [Kind::Index]);
        assert_eq!(kinds(|s| s.log = vec!["ORACLE make".to_owned()]), [Kind::Log]);
        assert_eq!(kinds(|s| s.err = "ORACLE-E x\n".to_owned()), [Kind::Script]);
        assert_eq!(kinds(|s| s.err = "\nError! x\n".to_owned()), [Kind::Stream]);
        // Prose is each one's own.
        assert!(kinds(|s| s.err = "other words\n".to_owned()).is_empty());
    }
}
