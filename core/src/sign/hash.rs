//! The digests that a module signature may use.

use std::fmt;
use std::str::FromStr;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaEncoding};
use rsa::Pkcs1v15Sign;
use sha2::Digest;

use super::SignError;

/// A digest, by its name in the kernel's `CONFIG_MODULE_SIG_HASH`.
///
/// Every kernel has SHA-256. Debian 12's 6.1 refuses SHA-384 and SHA-512, which it has only as modules, so the
/// target's configuration should decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Hash {
    /// SHA-1: only kernels before 6.7 name it.
    Sha1,
    /// SHA-224.
    Sha224,
    /// SHA-256, the default everywhere.
    #[default]
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// Every digest known here.
    pub const ALL: [Self; 5] = [Self::Sha1, Self::Sha224, Self::Sha256, Self::Sha384, Self::Sha512];

    /// The name as the kernel's configuration and `modinfo` write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha224 => "sha224",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    pub(super) fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Sha1 => rfc5912::ID_SHA_1,
            Self::Sha224 => rfc5912::ID_SHA_224,
            Self::Sha256 => rfc5912::ID_SHA_256,
            Self::Sha384 => rfc5912::ID_SHA_384,
            Self::Sha512 => rfc5912::ID_SHA_512,
        }
    }

    pub(super) fn of_oid(oid: ObjectIdentifier) -> Option<Self> {
        Self::ALL.into_iter().find(|hash| hash.oid() == oid)
    }

    pub(super) fn digest(self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => sha1::Sha1::digest(data).to_vec(),
            Self::Sha224 => sha2::Sha224::digest(data).to_vec(),
            Self::Sha256 => sha2::Sha256::digest(data).to_vec(),
            Self::Sha384 => sha2::Sha384::digest(data).to_vec(),
            Self::Sha512 => sha2::Sha512::digest(data).to_vec(),
        }
    }

    pub(super) fn padding(self) -> Pkcs1v15Sign {
        match self {
            Self::Sha1 => Pkcs1v15Sign::new::<sha1::Sha1>(),
            Self::Sha224 => Pkcs1v15Sign::new::<sha2::Sha224>(),
            Self::Sha256 => Pkcs1v15Sign::new::<sha2::Sha256>(),
            Self::Sha384 => Pkcs1v15Sign::new::<sha2::Sha384>(),
            Self::Sha512 => Pkcs1v15Sign::new::<sha2::Sha512>(),
        }
    }

    /// How `ring` names it together with the padding; it knows neither SHA-1 nor SHA-224.
    pub(super) fn of_ring(self) -> Option<&'static dyn RsaEncoding> {
        match self {
            Self::Sha1 | Self::Sha224 => None,
            Self::Sha256 => Some(&RSA_PKCS1_SHA256),
            Self::Sha384 => Some(&RSA_PKCS1_SHA384),
            Self::Sha512 => Some(&RSA_PKCS1_SHA512),
        }
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Hash {
    type Err = SignError;

    /// Reads the value of `CONFIG_MODULE_SIG_HASH`, with or without its quotes.
    fn from_str(value: &str) -> Result<Self, SignError> {
        let name = value.trim().trim_matches('"').to_ascii_lowercase();
        Self::ALL
            .into_iter()
            .find(|hash| hash.name() == name)
            .ok_or_else(|| SignError::Hash(value.trim().trim_matches('"').to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for hash in Hash::ALL {
            assert_eq!(hash.name().parse::<Hash>().unwrap(), hash);
            assert_eq!(Hash::of_oid(hash.oid()), Some(hash));
        }
        assert_eq!("\"sha512\"".parse::<Hash>().unwrap(), Hash::Sha512);
        assert!(matches!("sha3-256".parse::<Hash>(), Err(SignError::Hash(name)) if name == "sha3-256"));
        assert!("".parse::<Hash>().is_err());
    }
}
