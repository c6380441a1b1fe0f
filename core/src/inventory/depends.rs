//! BUILD_DEPENDS_REBUILD: which version of another package a module was built against (contract 2.5). DKMS keeps it beside
//! the build in `.dep_NAME`, one line each; so does evermod, so that either goes on with the other's tree.

use super::survey::Survey;
use crate::model::{Directives, Instance, ModuleId, compare};
use crate::places::Places;
use std::path::{Path, PathBuf};

/// One package of BUILD_DEPENDS, as a built module knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltAgainst {
    /// Its name.
    pub name: String,
    /// The version that was there when the module was built, where that is known.
    pub then: Option<String>,
    /// The highest version that is built for the same kernel now.
    pub now: Option<String>,
}

impl BuiltAgainst {
    /// Whether the module is to be built again once `coming`, or else what is there, is the package's version.
    pub fn is_outdated(&self, coming: Option<&str>) -> bool {
        let newest = match (coming, self.now.as_deref()) {
            (Some(coming), Some(now)) if compare(coming, now).is_lt() => Some(now),
            (coming, now) => coming.or(now),
        };
        newest.is_some() && newest != self.then.as_deref()
    }
}

/// The file that remembers it, below `T/M/V/K/A`; none for a name that is no module's.
fn file(dir: &Path, name: &str) -> Option<PathBuf> {
    ModuleId::new(name, "0").ok().map(|_| dir.join(format!(".dep_{name}")))
}

/// The highest version of a package that is built for the instance's kernel.
fn highest_built(places: &Places, name: &str, instance: &Instance) -> Option<String> {
    let versions = std::fs::read_dir(places.name_dir(name)).ok()?;
    let is_built = |version: &String| {
        let Ok(module) = ModuleId::new(name, version) else { return false };
        places.instance_dir(&Instance { module, ..instance.clone() }).join("module").is_dir()
    };
    let names = versions.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(is_built).max_by(|a, b| compare(a, b))
}

/// What is to be remembered of a build that has just ended: files for its directory, with their content.
pub fn built_against(
    places: &Places,
    instance: &Instance,
    directives: &Directives,
) -> Vec<(PathBuf, String)> {
    if !directives.build_depends_rebuild {
        return Vec::new();
    }
    let remembered = |name: &String| {
        let file = file(Path::new(""), name)?;
        Some((file, format!("{}\n", highest_built(places, name, instance)?)))
    };
    directives.build_depends.iter().filter_map(remembered).collect()
}

impl Survey<'_> {
    /// The packages that a built instance is to be built again for, whenever their version changes; none without
    /// BUILD_DEPENDS_REBUILD.
    pub fn built_against(&self, instance: &Instance, directives: &Directives) -> Vec<BuiltAgainst> {
        if !directives.build_depends_rebuild {
            return Vec::new();
        }
        let dir = self.places.instance_dir(instance);
        let known = |name: &String| {
            let then = std::fs::read_to_string(file(&dir, name)?).ok();
            Some(BuiltAgainst {
                name: name.clone(),
                then: then.map(|text| text.trim().to_string()),
                now: highest_built(self.places, name, instance),
            })
        };
        directives.build_depends.iter().filter_map(known).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Arch, KernelRelease};
    use crate::root::Root;

    #[test]
    fn upgrades_downgrades_and_the_unknown_past_count() {
        let against = |then: Option<&str>, now: Option<&str>| BuiltAgainst {
            name: "lender".into(),
            then: then.map(str::to_string),
            now: now.map(str::to_string),
        };
        for (then, now, coming, outdated) in [
            (Some("1"), Some("1"), None, false),
            (Some("1"), Some("2"), None, true),
            (Some("2"), Some("1"), None, true),
            (None, Some("1"), None, true),
            (Some("1"), Some("1"), Some("2"), true),
            (Some("1"), Some("1"), Some("1"), false),
            // A version that is built counts as long as it is there, whatever lower one is built now.
            (Some("2"), Some("2"), Some("1"), false),
            // What is gone brings nothing: the module goes on as it is.
            (Some("1"), None, None, false),
            (None, None, None, false),
        ] {
            let verdict = against(then, now).is_outdated(coming);
            assert_eq!(verdict, outdated, "{then:?} {now:?} {coming:?}");
        }
    }

    #[test]
    fn the_highest_version_that_is_built() {
        let dir = tempfile::tempdir().unwrap();
        let places = Places::new(Root::new(dir.path()));
        let instance = Instance {
            module: ModuleId::new("m", "1").unwrap(),
            kernel: KernelRelease::new("6.1").unwrap(),
            arch: Arch::new("x86_64").unwrap(),
        };
        for version in ["1.9", "1.10", "1.11"] {
            let module = ModuleId::new("dep", version).unwrap();
            let below = if version == "1.11" { "log" } else { "module" };
            let place = places.instance_dir(&Instance { module, ..instance.clone() }).join(below);
            std::fs::create_dir_all(place).unwrap();
        }
        let depends = |names: &[&str], rebuild| Directives {
            build_depends: names.iter().map(|n| n.to_string()).collect(),
            build_depends_rebuild: rebuild,
            ..Directives::default()
        };
        let files = |d: &Directives| built_against(&places, &instance, d);
        assert_eq!(
            files(&depends(&["dep", "gone", "../x"], true)),
            [(".dep_dep".into(), "1.10\n".to_string())]
        );
        assert!(files(&depends(&["dep"], false)).is_empty());
    }
}
