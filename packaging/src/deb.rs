//! Debian packages: `ar` of `debian-binary`, `control.tar.xz` and `data.tar.xz` (deb(5), Debian Policy 5 and 6).

mod control;
mod documents;

#[cfg(test)]
mod tests;

use liblzma::stream::{Check, Stream};
use md5::{Digest, Md5};

pub use documents::gzip;
pub(crate) use documents::{rfc5322, wrap};

use crate::{Architecture, Content, Entry, Package, PackageError, ScriptPoint, Version, check, tarball};

/// The name that the archive gives the file: `NAME_VERSION_ARCH.deb`, without the epoch.
pub fn file_name(package: &Package) -> String {
    let version = Version { epoch: 0, ..package.version.clone() };
    format!("{}_{}_{}.deb", package.name, self::version(&version), architecture(&package.architecture))
}

/// A version as dpkg writes it.
pub fn version(version: &Version) -> String {
    let epoch = if version.epoch == 0 { String::new() } else { format!("{}:", version.epoch) };
    let release = if version.release.is_empty() { String::new() } else { format!("-{}", version.release) };
    format!("{epoch}{}{release}", version.upstream)
}

/// Debian's name for an architecture.
pub fn architecture(architecture: &Architecture) -> &str {
    match architecture {
        Architecture::Any => "all",
        Architecture::Machine(machine) => match machine.as_str() {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "i386" | "i486" | "i586" | "i686" => "i386",
            "armv7l" | "armv7hl" => "armhf",
            "ppc64le" => "ppc64el",
            "loongarch64" => "loong64",
            other => other,
        },
    }
}

/// Writes the package. `source_date` (seconds since 1970) is the time of every file in it.
///
/// Everything is owned and sorted, so the same package and date give the same bytes. Directories above the
/// entries are added, and so are `changelog` and `copyright` below `/usr/share/doc`.
///
/// # Errors
/// A package that breaks a rule of the format, named with the part that does.
pub fn write(package: &Package, source_date: u64) -> Result<Vec<u8>, PackageError> {
    check::check(package)?;
    control::check(package)?;
    let mut entries = package.entries.clone();
    documents::add(package, &mut entries)?;
    tarball::add_parents(&mut entries);

    let control = control_entries(package, &entries)?;
    let mut archive = ar::Builder::new(Vec::new());
    let mut member = |name: &str, content: &[u8]| {
        let mut header = ar::Header::new(name.as_bytes().to_vec(), content.len() as u64);
        header.set_mtime(source_date);
        header.set_mode(0o100_644);
        archive.append(&header, content)
    };
    member("debian-binary", b"2.0\n")?;
    member("control.tar.xz", &xz(&tarball::write(&control, "./", source_date)?)?)?;
    member("data.tar.xz", &xz(&tarball::write(&entries, "./", source_date)?)?)?;
    Ok(archive.into_inner()?)
}

/// The text of the control file.
#[cfg(test)]
pub(crate) fn control_text(package: &Package, installed_size: u64) -> String {
    control::fields(package, installed_size).unwrap()
}

fn control_entries(package: &Package, entries: &[Entry]) -> Result<Vec<Entry>, PackageError> {
    let mut files = vec![Entry::file("/control", control::fields(package, installed_size(entries))?)];
    let mut add = |name: &str, content: String| {
        if !content.is_empty() {
            files.push(Entry::file(name, content));
        }
    };
    add("/md5sums", md5sums(entries));
    let conffiles = entries.iter().filter(|entry| matches!(entry.content, Content::Configuration(_)));
    add("/conffiles", conffiles.map(|entry| format!("{}\n", entry.path)).collect());
    add("/triggers", control::triggers(&package.triggers));
    for (point, script) in &package.scripts {
        let name = match point {
            ScriptPoint::BeforeInstall => "/preinst",
            ScriptPoint::AfterInstall => "/postinst",
            ScriptPoint::BeforeRemove => "/prerm",
            ScriptPoint::AfterRemove => "/postrm",
            ScriptPoint::AfterTransaction => continue,
        };
        files.push(Entry::program(name, script.as_bytes()));
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// As dh_md5sums: regular files, without configuration files, whose sums dpkg keeps elsewhere.
fn md5sums(entries: &[Entry]) -> String {
    let mut sums = String::new();
    for entry in entries {
        if let Content::File(content) = &entry.content {
            sums.push_str(&format!("{:x}  {}\n", Md5::digest(content), entry.path.trim_start_matches('/')));
        }
    }
    sums
}

/// In KiB, as dpkg-gencontrol counts: every file rounded up, everything else one.
fn installed_size(entries: &[Entry]) -> u64 {
    entries
        .iter()
        .map(|entry| match &entry.content {
            Content::File(content) | Content::Configuration(content) => content.len().div_ceil(1024) as u64,
            Content::Symlink(_) | Content::Directory => 1,
        })
        .sum()
}

/// One thread, whose output does not depend on the machine; the check is the one that dpkg-deb uses.
fn xz(data: &[u8]) -> Result<Vec<u8>, PackageError> {
    let stream = Stream::new_easy_encoder(6, Check::Crc32).map_err(std::io::Error::from)?;
    let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
    std::io::Write::write_all(&mut encoder, data)?;
    Ok(encoder.finish()?)
}
