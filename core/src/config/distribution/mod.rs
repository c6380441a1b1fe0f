//! What a distribution decides: where modules go, who names a kernel's architecture, where signing keys lie, how a
//! kernel's headers are called (contract 1.3, 4.1, 4.2, 4.5). One rule, one place.

mod headers;
mod keys;

pub use headers::{Evidence, HeaderHint};
pub use keys::KeyPlaces;

use crate::root::Root;
use std::io;
use std::path::PathBuf;

/// A distribution as DKMS names it, for example `debian`, `ubuntu debian`, `rhel centos fedora`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    name: String,
    id: String,
}

/// Distributions with a directory of their own, which depmod searches before the kernel's own modules.
const DIRECTORIES: [(&[&str], &str); 3] = [
    (&["fedora", "centos", "rhel"], "/extra"),
    (&["sles", "suse", "opensuse"], "/updates"),
    (&["debian", "ubuntu", "arch"], "/updates/dkms"),
];

/// Machines whose kernels rpm calls by the name that `uname -m` has for them.
const SAME_IN_RPM: [&str; 6] = ["x86_64", "aarch64", "ppc64le", "s390x", "riscv64", "loongarch64"];

/// Who names a kernel's architecture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchRule {
    /// It is this.
    Known(String),
    /// The package that owns the kernel's directory, as rpm prints its architecture; `uname -m` where none does.
    RpmOwner,
}

/// What the verbs of a package manager are called.
struct Commands {
    install: &'static str,
    reinstall: &'static str,
    remove: &'static str,
    owner: Option<&'static str>,
}

/// The first name that fits counts: who is like Debian and Ubuntu has apt.
const COMMANDS: [(&[&str], Commands); 5] = [
    (
        &["debian", "ubuntu"],
        Commands {
            install: "apt install",
            reinstall: "apt install --reinstall",
            remove: "apt remove",
            owner: None,
        },
    ),
    (
        &["fedora", "rhel", "centos"],
        Commands {
            install: "dnf install",
            reinstall: "dnf reinstall",
            remove: "dnf remove",
            owner: Some("rpm -qf --qf '%{name}\\n'"),
        },
    ),
    (
        &["sles", "suse", "opensuse"],
        Commands {
            install: "zypper install",
            reinstall: "zypper install --force",
            remove: "zypper remove",
            owner: Some("rpm -qf --qf '%{name}\\n'"),
        },
    ),
    (
        &["arch"],
        Commands {
            install: "pacman -S",
            reinstall: "pacman -S",
            remove: "pacman -R",
            owner: Some("pacman -Qqo"),
        },
    ),
    (&["alpine"], Commands { install: "apk add", reinstall: "apk fix", remove: "apk del", owner: None }),
];

impl Distribution {
    /// From ID and ID_LIKE: `ubuntu`, else the whole of ID_LIKE, else ID.
    pub fn new(id: &str, id_like: &str) -> Self {
        let name = match (id, id_like) {
            ("ubuntu", _) => "ubuntu",
            (id, "") => id,
            (_, like) => like,
        };
        Self { name: name.to_string(), id: id.to_string() }
    }

    /// The name that DKMS goes by, which `dkms.conf` sees as `running_distribution`.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// ID of `os-release`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// True if the name begins with one of `families`.
    pub fn is_like(&self, families: &[&str]) -> bool {
        families.iter().any(|family| self.name.starts_with(family))
    }

