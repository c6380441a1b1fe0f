//! What a transaction brings that matters here: kernels, their headers, sources of modules. Told by the names and paths
//! of packages, so that nothing need be unpacked.

use crate::model::{Arrival, KernelRelease, Prebuilt, Transaction};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What arrives and goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Incoming {
    /// Kernels whose image arrives.
    pub images: BTreeSet<KernelRelease>,
    /// Kernels whose headers arrive.
    pub headers: BTreeSet<KernelRelease>,
    /// Directories below `/usr/src` with a dkms.conf that arrive.
    pub sources: BTreeSet<String>,
    /// Directories below `/usr/src` with a dkms.conf that go and do not come back.
    pub gone: BTreeSet<String>,
    /// Kernels and the modules that packages of prebuilts bring for them.
    pub prebuilts: BTreeSet<(KernelRelease, String)>,
    /// Kernels that stay, and modules whose prebuilts go.
    pub departing: BTreeSet<(KernelRelease, String)>,
    /// Kernels whose image goes and does not come back: what is built for them is of no account any more.
    pub leaving: BTreeSet<KernelRelease>,
    /// The package files that hold headers or sources.
    pub files: Vec<PathBuf>,
    /// Package files that could not be read, and why.
    pub unread: Vec<String>,
    /// The files of packages with a compiler, or with what headers have builds call.
    pub tools: Vec<PathBuf>,
}

/// One thing that a path tells.
#[derive(Debug, PartialEq, Eq)]
enum Told<'p> {
    Image(&'p str),
    Headers(&'p str),
    Source(&'p str),
    /// A part of headers that several kernels share.
    Shared,
    /// Modules that were built for a kernel elsewhere.
    Prebuilt(&'p str, &'p str),
}

/// What a path of a package, without a leading `/`, tells.
///
/// Where distributions have kernels and headers: Debian's `linux-image-*` and `linux-headers-*`, Fedora's `kernel-core`
/// and `kernel-devel`, SUSE's `kernel-*-devel`, Arch's `linux` and `linux-headers`.
fn told(path: &str) -> Option<Told<'_>> {
    let path = plain(path);
    let in_usr = path.strip_prefix("usr/").unwrap_or(path);
    if let Some(rest) = in_usr.strip_prefix("lib/modules/") {
        let (release, rest) = rest.split_once('/')?;
        let first = rest.split('/').next().unwrap_or(rest);
        return match first {
            "build" | "source" => Some(Told::Headers(release)),
            "vmlinuz" | "modules.builtin" | "kernel" => Some(Told::Image(release)),
            _ => None,
        };
    }
    if let Some(rest) = in_usr.strip_prefix("lib/evermod/prebuilt/") {
        let (release, file) = rest.split_once('/')?;
        return Some(Told::Prebuilt(release, file.strip_suffix(".json")?));
    }
    if let Some(release) = path.strip_prefix("boot/vmlinuz-") {
        return Some(Told::Image(release));
    }
    if in_usr.starts_with("lib/linux-kbuild-") {
        return Some(Told::Shared);
    }
    let (dir, rest) = path.strip_prefix("usr/src/")?.split_once('/')?;
    if rest == "dkms.conf" {
        return Some(Told::Source(dir));
    }
    if dir == "kernels" {
        return Some(Told::Headers(rest.split('/').next()?));
    }
    match dir.strip_prefix("linux-headers-") {
        // What kernels share has no configuration.
        Some(release) if rest == ".config" || rest == "include/config/auto.conf" => {
            Some(Told::Headers(release))
        }
        _ => dir.starts_with("linux-").then_some(Told::Shared),
    }
}

/// The kernel that a package is named for: `linux-image-6.1.0-9-amd64`. Metapackages and debugging symbols are for none.
fn named(package: &str) -> Option<Told<'_>> {
    if ["-dbg", "-dbgsym", "-all", "-extra"].iter().any(|suffix| package.ends_with(suffix)) {
        return None;
    }
    let release = |prefix: &str| {
        let rest = package.strip_prefix(prefix)?;
        rest.starts_with(|c: char| c.is_ascii_digit()).then_some(rest)
    };
    let image = ["linux-image-unsigned-", "linux-image-", "linux-modules-", "proxmox-kernel-", "pve-kernel-"];
    if let Some(release) = image.iter().find_map(|prefix| release(prefix)) {
        let unsigned = release.strip_suffix("-signed").or_else(|| release.strip_suffix("-unsigned"));
        return Some(Told::Image(unsigned.unwrap_or(release)))
            .filter(|_| release.contains('-') || release.matches('.').count() > 1);
    }
    let headers = ["linux-headers-", "proxmox-headers-", "pve-headers-"];
    let release = headers.iter().find_map(|prefix| release(prefix))?;
    // linux-headers-6.1.0-9-common is shared by kernels.
    Some(if release.contains("-common") { Told::Shared } else { Told::Headers(release) })
}

