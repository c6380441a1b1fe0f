//! Signatures against the programs whose work they must equal: `sign-file`, `openssl`, `modinfo`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

/// A small ELF file is not needed: none of the signers looks inside.
const MODULE: &[u8] = b"\x7fELF this stands for a module\n";

struct Keys {
    dir: TempDir,
    pair: KeyPair,
}

impl Keys {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let made = KeyPair::generate("evermod oracle key", now()).unwrap();
        std::fs::write(dir.path().join("key.pem"), &made.key_pem).unwrap();
        std::fs::write(dir.path().join("cert.der"), &made.cert_der).unwrap();
        let pair = KeyPair::parse(made.key_pem.as_bytes(), &made.cert_der).unwrap();
        Self { dir, pair }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        std::fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }
}

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

/// Tells past the runner's capture that a test does not run here; `make test` counts these lines.
fn skipped(why: &str) {
    use std::io::Write;
    let thread = std::thread::current();
    let _ = writeln!(std::io::stderr(), "skipped: {}: {why}", thread.name().unwrap_or("test"));
}

/// Runs a program that the test needs; `None`, with a line that says so, where it is absent.
fn run(program: impl AsRef<Path>, args: &[&str], dir: &Path) -> Option<Output> {
    let program = program.as_ref();
    match Command::new(program).args(args).current_dir(dir).output() {
        Ok(output) => Some(output),
        Err(why) => {
            skipped(&format!("{}: {why}", program.display()));
            None
        }
    }
}

fn ok(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The newest `sign-file` of Debian's kernel packages.
fn sign_file() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib")
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("linux-kbuild-"))
        })
        .map(|path| path.join("scripts/sign-file"))
        .filter(|path| path.exists())
        .collect();
    found.sort();
    found.pop()
}

#[test]
fn equal_to_sign_file() {
    let Some(program) = sign_file() else {
        skipped("no sign-file here (Debian: linux-kbuild-6.1; tests/setup.sh installs it)");
        return;
    };
    let keys = Keys::new();
    for hash in [Hash::Sha256, Hash::Sha512, Hash::Sha384, Hash::Sha224, Hash::Sha1] {
        let mine = sign_module(MODULE, &keys.pair, hash).unwrap();
        keys.write("in.ko", MODULE);
        let Some(output) =
            run(&program, &[hash.name(), "key.pem", "cert.der", "in.ko", "out.ko"], keys.dir.path())
        else {
            return;
        };
        ok(&output);
        assert!(mine == keys.read("out.ko"), "{hash}: differs from sign-file");
        // Signing again replaces the signature, whoever made it.
        assert_eq!(sign_module(&keys.read("out.ko"), &keys.pair, hash).unwrap(), mine);
    }
}

#[test]
fn equal_to_openssl_cms() {
    let keys = Keys::new();
    keys.write("in.ko", MODULE);
    for hash in [Hash::Sha256, Hash::Sha512] {
        let args = [
            "cms",
            "-sign",
            "-binary",
            "-noattr",
            "-nocerts",
            "-nosmimecap",
            "-md",
            hash.name(),
            "-in",
            "in.ko",
            "-signer",
            "cert.pem",
            "-inkey",
            "key.pem",
            "-outform",
            "DER",
            "-out",
            "p7",
        ];
        let convert = ["x509", "-inform", "DER", "-in", "cert.der", "-out", "cert.pem"];
        let Some(output) = run("openssl", &convert, keys.dir.path()) else { return };
        ok(&output);
        ok(&run("openssl", &args, keys.dir.path()).unwrap());
        let mine = pkcs7::build(MODULE, &keys.pair, hash).unwrap();
        assert!(mine == keys.read("p7"), "{hash}: differs from openssl cms");
        keys.write("mine", &mine);
        let verify = [
            "cms",
            "-verify",
            "-binary",
            "-inform",
            "DER",
            "-in",
            "mine",
            "-content",
            "in.ko",
            "-certfile",
            "cert.pem",
            "-nointern",
            "-noverify",
            "-out",
            "/dev/null",
        ];
        ok(&run("openssl", &verify, keys.dir.path()).unwrap());
    }
}

