//! Arch and what is made of it: the headers of package `linux-x` are `linux-x-headers`.

use super::{HeaderHint, series};

pub(super) fn of_base(base: &str) -> HeaderHint {
    HeaderHint::package(format!("{base}-headers"), "pacman -S")
}

/// Where the kernel's directory does not name its package, the release mostly does: what follows its last number.
pub(super) fn headers(release: &str) -> Option<HeaderHint> {
    let parts: Vec<&str> = release.split('-').collect();
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if parts.last() == Some(&"MANJARO") {
        let (major, minor) = series(release)?;
        let rt = if parts.iter().any(|part| part.starts_with("rt")) { "-rt" } else { "" };
        return Some(of_base(&format!("linux{major}{minor}{rt}")));
    }
    if let Some(at) = parts.iter().position(|part| *part == "neptune") {
        let series = parts.get(at + 1).filter(|part| is_number(part));
        return Some(of_base(&series.map_or("linux-neptune".into(), |n| format!("linux-neptune-{n}"))));
    }
    let at = parts.iter().rposition(is_number).filter(|at| *at > 0)?;
    let after = parts.get(at + 1..).unwrap_or_default();
    let before = parts.get(1..at).unwrap_or_default();
    let flavour = match after {
        // Before the package's release stands whose kernel it is: arch1, artix1, asahi, x64v3-xanmod1.
        [] | ["ARCH"] => {
            let word = before.last().map(|word| word.trim_end_matches(|c: char| c.is_ascii_digit()));
            match word {
                None | Some("" | "arch" | "artix") => String::new(),
                Some("gnu") => "libre".into(),
                Some(word) => word.to_string(),
            }
        }
        [flavour @ .., "ARCH"] => flavour.join("-"),
        flavour => flavour.join("-"),
    };
    Some(of_base(if flavour.is_empty() { "linux".into() } else { format!("linux-{flavour}") }.as_str()))
}
