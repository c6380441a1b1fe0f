//! Weak modules: what another kernel's build provides by a link (contract 4.6).

use super::survey::Survey;
use crate::model::{Directives, Instance, KernelRelease};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where the distributions' programs put the links, below a kernel.
const DIRECTORY: &str = "weak-updates";

impl Survey<'_> {
    /// The kernel whose modules the instance's kernel borrows, all of them; `others` tells whether the module is installed
    /// for a kernel.
    pub fn weak_source(
        &self,
        instance: &Instance,
        directives: &Directives,
        others: &dyn Fn(&KernelRelease) -> bool,
    ) -> Option<KernelRelease> {
        if !self.options.weak_modules {
            return None;
        }
        let mut known = self.weak_links.borrow_mut();
        let links = known
            .entry(instance.kernel.clone())
            .or_insert_with(|| links_below(&self.places.kernel_dir(&instance.kernel).join(DIRECTORY)));
        let mut sources = directives.records.iter().map(|record| {
            let target = links.get(&record.dest_name)?;
            let below = target.strip_prefix(&self.places.install_tree).ok().or_else(|| {
                // On merged systems /lib/modules is /usr/lib/modules, and either may be written.
                target.strip_prefix("/usr/lib/modules").or_else(|_| target.strip_prefix("/lib/modules")).ok()
            })?;
            KernelRelease::new(below.iter().next()?.to_str()?).ok()
        });
        let first = sources.next()??;
        let is_whole = sources.all(|other| other.as_ref() == Some(&first));
        (is_whole && first != instance.kernel && others(&first)).then_some(first)
    }
}

/// The links to modules below a directory, by the module's name.
fn links_below(dir: &Path) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![dir.to_path_buf()];
    while let Some(dir) = waiting.pop() {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                waiting.push(entry.path());
            } else if let (Some((stem, _)), Ok(target)) =
                (name.split_once(".ko"), std::fs::read_link(entry.path()))
            {
                found.insert(stem.to_string(), target);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_by_the_modules_name() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("extra/sub")).unwrap();
        std::os::unix::fs::symlink(
            "/lib/modules/5.14.0-1/extra/a.ko.xz",
            dir.path().join("extra/sub/a.ko.xz"),
        )
        .unwrap();
        std::fs::write(dir.path().join("extra/b.ko"), "no link").unwrap();
        let found = links_below(dir.path());
        assert_eq!(found.len(), 1);
        assert_eq!(found["a"], Path::new("/lib/modules/5.14.0-1/extra/a.ko.xz"));
        assert!(links_below(&dir.path().join("nowhere")).is_empty());
    }
}
