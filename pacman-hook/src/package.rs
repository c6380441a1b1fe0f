//! Names of package files: `NAME-VERSION-RELEASE-ARCH.pkg.tar.zst`.

/// The version in a package file's name, without release. `None` if it is no package's: signatures and unfinished downloads
/// are not.
#[must_use]
pub fn version_of(file: &str) -> Option<&str> {
    let (stem, ending) = file.rsplit_once(".pkg.tar")?;
    let is_whole =
        matches!(ending, "" | ".zst" | ".xz" | ".gz" | ".bz2" | ".lz4" | ".lrz" | ".lzo" | ".lz" | ".Z");
    let (name_version, _release) = stem.rsplit_once('-')?.0.rsplit_once('-').filter(|_| is_whole)?;
    name_version.rsplit_once('-').map(|(_, version)| version)
}

/// Whether it is worth looking into a package file of this version for what is called `text`: a kernel's release, or a
/// directory of sources. Where `text` has no numbers to compare, it is.
#[must_use]
pub fn may_have(version: &str, text: &str) -> bool {
    let wanted = numbers(text);
    wanted.is_empty() || numbers(version) == wanted
}

/// The first numbers of a name that are joined by dots, without zeros at their end: `6.9` of `6.9.0-arch1-1`.
fn numbers(text: &str) -> &str {
    // An epoch is no part of it.
    let text = text.split_once(':').map_or(text, |(_, rest)| rest);
    let words = text.split(|c: char| !c.is_ascii_digit() && c != '.').map(|word| word.trim_matches('.'));
    let mut first = words.into_iter().find(|word| word.contains('.')).unwrap_or_default();
    while let Some(shorter) = first.strip_suffix(".0") {
        first = shorter;
    }
    first
}
