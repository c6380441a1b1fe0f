//! Reads the part of bash that most `dkms.conf` files keep to: assignments of literals and of simple expansions.
//!
//! The rule is "the same values as bash, or hand over": whatever is not fully understood is refused with its
//! place and never guessed, and a confined bash then reads the file (see [`super::stack`]).

use super::vars::{Elements, Layer, Vars};
use super::word::{MAX_VALUE, Words};

/// The highest array index read here. Bash takes any, but no package has ten thousand modules.
pub const MAX_INDEX: usize = 9_999;

/// Why and where a file is not literal. Line and column start at 1; the column counts characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {why}")]
pub struct NotLiteral {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What was met there.
    pub why: &'static str,
}

/// Reads `text` as bash would with the variables of `scope` set; what it changes is laid over them.
///
/// # Errors
/// The text holds something that only a shell can be trusted with, or is not valid at all.
pub fn parse<'v>(text: &str, scope: &'v Vars) -> Result<Layer<'v>, NotLiteral> {
    let mut reader = Reader { words: Words::new(text), vars: Layer::over(scope) };
    let outcome = match text.find('\0') {
        Some(at) => Err(Refusal { at, why: "a NUL byte" }),
        None => reader.file(),
    };
    match outcome {
        Ok(()) => Ok(reader.vars),
        Err(Refusal { at, why }) => {
            let (line, column) = place(text, at);
            Err(NotLiteral { line, column, why })
        }
    }
}

/// Line and column of the byte `at`, both from 1.
pub fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// A [`NotLiteral`] whose place is still a byte offset.
pub(super) struct Refusal {
    pub at: usize,
    pub why: &'static str,
}

struct Reader<'t, 'v> {
    words: Words<'t>,
    vars: Layer<'v>,
}

impl Reader<'_, '_> {
    fn file(&mut self) -> Result<(), Refusal> {
        loop {
            self.words.skip_blanks();
            match self.words.peek() {
                None => return Ok(()),
                Some('\n') => self.words.advance(),
                Some('#') => self.words.skip_comment(),
                // A line of a lone CR is to bash a command that is not found: it changes nothing.
                Some('\r') if self.words.cr_ends_line() => self.words.advance(),
                Some(_) => self.command()?,
            }
        }
    }

    /// One or more assignments up to the end of the command. If a command word follows, the assignments would
    /// be its environment only, so everything is handed over.
    fn command(&mut self) -> Result<(), Refusal> {
        loop {
            self.assignment()?;
            let blank = self.words.skip_blanks();
            match self.words.peek() {
                None | Some('\n') => return Ok(()),
                Some('#') if blank => return Ok(()),
                Some(';') => {
                    self.words.advance();
                    return match self.words.peek() {
                        Some(';' | '&') => self.words.refuse("a command separator out of place"),
                        _ => Ok(()),
                    };
                }
                Some(_) if blank => {}
                Some(_) => return self.words.refuse("shell syntax after an assignment"),
            }
        }
    }

    fn assignment(&mut self) -> Result<(), Refusal> {
        let start = self.words.at();
        let name = self.words.identifier();
        if name.is_empty() {
            return self.words.refuse("not an assignment");
        }
        if is_special(name) {
            return Err(Refusal { at: start, why: "a variable that bash itself uses" });
        }
        let index = match self.words.peek() {
            Some('[') => Some(self.words.index()?),
            _ => None,
        };
        let append = self.words.eat('+');
        if !self.words.eat('=') {
            return Err(Refusal { at: start, why: "a command, not an assignment" });
        }
        if self.words.peek() == Some('(') {
            if index.is_some() {
                return self.words.refuse("a list assigned to an array element");
            }
            return self.list(name, append);
        }
        let value = self.words.scalar(&self.vars)?;
        let index = index.unwrap_or(0);
        if append {
            if self.vars.element(name, index).map_or(0, str::len) + value.len() > MAX_VALUE {
                return Err(Refusal { at: start, why: "a value beyond all reason" });
            }
            self.vars.append_element(name, index, &value);
        } else {
            self.vars.set_element(name, index, value);
        }
        Ok(())
    }

