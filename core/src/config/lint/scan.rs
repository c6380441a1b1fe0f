//! Finds the assignments of a shell script without running it: also inside `if` and `case`, where the literal reader
//! does not go. Tolerant: what it misunderstands costs a place or a remark, never a wrong reading.

use std::collections::BTreeSet;
use std::ops::Range;

/// One `NAME=value`, or one element of `NAME=( … )`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The variable.
    pub name: String,
    /// The element, if the text says which; 0 for a plain variable.
    pub index: Option<usize>,
    /// Where its name is, with the index.
    pub at: Range<usize>,
    /// Where its value is, quotes included.
    pub value: Range<usize>,
    /// Whether it is the environment of a command only.
    pub for_command: bool,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Scan {
    /// The assignments, in order.
    pub assignments: Vec<Assignment>,
    /// The comments.
    pub comments: Vec<Range<usize>>,
    /// Every name that stands behind a `$` or `${`.
    pub used: BTreeSet<String>,
    /// Whether other files are read in.
    pub sources_others: bool,
}

impl Scan {
    /// The assignment that decides `name[index]`: the last one that says so, else the last one of the variable.
    pub fn find(&self, name: &str, index: usize) -> Option<&Assignment> {
        let all = || self.assignments.iter().rev().filter(|a| a.name == name && !a.for_command);
        all().find(|a| a.index == Some(index)).or_else(|| all().next())
    }

    /// Whether a place is inside a comment.
    pub fn in_comment(&self, at: usize) -> bool {
        self.comments.iter().any(|comment| comment.contains(&at))
    }
}

/// Scans `text`.
pub fn scan(text: &str) -> Scan {
    let mut scanner = Scanner { text: text.as_bytes(), at: 0, depth: 0, found: Scan::default() };
    scanner.commands();
    let mut found = scanner.found;
    found.used = used(text);
    found
}

/// Words that a command may follow.
const KEYWORDS: [&[u8]; 15] = [
    b"if",
    b"then",
    b"else",
    b"elif",
    b"fi",
    b"do",
    b"done",
    b"while",
    b"until",
    b"{",
    b"}",
    b"!",
    b"export",
    b"local",
    b"readonly",
];

/// Substitutions inside substitutions, which are read by recursion.
const MAX_DEPTH: usize = 100;

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
    found: Scan,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn rest(&self) -> &[u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn commands(&mut self) {
        while let Some(c) = self.peek() {
            match c {
                b' ' | b'\t' | b'\n' | b'\r' | b';' | b'&' | b'|' | b'(' | b')' => self.at += 1,
                b'\\' => self.at += 2,
                b'#' => self.comment(),
                _ => self.command(),
            }
        }
    }

    fn comment(&mut self) {
        let length = self.rest().iter().position(|b| *b == b'\n').unwrap_or(self.rest().len());
        self.found.comments.push(self.at..self.at + length);
        self.at += length;
    }

    /// Assignments, and then perhaps a command with its words.
    fn command(&mut self) {
        let first = self.found.assignments.len();
        while self.assignment() {
            self.blanks();
        }
        if self.ends() {
            return;
        }
        let start = self.at;
        self.word();
        let word = self.text.get(start..self.at).unwrap_or_default();
        if KEYWORDS.contains(&word) {
            return;
        }
        if matches!(word, b"." | b"source") {
            self.found.sources_others = true;
        }
        if self.peek() == Some(b')') {
            // A pattern of `case`: a command follows.
            return;
        }
        for assignment in self.found.assignments.iter_mut().skip(first) {
            assignment.for_command = true;
        }
        loop {
            self.blanks();
            if self.ends() {
                return;
            }
            let before = self.at;
            self.word();
            // A lone redirection or the like.
            if self.at == before {
                self.at += 1;
            }
        }
    }

    fn blanks(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\r') => self.at += 1,
                Some(b'\\') if self.rest().starts_with(b"\\\n") => self.at += 2,
                _ => return,
            }
        }
    }

    fn ends(&mut self) -> bool {
        if self.peek() == Some(b'#') {
            self.comment();
        }
        matches!(self.peek(), None | Some(b'\n' | b';' | b'&' | b'|' | b')'))
    }

    fn assignment(&mut self) -> bool {
        let start = self.at;
        let length = self.rest().iter().position(|b| !b.is_ascii_alphanumeric() && *b != b'_').unwrap_or(0);
        if length == 0 || self.rest().first().is_some_and(u8::is_ascii_digit) {
            return false;
        }
        let name =
            String::from_utf8_lossy(self.text.get(start..start + length).unwrap_or_default()).into_owned();
        let mut at = start + length;
        let mut index = Some(0);
        if self.text.get(at) == Some(&b'[') {
            let Some(end) = self.text.get(at..).and_then(|rest| rest.iter().position(|b| *b == b']')) else {
                return false;
            };
            let inside =
                String::from_utf8_lossy(self.text.get(at + 1..at + end).unwrap_or_default()).into_owned();
            if inside.contains(['\n', '=']) {
                return false;
            }
            index = inside.trim().parse().ok();
            at += end + 1;
        }
        if self.text.get(at) == Some(&b'+') {
            at += 1;
        }
        if self.text.get(at) != Some(&b'=') {
            return false;
        }
        let named = start..at;
        self.at = at + 1;
        if self.peek() == Some(b'(') {
            self.list(&name, named);
            return true;
        }
        let value_start = self.at;
        self.word();
        self.found.assignments.push(Assignment {
            name,
            index,
            at: named,
            value: value_start..self.at.min(self.text.len()),
            for_command: false,
        });
        true
    }

    fn list(&mut self, name: &str, named: Range<usize>) {
        self.at += 1;
        let mut next = 0;
        loop {
            match self.peek() {
                None => return,
                Some(b')') => {
                    self.at += 1;
                    return;
                }
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(b'#') => self.comment(),
                Some(_) => {
                    let start = self.at;
                    self.word();
                    if self.at == start {
                        self.at += 1;
                    }
                    self.found.assignments.push(Assignment {
                        name: name.to_string(),
                        index: Some(next),
                        at: named.clone(),
                        value: start..self.at.min(self.text.len()),
                        for_command: false,
                    });
                    next += 1;
                }
            }
        }
    }

    /// One word, with everything that is quoted or substituted in it.
    fn word(&mut self) {
        while let Some(c) = self.peek() {
            match c {
                b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')' => return,
                b'\r' if matches!(self.text.get(self.at + 1), None | Some(b'\n')) => return,
                _ => self.piece(c),
            }
        }
    }

    /// One character of a word, or a whole quotation or substitution.
    fn piece(&mut self, c: u8) {
        if self.depth == MAX_DEPTH {
            // What is inside is not told apart any more.
            self.at += 1;
            return;
        }
        self.depth += 1;
        self.whole_piece(c);
        self.depth -= 1;
    }

    fn whole_piece(&mut self, c: u8) {
        match c {
            b'\\' => self.at += 2,
            b'\'' => self.until(b'\''),
            b'`' => self.until(b'`'),
            b'"' => {
                self.at += 1;
                while let Some(c) = self.peek() {
                    match c {
                        b'"' => {
                            self.at += 1;
                            return;
                        }
                        b'\'' => self.at += 1,
                        _ => self.piece(c),
                    }
                }
            }
            b'$' if self.rest().starts_with(b"$(") => {
                self.at += 2;
                self.nested(b'(', b')');
            }
            b'$' if self.rest().starts_with(b"${") => {
                self.at += 2;
                self.nested(b'{', b'}');
            }
            _ => self.at += 1,
        }
    }

    fn until(&mut self, end: u8) {
        self.at += 1;
        let length = self.rest().iter().position(|b| *b == end).unwrap_or(self.rest().len());
        self.at += length + 1;
    }

    fn nested(&mut self, open: u8, close: u8) {
        let mut depth = 1;
        while let Some(c) = self.peek() {
            if c == open {
                depth += 1;
                self.at += 1;
            } else if c == close {
                depth -= 1;
                self.at += 1;
                if depth == 0 {
                    return;
                }
            } else {
                self.piece(c);
            }
        }
    }
}

