//! The container: how a signature hangs at the end of a module.
//!
//! `payload | signature | struct module_signature (12 bytes) | magic (28 bytes)`, and nothing may follow. The
//! struct is `algo hash id_type signer_len key_id_len pad[3] be32 sig_len`; the kernel wants `id_type` 2
//! (PKCS#7), refuses any other field that is not zero, and a length beyond the file (`include/linux/module_signature.h`).

use super::SignError;

const MAGIC: &[u8] = b"~Module signature appended~\n";
const ID_TYPE_PKCS7: u8 = 2;
const TRAILER: usize = 12;

/// A signed file in its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    pub payload: &'a [u8],
    pub pkcs7: &'a [u8],
}

/// Takes a file apart; `None` where it carries no signature.
///
/// # Errors
/// The magic is there, but the kernel would not accept what stands before it.
pub(super) fn split(file: &[u8]) -> Result<Option<Parts<'_>>, SignError> {
    let Some(rest) = file.strip_suffix(MAGIC) else { return Ok(None) };
    let bad = |what: &str| SignError::Malformed(what.to_owned());
    let Some((rest, trailer)) = rest.split_last_chunk::<TRAILER>() else {
        return Err(bad("the trailer is cut off"));
    };
    let [algo, hash, id_type, signer_len, key_id_len, pad @ .., a, b, c, d] = trailer;
    if *id_type != ID_TYPE_PKCS7 {
        return Err(bad("it is not PKCS#7"));
    }
    if [algo, hash, signer_len, key_id_len].into_iter().chain(pad).any(|byte| *byte != 0) {
        return Err(bad("a reserved field is not zero"));
    }
    let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
    match rest.len().checked_sub(length) {
        Some(at) if at > 0 => {
            let (payload, pkcs7) = rest.split_at(at);
            Ok(Some(Parts { payload, pkcs7 }))
        }
        _ => Err(bad("its length is beyond the file")),
    }
}

/// Puts a signature behind `payload`.
///
/// # Errors
/// A signature of 4 GiB or more.
pub(super) fn join(payload: &[u8], pkcs7: &[u8]) -> Result<Vec<u8>, SignError> {
    let length = u32::try_from(pkcs7.len()).map_err(|_| SignError::Malformed("too long".to_owned()))?;
    let mut file = Vec::with_capacity(payload.len() + pkcs7.len() + TRAILER + MAGIC.len());
    file.extend_from_slice(payload);
    file.extend_from_slice(pkcs7);
    file.extend_from_slice(&[0, 0, ID_TYPE_PKCS7, 0, 0, 0, 0, 0]);
    file.extend_from_slice(&length.to_be_bytes());
    file.extend_from_slice(MAGIC);
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_what_the_kernel_refuses() {
        let good = join(b"elf", b"sig").unwrap();
        assert_eq!(split(&good).unwrap(), Some(Parts { payload: b"elf", pkcs7: b"sig" }));
        assert_eq!(split(b"elf").unwrap(), None);
        let mut followed = good.clone();
        followed.push(0);
        assert_eq!(split(&followed).unwrap(), None);
        for field in 0..8 {
            let mut file = good.clone();
            file[6 + field] ^= 1;
            assert!(split(&file).is_err(), "field {field}");
        }
        let mut long = good.clone();
        long[6 + 11] = 6;
        assert!(split(&long).is_err());
        assert!(split(MAGIC).is_err());
    }

    proptest! {
        #[test]
        fn parts_come_back(payload in proptest::collection::vec(any::<u8>(), 1..200),
                           pkcs7 in proptest::collection::vec(any::<u8>(), 0..200)) {
            let file = join(&payload, &pkcs7).unwrap();
            prop_assert_eq!(split(&file).unwrap(), Some(Parts { payload: &payload, pkcs7: &pkcs7 }));
        }

        #[test]
        fn any_bytes_before_the_magic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = split(&bytes);
            bytes.extend_from_slice(MAGIC);
            let _ = split(&bytes);
        }
    }
}
