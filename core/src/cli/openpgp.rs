//! Which OpenPGP key signs: the same words for every verb that signs packages or repositories.

use super::context::Context;
use super::verbs::package::source_date;
use crate::exec::gpg::Gpg;
use crate::model::Failure;
use clap::Args;
use evermod_packaging::openpgp::{Key, Signer};
use std::path::PathBuf;

/// Where the key is. Neither it nor its passphrase is ever on the command line.
#[derive(Debug, Clone, Default, Args)]
pub struct KeyArguments {
    /// Sign with the OpenPGP secret key in this file, as gpg --export-secret-keys writes it
    #[arg(long, value_name = "FILE", conflicts_with = "gpg_key")]
    sign_key: Option<PathBuf>,
    /// The passphrase of that key is the first line of this file
    #[arg(long, value_name = "FILE", requires = "sign_key")]
    passphrase_file: Option<PathBuf>,
    /// Sign with this key of gpg's: its fingerprint, id or address. gpg asks its agent or card
    #[arg(long, value_name = "KEY")]
    gpg_key: Option<String>,
}

/// The date of everything that is written, in seconds since 1970: `SOURCE_DATE_EPOCH`, else now.
///
/// # Errors
/// `SOURCE_DATE_EPOCH` is no number.
pub fn date(context: &Context) -> Result<u64, Failure> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs());
    Ok(source_date(context)?.unwrap_or(now))
}

impl KeyArguments {
    /// Who signs; `None` where no key is named.
    ///
    /// # Errors
    /// The key cannot be read or used.
    pub fn signer(&self, context: &Context) -> Result<Option<Box<dyn Signer>>, Failure> {
        if let Some(key) = &self.gpg_key {
            return Ok(Some(Box::new(Gpg::new(key, source_date(context)?)?)));
        }
        let Some(file) = &self.sign_key else { return Ok(None) };
        let secret = fs_err::read(file)?;
        let passphrase = self.passphrase_file.as_ref().map(fs_err::read_to_string).transpose()?;
        let passphrase = passphrase.as_ref().map(|text| text.lines().next().unwrap_or_default());
        let key = Key::read(&secret, passphrase, date(context)?)
            .map_err(|why| Failure::KeyUnusable { why: format!("in {} {why}", file.display()) })?;
        Ok(Some(Box::new(key)))
    }
}
