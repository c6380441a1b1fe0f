//! The input of `DPkg::Pre-Install-Pkgs`, in its versions 1, 2 and 3 (apt.conf(5)).

use std::path::PathBuf;

/// Everything that apt is about to have dpkg do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// apt's configuration, names and values as `apt-config dump` has them; empty in version 1.
    pub settings: Vec<(String, String)>,
    /// In the order in which dpkg will do them. What is unpacked is configured in a step of its own.
    pub steps: Vec<Step>,
}

/// One thing that dpkg will do to a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The package; in version 1, which has only files, as the file's name has it.
    pub package: String,
    /// What is there. `None`, too, where only the configuration is left.
    pub old: Option<Build>,
    /// What will be there.
    pub new: Option<Build>,
    /// What happens.
    pub action: Action,
}

/// A build of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// With epoch and revision.
    pub version: String,
    /// `all`, or dpkg's name of an architecture; not told before version 3.
    pub architecture: Option<String>,
}

/// What happens to a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Unpacked: installed, upgraded, downgraded or reinstalled, from this file where apt has it.
    Unpack(Option<PathBuf>),
    /// Configured.
    Configure,
    /// Removed; purging is not told apart.
    Remove,
}

/// What apt said is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A protocol that came later.
    #[error("apt speaks version {0} of its protocol for hooks; known are 1, 2 and 3")]
    Version(String),
    /// A line, by its number from 1, that is none of the protocol's.
    #[error("line {0} of what apt said is not understood: {1}")]
    Line(usize, String),
}

impl Plan {
    /// Reads all of a hook's input.
    ///
    /// # Errors
    /// A version or a line that is not known.
    pub fn parse(text: &str) -> Result<Self, PlanError> {
        let mut lines = text.lines().zip(1..).peekable();
        let version = lines.next_if(|(line, _)| line.starts_with("VERSION "));
        let version = version.and_then(|(line, _)| line.split(' ').nth(1));
        let mut settings = Vec::new();
        if version.is_some() {
            for (line, _) in lines.by_ref().take_while(|(line, _)| !line.is_empty()) {
                let (name, value) = line.split_once('=').unwrap_or((line, ""));
                settings.push((decoded(name), decoded(value)));
            }
        }
        let step: fn(&str) -> Option<Step> = match version {
            None => from_file,
            Some("2") => |line| from_words(&line.splitn(5, ' ').collect::<Vec<_>>()),
            Some("3") => |line| from_words(&line.splitn(9, ' ').collect::<Vec<_>>()),
            Some(other) => return Err(PlanError::Version(other.to_owned())),
        };
        let steps = lines.map(|(line, at)| step(line).ok_or_else(|| PlanError::Line(at, line.to_owned())));
        Ok(Self { settings, steps: steps.collect::<Result<_, _>>()? })
    }

    /// Whether dpkg will work on another root than apt's own: `RootDir`, or `--root` or `--instdir` of dpkg.
    #[must_use]
    pub fn is_for_another_root(&self) -> bool {
        self.settings.iter().any(|(name, value)| {
            let option = value.strip_prefix("--root=").or_else(|| value.strip_prefix("--instdir="));
            let dir = match name.as_str() {
                "RootDir" => Some(value.as_str()),
                "DPkg::Options::" => option,
                _ => None,
            };
            dir.is_some_and(|dir| !dir.trim_matches('/').is_empty())
        })
    }
}

/// Version 1: nothing but files that will be unpacked, mostly named `PACKAGE_VERSION_ARCHITECTURE.deb`.
fn from_file(path: &str) -> Option<Step> {
    let name = path.rsplit('/').next().filter(|_| path.starts_with('/'))?;
    let mut parts = name.strip_suffix(".deb").unwrap_or(name).splitn(3, '_');
    let package = parts.next().filter(|p| !p.is_empty())?.to_owned();
    let new = parts.next().and_then(|version| build(&decoded(version), parts.next()));
    Some(Step { package, old: None, new, action: Action::Unpack(Some(path.into())) })
}

/// Version 2: `PACKAGE OLD DIRECTION NEW ACTION`. Version 3 has `VERSION ARCHITECTURE MULTIARCH` for OLD and NEW. Only a
/// file's name may have blanks.
fn from_words(words: &[&str]) -> Option<Step> {
    let (package, old, direction, new, action) = match *words {
        [package, old, direction, new, action] => {
            (package, build(old, None), direction, build(new, None), action)
        }
        [package, old, from, _, direction, new, to, _, action] => {
            (package, build(old, Some(from)), direction, build(new, Some(to)), action)
        }
        _ => return None,
    };
    let action = match action {
        "**CONFIGURE**" => Action::Configure,
        "**REMOVE**" => Action::Remove,
        "**ERROR**" => Action::Unpack(None),
        file => Action::Unpack(Some(file.starts_with('/').then(|| file.into())?)),
    };
    let is_step = !package.is_empty() && matches!(direction, "<" | "=" | ">");
    is_step.then(|| Step { package: package.to_owned(), old, new, action })
}

fn build(version: &str, architecture: Option<&str>) -> Option<Build> {
    let architecture = architecture.map(str::to_owned);
    (version != "-").then(|| Build { version: version.to_owned(), architecture })
}

/// Undoes apt's percent-encoding. What is no encoded byte stays as it is.
fn decoded(text: &str) -> String {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let byte = |hex: &str| u8::from_str_radix(hex, 16).ok().filter(|_| !hex.starts_with('+'));
        let found = piece.split_at_checked(2).and_then(|(hex, rest)| Some((byte(hex)?, rest)));
        let (byte, rest) = found.unwrap_or((b'%', piece));
        bytes.push(byte);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
