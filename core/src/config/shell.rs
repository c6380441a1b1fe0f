//! The door to a shell, for what the literal reader hands over.
//!
//! This module says what a shell is to do (a program text) and reads what it printed. Who runs it, and how it is
//! confined, is the caller's: [`crate::exec`] has the real one.

use super::vars::{Elements, Vars, is_identifier};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Variables of the program itself, which no conf uses.
const OUT: &str = "__evermod_out";

/// What a shell is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Source this file (a path on the machine).
    Source(PathBuf),
    /// Read these collapsed values again, each inside double quotes (see [`super::mangle`]).
    Reread(Vars),
}

/// One evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellJob {
    /// What to do.
    pub task: Task,
    /// The variables that the shell starts with, not exported.
    pub scope: Vars,
    /// The variables to report.
    pub names: Vec<String>,
    /// Variables whose names begin so are reported too.
    pub prefix: Option<String>,
    /// Where the shell starts, on the machine.
    pub directory: PathBuf,
    /// Trees that the file may read beside the system's own, on the machine.
    pub readable: Vec<PathBuf>,
}

/// What a shell reported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShellOutput {
    /// The reported variables; nothing if the file left the shell by `exit`.
    pub vars: Vars,
    /// The status given to `exit`, if the file called it.
    pub exited: Option<i32>,
    /// What was written to stderr, line by line.
    pub notes: Vec<String>,
}

/// Why a shell reported nothing.
#[derive(Debug, thiserror::Error)]
pub enum ShellError {
    /// It could not be started.
    #[error("cannot run {program}: {source}")]
    Start {
        /// The program.
        program: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It could not be talked to.
    #[error("lost the shell: {0}")]
    Io(#[from] std::io::Error),
    /// It did not end in time and was killed.
    #[error("evaluation took longer than {seconds} s and was stopped{}", last(.notes))]
    TimedOut {
        /// The limit.
        seconds: u64,
        /// What it said until then.
        notes: Vec<String>,
    },
    /// A signal ended it, be it a limit or its own doing.
    #[error("evaluation was killed by signal {signal}{}", last(.notes))]
    Killed {
        /// The signal's number.
        signal: i32,
        /// What it said until then.
        notes: Vec<String>,
    },
    /// It printed more than any configuration holds.
    #[error("evaluation printed more than {limit} bytes and was stopped")]
    TooMuch {
        /// The limit.
        limit: usize,
    },
    /// The variables handed to the shell are larger than a command line may be.
    #[error("the variables are too large to be evaluated ({size} bytes)")]
    TooLarge {
        /// Their size as a program text.
        size: usize,
    },
    /// What it printed is not what the program prints.
    #[error("the shell's report cannot be read: {0}")]
    Report(&'static str),
}

fn last(notes: &[String]) -> String {
    notes.last().map(|note| format!(" ({note})")).unwrap_or_default()
}

/// A shell that evaluates jobs.
pub trait Shell {
    /// Does `job` and reports the variables.
    ///
    /// # Errors
    /// The shell did not run or did not report. A file that fails on its way is no error: bash goes on too.
    fn evaluate(&self, job: &ShellJob) -> Result<ShellOutput, ShellError>;
}

/// A shell that is not there: for callers who accept literal files only.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoShell;

impl Shell for NoShell {
    fn evaluate(&self, _: &ShellJob) -> Result<ShellOutput, ShellError> {
        Err(ShellError::Start {
            program: PathBuf::from("bash"),
            source: std::io::Error::new(
                std::io::ErrorKind::Unsupported,
                "evaluation by a shell is switched off",
            ),
        })
    }
}

impl ShellJob {
    /// The bash program of this job. Its stdout is the report that [`parse_report`] reads; that of the file goes
    /// nowhere.
    pub fn program(&self) -> String {
        let mut text = String::new();
        for (name, elements) in self.scope.iter().filter(|(name, _)| is_identifier(name)) {
            assign(&mut text, name, elements);
        }
        // A descriptor that bash picks (10 or above) stays out of the way of a file's own redirections.
        let _ = writeln!(text, "exec {{{OUT}}}>&1 >/dev/null </dev/null");
        match &self.task {
            Task::Source(path) => {
                let _ = writeln!(text, ". {}", quote_path(path));
            }
            Task::Reread(values) => {
                for (name, elements) in values.iter().filter(|(name, _)| is_identifier(name)) {
                    for (index, value) in elements {
                        let assignment = format!("{name}[{index}]=\"{value}\"");
                        let _ = writeln!(text, "eval {}", quote(&assignment));
                    }
                }
            }
        }
        // The file may have left any options and separators behind.
        text.push_str("set +eux; IFS=$' \\t\\n'\n");
        let mut report = |name: &str, values: &str, label: &str| {
            let _ = writeln!(
                text,
                "for __evermod_i in {name}; do builtin printf '%s\\0%s\\0%s\\0' {label} \"$__evermod_i\" {values}; done >&\"${OUT}\""
            );
        };
        for name in self.names.iter().filter(|name| is_identifier(name)) {
            report(&format!("\"${{!{name}[@]}}\""), &format!("\"${{{name}[$__evermod_i]}}\""), name);
        }
        if let Some(prefix) = self.prefix.as_deref().filter(|p| is_identifier(p)) {
            let _ = writeln!(
                text,
                "for __evermod_i in \"${{!{prefix}@}}\"; do builtin printf '%s\\0%s\\0%s\\0' \"$__evermod_i\" 0 \"${{!__evermod_i}}\"; done >&\"${OUT}\""
            );
        }
        let _ = writeln!(text, "builtin printf '\\0end\\0\\0' >&\"${OUT}\"");
        text
    }
}

fn assign(text: &mut String, name: &str, elements: &Elements) {
    for (index, value) in elements {
        let subscript = if *index == 0 && elements.len() == 1 { String::new() } else { format!("[{index}]") };
        let _ = writeln!(text, "{name}{subscript}={}", quote(value));
    }
}

/// `text` as one single-quoted word. A NUL cannot be in a shell's word and is left out.
pub fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\0', "").replace('\'', "'\\''"))
}