/// A name as packages may spell it: Debian's have neither capitals nor all signs.
fn as_package(name: &str) -> String {
    name.to_ascii_lowercase().replace(['_', '~', ':', '^'], "-")
}

/// Whether a package has the name that one with prebuilts of a module for a kernel gets: Debian's, Fedora's.
fn is_prebuilt_of(package: &str, module: &str, kernel: &KernelRelease) -> bool {
    let package = as_package(package);
    // What only says how it is packaged is no part of it.
    let module = ["-dkms", "-kmod"].iter().find_map(|end| module.strip_suffix(end)).unwrap_or(module);
    [format!("{module}-modules-{kernel}"), format!("kmod-{module}-{kernel}")]
        .iter()
        .any(|name| as_package(name) == package)
}

fn is_toolchain(package: &str) -> bool {
    let beginnings =
        ["gcc", "cpp", "clang", "llvm", "lld", "binutils", "libelf", "libdw", "elfutils", "libbpf"];
    ["make", "pahole", "dwarves"].contains(&package)
        || beginnings.iter().any(|word| package.starts_with(word))
}

impl Incoming {
    /// Whether a package is worth a look inside. `modules` are the names of those that are registered.
    pub fn is_of_interest(package: &str, modules: &[&str]) -> bool {
        let words = ["kernel", "headers", "dkms", "kmod", "kbuild", "proxmox-", "pve-", "-modules-"];
        package.starts_with("linux")
            || words.iter().any(|word| package.contains(word))
            || modules
                .iter()
                .any(|name| package.contains(name) || as_package(package).contains(&as_package(name)))
    }

    /// Looks at a transaction. `paths` lists the paths of a package file, `modules` names what is registered.
    pub fn of(
        transaction: &Transaction,
        modules: &[&str],
        paths: &dyn Fn(&Path) -> Result<Vec<String>, String>,
    ) -> Self {
        let mut found = Self::default();
        for arrival in &transaction.arrives {
            if is_toolchain(&arrival.package) {
                found.tools.extend(arrival.file.clone());
            }
            if !arrival.paths.is_empty() || Self::is_of_interest(&arrival.package, modules) {
                found.add(arrival, paths);
            }
        }
        // Where no file is there yet, names are all there is.
        for Arrival { package, .. } in
            transaction.arrives.iter().filter(|a| a.file.is_none() && a.paths.is_empty())
        {
            for kernel in &found.images {
                let named = modules.iter().filter(|module| is_prebuilt_of(package, module, kernel));
                found.prebuilts.extend(named.map(|module| (kernel.clone(), (*module).to_string())));
            }
        }
        for departure in &transaction.goes {
            if let Some(Told::Image(release)) = named(&departure.package) {
                found.leaving.extend(KernelRelease::new(release).ok());
            }
        }
        for path in transaction.goes.iter().flat_map(|departure| &departure.paths) {
            match told(path) {
                Some(Told::Source(dir)) if !found.sources.contains(dir) => {
                    found.gone.insert(dir.to_string());
                }
                Some(Told::Image(release)) => found.leaving.extend(KernelRelease::new(release).ok()),
                _ => {}
            }
        }
        found.leaving.retain(|release| !found.images.contains(release));
        found
    }

