//! OpenPGP signatures (RFC 9580), as repositories and packages carry them.
//!
//! Who signs is a [`Signer`]: a [`Key`] out of a file, in process, or whoever else has a key, such as gpg. Everything
//! around the signature itself is the same for all.

mod armor;
mod key;

#[cfg(test)]
mod tests;

pub(crate) use armor::base64;
pub use key::Key;

/// What is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Bytes as they are.
    Binary,
    /// Text, whose lines may be ended in any way.
    Text,
}

/// Has a key, and signs with it, on several threads if need be.
pub trait Signer: Send + Sync {
    /// A signature over `data`: one binary packet.
    ///
    /// # Errors
    /// The key cannot be used.
    fn sign(&self, data: &[u8], kind: Kind) -> Result<Vec<u8>, SignError>;

    /// What tells the key from others: its fingerprint, or whatever names it.
    fn name(&self) -> String;

    /// The public key for those who check, in armour.
    ///
    /// # Errors
    /// It is not to be had.
    fn public_key(&self) -> Result<String, SignError>;
}

/// Why nothing can be signed. The text does not name the file of the key: who reads it knows.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The file is no secret key.
    #[error("is no secret OpenPGP key: {0}")]
    NotAKey(String),
    /// It is one, but not for this.
    #[error("cannot sign: {0}")]
    Unusable(String),
    /// The passphrase is not the key's, or there is none.
    #[error("{0}")]
    Passphrase(&'static str),
    /// Whoever has the key did not sign.
    #[error("{0}")]
    Refused(String),
}

/// A detached signature in armour, such as `Release.gpg` and `repomd.xml.asc`.
///
/// # Errors
/// The key cannot be used.
pub fn detached(signer: &dyn Signer, data: &[u8]) -> Result<String, SignError> {
    Ok(armor::armored("SIGNATURE", &signer.sign(data, Kind::Binary)?))
}

/// A text with its signature around it, such as `InRelease`. It has to end with a line break, and no line with a blank.
///
/// # Errors
/// The key cannot be used.
pub fn clear_signed(signer: &dyn Signer, text: &str) -> Result<String, SignError> {
    // The last line break belongs to the frame; blanks at the end of lines would not be signed.
    let signed = text.strip_suffix('\n').unwrap_or(text);
    let signature = signer.sign(signed.as_bytes(), Kind::Text)?;
    let hash = hash_name(&signature)?;
    let mut out = format!("-----BEGIN PGP SIGNED MESSAGE-----\nHash: {hash}\n\n");
    for line in signed.split('\n') {
        out.push_str(if line.starts_with('-') { "- " } else { "" });
        out.push_str(line);
        out.push('\n');
    }
    out.push_str(&armor::armored("SIGNATURE", &signature));
    Ok(out)
}

/// The text within a frame of [`clear_signed`], unchecked; any other text as it is.
pub fn clear_text(framed: &str) -> String {
    let Some(rest) = framed.strip_prefix("-----BEGIN PGP SIGNED MESSAGE-----\n") else {
        return framed.to_owned();
    };
    let body = rest.split_once("\n\n").map_or("", |(_, body)| body);
    let body = body.split("-----BEGIN PGP SIGNATURE-----").next().unwrap_or_default();
    body.lines().map(|line| format!("{}\n", line.strip_prefix("- ").unwrap_or(line))).collect()
}

/// The hash algorithm of a signature packet, as frames name it.
fn hash_name(packet: &[u8]) -> Result<&'static str, SignError> {
    match head(packet)?.1 {
        8 => Ok("SHA256"),
        9 => Ok("SHA384"),
        10 => Ok("SHA512"),
        11 => Ok("SHA224"),
        12 => Ok("SHA3-256"),
        14 => Ok("SHA3-512"),
        _ => Err(SignError::Refused("the signature has a hash that is too weak".to_owned())),
    }
}

/// The number of the algorithm that a signature packet was made with.
pub(crate) fn algorithm(packet: &[u8]) -> Result<u8, SignError> {
    head(packet).map(|(algorithm, _)| algorithm)
}

/// The numbers of the key's algorithm and of the hash in a signature packet (RFC 9580, 4.2 and 5.2.3).
fn head(packet: &[u8]) -> Result<(u8, u8), SignError> {
    let odd = || SignError::Refused("the signature is in no known form".to_owned());
    let (Some(first), Some(length)) = (packet.first(), packet.get(1)) else { return Err(odd()) };
    // The header: of the new form, whose length has a form of its own, or of the old.
    let header = match (first & 0x40 != 0, length) {
        (true, ..192) => 2,
        (true, ..224) => 3,
        (true, _) => 6,
        (false, _) => 1 + (1 << (first & 3)),
    };
    match packet.get(header..header + 4) {
        Some([4 | 6, _, algorithm, hash]) => Ok((*algorithm, *hash)),
        _ => Err(odd()),
    }
}
