//! What a stranger may have written: one clear error, and nothing outside the directory.

use super::super::{Format, PackageFile};
use super::make::*;
use super::{all, packages};

fn refused(case: &Case, why: &str) {
    let error = case.unpack(&all).unwrap_err().to_string();
    assert!(error.contains(why), "`{error}` does not say `{why}`");
    assert!(error.starts_with(&case.file.display().to_string()), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(!error.chars().any(char::is_control), "{error}");
    case.assert_nothing_outside();
}

#[test]
fn names_that_lead_out_are_refused() {
    let cases: [(&[Item<'_>], &str); 14] = [
        (&[Item('f', "../outside/x", b"1")], "leads out by '..'"),
        (&[Item('f', "usr/../../outside/x", b"1")], "leads out by '..'"),
        (&[Item('f', "/evermod-evil", b"1")], "its name is absolute"),
        (&[Item('d', "/tmp/evermod-evil", b"")], "its name is absolute"),
        (&[Item('f', "usr/a\nb", b"1")], "control characters"),
        (&[Item('f', "usr/a\x1b[2Jb", b"1")], "control characters"),
        (&[Item('f', ".", b"1")], "it has no name"),
        (&[Item('s', "usr", b"../outside"), Item('f', "usr/x", b"1")], "written through a link"),
        (&[Item('s', "a", b"/tmp"), Item('d', "a/evermod-evil", b"")], "written through a link"),
        (&[Item('s', "a", b"/tmp"), Item('d', "a", b""), Item('f', "a/evermod-evil", b"")], "there twice"),
        (&[Item('f', "a", b"1"), Item('f', "a/b", b"1")], "below a file"),
        (&[Item('h', "a", b"/etc/passwd")], "its name is absolute"),
        (&[Item('h', "a", b"../outside/x")], "leads out by '..'"),
        (&[Item('s', "a", b"/etc/passwd"), Item('h', "b", b"a")], "hard link to no file"),
    ];
    for (items, why) in cases {
        refused(&Case::new(&deb(items)), why);
        refused(&Case::new(&arch(items)), why);
    }
    for (kind, why) in [('c', "neither a file nor"), ('p', "neither a file nor")] {
        refused(&Case::new(&deb(&[Item(kind, "dev/x", b"")])), why);
        // Only who wants it gets the error.
        assert!(Case::new(&deb(&[Item(kind, "dev/x", b"")])).unpack(&|_| false).unwrap().is_empty());
    }
    refused(&Case::new(&deb(&[Item('f', "a", b"1"), Item('f', "./a", b"2")])), "there twice");
    refused(&Case::new(&deb(&[Item('s', "a", b"x\ny")])), "cannot be used");
}

#[test]
fn names_in_rpm_that_lead_out_are_refused() {
    let one = |file: RpmFile<'_>, payload: Vec<u8>| Case::new(&rpm(&[file], &[payload]));
    let file = |dir, name| RpmFile { dir, name, ..RPM_FILE };
    refused(&one(file("/usr/../../outside/", "x"), short(0, b"abc")), "leads out by '..'");
    refused(&one(file("//tmp/", "evermod-evil"), short(0, b"abc")), "its name is absolute");
    refused(&one(file("/usr/", "a\nb"), short(0, b"abc")), "control characters");
    refused(&one(RPM_FILE, newc("../outside/x", b"abc")), "leads out by '..'");
    refused(&one(RPM_FILE, newc("./usr/src/other", b"abc")), "header does not name it");
    refused(&one(RPM_FILE, short(7, b"abc")), "header does not name");
    refused(&one(RPM_FILE, newc("./usr/src/a", b"abcd")), "of another size");
    refused(&one(RpmFile { mode: 0o020_600, ..RPM_FILE }, short(0, b"")), "neither a file nor");
    let link = RpmFile { mode: 0o120_777, name: "l", target: "/tmp", size: 4, inode: 2, ..RPM_FILE };
    let below = RpmFile { dir: "/usr/src/l/", name: "evermod-evil", ..RPM_FILE };
    refused(&Case::new(&rpm(&[link, below], &[short(0, b"/tmp"), short(1, b"abc")])), "through a link");
    let twice = [RPM_FILE, RpmFile { name: "b", ..RPM_FILE }];
    refused(&Case::new(&rpm(&twice, &[short(0, b"")])), "its bytes are missing");
}

#[test]
fn sizes_that_lie_are_found_out() {
    let whole = deb(&[Item('f', "a", b"1")]);
    // A member of the outer archive that is longer than the file.
    let mut long = whole.clone();
    let at = long.windows(8).rposition(|window| window == b"data.tar").unwrap();
    long[at + 48..at + 58].copy_from_slice(b"9999999999");
    refused(&Case::new(&long), "ends too early");
    // A file that is longer than the archive.
    let data = [tar_member('f', b"a", b"1", Some(1 << 30)), vec![0; 1024]].concat();
    let control = tar(&[Item('f', "control", CONTROL)]);
    let package = ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control), ("data.tar", &data)]);
    refused(&Case::new(&package), "damaged");
    // A name of many megabytes, which a decoder would hold in memory.
    let name = zstd::encode_all(
        &[tar_member('L', b"././@LongLink", &[], Some(1 << 32)), vec![b'a'; 64 << 20]].concat()[..],
        1,
    );
    let package =
        ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control), ("data.tar.zst", &name.unwrap())]);
    refused(&Case::new(&package), "damaged");
    // More than anyone unpacks.
    let data = [tar_member('f', b"a", b"1", Some(5 << 30)), vec![0; 1024]].concat();
    let package = ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control), ("data.tar", &data)]);
    refused(&Case::new(&package), "more than 4 GiB");
    // The end of an archive is gone.
    let data = tar_member('f', b"a", b"1", None);
    let package = ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control), ("data.tar", &data)]);
    refused(&Case::new(&package), "the end of its archive is missing");
}

