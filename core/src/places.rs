//! Where everything lies: the DKMS tree's layout (contract 3.1) and evermod's own state, inside one [`Root`].

use crate::model::{Arch, BuildKey, Instance, KernelRelease, ModuleId};
use crate::root::Root;
use std::path::{Path, PathBuf};

/// Names in `T/M/V` that are not kernels.
pub const NOT_KERNELS: [&str; 8] =
    ["source", "build", "tarball", "driver_disk", "rpm", "deb", "dsc", "bmdeb"];

/// Name of the directory in `T/M` for the kernels' own modules that were put aside.
pub const ORIGINALS: &str = "original_module";
/// Name of the record that evermod keeps beside a built instance; DKMS passes over it.
pub const RECORD: &str = ".evermod.json";

const FAILED: &str = "failed";
const BUILD: &str = "build";

/// The places of one root. Fields are paths inside the root; methods give places on the machine.
#[derive(Debug, Clone)]
pub struct Places {
    /// The root file system.
    pub root: Root,
    /// `T`: the DKMS tree.
    pub dkms_tree: PathBuf,
    /// `S`: where module sources lie.
    pub source_tree: PathBuf,
    /// `I`: where kernels have their modules.
    pub install_tree: PathBuf,
    /// Overrides, patches and settings of DKMS.
    pub overrides: PathBuf,
    /// evermod's own state.
    pub state: PathBuf,
    /// Results of builds that are not in the tree.
    pub cache: PathBuf,
}

impl Places {
    /// The usual places of a root.
    pub fn new(root: Root) -> Self {
        Self {
            root,
            dkms_tree: "/var/lib/dkms".into(),
            source_tree: "/usr/src".into(),
            install_tree: "/lib/modules".into(),
            overrides: "/etc/dkms".into(),
            state: "/var/lib/evermod".into(),
            cache: "/var/cache/evermod/builds".into(),
        }
    }

    /// `T` on the machine. Where it is an absolute link, that is followed inside the root.
    pub fn tree(&self) -> PathBuf {
        self.root.opened(&self.dkms_tree).unwrap_or_else(|_| self.root.at(&self.dkms_tree))
    }

    /// `T/M`.
    pub fn name_dir(&self, name: &str) -> PathBuf {
        self.tree().join(name)
    }

    /// `T/M/V`.
    pub fn module_dir(&self, module: &ModuleId) -> PathBuf {
        self.name_dir(&module.name).join(&module.version)
    }

    /// `T/M/V/source`.
    pub fn source_link(&self, module: &ModuleId) -> PathBuf {
        self.module_dir(module).join("source")
    }

    /// `T/M/V/build`: where a build believes to be.
    pub fn build_dir(&self, module: &ModuleId) -> PathBuf {
        self.module_dir(module).join("build")
    }

    /// `T/M/V/build` as a path inside the root.
    pub fn build_dir_inside(&self, module: &ModuleId) -> PathBuf {
        self.dkms_tree.join(&module.name).join(&module.version).join("build")
    }

    /// `T/M/V/K/A`: a built instance.
    pub fn instance_dir(&self, instance: &Instance) -> PathBuf {
        self.module_dir(&instance.module).join(instance.kernel.as_str()).join(instance.arch.as_str())
    }

    /// `T/M/kernel-K-A`: the link to the active version.
    pub fn active_link(&self, name: &str, kernel: &KernelRelease, arch: &Arch) -> PathBuf {
        self.name_dir(name).join(format!("kernel-{kernel}-{arch}"))
    }

    /// `T/M/original_module/K/A`: the kernel's own modules, put aside.
    pub fn originals_dir(&self, name: &str, kernel: &KernelRelease, arch: &Arch) -> PathBuf {
        self.name_dir(name).join(ORIGINALS).join(kernel.as_str()).join(arch.as_str())
    }

    /// `S/M-V` inside the root.
    pub fn source_dir_inside(&self, module: &ModuleId) -> PathBuf {
        self.source_tree.join(format!("{}-{}", module.name, module.version))
    }

    /// `I/K` on the machine.
    pub fn kernel_dir(&self, kernel: &KernelRelease) -> PathBuf {
        self.root.at(&self.install_tree).join(kernel.as_str())
    }

    /// A place below evermod's state.
    pub fn state(&self, below: impl AsRef<Path>) -> PathBuf {
        self.root.at(&self.state).join(below)
    }

    /// Where packages of prebuilt modules say what they bring, inside the root: `KERNEL/MODULE.json`.
    pub fn prebuilts(&self) -> &'static Path {
        Path::new("/usr/lib/evermod/prebuilt")
    }

    /// The directory of results of builds that wait for their kernel.
    pub fn cache(&self) -> PathBuf {
        self.root.at(&self.cache)
    }

    /// Where the result with this key waits.
    pub fn cached(&self, key: &BuildKey) -> PathBuf {
        self.cache().join(&key.0)
    }

    /// Where failed builds are remembered, in directories named for modules.
    pub fn failures(&self) -> PathBuf {
        self.state(FAILED)
    }

    /// Where a failed build is remembered.
    pub fn failure_record(&self, instance: &Instance) -> PathBuf {
        self.remembered(FAILED, instance).with_extension_appended("json")
    }

    /// Where the log of a failed build is kept, whatever later builds leave in DKMS's place.
    pub fn failure_log(&self, instance: &Instance) -> PathBuf {
        self.remembered(FAILED, instance).with_extension_appended("log")
    }

    /// The directory that one instance is built in.
    pub fn scratch(&self, instance: &Instance) -> PathBuf {
        self.remembered(BUILD, instance)
    }

    /// The directories of what is remembered of a module's builds: those that failed, and those under way.
    pub fn all_remembered(&self, module: &ModuleId) -> [PathBuf; 2] {
        [FAILED, BUILD].map(|what| self.remembered_of(what, module))
    }

    fn remembered_of(&self, what: &str, module: &ModuleId) -> PathBuf {
        self.state(what).join(&module.name).join(&module.version)
    }

    fn remembered(&self, what: &str, instance: &Instance) -> PathBuf {
        self.remembered_of(what, &instance.module).join(instance.kernel.as_str()).join(instance.arch.as_str())
    }
}

trait AppendExtension {
    fn with_extension_appended(self, extension: &str) -> PathBuf;
}

impl AppendExtension for PathBuf {
    fn with_extension_appended(self, extension: &str) -> PathBuf {
        let mut name = self.into_os_string();
        name.push(".");
        name.push(extension);
        name.into()
    }
}
