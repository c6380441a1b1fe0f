//! A secret key out of a file.

use pgp::composed::{ArmorOptions, Deserializable, SignedSecretKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{PacketTrait, Signature, SignatureConfig, SignatureType, Subpacket, SubpacketData};
use pgp::types::{KeyDetails, KeyVersion, Password, SigningKey, Timestamp};

use super::{Kind, SignError, Signer};

/// A secret key, and the time that its signatures bear.
pub struct Key {
    key: SignedSecretKey,
    /// Which of the subkeys signs; the primary key where none does.
    subkey: Option<usize>,
    password: Password,
    without_passphrase: bool,
    time: Timestamp,
}

impl Key {
    /// Reads a secret key, armoured or not, as `gpg --export-secret-keys` writes it. `passphrase` unlocks it. `time`
    /// (seconds since 1970) is when it signs; what would be before the key was made is moved to then, since no reader
    /// believes it.
    ///
    /// The same key, time and data give the same signature.
    ///
    /// # Errors
    /// It is no secret key, none of its parts signs, it has expired or was revoked, or the passphrase is not its own.
    pub fn read(file: &[u8], passphrase: Option<&str>, time: u64) -> Result<Self, SignError> {
        let not_a_key = |why: pgp::errors::Error| SignError::NotAKey(first_line(&why.to_string()));
        let (key, _) = SignedSecretKey::from_reader_single(file).map_err(not_a_key)?;
        // What is not the key's own may have been put there by anybody.
        key.verify_bindings().map_err(not_a_key)?;
        let password = passphrase.map(Password::from).unwrap_or_default();
        let subkey = usable_subkey(&key, time);
        if subkey.is_none() {
            check_primary(&key, time)?;
        }
        let without_passphrase = passphrase.is_none();
        let unset = Timestamp::from_secs(0);
        let mut own = Self { key, subkey, password, without_passphrase, time: unset };
        let made = own.part().created_at().as_secs();
        let time = u32::try_from(time)
            .map_err(|_| SignError::Unusable(format!("the time {time} is beyond what OpenPGP can say")))?;
        own.time = Timestamp::from_secs(time.max(made));
        // That it cannot sign is to be known before anything else is done.
        own.sign(&[], Kind::Binary)?;
        Ok(own)
    }

    fn part(&self) -> &dyn SigningKey {
        match self.subkey.and_then(|at| self.key.secret_subkeys.get(at)) {
            Some(subkey) => &subkey.key,
            None => &self.key.primary_key,
        }
    }
}

impl Signer for Key {
    fn sign(&self, data: &[u8], kind: Kind) -> Result<Vec<u8>, SignError> {
        let part = self.part();
        let unusable = |why: pgp::errors::Error| SignError::Unusable(first_line(&why.to_string()));
        if part.version() != KeyVersion::V4 {
            return Err(SignError::Unusable(
                "it is not of version 4, and older rpm and gpg know no other".into(),
            ));
        }
        let kind = match kind {
            Kind::Binary => SignatureType::Binary,
            Kind::Text => SignatureType::Text,
        };
        // Curves that are larger than it want a larger digest.
        let hash = match part.hash_alg() {
            hash @ (HashAlgorithm::Sha384 | HashAlgorithm::Sha512) => hash,
            _ => HashAlgorithm::Sha256,
        };
        let mut config = SignatureConfig::v4(kind, part.algorithm(), hash);
        let packet = |data| Subpacket::regular(data).map_err(unusable);
        config.hashed_subpackets = vec![
            packet(SubpacketData::IssuerFingerprint(part.fingerprint()))?,
            packet(SubpacketData::SignatureCreationTime(self.time))?,
        ];
        config.unhashed_subpackets = vec![packet(SubpacketData::IssuerKeyId(part.legacy_key_id()))?];
        let signature = config.sign(&Box::new(part), &self.password, data).map_err(|why| {
            let is_locked = match self.subkey.and_then(|at| self.key.secret_subkeys.get(at)) {
                Some(subkey) => subkey.key.secret_params().is_encrypted(),
                None => self.key.primary_key.secret_params().is_encrypted(),
            };
            match (is_locked, self.without_passphrase) {
                (true, true) => SignError::Passphrase("is locked with a passphrase, and none was named"),
                (true, false) => {
                    SignError::Passphrase("is locked with another passphrase than the one that was named")
                }
                (false, _) => unusable(why),
            }
        })?;
        let mut out = Vec::new();
        signature.to_writer_with_header(&mut out).map_err(unusable)?;
        Ok(out)
    }

    fn name(&self) -> String {
        format!("{:X}", self.key.primary_key.fingerprint())
    }

    fn public_key(&self) -> Result<String, SignError> {
        let public = self.key.to_public_key();
        let text = public.to_armored_string(ArmorOptions::default());
        text.map_err(|why| SignError::Unusable(first_line(&why.to_string())))
    }
}

/// The newest subkey that may sign at that time, if there is one.
fn usable_subkey(key: &SignedSecretKey, time: u64) -> Option<usize> {
    let usable = key.secret_subkeys.iter().enumerate().filter(|(_, subkey)| {
        let made = u64::from(subkey.key.created_at().as_secs());
        let revoked = subkey.signatures.iter().any(|s| s.typ() == Some(SignatureType::SubkeyRevocation));
        let newest = newest(&subkey.signatures);
        !revoked && newest.is_some_and(|s| s.key_flags().sign() && !is_over(s, made, time))
    });
    usable.max_by_key(|(_, subkey)| subkey.key.created_at().as_secs()).map(|(at, _)| at)
}

fn check_primary(key: &SignedSecretKey, time: u64) -> Result<(), SignError> {
    let unusable = |why: &str| Err(SignError::Unusable(why.to_owned()));
    if !key.details.revocation_signatures.is_empty() {
        return unusable("it was revoked");
    }
    let own = key.details.users.iter().flat_map(|user| &user.signatures);
    let own: Vec<Signature> = own.chain(&key.details.direct_signatures).cloned().collect();
    let made = u64::from(key.primary_key.created_at().as_secs());
    match newest(&own) {
        Some(signature) if !signature.key_flags().sign() => {
            unusable("neither it nor a subkey of it is meant to sign")
        }
        Some(signature) if is_over(signature, made, time) => unusable("it has expired"),
        _ => Ok(()),
    }
}

fn newest(signatures: &[Signature]) -> Option<&Signature> {
    signatures.iter().max_by_key(|signature| signature.created().map(|time| time.as_secs()))
}

fn is_over(signature: &Signature, made: u64, time: u64) -> bool {
    let lasts = signature.key_expiration_time().map(|lasts| u64::from(lasts.as_secs()));
    lasts.is_some_and(|lasts| lasts > 0 && made + lasts < time)
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
