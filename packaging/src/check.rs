//! Rules that hold in every format.

use std::collections::BTreeMap;

use crate::{Content, Package, PackageError};

/// Checks what would damage any package: line breaks in fields, and paths that are not plain absolute ones.
pub(crate) fn check(package: &Package) -> Result<(), PackageError> {
    let one_line = [
        ("name", &package.name),
        ("version", &package.version.upstream),
        ("release", &package.version.release),
        ("summary", &package.summary),
        ("maintainer", &package.maintainer),
        ("section", &package.section),
        ("homepage", &package.homepage),
        ("license", &package.license),
    ];
    for (field, value) in one_line {
        line(field, value)?;
    }
    for (field, value) in [("name", &package.name), ("version", &package.version.upstream)] {
        if value.is_empty() {
            return Err(PackageError::word(field, value, "may not be empty"));
        }
    }
    for (key, value) in &package.extra {
        line("extra field", key)?;
        line(key, value)?;
    }
    if let Some(bad) = package.description.chars().find(|c| c.is_control() && *c != '\n') {
        return Err(PackageError::word(
            "description",
            &bad.escape_default().to_string(),
            "is a control character",
        ));
    }
    for change in &package.changelog {
        line("changelog author", &change.author)?;
        line("changelog distribution", &change.distribution)?;
    }
    for script in package.scripts.values() {
        if !script.starts_with("#!") {
            let first = script.lines().next().unwrap_or_default();
            return Err(PackageError::word("script", first, "does not begin with the interpreter (`#!`)"));
        }
    }
    entries(package)
}

/// One word of a field, by a format's own rule.
pub(crate) type Rule = fn(&str, &str) -> Result<(), PackageError>;

/// Checks every relation: it has alternatives, and each is a name and perhaps a version of the format's.
pub(crate) fn relations(package: &Package, name: Rule, version: Rule) -> Result<(), PackageError> {
    for dependency in package.relations.values().flatten() {
        if dependency.0.is_empty() {
            return Err(PackageError::word("relation", "", "has no alternative"));
        }
        for requirement in &dependency.0 {
            name("relation", &requirement.name)?;
            if let Some((_, text)) = &requirement.version {
                version("relation", text)?;
            }
        }
    }
    Ok(())
}

/// Refuses control characters, which would begin a field of their own.
pub(crate) fn line(field: &str, value: &str) -> Result<(), PackageError> {
    if value.chars().any(char::is_control) {
        return Err(PackageError::word(
            field,
            &value.escape_default().to_string(),
            "has a control character",
        ));
    }
    Ok(())
}

fn entries(package: &Package) -> Result<(), PackageError> {
    let mut seen = BTreeMap::new();
    for entry in &package.entries {
        let bad = |why| Err(PackageError::path(&entry.path, why));
        let Some(relative) = entry.path.strip_prefix('/') else { return bad("is not absolute") };
        if entry.path.chars().any(char::is_control) {
            return bad("has a control character");
        }
        if relative.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return bad("has an empty component, `.` or `..`");
        }
        if entry.mode > 0o7777 {
            return bad("has a mode beyond 7777");
        }
        if let Content::Symlink(target) = &entry.content
            && (target.is_empty() || target.chars().any(char::is_control))
        {
            return bad("links to nothing, or to a name with a control character");
        }
        for name in [&entry.owner, &entry.group] {
            if name.is_empty() || name.len() > 31 || !name.bytes().all(|b| b.is_ascii_graphic() && b != b':')
            {
                return bad("has an unusable owner or group");
            }
        }
        if seen.insert(entry.path.as_str(), matches!(entry.content, Content::Directory)).is_some() {
            return bad("is there twice");
        }
    }
    for path in seen.keys() {
        for (at, _) in path.match_indices('/').skip(1) {
            if seen.get(&path[..at]) == Some(&false) {
                return Err(PackageError::path(path, "lies below something that is not a directory"));
            }
        }
    }
    Ok(())
}