    /// The directory of its own, if the distribution has one.
    pub fn own_directory(&self) -> Option<&'static str> {
        DIRECTORIES.iter().find(|(families, _)| self.is_like(families)).map(|(_, directory)| *directory)
    }

    /// The directory below `/lib/modules/K` into which modules go, with its leading slash. `addon` is the
    /// administrator's ADDON_MODULES_DIR; `declared` is the DEST_MODULE_LOCATION, which counts where the
    /// distribution has no directory of its own.
    pub fn module_directory(&self, addon: Option<&str>, declared: &str) -> PathBuf {
        match addon.map(|a| a.trim_matches('/')).filter(|a| !a.is_empty()) {
            Some(addon) => PathBuf::from(format!("/{addon}")),
            None => PathBuf::from(self.own_directory().unwrap_or(declared)),
        }
    }

    /// True where the kernel's own modules are moved aside. Elsewhere they are the package manager's, and the
    /// distribution's directory comes before them in depmod's search.
    pub fn archives_originals(&self) -> bool {
        self.own_directory().is_none()
    }

    /// A command of the package manager that installs a package; a clause where there is none to be named.
    pub fn install_command(&self, package: &str) -> String {
        self.command(package, "install the package", |commands| commands.install)
    }

    /// The same for one that brings a package's files back as they were.
    pub fn reinstall_command(&self, package: &str) -> String {
        self.command(package, "reinstall the package", |commands| commands.reinstall)
    }

    /// The same for one that removes a package.
    pub fn remove_command(&self, package: &str) -> String {
        self.command(package, "remove the package", |commands| commands.remove)
    }

    fn command(&self, package: &str, otherwise: &str, verb: fn(&Commands) -> &'static str) -> String {
        let row = COMMANDS.iter().find(|(families, _)| self.is_like(families));
        format!("{} {package}", row.map_or(otherwise, |(_, commands)| verb(commands)))
    }

    /// A command that says, and nothing else, which package a file is of, where the manager has one.
    pub fn owner_command(&self, path: &str) -> Option<String> {
        let (_, commands) = COMMANDS.iter().find(|(families, _)| self.is_like(families))?;
        Some(format!("{} {path}", commands.owner?))
    }

    /// `I`: where kernels have their modules. Only a root without `/lib/modules` (a staging directory of a merged
    /// `/usr`) needs the other name, and Arch, whose DKMS has it.
    ///
    /// # Errors
    /// Links that lead in circles.
    pub fn install_tree(&self, root: &Root) -> io::Result<PathBuf> {
        let (usual, merged) = ("/lib/modules", "/usr/lib/modules");
        let is_there = |path: &str| root.resolve(path).map(|place| place.is_dir());
        let merged_only = || Ok::<_, io::Error>(!is_there(usual)? && is_there(merged)?);
        Ok(PathBuf::from(if self.is_like(&["arch"]) || merged_only()? { merged } else { usual }))
    }

    /// True where DKMS once told a kernel for Intel's 64-bit processors from one for AMD's.
    pub fn has_ia32e(&self) -> bool {
        self.is_like(&["fedora", "centos", "rhel"])
    }

    /// Who says what architecture string the tree has for a kernel on a machine with this `uname -m`.
    pub fn arch_rule(&self, release: &str, machine: &str) -> ArchRule {
        if self.is_like(&["debian", "ubuntu", "arch", "gentoo"]) {
            return ArchRule::Known(machine.to_string());
        }
        // Fedora's and its kin's releases end in the architecture that the package has: 6.11.4-301.fc41.x86_64+debug.
        if let Some(arch) = headers::rpm_arch(release) {
            return ArchRule::Known(arch.to_string());
        }
        if SAME_IN_RPM.contains(&machine) {
            return ArchRule::Known(machine.to_string());
        }
        ArchRule::RpmOwner
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::OsRelease;
    use std::path::Path;

    /// os-release's ID and ID_LIKE, DKMS's name, the directory for a module that declares `/kernel/drivers`.
    const FAMILIES: [(&str, &str, &str, &str); 44] = [
        ("debian", "", "debian", "/updates/dkms"),
        ("raspbian", "debian", "debian", "/updates/dkms"),
        ("kali", "debian", "debian", "/updates/dkms"),
        ("devuan", "debian", "debian", "/updates/dkms"),
        ("parrot", "debian", "debian", "/updates/dkms"),
        ("deepin", "debian", "debian", "/updates/dkms"),
        ("ubuntu", "debian", "ubuntu", "/updates/dkms"),
        ("linuxmint", "ubuntu debian", "ubuntu debian", "/updates/dkms"),
        ("pop", "ubuntu debian", "ubuntu debian", "/updates/dkms"),
        ("zorin", "ubuntu debian", "ubuntu debian", "/updates/dkms"),
        ("elementary", "ubuntu", "ubuntu", "/updates/dkms"),
        ("neon", "ubuntu debian", "ubuntu debian", "/updates/dkms"),
        ("fedora", "", "fedora", "/extra"),
        ("rhel", "fedora", "fedora", "/extra"),
        ("centos", "rhel fedora", "rhel fedora", "/extra"),
        ("almalinux", "rhel centos fedora", "rhel centos fedora", "/extra"),
        ("rocky", "rhel centos fedora", "rhel centos fedora", "/extra"),
        ("ol", "fedora", "fedora", "/extra"),
        ("amzn", "fedora", "fedora", "/extra"),
        ("amzn", "centos rhel fedora", "centos rhel fedora", "/extra"),
        ("nobara", "rhel centos fedora", "rhel centos fedora", "/extra"),
        ("anolis", "rhel fedora centos", "rhel fedora centos", "/extra"),
        ("openEuler", "", "openEuler", "/kernel/drivers"),
        ("azurelinux", "", "azurelinux", "/kernel/drivers"),
        ("opensuse-tumbleweed", "opensuse suse", "opensuse suse", "/updates"),
        ("opensuse-leap", "suse opensuse", "suse opensuse", "/updates"),
        ("sles", "suse", "suse", "/updates"),
        ("sles", "", "sles", "/updates"),
        ("sl-micro", "suse", "suse", "/updates"),
        ("arch", "", "arch", "/updates/dkms"),
        ("manjaro", "arch", "arch", "/updates/dkms"),
        ("cachyos", "arch", "arch", "/updates/dkms"),
        ("endeavouros", "arch", "arch", "/updates/dkms"),
        ("steamos", "arch", "arch", "/updates/dkms"),
        ("archarm", "arch", "arch", "/updates/dkms"),
        ("gentoo", "", "gentoo", "/kernel/drivers"),
        ("calculate", "gentoo", "gentoo", "/kernel/drivers"),
        ("alpine", "", "alpine", "/kernel/drivers"),
        ("postmarketos", "alpine", "alpine", "/kernel/drivers"),
        ("void", "", "void", "/kernel/drivers"),
        ("mageia", "mandriva fedora mandrake", "mandriva fedora mandrake", "/kernel/drivers"),
        ("altlinux", "", "altlinux", "/kernel/drivers"),
        ("slackware", "", "slackware", "/kernel/drivers"),
        ("", "", "", "/kernel/drivers"),
    ];

    #[test]
    fn families() {
        for (id, like, name, directory) in FAMILIES {
            let text = format!("NAME=\"Some Linux\"\nID={id}\nID_LIKE=\"{like}\"\n");
            let distribution = OsRelease::parse(&text).distribution();
            assert_eq!(distribution.as_str(), name, "{id}");
            let to = distribution.module_directory(None, "/kernel/drivers");
            assert_eq!(to, Path::new(directory), "{id} ({like})");
            assert_eq!(distribution.archives_originals(), directory == "/kernel/drivers", "{id}");
            for addon in ["weak", "/weak", "weak/"] {
                assert_eq!(distribution.module_directory(Some(addon), "/kernel"), Path::new("/weak"));
            }
            assert!(distribution.module_directory(Some("/"), "/x").is_absolute());
        }
    }

    #[test]
    fn commands() {
        for (id, like, reinstall, remove) in [
            ("linuxmint", "ubuntu debian", "apt install --reinstall m", "apt remove m"),
            ("rocky", "rhel centos fedora", "dnf reinstall m", "dnf remove m"),
            ("opensuse-leap", "suse opensuse", "zypper install --force m", "zypper remove m"),
            ("manjaro", "arch", "pacman -S m", "pacman -R m"),
            ("slackware", "", "reinstall the package m", "remove the package m"),
        ] {
            let distribution = Distribution::new(id, like);
            assert_eq!(distribution.reinstall_command("m"), reinstall);
            assert_eq!(distribution.remove_command("m"), remove);
        }
        let owner = |id| Distribution::new(id, "").owner_command("/x");
        assert_eq!(owner("arch").as_deref(), Some("pacman -Qqo /x"));
        assert_eq!(owner("void"), None);
    }

    #[test]
    fn architectures() {
        let known = |arch: &str| ArchRule::Known(arch.to_string());
        for (id, like, release, machine, rule) in [
            ("debian", "", "6.1.0-56-amd64", "x86_64", known("x86_64")),
            ("raspbian", "debian", "6.6.51+rpt-rpi-v7l", "armv7l", known("armv7l")),
            ("arch", "", "6.11.5-arch1-1", "x86_64", known("x86_64")),
            ("gentoo", "", "6.6.58-gentoo", "i686", known("i686")),
            ("fedora", "", "6.11.4-301.fc41.x86_64", "x86_64", known("x86_64")),
            ("fedora", "", "5.17.5-300.fc36.armv7hl+lpae", "armv7l", known("armv7hl")),
            ("almalinux", "rhel centos fedora", "5.14.0-427.el9.aarch64+64k", "aarch64", known("aarch64")),
            ("opensuse-leap", "suse opensuse", "6.4.0-150600.23.25-default", "x86_64", known("x86_64")),
            ("opensuse-tumbleweed", "opensuse suse", "6.11.5-1-pae", "i686", ArchRule::RpmOwner),
            ("fedora", "", "6.12.0-mine", "armv7l", ArchRule::RpmOwner),
            ("alpine", "", "6.6.58-0-lts", "armv7l", ArchRule::RpmOwner),
        ] {
            assert_eq!(Distribution::new(id, like).arch_rule(release, machine), rule, "{id} {release}");
        }
    }

    #[test]
    fn install_trees() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path());
        let (debian, arch) = (Distribution::new("debian", ""), Distribution::new("manjaro", "arch"));
        assert_eq!(debian.install_tree(&root).unwrap(), Path::new("/lib/modules"));
        std::fs::create_dir_all(root.at("/usr/lib/modules")).unwrap();
        assert_eq!(debian.install_tree(&root).unwrap(), Path::new("/usr/lib/modules"), "no /lib in it");
        std::os::unix::fs::symlink("usr/lib", root.at("/lib")).unwrap();
        assert_eq!(debian.install_tree(&root).unwrap(), Path::new("/lib/modules"));
        assert_eq!(arch.install_tree(&root).unwrap(), Path::new("/usr/lib/modules"));
    }
}
