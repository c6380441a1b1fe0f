//! A kernel's configuration: `include/config/auto.conf` or `.config`.

use super::os_release::unescape;
use memchr::memmem;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The symbols that a kernel configuration sets. What is not set is off.
///
/// A configuration has some five thousand symbols, of which a run asks for three or four: they are looked for when they
/// are asked for, once.
#[derive(Debug, Clone, Default)]
pub struct KernelConfig {
    text: Vec<u8>,
    asked: RefCell<BTreeMap<String, Option<Rc<str>>>>,
}

impl KernelConfig {
    /// Takes `CONFIG_X=value` lines as kbuild writes them; `# CONFIG_X is not set` and everything else is passed
    /// over. Strings lose their quotes and backslashes.
    pub fn new(text: impl Into<Vec<u8>>) -> Self {
        Self { text: text.into(), asked: RefCell::default() }
    }

    /// The value of a symbol, named with or without `CONFIG_`: `y`, `m`, a number or a string. The last one counts.
    pub fn get(&self, name: &str) -> Option<Rc<str>> {
        let name = name.strip_prefix("CONFIG_").unwrap_or(name);
        if let Some(known) = self.asked.borrow().get(name) {
            return known.clone();
        }
        let begin = format!("CONFIG_{name}=");
        let begins_line = |at: &usize| *at == 0 || self.text.get(at - 1) == Some(&b'\n');
        let last = memmem::find_iter(&self.text, &begin).filter(begins_line).last();
        let rest = last.and_then(|at| self.text.get(at + begin.len()..));
        let value: Option<Rc<str>> = rest.map(|rest| {
            let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
            unquote(String::from_utf8_lossy(line).trim_end_matches('\r')).into()
        });
        self.asked.borrow_mut().insert(name.to_string(), value.clone());
        value
    }

    /// True if the symbol is `y` or `m`.
    pub fn is_on(&self, name: &str) -> bool {
        matches!(self.get(name).as_deref(), Some("y" | "m"))
    }

    /// True if a word of BUILD_EXCLUSIVE_CONFIG holds: `CONFIG_X` is on, or `!CONFIG_X` is not.
    pub fn meets(&self, word: &str) -> bool {
        match word.strip_prefix('!') {
            Some(name) => !self.is_on(name),
            None => self.is_on(word),
        }
    }
}

fn unquote(value: &str) -> String {
    let Some(inside) = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')) else {
        return value.to_string();
    };
    unescape(inside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_the_lines_that_are_asked_for_need_be_text() {
        let config = KernelConfig::new(b"CONFIG_A=\"\xe4\"\nCONFIG_B=y\n".as_slice());
        assert_eq!((config.get("A").as_deref(), config.get("B").as_deref()), (Some("\u{fffd}"), Some("y")));
    }

    #[test]
    fn symbols() {
        let config = KernelConfig::new(
            "#\n# Automatically generated\nCONFIG_A=y\nCONFIG_B=m\r\nCONFIG_N=1000\nCONFIG_H=0x10\n# CONFIG_C is not set\n\
             CONFIG_CC_VERSION_TEXT=\"gcc-12 (Debian \\\"x\\\") 12\"\nCONFIG_E=\"\"\nCONFIG_Z=n\nNOISE=y\nCONFIG_BAD NAME=y\n\
             CONFIG_TWICE=1\nCONFIG_TWICE=2\n",
        );
        for (name, value) in [
            ("CONFIG_A", Some("y")),
            ("B", Some("m")),
            ("N", Some("1000")),
            ("H", Some("0x10")),
            ("CC_VERSION_TEXT", Some("gcc-12 (Debian \"x\") 12")),
            ("E", Some("")),
            ("TWICE", Some("2")),
            ("C", None),
            ("NOISE", None),
            ("CONFIG", None),
            ("CC_VERSION", None),
        ] {
            assert_eq!(config.get(name).as_deref(), value, "{name}");
            assert_eq!(config.get(name).as_deref(), value, "{name}, asked again");
        }
        for (word, met) in [
            ("CONFIG_A", true),
            ("CONFIG_B", true),
            ("CONFIG_C", false),
            ("CONFIG_N", false),
            ("!CONFIG_C", true),
            ("!CONFIG_B", false),
            ("!CONFIG_Z", true),
        ] {
            assert_eq!(config.meets(word), met, "{word}");
        }
    }

    proptest! {
        #[test]
        fn any_text(text in "(CONFIG_[A-Z]=[\"\\\\a-z]{0,5}\r?\n|\\PC{0,10}\n){0,5}", name in "[A-Z]") {
            let _ = KernelConfig::new(text).get(&name);
        }
    }
}
