//! Signatures of kernel modules, made in process as the kernel's `scripts/sign-file` makes them.
//!
//! A signed module is `ELF | PKCS#7 | trailer | magic` (see [`append`]). The PKCS#7 is detached, carries no
//! certificates and no signed attributes, and names its signer by issuer and serial number. The kernel refuses
//! signed attributes, RSA-PSS and attached content; it checks neither validity nor extensions of the certificate.
//!
//! Everything here is pure over bytes but [`load_or_create`], which keeps a key pair in two files.

mod append;
mod certificate;
mod error;
mod generate;
mod hash;
mod keys;
mod pair;
mod pem;
mod pkcs7;
mod signature;

#[cfg(test)]
mod oracle_tests;

pub use certificate::Certificate;
pub use error::SignError;
pub use generate::{DEFAULT_COMMON_NAME, Generated};
pub use hash::Hash;
pub use keys::{Loaded, Origin, load_or_create};
pub use pair::KeyPair;
pub use signature::{Signature, sign_module, signature_of, unsigned, verify};
