//! Kernels that only lie in package files: which files bring whose headers, and what they are called.

use super::incoming::Incoming;
use crate::install::module_name;
use crate::model::{Arch, Arrival, KernelRelease, Transaction, compare};
use evermod_packaging::read::{Format, PackageFile};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

/// A package file of a kernel's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelFile {
    /// Where it is.
    pub path: PathBuf,
    /// How it is written.
    pub format: Format,
    /// The package's name.
    pub name: String,
    /// Its version, as its manager prints it.
    pub version: String,
    /// The machine it is for, as its manager calls it.
    pub architecture: String,
}

/// A kernel whose headers are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedKernel {
    /// The file with its headers.
    pub headers: KernelFile,
    /// The file with its image, if that is there, too. Nothing is unpacked of it.
    pub image: Option<KernelFile>,
    /// Modules that the kernel brings itself, as far as the image's list of files tells: names as modprobe has them.
    pub in_tree: BTreeSet<String>,
    /// The path of one of them below the kernel's directory, which tells how they are compressed.
    pub sample: Option<String>,
}

/// What a set of package files offers.
#[derive(Debug, Default)]
pub struct KernelPackages {
    /// Kernels that can be built for.
    pub kernels: BTreeMap<KernelRelease, OfferedKernel>,
    /// What has to be unpacked: headers, and what they share.
    pub needed: Vec<KernelFile>,
    /// Compilers and their like.
    pub tools: Vec<KernelFile>,
    /// Directories below `/usr/src` with a dkms.conf that are in one of the files.
    pub sources: BTreeSet<String>,
    /// What is wrong with files that were passed over, one sentence each.
    pub problems: Vec<String>,
}

/// One file and what is in it.
struct Found {
    file: KernelFile,
    inside: Incoming,
    in_tree: BTreeSet<String>,
    sample: Option<String>,
}

impl KernelPackages {
    /// Looks at files, and at all package files below directories. Only names and lists of files are read.
    ///
    /// # Errors
    /// A place that was named is not there, or a directory cannot be read.
    pub fn read(places: &[PathBuf], machine: &Arch) -> io::Result<Self> {
        let mut offered = Self::default();
        let mut found = Vec::new();
        for path in files(places)? {
            match look_into(&path) {
                Ok(looked) => found.extend(looked),
                Err(why) => offered.problems.push(why),
            }
        }
        // The newest of what is there in several versions comes last and counts.
        found.sort_by(|a, b| compare(&a.file.version, &b.file.version));
        offered.drop_foreign(&mut found, machine);
        for (at, one) in found.iter().enumerate() {
            if found.iter().skip(at + 1).any(|later| later.replaces(one)) {
                continue;
            }
            offered.take(one);
        }
        offered.add_images(&found);
        Ok(offered)
    }

    /// Headers for another machine hold programs that cannot run here.
    fn drop_foreign(&mut self, found: &mut Vec<Found>, machine: &Arch) {
        found.retain(|Found { file, inside, .. }| {
            let KernelFile { path, architecture, .. } = file;
            let is_for_all = ["all", "noarch", "any"].contains(&architecture.as_str());
            let is_ours =
                is_for_all || Arch::new(architecture).is_ok_and(|arch| arch.is_same_machine(machine));
            if !is_ours && !inside.headers.is_empty() {
                let place = path.display();
                self.problems
                    .push(format!("{place}: it is for {architecture}, and this machine is {machine}"));
            }
            is_ours
        });
    }

    fn take(&mut self, one: &Found) {
        let Found { file, inside, .. } = one;
        if !inside.tools.is_empty() {
            self.tools.push(file.clone());
        }
        if !inside.files.is_empty() {
            self.needed.push(file.clone());
            self.sources.extend(inside.sources.iter().cloned());
        }
        for release in &inside.headers {
            let headers = file.clone();
            let kernel = OfferedKernel { headers, image: None, in_tree: BTreeSet::new(), sample: None };
            self.kernels.insert(release.clone(), kernel);
        }
    }

    fn add_images(&mut self, found: &[Found]) {
        for Found { file, inside, in_tree, sample } in found {
            for release in &inside.images {
                if let Some(kernel) = self.kernels.get_mut(release) {
                    kernel.in_tree.extend(in_tree.iter().cloned());
                    kernel.sample.clone_from(sample);
                    kernel.image = Some(file.clone());
                }
            }
        }
    }
}

