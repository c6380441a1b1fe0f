//! Patterns: extended regular expressions as bash's `=~` takes them, for MAKE_MATCH, PATCH_MATCH and BUILD_EXCLUSIVE;
//! and a shell's wildcards.

mod glob;

pub use glob::glob;

/// True if `pattern`, an extended regular expression as bash's `=~` takes it, matches somewhere in `subject`.
/// A pattern that is no regular expression matches nothing, as in bash.
pub fn matches(pattern: &str, subject: &str) -> bool {
    // Plain text is by far the commonest and needs no automaton.
    if pattern.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'/' | b' ')) {
        return subject.contains(pattern);
    }
    regex::Regex::new(pattern).is_ok_and(|regex| regex.is_match(subject))
}

/// Why `pattern` can match nothing: one line, or `None` if it is a regular expression.
pub fn fault(pattern: &str) -> Option<String> {
    let error = regex::Regex::new(pattern).err()?;
    // The last line says what is wrong; those before it draw the pattern.
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    Some(last.trim_start_matches("error: ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_named() {
        assert_eq!(fault("^(6\\.|5\\.1)"), None);
        assert_eq!(fault("6.(1").as_deref(), Some("unclosed group"));
        assert_eq!(fault("(a)\\1").as_deref(), Some("backreferences are not supported"));
    }
}
