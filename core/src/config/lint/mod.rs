//! What is to be said about a `dkms.conf` as a text: with the place of each finding, and what helps.
//!
//! The readers say what makes a file unusable; the rules here add what is allowed and probably not meant.

mod files;
mod rules;
mod scan;
#[cfg(test)]
mod tests;
mod values;

pub use files::{Files, Kind};

use super::directive_table;
use super::evaluate::{ConfigError, EvaluatedBy};
use super::findings::{Finding, FindingKind, Severity};
use super::load::LoadedModule;
use crate::model::ModuleId;
use scan::Scan;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// The file cannot be used, or does not do what it says.
    Error,
    /// Probably not what was meant.
    Warning,
    /// Worth knowing.
    Advice,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LintFinding {
    /// How bad it is.
    pub level: Level,
    /// What it is about, as a word for programs.
    pub code: &'static str,
    /// What is wrong, one sentence.
    pub message: String,
    /// What helps.
    pub hint: Option<String>,
    /// Where it is, in bytes of the text.
    pub span: Range<usize>,
}

/// A file and what is known of it.
pub struct Subject<'a> {
    /// Its text.
    pub text: &'a str,
    /// What the readers made of it.
    pub loaded: &'a Result<LoadedModule, ConfigError>,
    /// The kernel that it was read for.
    pub kernel: &'a str,
    /// What it must say it is, because of where it lies or what it is registered as.
    pub module: Option<&'a ModuleId>,
    /// The sources around it, if it lies among them.
    pub files: Option<&'a dyn Files>,
    /// An override of another file: it need not say everything.
    pub is_override: bool,
}

/// Looks at everything. The findings are in the order of their places.
pub fn lint(subject: &Subject<'_>) -> Vec<LintFinding> {
    let mut linter = Linter { text: subject.text, scan: scan::scan(subject.text), findings: Vec::new() };
    match subject.loaded {
        Err(error) => linter.unreadable(error),
        Ok(loaded) => {
            linter.readers(loaded, subject.is_override);
            values::check(&mut linter, loaded, subject);
            if let Some(files) = subject.files {
                files::check(&mut linter, loaded, files);
            }
        }
    }
    rules::check(&mut linter, subject.is_override);
    linter.findings.sort_by_key(|finding| (finding.span.start, finding.level));
    linter.findings.dedup_by(|a, b| a.span == b.span && a.code == b.code && a.message == b.message);
    linter.findings
}

/// Findings under way.
struct Linter<'a> {
    text: &'a str,
    scan: Scan,
    findings: Vec<LintFinding>,
}

