//! The `Release` file: what a suite is, and the digest of everything in it.

use super::super::{IndexFile, RepositoryError, sha256};
use crate::deb::rfc5322;

/// What a suite is called, and by whom it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suite {
    /// `Suite` and `Codename`: what clients name in their sources.
    pub suite: String,
    /// Who publishes it; pins go by it.
    pub origin: String,
    /// What it is, in one line.
    pub label: String,
}

/// A `Release` file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// What it is of.
    pub suite: Suite,
    /// Each file below the directory of the suite: digest, size, name.
    pub files: Vec<(String, u64, String)>,
}

/// How digests are called in a path by-hash.
const BY_HASH: &str = "by-hash/SHA256";

impl Release {
    /// Reads the text of a `Release` file.
    ///
    /// # Errors
    /// It has no name of a suite, or its list of digests cannot be read.
    pub fn parse(text: &str) -> Result<Self, RepositoryError> {
        let damaged = |why: &str| RepositoryError::Index(why.to_owned());
        let field = |name: &str| {
            let mut values = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            values.next().map(|value| value.trim().to_owned()).unwrap_or_default()
        };
        let suite = Suite { suite: field("Suite"), origin: field("Origin"), label: field("Label") };
        if suite.suite.is_empty() {
            return Err(damaged("its Release has no Suite"));
        }
        let mut files = Vec::new();
        let list = text.lines().skip_while(|line| *line != "SHA256:").skip(1);
        for line in list.take_while(|line| line.starts_with(' ')) {
            let mut words = line.split_whitespace();
            match (words.next(), words.next().and_then(|size| size.parse().ok()), words.next()) {
                (Some(digest), Some(size), Some(name)) if is_inside(name) => {
                    files.push((digest.to_owned(), size, name.to_owned()))
                }
                _ => {
                    return Err(damaged(
                        "its Release has a line that is no digest, size and name of a file in it",
                    ));
                }
            }
        }
        Ok(Self { suite, files })
    }

    /// The `Release` of a suite that holds these files.
    pub fn of(suite: Suite, files: &[IndexFile]) -> Self {
        let mut files: Vec<_> = files
            .iter()
            .map(|file| (sha256(&file.content), file.content.len() as u64, file.name.clone()))
            .collect();
        files.sort_by(|a, b| a.2.cmp(&b.2));
        Self { suite, files }
    }

    /// The components and architectures that it has an index of, each with the name of its plain `Packages`.
    pub fn indexes(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.files.iter().filter_map(|(_, _, name)| {
            let (component, rest) = name.split_once("/binary-")?;
            Some((component, rest.strip_suffix("/Packages")?, name.as_str()))
        })
    }

    /// The digest of a file.
    pub fn digest(&self, name: &str) -> Option<&str> {
        self.files.iter().find(|(_, _, own)| own == name).map(|(digest, _, _)| digest.as_str())
    }

    /// Where a file lies by its digest, below the directory of the suite.
    pub fn by_hash(digest: &str, name: &str) -> String {
        let dir = name.rsplit_once('/').map_or("", |(dir, _)| dir);
        format!("{dir}/{BY_HASH}/{digest}")
    }

    /// Its text, dated `time` (seconds since 1970).
    pub fn text(&self, time: u64) -> String {
        let Suite { suite, origin, label } = &self.suite;
        let sorted = |mut words: Vec<&str>| {
            words.sort_unstable();
            words.dedup();
            words.join(" ")
        };
        let components = sorted(self.indexes().map(|(component, _, _)| component).collect());
        let architectures = sorted(self.indexes().map(|(_, architecture, _)| architecture).collect());
        // apt wants the zone by its name.
        let date = rfc5322(time).replace("+0000", "UTC");
        let mut text = format!(
            "Origin: {origin}\nLabel: {label}\nSuite: {suite}\nCodename: {suite}\nDate: {date}\n\
             Acquire-By-Hash: yes\nArchitectures: {architectures}\nComponents: {components}\n"
        );
        // Packages for all machines are in every machine's index, as Debian has it; where there is no such index, apt
        // takes theirs.
        if architectures != "all" {
            text.push_str("No-Support-for-Architecture-all: Packages\n");
        }
        text.push_str("SHA256:\n");
        for (digest, size, name) in &self.files {
            text.push_str(&format!(" {digest} {size:>9} {name}\n"));
        }
        text
    }
}

/// Whether a file lies below the directory of the suite.
fn is_inside(name: &str) -> bool {
    !name.split('/').any(|part| matches!(part, "" | "." | ".."))
}
