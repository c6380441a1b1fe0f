//! What a `dkms.conf` says once it has been read, as values (contract 2.3).

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The directives of one module package, resolved for one kernel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directives {
    /// PACKAGE_NAME.
    pub package_name: String,
    /// PACKAGE_VERSION.
    pub package_version: String,
    /// One per `.ko` file, by the index used in BUILT_MODULE_NAME and its fellows.
    pub records: Vec<Record>,
    /// MAKE, by index: sparse.
    pub make: BTreeMap<usize, String>,
    /// MAKE_MATCH, by index: sparse.
    pub make_match: BTreeMap<usize, String>,
    /// PATCH and PATCH_MATCH in index order.
    pub patches: Vec<Patch>,
    /// AUTOINSTALL.
    pub autoinstall: bool,
    /// BUILD_DEPENDS, one name each, also where the file had one blank-separated scalar.
    pub build_depends: Vec<String>,
    /// BUILD_DEPENDS_REBUILD.
    pub build_depends_rebuild: bool,
    /// The package-wide BUILD_EXCLUSIVE directives (index 0).
    pub exclusive: Exclusive,
    /// OBSOLETE_BY.
    pub obsolete_by: Option<String>,
    /// NO_WEAK_MODULES.
    pub no_weak_modules: bool,
    /// PRE_BUILD, with arguments.
    pub pre_build: Option<String>,
    /// POST_BUILD, with arguments.
    pub post_build: Option<String>,
    /// PRE_INSTALL, with arguments.
    pub pre_install: Option<String>,
    /// POST_INSTALL, with arguments.
    pub post_install: Option<String>,
    /// POST_ADD, with arguments.
    pub post_add: Option<String>,
    /// POST_REMOVE, with arguments.
    pub post_remove: Option<String>,
}

/// One `.ko` file that a package yields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// BUILT_MODULE_NAME: file name before `.ko`.
    pub built_name: String,
    /// BUILT_MODULE_LOCATION: directory below the source root, empty or ending in `/`.
    pub built_location: String,
    /// DEST_MODULE_NAME.
    pub dest_name: String,
    /// DEST_MODULE_LOCATION as written; the distribution may override it.
    pub dest_location: String,
    /// STRIP: whether debugging symbols are removed.
    pub strip: bool,
    /// BUILD_EXCLUSIVE directives of this file alone (index > 0).
    pub exclusive: Exclusive,
}

/// A set of BUILD_EXCLUSIVE directives: for which kernels something is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exclusive {
    /// BUILD_EXCLUSIVE_KERNEL: a regular expression that the release must match.
    pub kernel: Option<String>,
    /// BUILD_EXCLUSIVE_KERNEL_MIN, inclusive by prefix.
    pub kernel_min: Option<String>,
    /// BUILD_EXCLUSIVE_KERNEL_MAX, inclusive by prefix.
    pub kernel_max: Option<String>,
    /// BUILD_EXCLUSIVE_ARCH: a regular expression that the architecture must match.
    pub arch: Option<String>,
    /// BUILD_EXCLUSIVE_CONFIG: `CONFIG_X` and `!CONFIG_X` words.
    pub config: Vec<String>,
}

/// One PATCH with its PATCH_MATCH.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patch {
    /// File below `patches/`.
    pub file: String,
    /// A regular expression that the kernel release must match, if any.
    pub matches: Option<String>,
}

impl Directives {
    /// True if nothing restricts where this package may be built.
    pub fn is_unrestricted(&self) -> bool {
        self.exclusive == Exclusive::default()
            && self.records.iter().all(|r| r.exclusive == Exclusive::default())
    }

    /// The modules of the package, but for those with these indices, which are not meant for a kernel.
    pub fn records_but(&self, excluded: &[usize]) -> Vec<&Record> {
        self.records.iter().enumerate().filter(|(i, _)| !excluded.contains(i)).map(|(_, r)| r).collect()
    }
}
