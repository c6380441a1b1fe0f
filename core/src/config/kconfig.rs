//! A kernel's configuration: `include/config/auto.conf` or `.config`.

use super::os_release::unescape;
use std::collections::BTreeMap;

/// The symbols that a kernel configuration sets. What is not set is off.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KernelConfig(BTreeMap<String, String>);

impl KernelConfig {
    /// Reads `CONFIG_X=value` lines as kbuild writes them; `# CONFIG_X is not set` and everything else is passed
    /// over. Strings lose their quotes and backslashes.
    pub fn parse(text: &str) -> Self {
        let symbols = text.lines().filter_map(|line| {
            let (name, value) = line.trim_end_matches('\r').split_once('=')?;
            let known = name.starts_with("CONFIG_") && super::vars::is_identifier(name);
            known.then(|| (name.to_string(), unquote(value)))
        });
        Self(symbols.collect())
    }

    /// The value of a symbol, named with or without `CONFIG_`: `y`, `m`, a number or a string.
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = match name.strip_prefix("CONFIG_") {
            Some(_) => self.0.get(name),
            None => self.0.get(&format!("CONFIG_{name}")),
        };
        value.map(String::as_str)
    }

    /// True if the symbol is `y` or `m`.
    pub fn is_on(&self, name: &str) -> bool {
        matches!(self.get(name), Some("y" | "m"))
    }

    /// True if a word of BUILD_EXCLUSIVE_CONFIG holds: `CONFIG_X` is on, or `!CONFIG_X` is not.
    pub fn meets(&self, word: &str) -> bool {
        match word.strip_prefix('!') {
            Some(name) => !self.is_on(name),
            None => self.is_on(word),
        }
    }

    /// How many symbols are set.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if no symbol is set, as when the text was no kernel configuration.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
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
    fn symbols() {
        let config = KernelConfig::parse(
            "#\n# Automatically generated\nCONFIG_A=y\nCONFIG_B=m\r\nCONFIG_N=1000\nCONFIG_H=0x10\n# CONFIG_C is not set\n\
             CONFIG_CC_VERSION_TEXT=\"gcc-12 (Debian \\\"x\\\") 12\"\nCONFIG_E=\"\"\nCONFIG_Z=n\nNOISE=y\nCONFIG_BAD NAME=y\n",
        );
        assert_eq!(config.get("CONFIG_A"), Some("y"));
        assert_eq!(
            (config.get("B"), config.get("N"), config.get("H")),
            (Some("m"), Some("1000"), Some("0x10"))
        );
        assert_eq!(config.get("CC_VERSION_TEXT"), Some("gcc-12 (Debian \"x\") 12"));
        assert_eq!(
            (config.get("E"), config.get("C"), config.get("NOISE"), config.len()),
            (Some(""), None, None, 7)
        );
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
        fn any_text(text in "(CONFIG_[A-Z]=[\"\\\\a-z]{0,5}\r?\n|\\PC{0,10}\n){0,5}") {
            let _ = KernelConfig::parse(&text).len();
        }
    }
}
