//! The two texts of a package in the databases, as repo-add writes them.

use super::super::{RepositoryError, Stored};
use crate::read::{Listed, ListedKind};

/// Fields in repo-add's order, and what `.PKGINFO` calls them. Those of the file itself are put between.
const FIELDS: [(&str, &str); 17] = [
    ("BASE", "pkgbase"),
    ("VERSION", "pkgver"),
    ("DESC", "pkgdesc"),
    ("GROUPS", "group"),
    ("ISIZE", "size"),
    ("URL", "url"),
    ("LICENSE", "license"),
    ("ARCH", "arch"),
    ("BUILDDATE", "builddate"),
    ("PACKAGER", "packager"),
    ("REPLACES", "replaces"),
    ("CONFLICTS", "conflict"),
    ("PROVIDES", "provides"),
    ("DEPENDS", "depend"),
    ("OPTDEPENDS", "optdepend"),
    ("MAKEDEPENDS", "makedepend"),
    ("CHECKDEPENDS", "checkdepend"),
];

/// `desc`
pub(super) fn desc(
    info: &str,
    name: &str,
    version: &str,
    stored: &Stored,
) -> Result<String, RepositoryError> {
    let mut pairs = Vec::new();
    for line in info.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        if let Some(bad) = line.chars().find(|c| c.is_control() && *c != '\t') {
            let bad = bad.escape_default();
            return Err(RepositoryError::package(format!("its .PKGINFO has the control character {bad}")));
        }
        let (key, value) = line.split_once('=').ok_or_else(|| {
            RepositoryError::package(format!("a line of its .PKGINFO is no field: `{}`", line.escape_debug()))
        })?;
        let value = value.trim();
        // A value of its own line like this would be a field of the database.
        if value.starts_with('%') && value.ends_with('%') {
            return Err(RepositoryError::package(format!(
                "`{value}` in its .PKGINFO would be a field of its own"
            )));
        }
        pairs.push((key.trim(), value));
    }
    let mut text = String::new();
    let mut field = |name: &str, values: &[&str]| {
        let values: Vec<&str> = values.iter().filter(|value| !value.is_empty()).copied().collect();
        if !values.is_empty() {
            text.push_str(&format!("%{name}%\n{}\n\n", values.join("\n")));
        }
    };
    field("FILENAME", &[&stored.path]);
    field("NAME", &[name]);
    for (title, key) in FIELDS {
        let values: Vec<&str> =
            pairs.iter().filter(|(own, _)| *own == key).map(|(_, value)| *value).collect();
        match title {
            "VERSION" => field(title, &[version]),
            "ISIZE" => {
                field("CSIZE", &[&stored.size.to_string()]);
                field(title, &values);
                field("SHA256SUM", &[&stored.sha256]);
            }
            _ => field(title, &values),
        }
    }
    Ok(text)
}

/// `files`
pub(super) fn files(listing: &[Listed]) -> String {
    let mut text = String::from("%FILES%\n");
    for Listed { path, kind } in listing {
        text.push_str(path);
        text.push_str(if *kind == ListedKind::Directory { "/\n" } else { "\n" });
    }
    text
}

/// The first value of a field.
pub(super) fn value<'a>(desc: &'a str, field: &str) -> &'a str {
    let mut lines = desc.lines().skip_while(|line| line.strip_prefix('%') != Some(&format!("{field}%")));
    lines.nth(1).unwrap_or_default()
}

/// Of the package's file.
pub(super) fn digest(desc: &str) -> &str {
    value(desc, "SHA256SUM")
}
