//! DKMS's command line as tables (contract 1.2 and 1.4): the parser, `--help`, dkms(8) and the completions are made of them.
//!
//! In `text`, `` `word` `` is to be typed as it is and `<word>` stands for something else or is a file.

pub use super::options::{OPTIONS, Opt, OptionSpec, Value};

/// The actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Register a module's source.
    Add,
    /// Compile.
    Build,
    /// Undo [`Self::Build`].
    Unbuild,
    /// Place below the kernel.
    Install,
    /// Undo [`Self::Install`].
    Uninstall,
    /// Undo everything.
    Remove,
    /// Install all that ask for it.
    Autoinstall,
    /// Tell what there is.
    Status,
    /// Make or find the signing key.
    GenerateMok,
    /// A kernel was installed.
    KernelPostinst,
    /// A kernel goes.
    KernelPrerm,
    /// A kernel is about to be installed.
    KernelPreinst,
    /// Install what another kernel has.
    Match,
    /// Write an archive.
    Mktarball,
    /// Read an archive.
    Ldtarball,
}

/// Who may do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Anyone.
    Nothing,
    /// Whoever may write to the DKMS tree.
    WritableTree,
    /// Whoever may write to the directory of the keys.
    WritableKeys,
    /// Root.
    Root,
}

/// Which kernels it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kernels {
    /// None; what is given counts for nothing.
    None,
    /// Any number; the running one where none is given.
    Several,
    /// One; the running one where none is given.
    One,
    /// One, which must be given.
    OneGiven,
    /// Patterns that the output is filtered by.
    Filter,
}

/// What it makes of `--all`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum All {
    /// Every kernel that the module is built for.
    Takes,
    /// Nothing.
    Ignores,
    /// Exit code 5.
    Refuses,
}

/// One action.
#[derive(Debug, Clone, Copy)]
pub struct ActionSpec {
    /// The word on the command line.
    pub name: &'static str,
    /// What the parser gives.
    pub action: Action,
    /// Its operands, as a synopsis shows them.
    pub operands: &'static str,
    /// Who may do it.
    pub needs: Needs,
    /// Which kernels it takes.
    pub kernels: Kernels,
    /// What it makes of `--all`.
    pub all: All,
    /// A few words.
    pub brief: &'static str,
    /// A paragraph.
    pub text: &'static str,
}

