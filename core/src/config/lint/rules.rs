//! Rules about the text alone: names, and what commands are written like.

use super::{Level, Linter};
use crate::config::directive_table::{DIRECTIVES, Kind, NAMES, directive};
use crate::config::nearest;

/// What DKMS itself gives a file; assigning one is odd, but no directive was meant.
const GIVEN: [&str; 8] = [
    "kernelver",
    "arch",
    "kernel_source_dir",
    "dkms_tree",
    "source_tree",
    "install_tree",
    "module",
    "module_version",
];

pub(super) fn check(linter: &mut Linter<'_>, is_override: bool) {
    unknown(linter);
    running_kernel(linter);
    lost_quotes(linter);
    own_jobs(linter);
    carriage_returns(linter);
    if !is_override {
        out_of_order(linter);
    }
}

/// A variable that is like a directive, and one that nobody reads.
fn unknown(linter: &mut Linter<'_>) {
    for found in linter.scan.assignments.clone() {
        let name = found.name.as_str();
        let is_other = found.for_command
            || directive(name).is_some()
            || GIVEN.contains(&name)
            || name.starts_with("DKMS_DIRECTIVE")
            || linter.scan.used.contains(name);
        if is_other {
            continue;
        }
        let is_loud = name.len() > 1 && !name.chars().any(|c| c.is_ascii_lowercase());
        match nearest(name, NAMES) {
            Some(meant) if is_loud || meant.eq_ignore_ascii_case(name) => linter.say(
                Level::Warning,
                "unknown-directive",
                found.at,
                format!("there is no directive {name}"),
                format!("{meant} is probably meant"),
            ),
            _ if is_loud && !linter.scan.sources_others => linter.say(
                Level::Advice,
                "unused-variable",
                found.at,
                format!("{name} is no directive, and this file uses it nowhere"),
                "dkms.conf(5) lists the directives; other variables are passed over",
            ),
            _ => {}
        }
    }
}

/// `uname -r` tells of the running kernel, which is not the one that is built for after an upgrade.
fn running_kernel(linter: &mut Linter<'_>) {
    let places: Vec<_> =
        linter.text.match_indices("uname -r").map(|(at, word)| at..at + word.len()).collect();
    for span in places {
        if linter.scan.in_comment(span.start) {
            continue;
        }
        let before = linter.text.get(..span.start).unwrap_or_default();
        // ${kernelver:-$(uname -r)} says what to do where nothing is given.
        if before.ends_with("-$(") || before.ends_with("-`") {
            continue;
        }
        linter.say(
            Level::Warning,
            "running-kernel",
            span,
            "this is the running kernel, not the one that is built for",
            "use $kernelver, or $kernel_source_dir for its headers",
        );
    }
}

/// Double quotes inside a value are lost when DKMS reads it a second time.
fn lost_quotes(linter: &mut Linter<'_>) {
    for found in linter.scan.assignments.clone() {
        let raw = linter.text.get(found.value.clone()).unwrap_or_default();
        // What a command substitution does with its quotes is its own business.
        if directive(&found.name).is_none() || raw.contains("$(") || raw.contains('`') {
            continue;
        }
        let inside = match raw.as_bytes() {
            [b'\'', .., b'\''] => {
                raw.get(1..raw.len() - 1).and_then(|inside| inside.find('"')).map(|at| at + 1)
            }
            _ => raw.find("\\\""),
        };
        if let Some(at) = inside {
            let at = found.value.start + at;
            linter.say(
                Level::Warning,
                "lost-quotes",
                at..at + 1,
                format!("double quotes inside {} are lost: it is read twice", found.name),
                "use single quotes inside double ones",
            );
        }
    }
}

/// `-j4`: how many compilers run is the machine's to say.
fn own_jobs(linter: &mut Linter<'_>) {
    for found in linter.scan.assignments.clone() {
        if found.name != "MAKE" {
            continue;
        }
        let raw = linter.text.get(found.value.clone()).unwrap_or_default();
        for (at, _) in raw.match_indices("-j") {
            let before = raw.get(..at).unwrap_or_default();
            let after = raw.get(at + 2..).unwrap_or_default().trim_start_matches([' ', '"', '\'']);
            let fixed = after.starts_with(|c: char| c.is_ascii_digit())
                || ["$(nproc", "`nproc", "$(getconf", "$(grep"].iter().any(|start| after.starts_with(start));
            if fixed && (before.is_empty() || before.ends_with([' ', '\t', '"', '\''])) {
                let start = found.value.start + at;
                linter.say(
                    Level::Warning,
                    "own-jobs",
                    start..start + 2,
                    "how many compilers run is settled here, for every machine",
                    "leave -j out; it is added, and evermod drops this one",
                );
            }
        }
    }
}

fn carriage_returns(linter: &mut Linter<'_>) {
    if let Some(at) = linter.text.find("\r\n") {
        linter.say(
            Level::Advice,
            "carriage-return",
            at..at + 1,
            "lines end in a carriage return",
            "they are dropped from values, but confuse a shell: dos2unix takes them out",
        );
    }
}

/// Modules are counted from 0, and read best in that order.
fn out_of_order(linter: &mut Linter<'_>) {
    let mut last = None;
    for found in linter.scan.assignments.clone() {
        if found.name != "BUILT_MODULE_NAME" || found.for_command {
            continue;
        }
        let Some(index) = found.index else { return };
        if last.is_some_and(|last| index < last) {
            linter.say(
                Level::Advice,
                "out-of-order",
                found.at,
                format!("module number {index} stands behind number {}", last.unwrap_or(0)),
                "",
            );
            return;
        }
        last = Some(index);
    }
}

/// The directives of a kind.
pub(super) fn of_kind(kind: Kind) -> impl Iterator<Item = &'static str> {
    DIRECTIVES.iter().filter(move |spec| spec.kind == kind).map(|spec| spec.name)
}
