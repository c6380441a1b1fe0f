//! `/etc/evermod/evermod.toml`: what the administrator settles for evermod itself.
//!
//! The settings are also a table, which evermod.toml(5) is made of and misspelt names are compared with. In `text`,
//! `` `word` `` is to be typed as it is and `<word>` is a file.

use super::literal::place;
use crate::model::SandboxMode;
use crate::pattern::glob;
use crate::root::Root;
use serde::{Deserialize, Serialize};
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// Where it is, inside the root.
pub const PATH: &str = "/etc/evermod/evermod.toml";

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct SettingSpec {
    /// The table that it stands in.
    pub table: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What its value looks like.
    pub value: &'static str,
    /// What counts where it is not set.
    pub default: &'static str,
    /// What it means.
    pub text: &'static str,
}

/// The settings.
pub const SETTINGS: [SettingSpec; 7] = [
    SettingSpec {
        table: "build",
        name: "jobs",
        value: "a number from 1",
        default: "`parallel_jobs` of </etc/dkms/framework.conf>, else as many as there are processors",
        text: "How many compilers run at once, for all builds together. The option `--jobs` wins.",
    },
    SettingSpec {
        table: "build",
        name: "sandbox",
        value: "\"auto\", \"off\" or \"required\"",
        default: "\"auto\"",
        text: "`auto` builds in a sandbox where it can be had, and without where it cannot; `off` always builds without; \
               `required` lets a build fail rather than run it without. The option `--no-sandbox` wins.",
    },
    SettingSpec {
        table: "preflight",
        name: "build",
        value: "\"critical\", \"wanted\" or \"nothing\"",
        default: "\"critical\"",
        text: "Which modules are built for a new kernel before the package manager changes anything, from the packages that \
               it has downloaded: those in `critical`, these and all that are not in `optional`, or none. What was built \
               waits for the kernel, and is only put in its place then. Modules that are not built are judged by what \
               they say of kernels, and by whether headers come.",
    },
    SettingSpec {
        table: "preflight",
        name: "veto",
        value: "true or false",
        default: "true",
        text: "Whether a transaction is stopped, with nothing changed, when a kernel would arrive without a module in \
               `critical`. With `false` it is only told.",
    },
    SettingSpec {
        table: "policy",
        name: "critical",
        value: "a list of patterns",
        default: "[]",
        text: "Modules that the machine cannot do without. What keeps one of them from being built is told before \
               anything else. Where one is missing in the end, `evermod sync` and the hooks of package managers say which \
               kernel lacks it, at every run.",
    },
    SettingSpec {
        table: "policy",
        name: "wanted",
        value: "a list of patterns",
        default: "every module that no other list has",
        text: "Modules whose failure is told, and makes `evermod sync` end with an error. Only of use for exceptions \
               from a pattern in `optional`.",
    },
    SettingSpec {
        table: "policy",
        name: "optional",
        value: "a list of patterns",
        default: "[]",
        text: "Modules whose failure is told in one line and does not make `evermod sync` or `dkms autoinstall` end with \
               an error.",
    },
];

/// What the file says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvermodToml {
    /// About builds.
    pub build: BuildSettings,
    /// What is done before a transaction.
    pub preflight: Preflight,
    /// How much modules matter.
    pub policy: Policy,
}

/// What is done before a package manager changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Preflight {
    /// Which modules are built.
    pub build: BuiltBefore,
    /// Whether a transaction may be stopped.
    pub veto: bool,
}

impl Default for Preflight {
    fn default() -> Self {
        Self { build: BuiltBefore::default(), veto: true }
    }
}

/// Which modules are built before a transaction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BuiltBefore {
    /// Critical ones.
    #[default]
    Critical,
    /// These, and all that are not optional.
    Wanted,
    /// None.
    Nothing,
}

impl Preflight {
    /// Whether a module that matters so much is built.
    pub fn builds(&self, importance: Importance) -> bool {
        match self.build {
            BuiltBefore::Nothing => false,
            BuiltBefore::Critical => importance == Importance::Critical,
            BuiltBefore::Wanted => importance != Importance::Optional,
        }
    }
}

/// About builds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BuildSettings {
    /// How many compilers at once, for all builds together.
    pub jobs: Option<NonZeroUsize>,
    /// Whether builds run in a sandbox.
    pub sandbox: SandboxMode,
}

/// How much modules matter, by patterns of their names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    critical: Vec<Pattern>,
    wanted: Vec<Pattern>,
    optional: Vec<Pattern>,
}

/// A shell's pattern for names of modules.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Pattern(String);

impl TryFrom<String> for Pattern {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match () {
            () if text.is_empty() => Err("an empty pattern fits no module"),
            () if text.contains('/') => Err("patterns are for names of modules, without a version"),
            () if text.contains(char::is_whitespace) => Err("no module has a blank in its name"),
            () => Ok(Self(text)),
        }
    }
}

/// How much a module matters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Importance {
    /// The machine cannot do without it.
    Critical,
    /// Its failure is an error.
    #[default]
    Wanted,
    /// Its failure is worth a line.
    Optional,
}

