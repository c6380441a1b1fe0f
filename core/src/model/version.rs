//! The order that DKMS gives to kernel releases and module versions (contract 4.4).
//!
//! DKMS pads digit runs of one or two digits to three and compares the strings, which puts 535.1000 before
//! 535.999. evermod compares every digit run as a number, which is what was meant; the rest of its order is the
//! same: shorter strings first, `3.5` before `3.5-rc2`.

use std::cmp::Ordering;

/// One piece of a version: text, or a number of any length without its leading zeros.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Piece<'a> {
    Text(&'a str),
    Number(usize, &'a str),
}

/// A key that sorts as [`compare`] does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct VersionKey<'a>(Vec<Piece<'a>>);

/// The sort key of `version`.
pub fn version_key(version: &str) -> VersionKey<'_> {
    let mut pieces = Vec::new();
    let mut rest = version;
    while let Some(first) = rest.bytes().next() {
        let digits = first.is_ascii_digit();
        let end = rest.bytes().position(|b| b.is_ascii_digit() != digits).unwrap_or(rest.len());
        let (run, tail) = rest.split_at(end);
        pieces.push(if digits {
            let number = run.trim_start_matches('0');
            Piece::Number(number.len(), number)
        } else {
            Piece::Text(run)
        });
        rest = tail;
    }
    VersionKey(pieces)
}

/// Compares two versions: digit runs as numbers, everything else as bytes.
pub fn compare(a: &str, b: &str) -> Ordering {
    version_key(a).cmp(&version_key(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order() {
        let sorted = [
            "0.12.7",
            "1.9",
            "1.10",
            "3.5",
            "3.5-rc2",
            "5.4",
            "6.1.0-9-amd64",
            "6.1.0-56-amd64",
            "6.12.117+deb12-amd64",
            "535.999",
            "535.1000",
        ];
        for (i, a) in sorted.iter().enumerate() {
            for (j, b) in sorted.iter().enumerate() {
                assert_eq!(compare(a, b), i.cmp(&j), "{a} {b}");
            }
        }
    }
}
