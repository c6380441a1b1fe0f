//! Placing an instance's modules below the kernel, comparing them, taking them away.

use super::files::{
    link_atomically, remove_empty_upwards, remove_if_there, sync_directory, write_atomically,
};
use super::modinfo::ModInfo;
use super::originals::{self, Restored};
use super::refusal::{Contender, refusal};
use super::stamp::{BuiltFile, Looks, Stamp};
use super::{Compression, Packaged, compression};
use crate::model::{BuildRecord, Failure, Instance, Record};
use crate::places::{Places, RECORD};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// One module file and where it belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// DEST_MODULE_NAME.
    pub name: String,
    /// DEST_MODULE_LOCATION, where an archived original without a note of its origin goes back to.
    pub location: String,
    /// The directory below the kernel, such as `/updates/dkms`.
    pub destination: String,
}

/// An instance's modules and the kernel directory they belong to.
#[derive(Debug)]
pub struct Placement<'a> {
    /// The places.
    pub places: &'a Places,
    /// Which instance.
    pub instance: &'a Instance,
    /// Its modules.
    pub targets: Vec<Target>,
    /// The files in the tree's `module` directory, where they are known already.
    pub built_files: Option<&'a [BuiltFile]>,
    /// What remembers the directories below kernels, where much is compared.
    pub looks: Option<&'a Looks>,
    /// The files of packages, which stay where they are.
    pub packaged: Option<&'a Packaged>,
}

/// How the tree's modules and the kernel's compare.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// A module is missing in the tree.
    pub built_missing: Option<String>,
    /// A module below the kernel is missing or different.
    pub different: Option<String>,
    /// A module is not below the kernel since the kernel's own is the same or newer.
    pub left_out: Option<String>,
}

/// What an installation did.
#[derive(Debug, Default)]
pub struct Installed {
    /// Places of the files, inside the root.
    pub files: Vec<PathBuf>,
    /// The kernel's own modules that were put aside.
    pub archived: Vec<PathBuf>,
    /// Modules that were not installed, and why.
    pub refused: Vec<String>,
}

/// What an uninstallation did.
#[derive(Debug, Default)]
pub struct Removed {
    /// Files that are gone, inside the root.
    pub files: Vec<PathBuf>,
    /// Modules that were not where they belong, or not ours.
    pub not_found: Vec<String>,
    /// The kernel's own modules that are back, inside the root.
    pub restored: Vec<PathBuf>,
    /// Archived modules whose noted origin cannot be right.
    pub bad_origins: Vec<PathBuf>,
    /// Files of packages that lie where ours would, inside the root: they stay.
    pub packaged: Vec<PathBuf>,
}

/// What of an instance is to be installed.
#[derive(Debug, Default)]
pub struct Judged {
    accepted: Vec<Accepted>,
    /// Modules that are not to be installed, and why.
    pub refused: Vec<String>,
    link: bool,
}

/// One module file that is to be installed.
#[derive(Debug)]
struct Accepted {
    target: Target,
    built: PathBuf,
    installed: PathBuf,
    /// The kernel's own module that has to be put aside.
    original: Option<PathBuf>,
}

/// How much an installation overrides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Overriding {
    /// Install whatever version the kernel has.
    pub version: bool,
    /// Move the kernel's own modules aside, as DKMS does where no package manager minds.
    pub archive: bool,
    /// Place links into the tree in place of copies (`symlink_modules`).
    pub link: bool,
}

impl<'a> Placement<'a> {
    /// The placement of `records`; `destination` overrides their own, as most distributions do.
    pub fn new(
        places: &'a Places,
        instance: &'a Instance,
        records: &[&Record],
        destination: Option<&str>,
    ) -> Self {
        let targets = records
            .iter()
            .map(|r| Target {
                name: r.dest_name.clone(),
                location: r.dest_location.clone(),
                destination: destination.unwrap_or(&r.dest_location).to_string(),
            })
            .collect();
        Self { places, instance, targets, built_files: None, looks: None, packaged: None }
    }

    fn kernel_dir(&self) -> PathBuf {
        self.places.kernel_dir(&self.instance.kernel)
    }

    fn module_dir(&self) -> PathBuf {
        self.places.instance_dir(self.instance).join("module")
    }

    fn inside(&self, place: &Path) -> PathBuf {
        self.places.root.inside(place)
    }