impl Found {
    /// Whether it takes the place of another version: dpkg has one of each name; the others have one for each kernel.
    fn replaces(&self, older: &Self) -> bool {
        self.file.name == older.file.name
            && self.file.format == older.file.format
            && self.file.architecture == older.file.architecture
            && (self.file.format == Format::Deb || self.inside.headers == older.inside.headers)
    }
}

/// What is in a package, if it has to do with kernels.
fn look_into(path: &Path) -> Result<Option<Found>, String> {
    let package = PackageFile::open(path).map_err(|error| error.to_string())?;
    let file = KernelFile {
        path: path.to_path_buf(),
        format: package.format,
        name: package.name.clone(),
        version: package.version.clone(),
        architecture: package.architecture.clone(),
    };
    let arrival = Arrival {
        package: file.name.clone(),
        version: file.version.clone(),
        file: Some(path.to_path_buf()),
        paths: Vec::new(),
    };
    let transaction = Transaction { arrives: vec![arrival], ..Transaction::default() };
    let listed = std::cell::RefCell::new(Vec::new());
    let inside = Incoming::of(&transaction, &[], &|_| {
        let paths = package.paths().map_err(|error| error.to_string())?;
        listed.borrow_mut().clone_from(&paths);
        Ok(paths)
    });
    if let Some(why) = inside.unread.first() {
        return Err(why.clone());
    }
    let is_ours = !inside.is_empty() || !inside.files.is_empty() || !inside.tools.is_empty();
    let listed = listed.borrow();
    let own: Vec<&str> = listed.iter().filter_map(|path| in_tree(path)).collect();
    let names = own.iter().filter_map(|path| module_name(path)).collect();
    let sample = own.first().map(|path| (*path).to_string());
    Ok(is_ours.then_some(Found { file, inside, in_tree: names, sample }))
}

/// The path of a kernel's own module below the kernel's directory.
fn in_tree(path: &str) -> Option<&str> {
    let (_, rest) = path.split_once("lib/modules/")?;
    let (_, rest) = rest.split_once('/')?;
    (rest.starts_with("kernel/") && rest.contains(".ko")).then_some(rest)
}

