//! What kernel-install(8) tells a plugin: words, and variables that begin with `KERNEL_INSTALL_`. Versions 252 to 262 of
//! systemd are understood; what one of them does not set is absent.

use std::path::{Path, PathBuf};

/// Whether a kernel comes or goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// `add`
    Add,
    /// `remove`
    Remove,
}

/// What is made of the kernel and its initramfs in the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Layout {
    /// Entries of the Boot Loader Specification.
    Bls,
    /// Unified kernel images.
    Uki,
    /// An image-based system: its own plugin makes the initramfs early, runs depmod last, and ends the plugins there.
    Ostree,
    /// Any other, or none that is said.
    #[default]
    Other,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What happens.
    pub command: Command,
    /// The kernel's release.
    pub release: String,
    /// Its image, while it comes.
    pub image: Option<PathBuf>,
    /// `KERNEL_INSTALL_LAYOUT`.
    pub layout: Layout,
    /// The image is a unified one of the distribution's (`KERNEL_INSTALL_IMAGE_TYPE=uki`): no initramfs of this machine will
    /// have our modules.
    pub is_vendor_uki: bool,
    /// The plugins that are run, if the caller chose them (`KERNEL_INSTALL_PLUGINS`).
    pub plugins: Option<Vec<String>>,
}

/// A call that is none of kernel-install's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCall {
    /// A command that this version does not know; nothing is to be done.
    #[error("{0:?} is neither add nor remove")]
    Command(String),
    /// No kernel is named.
    #[error("kernel-install named no kernel")]
    NoKernel,
}

impl Call {
    /// Reads the words behind the plugin's own name, and the variables.
    ///
    /// # Errors
    /// They are no call.
    pub fn read(words: &[String], variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, BadCall> {
        let mut words = words.iter();
        let command = match words.next().map(String::as_str) {
            Some("add") => Command::Add,
            Some("remove") => Command::Remove,
            other => return Err(BadCall::Command(other.unwrap_or_default().to_string())),
        };
        let release = words.next().filter(|release| !release.is_empty()).ok_or(BadCall::NoKernel)?.clone();
        // Behind the release: the directory of the entry, then the image.
        let image = words.nth(1).filter(|_| command == Command::Add).map(PathBuf::from);
        let set = |name: &str| variable(&format!("KERNEL_INSTALL_{name}")).filter(|value| !value.is_empty());
        let layout = match set("LAYOUT").as_deref() {
            Some("bls") => Layout::Bls,
            Some("uki") => Layout::Uki,
            Some("ostree") => Layout::Ostree,
            _ => Layout::Other,
        };
        Ok(Self {
            command,
            release,
            image,
            layout,
            is_vendor_uki: set("IMAGE_TYPE").as_deref() == Some("uki"),
            plugins: set("PLUGINS").map(|list| list.split_whitespace().map(str::to_string).collect()),
        })
    }

    /// Whether `50-depmod` runs after us for this call, so that nobody else need. `find` says what is at a plugin's path; a name
    /// in an earlier directory hides the same name in later ones.
    #[must_use]
    pub fn depmod_follows(&self, find: &dyn Fn(&Path) -> Plugin) -> bool {
        if self.command == Command::Remove || self.layout == Layout::Ostree {
            return false;
        }
        if let Some(plugins) = &self.plugins {
            return plugins.iter().any(|plugin| plugin.rsplit('/').next() == Some(DEPMOD));
        }
        let mut found = DIRECTORIES.iter().map(|dir| find(&Path::new(dir).join(DEPMOD)));
        found.find(|plugin| *plugin != Plugin::Absent) == Some(Plugin::Runs)
    }
}

/// The plugin of systemd that runs depmod.
const DEPMOD: &str = "50-depmod.install";

/// Where plugins are, the ones that count first.
const DIRECTORIES: [&str; 4] = [
    "/etc/kernel/install.d",
    "/run/kernel/install.d",
    "/usr/local/lib/kernel/install.d",
    "/usr/lib/kernel/install.d",
];

/// What is at a plugin's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plugin {
    /// Nothing.
    Absent,
    /// A program.
    Runs,
    /// Something that is not run: a link to `/dev/null`, a file that is not executable.
    Masked,
}

#[cfg(test)]
mod tests;