    /// What the tree is known to hold of a module.
    fn known(&self, target: &Target) -> Option<&'a BuiltFile> {
        self.built_files?.iter().find(|file| is_module(&file.name, &target.name))
    }

    /// The built file and its place below the kernel, both on the machine.
    fn pair(&self, target: &Target) -> Option<(PathBuf, PathBuf)> {
        let built = match self.built_files {
            Some(_) => self.module_dir().join(&self.known(target)?.name),
            None => originals::variant(&self.module_dir(), &target.name)?,
        };
        let dir = originals::below(&self.kernel_dir(), &target.destination);
        let installed = dir.join(built.file_name()?);
        Some((built, installed))
    }

    /// The places of all files as they are or would be installed, on the machine.
    pub fn installed_paths(&self) -> Vec<PathBuf> {
        self.targets.iter().filter_map(|t| Some(self.pair(t)?.1)).collect()
    }

    fn is_packaged(&self, place: &Path) -> bool {
        self.packaged.is_some_and(|packaged| packaged.has(place))
    }

    /// The places of files that uninstalling deletes, as far as names tell, on the machine.
    pub fn own_paths(&self) -> Vec<PathBuf> {
        let is_own = |path: &PathBuf| path.symlink_metadata().is_ok() && !self.is_packaged(path);
        self.installed_paths().into_iter().filter(is_own).collect()
    }

    /// Those of them that are the built files, byte by byte.
    pub fn own_copies(&self) -> Vec<PathBuf> {
        let is_copy = |(built, installed): &(PathBuf, PathBuf)| {
            is_same(built, installed) && !installed.is_symlink() && !self.is_packaged(installed)
        };
        self.targets.iter().filter_map(|target| self.pair(target)).filter(is_copy).map(|(_, at)| at).collect()
    }

    /// Compares the tree with the kernel's directory. Files of one size and one modification time, which
    /// [`Self::place`] gives them, count as the same; any others are read.
    pub fn compare(&self) -> Comparison {
        let mut comparison = Comparison::default();
        for target in &self.targets {
            match self.pair(target) {
                None => comparison.built_missing = Some(target.name.clone()),
                Some((built, installed))
                    if !self.is_installed(target, &built, &installed)
                        && !self.is_link_to(&built, &installed) =>
                {
                    match self.preferred(target, &built, &installed) {
                        Some(why) => comparison.left_out.get_or_insert(why),
                        None => comparison
                            .different
                            .get_or_insert_with(|| self.inside(&installed).display().to_string()),
                    };
                }
                Some(_) => {}
            }
        }
        comparison
    }

    /// Whether a built file is the installed one; what is known of either is not asked for again.
    fn is_installed(&self, target: &Target, built: &Path, installed: &Path) -> bool {
        let of_built = self.known(target).map_or_else(|| Stamp::of(built), |file| file.stamp);
        let of_installed = self.looks.map_or_else(|| Stamp::of(installed), |looks| looks.stamp(installed));
        is_same_as((built, of_built), (installed, of_installed))
    }

    /// In another root than `/`, an absolute link is not to be followed by the machine's own eyes.
    fn is_link_to(&self, built: &Path, installed: &Path) -> bool {
        std::fs::read_link(installed).is_ok_and(|to| to == self.inside(built))
    }

    /// Why the kernel's own module stands in for a target of which nothing is installed.
    fn preferred(&self, target: &Target, built: &Path, installed: &Path) -> Option<String> {
        if installed.symlink_metadata().is_ok() {
            return None;
        }
        let original = originals::find(&self.kernel_dir(), &target.destination, &target.name, &[])?;
        let refused = self.refused(&original, built).ok()?;
        refused.or_else(|| {
            let shown = self.inside(&original);
            // DKMS up to 3.0.10 also prefers one without any version; what it decided stands until the next build.
            self.is_adopted().then(|| format!("DKMS preferred the kernel's {}", shown.display()))
        })
    }

    /// Whether another program built the instance.
    fn is_adopted(&self) -> bool {
        let record = std::fs::read(self.places.instance_dir(self.instance).join(RECORD)).ok();
        let record = record.and_then(|text| serde_json::from_slice::<BuildRecord>(&text).ok());
        record.is_none_or(|record| record.adopted)
    }

    /// Why `original`, which the kernel has, is not to be replaced by `built`.
    fn refused(&self, original: &Path, built: &Path) -> io::Result<Option<String>> {
        let (data, content) = (fs_err::read(original)?, fs_err::read(built)?);
        let in_place = Contender { name: &self.inside(original).display().to_string(), data: &data };
        let name = built.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(refusal(in_place, Contender { name: &name, data: &content }))
    }

    /// Gives installed files that are the same as the built ones their modification times, by which
    /// [`Self::compare`] knows them without reading.
    ///
    /// # Errors
    /// A time cannot be set.
    pub fn align_times(&self) -> io::Result<()> {
        for (built, installed) in self.targets.iter().filter_map(|target| self.pair(target)) {
            if is_same(&built, &installed) && !installed.is_symlink() {
                let file = fs_err::OpenOptions::new().write(true).open(&installed)?;
                file.file().set_modified(fs_err::metadata(&built)?.modified()?)?;
            }
        }
        Ok(())
    }

    /// Judges the kernel's own modules: what of the instance is to be installed. Changes nothing.
    ///
    /// # Errors
    /// A built module is missing, or all are refused.
    pub fn judge(&self, over: Overriding) -> Result<Judged, Failure> {
        let Instance { module, kernel, arch } = self.instance;
        // Once a version of this module is active, what lies at the destination is ours to replace.
        let is_first = self.places.active_link(&module.name, kernel, arch).symlink_metadata().is_err();
        let mut judged = Judged { link: over.link, ..Judged::default() };
        for target in &self.targets {
            let Some((built, installed)) = self.pair(target) else {
                return Err(Failure::BuiltIncomplete {
                    module: module.clone(),
                    kernel: kernel.clone(),
                    file: format!("{}.ko", target.name),
                });
            };
            if let (false, false, Some(why)) =
                (is_first, over.version, self.preferred(target, &built, &installed))
            {
                judged.refused.push(why);
                continue;
            }
            let mut original = None;
            if is_first && !is_same(&built, &installed) {
                original = originals::find(&self.kernel_dir(), &target.destination, &target.name, &[]);
            }
            if let (Some(original), false) = (&original, over.version)
                && let Some(why) = self.refused(original, &built)?
            {
                judged.refused.push(why);
                continue;
            }
            let original = original.filter(|o| over.archive || *o == installed);
            judged.accepted.push(Accepted { target: target.clone(), built, installed, original });
        }
        if judged.accepted.is_empty() && !self.targets.is_empty() {
            let why = judged.refused.join("; ");
            return Err(Failure::Refused { module: module.clone(), kernel: kernel.clone(), why });
        }
        Ok(judged)
    }

    /// Places what was judged fit: the kernel's own modules are put aside, the version is made the active one, then
    /// every file is renamed into place. Cut off at any point, doing it again ends the same.
    ///
    /// `previous` are files of the version that was active, on the machine; those that have no successor are removed.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn place(&self, judged: Judged, previous: &[PathBuf]) -> Result<Installed, Failure> {
        let Instance { module, kernel, arch } = self.instance;
        let mut result = Installed { refused: judged.refused, ..Installed::default() };
        let aside = self.places.originals_dir(&module.name, kernel, arch);
        for accepted in &judged.accepted {
            // A copy that is already archived is the kernel's; what lies there now is a leftover.
            if let Some(original) = &accepted.original
                && originals::variant(&aside, &accepted.target.name).is_none()
            {
                originals::archive(original, &self.inside(original), &aside)?;
                result.archived.push(self.inside(original));
            }
        }
        let active = Path::new(&module.version).join(kernel.as_str()).join(arch.as_str());
        link_atomically(&active, &self.places.active_link(&module.name, kernel, arch))?;
        let mut dirs = BTreeSet::new();
        for Accepted { target, built, installed, .. } in judged.accepted {
            if judged.link {
                link_atomically(&self.inside(&built), &installed)?;
            } else {
                let modified = fs_err::metadata(&built)?.modified()?;
                write_atomically(&installed, &fs_err::read(&built)?, 0o644, Some(modified))?;
            }
            self.remove_other_variants(&target, &installed)?;
            dirs.extend(installed.parent().map(Path::to_path_buf));
            result.files.push(self.inside(&installed));
        }
        let ours: BTreeSet<_> = self.installed_paths().into_iter().collect();
        for old in previous.iter().filter(|old| !ours.contains(*old) && !self.is_packaged(old)) {
            remove_if_there(old)?;
        }
        for dir in dirs {
            sync_directory(&dir)?;
        }
        Ok(result)
    }

    /// A module that used to be compressed in another way must not stay beside its successor.
    fn remove_other_variants(&self, target: &Target, installed: &Path) -> io::Result<()> {
        let dir = originals::below(&self.kernel_dir(), &target.destination);
        for other in compression::ALL.iter().map(|c| dir.join(format!("{}.ko{}", target.name, c.suffix()))) {
            if other != installed && !self.is_packaged(&other) {
                remove_if_there(&other)?;
            }
        }
        Ok(())
    }

    /// Takes the modules away, puts the kernel's own back, and last removes the active link, so that a run that was cut
    /// off can be done again.
    ///
    /// # Errors
    /// A file cannot be removed or restored.
    pub fn uninstall(&self) -> Result<Removed, Failure> {
        let Instance { module, kernel, arch } = self.instance;
        let mut result = Removed::default();
        let kernel_dir = self.kernel_dir();
        let archive = self.places.originals_dir(&module.name, kernel, arch);
        for target in &self.targets {
            let dirs = [&target.destination, &target.location];
            let there = dirs.iter().map(|dir| originals::below(&kernel_dir, dir));
            let there = there.flat_map(|dir| originals::installed(&dir, &target.name));
            let (packaged, others): (Vec<_>, Vec<_>) = there.partition(|file| self.is_packaged(file));
            result.packaged.extend(packaged.iter().map(|file| self.inside(file)));
            match others.into_iter().find(|file| self.is_ours(target, file)) {
                Some(file) => {
                    remove_if_there(&file)?;
                    if let Some(dir) = file.parent() {
                        remove_empty_upwards(dir, &kernel_dir);
                    }
                    result.files.push(self.inside(&file));
                }
                None if packaged.is_empty() => result.not_found.push(format!("{}.ko", target.name)),
                None => {}
            }
            for file in dirs.iter().flat_map(|dir| aside(&originals::below(&kernel_dir, dir), &target.name)) {
                if self.is_ours(target, &file) {
                    remove_if_there(&file)?;
                }
            }
            match originals::restore(&archive, &target.name, &kernel_dir, &target.location)? {
                Restored::Nothing => {}
                Restored::At(place) => result.restored.push(self.inside(&place)),
                Restored::BadOrigin(place) => result.bad_origins.push(place),
            }
        }
        remove_if_there(&self.places.active_link(&module.name, kernel, arch))?;
        Ok(result)
    }

    /// A file is ours if it is the built one, or at least of the same version.
    fn is_ours(&self, target: &Target, file: &Path) -> bool {
        if std::fs::read_link(file).is_ok_and(|to| to.starts_with(self.inside(&self.module_dir()))) {
            return true;
        }
        let Some(built) = originals::variant(&self.module_dir(), &target.name) else {
            // Nothing to compare with: the active link says that we put it there.
            return true;
        };
        is_same(&built, file) || {
            let version = |path: &Path| {
                let data = std::fs::read(path).ok()?;
                let name = path.file_name()?.to_string_lossy().into_owned();
                let plain = Compression::of_file(name.trim_end_matches(ASIDE)).decompress(&data).ok()?;
                ModInfo::parse(&plain).map(|info| info.versions().0)
            };
            version(&built).is_some_and(|v| Some(v) == version(file))
        }
    }
}

