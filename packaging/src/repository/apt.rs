//! APT repositories: `pool/`, and `dists/SUITE` with Packages and Release
//! (<https://wiki.debian.org/DebianRepository/Format>, apt-secure(8)).

mod control;
mod release;

use super::{IndexFile, Item, Key, RepositoryError, Stored, codec, merged};
use crate::read::PackageFile;
use control::Control;

pub use release::{Release, Suite};

/// A package in an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// In dpkg's words.
    pub architecture: String,
    stanza: String,
}

/// dpkg's names of architectures, as `dpkg-architecture -L` has them for Linux on machines that are still built for.
const ARCHITECTURES: [&str; 24] = [
    "all",
    "alpha",
    "amd64",
    "arc",
    "arm64",
    "armel",
    "armhf",
    "hppa",
    "i386",
    "ia64",
    "loong64",
    "m68k",
    "mips",
    "mips64el",
    "mipsel",
    "powerpc",
    "ppc64",
    "ppc64el",
    "riscv64",
    "s390x",
    "sh4",
    "sparc64",
    "x32",
    "arm64ilp32",
];

/// Where a package belongs below the top of a repository: `pool/COMPONENT/S/SOURCE/NAME_VERSION_ARCH.deb`.
///
/// # Errors
/// The package says of itself what no repository can hold, or its file has another package's name.
pub fn pool_path(package: &PackageFile, file_name: &str, component: &str) -> Result<String, RepositoryError> {
    let control = Control::parse(package.control_text())?;
    let (name, version) = (control.name()?, control.version()?);
    let architecture = control.field("Architecture");
    if !ARCHITECTURES.contains(&architecture) {
        return Err(RepositoryError::package(format!(
            "`{}` is no architecture of dpkg's",
            architecture.escape_debug()
        )));
    }
    let short = version.split_once(':').map_or(version, |(_, rest)| rest);
    let own = format!("{name}_{short}_{architecture}.deb");
    // Downloads keep the epoch, with its colon or without.
    let known = [own.clone(), format!("{name}_{version}_{architecture}.deb")];
    if !known.iter().any(|known| *known == file_name.replace("%3a", ":")) {
        return Err(RepositoryError::package(format!(
            "by what it says of itself its file should be called {own}"
        )));
    }
    let source = control.source()?;
    let letters = if source.starts_with("lib") { 4 } else { 1 };
    let prefix = source.get(..letters).unwrap_or(source);
    Ok(format!("pool/{component}/{prefix}/{source}/{own}"))
}

/// What the index says of a package.
///
/// # Errors
/// As [`pool_path`].
pub fn entry(package: &PackageFile, stored: &Stored) -> Result<Entry, RepositoryError> {
    let control = Control::parse(package.control_text())?;
    let stanza = format!(
        "{}Filename: {}\nSize: {}\nSHA256: {}\n",
        control.text(),
        stored.path,
        stored.size,
        stored.sha256
    );
    Ok(Entry { architecture: control.field("Architecture").to_owned(), stanza })
}

/// The entries of an index, as [`entry`] makes them.
pub fn entries(packages: &str) -> Vec<Entry> {
    let stanzas = stanzas(packages).into_iter();
    stanzas
        .map(|item| Entry {
            architecture: item.key.architecture.to_owned(),
            stanza: format!("{}\n", item.text),
        })
        .collect()
}

/// The text of `Packages` with others in it; `None` where they are all there already.
///
/// # Errors
/// A package of that name, version and architecture is there with other contents.
pub fn merge(packages: &str, added: &[Entry]) -> Result<Option<String>, RepositoryError> {
    let added = added.iter().filter_map(|entry| item(entry.stanza.trim_end_matches('\n')));
    let Some(items) = merged(stanzas(packages), added)? else { return Ok(None) };
    let mut text = String::with_capacity(items.iter().map(|item| item.text.len() + 2).sum());
    for item in items {
        text.push_str(item.text);
        text.push_str("\n\n");
    }
    Ok(Some(text))
}

/// Whether an index refers to this file of the pool.
pub fn refers_to(packages: &str, path: &str) -> bool {
    packages.contains(&format!("\nFilename: {path}\n"))
}

/// The files of an index with that text: plain and compressed, `Packages`, `Packages.xz` and `Packages.zst`.
///
/// # Errors
/// A compressor fails.
pub fn files(packages: &str) -> Result<Vec<IndexFile>, RepositoryError> {
    let bytes = packages.as_bytes();
    let file = |name: &str, content| IndexFile { name: name.to_owned(), content };
    Ok(vec![
        file("Packages", bytes.to_vec()),
        file("Packages.xz", codec::xz(bytes)?),
        file("Packages.zst", codec::zstd(bytes)?),
    ])
}

fn stanzas(packages: &str) -> Vec<Item<'_>> {
    packages.split("\n\n").filter_map(|text| item(text.trim_matches('\n'))).collect()
}

fn item(text: &str) -> Option<Item<'_>> {
    let (mut name, mut version, mut architecture, mut digest) = ("", "", "", "");
    for line in text.lines() {
        let Some((field, value)) = line.split_once(':') else { continue };
        let place = match field {
            "Package" => &mut name,
            "Version" => &mut version,
            "Architecture" => &mut architecture,
            "SHA256" => &mut digest,
            _ => continue,
        };
        *place = value.trim();
    }
    (!name.is_empty()).then_some(Item { key: Key { name, version, architecture }, digest, text })
}
