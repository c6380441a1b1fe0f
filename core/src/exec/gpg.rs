//! OpenPGP keys that gpg keeps, in its keyring, in an agent or on a card.

use super::process;
use crate::model::Failure;
use evermod_packaging::openpgp::{Kind, SignError, Signer};
use std::io::Write;
use std::process::{Command, Output};

/// A key of gpg's. Passphrases are the agent's business.
#[derive(Debug)]
pub struct Gpg {
    key: String,
    time: Option<u64>,
}

impl Gpg {
    /// The key that gpg knows by this name: a fingerprint, a key id, an address. `time` (seconds since 1970) is when it
    /// signs; now where none is said.
    ///
    /// # Errors
    /// gpg is not installed, or has no secret key of that name.
    pub fn new(key: &str, time: Option<u64>) -> Result<Self, Failure> {
        let gpg = Self { key: key.to_owned(), time };
        let mut command = gpg.command();
        command.args(["--list-secret-keys", "--"]).arg(key);
        let output = process::output(&mut command)?;
        if !output.status.success() {
            return Err(Failure::KeyUnusable { why: format!("{key}: {}", said(&output)) });
        }
        Ok(gpg)
    }

    fn command(&self) -> Command {
        let mut command = Command::new("gpg");
        command.args(["--batch", "--no-tty", "--quiet", "--yes"]);
        command
    }
}

impl Signer for Gpg {
    fn sign(&self, data: &[u8], kind: Kind) -> Result<Vec<u8>, SignError> {
        let failed = |why: String| SignError::Refused(format!("{}: {why}", self.key));
        // gpg reads a file, so that nobody has to write and read at once.
        let mut file = tempfile::NamedTempFile::new().map_err(|why| failed(why.to_string()))?;
        file.write_all(data).and_then(|()| file.flush()).map_err(|why| failed(why.to_string()))?;
        let mut command = self.command();
        if let Some(time) = self.time {
            // With the mark it stands still, so that the same data have the same signature.
            command.arg(format!("--faked-system-time={time}!"));
        }
        command.args(["--digest-algo", "SHA256", "--local-user"]).arg(&self.key);
        if kind == Kind::Text {
            command.arg("--textmode");
        }
        command.args(["--output", "-", "--detach-sign"]).arg(file.path());
        let output = process::output(&mut command).map_err(|why| failed(why.to_string()))?;
        if !output.status.success() || output.stdout.is_empty() {
            return Err(failed(said(&output)));
        }
        Ok(output.stdout)
    }

    fn name(&self) -> String {
        self.key.clone()
    }

    fn public_key(&self) -> Result<String, SignError> {
        let failed = |why: String| SignError::Refused(format!("{}: {why}", self.key));
        let mut command = self.command();
        command.args(["--armor", "--export", "--export-options", "export-minimal", "--"]).arg(&self.key);
        let output = process::output(&mut command).map_err(|why| failed(why.to_string()))?;
        match String::from_utf8(output.stdout.clone()) {
            Ok(text) if output.status.success() && !text.is_empty() => Ok(text),
            _ => Err(failed(said(&output))),
        }
    }
}

/// gpg's last words, or that it had none.
fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.lines().rev().find(|line| !line.trim().is_empty());
    last.map_or_else(|| format!("gpg ended with {}", output.status), |line| line.trim().to_owned())
}
