//! What somebody has been told already in one run of a package manager: that has many hooks, and what is wrong with the
//! machine as a whole would be said by each of them.

use super::ancestry::{Process, ancestors};
use crate::install::files::write_atomically;
use crate::root::Root;

/// Programs that begin and end with one transaction, by the names that the kernel has for them. A daemon is none: who was
/// told in its first transaction need not be who asks for the next.
const MANAGERS: [&str; 15] = [
    "apt",
    "apt-get",
    "dnf",
    "dnf-3",
    "dnf4",
    "dnf5",
    "dpkg",
    "kernel-install",
    "microdnf",
    "nala",
    "pacman",
    "rpm",
    "unattended-upgr",
    "yum",
    "zypper",
];

/// Where it is written down; it need not outlive the machine's run.
const NOTE: &str = "/run/evermod/told";

/// Whether this has not been told yet in the run of a package manager that we are part of; from now on it has. Where none
/// runs, everything is news.
pub fn is_news(root: &Root, text: &str) -> bool {
    // apt runs dpkg, kernel packages run kernel-install: the outermost of them is whom people look at.
    let manager = ancestors().filter(|process| MANAGERS.contains(&process.name.as_str())).last();
    manager.is_none_or(|manager| is_news_for(root, &manager, text))
}

fn is_news_for(root: &Root, manager: &Process, text: &str) -> bool {
    let note = root.at(NOTE);
    let head = format!("{} {}", manager.id, manager.began);
    let line = text.replace('\n', " ");
    let mut told = std::fs::read_to_string(&note).unwrap_or_default();
    if told.lines().next() != Some(head.as_str()) {
        told = format!("{head}\n");
    }
    if told.lines().skip(1).any(|known| known == line) {
        return false;
    }
    told.push_str(&line);
    told.push('\n');
    // Not written down, it is told once more.
    let _ = write_atomically(&note, told.as_bytes(), 0o644, None);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_in_a_run() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path());
        let mut manager = ancestors().next().unwrap();
        assert!(is_news_for(&root, &manager, "a\nb"));
        assert!(is_news_for(&root, &manager, "c"));
        assert!(!is_news_for(&root, &manager, "a\nb") && !is_news_for(&root, &manager, "c"));
        manager.began = "0".into();
        assert!(is_news_for(&root, &manager, "c"), "another run, of a process that got the same number");
        assert!(!is_news_for(&root, &manager, "c"));
    }
}
