//! What may stand in a package: names, versions and places that came from sources and file names of strangers.

use crate::PackageError;

use super::{ModuleFile, ModulePackage, SourcePackage};

/// Of a module's name and of a version; what is longer was never meant as one.
const LONGEST: usize = 100;
/// What `uname -r` can print (`struct utsname`, uname(2)).
const LONGEST_RELEASE: usize = 64;
/// Of a file name, and so of a package's.
const LONGEST_FILE: usize = 255;
/// Compressions that kmod reads.
pub(super) const SUFFIXES: [&str; 4] = ["", ".gz", ".xz", ".zst"];

/// Checks all that names and places are made of.
///
/// # Errors
/// The first word that may not stand in a package.
pub(super) fn check(package: &ModulePackage) -> Result<(), PackageError> {
    module(&package.module, &package.version, &package.revision)?;
    release(&package.kernel.release)?;
    for (field, value) in [("machine", &package.kernel.machine), ("architecture", &package.kernel.arch)] {
        plain(field, value, LONGEST)?;
    }
    for (field, value) in [("flavour", &package.kernel.flavour), ("pkgbase", &package.kernel.pkgbase)] {
        if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
            plain(field, value, LONGEST)?;
        }
    }
    for kernel in [&package.kernel.image, &package.kernel.headers].into_iter().flatten() {
        plain("kernel package", &kernel.name, LONGEST_FILE)?;
        self::version("kernel package's version", &kernel.version)?;
    }
    for need in &package.needs {
        plain("needed module", &need.module, LONGEST)?;
        need.version.as_deref().map_or(Ok(()), |text| self::version("needed version", text))?;
    }
    for digest in [&package.provenance.source_sha256, &package.provenance.build_key] {
        if digest.len() != 64 || !digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(PackageError::word("provenance", digest, "is no SHA-256 in hexadecimal"));
        }
    }
    if package.files.is_empty() {
        return Err(PackageError::word("module", &package.module, "has no file to package"));
    }
    let mut names = std::collections::BTreeSet::new();
    for file in &package.files {
        let stem = stem(file)?;
        if !names.insert(stem) {
            return Err(PackageError::word(
                "module file",
                &file.name,
                "is there twice: modprobe would take either",
            ));
        }
        for part in file.directory.iter().flat_map(|directory| directory.split('/')) {
            plain("directory", part, LONGEST)?;
        }
    }
    Ok(())
}

/// The same for sources; paths are checked where they become entries.
///
/// # Errors
/// The first word that may not stand in a package.
pub(super) fn check_source(package: &SourcePackage) -> Result<(), PackageError> {
    module(&package.module, &package.version, &package.revision)?;
    for need in &package.needs {
        plain("needed module", need, LONGEST)?;
    }
    if !package.files.iter().any(|file| file.path == "dkms.conf") {
        return Err(PackageError::word("module", &package.module, "has no dkms.conf among its sources"));
    }
    Ok(())
}

/// The module's name as the file has it, without suffixes: `snd-hda` of `snd-hda.ko.xz`.
///
/// # Errors
/// The name is not one of a module's file.
pub(super) fn stem(file: &ModuleFile) -> Result<&str, PackageError> {
    let bad = |why| Err(PackageError::word("module file", &file.name.escape_default().to_string(), why));
    let Some((stem, suffix)) = file.name.split_once(".ko") else { return bad("does not end in .ko") };
    if !SUFFIXES.contains(&suffix) {
        return bad("is no module, or compressed in a way that kmod does not read");
    }
    plain("module file", stem, LONGEST)?;
    Ok(stem)
}

fn module(name: &str, version: &str, revision: &str) -> Result<(), PackageError> {
    plain("module", name, LONGEST)?;
    self::version("version", version)?;
    if revision.is_empty() || !revision.bytes().all(|b| b.is_ascii_alphanumeric() || b".+~".contains(&b)) {
        return Err(PackageError::word(
            "revision",
            &revision.escape_default().to_string(),
            "is not made of letters, digits and . + ~",
        ));
    }
    plain("revision", revision, LONGEST)
}

fn release(text: &str) -> Result<(), PackageError> {
    if text.bytes().any(|b| b == b'@') {
        return Err(PackageError::word("kernel", text, "is not what uname -r prints"));
    }
    version_like("kernel", text, LONGEST_RELEASE)
}

/// A version as modules and package managers write them.
fn version(field: &'static str, text: &str) -> Result<(), PackageError> {
    version_like(field, text, LONGEST)
}

fn version_like(field: &str, text: &str, longest: usize) -> Result<(), PackageError> {
    let known = |b: u8| b.is_ascii_alphanumeric() || b"._+-~:^".contains(&b);
    word(field, text, longest, known, "is not made of letters, digits and . _ + - ~ : ^")
}

/// A name that is good as part of a path, of a package's name and, unquoted, of a shell script.
fn plain(field: &str, text: &str, longest: usize) -> Result<(), PackageError> {
    let known = |b: u8| b.is_ascii_alphanumeric() || b"._+-".contains(&b);
    word(field, text, longest, known, "is not made of letters, digits and . _ + -")
}

fn word(
    field: &str,
    text: &str,
    longest: usize,
    known: fn(u8) -> bool,
    why: &'static str,
) -> Result<(), PackageError> {
    let bad = |why| Err(PackageError::word(field, &text.escape_default().to_string(), why));
    if text.is_empty() {
        return bad("may not be empty");
    }
    if text.len() > longest {
        let begin: String = text.chars().take(40).collect();
        return Err(PackageError::word(
            field,
            &format!("{}...", begin.escape_default()),
            "is longer than such a word can be",
        ));
    }
    if !text.bytes().all(known) {
        return bad(why);
    }
    if !text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
        return bad("does not begin with a letter or digit");
    }
    Ok(())
}

/// Checks that a package's file can be called so.
///
/// # Errors
/// The name is too long for a file.
pub(super) fn file_name(name: String) -> Result<String, PackageError> {
    if name.len() > LONGEST_FILE {
        return Err(PackageError::word("package", &name, "is longer than a file name can be"));
    }
    Ok(name)
}

/// A module's name without what only says how it is packaged: `zfs` of `zfs-dkms`.
pub(super) fn base(module: &str) -> &str {
    ["-dkms", "-kmod"].iter().find_map(|end| module.strip_suffix(end)).unwrap_or(module)
}

/// Replaces what a format does not have in its versions.
pub(super) fn replaced(text: &str, unknown: &str, by: char) -> String {
    text.chars().map(|c| if unknown.contains(c) { by } else { c }).collect()
}
