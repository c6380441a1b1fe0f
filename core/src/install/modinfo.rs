//! The `.modinfo` section of a module: what modinfo(8) prints.

use object::{Object, ObjectSection, ObjectSymbol};
use std::collections::BTreeMap;

/// What a module says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModInfo {
    fields: BTreeMap<String, Vec<String>>,
}

impl ModInfo {
    /// Reads a plain (not compressed) module; `None` if it is no ELF file.
    pub fn parse(module: &[u8]) -> Option<Self> {
        let file = object::File::parse(module).ok()?;
        let data = file.section_by_name(".modinfo").and_then(|s| s.data().ok()).unwrap_or_default();
        let mut fields: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for entry in data.split(|b| *b == 0) {
            if let Some((name, value)) = std::str::from_utf8(entry).ok().and_then(|text| text.split_once('='))
            {
                fields.entry(name.to_string()).or_default().push(value.to_string());
            }
        }
        Some(Self { fields })
    }

    /// The first value of a field.
    pub fn get(&self, field: &str) -> Option<&str> {
        self.all(field).first().map(String::as_str)
    }

    /// All values of a field, as modinfo prints them.
    pub fn all(&self, field: &str) -> &[String] {
        self.fields.get(field).map(Vec::as_slice).unwrap_or_default()
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

/// Whether a plain module uses one of these symbols of the kernel's or of another module.
pub fn imports_any(module: &[u8], symbols: &[&str]) -> bool {
    let Ok(file) = object::File::parse(module) else { return false };
    file.symbols()
        .any(|symbol| symbol.is_undefined() && symbol.name().is_ok_and(|name| symbols.contains(&name)))
}

/// The kernel's name for the module in a file, by its path: `kernel/sound/snd-hda.ko.xz` is `snd_hda`, whatever the file is
/// called. `None` for what is no module.
pub fn module_name(path: &str) -> Option<String> {
    let (stem, rest) = path.rsplit('/').next()?.split_once(".ko")?;
    (rest.is_empty() || rest.starts_with('.')).then(|| stem.replace('-', "_"))
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
        assert_eq!(info.all("license"), ["GPL", "MIT"]);
        assert_eq!(info.versions(), ("1.2.2".into(), "abc".into()));
        assert_eq!(
            ModInfo::parse(&module(&["srcversion=FF"])).unwrap().versions(),
            (String::new(), "FF".into())
        );
        assert!(ModInfo::parse(b"no module").is_none());
    }
}
