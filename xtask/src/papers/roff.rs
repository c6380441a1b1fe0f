//! Manual pages: marked text to roff, and templates to pages.

/// Text as roff shows it: nothing in it is a request, an escape or a hyphen.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\e"),
            '-' => out.push_str("\\-"),
            '\'' => out.push_str("\\(aq"),
            '^' => out.push_str("\\(ha"),
            '~' => out.push_str("\\(ti"),
            c => out.push(c),
        }
    }
    out
}

/// `` `bold` `` and `<italic>` to roff's fonts; words keep their hyphens.
pub(crate) fn marked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['`', '<']) {
        let (before, marked) = rest.split_at(at);
        out.push_str(&before.replace('\'', "\\(aq"));
        let (font, close) = if marked.starts_with('`') { ('B', '`') } else { ('I', '>') };
        let inside = marked.get(1..).unwrap_or_default();
        let (inside, after) = inside.split_once(close).unwrap_or((inside, ""));
        out.push_str(&format!("\\f{font}{}\\fR", escape(inside)));
        rest = after;
    }
    out.push_str(&rest.replace('\'', "\\(aq"));
    out
}

/// A paragraph with a head, as lists of options have it. The head is marked text too; what is unmarked in it is upright.
pub(crate) fn item(head: &str, text: &str) -> String {
    format!(".TP\n{}\n{}\n", line(&marked(head)), sentences(text))
}

/// Marked text with every sentence on a line of its own, as roff wants it.
pub(crate) fn sentences(text: &str) -> String {
    let broken = marked(text).replace(". ", ".\n");
    broken.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// A line that is text, whatever it begins with.
fn line(text: &str) -> String {
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text.to_owned() }
}

/// The day of a time in seconds since the epoch, as `.TH` has it; after Howard Hinnant's `civil_from_days`.
pub(crate) fn date(time: u64) -> String {
    let shifted = time / 86_400 + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let shifted_month = (5 * day + 2) / 153;
    let day = day - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    format!("{}-{month:02}-{day:02}", year + era * 400 + u64::from(month <= 2))
}

/// Puts `parts` in place of the lines `.\" @NAME@` of a template, and the date in place of `@DATE@`.
pub(crate) fn fill(template: &str, parts: &[(&str, String)]) -> anyhow::Result<String> {
    let mut out = String::with_capacity(template.len() * 2);
    for text in template.lines() {
        match text.strip_prefix(".\\\" @").and_then(|rest| rest.strip_suffix('@')) {
            None => {
                let date = parts.iter().find(|(part, _)| *part == "DATE").map_or("", |(_, date)| date);
                out.push_str(&text.replace("@DATE@", date));
                out.push('\n');
            }
            Some(name) => match parts.iter().find(|(part, _)| *part == name) {
                Some((_, part)) => out.push_str(part),
                None => anyhow::bail!("there is nothing to put in place of @{name}@"),
            },
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_become_fonts() {
        assert_eq!(marked("a `--b` </c-d> 'e'"), "a \\fB\\-\\-b\\fR \\fI/c\\-d\\fR \\(aqe\\(aq");
        assert_eq!(item("`x`", "One. Two."), ".TP\n\\fBx\\fR\nOne.\nTwo.\n");
        assert_eq!(sentences("<.ko> x. .ko"), "\\fI.ko\\fR x.\n\\&.ko");
    }

    #[test]
    fn dates() {
        for (time, day) in [(0, "1970-01-01"), (951_782_400, "2000-02-29"), (1_795_442_714, "2026-11-23")] {
            assert_eq!(date(time), day);
        }
    }

    #[test]
    fn templates_are_filled() {
        let parts = [("X", "y\n".to_owned())];
        assert_eq!(fill("a\n.\\\" @X@\nb\n.\\\" c\n", &parts).unwrap(), "a\ny\nb\n.\\\" c\n");
        assert!(fill(".\\\" @Y@\n", &parts).is_err());
    }
}
