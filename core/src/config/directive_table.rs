//! The directives of `dkms.conf` as a table: what the reader looks for, what lint knows, and what dkms.conf(5) says.
//!
//! In `text`, `` `word` `` is to be typed as it is and `<word>` stands for something else or is a file.

/// What a directive's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// `yes` or `no`.
    YesOrNo,
    /// A kernel's release or the beginning of one.
    Release,
    /// An extended regular expression.
    Pattern,
    /// A command that a shell evaluates.
    Command,
    /// A file among the sources, and its arguments.
    Script,
    /// A file below `patches`.
    Patch,
    /// Words parted by blanks.
    Words,
}

/// The section of dkms.conf(5) that a directive stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Names and places.
    What,
    /// Commands, patches, what comes first.
    How,
    /// What kernels it is for.
    Kernels,
    /// Scripts.
    Scripts,
    /// Accepted, without effect.
    Idle,
}

/// One directive.
#[derive(Debug, Clone, Copy)]
pub struct DirectiveSpec {
    /// Its name.
    pub name: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// Whether it is an array.
    pub list: bool,
    /// Whether nothing can be done without it: once, or for each module where it is a list.
    pub required: bool,
    /// What counts where it is not set; empty for nothing.
    pub default: &'static str,
    /// Why it should not be used any more, and what to use.
    pub deprecated: Option<&'static str>,
    /// Where the manual has it.
    pub group: Group,
    /// What it means.
    pub text: &'static str,
}

const fn one(name: &'static str, kind: Kind, group: Group, text: &'static str) -> DirectiveSpec {
    DirectiveSpec { name, kind, list: false, required: false, default: "", deprecated: None, group, text }
}

const fn list(name: &'static str, kind: Kind, group: Group, text: &'static str) -> DirectiveSpec {
    DirectiveSpec { list: true, ..one(name, kind, group, text) }
}

const fn old(name: &'static str, why: &'static str) -> DirectiveSpec {
    DirectiveSpec { deprecated: Some(why), ..one(name, Kind::Text, Group::Idle, "") }
}

/// Said of what DKMS has long dropped.
const DROPPED: &str = "it is ignored; delete the line";

