//! The control file of a stranger's package, as a stanza of an index.

use super::super::RepositoryError;

/// What only the index says; a package that says it of itself would have clients download another file.
const OF_THE_INDEX: [&str; 9] =
    ["Filename", "Size", "MD5sum", "SHA1", "SHA256", "SHA512", "Description-md5", "Status", "Conffiles"];

/// The fields of one stanza (deb-control(5)).
#[derive(Debug)]
pub(super) struct Control<'a> {
    text: &'a str,
    fields: Vec<(&'a str, &'a str)>,
}

impl<'a> Control<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, RepositoryError> {
        let wrong = |why: String| RepositoryError::package(format!("in its control file, {why}"));
        let text = text.trim_matches('\n');
        let mut fields: Vec<(&str, &str)> = Vec::new();
        for line in text.split('\n') {
            let shown = line.chars().take(60).collect::<String>();
            if line.chars().any(|c| c.is_control() && c != '\t') {
                return Err(wrong(format!("a line has control characters: `{}`", shown.escape_debug())));
            }
            if line.trim().is_empty() {
                return Err(wrong("there is an empty line: an index would take it for the end".into()));
            }
            if line.starts_with([' ', '\t']) {
                if fields.is_empty() {
                    return Err(wrong("the first line belongs to no field".into()));
                }
                continue;
            }
            let field = line.split_once(':').filter(|(name, _)| is_field(name));
            let Some((name, value)) = field else {
                return Err(wrong(format!("a line has no name of a field: `{shown}`")));
            };
            if fields.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
                return Err(wrong(format!("the field {name} is there twice")));
            }
            if OF_THE_INDEX.iter().any(|own| own.eq_ignore_ascii_case(name)) {
                return Err(wrong(format!("there is the field {name}, which is the repository's to write")));
            }
            fields.push((name, value.trim()));
        }
        Ok(Self { text, fields })
    }

    /// All of it, ended.
    pub(super) fn text(&self) -> String {
        format!("{}\n", self.text)
    }

    /// A field's first line; empty where it is not there.
    pub(super) fn field(&self, name: &str) -> &'a str {
        self.fields.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map_or("", |(_, value)| *value)
    }

    pub(super) fn name(&self) -> Result<&'a str, RepositoryError> {
        checked_name(self.field("Package"))
    }

    /// The name of the source package, the package's own by default (Policy 5.6.1).
    pub(super) fn source(&self) -> Result<&'a str, RepositoryError> {
        match self.field("Source").split_whitespace().next() {
            Some(source) => checked_name(source),
            None => self.name(),
        }
    }

    /// Policy 5.6.12.
    pub(super) fn version(&self) -> Result<&'a str, RepositoryError> {
        let version = self.field("Version");
        let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
        let known = rest.bytes().all(|b| b.is_ascii_alphanumeric() || b".+-~".contains(&b));
        if rest.is_empty() || !known || !epoch.bytes().all(|b| b.is_ascii_digit()) {
            return Err(RepositoryError::package(format!("`{}` is no version", version.escape_debug())));
        }
        Ok(version)
    }
}

fn is_field(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(['-', '#']) && name.bytes().all(|b| b.is_ascii_graphic())
}

/// Policy 5.6.1.
fn checked_name(name: &str) -> Result<&str, RepositoryError> {
    let known = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b));
    if name.len() < 2 || !known || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err(RepositoryError::package(format!("`{}` is no name of a package", name.escape_debug())));
    }
    Ok(name)
}
