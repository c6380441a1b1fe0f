//! A private key with the certificate that vouches for it.

use std::fmt;

use der::Decode;
use ring::rand::SystemRandom;
use ring::signature::RsaKeyPair;
use rsa::pkcs1::{DecodeRsaPrivateKey, EncodeRsaPrivateKey};
use rsa::pkcs8::DecodePrivateKey;
use rsa::traits::PublicKeyParts;
use rsa::{RsaPrivateKey, RsaPublicKey};

use super::certificate::algorithm_name;
use super::{Certificate, Hash, SignError, pem};

/// An RSA key and its certificate, checked to belong together.
pub struct KeyPair {
    key: RsaPrivateKey,
    /// The same key, for 2048 to 4096 bits.
    of_ring: Option<RsaKeyPair>,
    certificate: Certificate,
}

impl fmt::Debug for KeyPair {
    /// Never shows the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair")
            .field("certificate", &self.certificate.common_name())
            .finish_non_exhaustive()
    }
}

impl KeyPair {
    /// Reads a private key (PEM, PKCS#8 or PKCS#1) and a certificate (DER or PEM).
    ///
    /// The two may come from the same PEM file, as a kernel's `signing_key.pem`.
    ///
    /// # Errors
    /// An unreadable or encrypted key, one that is not RSA, or a certificate of another key.
    pub fn parse(key_pem: &[u8], certificate: &[u8]) -> Result<Self, SignError> {
        let key = private_key(key_pem)?;
        let certificate = Certificate::parse(certificate)?;
        let public = certificate.public_key()?;
        if public.n() != key.n() || public.e() != key.e() {
            return Err(SignError::Mismatch);
        }
        let of_ring = key.to_pkcs1_der().ok().and_then(|der| RsaKeyPair::from_der(der.as_bytes()).ok());
        Ok(Self { key, of_ring, certificate })
    }

    /// The certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The raw RSA signature (PKCS#1 v1.5) over `data`: by `ring` where that knows the digest and the key's length.
    pub(super) fn sign(&self, data: &[u8], hash: Hash) -> Result<Vec<u8>, SignError> {
        let (Some(key), Some(encoding)) = (&self.of_ring, hash.of_ring()) else {
            return self.sign_slowly(data, hash);
        };
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(encoding, &SystemRandom::new(), data, &mut signature)
            .map_err(|why| SignError::Crypto(why.to_string()))?;
        Ok(signature)
    }

    /// The operation is blinded with fresh randomness, which does not show in the result: the `rsa` crate is not
    /// constant in time (RUSTSEC-2023-0071), and blinding takes from an observer what its timing would tell.
    fn sign_slowly(&self, data: &[u8], hash: Hash) -> Result<Vec<u8>, SignError> {
        self.key
            .sign_with_rng(&mut rand::rngs::OsRng, hash.padding(), &hash.digest(data))
            .map_err(|why| SignError::Crypto(why.to_string()))
    }
}

/// The first private key of a PEM file.
pub(super) fn private_key(bytes: &[u8]) -> Result<RsaPrivateKey, SignError> {
    for block in pem::blocks(bytes).map_err(SignError::Key)? {
        let unreadable = |why: String| SignError::Key(why);
        match block.label.as_str() {
            "ENCRYPTED PRIVATE KEY" => return Err(SignError::EncryptedKey),
            label if label.ends_with("PRIVATE KEY") && block.encrypted => {
                return Err(SignError::EncryptedKey);
            }
            "PRIVATE KEY" => {
                let info = rsa::pkcs8::PrivateKeyInfo::from_der(&block.der)
                    .map_err(|why| unreadable(format!("not PKCS#8: {why}")))?;
                if info.algorithm.oid != const_oid::db::rfc5912::RSA_ENCRYPTION {
                    return Err(SignError::Algorithm(algorithm_name(info.algorithm.oid)));
                }
                return RsaPrivateKey::from_pkcs8_der(&block.der).map_err(|why| unreadable(why.to_string()));
            }
            "RSA PRIVATE KEY" => {
                return RsaPrivateKey::from_pkcs1_der(&block.der).map_err(|why| unreadable(why.to_string()));
            }
            "EC PRIVATE KEY" => return Err(SignError::Algorithm("elliptic curve".to_owned())),
            "DSA PRIVATE KEY" => return Err(SignError::Algorithm("DSA".to_owned())),
            _ => {}
        }
    }
    Err(SignError::Key("no private key in PEM form in it".to_owned()))
}

/// The public half of a private key.
pub(super) fn public_half(key: &RsaPrivateKey) -> RsaPublicKey {
    key.to_public_key()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_libraries_sign_alike() {
        let made = KeyPair::generate("two libraries", std::time::SystemTime::now()).unwrap();
        let pair = KeyPair::parse(made.key_pem.as_bytes(), &made.cert_der).unwrap();
        assert!(pair.of_ring.is_some());
        for hash in Hash::ALL {
            let (first, second) = (pair.sign(b"a module", hash), pair.sign_slowly(b"a module", hash));
            assert_eq!(first.unwrap(), second.unwrap(), "{hash}");
        }
    }
}