#[test]
fn openssl_reads_key_and_certificate() {
    let keys = Keys::new();
    let text = ["x509", "-inform", "DER", "-in", "cert.der", "-noout", "-text", "-nameopt", "RFC2253"];
    let Some(output) = run("openssl", &text, keys.dir.path()) else { return };
    ok(&output);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for line in [
        "Version: 3 (0x2)",
        "Subject: CN=evermod oracle key",
        "Issuer: CN=evermod oracle key",
        "Not Before: Nov 14 22:13:20 2023 GMT",
        "Not After : Oct 21 22:13:20 2123 GMT",
        "Public-Key: (2048 bit)",
        "X509v3 Basic Constraints: critical\n                CA:FALSE",
        "X509v3 Key Usage: critical\n                Digital Signature",
        "Code Signing, 1.3.6.1.4.1.2312.16.1.2",
        "X509v3 Subject Key Identifier:",
        "X509v3 Authority Key Identifier:",
        "Signature Algorithm: sha256WithRSAEncryption",
    ] {
        assert!(text.contains(line), "no `{line}` in\n{text}");
    }
    let id = keys.pair.certificate().subject_key_id().unwrap();
    assert_eq!(text.matches(&id).count(), 2, "{id} is not both key identifiers in\n{text}");
    ok(&run("openssl", &["pkey", "-in", "key.pem", "-check", "-noout"], keys.dir.path()).unwrap());
    let verify = ["verify", "-CAfile", "cert.pem", "-check_ss_sig", "-partial_chain", "cert.pem"];
    ok(&run("openssl", &["x509", "-inform", "DER", "-in", "cert.der", "-out", "cert.pem"], keys.dir.path())
        .unwrap());
    ok(&run("openssl", &verify, keys.dir.path()).unwrap());
}

#[test]
fn keys_that_openssl_makes() {
    let keys = Keys::new();
    let dir = keys.dir.path();
    // As DKMS makes its pair.
    let request = [
        "req",
        "-new",
        "-x509",
        "-nodes",
        "-days",
        "36500",
        "-subj",
        "/CN=DKMS module signing key",
        "-newkey",
        "rsa:2048",
        "-keyout",
        "mok.key",
        "-outform",
        "DER",
        "-out",
        "mok.pub",
    ];
    let Some(output) = run("openssl", &request, dir) else { return };
    ok(&output);
    let pair = KeyPair::parse(&keys.read("mok.key"), &keys.read("mok.pub")).unwrap();
    assert_eq!(pair.certificate().common_name(), DEFAULT_COMMON_NAME);
    let signed = sign_module(MODULE, &pair, Hash::Sha256).unwrap();
    verify(&signed, pair.certificate()).unwrap();

    ok(&run("openssl", &["rsa", "-in", "mok.key", "-traditional", "-out", "pkcs1.key"], dir).unwrap());
    ok(&run("openssl", &["x509", "-inform", "DER", "-in", "mok.pub", "-text", "-out", "mok.pem"], dir)
        .unwrap());
    let same = KeyPair::parse(&keys.read("pkcs1.key"), &keys.read("mok.pem")).unwrap();
    assert_eq!(sign_module(MODULE, &same, Hash::Sha256).unwrap(), signed);
    let both = [keys.read("mok.key"), keys.read("mok.pem")].concat();
    KeyPair::parse(&both, &both).unwrap();

    assert!(matches!(
        KeyPair::parse(&keys.read("mok.key"), &keys.read("cert.der")),
        Err(SignError::Mismatch)
    ));
    let aes = ["pkey", "-in", "mok.key", "-aes256", "-passout", "pass:x", "-out", "locked.key"];
    ok(&run("openssl", &aes, dir).unwrap());
    let locked = KeyPair::parse(&keys.read("locked.key"), &keys.read("mok.pub"));
    assert!(matches!(locked, Err(SignError::EncryptedKey)));
    let ec = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "ec.key"];
    ok(&run("openssl", &ec, dir).unwrap());
    let curve = KeyPair::parse(&keys.read("ec.key"), &keys.read("mok.pub"));
    assert!(matches!(curve, Err(SignError::Algorithm(name)) if name == "elliptic curve"));
}