/// The end of names of files that packages of prebuilt modules have put aside, to bring them back when they go. What is in
/// the tree comes back from there.
const ASIDE: &str = ".evermod-aside";

/// What such packages have put aside of a module in a directory.
fn aside(dir: &Path, name: &str) -> Vec<PathBuf> {
    let of = |c: &Compression| dir.join(format!("{name}.ko{}{ASIDE}", c.suffix()));
    compression::ALL.iter().map(of).filter(|path| path.symlink_metadata().is_ok()).collect()
}

/// True if a file name is the module's, in whatever compression.
fn is_module(file: &str, name: &str) -> bool {
    let rest = file.strip_prefix(name).and_then(|rest| rest.strip_prefix(".ko"));
    rest.is_some_and(|suffix| compression::ALL.iter().any(|c| c.suffix() == suffix))
}

/// True if both files are there with the same content.
fn is_same(a: &Path, b: &Path) -> bool {
    is_same_as((a, Stamp::of(a)), (b, Stamp::of(b)))
}

fn is_same_as((a, of_a): (&Path, Option<Stamp>), (b, of_b): (&Path, Option<Stamp>)) -> bool {
    let (Some(of_a), Some(of_b)) = (of_a, of_b) else { return false };
    of_a == of_b
        || !of_a.is_of_another_size(of_b)
            && matches!((std::fs::read(a), std::fs::read(b)), (Ok(a), Ok(b)) if a == b)
}

#[cfg(test)]
mod tests;
