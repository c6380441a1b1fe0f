//! pacman's packages: a tar archive compressed with zstd, described by its first members (alpm-package(7)).

mod description;

#[cfg(test)]
mod tests;

use crate::{Architecture, Content, Entry, Package, PackageError, Version, check, tarball};

/// As makepkg's settings on Arch.
const LEVEL: i32 = 19;

/// The name that repositories use: `NAME-VERSION-RELEASE-ARCH.pkg.tar.zst`.
pub fn file_name(package: &Package) -> String {
    let (version, architecture) = (version(&package.version), architecture(&package.architecture));
    format!("{}-{version}-{architecture}.pkg.tar.zst", package.name)
}

/// A version as pacman writes it, with the release that it cannot do without.
pub fn version(version: &Version) -> String {
    let epoch = if version.epoch == 0 { String::new() } else { format!("{}:", version.epoch) };
    let release = if version.release.is_empty() { "1" } else { &version.release };
    format!("{epoch}{}-{release}", version.upstream)
}

/// Arch's name for an architecture.
pub fn architecture(architecture: &Architecture) -> &str {
    match architecture {
        Architecture::Any => "any",
        Architecture::Machine(machine) => match machine.as_str() {
            "armv7l" => "armv7h",
            "loongarch64" => "loong64",
            other => other,
        },
    }
}

/// Writes the package. `source_date` (seconds since 1970) is the time of every file in it, and when it was built.
///
/// The same package and date give the same bytes. Directories above the entries are added. The package is not signed.
///
/// # Errors
/// A package that breaks a rule of the format, named with the part that does.
pub fn write(package: &Package, source_date: u64) -> Result<Vec<u8>, PackageError> {
    check::check(package)?;
    description::check(package)?;
    let mut entries = package.entries.clone();
    tarball::add_parents(&mut entries);
    if let Some(entry) = entries.iter().find(|entry| entry.path.starts_with("/.")) {
        return Err(PackageError::path(&entry.path, "begins with a dot, which pacman keeps for itself"));
    }
    let mut all = vec![Entry::file("/.BUILDINFO", description::build(package, source_date))];
    let install = description::install(package)?;
    if !install.is_empty() {
        all.push(Entry::file("/.INSTALL", install));
    }
    let info = Entry::file("/.PKGINFO", description::package(package, &entries, source_date)?);
    // The list has all but itself.
    let listed: Vec<&Entry> = all.iter().chain([&info]).chain(&entries).collect();
    let tree = crate::deb::gzip(description::tree(&listed, source_date)?.as_bytes())?;
    all.push(Entry::file("/.MTREE", tree));
    all.push(info);
    all.append(&mut entries);
    let plain = tarball::write(&all, "", source_date)?;
    let mut encoder = zstd::Encoder::new(Vec::new(), LEVEL)?;
    encoder.include_checksum(true)?;
    encoder.set_pledged_src_size(Some(plain.len() as u64))?;
    std::io::Write::write_all(&mut encoder, &plain)?;
    Ok(encoder.finish()?)
}

/// In bytes, as pacman shows it.
fn installed_size(entries: &[Entry]) -> u64 {
    entries
        .iter()
        .map(|entry| match &entry.content {
            Content::File(content) | Content::Configuration(content) => content.len() as u64,
            Content::Symlink(_) | Content::Directory => 0,
        })
        .sum()
}
