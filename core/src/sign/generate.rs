//! New keys, and certificates for them.
//!
//! The certificate is confined to kernel modules by the extended key usage 1.3.6.1.4.1.2312.16.1.2: shim refuses
//! a boot loader or kernel signed by such a key, so a stolen key opens less.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use const_oid::ObjectIdentifier;
use const_oid::db::{rfc4519, rfc5912};
use der::asn1::{Any, BitString, GeneralizedTime, OctetString, SetOfVec, UtcTime};
use der::{DateTime, Decode, Encode, Tag};
use rand::RngCore;
use rand::rngs::OsRng;
use rsa::RsaPrivateKey;
use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::TbsCertificate;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectKeyIdentifier,
};
use x509_cert::ext::{AsExtension, Extension};
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::{Time, Validity};

use super::pair::{private_key, public_half};
use super::{Hash, KeyPair, SignError};

/// The common name that DKMS gives its certificate, by which people look for it in `mokutil --list-enrolled`.
pub const DEFAULT_COMMON_NAME: &str = "DKMS module signing key";

const BITS: usize = 2048;
const DAYS: u64 = 36_500;
/// Red Hat's "kernel module signing only", known to shim.
const MODULE_SIGNING_ONLY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.2312.16.1.2");

/// A new key with its certificate, ready to be written to files.
#[derive(Clone)]
pub struct Generated {
    /// PKCS#8 in PEM. Secret.
    pub key_pem: String,
    /// X.509 in DER.
    pub cert_der: Vec<u8>,
}

impl std::fmt::Debug for Generated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Generated")
    }
}

impl KeyPair {
    /// Makes an RSA-2048 key and a self-signed certificate for it, valid for 36500 days.
    ///
    /// # Errors
    /// An unusable name, or no randomness.
    pub fn generate(common_name: &str, not_before: SystemTime) -> Result<Generated, SignError> {
        check_name(common_name)?;
        let key = RsaPrivateKey::new(&mut OsRng, BITS).map_err(|why| SignError::Crypto(why.to_string()))?;
        let key_pem = key.to_pkcs8_pem(LineEnding::LF).map_err(|why| SignError::Crypto(why.to_string()))?;
        Ok(Generated {
            key_pem: key_pem.as_str().to_owned(),
            cert_der: issue(&key, common_name, not_before)?,
        })
    }

    /// Makes a new certificate for a key that has lost its own; DER.
    ///
    /// The result has another serial number than the lost one, so it must be enrolled anew.
    ///
    /// # Errors
    /// An unreadable key or an unusable name.
    pub fn reissue(key_pem: &[u8], common_name: &str, not_before: SystemTime) -> Result<Vec<u8>, SignError> {
        check_name(common_name)?;
        issue(&private_key(key_pem)?, common_name, not_before)
    }
}

fn check_name(name: &str) -> Result<(), SignError> {
    let length = name.chars().count();
    // 64 is X.520's upper bound, which OpenSSL enforces when it reads.
    if length == 0 || length > 64 || name.chars().any(char::is_control) {
        return Err(SignError::CommonName);
    }
    Ok(())
}

fn issue(key: &RsaPrivateKey, common_name: &str, not_before: SystemTime) -> Result<Vec<u8>, SignError> {
    let not_after = not_before
        .checked_add(Duration::from_secs(DAYS * 86_400))
        .ok_or_else(|| SignError::Certificate("dated beyond the calendar".to_owned()))?;
    let subject = distinguished_name(common_name)?;
    let spki = public_half(key).to_public_key_der().map_err(|why| SignError::Crypto(why.to_string()))?;
    let spki = SubjectPublicKeyInfoOwned::from_der(spki.as_bytes())?;
    let algorithm =
        AlgorithmIdentifierOwned { oid: rfc5912::SHA_256_WITH_RSA_ENCRYPTION, parameters: Some(Any::null()) };
    let tbs = TbsCertificate {
        version: x509_cert::Version::V3,
        serial_number: serial()?,
        signature: algorithm.clone(),
        issuer: subject.clone(),
        validity: Validity { not_before: time(not_before)?, not_after: time(not_after)? },
        extensions: Some(extensions(&subject, &spki)?),
        subject,
        subject_public_key_info: spki,
        issuer_unique_id: None,
        subject_unique_id: None,
    };
    let hash = Hash::Sha256;
    let signature = key
        .sign_with_rng(&mut OsRng, hash.padding(), &hash.digest(&tbs.to_der()?))
        .map_err(|why| SignError::Crypto(why.to_string()))?;
    let certificate = x509_cert::Certificate {
        tbs_certificate: tbs,
        signature_algorithm: algorithm,
        signature: BitString::from_bytes(&signature)?,
    };
    Ok(certificate.to_der()?)
}

fn distinguished_name(common_name: &str) -> Result<Name, SignError> {
    let value = Any::new(Tag::Utf8String, common_name.as_bytes())?;
    let mut part = SetOfVec::new();
    part.insert(AttributeTypeAndValue { oid: rfc4519::CN, value })?;
    Ok(RdnSequence(vec![RelativeDistinguishedName(part)]))
}

/// 152 random bits: positive, never short, and within RFC 5280's twenty octets.
fn serial() -> Result<SerialNumber, SignError> {
    let mut bytes = [0u8; 19];
    OsRng.try_fill_bytes(&mut bytes).map_err(|why| SignError::Crypto(why.to_string()))?;
    bytes[0] = (bytes[0] & 0x7f) | 0x40;
    Ok(SerialNumber::new(&bytes)?)
}

fn extensions(subject: &Name, spki: &SubjectPublicKeyInfoOwned) -> Result<Vec<Extension>, SignError> {
    // RFC 5280 4.2.1.2 method (1), which OpenSSL uses too: SHA-1 of the key's bits, as a name and no protection.
    let id = OctetString::new(Hash::Sha1.digest(spki.subject_public_key.raw_bytes()))?;
    let constraints = BasicConstraints { ca: false, path_len_constraint: None };
    let usage = KeyUsage(KeyUsages::DigitalSignature.into());
    let purposes = ExtendedKeyUsage(vec![rfc5912::ID_KP_CODE_SIGNING, MODULE_SIGNING_ONLY]);
    let authority = AuthorityKeyIdentifier {
        key_identifier: Some(id.clone()),
        authority_cert_issuer: None,
        authority_cert_serial_number: None,
    };
    // The crate marks basicConstraints critical only for authorities.
    let mut constraints = constraints.to_extension(subject, &[])?;
    constraints.critical = true;
    let mut usage = usage.to_extension(subject, &[])?;
    usage.critical = true;
    Ok(vec![
        constraints,
        usage,
        purposes.to_extension(subject, &[])?,
        SubjectKeyIdentifier(id).to_extension(subject, &[])?,
        authority.to_extension(subject, &[])?,
    ])
}

/// RFC 5280 4.1.2.5: UTCTime until 2049, GeneralizedTime from then on.
fn time(at: SystemTime) -> Result<Time, SignError> {
    let since =
        at.duration_since(UNIX_EPOCH).map_err(|_| SignError::Certificate("dated before 1970".to_owned()))?;
    let whole = DateTime::from_unix_duration(Duration::from_secs(since.as_secs()))?;
    Ok(if whole.year() < 2050 {
        Time::UtcTime(UtcTime::from_date_time(whole)?)
    } else {
        Time::GeneralTime(GeneralizedTime::from_date_time(whole))
    })
}

impl From<der::Error> for SignError {
    fn from(why: der::Error) -> Self {
        Self::Certificate(why.to_string())
    }
}