#[test]
fn headers_of_rpm_that_lie_are_found_out() {
    let whole = rpm(&[RPM_FILE], &[short(0, b"abc")]);
    assert_eq!(Case::new(&whole).unpack(&all).unwrap(), ["usr/src/a"]);
    // How many entries the header has, and how long its store is.
    let at = whole.windows(3).rposition(|window| window == [0x8e, 0xad, 0xe8]).unwrap();
    for (field, value) in [(8, u32::MAX), (12, u32::MAX), (8, 0xffff), (12, 0x0fff_ffff), (8, 1 << 28)] {
        let mut bytes = whole.clone();
        bytes[at + field..at + field + 4].copy_from_slice(&value.to_be_bytes());
        let error = PackageFile::open(&Case::new(&bytes).file).unwrap_err().to_string();
        assert!(error.contains("is damaged"), "{error}");
    }
    // Types, offsets and counts of every entry; what the `rpm` crate would stop the program over.
    for entry in 0..14 {
        for field in [4, 8, 12] {
            for value in [u32::MAX, 1 << 31, 0x0fff_ffff] {
                let mut bytes = whole.clone();
                let place = at + 16 + entry * 16 + field;
                // One string is one string, however many it says it is.
                if field == 12 && bytes[place - 5] == 6 {
                    continue;
                }
                bytes[place..place + 4].copy_from_slice(&value.to_be_bytes());
                let error = Case::new(&bytes).unpack(&all).unwrap_err().to_string();
                assert!(error.contains("is damaged"), "entry {entry}, {field}: {error}");
            }
        }
    }
}

#[test]
fn what_is_no_package_is_said_so() {
    let zeros = vec![0; 4096];
    let tarball = tar(&[Item('f', "a", b"1")]);
    let source = rpm(&[], &[]);
    let cases: [(&[u8], &str); 8] = [
        (b"", "is no package"),
        (b"hello, world\n", "is no package"),
        (&zeros, "is no package"),
        (&tarball, "it has no .PKGINFO"),
        (b"!<arch>\n", "it has no control.tar"),
        (b"\xed\xab\xee\xdb\x03", "ends too early"),
        (b"BZh91AY&SY", "bzip2"),
        (&source[..200], "ends too early"),
    ];
    for (bytes, why) in cases {
        let error = PackageFile::open(&Case::new(bytes).file).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    let dir = tempfile::tempdir().unwrap();
    let open = |path: &std::path::Path| PackageFile::open(path).unwrap_err().to_string();
    assert!(open(dir.path()).contains("it is no regular file"));
    assert!(open(&dir.path().join("none")).contains("cannot be opened"));
    let odd = dir.path().join("a\nb");
    assert_eq!(open(&odd).lines().count(), 1);
    let pipe = dir.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
    assert!(open(&pipe).contains("it is no regular file"), "and nobody waits for it");
    for (from, to) in
        [("Package: m-dkms", "Package: ../x"), ("Version: 1:2.0-3", "Version: 1/../x"), ("all", "\x07")]
    {
        let control = String::from_utf8(CONTROL.to_vec()).unwrap().replacen(from, to, 1);
        let control = tar(&[Item('f', "control", control.as_bytes())]);
        let package = ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control), ("data.tar", &tar(&[]))]);
        assert!(open(&Case::new(&package).file).contains("is damaged"), "{to}");
    }
}

/// Every package, cut at every length that matters, is an error and never less than it was.
#[test]
fn a_package_that_was_cut_is_an_error() {
    for (format, bytes) in packages() {
        // What follows an archive's two empty blocks is nobody's loss.
        let end = bytes.len() - if format == Format::Deb { 1100 } else { 600 }.min(bytes.len() / 8);
        let case = Case::new(&bytes);
        for length in (0..end).step_by(97) {
            std::fs::write(&case.file, &bytes[..length]).unwrap();
            assert!(case.unpack(&all).is_err(), "{format:?}: {length} of {}", bytes.len());
            case.assert_nothing_outside();
        }
    }
}

/// Bytes changed at random: an error or a package, but never a panic and nothing outside.
#[test]
fn damage_is_never_more_than_an_error() {
    let mut state = 7_u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut errors = 0;
    for (_, bytes) in packages() {
        let case = Case::new(&bytes);
        for _ in 0..100 {
            let mut bytes = bytes.clone();
            for _ in 0..=random(3) {
                let at = random(bytes.len());
                bytes[at] = u8::try_from(random(256)).unwrap();
            }
            std::fs::write(&case.file, &bytes).unwrap();
            if let Ok(package) = PackageFile::open(&case.file) {
                let _ = package.paths();
                errors += usize::from(package.unpack(&case.place(), &all).is_err());
            } else {
                errors += 1;
            }
            case.assert_nothing_outside();
        }
    }
    assert!(errors > 200, "{errors}");
}
