//! One module, built for one kernel.

use super::About;

/// A module that was built for one kernel, to be packaged for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModulePackage {
    /// `PACKAGE_NAME` of its `dkms.conf`.
    pub module: String,
    /// `PACKAGE_VERSION`.
    pub version: String,
    /// The packaging's own revision, such as `1`: goes up when only the packaging changes.
    pub revision: String,
    /// The kernel that it was built for.
    pub kernel: TargetKernel,
    /// The modules, in any order.
    pub files: Vec<ModuleFile>,
    /// Modules for the same kernel that it was built against (`BUILD_DEPENDS`).
    pub needs: Vec<Need>,
    /// Other names that it is to satisfy, such as those that the module's source package provides beyond its own.
    pub provides: Vec<String>,
    /// Whether one of the modules belongs into the initramfs, so that it has to be written again.
    pub initramfs: bool,
    /// What a person reads.
    pub about: About,
    /// Where it came from.
    pub provenance: Provenance,
}

/// The kernel of a [`ModulePackage`], and what is known of its packages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetKernel {
    /// As `uname -r` prints it.
    pub release: String,
    /// As `uname -m` prints it, such as `x86_64`.
    pub machine: String,
    /// DKMS's name for the architecture, as in its tree.
    pub arch: String,
    /// The package with the kernel's image.
    pub image: Option<KernelPackage>,
    /// The package with its headers.
    pub headers: Option<KernelPackage>,
    /// What kind of kernel it is among those that a distribution offers, as the name of its metapackage ends: `amd64`,
    /// `cloud-amd64`, `generic`; of Fedora's, what follows `kernel` in the name (`rt` of `kernel-rt`), mostly nothing.
    pub flavour: Option<String>,
    /// Arch: the package's base, as `pkgbase` beside the modules says it: `linux`, `linux-lts`.
    pub pkgbase: Option<String>,
}

/// A package of a kernel's, as its manager writes name and version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KernelPackage {
    /// Such as `linux-image-6.1.0-56-amd64`, `kernel-core` or `linux`.
    pub name: String,
    /// Such as `6.1.192-2`.
    pub version: String,
}

/// One file that modprobe loads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModuleFile {
    /// Its name with the suffix of its compression: `v4l2loopback.ko.xz`.
    pub name: String,
    /// Where it lies below the kernel's directory, such as `updates/dkms`; `None` where the distribution has it by default.
    pub directory: Option<String>,
    /// Stripped, signed and compressed, in this order.
    pub content: Vec<u8>,
    /// Patterns of the devices that it drives, as `modinfo -F alias` prints them.
    pub aliases: Vec<String>,
    /// Whether the kernel has a module of this name itself, which this one takes the place of.
    pub replaces_in_tree: bool,
}

/// Another module for the same kernel that has to be there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Need {
    /// Its name, as [`ModulePackage::module`].
    pub module: String,
    /// The version that it was built against, where that is known: symbols of another may not fit.
    pub version: Option<String>,
}

/// Where the modules came from: the same for the same inputs, so no times and no names of machines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provenance {
    /// Digest of the sources, 64 hexadecimal digits.
    pub source_sha256: String,
    /// What the headers were a part of, name and version; empty where no package owns them.
    pub kernel_package: KernelPackage,
    /// The first line that the compiler says of itself.
    pub compiler: String,
    /// Which evermod built it.
    pub evermod: String,
    /// The build key: digest of everything that decides what the build yields.
    pub build_key: String,
}
