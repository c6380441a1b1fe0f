//! What can go wrong while keys are read and modules are signed.

use std::io;

/// Why a key, a certificate or a signature could not be made, read or trusted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The file holds no private key that is understood.
    #[error("the private key is unreadable: {0}")]
    Key(String),
    /// The private key is protected by a pass phrase.
    #[error("the private key is encrypted; evermod signs unattended and needs it in the clear (mode 0600)")]
    EncryptedKey,
    /// The certificate is unreadable, or cannot be made.
    #[error("the certificate is unreadable: {0}")]
    Certificate(String),
    /// A key that is not RSA.
    #[error("{0} keys are not supported; RSA is what every kernel accepts")]
    Algorithm(String),
    /// The two files are each fine but do not belong together.
    #[error("the private key and the certificate do not belong together")]
    Mismatch,
    /// The name for a new certificate is unusable.
    #[error("the common name of a certificate has 1 to 64 characters, none of them a control character")]
    CommonName,
    /// A digest that this program cannot compute.
    #[error("unknown digest `{0}`; known are sha1, sha224, sha256, sha384 and sha512")]
    Hash(String),
    /// The file carries no signature.
    #[error("the module is not signed")]
    Unsigned,
    /// There is a signature, but not one that the kernel would read.
    #[error("the module's signature is malformed: {0}")]
    Malformed(String),
    /// Signed by somebody else.
    #[error("the module is signed by another key (signer {0})")]
    OtherSigner(String),
    /// The right signer, but other bytes than those that were signed.
    #[error("the signature does not fit the module: it was altered after signing, or signed by another key")]
    Tampered,
    /// The mathematics failed, as when a key is too short for the digest.
    #[error("signing failed: {0}")]
    Crypto(String),
    /// A file of keys could not be read or written; the message names it.
    #[error(transparent)]
    Io(#[from] io::Error),
}