    fn add(&mut self, arrival: &Arrival, paths: &dyn Fn(&Path) -> Result<Vec<String>, String>) {
        let inside = match &arrival.file {
            Some(file) => paths(file).unwrap_or_else(|why| {
                self.unread.push(why);
                Vec::new()
            }),
            None => Vec::new(),
        };
        let mut is_built_with = false;
        // What is inside says more than the name.
        let named = named(&arrival.package).filter(|_| inside.is_empty());
        let listed = arrival.paths.iter().chain(&inside).filter_map(|path| told(path));
        for what in named.into_iter().chain(listed) {
            match what {
                Told::Image(release) => {
                    self.images.extend(KernelRelease::new(release).ok());
                    continue;
                }
                Told::Prebuilt(release, module) => {
                    let kernel = KernelRelease::new(release).ok();
                    self.prebuilts.extend(kernel.map(|kernel| (kernel, module.to_string())));
                    continue;
                }
                Told::Headers(release) => self.headers.extend(KernelRelease::new(release).ok()),
                Told::Source(dir) => {
                    self.sources.insert(dir.to_string());
                }
                Told::Shared => {}
            }
            is_built_with = true;
        }
        if let (true, Some(file)) = (is_built_with, &arrival.file)
            && !self.files.contains(file)
        {
            self.files.push(file.clone());
        }
    }

    /// True if nothing arrives or goes that this is about.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
            && self.headers.is_empty()
            && self.sources.is_empty()
            && self.departing.is_empty()
    }

    /// Notes the prebuilts, of those that are there, whose packages go for good.
    pub fn depart(&mut self, transaction: &Transaction, there: &[Prebuilt]) {
        let goes = |p: &&Prebuilt| transaction.goes.iter().any(|departure| departure.package == p.package);
        let key = |p: &Prebuilt| (p.kernel.clone(), p.module.name.clone());
        let departing = there.iter().filter(goes).map(key);
        self.departing =
            departing.filter(|key| !self.prebuilts.contains(key) && !self.leaving.contains(&key.0)).collect();
    }

    /// Whether a path of a package with tools is needed to run them.
    pub fn is_tool(path: &str) -> bool {
        let path = plain(path);
        let in_usr = path.strip_prefix("usr/").unwrap_or(path);
        ["bin/", "lib/", "lib64/", "libexec/"].iter().any(|dir| in_usr.starts_with(dir))
    }

    /// Whether a path of a package is needed to build against what arrives.
    pub fn is_needed(path: &str) -> bool {
        let what = told(path);
        let path = plain(path);
        // Beside headers and sources: the lists of a kernel's modules, and what configurations and scripts look at.
        matches!(what, Some(Told::Headers(_) | Told::Source(_) | Told::Shared))
            || path.starts_with("usr/src/")
            || path.starts_with("boot/config-")
            || matches!(what, Some(Told::Image(_))) && path.ends_with("/modules.builtin")
            || path.contains("lib/modules/") && path.ends_with("/modules.order")
    }
}

