//! Debian, Ubuntu and what is made of them.

use super::{Evidence, HeaderHint, series};

/// Branches of Armbian's kernels; the package is called after the branch, not after the release.
const ARMBIAN: [&str; 6] = ["legacy", "current", "edge", "vendor", "bleedingedge", "collabora"];

pub(super) fn headers(id: &str, release: &str, evidence: &Evidence<'_>) -> Option<HeaderHint> {
    let install = |name: String| Some(HeaderHint::package(name, "apt install"));
    if release.ends_with("-pve") {
        return install(proxmox(release, evidence));
    }
    // Raspberry Pi's archive keeps only the newest of each flavour, behind a package without a release.
    if let Some((_, flavour)) = release.split_once("+rpt-") {
        return install(format!("linux-headers-{flavour}"));
    }
    if is_old_raspberry(id, release) {
        return install("raspberrypi-kernel-headers".to_string());
    }
    let parts: Vec<&str> = release.split('-').collect();
    match parts.as_slice() {
        [_, branch, _, ..] if ARMBIAN.contains(branch) => {
            let family = parts.get(1..).unwrap_or_default().join("-");
            install(format!("linux-headers-{family}"))
        }
        [_, build, _, ..] if is_mainline(build) => Some(HeaderHint::Advice(format!(
            "install linux-headers-{release} from where this kernel came from: \
             https://kernel.ubuntu.com/mainline/"
        ))),
        // Whoever builds a kernel with `make bindeb-pkg` gets a package of this name too.
        [_] => Some(HeaderHint::Advice(format!(
            "install linux-headers-{release}, which was made together with this kernel's image"
        ))),
        _ => install(format!("linux-headers-{release}")),
    }
}

/// The packages were renamed during 6.2; which one is installed decides, else the series.
fn proxmox(release: &str, evidence: &Evidence<'_>) -> String {
    let has = |kind: &str| {
        ["", "-signed"].iter().any(|end| (evidence.has_package)(&format!("{kind}-kernel-{release}{end}")))
    };
    let is_new = match (has("proxmox"), has("pve")) {
        (true, _) => true,
        (false, true) => false,
        (false, false) => series(release) >= Some((6, 5)),
    };
    format!("{}-headers-{release}", if is_new { "proxmox" } else { "pve" })
}

/// Raspberry Pi OS before Debian 12: `6.1.21-v8+`, `6.1.21+`.
fn is_old_raspberry(id: &str, release: &str) -> bool {
    let Some(rest) = release.strip_suffix('+') else { return false };
    match rest.split_once('-') {
        Some((_, flavour)) => ["v7", "v7l", "v8", "v8-16k"].contains(&flavour),
        None => id == "raspbian",
    }
}

/// The second part of a mainline build of Ubuntu's: `061105`, `061200rc5`.
fn is_mainline(part: &str) -> bool {
    let (digits, rest) = part.split_at_checked(6).unwrap_or(("", part));
    let rest = rest.strip_prefix("rc").unwrap_or(rest);
    digits.starts_with('0')
        && digits.bytes().all(|b| b.is_ascii_digit())
        && rest.bytes().all(|b| b.is_ascii_digit())
}
