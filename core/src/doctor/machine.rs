//! What the checks look at.

use crate::exec::{Environment, Settings};
use crate::install::Comparison;
use crate::inventory::{Built, Candidates, Facts, Kernel, Source, State, Survey, Tree};
use crate::model::{Arch, Instance, KernelRelease, ModuleId, Prebuilt};
use crate::places::Places;
use std::cell::OnceCell;
use std::path::{Path, PathBuf};

/// A root as it was found, and how its distribution does things.
pub struct Machine<'a> {
    /// The places.
    pub places: &'a Places,
    /// The running system.
    pub environment: &'a Environment,
    /// What is settled for runs.
    pub settings: &'a Settings,
    /// Reads configurations and records.
    pub survey: &'a Survey<'a>,
    /// The DKMS tree.
    pub tree: &'a Tree,
    /// The kernels.
    pub kernels: &'a [Kernel],
    /// The newest version of every module for every kernel.
    pub candidates: &'a Candidates,
    /// The command that brings a kernel's headers.
    pub headers_command: &'a dyn Fn(&KernelRelease) -> String,
    /// The files of installed packages, by package, where dpkg keeps lists of them; read when first needed.
    pub owned: OnceCell<Vec<(String, String)>>,
}

/// A directory entry.
pub(super) struct Entry {
    pub name: String,
    pub path: PathBuf,
    pub is_dir: bool,
    pub is_link: bool,
}

impl<'a> Machine<'a> {
    /// A path inside the root, as text for a finding or a command.
    pub(super) fn inside(&self, place: &Path) -> String {
        self.places.root.inside(place).display().to_string()
    }

    /// A file inside the root as text, if it can be read.
    pub(super) fn text(&self, path: impl AsRef<Path>) -> Option<String> {
        let place = self.places.root.opened(path).ok()?;
        Some(String::from_utf8_lossy(&std::fs::read(place).ok()?).into_owned())
    }

    /// Whether something is there, links followed inside the root.
    pub(super) fn exists(&self, path: impl AsRef<Path>) -> bool {
        self.places.root.opened(path).is_ok_and(|place| place.exists())
    }

    /// The Debian package that owns a path, or owned it when it was last configured.
    pub(super) fn owner(&self, path: &str) -> Option<String> {
        let merged = path.strip_prefix("/usr").unwrap_or(path);
        let owned = self.owned.get_or_init(|| self.read_owned());
        let owner = owned.iter().find(|(_, file)| file.strip_prefix("/usr").unwrap_or(file) == merged);
        owner.map(|(package, _)| package.clone())
    }

    /// Modules and their sources only: all else is nobody's business here.
    fn read_owned(&self) -> Vec<(String, String)> {
        let mut owned = Vec::new();
        for entry in entries(&self.places.root.at("/var/lib/dpkg/info")) {
            let Some(package) = entry.name.strip_suffix(".list") else { continue };
            let Ok(list) = std::fs::read_to_string(&entry.path) else { continue };
            let package = package.split(':').next().unwrap_or(package);
            let counts = |file: &&str| file.contains("/modules/") || file.starts_with("/usr/src/");
            owned.extend(list.lines().filter(counts).map(|file| (package.to_string(), file.to_string())));
        }
        owned
    }

    /// What a built instance says for its kernel: as recorded when it was built, else as its configuration says now.
    pub(super) fn facts_of(&self, built: &Built) -> Option<Facts> {
        let instance = &built.instance;
        if let Some(record) = self.survey.record(instance) {
            return Some(Facts {
                directives: record.directives,
                warnings: Vec::new(),
                excluded_records: Vec::new(),
                excluded: None,
                conf: String::new(),
            });
        }
        let kernel = Kernel {
            release: instance.kernel.clone(),
            arch: instance.arch.clone(),
            headers: None,
            has_image: true,
            is_staged: false,
        };
        let kernel = self.kernels.iter().find(|k| k.release == instance.kernel).unwrap_or(&kernel);
        self.survey.facts(&instance.module, &self.survey.conf_of(&instance.module), kernel, false).ok()
    }

