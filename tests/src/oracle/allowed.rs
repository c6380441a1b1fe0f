//! The differences that are meant: each with a matcher that is narrow enough to miss whatever is new, and with its reason.

use super::compare::{Difference, Kind};
use super::side::Seen;

/// Where a difference is told to users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A sentence of docs/differences.md.
    Differences(&'static str),
    /// DKMS itself has changed since 3.2.2, in this version.
    Newer(&'static str),
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Differences(sentence) => write!(f, "docs/differences.md: {sentence}"),
            Self::Newer(version) => write!(f, "DKMS {version}"),
        }
    }
}

/// A difference and what it stands in.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The difference.
    pub difference: &'a Difference,
    /// All steps of the sequence.
    pub steps: &'a [String],
    /// The step that it appeared after.
    pub number: usize,
    /// What dkms left after each step.
    pub there: &'a [Seen],
    /// What evermod left.
    pub here: &'a [Seen],
}

impl<'a> Case<'a> {
    /// The step.
    fn command(&self) -> &'a str {
        self.steps.get(self.number).map_or("", String::as_str)
    }

    /// Whether the step's command has this word.
    fn has(&self, word: &str) -> bool {
        self.command().split_whitespace().any(|w| w == word)
    }

    fn is(&self, kind: Kind) -> bool {
        self.difference.kind == kind
    }

    /// Whether the step asks for all modules of a kernel.
    fn is_autoinstall(&self) -> bool {
        self.has("autoinstall") || self.has("kernel_postinst")
    }

    /// Both exit codes.
    fn codes(&self, there: &str, here: &str) -> bool {
        self.is(Kind::Code) && self.difference.there == there && self.difference.here == here
    }

    /// Whether these are the step's exit codes, whatever the difference itself is about.
    fn ended(&self, there: i32, here: i32) -> bool {
        self.there().is_some_and(|seen| seen.code == there)
            && self.here().is_some_and(|seen| seen.code == here)
    }

    /// Whether a module was installed before the step, at a place that holds this text.
    fn had_installed(&self, text: &str) -> bool {
        self.had(|path| path.contains("/updates/dkms/") && path.contains(text))
    }

    /// Whether evermod had such a path before the step.
    fn had(&self, is_it: impl Fn(&str) -> bool) -> bool {
        let before = self.number.checked_sub(1).and_then(|at| self.here.get(at));
        before.is_some_and(|seen| seen.tree.keys().any(|path| is_it(path)))
    }

    /// Whether such a step came before this one.
    fn came(&self, is_it: impl Fn(&str) -> bool) -> bool {
        self.steps.iter().take(self.number).any(|step| is_it(step))
    }

    fn there(&self) -> Option<&'a Seen> {
        self.there.get(self.number)
    }

    fn here(&self) -> Option<&'a Seen> {
        self.here.get(self.number)
    }
}

