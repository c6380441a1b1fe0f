//! What a person saw, made comparable.

/// Replaces what differs from run to run: times of day, dates, durations, process numbers, directories with random names.
#[must_use]
pub fn normalise(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let words: Vec<String> = line.split(' ').map(word).collect();
        out.push_str(words.join(" ").trim_end());
        out.push('\n');
    }
    out
}

fn word(word: &str) -> String {
    let core = word.trim_matches(|c: char| "()[],;:".contains(c));
    let replaced = if is_clock(core) {
        "TIME"
    } else if is_date(core) {
        "DATE"
    } else if is_duration(core) {
        "DURATION"
    } else {
        return word.to_owned();
    };
    word.replacen(core, replaced, 1)
}

fn is_clock(s: &str) -> bool {
    let parts: Vec<&str> = s.split(':').collect();
    parts.len() == 3 && parts.iter().all(|p| p.len() >= 2 && digits(p.split('.').next().unwrap_or("")))
}

fn is_date(s: &str) -> bool {
    let day = s.split('T').next().unwrap_or(s);
    let parts: Vec<&str> = day.split('-').collect();
    parts.len() == 3 && parts[0].len() == 4 && parts.iter().all(|p| digits(p))
}

fn is_duration(s: &str) -> bool {
    let number = s.trim_end_matches("ms").trim_end_matches('s');
    number.len() < s.len() && !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || c == '.')
}

fn digits(s: &str) -> bool {
    !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::normalise;

    #[test]
    fn what_differs_between_runs_is_replaced_and_nothing_else() {
        let text = "built in 1.4 s (1.4s), at 12:30:59 on 2026-11-23  \n6.1.0-56-amd64: 3 modules, 250ms\n";
        assert_eq!(
            normalise(text),
            "built in 1.4 s (DURATION), at TIME on DATE\n6.1.0-56-amd64: 3 modules, DURATION\n"
        );
    }
}
