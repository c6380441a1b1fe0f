//! Extended regular expressions as bash's `=~` takes them, for MAKE_MATCH, PATCH_MATCH and BUILD_EXCLUSIVE.

/// True if `pattern`, an extended regular expression as bash's `=~` takes it, matches somewhere in `subject`.
/// A pattern that is no regular expression matches nothing, as in bash.
pub fn matches(pattern: &str, subject: &str) -> bool {
    // Plain text is by far the commonest and needs no automaton.
    if pattern.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'/' | b' ')) {
        return subject.contains(pattern);
    }
    regex::Regex::new(pattern).is_ok_and(|regex| regex.is_match(subject))
}