fn used(text: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for part in text.split('$').skip(1) {
        let part = part.trim_start_matches(['{', '(', '#', '!']);
        let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
        used.insert(part.get(..end).unwrap_or_default().to_string());
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(text: &str) -> Vec<(String, Option<usize>, String)> {
        let scan = scan(text);
        let value = |a: &Assignment| text.get(a.value.clone()).unwrap_or_default().to_string();
        scan.assignments
            .iter()
            .filter(|a| !a.for_command)
            .map(|a| (a.name.clone(), a.index, value(a)))
            .collect()
    }

    #[test]
    fn assignments_wherever_they_are() {
        let one = |name: &str, index, value: &str| (name.to_string(), index, value.to_string());
        for (text, expected) in [
            ("A=b", vec![one("A", Some(0), "b")]),
            ("# A=b\nC='d e' # F=g", vec![one("C", Some(0), "'d e'")]),
            (
                "if [ x = y ]; then A[2]=b; else C+=\"d\"; fi",
                vec![one("A", Some(2), "b"), one("C", Some(0), "\"d\"")],
            ),
            (
                "case $x in\n a|b) A=c ;;\n *) B=d ;;\nesac",
                vec![one("A", Some(0), "c"), one("B", Some(0), "d")],
            ),
            ("A[$i]=b", vec![one("A", None, "b")]),
            (
                "A=(b 'c d'\n e)",
                vec![one("A", Some(0), "b"), one("A", Some(1), "'c d'"), one("A", Some(2), "e")],
            ),
            (
                "A=\"x $(if [ a ]; then echo \")\"; fi) y\"\nB=z",
                vec![one("A", Some(0), "\"x $(if [ a ]; then echo \")\"; fi) y\""), one("B", Some(0), "z")],
            ),
            ("A=1 make B=2", vec![]),
            ("make A=1", vec![]),
            ("[[ x =~ y ]] && A=b", vec![one("A", Some(0), "b")]),
            ("A=b\r\nC=d\r\n", vec![one("A", Some(0), "b"), one("C", Some(0), "d")]),
        ] {
            assert_eq!(found(text), expected, "{text:?}");
        }
    }

    #[test]
    fn hostile_text_costs_nothing() {
        for part in ["$(", "${", "\"$(", "(", "A=(", "`", "A[", "\\"] {
            scan(&format!("A={}", part.repeat(200_000)));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_scanned(text in "\\PC*|[A-C=\\[\\]()0-9$\"'`{}:+\\-# \\\\\r\n;&|<>]{0,80}") {
            let scan = scan(&text);
            for assignment in &scan.assignments {
                prop_assert!(text.get(assignment.at.clone()).is_some() && text.get(assignment.value.clone()).is_some());
            }
        }
    }
}
