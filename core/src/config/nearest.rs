//! What somebody probably meant to write.

/// The name that is most like `word`, if one is like enough: at most one edit in three letters, or another case.
pub fn nearest<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let upper = word.to_uppercase();
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&upper, &name.to_uppercase()), name))
        .filter(|(distance, name)| *distance <= 2.min(name.len().min(word.len()) / 3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn only_what_is_like() {
        let names = ["MAKE", "PATCH", "AUTOINSTALL", "BUILT_MODULE_NAME"];
        for (word, meant) in [
            ("AUTOINSTAL", Some("AUTOINSTALL")),
            ("autoinstall", Some("AUTOINSTALL")),
            ("BUILD_MODULE_NAME", Some("BUILT_MODULE_NAME")),
            ("MAEK", Some("MAKE")),
            ("LOAD", None),
            ("ARCH", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, names), meant, "{word}");
        }
    }
}