    /// Everything that is built, with its source in order or not.
    pub(super) fn built(&self) -> impl Iterator<Item = &'a Built> {
        self.tree.modules.iter().flat_map(|m| m.built.iter())
    }

    /// What is active for a kernel that is there, and not about to make way for a package's modules.
    pub(super) fn active(&self) -> impl Iterator<Item = &'a Built> {
        self.claimed().filter(|b| !self.is_prebuilt(&b.instance))
    }

    /// What is active for a kernel that is there.
    pub(super) fn claimed(&self) -> impl Iterator<Item = &'a Built> {
        self.built().filter(|b| b.active && self.is_here(&b.instance.kernel))
    }

    /// Whether a package of prebuilt modules serves an instance's kernel.
    pub(super) fn is_prebuilt(&self, instance: &Instance) -> bool {
        let kernel = self.kernels.iter().find(|kernel| kernel.release == instance.kernel);
        kernel.is_some_and(|kernel| self.survey.prebuilts().of(kernel, &instance.module.name).is_some())
    }

    /// The files of all prebuilts that serve a kernel, with their places on the machine.
    pub(super) fn prebuilt_files(&self) -> impl Iterator<Item = (&'a Prebuilt, PathBuf)> {
        let serving = |p: &&Prebuilt| {
            self.kernels.iter().any(|k| self.survey.prebuilts().of(k, &p.module.name) == Some(*p))
        };
        let whole = self.survey.prebuilts().whole.iter().filter(serving);
        whole.flat_map(|prebuilt| {
            let dir = self.places.kernel_dir(&prebuilt.kernel);
            prebuilt.files.iter().map(move |file| (prebuilt, dir.join(file.below_kernel())))
        })
    }

    /// Whether a kernel has a directory of modules.
    pub(super) fn is_here(&self, release: &KernelRelease) -> bool {
        self.kernels.iter().any(|k| k.release == *release)
    }

    /// The places of an instance's files below its kernel; those of which nothing can be read go by the tree's names.
    pub(super) fn installed_paths(&self, built: &Built) -> Vec<PathBuf> {
        if let Some(facts) = self.facts_of(built) {
            return self.survey.placement(built, &facts).installed_paths();
        }
        let Some(destination) = &self.settings.destination else { return Vec::new() };
        let dir = self.places.kernel_dir(&built.instance.kernel).join(destination.trim_start_matches('/'));
        built.modules().map(|name| dir.join(name)).collect()
    }

    /// How the files of what is no candidate (an older version, another architecture) compare.
    pub(super) fn comparison(&self, built: &Built) -> Option<Comparison> {
        let facts = self.facts_of(built)?;
        Some(self.survey.placement(built, &facts).compare())
    }

    /// The state of the candidate for an instance, if it is one.
    pub(super) fn candidate_state(&self, built: &Built) -> Option<&'a State> {
        self.candidates.found.iter().find(|c| c.instance == built.instance).map(|c| &c.state)
    }

    /// The registered modules whose source is in this state.
    pub(super) fn with_source(&self, source: &Source) -> impl Iterator<Item = &'a ModuleId> {
        let source = source.clone();
        self.tree.modules.iter().filter(move |m| m.source == source).map(|m| &m.module)
    }
}

/// The entries of a directory that can be read, in byte order.
pub(super) fn entries(dir: &Path) -> Vec<Entry> {
    let mut found: Vec<_> = std::fs::read_dir(dir)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let kind = entry.file_type().ok()?;
            Some(Entry {
                name: entry.file_name().into_string().ok()?,
                path: entry.path(),
                is_dir: kind.is_dir(),
                is_link: kind.is_symlink(),
            })
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// `K` or, where the architecture is not the kernel's usual one, `K/A`, as DKMS's `-k` takes it.
pub(super) fn kernel_operand(release: &KernelRelease, arch: &Arch, usual: &Arch) -> String {
    if arch == usual { release.to_string() } else { format!("{release}/{arch}") }
}