/// A path as a word for `.`, which would look up a relative one in PATH.
fn quote_path(path: &Path) -> String {
    let text = path.to_string_lossy();
    if path.is_absolute() { quote(&text) } else { quote(&format!("./{text}")) }
}

/// The report as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The variables.
    pub vars: Vars,
    /// False if the end mark is missing: the file called `exit`.
    pub complete: bool,
    /// True if a value was not UTF-8 and had its bytes replaced.
    pub lossy: bool,
}

/// Reads `NAME\0INDEX\0VALUE\0` records up to the end mark.
///
/// Keys of associative arrays are no indices of directives; such elements are passed over.
///
/// # Errors
/// The records are broken off in the middle, or name something that is no variable.
pub fn parse_report(bytes: &[u8]) -> Result<Report, ShellError> {
    let mut report = Report { vars: Vars::new(), complete: false, lossy: false };
    let mut fields = bytes.split(|b| *b == 0).peekable();
    while let Some(name) = fields.next() {
        if name.is_empty() && fields.peek().is_none() {
            break;
        }
        let (Some(index), Some(value)) = (fields.next(), fields.next()) else {
            return Err(ShellError::Report("it breaks off"));
        };
        if fields.peek().is_none() {
            return Err(ShellError::Report("it breaks off"));
        }
        if name.is_empty() && index == b"end" {
            report.complete = true;
            break;
        }
        let name = std::str::from_utf8(name).ok().filter(|name| is_identifier(name));
        let name = name.ok_or(ShellError::Report("it names something that is no variable"))?;
        let Some(index) = std::str::from_utf8(index).ok().and_then(|i| i.parse::<usize>().ok()) else {
            continue;
        };
        let value = String::from_utf8_lossy(value);
        report.lossy |= matches!(value, std::borrow::Cow::Owned(_));
        report.vars.set_element(name, index, value);
    }
    Ok(report)
}

/// The first syntax error that bash reported for the file at `path`: its line and what bash said.
pub fn syntax_error(notes: &[String], path: &Path) -> Option<(usize, String)> {
    let start = format!("{}: line ", path.display());
    notes.iter().find_map(|note| {
        let (line, message) = note.split_once(&start)?.1.split_once(": ")?;
        let syntax = message.starts_with("syntax error") || message.starts_with("unexpected EOF");
        Some((line.parse().ok().filter(|_| syntax)?, message.to_string()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn report() {
        let got = parse_report(b"MAKE\x000\0make\0MAKE\x002\0a\nb\0\0end\0\0").unwrap();
        assert!(got.complete && !got.lossy);
        assert_eq!(got.vars.element("MAKE", 2), Some("a\nb"));
        assert!(!parse_report(b"").unwrap().complete);
        assert!(parse_report(b"A\x000\0\xff\0").unwrap().lossy);
        assert!(parse_report(b"A\x00key\0v\0\0end\0\0").unwrap().vars.is_empty());
        for broken in [&b"MAKE\x000\0ma"[..], b"MAKE", b"MAKE\x000", b"a b\x000\0x\0"] {
            assert!(parse_report(broken).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn syntax_errors_are_found() {
        let notes = [
            "/m/dkms.conf: line 3: foo: command not found",
            "/m/dkms.conf: line 7: syntax error near unexpected token `fi'",
        ]
        .map(String::from);
        let found = syntax_error(&notes, Path::new("/m/dkms.conf"));
        assert_eq!(found, Some((7, "syntax error near unexpected token `fi'".to_string())));
        assert_eq!(syntax_error(&notes[..1], Path::new("/m/dkms.conf")), None);
    }

    proptest! {
        #[test]
        fn any_report_is_read_or_refused(bytes in proptest::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 0..80)) {
            let _ = parse_report(&bytes);
        }
    }
}
