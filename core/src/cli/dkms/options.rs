//! The options of DKMS's command line, one row each.

/// What an option sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opt {
    /// The module.
    Module,
    /// Its version.
    Version,
    /// A kernel.
    Kernel,
    /// An architecture.
    Arch,
    /// Every kernel that the module is built for.
    All,
    /// Another dkms.conf.
    Conf,
    /// Another kernel configuration.
    KernelConfig,
    /// Other headers.
    KernelSource,
    /// A directive.
    Directive,
    /// Another DKMS tree.
    DkmsTree,
    /// Another directory of sources.
    SourceTree,
    /// Another directory of kernels' modules.
    InstallTree,
    /// Over what is there.
    Force,
    /// Whatever version the kernel has.
    ForceVersion,
    /// How many compilers.
    Jobs,
    /// The kernel to take as a model.
    TemplateKernel,
    /// The archive.
    Archive,
    /// Builds only.
    BinariesOnly,
    /// Sources only.
    SourceOnly,
    /// Links in place of copies.
    SymlinkModules,
    /// No depmod.
    NoDepmod,
    /// Load what was installed.
    Modprobe,
    /// Part of an rpm transaction.
    RpmSafeUpgrade,
    /// Commands in place of their descriptions.
    Verbose,
    /// Trace.
    Debug,
    /// Nothing printed.
    Quiet,
    /// The version.
    ShowVersion,
    /// The usage.
    ShowHelp,
    /// What DKMS dropped.
    Dropped,
}

/// What an option's value is, for the synopsis and for completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// A module, or a module and its version.
    Module,
    /// A version of the module.
    Version,
    /// A kernel's release.
    Kernel,
    /// An architecture.
    Arch,
    /// A number.
    Number,
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A directive's name, `=` and its value.
    Directive,
}

/// One option.
#[derive(Debug, Clone, Copy)]
pub struct OptionSpec {
    /// What it sets.
    pub id: Opt,
    /// The spelling with one dash.
    pub short: Option<&'static str>,
    /// The spelling with two dashes.
    pub long: Option<&'static str>,
    /// Whether anything that begins with the long spelling is this option, as in DKMS.
    pub prefix: bool,
    /// What its value is, if it takes one.
    pub value: Option<Value>,
    /// Whether it may be given several times.
    pub repeatable: bool,
    /// DKMS dropped it: accepted with a warning.
    pub obsolete: bool,
    /// A few words.
    pub brief: &'static str,
    /// A paragraph.
    pub text: &'static str,
}

impl Value {
    /// What stands for it in a synopsis.
    pub fn name(self) -> &'static str {
        match self {
            Self::Module => "<module>[/<version>]",
            Self::Version => "<version>",
            Self::Kernel => "<kernel>[/<arch>]",
            Self::Arch => "<arch>",
            Self::Number => "<number>",
            Self::File => "<file>",
            Self::Directory => "<directory>",
            Self::Directive => "<NAME>=<value>",
        }
    }
}

const fn flag(id: Opt, long: &'static str, brief: &'static str, text: &'static str) -> OptionSpec {
    OptionSpec {
        id,
        short: None,
        long: Some(long),
        prefix: false,
        value: None,
        repeatable: false,
        obsolete: false,
        brief,
        text,
    }
}

const fn valued(
    id: Opt,
    short: Option<&'static str>,
    long: Option<&'static str>,
    value: Value,
    brief: &'static str,
    text: &'static str,
) -> OptionSpec {
    OptionSpec { short, long, prefix: long.is_some(), value: Some(value), ..flag(id, "", brief, text) }
}

const fn dropped(long: &'static str) -> OptionSpec {
    OptionSpec { obsolete: true, ..flag(Opt::Dropped, long, "", "") }
}

