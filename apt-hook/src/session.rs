//! apt's JSON hook protocol, versions 0.1 and 0.2: JSON-RPC 2.0 over a socket, each message one line and an empty one.
//!
//! apt starts the hook anew for each moment: says hello, waits for the answer, says its one thing, says bye.

use serde::Deserialize;
use serde_json::{Value, json};

/// One conversation, from the hook's side.
#[derive(Debug, Default)]
pub struct Session {
    is_greeted: bool,
}

/// What follows from one line of apt's.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Turn {
    /// To be written to the socket as it is; apt waits for it.
    pub reply: Option<String>,
    /// What apt proposes, or has done.
    pub proposal: Option<Proposal>,
    /// apt has nothing more to say.
    pub is_last: bool,
}

/// What apt proposes to its user, or has done.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Proposal {
    /// apt's word for when it says so: `pre-prompt`, `package-list`, `statistics` (each before the question), `post`, `fail`.
    #[serde(skip)]
    pub moment: String,
    /// apt's word for what the user asked for: `install`, `full-upgrade`, `purge` ...
    pub command: String,
    /// Packages that change, without those that are installed again as they are: of them apt does not tell.
    #[serde(default)]
    pub packages: Vec<Package>,
}

/// A package that changes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// What happens to it.
    pub mode: Mode,
    /// What is there and what will be.
    #[serde(default)]
    pub versions: Versions,
}

/// What happens to a package; the names are apt's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the words say it")]
pub enum Mode {
    Install,
    Upgrade,
    Downgrade,
    Reinstall,
    /// It goes, its configuration stays.
    Deinstall,
    Purge,
    /// Nothing, or what only a later apt knows.
    #[serde(other)]
    Keep,
}

/// The versions of a package that matter to what is proposed.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Versions {
    /// What is there.
    pub current: Option<Version>,
    /// What will be.
    pub install: Option<Version>,
}

/// A version of a package.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Version {
    /// With epoch and revision.
    pub version: String,
}

/// What apt said is not understood. Nothing has to be answered then: apt goes on when the hook ends.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// No message of the protocol.
    #[error("what apt said to its hook is not understood: {0}")]
    Message(#[from] serde_json::Error),
    /// No version on offer is known.
    #[error("apt offers versions {0} of its hook protocol; known are 0.1 and 0.2")]
    Version(String),
    /// Something was said before the greeting.
    #[error("apt began with {0} and not with a greeting")]
    Order(String),
}

#[derive(Deserialize)]
struct Message {
    method: String,
    #[serde(default)]
    id: Value,
    #[serde(default)]
    params: Value,
}

#[derive(Deserialize)]
struct Hello {
    versions: Vec<String>,
}

impl Session {
    /// Takes one line of apt's, with or without its end.
    ///
    /// # Errors
    /// The line is none of the protocol's.
    pub fn line(&mut self, line: &str) -> Result<Turn, SessionError> {
        if line.trim().is_empty() {
            return Ok(Turn::default());
        }
        let message: Message = serde_json::from_str(line)?;
        let method = message.method.strip_prefix("org.debian.apt.hooks.").unwrap_or_default();
        if method == "hello" {
            self.is_greeted = true;
            let Hello { versions } = Hello::deserialize(&message.params)?;
            let version = ["0.2", "0.1"].into_iter().find(|known| versions.iter().any(|v| v == known));
            let version = version.ok_or_else(|| SessionError::Version(versions.join(", ")))?;
            return Ok(message.answer("result", &json!({"version": version})));
        }
        if !self.is_greeted {
            return Err(SessionError::Order(message.method));
        }
        if method == "bye" {
            return Ok(Turn { is_last: true, ..Turn::default() });
        }
        if let Some(moment) = method.strip_prefix("install.") {
            let proposal = Proposal::deserialize(&message.params)?;
            let proposal = Proposal { moment: moment.to_owned(), ..proposal };
            return Ok(Turn { proposal: Some(proposal), ..Turn::default() });
        }
        let why = json!({"code": -32601, "message": format!("{} is not known", message.method)});
        Ok(message.answer("error", &why))
    }
}

impl Message {
    /// Whoever asks gets an answer; what is only told needs none.
    fn answer(&self, kind: &str, what: &Value) -> Turn {
        let reply = json!({"jsonrpc": "2.0", "id": self.id, kind: what});
        Turn { reply: (!self.id.is_null()).then(|| format!("{reply}\n\n")), ..Turn::default() }
    }
}