impl Linter<'_> {
    fn say(
        &mut self,
        level: Level,
        code: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let hint = Some(hint.into()).filter(|hint| !hint.is_empty());
        self.findings.push(LintFinding { level, code, message: message.into(), hint, span });
    }

    /// Where `name[index]` gets its value; the beginning of the file where it is not set by this text.
    fn value_of(&self, name: &str, index: usize) -> Range<usize> {
        match self.scan.find(name, index) {
            Some(found) if found.value.is_empty() => found.at.clone(),
            Some(found) => found.value.clone(),
            None => self.first_line(),
        }
    }

    /// Where `name[index]` is named.
    fn name_of(&self, name: &str, index: usize) -> Range<usize> {
        self.scan.find(name, index).map_or_else(|| self.first_line(), |found| found.at.clone())
    }

    fn first_line(&self) -> Range<usize> {
        0..self.text.find('\n').unwrap_or(self.text.len())
    }

    /// The text from a line and column, both from 1, to the end of its word.
    fn at(&self, line: usize, column: usize) -> Range<usize> {
        let mut start = 0;
        for _ in 1..line {
            let rest = self.text.get(start..).unwrap_or_default();
            start += rest.find('\n').map_or(rest.len(), |at| at + 1);
        }
        if start >= self.text.len() {
            // Something is missing at the end: the last line that says anything is where a person looks.
            let said = self.text.trim_end();
            let last = said.rfind('\n').map_or(0, |at| at + 1);
            return last..said.len();
        }
        let content = self.text.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
        let offset = content.char_indices().nth(column.saturating_sub(1)).map_or(content.len(), |(at, _)| at);
        let rest = content.get(offset..).unwrap_or_default();
        let length = rest.find(char::is_whitespace).filter(|length| *length > 0).unwrap_or(rest.len());
        start + offset..start + offset + length
    }

    fn unreadable(&mut self, error: &ConfigError) {
        match error {
            ConfigError::Syntax { line, column, message, .. } => self.say(
                Level::Error,
                "syntax",
                self.at(*line, *column),
                format!("bash cannot read this: {message}"),
                "DKMS silently uses what stands before it",
            ),
            ConfigError::Shell { place, source, .. } => self.say(
                Level::Error,
                "shell-failed",
                self.at(place.line, place.column),
                format!("this needs a shell ({}), which did not do it: {source}", place.why),
                "",
            ),
            other => {
                let span = self.first_line();
                self.say(Level::Error, "unreadable", span, other.to_string(), "");
            }
        }
    }

    /// What the readers found.
    fn readers(&mut self, loaded: &LoadedModule, is_override: bool) {
        for finding in &loaded.findings {
            // An override need not say everything.
            if is_override
                && !matches!(finding.kind, FindingKind::Said | FindingKind::Exited | FindingKind::Boolean)
            {
                continue;
            }
            let found = self.reader_finding(finding);
            self.findings.push(found);
        }
        if let EvaluatedBy::Shell { place, .. } = &loaded.evaluated_by {
            // What is left after the first reading has no place of its own.
            let left_over = self.scan.assignments.iter().find(|a| {
                let raw = self.text.get(a.value.clone()).unwrap_or_default();
                directive_table::directive(&a.name).is_some() && raw.contains(['$', '`'])
            });
            let span = match left_over.filter(|_| (place.line, place.column) == (1, 1)) {
                Some(found) => found.value.clone(),
                None => self.at(place.line, place.column),
            };
            self.say(
                Level::Advice,
                "needs-a-shell",
                span,
                format!("a bash has to evaluate this file: {}", place.why),
                "plain assignments are read at once, and mean the same on every machine",
            );
        }
    }

    fn reader_finding(&self, finding: &Finding) -> LintFinding {
        let level = match finding.severity {
            Severity::Error => Level::Error,
            Severity::Warning | Severity::Deprecated => Level::Warning,
        };
        let record = finding.record.unwrap_or(0);
        let name = directive_in(&finding.message);
        let mut span = match name {
            Some(name) if finding.kind != FindingKind::Missing && self.scan.find(name, record).is_some() => {
                match finding.kind {
                    FindingKind::Deprecated => self.name_of(name, record),
                    _ => self.value_of(name, record),
                }
            }
            // What is missing has no place but its record's.
            _ => finding.record.map_or_else(|| self.first_line(), |record| self.record(record)),
        };
        // Some begin with the path, which stands above the line anyway.
        let told = finding.message.split_once(": ").filter(|(path, _)| path.starts_with('/'));
        let mut message = told.map_or(finding.message.as_str(), |(_, rest)| rest).to_string();
        let (mut level, code, hint) = match finding.kind {
            FindingKind::Missing => (level, "missing", missing_hint(name)),
            FindingKind::Suffix => {
                (level, "suffix", "leave the suffix out: it is put behind the name".into())
            }
            FindingKind::Destination => {
                (level, "destination", "use /updates/dkms, or a directory below /kernel".into())
            }
            FindingKind::Escapes => (level, "escapes", "name a file, and a directory without '..'".into()),
            FindingKind::LengthMismatch => (
                level,
                "length-mismatch",
                "give every module a DEST_MODULE_LOCATION of the same index".into(),
            ),
            FindingKind::Index => (level, "index", "count modules from 0, without gaps".into()),
            FindingKind::Boolean => (level, "boolean", "write yes or no".into()),
            FindingKind::ZeroModules => (
                level,
                "zero-modules",
                "set BUILT_MODULE_NAME and DEST_MODULE_LOCATION for each file that is built".into(),
            ),
            FindingKind::Duplicate => {
                (level, "duplicate", "two files cannot have one name; give one another".into())
            }
            FindingKind::Deprecated => {
                let why = name.and_then(directive_table::directive).and_then(|d| d.deprecated);
                (level, "deprecated", why.unwrap_or_default().into())
            }
            FindingKind::Identity => (
                level,
                "identity",
                "the name of the directory and the file must say the same: NAME-VERSION".into(),
            ),
            FindingKind::Exited => (level, "exited", "set directives without leaving the shell".into()),
            FindingKind::Destroyed => (
                Level::Error,
                "destroyed",
                "every value is read twice, the second time inside double quotes".into(),
            ),
            FindingKind::Said => (Level::Advice, "said", String::new()),
        };
        if finding.kind == FindingKind::Said {
            match complaint(&finding.message) {
                Some((line, text)) => {
                    (level, span) = (Level::Warning, self.at(line, 1));
                    message = format!("bash complains: {text}");
                }
                None => message = format!("the file prints: {message}"),
            }
        }
        LintFinding { level, code, message, hint: Some(hint).filter(|h| !h.is_empty()), span }
    }

    /// Where the record of this number is named at all; else where the last one before it is.
    fn record(&self, record: usize) -> Range<usize> {
        let arrays =
            ["BUILT_MODULE_NAME", "DEST_MODULE_NAME", "BUILT_MODULE_LOCATION", "DEST_MODULE_LOCATION"];
        let of_record = self
            .scan
            .assignments
            .iter()
            .find(|a| arrays.contains(&a.name.as_str()) && a.index == Some(record));
        of_record.map_or_else(|| self.first_line(), |found| found.at.clone())
    }
}

/// The directive that a reader's message is about: the first one that it names.
fn directive_in(message: &str) -> Option<&'static str> {
    let words = message.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter_map(directive_table::directive).map(|spec| spec.name).next()
}

fn missing_hint(name: Option<&str>) -> String {
    match name {
        Some(name @ "BUILT_MODULE_NAME") => {
            format!("add {name} with this index; indices run from 0 without gaps")
        }
        Some(name @ "DEST_MODULE_LOCATION") => {
            format!("add {name} with this index, such as \"/updates/dkms\"")
        }
        Some(name) => format!("add {name}=\"...\""),
        None => String::new(),
    }
}

/// `FILE: line 12: what` as bash complains: the line and the rest.
fn complaint(message: &str) -> Option<(usize, &str)> {
    let (_, rest) = message.split_once(": line ")?;
    let (line, text) = rest.split_once(": ")?;
    Some((line.parse().ok()?, text))
}
