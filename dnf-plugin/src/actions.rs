//! dnf 5's actions plugin in its JSON mode (libdnf5-actions(8)): we ask on standard output, it answers on standard input.

use crate::{Malformed, Package};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Asks for the packages of the transaction.
pub const PACKAGES: &str = r#"{"op":"get","domain":"trans_packages","args":{"output":["direction","action","name","version","release","arch","repo_id","location"]}}"#;
/// Asks where downloads are kept.
pub const CACHE: &str = r#"{"op":"get","domain":"conf","args":{"key":"cachedir"}}"#;
/// Asks where each repository is.
pub const REPOSITORIES: &str = r#"{"op":"get","domain":"conf","args":{"key":"*.baseurl"}}"#;

/// Ends dnf with this message, before anything is installed; nothing is answered.
pub fn stop(message: &str) -> String {
    serde_json::json!({ "op": "stop", "args": { "message": message } }).to_string()
}

/// What an answer brings; nothing at all where dnf refused one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// The packages of the transaction.
    pub packages: Vec<Package>,
    /// Settings and their values.
    pub settings: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "return", default)]
    returned: Returned,
}

#[derive(Default, Deserialize)]
struct Returned {
    #[serde(default)]
    trans_packages: Vec<Package>,
    #[serde(default)]
    keys_val: Vec<KeyValue>,
}

#[derive(Deserialize)]
struct KeyValue {
    key: String,
    value: String,
}

/// Reads an answer; `None` where there is more of it to come.
///
/// # Errors
/// It is no answer.
pub fn reply(text: &str) -> Result<Option<Reply>, Malformed> {
    match serde_json::from_str::<Raw>(text) {
        Ok(Raw { returned: Returned { trans_packages: packages, keys_val } }) => {
            // `?` is a package of which only the reason changes.
            let packages = packages.into_iter().filter(|package| package.action != "?").collect();
            let settings = keys_val.into_iter().map(|pair| (pair.key, pair.value)).collect();
            Ok(Some(Reply { packages, settings }))
        }
        Err(error) if error.is_eof() => Ok(None),
        Err(error) => Err(Malformed::json("dnf5's answer", 0, &error)),
    }
}

/// Where a package's file is, or will be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// There: the user named it, or the repository is a directory of this machine.
    Path(PathBuf),
    /// `DIR/REPOSITORY-DIGEST/packages/NAME`, where the digest is dnf's.
    Cached {
        /// Of all repositories' downloads.
        dir: PathBuf,
        /// What the repository's own directory begins with.
        prefix: String,
        /// Of the file.
        name: String,
    },
}

/// Where the package's file is, by dnf's settings.
pub fn place(package: &Package, settings: &BTreeMap<String, String>) -> Option<Place> {
    let Package { repo_id, location, .. } = package;
    if repo_id == "@commandline" {
        return Some(Place::Path(location.into()));
    }
    let urls = settings.get(&format!("{repo_id}.baseurl")).map(String::as_str).unwrap_or_default();
    if let Some(dir) = urls.split([',', ' ', '\n']).find_map(|url| url.strip_prefix("file://")) {
        return Some(Place::Path(Path::new(dir).join(location)));
    }
    let name = Path::new(location).file_name()?.to_str()?.to_string();
    Some(Place::Cached { dir: settings.get("cachedir")?.into(), prefix: format!("{repo_id}-"), name })
}
