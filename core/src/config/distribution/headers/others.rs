//! Distributions that are of none of the large families.

use super::{HeaderHint, series};

pub(super) fn headers(id: &str, name: &str, release: &str) -> Option<HeaderHint> {
    let is = |distribution: &str| id == distribution || name.starts_with(distribution);
    match id {
        _ if is("alpine") => alpine(release),
        _ if is("void") => void(release),
        _ if is("gentoo") => Some(gentoo(release)),
        "mageia" => mageia(release),
        "altlinux" => alt(release),
        "azurelinux" | "mariner" => {
            Some(HeaderHint::package(format!("kernel-devel-{release}"), "tdnf install"))
        }
        "photon" => photon(release),
        "solus" => solus(release),
        "slackware" => Some(HeaderHint::package("kernel-source", "slackpkg install")),
        "nixos" => Some(HeaderHint::Advice(
            "modules come with the system's configuration here: boot.extraModulePackages".into(),
        )),
        _ => None,
    }
}

/// `6.6.58-0-lts`
fn alpine(release: &str) -> Option<HeaderHint> {
    let parts: Vec<&str> = release.splitn(3, '-').collect();
    let [_, revision, flavour] = parts.as_slice() else { return None };
    revision
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| HeaderHint::package(format!("linux-{flavour}-dev"), "apk add"))
}

/// `6.6.58_1`
fn void(release: &str) -> Option<HeaderHint> {
    let (version, revision) = release.rsplit_once('_')?;
    if !revision.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    if version.contains("rpi") {
        return Some(HeaderHint::package("rpi-kernel-headers", "xbps-install"));
    }
    let (major, minor) = series(version)?;
    Some(HeaderHint::package(format!("linux{major}.{minor}-headers"), "xbps-install"))
}

/// `6.6.58-gentoo-r1`, `6.6.58-gentoo-dist`, `6.6.58-gentoo-dist-hardened`, `6.6.58-zen1`, `6.6.58`
fn gentoo(release: &str) -> HeaderHint {
    let (version, rest) = release.split_once('-').unwrap_or((release, ""));
    let kernel = |package: &str, version: &str| {
        HeaderHint::package(format!("=sys-kernel/{package}-{version}"), "emerge --oneshot")
    };
    // They carry the configuration they were built with, so that their tree is ready.
    if rest.starts_with("gentoo") && rest.contains("-dist") {
        let revision = rest.split('-').find(|part| is_revision(part)).map(|r| format!("-{r}"));
        return kernel("gentoo-kernel", &format!("{version}{}", revision.unwrap_or_default()));
    }
    let (package, version) = match rest.split('-').collect::<Vec<_>>().as_slice() {
        ["gentoo", revision, ..] if is_revision(revision) => {
            ("gentoo-sources", format!("{version}-{revision}"))
        }
        ["gentoo", ..] => ("gentoo-sources", version.to_string()),
        [zen, ..] if zen.starts_with("zen") => {
            ("zen-sources", format!("{version}_p{}", zen.trim_start_matches("zen")))
        }
        _ => ("vanilla-sources", version.to_string()),
    };
    HeaderHint::Advice(format!(
        "its sources are wanted, with its configuration, after 'make modules_prepare': \
         emerge =sys-kernel/{package}-{version}"
    ))
}

/// `r1`
fn is_revision(part: &str) -> bool {
    part.strip_prefix('r').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// `6.6.58-desktop-2.mga9`
fn mageia(release: &str) -> Option<HeaderHint> {
    let parts: Vec<&str> = release.split('-').collect();
    let [version, flavour, revision] = parts.as_slice() else { return None };
    Some(HeaderHint::package(format!("kernel-{flavour}-devel-{version}-{revision}"), "urpmi"))
}

/// `6.6.58-un-def-alt1`
fn alt(release: &str) -> Option<HeaderHint> {
    let (rest, _) = release.rsplit_once("-alt")?;
    let (_, flavour) = rest.split_once('-')?;
    Some(HeaderHint::package(format!("kernel-headers-modules-{flavour}"), "apt-get install"))
}

/// `6.1.10-11.ph5`, `6.1.10-11.ph5-esx`
fn photon(release: &str) -> Option<HeaderHint> {
    let (version, flavour) = match release.rsplit_once('-')? {
        (version, flavour) if flavour.starts_with(|c: char| c.is_ascii_alphabetic()) => (version, flavour),
        _ => (release, ""),
    };
    let kind = if flavour.is_empty() { String::new() } else { format!("-{flavour}") };
    Some(HeaderHint::package(format!("linux{kind}-devel-{version}"), "tdnf install"))
}

/// `6.10.13-305.current`
fn solus(release: &str) -> Option<HeaderHint> {
    let (_, flavour) = release.rsplit_once('.')?;
    let is_word = flavour.starts_with(|c: char| c.is_ascii_alphabetic());
    is_word.then(|| HeaderHint::package(format!("linux-{flavour}-headers"), "eopkg install"))
}
