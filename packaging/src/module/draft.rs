//! What packages of a module have in common in every format.

use super::{About, license, words};
use crate::deb::wrap;
use crate::{
    Architecture, Change, Comparison, Dependency, Entry, Package, PackageError, RelationKind, Version, check,
};

/// How wide lines of a description may be: lintian and rpmlint want them to fit a terminal.
const WIDTH: usize = 78;

/// A package without relations, entries and scripts.
pub(super) fn package(
    name: String,
    version: Version,
    architecture: Architecture,
    about: &About,
    summary: String,
    last: String,
) -> Package {
    let summary = if about.summary.trim().is_empty() { summary } else { about.summary.trim().to_owned() };
    let mut description = about.description.trim().to_owned();
    if !description.is_empty() {
        description.push_str("\n\n");
    }
    description.push_str(&last);
    let lines = description.lines().flat_map(|line| {
        if line.starts_with(' ') || line.is_empty() { vec![line.to_owned()] } else { wrap(line, WIDTH) }
    });
    let description = lines.collect::<Vec<_>>().join("\n");
    let mut changes = about.changes.clone();
    if changes.is_empty() {
        changes.push(format!("Package of {name}, made by evermod."));
    }
    let change = Change {
        version: version.clone(),
        distribution: "stable".to_owned(),
        author: about.maintainer.clone(),
        time: about.date,
        changes,
    };
    Package {
        name,
        version,
        architecture,
        summary,
        description,
        maintainer: about.maintainer.clone(),
        homepage: about.homepage.clone(),
        license: license::spdx(&about.license),
        changelog: vec![change],
        ..Package::default()
    }
}

/// The package's `copyright` file where licences have a directory of their own.
pub(super) fn license_file(name: &str, about: &About) -> Option<[Entry; 2]> {
    let directory = format!("/usr/share/licenses/{name}");
    let text = about.copyright.as_bytes();
    (!text.is_empty())
        .then(|| [Entry::file(format!("{directory}/copyright"), text), Entry::directory(directory.clone())])
}

/// Adds relations of one kind.
pub(super) fn relate(
    package: &mut Package,
    kind: RelationKind,
    relations: impl IntoIterator<Item = Dependency>,
) {
    let mut relations = relations.into_iter().peekable();
    if relations.peek().is_some() {
        package.relations.entry(kind).or_default().extend(relations);
    }
}

/// Exactly this version.
pub(super) fn exactly(name: impl Into<String>, version: impl Into<String>) -> Dependency {
    Dependency::versioned(name, Comparison::Equal, version)
}

/// The package, if it holds to the rules of all formats and its file can be called what it would be.
///
/// # Errors
/// What it breaks.
pub(super) fn checked(package: Package, file_name: fn(&Package) -> String) -> Result<Package, PackageError> {
    check::check(&package)?;
    words::file_name(file_name(&package))?;
    Ok(package)
}
