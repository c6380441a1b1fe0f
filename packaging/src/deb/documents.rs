//! The papers every Debian package carries: changelog and copyright (Policy 12.5, 12.7; deb-changelog(5)).

use std::io::Write;

use flate2::{Compression, GzBuilder};

use crate::{Change, Entry, Package, PackageError};

/// Adds `changelog.Debian.gz` (`changelog.gz` for a native package) and `copyright` to `entries`.
///
/// # Errors
/// Only those of the compressor.
pub(super) fn add(package: &Package, entries: &mut Vec<Entry>) -> Result<(), PackageError> {
    let dir = format!("/usr/share/doc/{}", package.name);
    if !package.copyright.is_empty() {
        entries.push(Entry::file(format!("{dir}/copyright"), package.copyright.as_bytes()));
    }
    if !package.changelog.is_empty() {
        let name = if package.version.release.is_empty() { "changelog.gz" } else { "changelog.Debian.gz" };
        let text: Vec<String> =
            package.changelog.iter().map(|change| changelog(&package.name, change)).collect();
        entries.push(Entry::file(format!("{dir}/{name}"), gzip(text.join("\n").as_bytes())?));
    }
    Ok(())
}

/// `gzip -9n`: no name and no time in it.
///
/// # Errors
/// Only those of the compressor.
pub fn gzip(data: &[u8]) -> Result<Vec<u8>, PackageError> {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    encoder.write_all(data)?;
    Ok(encoder.finish()?)
}

fn changelog(name: &str, change: &Change) -> String {
    let mut text =
        format!("{name} ({}) {}; urgency=medium\n\n", super::version(&change.version), change.distribution);
    for item in &change.changes {
        for (number, line) in wrap(item, 74).iter().enumerate() {
            text.push_str(if number == 0 { "  * " } else { "    " });
            text.push_str(line);
            text.push('\n');
        }
    }
    text.push_str(&format!("\n -- {}  {}\n", change.author, rfc5322(change.time)));
    text
}

/// Breaks a paragraph into lines of at most `width` characters where words allow it.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A date as changelogs write it, in UTC: `Thu, 01 Jan 1970 00:00:00 +0000`.
pub(crate) fn rfc5322(seconds: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let mut year = 1970;
    let mut left = days;
    let leap = |year: u64| (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400);
    while left >= 365 + u64::from(leap(year)) {
        left -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while month < 11 && left >= lengths[month] {
        left -= lengths[month];
        month += 1;
    }
    format!(
        "{}, {:02} {} {year} {:02}:{:02}:{:02} +0000",
        DAYS[(days % 7) as usize],
        left + 1,
        MONTHS[month],
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (seconds, expected) in [
            (0, "Thu, 01 Jan 1970 00:00:00 +0000"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 +0000"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"),
            (1_700_000_000, "Tue, 14 Nov 2023 22:13:20 +0000"),
            (4_102_444_799, "Thu, 31 Dec 2099 23:59:59 +0000"),
        ] {
            assert_eq!(rfc5322(seconds), expected);
        }
    }
}
