//! The members before the payload: PKGINFO(5), BUILDINFO(5), mtree(5) and a package's scriptlets.

use super::{architecture, installed_size, version};
use crate::check::{line, relations};
use crate::repository::sha256;
use crate::{
    Comparison, Content, Dependency, Entry, Package, PackageError, RelationKind, Requirement, ScriptPoint,
};

/// Relations in the order in which makepkg writes them. pacman knows none that are weaker than optional ones.
const RELATIONS: [(RelationKind, &str); 8] = [
    (RelationKind::Replaces, "replaces"),
    (RelationKind::Conflicts, "conflict"),
    (RelationKind::Breaks, "conflict"),
    (RelationKind::Provides, "provides"),
    (RelationKind::PreDepends, "depend"),
    (RelationKind::Depends, "depend"),
    (RelationKind::Recommends, "optdepend"),
    (RelationKind::Suggests, "optdepend"),
];

/// Checks what pacman would refuse.
pub(super) fn check(package: &Package) -> Result<(), PackageError> {
    name("name", &package.name)?;
    let parts = [("version", &package.version.upstream), ("release", &package.version.release)];
    for (field, value) in parts {
        if !value.bytes().all(|b| b.is_ascii_graphic() && !b":/-".contains(&b)) {
            return Err(PackageError::word(field, value, "has a character that no version has"));
        }
    }
    relations(package, name, line)?;
    Ok(())
}

fn name(field: &str, name: &str) -> Result<(), PackageError> {
    let known = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"@._+-".contains(&b));
    if name.is_empty() || name.starts_with(['-', '.']) || !known {
        return Err(PackageError::word(field, name, "is no package name: letters, digits and @ . _ + -"));
    }
    Ok(())
}

/// `.PKGINFO`
pub(super) fn package(package: &Package, entries: &[Entry], date: u64) -> Result<String, PackageError> {
    let mut text = String::new();
    let mut field = |key: &str, value: &str| {
        if !value.is_empty() {
            text.push_str(&format!("{key} = {value}\n"));
        }
    };
    field("pkgname", &package.name);
    field("pkgbase", &package.name);
    field("xdata", "pkgtype=pkg");
    field("pkgver", &version(&package.version));
    field("pkgdesc", &package.summary);
    field("url", &package.homepage);
    field("builddate", &date.to_string());
    field("packager", &package.maintainer);
    field("size", &installed_size(entries).to_string());
    field("arch", architecture(&package.architecture));
    field("license", &package.license);
    for (kind, key) in RELATIONS {
        for dependency in package.relations.get(&kind).into_iter().flatten() {
            field(key, &relation(kind, dependency)?);
        }
    }
    for entry in entries.iter().filter(|entry| matches!(entry.content, Content::Configuration(_))) {
        field("backup", entry.path.trim_start_matches('/'));
    }
    Ok(text)
}

/// pacman has no alternatives; whoever fills in the package names what provides them.
fn relation(kind: RelationKind, dependency: &Dependency) -> Result<String, PackageError> {
    let [Requirement { name, version }] = dependency.0.as_slice() else {
        let names: Vec<&str> = dependency.0.iter().map(|one| one.name.as_str()).collect();
        return Err(PackageError::word("relation", &names.join(" | "), "pacman knows no alternatives"));
    };
    let Some((comparison, version)) = version else { return Ok(name.clone()) };
    let sign = match comparison {
        _ if kind == RelationKind::Provides && *comparison != Comparison::Equal => {
            return Err(PackageError::word("provides", name, "is provided in one version, not in a range"));
        }
        Comparison::Less => "<",
        Comparison::LessEqual => "<=",
        Comparison::Equal => "=",
        Comparison::GreaterEqual => ">=",
        Comparison::Greater => ">",
    };
    Ok(format!("{name}{sign}{version}"))
}

/// `.BUILDINFO`: that no PKGBUILD was there is said by the digest of nothing.
pub(super) fn build(package: &Package, date: u64) -> String {
    let none = sha256(&[]);
    let Package { name, maintainer, .. } = package;
    let (version, architecture) = (version(&package.version), architecture(&package.architecture));
    format!(
        "format = 2\npkgname = {name}\npkgbase = {name}\npkgver = {version}\npkgarch = {architecture}\n\
         pkgbuild_sha256sum = {none}\npackager = {maintainer}\nbuilddate = {date}\nbuilddir = /build\n\
         startdir = /startdir\nbuildtool = evermod\nbuildtoolver = {}\n",
        env!("CARGO_PKG_VERSION")
    )
}

/// `.INSTALL`: pacman calls functions of bash in it.
///
/// # Errors
/// A script for another interpreter than a shell.
pub(super) fn install(package: &Package) -> Result<String, PackageError> {
    let mut text = String::new();
    for (point, script) in &package.scripts {
        let (first, body) = script.split_once('\n').unwrap_or((script, ""));
        if !["#!/bin/sh", "#!/bin/bash", "#!/usr/bin/bash"].contains(&first.trim_end()) {
            return Err(PackageError::word("script", first, "is no shell, and pacman knows nothing else"));
        }
        let functions: &[(&str, &str)] = match point {
            ScriptPoint::BeforeInstall => &[("pre_install", "install"), ("pre_upgrade", "upgrade")],
            ScriptPoint::AfterInstall => &[("post_install", "install"), ("post_upgrade", "upgrade")],
            ScriptPoint::BeforeRemove => &[("pre_remove", "remove")],
            ScriptPoint::AfterRemove => &[("post_remove", "remove")],
            ScriptPoint::AfterTransaction => &[],
        };
        for (function, word) in functions {
            // In a shell of its own, so that `exit` ends only it.
            text.push_str(&format!(
                "{function}() (\nset -- {word} \"$@\"\n{}\n)\n\n",
                body.trim_matches('\n')
            ));
        }
    }
    Ok(text)
}

/// `.MTREE`, which `pacman -Qkk` holds the system against.
///
/// # Errors
/// An owner that is not root: the format knows numbers only, and those differ between machines.
pub(super) fn tree(entries: &[&Entry], date: u64) -> Result<String, PackageError> {
    let mut text = String::from("#mtree\n");
    for entry in entries {
        if entry.owner != "root" || entry.group != "root" {
            return Err(PackageError::path(&entry.path, "belongs to somebody else than root"));
        }
        let (path, mode) = (escaped(&format!(".{}", entry.path)), entry.mode);
        let rest = match &entry.content {
            Content::File(content) | Content::Configuration(content) => {
                format!("type=file mode={mode:o} size={} sha256digest={}", content.len(), sha256(content))
            }
            Content::Symlink(target) => format!("type=link mode=777 link={}", escaped(target)),
            Content::Directory => format!("type=dir mode={mode:o}"),
        };
        text.push_str(&format!("{path} time={date}.0 uid=0 gid=0 {rest}\n"));
    }
    Ok(text)
}

/// Everything but plain characters as `\ooo`.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'\\' | b'#' | b'=' => out.push_str(&format!("\\{byte:03o}")),
            byte if byte.is_ascii_graphic() => out.push(char::from(byte)),
            byte => out.push_str(&format!("\\{byte:03o}")),
        }
    }
    out
}
