//! The targets of a hook: paths without a leading `/`, one in a line, directories with a `/` at their end.

use std::collections::BTreeSet;

/// What a path of a transaction belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part<'a> {
    /// The image of the kernel with this release.
    Image(&'a str),
    /// What is needed to build modules for the kernel with this release.
    Headers(&'a str),
    /// The sources of a module, in a directory of this name: `NAME-VERSION`.
    Source(&'a str),
    /// Modules that were built elsewhere.
    Prebuilt {
        /// The release of the kernel.
        kernel: &'a str,
        /// The name of the module package.
        module: &'a str,
    },
}

impl<'a> Part<'a> {
    /// The part that a path belongs to. A hook's patterns cross slashes; what lies deeper than they mean is none.
    #[must_use]
    pub fn of(path: &'a str) -> Option<Self> {
        let one = |name: &'a str| {
            (!name.is_empty() && !name.starts_with('.') && !name.contains('/')).then_some(name)
        };
        if let Some(rest) = path.strip_prefix("usr/lib/modules/") {
            let (release, below) = rest.split_once('/')?;
            return match below {
                "vmlinuz" => one(release).map(Part::Image),
                "build/include/" => one(release).map(Part::Headers),
                _ => None,
            };
        }
        if let Some(rest) = path.strip_prefix("usr/lib/evermod/prebuilt/") {
            let (kernel, module) = rest.strip_suffix(".json")?.split_once('/')?;
            return Some(Part::Prebuilt { kernel: one(kernel)?, module: one(module)? });
        }
        one(path.strip_prefix("usr/src/")?.strip_suffix("/dkms.conf")?).map(Part::Source)
    }

    /// The path that pacman names for it.
    #[must_use]
    pub fn path(self) -> String {
        match self {
            Part::Image(release) => format!("usr/lib/modules/{release}/vmlinuz"),
            Part::Headers(release) => format!("usr/lib/modules/{release}/build/include/"),
            Part::Source(directory) => format!("usr/src/{directory}/dkms.conf"),
            Part::Prebuilt { kernel, module } => format!("usr/lib/evermod/prebuilt/{kernel}/{module}.json"),
        }
    }
}

/// All targets of one call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Targets<'a> {
    /// What they belong to, each once.
    pub parts: BTreeSet<Part<'a>>,
}

impl<'a> Targets<'a> {
    /// Reads a hook's standard input. Lines that mean nothing here are passed over.
    #[must_use]
    pub fn read(text: &'a str) -> Self {
        Self { parts: text.lines().filter_map(Part::of).collect() }
    }

    /// Parts what goes from what comes. Before a transaction, with triggers for `Install` and `Remove`, a path that is
    /// there is one that goes: pacman calls a path installed only where no package had it.
    #[must_use]
    pub fn divide(&self, is_there: &dyn Fn(&str) -> bool) -> (Self, Self) {
        let (goes, comes) = self.parts.iter().partition(|part| is_there(&part.path()));
        (Self { parts: goes }, Self { parts: comes })
    }

    /// Whether the sources of another version of a module are among these.
    #[must_use]
    pub fn has_source_of(&self, name: &str) -> bool {
        self.sources().any(|directory| {
            let version = directory.strip_prefix(name).and_then(|rest| rest.strip_prefix('-'));
            version.is_some_and(|version| !version.is_empty())
        })
    }

    /// The releases of kernels whose image is named.
    pub fn images(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.parts
            .iter()
            .filter_map(|part| if let Part::Image(release) = part { Some(*release) } else { None })
    }

    /// The directories of sources.
    pub fn sources(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.parts.iter().filter_map(|part| if let Part::Source(name) = part { Some(*name) } else { None })
    }
}
