//! The words of the literal reader: quotes, escapes and simple expansions, byte for byte as bash has them.

use super::literal::{MAX_INDEX, Refusal, is_special};
use super::vars::Layer;

/// A value longer than this is a shell's business, whose memory is limited: a few lines of `A=$A$A` would
/// otherwise fill ours.
pub(super) const MAX_VALUE: usize = 64 << 10;
/// And so are files whose values come to more than this together.
const MAX_TOTAL: usize = 4 << 20;
/// Expansions inside expansions, which are read by recursion.
const MAX_DEPTH: usize = 8;

/// A cursor over the text that yields words.
pub(super) struct Words<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    total: usize,
}

/// Where a word stands, which decides what bash does to it after expansion.
#[derive(Clone, Copy, PartialEq)]
enum Place<'n> {
    /// The right side of `N=`: neither split nor globbed nor brace-expanded.
    Scalar,
    /// An element of the list assigned to this variable: all of these.
    Element(&'n str),
}

impl<'a> Words<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0, total: 0 }
    }

    pub fn at(&self) -> usize {
        self.at
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn peek_second(&self) -> Option<char> {
        self.rest().chars().nth(1)
    }

    pub fn advance(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    pub fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.advance();
        }
        found
    }

    pub fn refuse<T>(&self, why: &'static str) -> Result<T, Refusal> {
        Err(Refusal { at: self.at, why })
    }

    /// Skips blanks and line continuations; true if a blank was among them.
    pub fn skip_blanks(&mut self) -> bool {
        let mut blank = false;
        loop {
            match self.peek() {
                Some(' ' | '\t') => {
                    blank = true;
                    self.advance();
                }
                Some('\\') if self.rest().starts_with("\\\n") => self.at += 2,
                _ => return blank,
            }
        }
    }

    /// Skips to the end of the line. A backslash does not continue a comment.
    pub fn skip_comment(&mut self) {
        self.at += self.rest().find('\n').unwrap_or(self.rest().len());
    }

    /// True if the CR at the cursor ends its line.
    pub fn cr_ends_line(&self) -> bool {
        matches!(self.peek_second(), None | Some('\n'))
    }

    /// The longest variable name at the cursor; empty if there is none.
    pub fn identifier(&mut self) -> &'a str {
        let rest = self.rest();
        let length = match rest.bytes().next() {
            Some(b) if b.is_ascii_alphabetic() || b == b'_' => {
                rest.bytes().position(|b| !b.is_ascii_alphanumeric() && b != b'_').unwrap_or(rest.len())
            }
            _ => 0,
        };
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// `[12]`: a plain decimal index. Anything else is arithmetic to bash; a leading zero makes it octal.
    pub fn index(&mut self) -> Result<usize, Refusal> {
        let start = self.at;
        self.advance();
        let rest = self.rest();
        let length = rest.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len());
        let digits = rest.get(..length).unwrap_or_default();
        self.at += length;
        let plain = !digits.is_empty() && (digits == "0" || !digits.starts_with('0'));
        match digits.parse() {
            Ok(index) if plain && index <= MAX_INDEX && self.eat(']') => Ok(index),
            _ => Err(Refusal { at: start, why: "an array index that is not a plain number" }),
        }
    }

    /// The right side of `N=`.
    pub fn scalar(&mut self, vars: &Layer<'_>) -> Result<String, Refusal> {
        self.word(vars, Place::Scalar)
    }

    /// One element of a list that is assigned to `name`.
    pub fn element(&mut self, vars: &Layer<'_>, name: &str) -> Result<String, Refusal> {
        self.word(vars, Place::Element(name))
    }

    fn word(&mut self, vars: &Layer<'_>, place: Place<'_>) -> Result<String, Refusal> {
        let start = self.at;
        let mut value = String::new();
        let mut quoted = false;
        while let Some(c) = self.peek() {
            if value.len() > MAX_VALUE {
                return Err(Refusal { at: start, why: "a value beyond all reason" });
            }
            match c {
                ' ' | '\t' | '\n' => break,
                ';' if place == Place::Scalar => break,
                ')' if place != Place::Scalar => break,
                ';' | '&' | '|' | '<' | '>' | '(' | ')' => return self.refuse("shell syntax in a value"),
                '`' => return self.refuse("a command substitution"),
                '~' if value.is_empty() || value.ends_with([':', '=']) => {
                    return self.refuse("a tilde that bash may expand");
                }
                '*' | '?' | '[' | '{' if place != Place::Scalar => {
                    return self.refuse("a pattern in a list");
                }
                '\'' => {
                    quoted = true;
                    self.single_quoted(&mut value)?;
                }
                '"' => {
                    quoted = true;
                    self.double_quoted(vars, place, &mut value)?;
                }
                '\\' => {
                    if self.peek_second().is_none() {
                        return self.refuse("a backslash at the end of the file");
                    }
                    self.advance();
                    if let Some(escaped) = self.peek().filter(|c| *c != '\n') {
                        quoted = true;
                        value.push(escaped);
                    }
                    self.advance();
                }
                '$' => {
                    let at = self.at;
                    let found = self.dollar(vars, place, false)?;
                    if place != Place::Scalar
                        && found.contains([' ', '\t', '\n', '*', '?', '[', '\\', '{', '~'])
                    {
                        return Err(Refusal { at, why: "an unquoted expansion that bash would split" });
                    }
                    value.push_str(&found);
                }
                other => {
                    value.push(other);
                    self.advance();
                }
            }
        }
        if place != Place::Scalar && value.is_empty() && !quoted {
            return Err(Refusal { at: start, why: "an empty word in a list" });
        }
        self.total += value.len();
        if self.total > MAX_TOTAL {
            return Err(Refusal { at: start, why: "a value beyond all reason" });
        }
        Ok(value)
    }

    fn single_quoted(&mut self, value: &mut String) -> Result<(), Refusal> {
        let inside = self.rest().get(1..).unwrap_or_default();
        let Some(length) = inside.find('\'') else {
            return self.refuse("a single quote that is never closed");
        };
        value.push_str(inside.get(..length).unwrap_or_default());
        self.at += length + 2;
        Ok(())
    }

    fn double_quoted(
        &mut self,
        vars: &Layer<'_>,
        place: Place<'_>,
        value: &mut String,
    ) -> Result<(), Refusal> {
        let start = self.at;
        self.advance();
        while let Some(c) = self.peek() {
            if value.len() > MAX_VALUE {
                return Err(Refusal { at: start, why: "a value beyond all reason" });
            }
            match c {
                '"' => {
                    self.advance();
                    return Ok(());
                }
                '`' => return self.refuse("a command substitution"),
                '\\' => {
                    self.advance();
                    match self.peek() {
                        Some('\n') => {}
                        Some(c @ ('$' | '`' | '"' | '\\')) => value.push(c),
                        Some(_) => {
                            value.push('\\');
                            continue;
                        }
                        None => break,
                    }
                    self.advance();
                }
                '$' => value.push_str(&self.dollar(vars, place, true)?),
                other => {
                    value.push(other);
                    self.advance();
                }
            }
        }
        Err(Refusal { at: start, why: "a double quote that is never closed" })
    }

    /// What the `$` at the cursor stands for.
    fn dollar(&mut self, vars: &Layer<'_>, place: Place<'_>, quoted: bool) -> Result<String, Refusal> {
        let start = self.at;
        self.advance();
        match self.peek() {
            Some('{') => {
                self.advance();
                self.braced(vars, place, start)
            }
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                let name = self.identifier();
                check_expandable(name, place, start)?;
                if self.rest().starts_with("\\\n") {
                    return self.refuse("a name that goes on in the next line");
                }
                Ok(vars.scalar(name).unwrap_or_default().to_string())
            }
            // Regular expressions end in a dollar that stands for itself.
            Some('"' | '\'' | '|' | ')' | ' ' | '\t' | '\n' | '/' | '.' | ',' | '%') if quoted => {
                Ok("$".to_string())
            }
            None | Some(' ' | '\t' | '\n') if !quoted => Ok("$".to_string()),
            Some('(') => Err(Refusal { at: start, why: "a command substitution" }),
            _ => Err(Refusal { at: start, why: "an expansion of a special parameter" }),
        }
    }

    /// The inside of `${…}`, with the cursor behind the brace.
    fn braced(&mut self, vars: &Layer<'_>, place: Place<'_>, start: usize) -> Result<String, Refusal> {
        let complex = Refusal { at: start, why: "an expansion with an operation" };
        let name = self.identifier();
        if name.is_empty() {
            return Err(complex);
        }
        check_expandable(name, place, start)?;
        let index = if self.peek() == Some('[') { self.index()? } else { 0 };
        let value = vars.element(name, index);
        if self.eat('}') {
            return Ok(value.unwrap_or_default().to_string());
        }
        let or_empty = self.eat(':');
        let value = value.filter(|v| !(or_empty && v.is_empty()));
        match self.peek() {
            Some('-') => {
                let word = self.alternative(vars, place)?;
                Ok(value.map_or(word, str::to_string))
            }
            Some('+') => {
                let word = self.alternative(vars, place)?;
                Ok(value.map_or(String::new(), |_| word))
            }
            _ => Err(complex),
        }
    }

    /// The word after `-` or `+` up to the closing brace: no quotes and nothing that depends on the quotes around.
    fn alternative(&mut self, vars: &Layer<'_>, place: Place<'_>) -> Result<String, Refusal> {
        self.advance();
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.refuse("expansions nested too deep");
        }
        let mut word = String::new();
        while let Some(c) = self.peek() {
            if word.len() > MAX_VALUE {
                return self.refuse("a value beyond all reason");
            }
            match c {
                '}' => {
                    self.advance();
                    self.depth -= 1;
                    return Ok(word);
                }
                '$' if matches!(self.peek_second(), Some('{' | '_' | 'a'..='z' | 'A'..='Z')) => {
                    word.push_str(&self.dollar(vars, place, true)?);
                }
                c if c.is_ascii_alphanumeric() || " _./:=,+@%^-".contains(c) => {
                    word.push(c);
                    self.advance();
                }
                _ => return self.refuse("shell syntax in the word of an expansion"),
            }
        }
        self.refuse("a brace that is never closed")
    }
}

fn check_expandable(name: &str, place: Place<'_>, at: usize) -> Result<(), Refusal> {
    if is_special(name) {
        return Err(Refusal { at, why: "a variable that bash itself sets" });
    }
    if place == Place::Element(name) {
        return Err(Refusal { at, why: "a list that uses the variable it is assigned to" });
    }
    Ok(())
}
