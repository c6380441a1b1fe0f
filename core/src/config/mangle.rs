//! What DKMS does to a value after bash has read it (contract 2.1, items 2 to 5).
//!
//! DKMS writes every value unquoted into a file as `NAME[i]="value"` and sources that file. So blanks and newlines
//! collapse, one trailing CR goes, embedded double quotes are lost, and what still looks like an expansion is
//! expanded a second time. Confs rely on all of it: ZFS writes multi-line commands, others `MAKE='… $kernelver'`.
//!
//! Two accidents are left out because no result could be relied on: the values are not globbed against the
//! caller's working directory, and a value with an odd double quote costs itself only, not those after it.

use super::literal::is_special;
use super::vars::Vars;

/// No command or name is longer, and what expands to more is refused before it fills the memory.
const MAX_VALUE: usize = 1 << 20;
/// The same for all values together.
const MAX_TOTAL: usize = 8 << 20;

/// The value as DKMS writes it: one trailing CR gone, every run of blanks and newlines one space.
pub fn collapse(raw: &str) -> String {
    let raw = raw.strip_suffix('\r').unwrap_or(raw);
    let mut value = String::with_capacity(raw.len());
    let mut in_blank = false;
    for c in raw.chars() {
        let blank = matches!(c, ' ' | '\t' | '\n');
        if !blank {
            value.push(c);
        } else if !in_blank {
            value.push(' ');
        }
        in_blank = blank;
    }
    value
}

/// What becomes of a collapsed value when it is read again inside double quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reread {
    /// This value.
    Value(String),
    /// No assignment at all: the directive stays as it was before. Says why.
    Destroyed(&'static str),
    /// Only a shell can tell, because of what is named here.
    Shell(&'static str),
}

/// Reads a collapsed value again as the inside of `NAME="…"`, with `vars` as the variables.
pub fn reread(collapsed: &str, vars: &Vars) -> Reread {
    let mut value = String::with_capacity(collapsed.len());
    let mut quoted = true;
    let mut rest = collapsed.chars().peekable();
    while let Some(c) = rest.next() {
        if value.len() > MAX_VALUE {
            return Reread::Destroyed("it is too long");
        }
        match c {
            '"' => quoted = !quoted,
            '`' => return Reread::Shell("a command substitution left after reading"),
            '\\' if quoted => match rest.peek() {
                Some('$' | '`' | '"' | '\\') => value.extend(rest.next()),
                // The closing quote that DKMS adds would be escaped.
                None => return Reread::Destroyed("it ends in a backslash"),
                Some(_) => value.push('\\'),
            },
            '$' => match rest.peek() {
                Some(c) if c.is_ascii_alphabetic() || *c == '_' => {
                    let mut name = String::new();
                    while let Some(c) = rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                        name.push(c);
                    }
                    if is_special(&name) {
                        return Reread::Shell("a variable that bash itself sets");
                    }
                    value.push_str(vars.scalar(&name).unwrap_or_default());
                }
                Some('{') => {
                    rest.next();
                    let mut name = String::new();
                    while let Some(c) = rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                        name.push(c);
                    }
                    let plain = name.starts_with(|c: char| !c.is_ascii_digit()) && !is_special(&name);
                    if !plain || rest.next() != Some('}') {
                        return Reread::Shell("an expansion with an operation, left after reading");
                    }
                    value.push_str(vars.scalar(&name).unwrap_or_default());
                }
                None | Some(' ' | '|' | ')' | '/' | '.' | ',' | '%') if quoted => value.push('$'),
                Some('"' | '\'') if quoted => value.push('$'),
                Some('(') => return Reread::Shell("a command substitution left after reading"),
                _ => return Reread::Shell("an expansion of a special parameter, left after reading"),
            },
            ' ' if !quoted => return Reread::Destroyed("it has a blank between embedded double quotes"),
            c if quoted || c.is_ascii_alphanumeric() || "_./=:,+@%^-".contains(c) => value.push(c),
            _ => return Reread::Shell("shell syntax between embedded double quotes"),
        }
    }
    if quoted {
        Reread::Value(value)
    } else {
        Reread::Destroyed("it has an odd number of embedded double quotes")
    }
}