/// A path as packages have it, without what some put before it.
fn plain(path: &str) -> &str {
    path.trim_start_matches("./").trim_start_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_tell_what_arrives() {
        for (path, expected) in [
            ("boot/vmlinuz-6.1.0-56-amd64", Some(Told::Image("6.1.0-56-amd64"))),
            ("lib/modules/6.1.0-56-amd64/kernel/fs/ext4.ko", Some(Told::Image("6.1.0-56-amd64"))),
            ("usr/lib/modules/6.12.1-arch1-1/vmlinuz", Some(Told::Image("6.12.1-arch1-1"))),
            ("usr/lib/modules/6.12.1-arch1-1/build/include/x.h", Some(Told::Headers("6.12.1-arch1-1"))),
            ("lib/modules/6.11.4-301.fc41.x86_64/build", Some(Told::Headers("6.11.4-301.fc41.x86_64"))),
            (
                "usr/src/kernels/6.11.4-301.fc41.x86_64/Makefile",
                Some(Told::Headers("6.11.4-301.fc41.x86_64")),
            ),
            ("usr/src/linux-headers-6.1.0-56-amd64/.config", Some(Told::Headers("6.1.0-56-amd64"))),
            ("usr/src/linux-headers-6.1.0-56-common/Makefile", Some(Told::Shared)),
            ("./usr/lib/linux-kbuild-6.1/scripts/mod/modpost", Some(Told::Shared)),
            ("usr/src/zfs-2.1.11/dkms.conf", Some(Told::Source("zfs-2.1.11"))),
            ("usr/src/zfs-2.1.11/Makefile", None),
            ("usr/lib/modules/6.1/updates/dkms/zfs.ko", None),
            ("./usr/lib/evermod/prebuilt/6.1/zfs.json", Some(Told::Prebuilt("6.1", "zfs"))),
            ("usr/lib/evermod/prebuilt/6.1", None),
            ("usr/share/doc/linux-image-6.1/copyright", None),
        ] {
            assert_eq!(told(path), expected, "{path}");
        }
    }

    #[test]
    fn names_tell_what_arrives_where_no_file_is_there_yet() {
        for (package, expected) in [
            ("linux-image-6.1.0-56-amd64", Some(Told::Image("6.1.0-56-amd64"))),
            ("linux-image-amd64", None),
            ("linux-headers-amd64", None),
            ("linux-image-6.1.0-56-amd64-dbg", None),
            ("linux-image-6.1.0-56-amd64-unsigned", Some(Told::Image("6.1.0-56-amd64"))),
            ("linux-headers-6.1.0-56-all", None),
            ("linux-image-unsigned-6.8.0-50-generic", Some(Told::Image("6.8.0-50-generic"))),
            ("linux-headers-6.12.117+deb12-amd64", Some(Told::Headers("6.12.117+deb12-amd64"))),
            ("linux-headers-6.1.0-56-common", Some(Told::Shared)),
            ("proxmox-kernel-6.8.12-4-pve-signed", Some(Told::Image("6.8.12-4-pve"))),
            ("proxmox-kernel-6.8", None),
            ("proxmox-headers-6.8.12-4-pve", Some(Told::Headers("6.8.12-4-pve"))),
            ("bash", None),
        ] {
            assert_eq!(named(package), expected, "{package}");
        }
    }

    #[test]
    fn only_what_may_matter_is_opened() {
        let arrival = |package: &str, file: &str| Arrival {
            package: package.into(),
            file: Some(file.into()),
            ..Arrival::default()
        };
        let transaction = Transaction {
            arrives: vec![
                arrival("bash", "/bash.deb"),
                arrival("linux-image-6.1.0-56-amd64", "/image.deb"),
                arrival("linux-kbuild-6.1", "/kbuild.deb"),
                arrival("zfs-dkms", "/zfs.deb"),
                arrival("linux-headers-amd64", "/broken.deb"),
                arrival("gcc-12", "/gcc.deb"),
            ],
            goes: vec![crate::model::Departure {
                paths: [
                    "usr/src/zfs-2.1.11/dkms.conf",
                    "usr/src/old-1/dkms.conf",
                    "usr/lib/modules/6.1.0-55-amd64/vmlinuz",
                    "boot/vmlinuz-6.1.0-56-amd64",
                ]
                .map(str::to_string)
                .into(),
                ..crate::model::Departure::default()
            }],
            ..Transaction::default()
        };
        let paths = |file: &Path| -> Result<Vec<String>, String> {
            Ok(match file.to_str().unwrap() {
                "/image.deb" => vec!["boot/vmlinuz-6.1.0-56-amd64".into()],
                "/kbuild.deb" => vec!["usr/lib/linux-kbuild-6.1/scripts/basic/fixdep".into()],
                "/zfs.deb" => vec!["usr/src/zfs-2.1.11/dkms.conf".into()],
                "/broken.deb" => return Err("/broken.deb: truncated".into()),
                other => panic!("{other} was opened"),
            })
        };
        let found = Incoming::of(&transaction, &[], &paths);
        let release = KernelRelease::new("6.1.0-56-amd64").unwrap();
        assert_eq!(found.images, BTreeSet::from([release]));
        assert!(found.headers.is_empty());
        assert_eq!(found.files, [PathBuf::from("/kbuild.deb"), "/zfs.deb".into()]);
        assert_eq!(found.sources, BTreeSet::from(["zfs-2.1.11".to_string()]));
        assert_eq!(found.gone, BTreeSet::from(["old-1".to_string()]), "what comes back is not gone");
        assert_eq!(found.leaving, BTreeSet::from([KernelRelease::new("6.1.0-55-amd64").unwrap()]));
        assert_eq!(found.unread, ["/broken.deb: truncated"]);
        assert_eq!(found.tools, [PathBuf::from("/gcc.deb")]);
        assert!(Incoming::of(&Transaction::default(), &[], &paths).is_empty());
    }

    #[test]
    fn prebuilts_that_come_and_go() {
        let arrives = |package: &str, file: Option<&str>| Arrival {
            package: package.into(),
            file: file.map(Into::into),
            ..Arrival::default()
        };
        let goes = |package: &str| crate::model::Departure { package: package.into(), ..Default::default() };
        let transaction = Transaction {
            arrives: vec![
                arrives("linux-image-6.1.0-56-amd64", None),
                arrives("acpi-call-modules-6.1.0-56-amd64", None),
                arrives("kmod-zfs-6.1.0-56-amd64", None),
                arrives("nvidia-modules-6.1.0-57-amd64", None),
                arrives("toy-modules-6.1.0-56-amd64", Some("/toy.deb")),
            ],
            goes: vec![
                goes("acpi-call-modules-6.1.0-55-amd64"),
                goes("toy-modules-6.1.0-56-amd64-old"),
                goes("zfs-modules-6.1.0-54-amd64"),
                goes("linux-image-6.1.0-54-amd64"),
            ],
            ..Transaction::default()
        };
        let inside = |_: &Path| Ok(vec!["./usr/lib/evermod/prebuilt/6.1.0-56-amd64/toy.json".to_string()]);
        let mut found = Incoming::of(&transaction, &["acpi_call", "zfs", "nvidia"], &inside);
        let new = |name: &str| (KernelRelease::new("6.1.0-56-amd64").unwrap(), name.to_string());
        assert_eq!(found.prebuilts, ["acpi_call", "zfs", "toy"].map(new).into());
        let there = |name: &str, kernel: &str, package: &str| Prebuilt {
            module: crate::model::ModuleId::new(name, "1").unwrap(),
            kernel: KernelRelease::new(kernel).unwrap(),
            arch: crate::model::Arch::new("x86_64").unwrap(),
            package: package.into(),
            package_version: "1-1".into(),
            files: Vec::new(),
        };
        found.depart(
            &transaction,
            &[
                there("acpi_call", "6.1.0-55-amd64", "acpi-call-modules-6.1.0-55-amd64"),
                there("toy", "6.1.0-56-amd64", "toy-modules-6.1.0-56-amd64-old"),
                there("zfs", "6.1.0-54-amd64", "zfs-modules-6.1.0-54-amd64"),
                there("stays", "6.1.0-55-amd64", "stays-modules-6.1.0-55-amd64"),
            ],
        );
        let old = (KernelRelease::new("6.1.0-55-amd64").unwrap(), "acpi_call".to_string());
        assert_eq!(found.departing, [old].into(), "not what another brings, nor of a kernel that goes");
    }

    #[test]
    fn what_a_build_needs_is_unpacked() {
        for (path, needed) in [
            ("./usr/src/zfs-2.1.11/module/x.c", true),
            ("lib/modules/6.1/build", true),
            ("lib/modules/6.1/kernel/fs/ext4.ko", false),
            ("lib/modules/6.1/modules.order", true),
            ("boot/vmlinuz-6.1", false),
            ("usr/share/doc/x", false),
            ("usr/lib/linux-kbuild-6.1/scripts/mod/modpost", true),
        ] {
            assert_eq!(Incoming::is_needed(path), needed, "{path}");
        }
    }
}
