//! What lintian(1) calls an error or a warning in these packages and is meant to be so, with the reason.

use super::{SourceContent, SourceFile};

/// `e_ident` of ELF.
const ELF: &[u8] = b"\x7fELF";

/// The overrides of a package in which `sources` lie.
pub(super) fn overrides(package: &str, sources: &[SourceFile]) -> String {
    let mut text = String::new();
    let mut add = |why: &str, tags: &[&str]| {
        text.push_str(&format!("# {why}\n"));
        tags.iter().for_each(|tag| text.push_str(&format!("{package}: {tag}\n")));
    };
    add(
        "The package is not part of Debian's archive, so no report asked for it to be packaged.",
        &["initial-upload-closes-no-bugs"],
    );
    let is_object =
        |file: &SourceFile| matches!(&file.content, SourceContent::File(bytes) if bytes.starts_with(ELF));
    if sources.iter().any(is_object) {
        add(
            "The vendor ships objects in place of some sources; modules are linked with them as they are.",
            &["arch-independent-package-contains-binary-or-object", "unstripped-binary-or-object"],
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_among_sources_are_told() {
        let file = |bytes: &[u8]| SourceFile {
            path: "lib/a.o_amd64".into(),
            mode: 0o644,
            content: SourceContent::File(bytes.to_vec()),
        };
        let without = overrides("a-dkms", &[file(b"int a;\n")]);
        assert_eq!(without, overrides("a-dkms", &[]));
        let with = overrides("a-dkms", &[file(b"int a;\n"), file(b"\x7fELF\x02")]);
        assert_eq!(
            with.strip_prefix(&without),
            Some(
                "# The vendor ships objects in place of some sources; modules are linked with them as they are.\n\
                 a-dkms: arch-independent-package-contains-binary-or-object\na-dkms: unstripped-binary-or-object\n"
            )
        );
    }
}