/// The files that were named, and those below directories that are called as packages are, by name.
fn files(places: &[PathBuf]) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for place in places {
        if fs_err::metadata(place)?.is_dir() {
            walk(place, &mut found)?;
        } else {
            found.push(place.clone());
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn walk(dir: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs_err::read_dir(dir)? {
        let entry = entry?;
        // Of what stands aside, such as apt's `partial`, nobody says that it is whole.
        if entry.file_type()?.is_dir() {
            if !["partial", "lost+found"].iter().any(|name| entry.file_name() == *name) {
                walk(&entry.path(), found)?;
            }
        } else if is_package(&entry.file_name().to_string_lossy()) {
            found.push(entry.path());
        }
    }
    Ok(())
}

fn is_package(name: &str) -> bool {
    let is_arch = name.contains(".pkg.tar") && !name.ends_with(".sig");
    name.ends_with(".deb") || name.ends_with(".rpm") && !name.ends_with(".src.rpm") || is_arch
}

#[cfg(test)]
mod tests {
    use super::*;
    use evermod_packaging::{Architecture, Entry, Package, Version, arch, deb, rpm};

    /// A package of a kernel's, as `format` writes it.
    fn package(dir: &Path, name: &str, version: (&str, &str), machine: &str, paths: &[&str]) -> PathBuf {
        let package = Package {
            name: name.into(),
            version: Version { epoch: 0, upstream: version.0.into(), release: version.1.into() },
            architecture: match machine {
                "" => Architecture::Any,
                machine => Architecture::Machine(machine.into()),
            },
            summary: "s".into(),
            description: "d".into(),
            maintainer: "A <a@example.org>".into(),
            section: "kernel".into(),
            license: "GPL-2.0-only".into(),
            entries: paths.iter().map(|path| Entry::file(*path, "x")).collect(),
            ..Package::default()
        };
        let (file, bytes) = if name.starts_with("kernel") {
            (rpm::file_name(&package), rpm::write(&package, 1).unwrap())
        } else if name == "linux-headers" || name == "linux" {
            (arch::file_name(&package), arch::write(&package, 1).unwrap())
        } else {
            (deb::file_name(&package), deb::write(&package, 1).unwrap())
        };
        std::fs::write(dir.join(&file), bytes).unwrap();
        dir.join(file)
    }

    fn read(dir: &Path) -> KernelPackages {
        KernelPackages::read(&[dir.to_path_buf()], &Arch::new("x86_64").unwrap()).unwrap()
    }

    #[test]
    fn kernels_of_all_three_formats() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path();
        let headers = "/usr/src/linux-headers-6.1.0-9-amd64/.config";
        package(at, "linux-headers-6.1.0-9-amd64", ("6.1.27", "1"), "x86_64", &[headers]);
        package(
            at,
            "linux-headers-6.1.0-9-common",
            ("6.1.27", "1"),
            "",
            &["/usr/src/linux-headers-6.1.0-9-common/Makefile"],
        );
        let module = "/lib/modules/6.1.0-9-amd64/kernel/drivers/hid/hid-kye.ko";
        package(at, "linux-image-6.1.0-9-amd64", ("6.1.27", "1"), "x86_64", &[module]);
        let fedora = |release: &str| format!("/usr/src/kernels/6.11.{release}/Makefile");
        let (first, second) = ("4-301.fc41.x86_64", "5-300.fc41.x86_64");
        package(at, "kernel-devel", ("6.11.4", "301.fc41"), "x86_64", &[&fedora(first)]);
        package(at, "kernel-devel", ("6.11.5", "300.fc41"), "x86_64", &[&fedora(second)]);
        let arch = "/usr/lib/modules/6.12.1-arch1-1/build/Makefile";
        package(at, "linux-headers", ("6.12.1.arch1", "1"), "x86_64", &[arch]);
        package(at, "bash", ("5", "1"), "x86_64", &["/bin/bash"]);

        let found = read(at);
        let releases: Vec<_> = found.kernels.keys().map(KernelRelease::as_str).collect();
        assert_eq!(
            releases,
            ["6.1.0-9-amd64", "6.11.4-301.fc41.x86_64", "6.11.5-300.fc41.x86_64", "6.12.1-arch1-1"]
        );
        assert_eq!(found.needed.len(), 5, "{:?}", found.needed);
        assert!(found.problems.is_empty() && found.tools.is_empty(), "{:?}", found.problems);
        let debian = &found.kernels[&KernelRelease::new("6.1.0-9-amd64").unwrap()];
        assert_eq!(debian.headers.version, "6.1.27-1");
        assert_eq!(debian.image.as_ref().unwrap().name, "linux-image-6.1.0-9-amd64");
        assert_eq!(debian.in_tree.iter().collect::<Vec<_>>(), ["hid_kye"]);
        assert_eq!(debian.sample.as_deref(), Some("kernel/drivers/hid/hid-kye.ko"));
    }

    #[test]
    fn what_cannot_be_used_is_told_and_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path();
        let config = |release: &str| format!("/usr/src/linux-headers-{release}/.config");
        let whole = package(
            at,
            "linux-headers-6.1.0-9-amd64",
            ("6.1.27", "1"),
            "x86_64",
            &[&config("6.1.0-9-amd64")],
        );
        // An older build of the very same package.
        package(at, "linux-headers-6.1.0-9-amd64", ("6.1.20", "1"), "x86_64", &[&config("6.1.0-9-amd64")]);
        package(at, "linux-headers-6.1.0-9-arm64", ("6.1.27", "1"), "aarch64", &[&config("6.1.0-9-arm64")]);
        let bytes = std::fs::read(&whole).unwrap();
        std::fs::write(at.join("linux-headers-half.deb"), &bytes[..bytes.len() / 3]).unwrap();
        std::fs::write(at.join("linux-nothing.rpm"), "no package").unwrap();
        let found = read(at);
        assert_eq!(found.kernels.len(), 1);
        assert_eq!(found.needed.iter().map(|file| &file.version).collect::<Vec<_>>(), ["6.1.27-1"]);
        let all = found.problems.join("\n");
        assert_eq!(found.problems.len(), 3, "{all}");
        for part in
            ["linux-headers-half.deb", "linux-nothing.rpm", "it is for arm64, and this machine is x86_64"]
        {
            assert!(all.contains(part), "{part}: {all}");
        }
        assert!(KernelPackages::read(&[at.join("nowhere")], &Arch::new("x86_64").unwrap()).is_err());
    }
}