impl Policy {
    /// How much the module of this name matters. Where several lists have it, the one that takes it more seriously counts.
    pub fn importance(&self, name: &str) -> Importance {
        let fits = |patterns: &[Pattern]| patterns.iter().any(|Pattern(pattern)| glob(pattern, name));
        if fits(&self.critical) {
            Importance::Critical
        } else if !fits(&self.wanted) && fits(&self.optional) {
            Importance::Optional
        } else {
            Importance::Wanted
        }
    }
}

/// Why the file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}:{column}: {message}", path.display())]
pub struct BadToml {
    /// The file, as a path inside the root.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong, one line.
    pub message: String,
}

/// Reads the text of the file at `path`.
///
/// # Errors
/// It is no TOML, or says something that is not understood.
pub fn parse(text: &str, path: &Path) -> Result<EvermodToml, BadToml> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let (line, column) = place(text, error.span().map_or(0, |span| span.start));
        let message = error.message().lines().collect::<Vec<_>>().join(", ");
        BadToml { path: path.to_path_buf(), line, column, message: with_nearest(message) }
    })
}

/// Loads the file of a root; one that is not there says nothing.
///
/// # Errors
/// It is there and cannot be read or used.
pub fn load(root: &Root) -> Result<EvermodToml, BadToml> {
    let path = PathBuf::from(PATH);
    let at_top = |message: String| BadToml { path: path.clone(), line: 1, column: 1, message };
    match root.resolve(&path).and_then(std::fs::read_to_string) {
        Ok(text) => parse(&text, &path),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(EvermodToml::default())
        }
        Err(error) => Err(at_top(error.to_string())),
    }
}

/// Puts the nearest name behind the complaint about an unknown one.
fn with_nearest(message: String) -> String {
    let Some(unknown) = message.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next())
    else {
        return message;
    };
    let tables = SETTINGS.iter().map(|setting| setting.table);
    match super::nearest(unknown, SETTINGS.iter().map(|setting| setting.name).chain(tables)) {
        Some(name) => format!("there is no setting '{unknown}'; '{name}' is probably meant"),
        None => format!(
            "there is no setting '{unknown}'{}",
            message.split_once('`').map_or("", |_| "; see evermod.toml(5)")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<EvermodToml, BadToml> {
        parse(text, Path::new(PATH))
    }

    #[test]
    fn everything_it_may_say() {
        let read = read(
            "[build]\njobs = 3\nsandbox = \"required\"\n[policy]\ncritical = ['zfs']\nwanted = ['v4l2loopback']\noptional = ['v4l*', 'zfs']\n",
        )
        .unwrap();
        assert_eq!((read.build.jobs.map(usize::from), read.build.sandbox), (Some(3), SandboxMode::Required));
        for (name, importance) in [
            ("zfs", Importance::Critical),
            ("v4l2loopback", Importance::Wanted),
            ("v4lother", Importance::Optional),
            ("nvidia", Importance::Wanted),
        ] {
            assert_eq!(read.policy.importance(name), importance, "{name}");
        }
        assert_eq!(super::parse("", Path::new(PATH)).unwrap(), EvermodToml::default());
    }

    #[test]
    fn mistakes_have_a_place_and_the_nearest_name() {
        for (text, place, says) in [
            ("[build]\njob = 3\n", (2, 1), "'jobs' is probably meant"),
            ("[polcy]\n", (1, 2), "'policy' is probably meant"),
            ("x = 1\n", (1, 1), "there is no setting 'x'"),
            ("[build]\n  jobs = 0\n", (2, 10), "zero"),
            ("[build]\njobs = 'many'\n", (2, 8), "string"),
            ("[build]\nsandbox = 'of'\n", (2, 11), "`off`"),
            ("[policy]\noptional = ['a', 'b/1']\n", (2, 12), "without a version"),
            ("[policy]\noptional = 'a'\n", (2, 12), "sequence"),
            ("[build\n", (1, 7), ""),
            ("[build]\njobs = 1\njobs = 2\n", (3, 1), "duplicate"),
        ] {
            let error = read(text).expect_err(text);
            assert_eq!((error.line, error.column), place, "{text:?}: {error}");
            assert!(error.message.contains(says) && !error.message.contains('\n'), "{text:?}: {error}");
        }
    }

    /// The table is what people read, the structs are what counts.
    #[test]
    fn the_table_has_what_the_parser_takes() {
        for table in ["build", "preflight", "policy"] {
            let error = toml::from_str::<EvermodToml>(&format!("[{table}]\nnonsense = 1\n")).unwrap_err();
            for setting in SETTINGS.iter().filter(|setting| setting.table == table) {
                assert!(
                    error.message().contains(&format!("`{}`", setting.name)),
                    "{}: {error}",
                    setting.name
                );
            }
            let expected = error.message().matches('`').count() / 2 - 1;
            assert_eq!(expected, SETTINGS.iter().filter(|setting| setting.table == table).count(), "{error}");
        }
    }
}
