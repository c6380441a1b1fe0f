//! BUILD_EXCLUSIVE: whether a module package is meant for a kernel (contract 2.3).

use crate::model::{Exclusive, compare};
use crate::pattern::matches;
use std::cmp::Ordering;

/// Tells a kernel option's value.
pub type Options<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Why `exclusive` rules out a kernel, naming the directive; `None` if it is meant for it.
///
/// `option` tells a kernel option's value (`y`, `m`); `None` for the whole look-up where the configuration cannot be
/// read, which lets everything pass, as DKMS does.
pub fn excluded(
    exclusive: &Exclusive,
    release: &str,
    arch: &str,
    option: Option<Options<'_>>,
) -> Option<String> {
    let unmatched = |name: &str, pattern: &Option<String>, subject: &str| match pattern {
        Some(pattern) if !matches(pattern, subject) => Some(format!("{name} is \"{pattern}\"")),
        _ => None,
    };
    let bound = |name: &str, bound: &Option<String>, wrong: Ordering| match bound {
        Some(bound) if compare(release, bound) == wrong => Some(format!("{name} is {bound}")),
        _ => None,
    };
    unmatched("BUILD_EXCLUSIVE_KERNEL", &exclusive.kernel, release)
        .or_else(|| bound("BUILD_EXCLUSIVE_KERNEL_MIN", &exclusive.kernel_min, Ordering::Less))
        .or_else(|| bound("BUILD_EXCLUSIVE_KERNEL_MAX", &exclusive.kernel_max, Ordering::Greater))
        .or_else(|| unmatched("BUILD_EXCLUSIVE_ARCH", &exclusive.arch, arch))
        .or_else(|| exclusive.config.iter().find_map(|word| config_word(word, option?)))
}

fn config_word(word: &str, option: Options<'_>) -> Option<String> {
    let set = |name: &str| matches!(option(name).as_deref(), Some("y" | "m"));
    match word.strip_prefix('!') {
        Some(name) if set(name) => Some(format!("BUILD_EXCLUSIVE_CONFIG wants {name} unset")),
        None if !set(word) => Some(format!("BUILD_EXCLUSIVE_CONFIG wants {word}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const K: &str = "6.1.0-56-amd64";

    #[test]
    fn table() {
        let some = |s: &str| Some(s.to_string());
        let cases: &[(Exclusive, bool)] = &[
            (Exclusive::default(), true),
            (Exclusive { kernel: some("^6\\."), ..Default::default() }, true),
            (Exclusive { kernel: some("^([0-4]\\.|5\\.[0-9])"), ..Default::default() }, false),
            (Exclusive { kernel: some("^(3\\.[0-9]+|[45678])"), ..Default::default() }, true),
            (Exclusive { kernel: some("("), ..Default::default() }, false),
            (Exclusive { kernel_min: some("6.1"), ..Default::default() }, true),
            (Exclusive { kernel_min: some("6.2"), ..Default::default() }, false),
            (Exclusive { kernel_max: some("6.1"), ..Default::default() }, false),
            (Exclusive { kernel_max: some("6.2"), ..Default::default() }, true),
            (Exclusive { arch: some("x86_64|aarch64"), ..Default::default() }, true),
            (Exclusive { arch: some("aarch64"), ..Default::default() }, false),
            (
                Exclusive { config: vec!["CONFIG_ACPI".into(), "!CONFIG_NO".into()], ..Default::default() },
                true,
            ),
            (Exclusive { config: vec!["CONFIG_NO".into()], ..Default::default() }, false),
            (Exclusive { config: vec!["!CONFIG_ACPI".into()], ..Default::default() }, false),
        ];
        let option = |name: &str| (name == "CONFIG_ACPI").then(|| "y".to_string());
        for (exclusive, meant) in cases {
            assert_eq!(excluded(exclusive, K, "x86_64", Some(&option)).is_none(), *meant, "{exclusive:?}");
        }
        let wants = Exclusive { config: vec!["CONFIG_NO".into()], ..Default::default() };
        assert!(
            excluded(&wants, K, "x86_64", None).is_none(),
            "an unreadable configuration excludes nothing"
        );
    }

    #[test]
    fn bounds_are_those_of_the_contract() {
        let max = Exclusive { kernel_max: Some("4.12".into()), ..Default::default() };
        let min = Exclusive { kernel_min: Some("3.5".into()), ..Default::default() };
        for (exclusive, release, meant) in [
            (&max, "4.12", true),
            (&max, "4.12-rc1", false),
            (&max, "4.12.0", false),
            (&min, "3.5-rc2", true),
        ] {
            assert_eq!(excluded(exclusive, release, "", None).is_none(), meant, "{release}");
        }
    }
}