/// The outcome of [`reread_all`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rereading {
    /// The values that could be read again here.
    pub vars: Vars,
    /// Assignments that fell apart: name, index, why.
    pub destroyed: Vec<(String, usize, &'static str)>,
    /// Collapsed values that must be read again by a shell.
    pub shell: Vars,
    /// Why the first of them must be.
    pub why: Option<&'static str>,
}

/// Does to all `vars` what DKMS does, with `scope` as the other variables, which has their new values afterwards.
///
/// A value may name another directive. Values without expansions are settled first, then the rest in the order of
/// their names, so that a reference finds what was meant wherever it stands.
pub fn reread_all(vars: &Vars, scope: &mut Vars) -> Rereading {
    let mut result = Rereading::default();
    let mut total = 0;
    for expanding in [false, true] {
        for (name, elements) in vars.iter() {
            for (index, raw) in elements {
                let collapsed = collapse(raw);
                if collapsed.contains(['$', '`']) != expanding {
                    continue;
                }
                match reread(&collapsed, scope) {
                    Reread::Value(_) if total > MAX_TOTAL => {
                        result.destroyed.push((name.to_string(), *index, "the values are too long"));
                    }
                    Reread::Value(value) => {
                        total += value.len();
                        scope.set_element(name, *index, value.clone());
                        result.vars.set_element(name, *index, value);
                    }
                    Reread::Destroyed(why) => result.destroyed.push((name.to_string(), *index, why)),
                    Reread::Shell(why) => {
                        result.why.get_or_insert(why);
                        result.shell.set_element(name, *index, collapsed);
                    }
                }
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_cr() {
        for (raw, value) in [
            ("a\r", "a"),
            ("a\r\r", "a\r"),
            (" a\n\t b ", " a b "),
            ("a\r\nb\r", "a\r b"),
            ("\n", " "),
            ("", ""),
        ] {
            assert_eq!(collapse(raw), value, "{raw:?}");
        }
    }

    #[test]
    fn second_reading() {
        let vars = Vars::from_iter([("kernelver", "6.1"), ("PACKAGE_NAME", "m")]);
        for (collapsed, value) in [
            ("make", "make"),
            ("make FOO=\"ab\"", "make FOO=ab"),
            ("'make' X='a b'", "'make' X='a b'"),
            ("make K=$kernelver M=${PACKAGE_NAME}.", "make K=6.1 M=m."),
            ("\\$(pwd) \\\\ \\x", "$(pwd) \\ \\x"),
            ("^6\\.1$", "^6\\.1$"),
            ("^5$|^6$", "^5$|^6$"),
            ("$unknown", ""),
        ] {
            assert_eq!(reread(collapsed, &vars), Reread::Value(value.to_string()), "{collapsed}");
        }
        for bad in ["make X=\"a b\"", "odd\"", "end\\"] {
            assert!(matches!(reread(bad, &vars), Reread::Destroyed(_)), "{bad}");
        }
        for shell in ["$(pwd)", "`pwd`", "${a%b}", "$1", "$PATH", "a\";\"b", "${1}", "${}"] {
            assert!(matches!(reread(shell, &vars), Reread::Shell(_)), "{shell}");
        }
    }

    #[test]
    fn directives_see_each_other() {
        let vars =
            Vars::from_iter([("MAKE", "make V=$PACKAGE_VERSION K=$kernelver"), ("PACKAGE_VERSION", "1.0\r")]);
        let got = reread_all(&vars, &mut Vars::from_iter([("kernelver", "6.1")]));
        assert_eq!(got.vars.scalar("MAKE"), Some("make V=1.0 K=6.1"));
        assert!(got.shell.is_empty() && got.destroyed.is_empty());
    }
}
