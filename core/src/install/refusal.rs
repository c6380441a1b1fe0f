//! Whether the kernel's own module is to be preferred to a built one (contract 4.3).

use super::compression::Compression;
use super::modinfo::ModInfo;
use crate::model::compare;
use std::cmp::Ordering;

/// A module file, as far as the decision needs it.
#[derive(Debug, Clone, Copy)]
pub struct Contender<'a> {
    /// Its file name, which tells the compression.
    pub name: &'a str,
    /// Its content as it lies on disk.
    pub data: &'a [u8],
}

/// Why the module in place is kept; `None` to install the built one.
pub fn refusal(in_place: Contender<'_>, built: Contender<'_>) -> Option<String> {
    let read = |c: Contender<'_>| {
        let plain = Compression::of_file(c.name).decompress(c.data).ok()?;
        Some(ModInfo::parse(&plain)?.versions())
    };
    // What cannot be read is no module that anyone would want to keep.
    let (old, new) = (read(in_place)?, read(built)?);
    if old.0.is_empty() && new.0.is_empty() && old.1.is_empty() && new.1.is_empty() {
        return (in_place.data == built.data).then(|| "the same file is already there".to_string());
    }
    match compare(&old.0, &new.0) {
        Ordering::Greater => {
            Some(format!("the kernel has version {} of {}, which is newer", old.0, in_place.name))
        }
        Ordering::Equal if old.1 == new.1 => {
            Some(format!("the kernel already has {} at version {}", in_place.name, old.0))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::testing::module;

    #[test]
    fn table() {
        let cases: &[(&[&str], &[&str], bool)] = &[
            (&["version=1.0"], &["version=2.0"], false),
            (&["version=2.0"], &["version=1.0"], true),
            (&["version=1.10"], &["version=1.9"], true),
            (&["version=1.0", "srcversion=A"], &["version=1.0", "srcversion=A"], true),
            (&["version=1.0", "srcversion=A"], &["version=1.0", "srcversion=B"], false),
            (&["srcversion=A"], &["srcversion=A"], true),
            (&["srcversion=A"], &["srcversion=B"], false),
            // The second word of the version stands in for a srcversion that is not there.
            (&["version=1.0"], &["version=1.0"], true),
            (&["version=1.0 one"], &["version=1.0 one"], true),
            (&["version=1.0 one"], &["version=1.0 two"], false),
            (&["version=2.0 one"], &["version=1.0 one"], true),
            // No version is older than any.
            (&["srcversion=A"], &["version=1.0", "srcversion=A"], false),
            (&["version=1.0", "srcversion=A"], &["srcversion=A"], true),
            (&["version=1.0", "srcversion=B"], &["version=2.0", "srcversion=A"], false),
            (&[], &["license=GPL"], false),
            (&["license=GPL"], &["license=GPL"], true),
        ];
        for (old, new, kept) in cases {
            let (old_file, new_file) = (module(old), module(new));
            let old_file = Compression::Xz.compress(&old_file).unwrap();
            let verdict = refusal(
                Contender { name: "x.ko.xz", data: &old_file },
                Contender { name: "x.ko", data: &new_file },
            );
            // An unversioned pair counts as equal only if the files are, and compression tells them apart.
            let kept = *kept && *old != ["license=GPL"];
            assert_eq!(verdict.is_some(), kept, "{old:?} {new:?}: {verdict:?}");
        }
        let same = module(&["license=GPL"]);
        let file = Contender { name: "x.ko", data: &same };
        assert!(refusal(file, file).is_some());
        assert!(refusal(Contender { name: "x.ko", data: b"garbage" }, file).is_none());
    }
}
