//! rpm-md repositories: `repodata/repomd.xml` and the three lists that it names, as createrepo_c writes them.
//!
//! The lists are text of a shape of our own: one package after the other, in the order of their keys, so that one more
//! is put between two others. A mark at their head tells such a list from other programs'.

mod package;
mod repomd;
mod xml;

use super::{IndexFile, Item, Key, RepositoryError, Stored, codec, merged, sha256};
use crate::read::{Listed, PackageFile};

pub use repomd::{Data, Repomd};

/// A package in the three lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    texts: [String; 3],
}

/// The three lists, in this order everywhere.
pub const LISTS: [&str; 3] = ["primary", "filelists", "other"];
/// The first lines, up to the number of packages, of each.
const HEADS: [&str; 3] = [
    "<metadata xmlns=\"http://linux.duke.edu/metadata/common\" xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" packages=\"",
    "<filelists xmlns=\"http://linux.duke.edu/metadata/filelists\" packages=\"",
    "<otherdata xmlns=\"http://linux.duke.edu/metadata/other\" packages=\"",
];
const TAILS: [&str; 3] = ["</metadata>\n", "</filelists>\n", "</otherdata>\n"];
/// What tells our lists from others.
const MARK: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- evermod rpm-md 1 -->\n";
const BEGIN: &str = "<package ";
const END: &str = "</package>\n";

/// Where a package belongs below the top of a repository: `Packages/N/NAME-VERSION-RELEASE.ARCH.rpm`.
///
/// # Errors
/// Its file has another package's name.
pub fn package_path(package: &PackageFile, file_name: &str) -> Result<String, RepositoryError> {
    let PackageFile { name, version, architecture, .. } = package;
    let short = version.split_once(':').map_or(version.as_str(), |(_, rest)| rest);
    let own = format!("{name}-{short}.{architecture}.rpm");
    if own != file_name {
        return Err(RepositoryError::package(format!(
            "by what it says of itself its file should be called {own}"
        )));
    }
    if architecture == "src" || architecture == "nosrc" {
        return Err(RepositoryError::package("it is a source package"));
    }
    let known = |b: u8| b.is_ascii_alphanumeric() || b"_+-.~^%".contains(&b);
    if !own.bytes().all(known) {
        return Err(RepositoryError::package(
            "its name, version or architecture has characters that no rpm has",
        ));
    }
    let letter = name.chars().next().unwrap_or('_').to_ascii_lowercase();
    Ok(format!("Packages/{letter}/{own}"))
}

/// What the lists say of a package.
///
/// # Errors
/// It is no `.rpm`, or its header is damaged.
pub fn entry(package: &PackageFile, listing: &[Listed], stored: &Stored) -> Result<Entry, RepositoryError> {
    let damaged = |why: String| RepositoryError::package(why);
    let details = package.rpm_details().map_err(|why| damaged(why.to_string()))?;
    let details = details.ok_or_else(|| damaged("it is no .rpm".to_owned()))?;
    Ok(Entry { texts: package::texts(package, &details, listing, stored) })
}

/// The lists with others in them; `None` where they are all there already. An empty text is an empty list.
///
/// # Errors
/// A list is none of ours; a package of that name, version and architecture is there with other contents.
pub fn merge(lists: &[String; 3], added: &[Entry]) -> Result<Option<[String; 3]>, RepositoryError> {
    let mut out = [String::new(), String::new(), String::new()];
    for (at, text) in lists.iter().enumerate() {
        let (Some(head), Some(tail), Some(out)) = (HEADS.get(at), TAILS.get(at), out.get_mut(at)) else {
            break;
        };
        let there = items(text, head, tail)?;
        let added = added.iter().filter_map(|entry| item(entry.texts.get(at)?));
        let Some(items) = merged(there, added)? else { return Ok(None) };
        let length: usize = items.iter().map(|item| item.text.len()).sum();
        out.reserve(length + 512);
        out.push_str(&format!("{MARK}{head}{}\">\n", items.len()));
        for item in &items {
            out.push_str(item.text);
        }
        out.push_str(tail);
    }
    Ok(Some(out))
}

/// Whether the lists are in the shape that [`merge`] can add to.
pub fn are_ours(lists: &[String; 3]) -> bool {
    lists.iter().all(|text| text.starts_with(MARK))
}

/// Whether the primary list refers to this file.
pub fn refers_to(primary: &str, path: &str) -> bool {
    primary.contains(&format!("<location href=\"{}\"/>", xml::escaped(path)))
}

/// The files of `repodata` with these lists but for `repomd.xml`, and what that says of them.
///
/// # Errors
/// A compressor fails.
pub fn files(lists: &[String; 3], time: u64) -> Result<(Vec<IndexFile>, Vec<Data>), RepositoryError> {
    let (mut files, mut data) = (Vec::new(), Vec::new());
    for (kind, text) in LISTS.iter().zip(lists) {
        let content = codec::zstd(text.as_bytes())?;
        let digest = sha256(&content);
        let name = format!("{digest}-{kind}.xml.zst");
        data.push(Data {
            kind: (*kind).to_owned(),
            name: name.clone(),
            digest,
            size: content.len() as u64,
            open_digest: sha256(text.as_bytes()),
            open_size: text.len() as u64,
            time,
        });
        files.push(IndexFile { name, content });
    }
    Ok((files, data))
}

/// The packages of a list.
fn items<'a>(text: &'a str, head: &str, tail: &str) -> Result<Vec<Item<'a>>, RepositoryError> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let damaged =
        || RepositoryError::Index("a list of packages is in another shape than evermod's".to_owned());
    let inner = text.strip_prefix(MARK).and_then(|text| text.strip_prefix(head)).ok_or_else(damaged)?;
    let (_, inner) = inner.split_once('\n').ok_or_else(damaged)?;
    let inner = inner.strip_suffix(tail).ok_or_else(damaged)?;
    // Neither can be in a text: brackets are written as entities there.
    inner.split_inclusive(END).map(|text| item(text).ok_or_else(damaged)).collect()
}

fn item(text: &str) -> Option<Item<'_>> {
    if !text.starts_with(BEGIN) || !text.ends_with(END) {
        return None;
    }
    // As [`package`] writes it: in `primary` elements, in the others attributes.
    let between = |from: &str, to: &str| Some(text.split_once(from)?.1.split_once(to)?.0);
    let version = between("<version ", "/>")?;
    let (name, architecture, digest) = if text.starts_with("<package type=") {
        (between("<name>", "<")?, between("<arch>", "<")?, between("pkgid=\"YES\">", "<")?)
    } else {
        (between(" name=\"", "\"")?, between(" arch=\"", "\"")?, between(" pkgid=\"", "\"")?)
    };
    Some(Item { key: Key { name, version, architecture }, digest, text })
}
