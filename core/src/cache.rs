//! Results of builds, by the key of their inputs: what was built before a transaction waits here until the kernel is there,
//! and what was built for packages until it is packaged again.
//!
//! An entry is the directory that a build puts into the DKMS tree (`T/M/V/K/A`). It appears in one step and leaves in
//! one, so that a run that is cut off loses at most the time it took.

use crate::install::files::{TEMPORARY, copy_tree, remove_tree_if_there};
use crate::install::source::place_tree;
use crate::model::{BuildKey, BuildRecord};
use crate::places::{Places, RECORD};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How long an entry waits for its kernel; a transaction that was called off is rarely taken up later.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// Keeps the result of a build that lies in `built`.
///
/// # Errors
/// The cache cannot be written to.
pub fn put(places: &Places, key: &BuildKey, built: &Path) -> io::Result<()> {
    place_tree(built, &places.cached(key), false, None)
}

/// The entry of a key with its record, if there is a whole one.
pub fn get(places: &Places, key: &BuildKey) -> Option<(PathBuf, BuildRecord)> {
    let entry = places.cached(key);
    let text = std::fs::read(entry.join(RECORD)).ok()?;
    let record: BuildRecord = serde_json::from_slice(&text).ok()?;
    (record.key == *key && !record.adopted && entry.join("module").is_dir()).then_some((entry, record))
}

/// Copies an entry to the directory `to`, which is there.
///
/// # Errors
/// Something cannot be copied.
pub fn copy(entry: &Path, to: &Path) -> io::Result<()> {
    copy_tree(entry, to, None)
}

/// Drops an entry.
///
/// # Errors
/// It cannot be deleted.
pub fn drop(places: &Places, key: &BuildKey) -> io::Result<()> {
    remove_tree_if_there(&places.cached(key))
}

/// Deletes what has waited too long, and what a run that was cut off left.
///
/// # Errors
/// Something cannot be deleted.
pub fn sweep(places: &Places, now: SystemTime) -> io::Result<()> {
    for entry in std::fs::read_dir(places.cache()).into_iter().flatten().flatten() {
        let is_old = || {
            let modified = entry.metadata().and_then(|meta| meta.modified()).ok();
            modified.and_then(|then| now.duration_since(then).ok()).is_some_and(|age| age > KEPT)
        };
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY) || is_old() {
            remove_tree_if_there(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::Root;

    #[test]
    fn an_entry_is_found_by_its_key_until_it_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let places = Places::new(Root::new(dir.path()));
        let built = dir.path().join("built");
        std::fs::create_dir_all(built.join("module")).unwrap();
        std::fs::write(built.join("module/m.ko"), "ELF").unwrap();
        let key = BuildKey("k1".into());
        let record = |key: &str| {
            format!(
                r#"{{"version":1,"key":"{key}","adopted":false,"directives":{},"conf":"","milliseconds":1}}"#,
                serde_json::to_string(&crate::model::Directives::default()).unwrap()
            )
        };
        // Another key inside: somebody moved it.
        std::fs::write(built.join(RECORD), record("k2")).unwrap();
        put(&places, &key, &built).unwrap();
        assert!(get(&places, &key).is_none());
        std::fs::write(built.join(RECORD), record("k1")).unwrap();
        put(&places, &key, &built).unwrap();
        let (entry, _) = get(&places, &key).unwrap();
        assert_eq!(std::fs::read(entry.join("module/m.ko")).unwrap(), b"ELF");

        sweep(&places, SystemTime::now()).unwrap();
        assert!(get(&places, &key).is_some());
        sweep(&places, SystemTime::now() + KEPT + Duration::from_secs(60)).unwrap();
        assert!(get(&places, &key).is_none());
        put(&places, &key, &built).unwrap();
        drop(&places, &key).unwrap();
        assert!(get(&places, &key).is_none());
    }
}
