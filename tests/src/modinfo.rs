//! What `modinfo` says of a module, without the signature.

use std::collections::BTreeMap;

/// Fields of a module by name; a field that may occur often keeps its order.
pub type Modinfo = BTreeMap<String, Vec<String>>;

/// Reads modinfo's plain output. The signature's fields and the file's own name are left out: they differ with the key
/// and the root, and are compared elsewhere.
#[must_use]
pub fn parse(text: &str) -> Modinfo {
    let mut fields = Modinfo::new();
    for line in text.lines() {
        // The signature's bytes follow on indented lines.
        if line.starts_with(char::is_whitespace) {
            continue;
        }
        let Some((name, value)) = line.split_once(':') else { continue };
        if matches!(name, "filename" | "sig_id" | "signer" | "sig_key" | "sig_hashalgo" | "signature") {
            continue;
        }
        fields.entry(name.to_owned()).or_default().push(value.trim().to_owned());
    }
    fields
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_signature_and_the_file_name_are_left_out() {
        let text = "filename:       /x/hello.ko\nalias:          a\nalias:          b:c\nsignature:      AA:BB:\n\t\tCC:DD\n";
        let fields = super::parse(text);
        assert_eq!(fields.len(), 1);
        assert_eq!(fields["alias"], ["a", "b:c"]);
    }
}