/// The smallest file in which modinfo finds a module: ELF64, a `.modinfo` section, section names.
fn elf_with_modinfo() -> Vec<u8> {
    let modinfo = b"license=GPL\0name=m\0";
    let names = b"\0.modinfo\0.shstrtab\0";
    let (modinfo_at, names_at) = (64, 64 + modinfo.len());
    let table_at = (names_at + names.len()).next_multiple_of(8);
    let half = |value: usize| u16::try_from(value).unwrap().to_le_bytes();
    let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    elf.extend([half(1), half(62)].concat());
    elf.extend(1u32.to_le_bytes());
    elf.extend([0u64, 0, table_at as u64].map(u64::to_le_bytes).concat());
    elf.extend(0u32.to_le_bytes());
    elf.extend([64, 0, 0, 64, 3, 2].map(half).concat());
    elf.extend(modinfo);
    elf.extend(names);
    elf.resize(table_at, 0);
    for (name, kind, at, size) in
        [(0u32, 0u32, 0, 0), (1, 1, modinfo_at, modinfo.len()), (10, 3, names_at, names.len())]
    {
        elf.extend([name, kind].map(u32::to_le_bytes).concat());
        // flags, address, offset, size, link and info, alignment, entry size
        elf.extend([0, 0, at as u64, size as u64, 0, 1, 0].map(u64::to_le_bytes).concat());
    }
    elf
}

#[test]
fn modinfo_shows_the_signer() {
    let keys = Keys::new();
    keys.write("m.ko", &sign_module(&elf_with_modinfo(), &keys.pair, Hash::Sha256).unwrap());
    let program = if Path::new("/sbin/modinfo").exists() { "/sbin/modinfo" } else { "modinfo" };
    for (field, expected) in [
        ("signer", "evermod oracle key".to_owned()),
        ("sig_key", keys.pair.certificate().serial()),
        ("sig_hashalgo", "sha256".to_owned()),
        ("sig_id", "PKCS#7".to_owned()),
    ] {
        let Some(output) = run(program, &["-F", field, "./m.ko"], keys.dir.path()) else { return };
        ok(&output);
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), expected, "{field}");
    }
}

#[test]
fn signature_reads_back_and_tampering_shows() {
    let keys = Keys::new();
    let other = Keys::new();
    let signed = sign_module(MODULE, &keys.pair, Hash::Sha256).unwrap();
    let certificate = keys.pair.certificate();
    assert_eq!(
        signature_of(&signed).unwrap(),
        Signature {
            payload_len: MODULE.len(),
            signer: "evermod oracle key".to_owned(),
            sig_key: certificate.serial(),
            hash: Some(Hash::Sha256),
        }
    );
    verify(&signed, certificate).unwrap();
    assert!(matches!(verify(MODULE, certificate), Err(SignError::Unsigned)));
    assert!(matches!(verify(&signed, other.pair.certificate()), Err(SignError::OtherSigner(_))));
    // Every byte of the module, of the structure and of the signature's value, and the container.
    for at in 0..signed.len() {
        let mut altered = signed.clone();
        altered[at] ^= 0x04;
        assert!(verify(&altered, certificate).is_err(), "byte {at} may be altered unseen");
    }
    assert_eq!(unsigned(&signed).unwrap(), MODULE);
    let twice = append::join(&signed, &pkcs7::build(&signed, &keys.pair, Hash::Sha256).unwrap()).unwrap();
    verify(&twice, certificate).unwrap();
    assert_eq!(unsigned(&twice).unwrap(), MODULE);
    assert!(signature_of(MODULE).is_none());
}

