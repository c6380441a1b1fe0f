//! Shell patterns, as `dkms status` takes them.

/// True if `text` fits `pattern`: `*`, `?`, `[…]` with ranges and `!`.
pub fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<_>, Vec<_>) = (pattern.chars().collect(), text.chars().collect());
    fits(&pattern, &text)
}

fn fits(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => (0..=text.len()).any(|i| text.get(i..).is_some_and(|t| fits(rest, t))),
        Some(('?', rest)) => text.split_first().is_some_and(|(_, t)| fits(rest, t)),
        Some(('[', rest)) => match (class(rest), text.split_first()) {
            (Some((members, negated, rest)), Some((c, t))) => has(members, *c) != negated && fits(rest, t),
            (None, Some(('[', t))) => fits(rest, t),
            _ => false,
        },
        Some((p, rest)) => text.split_first().is_some_and(|(c, t)| p == c && fits(rest, t)),
    }
}

/// The members of a bracket expression, whether they are negated, and what follows it.
fn class(pattern: &[char]) -> Option<(&[char], bool, &[char])> {
    let negated = matches!(pattern.first(), Some('!' | '^'));
    let body = if negated { pattern.get(1..)? } else { pattern };
    let end = body.iter().skip(1).position(|c| *c == ']')? + 1;
    Some((body.get(..end)?, negated, body.get(end + 1..)?))
}

fn has(members: &[char], c: char) -> bool {
    match members {
        [first, '-', last, rest @ ..] => (*first..=*last).contains(&c) || has(rest, c),
        [first, rest @ ..] => *first == c || has(rest, c),
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn patterns() {
        for (pattern, text, fits) in [
            ("nv*", "nvidia", true),
            ("nv*", "zfs", false),
            ("6.1*", "6.1.0-9-amd64", true),
            ("v?l[0-9]*", "v4l2loopback", true),
            ("[!a]x", "bx", true),
            ("[!a]x", "ax", false),
            ("a[", "a[", true),
            ("", "", true),
            ("*", "", true),
        ] {
            assert_eq!(glob(pattern, text), fits, "{pattern} {text}");
        }
    }
}
