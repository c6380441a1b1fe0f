//! Licences: what a module says of itself, in the words of SPDX.

/// The SPDX expression of `MODULE_LICENSE`, whose words are the kernel's own (`Documentation/process/license-rules.rst`).
/// There `GPL` and `GPL v2` mean the same. Several, where modules differ, are parted by ` AND `.
pub(super) fn spdx(license: &str) -> String {
    let several: Vec<String> = license.split(" AND ").map(one).collect();
    let bracketed = |one: &String| if one.contains(" OR ") { format!("({one})") } else { one.clone() };
    match several.as_slice() {
        [one] => one.clone(),
        several => several.iter().map(bracketed).collect::<Vec<_>>().join(" AND "),
    }
}

fn one(license: &str) -> String {
    let known = match license.trim() {
        "GPL" | "GPL v2" | "GPL and additional rights" => "GPL-2.0-only",
        "Dual BSD/GPL" => "BSD-3-Clause OR GPL-2.0-only",
        "Dual MIT/GPL" => "MIT OR GPL-2.0-only",
        "Dual MPL/GPL" => "MPL-1.1 OR GPL-2.0-only",
        "" => "LicenseRef-Unknown",
        other => {
            let name: String =
                other.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
            return format!("LicenseRef-{name}");
        }
    };
    known.to_owned()
}

/// A `copyright` file in Debian's format, where nobody has written one.
pub(super) fn copyright(module: &str, homepage: &str, license: &str) -> String {
    let source = if homepage.is_empty() { String::new() } else { format!("Source: {homepage}\n") };
    let (name, text) = if license.contains("GPL") {
        (
            "GPL-2",
            " On Debian systems, the full text of version 2 of the GNU General Public\n License is in /usr/share/common-licenses/GPL-2.\n",
        )
    } else {
        (
            "as-said-by-the-sources",
            " The sources of the module say under which terms it may be used and copied.\n",
        )
    };
    let said = if license.is_empty() { "nothing" } else { license };
    format!(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: {module}\n{source}\n\
         Files: *\nCopyright: the authors of {module}, as its sources name them\nLicense: {name}\n\
         Comment: The module says of its licence: {said}\n\nLicense: {name}\n{text}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_words() {
        for (said, expected) in [
            ("GPL", "GPL-2.0-only"),
            ("GPL v2", "GPL-2.0-only"),
            ("Dual MIT/GPL", "MIT OR GPL-2.0-only"),
            ("Proprietary", "LicenseRef-Proprietary"),
            ("NVIDIA, Inc.", "LicenseRef-NVIDIA--Inc-"),
            ("GPL AND Dual MIT/GPL", "GPL-2.0-only AND (MIT OR GPL-2.0-only)"),
            ("", "LicenseRef-Unknown"),
        ] {
            assert_eq!(spdx(said), expected, "{said}");
        }
    }
}
