//! Signing modules, and reading and checking their signatures.

use cms::signed_data::{SignerIdentifier, SignerInfo};
use const_oid::db::rfc5912;

use super::certificate::{colon_hex, common_name};
use super::{Certificate, Hash, KeyPair, SignError, append, pkcs7};

/// What a module's signature says about itself. Nothing in it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// How many bytes of the file are the module proper.
    pub payload_len: usize,
    /// The common name of the certificate's issuer (`modinfo`'s `signer`); empty where the signature names its
    /// key by identifier.
    pub signer: String,
    /// The certificate's serial number, or the key's identifier (`modinfo`'s `sig_key`).
    pub sig_key: String,
    /// The digest; `None` where this program does not know it.
    pub hash: Option<Hash>,
}

/// Signs a module as `scripts/sign-file` does; an existing signature is taken off first.
///
/// # Errors
/// A malformed signature at the end of `elf`, or a key too short for the digest.
pub fn sign_module(elf: &[u8], pair: &KeyPair, hash: Hash) -> Result<Vec<u8>, SignError> {
    let payload = unsigned(elf)?;
    append::join(payload, &pkcs7::build(payload, pair, hash)?)
}

/// The module without any signature; also without several, as a double run of `sign-file` leaves them.
///
/// # Errors
/// A signature whose extent cannot be told.
pub fn unsigned(file: &[u8]) -> Result<&[u8], SignError> {
    let mut payload = file;
    while let Some(parts) = append::split(payload)? {
        payload = parts.payload;
    }
    Ok(payload)
}

/// Reads the signature of a module; `None` where there is none that the kernel could read.
pub fn signature_of(file: &[u8]) -> Option<Signature> {
    let parts = append::split(file).ok()??;
    let info = pkcs7::signer(parts.pkcs7).ok()?;
    let (signer, sig_key) = identity(&info);
    Some(Signature {
        payload_len: parts.payload.len(),
        signer,
        sig_key,
        hash: Hash::of_oid(info.digest_alg.oid),
    })
}

/// Checks that `file` is signed by `certificate` in a way that the kernel accepts.
///
/// # Errors
/// [`SignError::Unsigned`], [`SignError::Malformed`], [`SignError::OtherSigner`], [`SignError::Tampered`], or
/// an algorithm that is not supported here.
pub fn verify(file: &[u8], certificate: &Certificate) -> Result<(), SignError> {
    let parts = append::split(file)?.ok_or(SignError::Unsigned)?;
    let info = pkcs7::signer(parts.pkcs7)?;
    if info.signed_attrs.is_some() {
        return Err(SignError::Malformed("it has signed attributes, which the kernel refuses".to_owned()));
    }
    if !is_from(&info, certificate) {
        let (signer, key) = identity(&info);
        return Err(SignError::OtherSigner(if signer.is_empty() { key } else { signer }));
    }
    let public = certificate.public_key()?;
    let hash =
        Hash::of_oid(info.digest_alg.oid).ok_or_else(|| SignError::Hash(info.digest_alg.oid.to_string()))?;
    if info.signature_algorithm.oid != rfc5912::RSA_ENCRYPTION {
        return Err(SignError::Malformed("its algorithm is not plain RSA".to_owned()));
    }
    public
        .verify(hash.padding(), &hash.digest(parts.payload), info.signature.as_bytes())
        .map_err(|_| SignError::Tampered)
}

fn identity(info: &SignerInfo) -> (String, String) {
    match &info.sid {
        SignerIdentifier::IssuerAndSerialNumber(id) => {
            (common_name(&id.issuer), colon_hex(id.serial_number.as_bytes()))
        }
        SignerIdentifier::SubjectKeyIdentifier(id) => (String::new(), colon_hex(id.0.as_bytes())),
    }
}

fn is_from(info: &SignerInfo, certificate: &Certificate) -> bool {
    let tbs = &certificate.inner.tbs_certificate;
    match &info.sid {
        SignerIdentifier::IssuerAndSerialNumber(id) => {
            id.issuer == tbs.issuer && id.serial_number == tbs.serial_number
        }
        SignerIdentifier::SubjectKeyIdentifier(id) => {
            certificate.key_identifier().is_some_and(|own| own == id.0.as_bytes())
        }
    }
}