#[test]
fn signed_attributes_and_content_are_refused() {
    let keys = Keys::new();
    keys.write("in.ko", MODULE);
    let convert = ["x509", "-inform", "DER", "-in", "cert.der", "-out", "cert.pem"];
    let Some(output) = run("openssl", &convert, keys.dir.path()) else { return };
    ok(&output);
    for flags in [&["-nocerts"][..], &["-noattr", "-nodetach"]] {
        let mut args =
            vec!["cms", "-sign", "-binary", "-md", "sha256", "-in", "in.ko", "-signer", "cert.pem"];
        args.extend(["-inkey", "key.pem", "-outform", "DER", "-out", "p7"]);
        args.extend(flags);
        ok(&run("openssl", &args, keys.dir.path()).unwrap());
        let file = append::join(MODULE, &keys.read("p7")).unwrap();
        let verdict = verify(&file, keys.pair.certificate());
        assert!(matches!(verdict, Err(SignError::Malformed(_))), "{flags:?}: {verdict:?}");
    }
    // By key identifier, and with the certificate inside: the kernel takes both.
    let mut args = vec!["cms", "-sign", "-binary", "-noattr", "-keyid", "-md", "sha256", "-in", "in.ko"];
    args.extend(["-signer", "cert.pem", "-inkey", "key.pem", "-outform", "DER", "-out", "p7"]);
    ok(&run("openssl", &args, keys.dir.path()).unwrap());
    let file = append::join(MODULE, &keys.read("p7")).unwrap();
    verify(&file, keys.pair.certificate()).unwrap();
    assert_eq!(signature_of(&file).unwrap().sig_key, keys.pair.certificate().subject_key_id().unwrap());
}

#[test]
fn files_are_made_once() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let (key, cert) = (dir.path().join("dkms/mok.key"), dir.path().join("dkms/mok.pub"));
    let load = || load_or_create(&key, &cert, DEFAULT_COMMON_NAME, now());
    let first = load().unwrap();
    assert_eq!(first.origin, Origin::Generated);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&key), mode(&cert)), (0o600, 0o644));
    let second = load().unwrap();
    assert_eq!(second.origin, Origin::Found);
    assert_eq!(second.pair.certificate(), first.pair.certificate());

    // The certificate is lost: the key stays.
    let key_before = std::fs::read(&key).unwrap();
    std::fs::remove_file(&cert).unwrap();
    assert_eq!(load().unwrap().origin, Origin::Reissued);
    assert_eq!(std::fs::read(&key).unwrap(), key_before);

    // The key is lost: both are new, the old certificate is kept aside.
    let old = std::fs::read(&cert).unwrap();
    std::fs::remove_file(&key).unwrap();
    assert_eq!(load().unwrap().origin, Origin::Generated);
    assert_ne!(std::fs::read(&key).unwrap(), key_before);
    assert_eq!(std::fs::read(dir.path().join("dkms/mok.pub.orphan")).unwrap(), old);

    // Not ours to repair.
    std::fs::write(&cert, &old).unwrap();
    assert!(matches!(load(), Err(SignError::Mismatch)));
    assert_eq!(std::fs::read(&cert).unwrap(), old);
    std::fs::write(&key, b"garbage").unwrap();
    assert!(matches!(load(), Err(SignError::Key(_))));
    assert_eq!(std::fs::read(&key).unwrap(), b"garbage");
    assert_eq!(std::fs::read_dir(dir.path().join("dkms")).unwrap().count(), 3, "temporary files are left");
}

#[test]
fn racing_processes_agree_on_one_key() {
    let dir = tempfile::tempdir().unwrap();
    let (key, cert) = (dir.path().join("mok.key"), dir.path().join("mok.pub"));
    let loaded: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..3).map(|_| scope.spawn(|| load_or_create(&key, &cert, "race", now()).unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for one in &loaded {
        assert_eq!(one.pair.certificate(), loaded[0].pair.certificate());
    }
}

#[test]
fn names_are_checked() {
    for name in ["", "a\nb", &"x".repeat(65)] {
        assert!(matches!(KeyPair::generate(name, now()), Err(SignError::CommonName)));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Certificate::parse(&bytes);
        let _ = KeyPair::parse(&bytes, &bytes);
        let _ = signature_of(&bytes);
        let framed = append::join(b"elf", &bytes).unwrap();
        prop_assert!(signature_of(&framed).is_none());
        prop_assert_eq!(unsigned(&framed).unwrap(), b"elf");
    }
}
