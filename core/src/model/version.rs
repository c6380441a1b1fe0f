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

fn pieces(mut rest: &str) -> impl Iterator<Item = Piece<'_>> {
    std::iter::from_fn(move || {
        let digits = rest.bytes().next()?.is_ascii_digit();
        let end = rest.bytes().position(|b| b.is_ascii_digit() != digits).unwrap_or(rest.len());
        let (run, tail) = rest.split_at(end);
        rest = tail;
        let number = run.trim_start_matches('0');
        Some(if digits { Piece::Number(number.len(), number) } else { Piece::Text(run) })
    })
}

/// Compares two versions: digit runs as numbers, everything else as bytes.
pub fn compare(a: &str, b: &str) -> Ordering {
    pieces(a).cmp(pieces(b))
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
