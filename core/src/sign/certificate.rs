//! X.509 certificates, as far as module signing needs them.

use std::time::SystemTime;

use der::{Decode, Encode, Tag, Tagged};
use rsa::RsaPublicKey;
use rsa::pkcs8::DecodePublicKey;
use x509_cert::ext::pkix::SubjectKeyIdentifier;
use x509_cert::name::Name;

use super::{SignError, pem};

/// A certificate that signs modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    pub(super) inner: x509_cert::Certificate,
    der: Vec<u8>,
}

impl Certificate {
    /// Reads DER, or the first certificate of a PEM file (which may hold the key as well).
    ///
    /// # Errors
    /// No certificate in it, or an unreadable one.
    pub fn parse(bytes: &[u8]) -> Result<Self, SignError> {
        let unreadable = SignError::Certificate;
        let der = if pem::is_pem(bytes) {
            pem::blocks(bytes)
                .map_err(unreadable)?
                .into_iter()
                .find(|block| matches!(block.label.as_str(), "CERTIFICATE" | "X509 CERTIFICATE"))
                .ok_or_else(|| unreadable("no CERTIFICATE block in the PEM file".to_owned()))?
                .der
        } else {
            bytes.to_vec()
        };
        let inner = x509_cert::Certificate::from_der(&der)
            .map_err(|why| unreadable(format!("not X.509 DER: {why}")))?;
        Ok(Self { inner, der })
    }

    /// The certificate in DER, as MOK enrolment wants it.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The subject's common name, empty where there is none.
    pub fn common_name(&self) -> String {
        common_name(&self.inner.tbs_certificate.subject)
    }

    /// The serial number as `modinfo` prints it in `sig_key`: `0A:1B:...`.
    pub fn serial(&self) -> String {
        colon_hex(self.inner.tbs_certificate.serial_number.as_bytes())
    }

    /// The subject key identifier, by which the kernel lists keys in `/proc/keys`; upper-case hex with colons.
    pub fn subject_key_id(&self) -> Option<String> {
        self.key_identifier().map(|bytes| colon_hex(&bytes))
    }

    pub(super) fn key_identifier(&self) -> Option<Vec<u8>> {
        let (_, id) = self.inner.tbs_certificate.get::<SubjectKeyIdentifier>().ok()??;
        Some(id.0.as_bytes().to_vec())
    }

    /// From when to when the certificate says it is valid. The kernel does not look; a person should be told.
    pub fn validity(&self) -> (SystemTime, SystemTime) {
        let validity = &self.inner.tbs_certificate.validity;
        (validity.not_before.to_system_time(), validity.not_after.to_system_time())
    }

    /// The public key.
    ///
    /// # Errors
    /// A key that is not RSA.
    pub(super) fn public_key(&self) -> Result<RsaPublicKey, SignError> {
        let spki = &self.inner.tbs_certificate.subject_public_key_info;
        if spki.algorithm.oid != const_oid::db::rfc5912::RSA_ENCRYPTION {
            return Err(SignError::Algorithm(algorithm_name(spki.algorithm.oid)));
        }
        let der = spki.to_der().map_err(|why| SignError::Certificate(why.to_string()))?;
        RsaPublicKey::from_public_key_der(&der).map_err(|why| SignError::Certificate(why.to_string()))
    }
}

/// The name of a key algorithm for a message, or its number.
pub(super) fn algorithm_name(oid: const_oid::ObjectIdentifier) -> String {
    match const_oid::db::DB.by_oid(&oid) {
        Some("id-ecPublicKey") => "elliptic curve".to_owned(),
        Some(name) => name.to_owned(),
        None => oid.to_string(),
    }
}

/// The common name in a distinguished name.
pub(super) fn common_name(name: &Name) -> String {
    let attribute = name
        .0
        .iter()
        .flat_map(|part| part.0.iter())
        .find(|attribute| attribute.oid == const_oid::db::rfc4519::CN);
    let Some(value) = attribute.map(|attribute| &attribute.value) else { return String::new() };
    match value.tag() {
        Tag::BmpString => {
            let units: Vec<u16> =
                value.value().chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
            String::from_utf16_lossy(&units)
        }
        _ => String::from_utf8_lossy(value.value()).into_owned(),
    }
}

/// Bytes as `modinfo` prints them.
pub(super) fn colon_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}
