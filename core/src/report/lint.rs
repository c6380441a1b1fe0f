//! What lint found: for a person with the line and a caret, for a program as JSON.

use crate::config::lint::{Level, LintFinding};
use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Renderer, Snippet};
use serde::Serialize;
use std::path::PathBuf;

/// A file that was looked at.
#[derive(Debug)]
pub struct LintedFile {
    /// As it was named, or where it was found.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// What was found.
    pub findings: Vec<LintFinding>,
}

/// The whole of it, for programs.
#[derive(Debug, Serialize)]
pub struct LintReport {
    /// Format of this value: 1.
    pub version: u32,
    /// The files that were looked at.
    pub files: Vec<PathBuf>,
    /// The findings, file by file, in the order of their places.
    pub findings: Vec<LintLine>,
}

/// One finding, for programs.
#[derive(Debug, Serialize)]
pub struct LintLine {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The line of the end, from 1.
    pub end_line: usize,
    /// The column behind the end, from 1.
    pub end_column: usize,
    /// How bad it is.
    pub level: Level,
    /// What it is about.
    pub code: &'static str,
    /// One sentence.
    pub message: String,
    /// What helps.
    pub hint: Option<String>,
}

impl LintReport {
    /// Of files.
    pub fn of(files: &[LintedFile]) -> Self {
        let line = |file: &LintedFile, finding: &LintFinding| {
            let place = |at: usize| crate::config::literal::place(&file.text, at);
            let ((line, column), (end_line, end_column)) =
                (place(finding.span.start), place(finding.span.end));
            LintLine {
                file: file.path.clone(),
                line,
                column,
                end_line,
                end_column,
                level: finding.level,
                code: finding.code,
                message: finding.message.clone(),
                hint: finding.hint.clone(),
            }
        };
        Self {
            version: 1,
            files: files.iter().map(|file| file.path.clone()).collect(),
            findings: files.iter().flat_map(|file| file.findings.iter().map(|f| line(file, f))).collect(),
        }
    }
}

/// How many findings of a level there are.
pub fn count(files: &[LintedFile], level: Level) -> usize {
    files.iter().flat_map(|file| &file.findings).filter(|finding| finding.level == level).count()
}

/// Everything for a person; coloured for a terminal. Ends with one line that counts.
pub fn lint_text(files: &[LintedFile], coloured: bool) -> String {
    let renderer = if coloured { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let mut text = String::new();
    for file in files {
        let path = file.path.display().to_string();
        for finding in &file.findings {
            let level = match finding.level {
                Level::Error => annotate_snippets::Level::ERROR,
                Level::Warning => annotate_snippets::Level::WARNING,
                Level::Advice => annotate_snippets::Level::NOTE.with_name("advice"),
            };
            let (number, line, span) = shown(&file.text, finding);
            let snippet = Snippet::source(line)
                .line_start(number)
                .path(path.as_str())
                .annotation(AnnotationKind::Primary.span(span));
            let mut group = level.primary_title(finding.message.as_str()).id(finding.code).element(snippet);
            if let Some(hint) = &finding.hint {
                group =
                    group.element(annotate_snippets::Level::HELP.with_name("hint").message(hint.as_str()));
            }
            text.push_str(&renderer.render(&[group]));
            text.push_str("\n\n");
        }
    }
    let counted = |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    text.push_str(&format!(
        "{}, {}, {} in {}\n",
        counted(count(files, Level::Error), "error", "errors"),
        counted(count(files, Level::Warning), "warning", "warnings"),
        counted(count(files, Level::Advice), "piece of advice", "pieces of advice"),
        counted(files.len(), "file", "files"),
    ));
    text
}

/// The line that a finding begins in, its number, and what of it is meant: a value of many lines is shown by its first.
/// Only that line goes to the renderer, which would look through all of the text for each finding.
fn shown<'t>(text: &'t str, finding: &LintFinding) -> (usize, &'t str, std::ops::Range<usize>) {
    let before = text.get(..finding.span.start).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let rest = text.get(start..).unwrap_or_default();
    let line = rest.split('\n').next().unwrap_or_default();
    let number = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let column = finding.span.start - start;
    (number, line, column..(finding.span.end - start).min(line.len()).max(column))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> LintedFile {
        let text = "# ä\nMAKE=\"a\nb\"\n".to_string();
        let finding = LintFinding {
            level: Level::Warning,
            code: "glob",
            message: "that".into(),
            hint: Some("this".into()),
            span: 10..15,
        };
        LintedFile { path: "dkms.conf".into(), text, findings: vec![finding] }
    }

    #[test]
    fn people_see_the_line_and_what_helps() {
        let text = lint_text(&[file()], false);
        for part in
            ["warning[glob]: that", "dkms.conf:2:6", "MAKE=\"a", "^^", "hint: this", "0 errors, 1 warning"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains('\u{1b}') && lint_text(&[file()], true).contains('\u{1b}'));
    }

    #[test]
    fn programs_get_places() {
        let report = serde_json::to_value(LintReport::of(&[file()])).unwrap();
        let found = &report["findings"][0];
        assert_eq!(
            (report["version"].as_u64(), found["line"].as_u64(), found["column"].as_u64()),
            (Some(1), Some(2), Some(6))
        );
        assert_eq!((found["end_line"].as_u64(), found["end_column"].as_u64()), (Some(3), Some(3)));
        assert_eq!(found["level"], "warning");
    }
}
