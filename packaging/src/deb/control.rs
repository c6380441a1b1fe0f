//! The control file and its neighbours (Debian Policy 5, deb-control(5), deb-triggers(5)).

use crate::check::{line, relations};
use crate::{
    Architecture, Comparison, Dependency, Package, PackageError, RelationKind, Requirement, Trigger, Version,
};

/// Fields in the order in which dpkg writes them; rpm's `Supplements` has no counterpart.
const RELATIONS: [(RelationKind, &str); 9] = [
    (RelationKind::PreDepends, "Pre-Depends"),
    (RelationKind::Depends, "Depends"),
    (RelationKind::Recommends, "Recommends"),
    (RelationKind::Suggests, "Suggests"),
    (RelationKind::Enhances, "Enhances"),
    (RelationKind::Breaks, "Breaks"),
    (RelationKind::Conflicts, "Conflicts"),
    (RelationKind::Replaces, "Replaces"),
    (RelationKind::Provides, "Provides"),
];

/// Checks what dpkg would refuse.
pub(super) fn check(package: &Package) -> Result<(), PackageError> {
    name("name", &package.name)?;
    version("version", &package.version)?;
    if let Architecture::Machine(machine) = &package.architecture
        && (machine.is_empty()
            || !machine.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'))
    {
        return Err(PackageError::word("architecture", machine, "is no architecture"));
    }
    for (field, value) in [("maintainer", &package.maintainer), ("summary", &package.summary)] {
        if value.trim().is_empty() {
            return Err(PackageError::word(field, value, "may not be empty"));
        }
    }
    for (key, _) in &package.extra {
        let own = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !own || key.is_empty() || key.starts_with('-') {
            return Err(PackageError::word("extra field", key, "is no field name"));
        }
    }
    relations(package, name, version_text)?;
    for trigger in &package.triggers {
        let (Trigger::Interest(name) | Trigger::InterestNoAwait(name) | Trigger::ActivateNoAwait(name)) =
            trigger;
        line("trigger", name)?;
        if name.is_empty() || name.contains(' ') {
            return Err(PackageError::word("trigger", name, "is no trigger name"));
        }
    }
    for change in &package.changelog {
        version("changelog version", &change.version)?;
    }
    Ok(())
}

/// Policy 5.6.1.
fn name(field: &str, name: &str) -> Result<(), PackageError> {
    let rest = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b));
    let first = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    if name.len() < 2 || !first || !rest {
        return Err(PackageError::word(
            field,
            name,
            "is no package name: a-z 0-9 + - . and two of them or more",
        ));
    }
    Ok(())
}

/// Policy 5.6.12.
fn version(field: &str, version: &Version) -> Result<(), PackageError> {
    let upstream = &version.upstream;
    version_text(field, &super::version(version))?;
    if !upstream.bytes().next().is_some_and(|b| b.is_ascii_digit()) {
        return Err(PackageError::word(field, upstream, "does not begin with a digit"));
    }
    if upstream.contains(':') || version.release.contains([':', '-']) {
        return Err(PackageError::word(
            field,
            &super::version(version),
            "has a colon, or a hyphen in its release",
        ));
    }
    if version.release.is_empty() && upstream.contains('-') {
        return Err(PackageError::word(field, upstream, "has a hyphen but no release"));
    }
    Ok(())
}

fn version_text(field: &str, text: &str) -> Result<(), PackageError> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_alphanumeric() || b".+-~:".contains(&b)) {
        return Err(PackageError::word(field, text, "is no version: letters, digits and . + - ~ :"));
    }
    Ok(())
}

/// The text of the control file.
pub(super) fn fields(package: &Package, installed_size: u64) -> Result<String, PackageError> {
    let mut text = String::new();
    let mut field = |key: &str, value: &str| {
        if !value.is_empty() {
            text.push_str(&format!("{key}: {value}\n"));
        }
    };
    field("Package", &package.name);
    field("Version", &super::version(&package.version));
    field("Architecture", super::architecture(&package.architecture));
    field("Maintainer", &package.maintainer);
    field("Installed-Size", &installed_size.to_string());
    for (kind, key) in RELATIONS {
        let list = package.relations.get(&kind).map(Vec::as_slice).unwrap_or_default();
        field(key, &list.iter().map(dependency).collect::<Vec<_>>().join(", "));
    }
    field("Section", &package.section);
    field("Priority", "optional");
    field("Homepage", &package.homepage);
    for (key, value) in &package.extra {
        field(key, value);
    }
    field("Description", &package.summary);
    for line in package.description.trim_matches('\n').lines() {
        let line = line.trim_end();
        text.push_str(if line.is_empty() { " ." } else { " " });
        text.push_str(line);
        text.push('\n');
    }
    Ok(text)
}

fn dependency(dependency: &Dependency) -> String {
    dependency.0.iter().map(requirement).collect::<Vec<_>>().join(" | ")
}

fn requirement(requirement: &Requirement) -> String {
    let Some((comparison, version)) = &requirement.version else { return requirement.name.clone() };
    let sign = match comparison {
        Comparison::Less => "<<",
        Comparison::LessEqual => "<=",
        Comparison::Equal => "=",
        Comparison::GreaterEqual => ">=",
        Comparison::Greater => ">>",
    };
    format!("{} ({sign} {version})", requirement.name)
}

/// The text of the triggers file.
pub(super) fn triggers(triggers: &[Trigger]) -> String {
    triggers
        .iter()
        .map(|trigger| match trigger {
            Trigger::Interest(name) => format!("interest {name}\n"),
            Trigger::InterestNoAwait(name) => format!("interest-noawait {name}\n"),
            Trigger::ActivateNoAwait(name) => format!("activate-noawait {name}\n"),
        })
        .collect()
}
