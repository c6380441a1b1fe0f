//! What builds that were cut off left in the tree, whoever made them.

use crate::model::ModuleId;
use crate::places::{NOT_KERNELS, Places};
use std::fs::DirEntry;
use std::path::{Path, PathBuf};

/// Directories in `T/M/V` that hold nothing that is built: staging directories, those of an architecture with at most
/// a log, and those of a kernel with nothing but such. Whatever else somebody keeps there is not listed.
pub fn leftovers(places: &Places, module: &ModuleId) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for kernel in list(&places.module_dir(module)) {
        if !is_dir(&kernel) || NOT_KERNELS.contains(&kernel.file_name().to_string_lossy().as_ref()) {
            continue;
        }
        let entries = list(&kernel.path());
        let gone: Vec<_> = entries.iter().filter(|e| is_leftover(e)).map(DirEntry::path).collect();
        if gone.len() == entries.len() {
            found.push(kernel.path());
        } else {
            found.extend(gone);
        }
    }
    found.sort();
    found
}

fn is_leftover(entry: &DirEntry) -> bool {
    is_dir(entry)
        && (entry.file_name().to_string_lossy().starts_with(".tmp_")
            || list(&entry.path()).iter().all(|below| below.file_name() == "log"))
}

fn is_dir(entry: &DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_dir())
}

fn list(dir: &Path) -> Vec<DirEntry> {
    std::fs::read_dir(dir).into_iter().flatten().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::Root;

    #[test]
    fn only_what_holds_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let places = Places::new(Root::new(dir.path()));
        let module = ModuleId::new("m", "1").unwrap();
        let base = places.module_dir(&module);
        for path in [
            "build/src",
            "tarball",
            "6.1/x86_64/module",
            "6.1/x86_64/log",
            "6.1/.tmp_x86_64_abcdef/module",
            "6.2/x86_64/log",
            "6.3",
            "6.4/x86_64/notes",
            "6.5/.tmp_x86_64_a",
            "6.5/aarch64/module",
        ] {
            std::fs::create_dir_all(base.join(path)).unwrap();
        }
        let found = leftovers(&places, &module);
        let relative: Vec<_> =
            found.iter().map(|p| p.strip_prefix(&base).unwrap().to_str().unwrap()).collect();
        assert_eq!(relative, ["6.1/.tmp_x86_64_abcdef", "6.2", "6.3", "6.5/.tmp_x86_64_a"]);
    }
}
