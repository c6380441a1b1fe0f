//! PEM blocks in files that may hold several of them, with any text around.

/// One `-----BEGIN label-----` block, decoded.
#[derive(Debug)]
pub(super) struct Block {
    pub label: String,
    pub der: Vec<u8>,
    /// The block has RFC 1421 headers saying that it is encrypted.
    pub encrypted: bool,
}

/// True where `bytes` is PEM rather than DER.
pub(super) fn is_pem(bytes: &[u8]) -> bool {
    bytes.windows(11).any(|part| part == b"-----BEGIN ") && bytes.first() != Some(&0x30)
}

/// Every block of `bytes`, in order.
///
/// Key files are written by many programs, with "Bag Attributes" before a block, other line widths or carriage
/// returns, so the lines are gathered here and only then given to the strict decoder.
///
/// # Errors
/// A block that does not end, or is not base64.
pub(super) fn blocks(bytes: &[u8]) -> Result<Vec<Block>, String> {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines().map(str::trim);
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        let Some(label) = line.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----")) else {
            continue;
        };
        let end = format!("-----END {label}-----");
        let mut encrypted = false;
        let mut base64 = String::new();
        let mut closed = false;
        for line in lines.by_ref() {
            if line == end {
                closed = true;
                break;
            }
            if line.contains(':') {
                encrypted |= line.starts_with("Proc-Type:") && line.contains("ENCRYPTED");
            } else {
                base64.push_str(line);
            }
        }
        if !closed {
            return Err(format!("the PEM block `{label}` does not end"));
        }
        let der = if encrypted { Vec::new() } else { decode(&base64, label)? };
        found.push(Block { label: label.to_owned(), der, encrypted });
    }
    Ok(found)
}

fn decode(base64: &str, label: &str) -> Result<Vec<u8>, String> {
    let bad = || format!("the PEM block `{label}` is not base64");
    if !base64.is_ascii() {
        return Err(bad());
    }
    let mut pem = String::from("-----BEGIN X-----\n");
    for line in base64.as_bytes().chunks(64) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem.push_str("-----END X-----\n");
    der::pem::decode_vec(pem.as_bytes()).map(|(_, der)| der).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn finds_blocks_among_text() {
        let text = "Bag Attributes\n    friendlyName: x\r\n-----BEGIN A-----\r\nAAEC\r\nAwQF\r\n-----END A-----\r\n\
                    noise\n-----BEGIN B C-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\nAAEC\n-----END B C-----\n";
        let found = blocks(text.as_bytes()).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].label.as_str(), found[0].der.as_slice()), ("A", &[0, 1, 2, 3, 4, 5][..]));
        assert!(found[1].encrypted);
        assert!(blocks(b"-----BEGIN A-----\nAAEC\n").is_err());
        assert!(blocks(b"-----BEGIN A-----\n%%%%\n-----END A-----\n").is_err());
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), inner in "\\PC{0,80}") {
            let _ = blocks(&bytes);
            let _ = blocks(format!("-----BEGIN X-----\n{inner}\n-----END X-----\n").as_bytes());
        }
    }
}
