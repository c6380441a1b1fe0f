//! Indexes of package repositories, as values: what APT, dnf and pacman read beside the packages.
//!
//! Each format has the same three steps. A package that was read becomes an *entry*; entries are merged into the text
//! of the index as it is, which is not made anew; and the text becomes files. Nothing here touches a disk: whoever
//! calls keeps to the order in which files may appear.

pub mod apt;
mod codec;
mod error;
pub mod pacman;
pub mod rpm_md;

#[cfg(test)]
mod tests;

use sha2::{Digest, Sha256};

pub use codec::plain;
pub use error::RepositoryError;

/// A package file as it lies in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Below the top of the repository.
    pub path: String,
    /// In bytes.
    pub size: u64,
    /// Of the whole file, in hexadecimal digits.
    pub sha256: String,
}

impl Stored {
    /// The file of these bytes at `path`, below the top of the repository.
    pub fn new(path: String, content: &[u8]) -> Self {
        Self { path, size: content.len() as u64, sha256: sha256(content) }
    }
}

/// A file of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexFile {
    /// Below the directory of the index.
    pub name: String,
    /// All of it.
    pub content: Vec<u8>,
}

/// SHA-256 in hexadecimal digits.
pub fn sha256(content: &[u8]) -> String {
    format!("{:x}", Sha256::digest(content))
}

/// What makes one package another than the next: entries of an index are sorted by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key<'a> {
    name: &'a str,
    version: &'a str,
    architecture: &'a str,
}

/// One package of an index: its key, the digest of its file, and its text.
#[derive(Clone, Copy)]
pub(crate) struct Item<'a> {
    key: Key<'a>,
    digest: &'a str,
    text: &'a str,
}

/// The entries of an index with others among them, sorted; `None` where they were there already.
///
/// # Errors
/// One of them is there with other contents.
pub(crate) fn merged<'a>(
    mut there: Vec<Item<'a>>,
    added: impl Iterator<Item = Item<'a>>,
) -> Result<Option<Vec<Item<'a>>>, RepositoryError> {
    // What we wrote is sorted; what others wrote may not be.
    if !there.is_sorted_by_key(|item| item.key) {
        there.sort_by_key(|item| item.key);
    }
    let mut new: Vec<Item<'a>> = Vec::new();
    for item in added {
        let known =
            there.binary_search_by_key(&item.key, |other| other.key).ok().and_then(|at| there.get(at));
        match known.or_else(|| new.iter().find(|other| other.key == item.key)) {
            None => new.push(item),
            Some(other) if other.digest == item.digest => {}
            Some(_) => {
                let Key { name, version, architecture } = item.key;
                return Err(RepositoryError::other_contents(name, version, architecture));
            }
        }
    }
    if new.is_empty() {
        return Ok(None);
    }
    there.append(&mut new);
    // Two sorted runs, or nearly: a merge.
    there.sort_by_key(|item| item.key);
    Ok(Some(there))
}