/// One difference that is meant.
pub struct Allowance {
    /// A short name.
    pub name: &'static str,
    /// Why.
    pub reason: &'static str,
    /// Where users read of it.
    pub source: Source,
    /// Whether the states have parted for good, so that what follows cannot be compared.
    pub ends: bool,
    /// Whether it is this one.
    pub matches: fn(&Case<'_>) -> bool,
}

/// All of them.
pub const ALLOWED: &[Allowance] = &[
    Allowance {
        name: "originals stay",
        reason: "the kernel's own modules belong to its package, and depmod prefers updates/dkms anyway",
        source: Source::Differences(
            "Where the distribution has a directory for added modules, the kernel's own are not moved away:",
        ),
        ends: false,
        matches: |case| {
            let Difference { what, there, here, .. } = case.difference;
            let moved = what.contains("/dummy/original_module") && here.is_empty();
            let gone = what.ends_with("/kernel/drivers/net/dummy.ko.xz") && there.is_empty();
            case.is(Kind::Path) && (moved || gone)
                || case.is(Kind::Status) && there.replace(" (Original modules exist)", "") == *here
        },
    },
    Allowance {
        name: "unknown action",
        reason: "0 hides typing errors from scripts",
        source: Source::Differences("An unknown action is an error."),
        ends: false,
        matches: |case| {
            case.codes("0", "4") && case.there().is_some_and(|seen| seen.err.contains("Unknown action"))
        },
    },
    Allowance {
        name: "match",
        reason: "DKMS 3.2 takes `name/version` for a name",
        source: Source::Differences("**`match` works,**"),
        ends: true,
        matches: |case| {
            case.has("match")
                && case.ended(2, 0)
                && case
                    .there()
                    .is_some_and(|seen| seen.err.contains("Could not find module source directory"))
        },
    },
    Allowance {
        name: "several kernels",
        reason: "the last kernel's success must not hide another's failure",
        source: Source::Differences("With several `-k`, all kernels are attempted,"),
        ends: false,
        matches: |case| {
            let kernels =
                case.command().matches(" -k ").count() + case.command().matches(" --kernel").count();
            let Difference { there, here, .. } = case.difference;
            let failed_last = |log: &str| log.contains("/build/make.log:");
            // Kernels are built side by side: the log of the one that fails last stays.
            kernels > 1
                && (case.is(Kind::Code) && here != "0"
                    || case.is(Kind::Log) && failed_last(there) && failed_last(here))
        },
    },
    Allowance {
        name: "failing POST_BUILD",
        reason: "what its package calls a failed build is none that anyone should load",
        source: Source::Differences("A failing POST_BUILD is a failed build."),
        ends: true,
        matches: |case| case.is(Kind::Path) && case.difference.what.contains("/grump-post-build/1.0/"),
    },
    Allowance {
        name: "broken counts",
        reason: "a module that autoinstall cannot even look at is a failure",
        source: Source::Differences("One bad `dkms.conf` does not stop `autoinstall`."),
        ends: false,
        matches: |case| {
            case.is_autoinstall()
                && case.codes("0", "11")
                && case.there().is_some_and(|seen| seen.err.contains("is broken!"))
                && case.here().is_some_and(|seen| seen.err.contains(": broken"))
        },
    },
    Allowance {
        name: "broken goes with its kernel",
        reason: "modules of a kernel that is taken away must not keep its directory alive",
        source: Source::Differences("A broken module goes with its kernel."),
        ends: true,
        matches: |case| {
            let goes = case.has("kernel_prerm") || case.has("kernel_preinst");
            goes && case.ended(14, 0)
                && case.there().is_some_and(|seen| seen.err.contains("dkms.conf does not exist"))
        },
    },
    Allowance {
        name: "depmod after a kernel's modules",
        reason: "DKMS says that it runs depmod, with no kernel's name, so that nothing happens",
        source: Source::Differences("`kernel_prerm` and `kernel_preinst` run depmod,"),
        ends: false,
        matches: |case| {
            (case.has("kernel_prerm") || case.has("kernel_preinst"))
                && case.is(Kind::Index)
                && case.difference.here.is_empty()
        },
    },
    Allowance {
        name: "deferred",
        reason: "a module whose BUILD_DEPENDS are not registered waits for them without an error",
        source: Source::Newer("3.4.1"),
        ends: false,
        matches: |case| {
            let is_registered =
                |seen: &Seen, module: &str| seen.tree.contains_key(&format!("/var/lib/dkms/{module}"));
            let is_noise = |line: &str| line.starts_with("Deprecated feature: ");
            let is_told = case.here().is_some_and(|seen| {
                seen.out.contains("not registered with DKMS")
                    || seen.out.is_empty() && seen.err.lines().all(is_noise)
            });
            let is_quiet = ["--quiet", "-q"].iter().any(|word| case.has(word));
            let waits = case.there().is_some_and(|seen| {
                seen.out.contains("autoinstall failed due to missing dependencies: lender")
                    || is_quiet && is_registered(seen, "borrower") && !is_registered(seen, "lender")
            });
            case.is_autoinstall()
                && waits
                && is_told
                && (case.codes("11", "0")
                    || case.is(Kind::Stream) && !case.difference.here.contains("Error! "))
        },
    },
    Allowance {
        name: "mended",
        reason: "what a run that was cut off left is deleted by the next",
        source: Source::Differences("What was cut off is mended:"),
        ends: true,
        matches: |case| {
            let made = |step: &str| step.starts_with("mkdir -p ") && step.ends_with("/x86_64/log");
            case.is_autoinstall() && case.is(Kind::Path) && case.difference.here.is_empty() && case.came(made)
        },
    },
    Allowance {
        name: "bad conf",
        reason: "one bad dkms.conf must not cost the other modules",
        source: Source::Differences("One bad `dkms.conf` does not stop `autoinstall`."),
        ends: true,
        matches: |case| case.is_autoinstall() && (case.ended(8, 11) || case.ended(4, 11)),
    },
    Allowance {
        name: "own source",
        reason: "DKMS deletes the very directory that it is told to add",
        source: Source::Differences("`add --force` of a module's own source directory keeps it."),
        ends: true,
        matches: |case| {
            case.has("add")
                && case.has("--force")
                && case.command().contains(" /usr/src/")
                && (case.ended(2, 0) || case.ended(2, 3))
        },
    },
    Allowance {
        name: "one's own is replaced",
        reason: "whoever asks for another version of the package wants it, whatever MODULE_VERSION says",
        source: Source::Differences("An older build of one's own is replaced"),
        ends: true,
        matches: |case| {
            let asked = case.has("install") && case.ended(6, 0);
            let all = case.is_autoinstall()
                && case.ended(11, 0)
                && case.there().is_some_and(|seen| seen.err.contains("already installed at version"));
            (asked || all) && case.had_installed("")
        },
    },
    Allowance {
        name: "what was built counts",
        reason: "a dkms.conf that changes afterwards must not make installed files unfindable",
        source: Source::Differences("What was built counts, not what `dkms.conf` says now."),
        ends: true,
        matches: |case| {
            let ways = [
                "DEST_MODULE_NAME[0]=changed",
                "DEST_MODULE_LOCATION[0]=/wrong",
                "-c /opt/src/other-quiet.conf",
            ];
            let gone = |step: &str| step.starts_with("rm /usr/src/") && step.ends_with("/dkms.conf");
            let edited = |step: &str| gone(step) || ways.iter().any(|way| step.contains(way));
            let before = case.came(edited);
            let about = ["status", "uninstall", "unbuild", "remove", "kernel_prerm", "kernel_preinst"];
            before && about.iter().any(|action| case.has(action))
        },
    },
    Allowance {
        name: "no orphans",
        reason: "what is installed goes, also where the tree has lost what it was a copy of",
        source: Source::Differences(
            "Where the built file is gone, the installed one is deleted all the same.",
        ),
        ends: true,
        matches: |case| {
            let lost = |step: &str| step.starts_with("rm /var/lib/dkms/") && step.ends_with("/module/*.ko*");
            let goes = ["remove", "unbuild", "uninstall"].iter().any(|action| case.has(action));
            goes && case.came(lost) && case.difference.here.is_empty()
        },
    },
    Allowance {
        name: "a failure stays to be looked at",
        reason: "a build for one kernel must not delete what tells why another one failed",
        source: Source::Differences("**What a failed build left in `NAME/VERSION/build` stays**"),
        ends: true,
        matches: |case| {
            let Difference { what, there, .. } = case.difference;
            case.is(Kind::Path)
                && what.contains("/build")
                && there.is_empty()
                && case.had(|path| path == what.as_str())
        },
    },
    Allowance {
        name: "advice",
        reason: "in a package manager's run advice for a package's author is noise",
        source: Source::Differences(
            "**Advice on a `dkms.conf` is for whoever adds, builds or installs the module.**",
        ),
        ends: false,
        matches: |case| {
            case.is(Kind::Stream)
                && case.has("kernel_postinst")
                && case.difference.there == "Deprecated feature: on stderr"
                && case.difference.here.is_empty()
        },
    },
    Allowance {
        name: "told why",
        reason: "an exit code other than 0 is explained, also where it is a script's",
        source: Source::Differences("A failing script is told."),
        ends: false,
        matches: |case| {
            case.is(Kind::Stream)
                && case.difference.there.is_empty()
                && case.difference.here == "Error! on stderr"
                && case.ended(42, 42)
        },
    },
    Allowance {
        name: "half-built",
        reason: "a directory without modules in it is built over, so that nobody has to delete it",
        source: Source::Differences("A half-built directory is built over."),
        ends: true,
        matches: |case| {
            let made = |step: &str| step.starts_with("mkdir -p ") && step.ends_with("/x86_64/log");
            case.ended(3, 0) && case.came(made)
        },
    },
    Allowance {
        name: "compression without an example",
        reason: "where a kernel has no modules yet, its configuration says how they are compressed",
        source: Source::Differences("Where it has none yet, its configuration tells."),
        ends: true,
        matches: |case| {
            let Difference { what, there, here, .. } = case.difference;
            case.is(Kind::Path)
                && what.contains("/6.0.1-bodiless/")
                && (what.ends_with(".ko") && here.is_empty() || what.ends_with(".ko.xz") && there.is_empty())
        },
    },
    Allowance {
        name: "a certificate without its key",
        reason: "it may be enrolled: nobody should have to guess which one that was",
        source: Source::Differences("a certificate without its key is put aside as `NAME.orphan`."),
        ends: false,
        matches: |case| {
            let lost = |step: &str| step.starts_with("cd /var/lib/dkms && rm ") && step.contains("mok.key");
            let Difference { what, there, .. } = case.difference;
            case.is(Kind::Path)
                && what == "/var/lib/dkms/mok.pub.orphan"
                && there.is_empty()
                && case.came(lost)
        },
    },
    Allowance {
        name: "no key can be made",
        reason: "who runs it from a script looks for what is wrong on standard error",
        source: Source::Differences("**A key that cannot be made is an error,**"),
        ends: false,
        matches: |case| {
            case.is(Kind::Stream)
                && case.has("generate_mok")
                && case.ended(1, 1)
                && case.difference.here == "Error! on stderr"
        },
    },
    Allowance {
        name: "what POST_REMOVE is told",
        reason: "POST_REMOVE always knows what it is about",
        source: Source::Differences("POST_REMOVE is told `module` and `module_version`"),
        ends: false,
        matches: |case| case.is(Kind::Script) && !case.difference.here.is_empty(),
    },
];

/// The first that fits.
#[must_use]
pub fn find(case: &Case<'_>) -> Option<&'static Allowance> {
    ALLOWED.iter().find(|allowance| (allowance.matches)(case))
}