/// The options, in the order in which the parser tries them.
pub const OPTIONS: [OptionSpec; 31] = [
    valued(
        Opt::Module,
        Some("-m"),
        Some("--module"),
        Value::Module,
        "the module",
        "The module, where it is not named without an option.",
    ),
    valued(Opt::Version, Some("-v"), None, Value::Version, "its version", "Its version."),
    OptionSpec {
        repeatable: true,
        ..valued(
            Opt::Kernel,
            Some("-k"),
            Some("--kernelver"),
            Value::Kernel,
            "a kernel; the running one by default",
            "A kernel, as `uname -r` names it; may be given several times. The running kernel where none is given, and \
             all for `status`.",
        )
    },
    valued(
        Opt::TemplateKernel,
        None,
        Some("--templatekernel"),
        Value::Kernel,
        "the kernel whose modules are wanted",
        "The kernel that `match` takes as a model.",
    ),
    valued(
        Opt::DkmsTree,
        None,
        Some("--dkmstree"),
        Value::Directory,
        "in place of /var/lib/dkms",
        "The DKMS tree, instead of </var/lib/dkms>.",
    ),
    valued(
        Opt::SourceTree,
        None,
        Some("--sourcetree"),
        Value::Directory,
        "in place of /usr/src",
        "The directory of sources, instead of </usr/src>.",
    ),
    valued(
        Opt::InstallTree,
        None,
        Some("--installtree"),
        Value::Directory,
        "in place of /lib/modules",
        "The directory of the kernels' modules, instead of </lib/modules>.",
    ),
    valued(
        Opt::KernelConfig,
        None,
        Some("--config"),
        Value::File,
        "another kernel configuration",
        "The kernel's configuration, instead of the one among its headers.",
    ),
    // Must be tried before --arch.
    valued(
        Opt::Archive,
        None,
        Some("--archive"),
        Value::File,
        "the archive",
        "The archive that `mktarball` writes and `ldtarball` reads.",
    ),
    OptionSpec {
        repeatable: true,
        ..valued(
            Opt::Arch,
            Some("-a"),
            Some("--arch"),
            Value::Arch,
            "an architecture",
            "An architecture, as `uname -m` names it: one for all kernels, or one for each in their order.",
        )
    },
    valued(
        Opt::KernelSource,
        None,
        Some("--kernelsourcedir"),
        Value::Directory,
        "other kernel headers",
        "The kernel's headers, instead of </lib/modules/kernel/build>.",
    ),
    OptionSpec {
        repeatable: true,
        ..valued(
            Opt::Directive,
            None,
            Some("--directive"),
            Value::Directive,
            "set a directive",
            "Sets a directive after all files were read; may be given several times.",
        )
    },
    valued(
        Opt::Conf,
        Some("-c"),
        None,
        Value::File,
        "another dkms.conf",
        "A <dkms.conf> to be read instead of the module's.",
    ),
    valued(
        Opt::Jobs,
        Some("-j"),
        None,
        Value::Number,
        "how many compilers at once",
        "How many compilers run at once, for all builds together.",
    ),
    flag(
        Opt::All,
        "--all",
        "every kernel that the module is built for",
        "Every kernel and architecture that the module is built for; for `uninstall`, `unbuild`, `remove` and \
         `mktarball`. Not together with `-k` or `-a`.",
    ),
    flag(
        Opt::Force,
        "--force",
        "over what is there",
        "With `build`, builds again what is built; with `install`, installs again what is installed. Overwrites sources, \
         and passes over the comparison of versions, a failing PRE_INSTALL and missing BUILD_DEPENDS.",
    ),
    flag(
        Opt::ForceVersion,
        "--force-version-override",
        "install whatever version the kernel has",
        "Passes over the comparison of versions only.",
    ),
    flag(Opt::NoDepmod, "--no-depmod", "leave depmod to the caller", "Leaves `depmod`(8) to the caller."),
    flag(
        Opt::SymlinkModules,
        "--symlink-modules",
        "install links in place of copies",
        "Installs links to what was built in place of copies.",
    ),
    flag(
        Opt::Modprobe,
        "--modprobe-on-install",
        "load what was installed",
        "Loads the modules that the machine's devices ask for, where the kernel is the running one.",
    ),
    flag(
        Opt::RpmSafeUpgrade,
        "--rpm_safe_upgrade",
        "for scripts of rpm packages",
        "For the scripts of rpm packages: where one transaction both adds and removes a module of the same version, it \
         stays. Installs as with `--force`.",
    ),
    flag(
        Opt::SourceOnly,
        "--source-only",
        "no builds in the archive",
        "Makes `mktarball` leave out what was built.",
    ),
    flag(
        Opt::BinariesOnly,
        "--binaries-only",
        "no sources in the archive",
        "Makes `mktarball` leave out the sources. Not together with `--source-only`.",
    ),
    flag(Opt::Verbose, "--verbose", "show the commands, too", "Prints the commands, too."),
    flag(
        Opt::Debug,
        "--debug",
        "trace, too",
        "As `--verbose`, and bash traces what it runs; a build's trace is in its log.",
    ),
    OptionSpec {
        short: Some("-q"),
        ..flag(Opt::Quiet, "--quiet", "print nothing", "Prints nothing, errors of the action included.")
    },
    OptionSpec {
        short: Some("-V"),
        ..flag(
            Opt::ShowVersion,
            "--version",
            "print the version",
            "Prints the version of DKMS that is stood in for.",
        )
    },
    OptionSpec { short: Some("-h"), ..flag(Opt::ShowHelp, "--help", "print this", "Prints a summary.") },
    dropped("--no-initrd"),
    dropped("--no-clean-kernel"),
    dropped("--no-prepare-kernel"),
];

/// The option that a word names, without what follows `=`.
pub fn option(name: &str) -> Option<&'static OptionSpec> {
    OPTIONS.iter().find(|option| {
        option.short == Some(name)
            || option.long.is_some_and(|long| name == long || (option.prefix && name.starts_with(long)))
    })
}
