//! Fedora, RHEL and SUSE with their kin.

use super::{HeaderHint, series};

/// Architectures as rpm has them in a kernel's release.
const ARCHES: [&str; 13] = [
    "x86_64",
    "x86_64_v2",
    "aarch64",
    "ppc64le",
    "ppc64",
    "s390x",
    "riscv64",
    "loongarch64",
    "i686",
    "i586",
    "armv7hl",
    "armv6hl",
    "sw_64",
];

/// A release in Fedora's form: what stands before the variant, the architecture, the variant (`debug`, `64k`).
fn parse(release: &str) -> Option<(&str, &str, &str)> {
    let (base, variant) = release.split_once('+').unwrap_or((release, ""));
    let (_, arch) = base.rsplit_once('.')?;
    ARCHES.contains(&arch).then_some((base, arch, variant))
}

/// The architecture that a release in Fedora's form ends in.
pub(in super::super) fn arch(release: &str) -> Option<&str> {
    parse(release).map(|(_, arch, _)| arch)
}

pub(super) fn red_hat(release: &str, is_ostree: bool) -> Option<HeaderHint> {
    let (base, _, variant) = parse(release)?;
    let has = |part: &str| base.contains(part);
    let is_old = [".el6", ".el7", ".amzn2."].iter().any(|part| has(part));
    let manager = match (is_ostree, is_old) {
        (true, _) => "rpm-ostree install",
        (false, true) => "yum install",
        (false, false) => "dnf install",
    };
    // Names that the release does not tell; every package of a kernel's headers provides this.
    let capability = format!("'kernel-devel-uname-r == {release}'");
    if has(".elrepo.") {
        return Some(HeaderHint::package(capability, &format!("{manager} --enablerepo=elrepo-kernel")));
    }
    if has("cachyos") {
        return Some(HeaderHint::package(capability, manager));
    }
    let is_rt = base.split('.').any(|part| {
        part.strip_prefix("rt").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    });
    let kind = if has("uek.") {
        "uek".to_string()
    } else if has(".centos.plus.") {
        "plus".to_string()
    } else if has(".surface.") {
        "surface".to_string()
    } else if is_rt {
        // RHEL 8 has the patch's number in the release; later ones have a variant.
        "rt".to_string()
    } else {
        String::new()
    };
    let kind = [kind.as_str(), variant].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>();
    let kind = kind.iter().map(|part| format!("-{part}")).collect::<String>();
    // Amazon Linux 2023 has its newer kernels beside the first one, each under a name of its own.
    let stem = match series(base) {
        Some((major, minor)) if has(".amzn2023.") && (major, minor) > (6, 1) => {
            format!("kernel{major}.{minor}")
        }
        _ => "kernel".to_string(),
    };
    Some(HeaderHint::package(format!("{stem}{kind}-devel-{base}"), manager))
}

/// SUSE's releases leave out the rebuild's number, as what the packages provide does.
pub(super) fn suse(id: &str, release: &str) -> Option<HeaderHint> {
    let (version, flavour) = release.rsplit_once('-')?;
    let is_flavour = flavour.starts_with(|c: char| c.is_ascii_alphabetic()) || flavour == "64kb";
    if !is_flavour || !version.contains('-') {
        return None;
    }
    let is_image = ["opensuse-microos", "opensuse-aeon", "opensuse-kalpa", "sl-micro", "sle-micro"];
    let manager = if is_image.contains(&id) { "transactional-update pkg install" } else { "zypper install" };
    let name = format!("kernel-{flavour}-devel");
    Some(HeaderHint::Package { command: format!("{manager} {name}={version}"), name })
}
