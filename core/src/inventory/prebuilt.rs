//! Prebuilt modules: what packages have brought for kernels, and whether it is still what they brought.

use super::digests::Digests;
use super::kernels::Kernel;
use super::survey::Survey;
use super::tree::Tree;
use crate::install::{Packaged, Placement};
use crate::model::{BadPrebuilt, Instance, ModuleId, Prebuilt};
use crate::places::Places;
use std::cell::LazyCell;
use std::io;
use std::path::{Path, PathBuf};

/// A record that is longer is none of ours, in bytes: a thousand files take a tenth of it.
const LONGEST: u64 = 2 << 20;

/// All records of a root.
#[derive(Debug, Default)]
pub struct Prebuilts {
    /// Those whose files are all there as their packages brought them, by kernel and module.
    pub whole: Vec<Prebuilt>,
    /// Those that do not count.
    pub faulty: Vec<FaultyPrebuilt>,
}

/// A record that does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultyPrebuilt {
    /// The record's place inside the root.
    pub path: PathBuf,
    /// The record, where it can be read and only its files are wrong.
    pub prebuilt: Option<Prebuilt>,
    /// What is wrong, as a clause.
    pub why: String,
}

/// What evermod itself has installed for a kernel that a prebuilt serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The version that is active.
    pub instance: Instance,
    /// The package that serves.
    pub package: String,
    /// Whether it has files of its own below the kernel, beside those of the package.
    pub has_files: bool,
}

impl Prebuilts {
    /// Reads all records and compares the files that they name.
    pub fn read(places: &Places, digests: &mut Digests) -> Self {
        let mut found = Self::default();
        for (path, record) in records(places) {
            match record {
                Err(BadPrebuilt(why)) => found.faulty.push(FaultyPrebuilt { path, prebuilt: None, why }),
                Ok(prebuilt) => match altered(places, digests, &prebuilt) {
                    None => found.whole.push(prebuilt),
                    Some(why) => {
                        found.faulty.push(FaultyPrebuilt { path, prebuilt: Some(prebuilt), why });
                    }
                },
            }
        }
        found.whole.sort_by(|a, b| (&a.kernel, &a.module).cmp(&(&b.kernel, &b.module)));
        found
    }

    /// The one that serves a kernel with a module, in whatever version: somebody has chosen to install it.
    pub fn of(&self, kernel: &Kernel, name: &str) -> Option<&Prebuilt> {
        self.whole.iter().find(|p| {
            p.kernel == kernel.release && p.module.name == name && p.arch.is_same_machine(&kernel.arch)
        })
    }
}

/// The files of packages of prebuilts that are there, altered or not.
pub fn packaged(places: &Places) -> Packaged {
    let mut packaged = Packaged::default();
    for prebuilt in records(places).into_iter().filter_map(|(_, record)| record.ok()) {
        for file in &prebuilt.files {
            if let Ok(place) = places.root.resolve(&file.path) {
                packaged.add(&place);
            }
        }
    }
    packaged
}

/// Every record, or what is wrong with it, in the order of their names.
fn records(places: &Places) -> Vec<(PathBuf, Result<Prebuilt, BadPrebuilt>)> {
    let top = places.prebuilts();
    let mut found = Vec::new();
    let mut list = |dir: &Path| match names(places, dir) {
        Ok(names) => names,
        Err(error) => {
            found.push((dir.to_path_buf(), Err(BadPrebuilt(error.to_string()))));
            Vec::new()
        }
    };
    let mut paths = Vec::new();
    for kernel in list(top) {
        let dir = top.join(kernel);
        let of_kernel = list(&dir).into_iter().filter(|name| name.ends_with(".json"));
        paths.extend(of_kernel.map(|name| dir.join(name)));
    }
    found.extend(paths.into_iter().map(|path| {
        let record = read(places, &path);
        (path, record)
    }));
    found
}

/// The names in a directory, sorted; none where it is not there.
fn names(places: &Places, dir: &Path) -> io::Result<Vec<String>> {
    let place = places.root.resolve(dir)?;
    let listing = match std::fs::read_dir(place) {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names: Vec<_> = listing
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<_>>()?;
    names.sort();
    Ok(names)
}

fn read(places: &Places, path: &Path) -> Result<Prebuilt, BadPrebuilt> {
    let io = |error: io::Error| BadPrebuilt(error.to_string());
    let place = places.root.resolve(path).map_err(io)?;
    let meta = std::fs::symlink_metadata(&place).map_err(io)?;
    if !meta.is_file() || meta.len() > LONGEST {
        return Err(BadPrebuilt("it is no record of modules".into()));
    }
    let prebuilt = Prebuilt::parse(&std::fs::read_to_string(&place).map_err(io)?)?;
    // Under another name it would be found by nobody who looks for it, or found twice.
    let own = Path::new(prebuilt.kernel.as_str()).join(format!("{}.json", prebuilt.module.name));
    match path.ends_with(&own) {
        true => Ok(prebuilt),
        false => Err(BadPrebuilt(format!("what it says belongs into {}", own.display()))),
    }
}

/// The first file that is not what the package brought.
fn altered(places: &Places, digests: &mut Digests, prebuilt: &Prebuilt) -> Option<String> {
    prebuilt.files.iter().find_map(|file| {
        let place = places.root.resolve(&file.path).ok().filter(|place| place.is_file());
        let Some(place) = place else { return Some(format!("{} is missing", file.path.display())) };
        match digests.of_content(&place) {
            Ok(digest) if digest == file.sha256 => None,
            Ok(_) => Some(format!("{} is altered", file.path.display())),
            Err(error) => Some(error.to_string()),
        }
    })
}

impl Survey<'_> {
    /// All prebuilts of the root, less those that are about to go.
    pub fn prebuilts(&self) -> &Prebuilts {
        self.prebuilts.get_or_init(|| {
            let mut found = Prebuilts::read(self.places, &mut self.digests.borrow_mut());
            let goes =
                |p: &Prebuilt| self.options.departing.contains(&(p.kernel.clone(), p.module.name.clone()));
            found.whole.retain(|prebuilt| !goes(prebuilt));
            found
        })
    }

    /// What is installed of evermod's own where a prebuilt serves: it makes way.
    pub fn claims(&self, tree: &Tree, kernels: &[Kernel]) -> Vec<Claim> {
        let packaged = LazyCell::new(|| packaged(self.places));
        let mut claims = Vec::new();
        for kernel in kernels {
            for ((name, release, arch), version) in &tree.active {
                let is_here = *release == kernel.release && arch.is_same_machine(&kernel.arch);
                let Some(prebuilt) = self.prebuilts().of(kernel, name).filter(|_| is_here) else { continue };
                let module = ModuleId { name: name.clone(), version: version.clone() };
                let instance = Instance { module, kernel: release.clone(), arch: arch.clone() };
                if tree.built(&instance).is_none() {
                    // A link that leads nowhere is mended otherwise.
                    continue;
                }
                let (directives, excluded) = self.directives_then(&instance, kernel);
                let records = directives.records_but(&excluded);
                let placement =
                    Placement::new(self.places, &instance, &records, self.options.destination.as_deref());
                let placement = Placement { packaged: Some(&packaged), ..placement };
                let has_files = !placement.own_paths().is_empty();
                claims.push(Claim { instance, package: prebuilt.package.clone(), has_files });
            }
        }
        claims
    }
}
