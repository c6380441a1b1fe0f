//! What packages of prebuilts run where they are installed: POSIX shell with no other needs than the distribution's own
//! tools, written of parts in `scripts/`. None of them ever fails a transaction.

use super::layout::Layout;
use super::{ModulePackage, words};

/// The end of names of files that give way to a package's.
const ASIDE: &str = ".evermod-aside";
/// Where DKMS puts modules, on one distribution or another.
const DKMS: [&str; 3] = ["updates/dkms", "extra", "updates"];
/// Where generators put the initramfs of a kernel; of `$pkgbase` on Arch.
const IMAGES: &str = "\"/boot/initrd.img-$kernel /boot/initramfs-$kernel.img /boot/initrd-$kernel /boot/initramfs-$pkgbase.img \
                      /boot/*/$kernel/initrd /efi/*/$kernel/initrd /boot/efi/*/$kernel/initrd\"";

/// Parts of scripts.
pub(super) const ASIDE_PART: &str =
    concat!(include_str!("scripts/strangers.sh"), include_str!("scripts/aside.sh"));
pub(super) const BACK_PART: &str =
    concat!(include_str!("scripts/strangers.sh"), include_str!("scripts/back.sh"));
pub(super) const SETTLE_PART: &str = include_str!("scripts/settle.sh");

/// The words that all scripts of a package begin with.
#[derive(Debug)]
pub(super) struct Scripts {
    head: String,
}

impl Scripts {
    /// `kernel_packages`: names of the package that has the kernel, whichever of them is there.
    pub(super) fn new(
        name: &str,
        package: &ModulePackage,
        layout: &Layout,
        kernel_packages: &[String],
    ) -> Self {
        let names: Vec<&str> = package.files.iter().filter_map(|file| words::stem(file).ok()).collect();
        let mut directories: Vec<&str> = layout.directories.iter().map(String::as_str).collect();
        directories.extend(DKMS);
        let mut seen = std::collections::BTreeSet::new();
        directories.retain(|directory| seen.insert(*directory));
        let kernel = &package.kernel;
        let mut head = format!(
            "#!/bin/sh\nset -e\npackage='{name}'\nkernel='{}'\ntree='{}'\nnames='{}'\ndirectories='{}'\nplaced='{}'\n",
            kernel.release,
            layout.tree,
            names.join(" "),
            directories.join(" "),
            layout.placed().join(" "),
        );
        head.push_str(&format!("pkgbase='{}'\n", kernel.pkgbase.as_deref().unwrap_or_default()));
        if !kernel_packages.is_empty() {
            head.push_str(&format!("kernel_packages='{}'\n", kernel_packages.join(" ")));
        }
        head.push_str(&format!("initramfs={}\n", if package.initramfs { "yes" } else { "no" }));
        head.push_str(&format!("images={IMAGES}\naside={ASIDE}\n\n"));
        Self { head }
    }

    /// A whole script of these parts.
    pub(super) fn script(&self, parts: &[&str]) -> String {
        format!("{}{}{}", self.head, include_str!("scripts/common.sh"), parts.concat())
    }
}