    fn list(&mut self, name: &str, append: bool) -> Result<(), Refusal> {
        // A list may not use the variable it is assigned to (see `Words::element`), so the old one can go.
        let old = self.vars.unset(name);
        let mut elements = if append { old } else { Elements::new() };
        let mut next = elements.last_key_value().map_or(0, |(last, _)| last + 1);
        self.words.advance();
        loop {
            self.words.skip_blanks();
            match self.words.peek() {
                None => return self.words.refuse("a list without its closing parenthesis"),
                Some('\n') => self.words.advance(),
                Some('#') => self.words.skip_comment(),
                Some(')') => break self.words.advance(),
                Some(_) => {
                    if self.words.peek() == Some('[') {
                        next = self.words.index()?;
                        if !self.words.eat('=') {
                            return self.words.refuse("a pattern in a list");
                        }
                    }
                    if next > MAX_INDEX {
                        return self.words.refuse("an array index beyond all reason");
                    }
                    let value = self.words.element(&self.vars, name)?;
                    elements.insert(next, value);
                    next += 1;
                }
            }
        }
        self.vars.replace(name, elements);
        Ok(())
    }
}

/// True for variables that are more than their value: set by bash, read by it, read-only, or from outside.
pub(super) fn is_special(name: &str) -> bool {
    const PREFIXES: [&str; 9] =
        ["BASH", "COMP_", "HIST", "LC_", "READLINE_", "PROMPT_", "EPOCH", "TEXTDOMAIN", "MAIL"];
    // Sorted.
    const NAMES: [&str; 61] = [
        "CDPATH",
        "CHILD_MAX",
        "COLUMNS",
        "COMPREPLY",
        "COPROC",
        "DIRSTACK",
        "EMACS",
        "ENV",
        "EUID",
        "EXECIGNORE",
        "FCEDIT",
        "FIGNORE",
        "FUNCNAME",
        "FUNCNEST",
        "GLOBIGNORE",
        "GLOBSORT",
        "GROUPS",
        "HOME",
        "HOSTFILE",
        "HOSTNAME",
        "HOSTTYPE",
        "IFS",
        "IGNOREEOF",
        "INPUTRC",
        "INSIDE_EMACS",
        "LANG",
        "LANGUAGE",
        "LINENO",
        "LINES",
        "LOGNAME",
        "MACHTYPE",
        "MAPFILE",
        "OLDPWD",
        "OPTARG",
        "OPTERR",
        "OPTIND",
        "OSTYPE",
        "PATH",
        "PIPESTATUS",
        "POSIXLY_CORRECT",
        "PPID",
        "PS0",
        "PS1",
        "PS2",
        "PS3",
        "PS4",
        "PWD",
        "RANDOM",
        "REPLY",
        "SECONDS",
        "SHELL",
        "SHELLOPTS",
        "SHLVL",
        "SRANDOM",
        "TERM",
        "TIMEFORMAT",
        "TMOUT",
        "TMPDIR",
        "UID",
        "USER",
        "_",
    ];
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || NAMES.binary_search(&name).is_ok()
        || matches!(name, "auto_resume" | "histchars")
        || name.starts_with("__evermod")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Vars {
        let scope = Vars::from_iter([("kernelver", "6.1.0-9-amd64"), ("parallel_jobs", "2"), ("empty", "")]);
        parse(text, &scope).unwrap_or_else(|e| panic!("{text:?}: {e}")).flattened()
    }

    #[test]
    fn what_it_reads() {
        for (text, value) in [
            ("A=b", "b"),
            ("A=", ""),
            ("A=\"b c\"", "b c"),
            ("A='b $c'", "b $c"),
            ("A=b\\ c", "b c"),
            ("A=\"b\\\nc\"", "bc"),
            ("A=b\\\nc", "bc"),
            ("A=\"\\$kernelver \\n\"", "$kernelver \\n"),
            ("A=\"$kernelver\"", "6.1.0-9-amd64"),
            ("A=x${kernelver}y", "x6.1.0-9-amd64y"),
            ("A=\"make ${parallel_jobs+-j$parallel_jobs}\"", "make -j2"),
            ("A=${nothing:-d}${empty:-e}${empty-f}${empty:+g}${empty+h}", "deh"),
            ("A=b\r\n\r\n", "b\r"),
            ("A=b # c", "b"),
            ("A=b#c", "b#c"),
            ("A=b; B=c;", "b"),
            ("B=x A=$B", "x"),
            ("A=b\nA+=c", "bc"),
            ("A=(b c)\nA=d", "d"),
            ("A=\"^6.*$|^5\\.[0-9]$\"", "^6.*$|^5\\.[0-9]$"),
            ("A=a*b{c,d}?[e]", "a*b{c,d}?[e]"),
        ] {
            assert_eq!(read(text).scalar("A"), Some(value), "{text:?}");
        }
    }

    #[test]
    fn lists() {
        let list =
            |text| read(text).elements("A").cloned().unwrap_or_default().into_iter().collect::<Vec<_>>();
        let owned = |l: &[(usize, &str)]| l.iter().map(|(i, v)| (*i, v.to_string())).collect::<Vec<_>>();
        assert_eq!(list("A[3]=x\nA[1]=\"y z\""), owned(&[(1, "y z"), (3, "x")]));
        assert_eq!(
            list("A=( a # one\n 'b c'\\\n [5]=d e )"),
            owned(&[(0, "a"), (1, "b c"), (5, "d"), (6, "e")])
        );
        assert_eq!(list("A=a\nA+=(b)\nA[1]+=c"), owned(&[(0, "a"), (1, "bc")]));
        assert_eq!(list("A=(a b)\nA=()"), owned(&[]));
    }

    #[test]
    fn what_it_hands_over_and_where() {
        for (text, line, column) in [
            ("A=1\nif true; then B=2; fi", 2, 1),
            ("A=$(uname -r)", 1, 3),
            ("A=\"`uname`\"", 1, 4),
            ("A=1 make", 1, 5),
            ("A[$i]=1", 1, 2),
            ("A[08]=1", 1, 2),
            ("A[99999999]=1", 1, 2),
            ("A=~/x", 1, 3),
            ("A=x:~", 1, 5),
            ("A=\"$B\\\nC\"", 1, 6),
            ("A=1;\\\n;", 2, 1),
            ("A=$1", 1, 3),
            ("A=$PATH", 1, 3),
            ("PATH=x", 1, 1),
            ("A=$'x'", 1, 3),
            ("A=(*.c)", 1, 4),
            ("A=\"x y\"\nB=($A)", 2, 4),
            ("A=($A b)", 1, 4),
            ("A=($nothing)", 1, 4),
            ("A=${B%x}", 1, 3),
            ("A=\"open", 1, 3),
            ("A='open", 1, 3),
            ("A=(open", 1, 8),
            ("A=x)", 1, 4),
            ("A=1;;", 1, 5),
            ("export A=1", 1, 1),
            ("A=(b)c", 1, 6),
            ("A=1 \r\nB=2", 1, 5),
            ("ä=1", 1, 1),
            ("A=\0", 1, 3),
        ] {
            let refused = parse(text, &Vars::new()).expect_err(text);
            assert_eq!((refused.line, refused.column), (line, column), "{text:?}: {refused}");
        }
    }

    #[test]
    fn special_names_are_found() {
        let special =
            ["_", "BASH_ENV", "CDPATH", "GLOBSORT", "PS0", "PS4", "PWD", "UID", "USER", "histchars"];
        assert!(special.iter().all(|name| is_special(name)));
        assert!(!["A", "MAKE", "PACKAGE_NAME", "kernelver", "Z"].iter().any(|name| is_special(name)));
    }

    #[test]
    fn hostile_text_costs_nothing() {
        let deep = format!("A={}", "${v:-".repeat(100_000));
        assert_eq!(parse(&deep, &Vars::new()).unwrap_err().why, "expansions nested too deep");
        for line in ["A=$A$A$A$A\n", "A=\"$A$A\"\n", "A+=$A\n", "A=${B:-$A$A}\n"] {
            let doubling = format!("A=xxxxxxxx\n{}", line.repeat(1_000));
            assert_eq!(
                parse(&doubling, &Vars::new()).unwrap_err().why,
                "a value beyond all reason",
                "{line}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*|[A-C=\\[\\]()0-9$\"'{}:+\\-# \\\\\r\n;~*]{0,60}") {
            match parse(&text, &Vars::new()) {
                Ok(_) => {}
                Err(e) => prop_assert!(e.line >= 1 && e.column >= 1),
            }
        }

        #[test]
        fn single_quoted_text_comes_back(value in "[^'\0]{0,40}") {
            let text = format!("A='{value}'\n");
            let vars = parse(&text, &Vars::new()).unwrap().into_changed();
            prop_assert_eq!(vars.scalar("A").unwrap(), value);
        }
    }
}
