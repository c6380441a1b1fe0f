//! `modules_to_force_install`: distributions and administrators name modules that go over what a kernel has of its own
//! (contract 2.8).

use super::survey::Survey;
use std::collections::BTreeSet;

/// Files in here hold words: `M`, or `M_version-override`.
const DIRECTORY: &str = "/usr/share/dkms/modules_to_force_install";

/// How much a module may override.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forced {
    /// Everything, as `--force` does at an installation.
    pub all: bool,
    /// The comparison of versions.
    pub version: bool,
}

impl Survey<'_> {
    /// What is said of a module.
    pub fn forced(&self, name: &str) -> Forced {
        let words = self.forced.get_or_init(|| {
            let files = std::fs::read_dir(self.places.root.at(DIRECTORY)).into_iter().flatten();
            let texts = files.filter_map(|entry| std::fs::read_to_string(entry.ok()?.path()).ok());
            texts.flat_map(|text| text.split_whitespace().map(str::to_string).collect::<Vec<_>>()).collect()
        });
        judge(words, name)
    }
}

fn judge(words: &BTreeSet<String>, name: &str) -> Forced {
    let all = words.contains(name);
    Forced { all, version: all || words.contains(&format!("{name}_version-override")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        let words: BTreeSet<String> =
            ["one", "two_version-override", "three-four"].map(str::to_string).into_iter().collect();
        assert_eq!(judge(&words, "one"), Forced { all: true, version: true });
        assert_eq!(judge(&words, "two"), Forced { all: false, version: true });
        assert_eq!(judge(&words, "three"), Forced::default());
    }
}