/// The directives, by group.
pub const DIRECTIVES: [DirectiveSpec; 33] = [
    DirectiveSpec {
        required: true,
        ..one("PACKAGE_NAME", Kind::Text, Group::What, "The name by which `dkms`(8) knows the module.")
    },
    DirectiveSpec {
        required: true,
        ..one("PACKAGE_VERSION", Kind::Text, Group::What, "The version by which `dkms`(8) knows the module.")
    },
    DirectiveSpec {
        default: "PACKAGE_NAME where there is only one file",
        ..list(
            "BUILT_MODULE_NAME",
            Kind::Text,
            Group::What,
            "The name of a file that the build makes, without <.ko>.",
        )
    },
    DirectiveSpec {
        default: "the top of the sources",
        ..list(
            "BUILT_MODULE_LOCATION",
            Kind::Text,
            Group::What,
            "The directory in the sources where the build leaves the file.",
        )
    },
    DirectiveSpec {
        default: "BUILT_MODULE_NAME",
        ..list(
            "DEST_MODULE_NAME",
            Kind::Text,
            Group::What,
            "The name under which the file is installed, without <.ko>.",
        )
    },
    DirectiveSpec {
        required: true,
        ..list(
            "DEST_MODULE_LOCATION",
            Kind::Text,
            Group::What,
            "Where below </lib/modules/KERNEL> the file belongs; begins with </kernel>, </updates> or </extra>. \
             Distributions that have a place of their own for such modules use that instead; see `dkms`(8).",
        )
    },
    DirectiveSpec {
        default: "yes",
        ..list(
            "STRIP",
            Kind::YesOrNo,
            Group::What,
            "`no` keeps debugging information in the installed file. Element 0 counts for all that say nothing.",
        )
    },
    DirectiveSpec {
        default: "make -C $kernel_source_dir M=<directory>",
        ..list(
            "MAKE",
            Kind::Command,
            Group::How,
            "The command that builds, run in a copy of the sources. The last one whose MAKE_MATCH fits the kernel's \
             release is taken, else element 0 if it has no MAKE_MATCH. A command that begins with `make` is given \
             `KERNELRELEASE=`<kernel>; write `'make'` in single quotes where that is not wanted. A `-j` of its own is \
             dropped: all builds share the jobs that evermod allows. For a kernel built by clang, `LLVM=1` is appended.",
        )
    },
    list(
        "MAKE_MATCH",
        Kind::Pattern,
        Group::How,
        "The kernels that the MAKE of the same index is for: an extended regular expression.",
    ),
    list(
        "PATCH",
        Kind::Patch,
        Group::How,
        "A file in the directory <patches> that is applied with `patch -p1` before the build, in the order of the \
         indices.",
    ),
    list(
        "PATCH_MATCH",
        Kind::Pattern,
        Group::How,
        "The kernels that the PATCH of the same index is for; all where it is not set.",
    ),
    list(
        "BUILD_DEPENDS",
        Kind::Text,
        Group::How,
        "A module that must be installed for the same kernel first. Its <Module.symvers> is given to the build as \
         KBUILD_EXTRA_SYMBOLS.",
    ),
    DirectiveSpec {
        default: "no",
        ..one(
            "AUTOINSTALL",
            Kind::YesOrNo,
            Group::How,
            "`yes`: build and install without being asked, for every new kernel.",
        )
    },
    list(
        "BUILD_EXCLUSIVE_KERNEL",
        Kind::Pattern,
        Group::Kernels,
        "An extended regular expression that the release must match.",
    ),
    list("BUILD_EXCLUSIVE_KERNEL_MIN", Kind::Release, Group::Kernels, "The first release."),
    DirectiveSpec {
        default: "OBSOLETE_BY",
        ..list("BUILD_EXCLUSIVE_KERNEL_MAX", Kind::Release, Group::Kernels, "The last release.")
    },
    list(
        "BUILD_EXCLUSIVE_ARCH",
        Kind::Pattern,
        Group::Kernels,
        "An extended regular expression that the architecture must match.",
    ),
    list(
        "BUILD_EXCLUSIVE_CONFIG",
        Kind::Words,
        Group::Kernels,
        "Options of the kernel's configuration, parted by blanks: `CONFIG_X` must be set to <y> or <m>, `!CONFIG_X` must \
         not.",
    ),
    DirectiveSpec {
        deprecated: Some("use BUILD_EXCLUSIVE_KERNEL_MAX"),
        ..one(
            "OBSOLETE_BY",
            Kind::Release,
            Group::Kernels,
            "The release from which on the kernel has the module itself. Deprecated; use BUILD_EXCLUSIVE_KERNEL_MAX.",
        )
    },
    one(
        "POST_ADD",
        Kind::Script,
        Group::Scripts,
        "After the module was added; its status is that of `dkms add`.",
    ),
    one(
        "PRE_BUILD",
        Kind::Script,
        Group::Scripts,
        "After the patches, before the build. A failure ends the build with its status.",
    ),
    one(
        "POST_BUILD",
        Kind::Script,
        Group::Scripts,
        "After the files were made ready; it finds them where they are going to be, below </var/lib/dkms>. A failure \
         ends the build with its status, and nothing is kept.",
    ),
    one("PRE_INSTALL", Kind::Script, Group::Scripts, "Before anything is installed. A failure prevents it."),
    one("POST_INSTALL", Kind::Script, Group::Scripts, "After the installation, before `depmod`(8)."),
    one(
        "POST_REMOVE",
        Kind::Script,
        Group::Scripts,
        "After the files were taken out of the kernel's tree, before `depmod`(8).",
    ),
    DirectiveSpec {
        default: "no",
        ..one(
            "BUILD_DEPENDS_REBUILD",
            Kind::YesOrNo,
            Group::How,
            "Whether it is built again when a module of BUILD_DEPENDS changes its version.",
        )
    },
    DirectiveSpec {
        default: "no",
        ..one(
            "NO_WEAK_MODULES",
            Kind::YesOrNo,
            Group::How,
            "Keeps `weak-modules`(8) from sharing it with kernels of the same ABI, where there are weak modules.",
        )
    },
    old("CLEAN", "it is never run: every build begins in a fresh copy of the sources; delete the line"),
    old("REMAKE_INITRD", "evermod writes the initramfs where it has to; delete the line"),
    old("MODULES_CONF", DROPPED),
    old("MODULES_CONF_ALIAS_TYPE", DROPPED),
    old("MODULES_CONF_OBSOLETES", DROPPED),
    old("MODULES_CONF_OBSOLETE_ONLY", DROPPED),
];

/// The row of a directive.
pub fn directive(name: &str) -> Option<&'static DirectiveSpec> {
    DIRECTIVES.iter().find(|spec| spec.name == name)
}

/// The names alone.
pub const NAMES: [&str; DIRECTIVES.len()] = {
    let mut names = [""; DIRECTIVES.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = DIRECTIVES[index].name;
        index += 1;
    }
    names
};

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_all_is_said() {
        assert_eq!(NAMES.iter().collect::<BTreeSet<_>>().len(), NAMES.len());
        for spec in &DIRECTIVES {
            assert!(!spec.text.is_empty() || spec.deprecated.is_some(), "{}", spec.name);
            assert_eq!(spec.text.matches('`').count() % 2, 0, "{}", spec.name);
        }
    }
}
