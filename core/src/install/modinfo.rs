//! The `.modinfo` section of a module: what modinfo(8) prints.

use object::{Object, ObjectSection};
use std::collections::BTreeMap;

/// What a module says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModInfo {
    fields: BTreeMap<String, String>,
}

impl ModInfo {
    /// Reads a plain (not compressed) module; `None` if it is no ELF file.
    pub fn parse(module: &[u8]) -> Option<Self> {
        let file = object::File::parse(module).ok()?;
        let data = file.section_by_name(".modinfo").and_then(|s| s.data().ok()).unwrap_or_default();
        let mut fields = BTreeMap::new();
        for entry in data.split(|b| *b == 0) {
            if let Some((name, value)) = std::str::from_utf8(entry).ok().and_then(|text| text.split_once('='))
            {
                // modinfo prints all; for what is compared here the first counts.
                fields.entry(name.to_string()).or_insert_with(|| value.to_string());
            }
        }
        Some(Self { fields })
    }

    /// The first value of a field.
    pub fn get(&self, field: &str) -> Option<&str> {
        self.fields.get(field).map(String::as_str)
    }

    /// `version` and `srcversion` as DKMS compares them (contract 4.3): the first word of the version, and the source
    /// checksum or, without one, the version's second word.
    pub fn versions(&self) -> (String, String) {
        let version = self.get("version").unwrap_or_default();
        let mut words = version.split_whitespace();
        let first = words.next().unwrap_or_default().to_string();
        let source = self.get("srcversion").or_else(|| words.next()).unwrap_or_default().to_string();
        (first, source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::testing::module;

    #[test]
    fn fields() {
        let info =
            ModInfo::parse(&module(&["version=1.2.2 abc", "license=GPL", "license=MIT", "vermagic=6.1 SMP"]))
                .unwrap();
        assert_eq!(info.get("license"), Some("GPL"));
        assert_eq!(info.versions(), ("1.2.2".into(), "abc".into()));
        assert_eq!(
            ModInfo::parse(&module(&["srcversion=FF"])).unwrap().versions(),
            (String::new(), "FF".into())
        );
        assert!(ModInfo::parse(b"no module").is_none());
    }
}