/// The actions.
pub const ACTIONS: [ActionSpec; 15] = [
    ActionSpec {
        name: "add",
        action: Action::Add,
        operands: "<module>/<version> | <directory> | <archive>",
        needs: Needs::WritableTree,
        kernels: Kernels::None,
        all: All::Refuses,
        brief: "make a module's sources known",
        text: "Makes the sources in </usr/src/module-version> known. A directory with a <dkms.conf> is copied there \
               first, which takes root; an archive is loaded, as by `ldtarball`. The script POST_ADD runs.",
    },
    ActionSpec {
        name: "build",
        action: Action::Build,
        operands: "<module>/<version> | <directory>",
        needs: Needs::WritableTree,
        kernels: Kernels::Several,
        all: All::Refuses,
        brief: "compile a module for kernels, added or not",
        text: "Builds for each kernel named, and adds first what is not added. The log is \
               </var/lib/dkms/module/version/kernel/arch/log/make.log>; after a failure it is \
               </var/lib/dkms/module/version/build/make.log> and, for each kernel, \
               </var/lib/evermod/failed/module/version/kernel/arch.log>.",
    },
    ActionSpec {
        name: "install",
        action: Action::Install,
        operands: "<module>/<version> | <directory>",
        needs: Needs::Root,
        kernels: Kernels::Several,
        all: All::Refuses,
        brief: "put a module into the kernels' trees, built or not",
        text: "Puts what was built into the kernel's tree and runs `depmod`(8); builds first what is not built. A module \
               of the kernel's own that is newer, or the same, is left alone; see `--force` and \
               `--force-version-override`.",
    },
    ActionSpec {
        name: "uninstall",
        action: Action::Uninstall,
        operands: "<module>/<version>",
        needs: Needs::Root,
        kernels: Kernels::Several,
        all: All::Takes,
        brief: "take a module out of the kernels' trees",
        text: "Takes the files out of the kernel's tree and puts back what they stood in for. What was built remains.",
    },
    ActionSpec {
        name: "unbuild",
        action: Action::Unbuild,
        operands: "<module>/<version>",
        needs: Needs::WritableTree,
        kernels: Kernels::Several,
        all: All::Takes,
        brief: "uninstall, and delete what was built",
        text: "Uninstalls, and deletes what was built. The module remains known.",
    },
    ActionSpec {
        name: "remove",
        action: Action::Remove,
        operands: "<module>/<version>",
        needs: Needs::WritableTree,
        kernels: Kernels::Several,
        all: All::Takes,
        brief: "unbuild, and forget the module where no build is left",
        text: "Unbuilds, and forgets the module where it is built for no kernel any more. The sources in </usr/src> are \
               never touched.",
    },
    ActionSpec {
        name: "status",
        action: Action::Status,
        operands: "[<module>[/<version>]]",
        needs: Needs::Nothing,
        kernels: Kernels::Filter,
        all: All::Ignores,
        brief: "show what there is",
        text: "Shows what is known, one line for each kernel that it is built for. The name, version, kernel and \
               architecture may hold the wildcards of a shell. Always succeeds.",
    },
    ActionSpec {
        name: "autoinstall",
        action: Action::Autoinstall,
        operands: "",
        needs: Needs::Root,
        kernels: Kernels::One,
        all: All::Refuses,
        brief: "install every module that asks for it, for one kernel",
        text: "Installs for one kernel the newest version of every module whose <dkms.conf> says AUTOINSTALL, in the \
               order that BUILD_DEPENDS asks for. A module that fails does not stop the others. Does nothing where \
               </etc/dkms/no-autoinstall> exists.",
    },
    ActionSpec {
        name: "match",
        action: Action::Match,
        operands: "[<module>] --templatekernel <kernel>",
        needs: Needs::Root,
        kernels: Kernels::One,
        all: All::Refuses,
        brief: "install what another kernel has",
        text: "Builds and installs for one kernel every module that is installed for the kernel of `--templatekernel`.",
    },
    ActionSpec {
        name: "mktarball",
        action: Action::Mktarball,
        operands: "<module>/<version>",
        needs: Needs::Nothing,
        kernels: Kernels::Several,
        all: All::Takes,
        brief: "write sources and builds into an archive",
        text: "Writes the sources of a module and what is built for the kernels named into an archive, by default below \
               </var/lib/dkms/module/version/tarball/>; see `--archive`, `--source-only` and `--binaries-only`.",
    },
    ActionSpec {
        name: "ldtarball",
        action: Action::Ldtarball,
        operands: "<file>",
        needs: Needs::WritableTree,
        kernels: Kernels::None,
        all: All::Ignores,
        brief: "take sources and builds from an archive",
        text: "Takes what `mktarball` wrote, or an archive of sources with a <dkms.conf>, and adds the module.",
    },
    ActionSpec {
        name: "generate_mok",
        action: Action::GenerateMok,
        operands: "",
        needs: Needs::WritableKeys,
        kernels: Kernels::None,
        all: All::Ignores,
        brief: "find the key that signs modules, or make one",
        text: "Makes the key that signs modules, and its certificate, where they are missing. It has to be enrolled with \
               `mokutil`(1) before a machine under Secure Boot accepts it.",
    },
    ActionSpec {
        name: "kernel_preinst",
        action: Action::KernelPreinst,
        operands: "",
        needs: Needs::Root,
        kernels: Kernels::OneGiven,
        all: All::Refuses,
        brief: "for kernel packages: a kernel is about to be installed",
        text: "For kernel packages: takes away what was built for a kernel of this name before it is replaced. The \
               modules remain known.",
    },
    ActionSpec {
        name: "kernel_postinst",
        action: Action::KernelPostinst,
        operands: "",
        needs: Needs::Root,
        kernels: Kernels::OneGiven,
        all: All::Refuses,
        brief: "for kernel packages: a kernel was installed",
        text: "For kernel packages: as `autoinstall`.",
    },
    ActionSpec {
        name: "kernel_prerm",
        action: Action::KernelPrerm,
        operands: "",
        needs: Needs::Root,
        kernels: Kernels::OneGiven,
        all: All::Refuses,
        brief: "for kernel packages: a kernel is about to be removed",
        text: "For kernel packages: takes away what was built for this kernel. The modules remain known.",
    },
];

impl Action {
    /// Its row; every action has one.
    pub fn spec(self) -> Option<&'static ActionSpec> {
        ACTIONS.iter().find(|spec| spec.action == self)
    }

    /// The word on the command line.
    pub fn name(self) -> &'static str {
        self.spec().map_or("", |spec| spec.name)
    }
}

/// Text without its marks, for a terminal.
pub fn plain(text: &str) -> String {
    text.replace(['`', '<', '>'], "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_marks_are_closed() {
        let names: BTreeSet<_> = ACTIONS.iter().map(|spec| spec.name).collect();
        assert_eq!(names.len(), ACTIONS.len());
        let mut spellings = BTreeSet::new();
        for option in &OPTIONS {
            assert!(option.short.is_some() || option.long.is_some());
            for name in option.short.iter().chain(&option.long) {
                assert!(spellings.insert(*name), "{name} is there twice");
            }
            assert!(!option.prefix || option.value.is_some(), "only options with a value match by prefix");
        }
        let texts = ACTIONS.iter().flat_map(|a| [a.operands, a.text, a.brief]);
        for text in texts.chain(OPTIONS.iter().flat_map(|o| [o.text, o.brief])) {
            assert_eq!(text.matches('`').count() % 2, 0, "{text}");
            assert_eq!(text.matches('<').count(), text.matches('>').count(), "{text}");
        }
    }

    /// `--archive*` must be tried before `--arch*`, and so on: no row may hide a later one.
    #[test]
    fn no_prefix_hides_a_later_option() {
        for (index, option) in OPTIONS.iter().enumerate().filter(|(_, option)| option.prefix) {
            for later in OPTIONS.iter().skip(index + 1).filter_map(|later| later.long) {
                let long = option.long.unwrap_or_default();
                assert!(!later.starts_with(long), "{long} hides {later}");
            }
        }
    }

    #[test]
    fn every_action_has_a_row() {
        for spec in &ACTIONS {
            assert_eq!(spec.action.name(), spec.name);
        }
    }
}
