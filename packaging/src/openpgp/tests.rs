use pgp::composed::{CleartextSignedMessage, Deserializable, DetachedSignature, SignedPublicKey};
use pgp::packet::{Packet, PacketParser};
use pgp::types::KeyDetails;

use super::*;

/// In 2026; the keys are of 2024.
const TIME: u64 = 1_790_000_000;
const RSA: &[u8] = include_bytes!("../../tests/keys/rsa.asc");
const SUBKEY: &[u8] = include_bytes!("../../tests/keys/subkey.gpg");
const PASSPHRASE: Option<&str> = Some("a secret");

fn public(key: &Key) -> SignedPublicKey {
    SignedPublicKey::from_string(&key.public_key().unwrap()).unwrap().0
}

fn parsed(packet: &[u8]) -> DetachedSignature {
    let Packet::Signature(signature) = PacketParser::new(packet).next().unwrap().unwrap() else { panic!() };
    DetachedSignature::new(signature)
}

#[test]
fn signatures_hold_and_are_the_same_each_time() {
    let rsa = Key::read(RSA, None, TIME).unwrap();
    let signature = rsa.sign(b"data", Kind::Binary).unwrap();
    assert_eq!(signature, Key::read(RSA, None, TIME).unwrap().sign(b"data", Kind::Binary).unwrap());
    parsed(&signature).verify(&public(&rsa), b"data").unwrap();
    assert!(parsed(&signature).verify(&public(&rsa), b"other data").is_err());
    assert_eq!(algorithm(&signature).unwrap(), 1);

    // The subkey signs, since the key itself may not.
    let ed25519 = Key::read(SUBKEY, PASSPHRASE, TIME).unwrap();
    let signature = ed25519.sign(b"data", Kind::Binary).unwrap();
    assert_eq!(signature, ed25519.sign(b"data", Kind::Binary).unwrap());
    let key = public(&ed25519);
    parsed(&signature).verify(&key.public_subkeys[0].key, b"data").unwrap();
    assert!(parsed(&signature).verify(&key.primary_key, b"data").is_err());
    assert_eq!(algorithm(&signature).unwrap(), 22);
    assert_eq!(ed25519.name(), "C6997CF43AA3BEB3CE5AB94E4DDC34136FDD0DF6");
}

#[test]
fn armour_and_frames_are_as_others_read_them() {
    let key = Key::read(RSA, None, TIME).unwrap();
    for text in ["Origin: x\n\n-dash\n- dash\nSHA256:\n a 1 b\n", "no line break", "", "\n"] {
        let framed = clear_signed(&key, text).unwrap();
        let (message, _) = CleartextSignedMessage::from_string(&framed).unwrap();
        message.verify(&public(&key)).unwrap();
        assert_eq!(clear_text(&framed).trim_end_matches('\n'), text.trim_end_matches('\n'));
        assert!(framed.contains("Hash: SHA256\n\n"));
    }
    assert_eq!(clear_text("Origin: x\n"), "Origin: x\n");
    let changed = clear_signed(&key, "a 1\n").unwrap().replace("a 1", "a 2");
    let (message, _) = CleartextSignedMessage::from_string(&changed).unwrap();
    assert!(message.verify(&public(&key)).is_err());
    // Of every length that base64 knows.
    for length in 0..5 {
        let data = vec![b'x'; length + 300];
        let (signature, _) = DetachedSignature::from_string(&detached(&key, &data).unwrap()).unwrap();
        signature.verify(&public(&key), &data).unwrap();
    }
    assert_eq!(armor::armored("X", b"\0\xff"), "-----BEGIN PGP X-----\n\nAP8=\n=J2j4\n-----END PGP X-----\n");
}

#[test]
fn no_signature_is_older_than_its_key() {
    let made = public(&Key::read(RSA, None, TIME).unwrap()).primary_key.created_at().as_secs();
    let time = |time| parsed(&Key::read(RSA, None, time).unwrap().sign(b"", Kind::Binary).unwrap());
    assert_eq!(time(0).signature.created().unwrap().as_secs(), made);
    assert_eq!(u64::from(time(TIME).signature.created().unwrap().as_secs()), TIME);
    assert!(Key::read(RSA, None, 1 << 40).is_err());
}

#[test]
fn keys_that_cannot_sign_say_why() {
    let why = |file: &[u8], passphrase| Key::read(file, passphrase, TIME).err().unwrap().to_string();
    assert_eq!(why(SUBKEY, None), "is locked with a passphrase, and none was named");
    assert!(why(SUBKEY, Some("another")).starts_with("is locked with another passphrase"));
    assert_eq!(why(include_bytes!("../../tests/keys/expired.asc"), None), "cannot sign: it has expired");
    for file in
        [include_bytes!("../../tests/keys/rsa-public.asc"), b"".as_slice(), b"\x99\x01garbage", &RSA[..900]]
    {
        let why = why(file, None);
        assert!(why.starts_with("is no secret OpenPGP key: ") && why.lines().count() == 1, "{why}");
    }
}

#[test]
fn packages_are_signed_as_their_managers_want_it() {
    use crate::module::{Dialect, Signed};
    let key = Key::read(RSA, None, TIME).unwrap();
    let package = crate::rpm::tests::package();
    let rpm = crate::rpm::write(&package, 0).unwrap();
    let dialect = Dialect::Fedora { dist: String::new() };
    let Signed { package: signed, beside } = dialect.sign(rpm.clone(), &key).unwrap();
    assert_eq!(beside, None);
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes, is_signed) in [("plain", &rpm, false), ("signed", &signed, true)] {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let details = crate::read::PackageFile::open(&path).unwrap().rpm_details().unwrap().unwrap();
        assert_eq!(details.is_signed, is_signed, "{name}");
    }
    let Signed { package: same, beside } = Dialect::Arch.sign(b"a package".to_vec(), &key).unwrap();
    assert_eq!(same, b"a package");
    parsed(&beside.unwrap()).verify(&public(&key), b"a package").unwrap();
    let deb = Dialect::Debian { usr_merged: true }.sign(b"a package".to_vec(), &key).unwrap();
    assert_eq!(deb, Signed { package: b"a package".to_vec(), beside: None });
}
