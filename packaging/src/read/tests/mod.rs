mod hostile;
pub(crate) mod make;

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::{Format, PackageFile, inside};
use make::*;

fn all(_: &str) -> bool {
    true
}

const ITEMS: [Item<'static>; 6] = [
    Item('d', "./", b""),
    Item('d', "./usr/src/m-2.0/", b""),
    Item('f', "./usr/src/m-2.0/m.c", b"int m;\n"),
    Item('h', "./usr/src/m-2.0/same.c", b"./usr/src/m-2.0/m.c"),
    Item('s', "./usr/src/m-2.0/out", b"/etc/../passwd"),
    Item('f', "./etc/m.conf", b"x=1\n"),
];

fn rpm_files() -> Vec<RpmFile<'static>> {
    vec![
        RpmFile { dir: "/etc/", name: "ghost", size: 9, inode: 9, flags: 64, ..RPM_FILE },
        RpmFile { dir: "/etc/", name: "m.conf", size: 4, inode: 8, ..RPM_FILE },
        RpmFile { mode: 0o040_754, dir: "/usr/src/", name: "m-2.0", size: 4096, inode: 7, ..RPM_FILE },
        RpmFile { mode: 0o104_754, dir: "/usr/src/m-2.0/", name: "m.c", size: 7, inode: 1, ..RPM_FILE },
        RpmFile {
            mode: 0o120_777,
            dir: "/usr/src/m-2.0/",
            name: "out",
            target: "/etc/../passwd",
            size: 14,
            inode: 6,
            ..RPM_FILE
        },
        RpmFile { mode: 0o104_754, dir: "/usr/src/m-2.0/", name: "same.c", size: 7, inode: 1, ..RPM_FILE },
    ]
}

fn rpm_long() -> Vec<u8> {
    let payload = [
        newc("./etc/m.conf", b"x=1\n"),
        newc("./usr/src/m-2.0", b""),
        newc("./usr/src/m-2.0/out", b"/etc/../passwd"),
        newc("./usr/src/m-2.0/m.c", b""),
        newc("./usr/src/m-2.0/same.c", b"int m;\n"),
    ];
    rpm(&rpm_files(), &payload)
}

fn rpm_short() -> Vec<u8> {
    let payload = [
        short(1, b"x=1\n"),
        short(2, b""),
        short(3, b""),
        short(4, b"/etc/../passwd"),
        short(5, b"int m;\n"),
    ];
    rpm(&rpm_files(), &payload)
}

pub(super) fn packages() -> Vec<(Format, Vec<u8>)> {
    let xz = |data: &[u8]| {
        let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
        std::io::Write::write_all(&mut encoder, data).unwrap();
        encoder.finish().unwrap()
    };
    let zstd = |data: &[u8]| zstd::encode_all(data, 1).unwrap();
    let gzip = |data: &[u8]| crate::deb::gzip(data).unwrap();
    let control = tar(&[Item('f', "./control", CONTROL)]);
    let data = tar(&ITEMS);
    let deb_of = |control: (&str, &[u8]), data: (&str, &[u8])| {
        ar(&[("debian-binary/", b"2.0\n"), ("_gpg", b"x"), control, data])
    };
    vec![
        (Format::Deb, deb(&ITEMS)),
        (Format::Deb, deb_of(("control.tar.gz", &gzip(&control)), ("data.tar.xz", &xz(&data)))),
        (Format::Deb, deb_of(("control.tar.zst", &zstd(&control)), ("data.tar.zst", &zstd(&data)))),
        (Format::Arch, arch(&ITEMS)),
        (Format::Arch, zstd(&arch(&ITEMS))),
        (Format::Arch, xz(&arch(&ITEMS))),
        (Format::Arch, gzip(&arch(&ITEMS))),
        (Format::Rpm, rpm_long()),
        (Format::Rpm, rpm_short()),
    ]
}

#[test]
fn every_format_gives_the_same() {
    for (format, bytes) in packages() {
        let case = Case::new(&bytes);
        let package = PackageFile::open(&case.file).unwrap();
        assert_eq!(package.format, format);
        assert_eq!((package.name.as_str(), package.version.as_str()), ("m-dkms", "1:2.0-3"));
        assert!(["all", "any", "noarch"].contains(&package.architecture.as_str()));
        let mut expected = ["etc/m.conf", "m-2.0", "m-2.0/m.c", "m-2.0/out", "m-2.0/same.c"]
            .map(|name| if name.starts_with("etc") { name.to_owned() } else { format!("usr/src/{name}") })
            .to_vec();
        let mut paths = package.paths().unwrap();
        paths.sort();
        expected.sort();
        assert_eq!(paths, expected, "{format:?}");
        let mut made = package.unpack(&case.place(), &all).unwrap();
        made.sort();
        assert_eq!(made, expected, "{format:?}");

        assert_eq!(case.text("usr/src/m-2.0/m.c"), "int m;\n");
        let link = std::fs::read_link(case.place().join("usr/src/m-2.0/out")).unwrap();
        assert_eq!(link.to_str(), Some("/etc/../passwd"));
        let meta = |name: &str| std::fs::symlink_metadata(case.place().join(name)).unwrap();
        let (one, other) = (meta("usr/src/m-2.0/m.c"), meta("usr/src/m-2.0/same.c"));
        assert_eq!(one.ino(), other.ino(), "{format:?}");
        // The permissions, without what would let a file run as somebody else.
        assert_eq!(one.permissions().mode() & 0o7777, 0o754);
        assert_eq!(meta("usr/src/m-2.0").permissions().mode() & 0o7777, 0o754);
        assert_eq!(meta("usr").permissions().mode() & 0o7777, 0o755);
        for name in ["usr/src/m-2.0", "usr/src/m-2.0/m.c", "usr/src/m-2.0/out"] {
            assert_eq!(meta(name).mtime(), 1_700_000_000, "{format:?} {name}");
        }
        case.assert_nothing_outside();
        // A second time, over what is there.
        assert_eq!(package.unpack(&case.place(), &all).unwrap().len(), 5);
    }
}

/// The bytes of a file with two names are there, whichever of them is wanted.
#[test]
fn a_hard_link_is_whole_without_the_name_it_is_linked_to() {
    for (format, bytes) in packages() {
        for wanted in ["m.c", "same.c"] {
            let case = Case::new(&bytes);
            let made = case.unpack(&|name| name.ends_with(wanted)).unwrap();
            assert_eq!(made, [format!("usr/src/m-2.0/{wanted}")], "{format:?}");
            assert_eq!(case.text(&made[0]), "int m;\n");
            let entries = std::fs::read_dir(case.place().join("usr/src/m-2.0")).unwrap();
            assert_eq!(entries.count(), 1);
        }
    }
}

/// As a root file system has it: `/lib` leads into `/usr/lib`, and `/usr/lib` is where the files go.
#[test]
fn links_that_were_there_are_followed_inside() {
    let case = Case::new(&deb(&[Item('d', "./lib/", b""), Item('f', "./lib/modules/k/x", b"1")]));
    std::os::unix::fs::symlink("/usr/lib", case.place().join("lib")).unwrap();
    std::fs::create_dir_all(case.place().join("usr/lib")).unwrap();
    case.unpack(&all).unwrap();
    assert_eq!(case.text("usr/lib/modules/k/x"), "1");
    // One that leads out is not, not even by `..`.
    for target in ["../outside", "/tmp/../../outside"] {
        let case = Case::new(&deb(&[Item('f', "./lib/x", b"1")]));
        std::os::unix::fs::symlink(target, case.place().join("lib")).unwrap();
        let why = case.unpack(&all).unwrap_err().to_string();
        assert!(why.contains("lib: "), "{why}");
        case.assert_nothing_outside();
    }
}

/// What stands in for `openat2` on kernels that lack it follows nothing.
#[test]
fn without_openat2_no_link_is_followed() {
    use rustix::fs::{Mode, OFlags};
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("a/b")).unwrap();
    std::os::unix::fs::symlink("b", dir.path().join("a/link")).unwrap();
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open(dir.path(), flags, Mode::empty()).unwrap();
    assert!(inside::open_without_links(&root, "a/b", flags).is_ok());
    assert!(inside::open_without_links(&root, ".", flags).is_ok());
    assert!(inside::open_without_links(&root, "a/link", flags).is_err());
    assert!(inside::open_without_links(&root, "a/none", flags).is_err());
}

#[test]
fn lists_are_preferred_to_the_payload() {
    let sums =
        b"0123456789abcdef0123456789abcdef  usr/src/m-2.0/a file.c\n0123456789abcdef0123456789abcdef *x\n";
    let control = tar(&[Item('f', "./control", CONTROL), Item('f', "./md5sums", sums)]);
    let package = ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control), ("data.tar", b"nothing")]);
    let case = Case::new(&package);
    let package = PackageFile::open(&case.file).unwrap();
    assert_eq!(package.paths().unwrap(), ["usr/src/m-2.0/a file.c", "x"]);

    let tree = b"#mtree\n/set type=file uid=0\n./.PKGINFO size=1\n./usr time=1.0 type=dir\n./usr/a\\040b\\\\134 size=2\n";
    let mut package = tar_member('f', b".PKGINFO", INFO, None);
    package.extend(tar_member('f', b".MTREE", &crate::deb::gzip(tree).unwrap(), None));
    package.extend(tar_member('f', b"usr/never-looked-at", b"", Some(1 << 40)));
    let case = Case::new(&package);
    assert_eq!(PackageFile::open(&case.file).unwrap().paths().unwrap(), ["usr", "usr/a b\\\\"]);
}

#[test]
fn epochs_of_nought_are_left_out() {
    let control = CONTROL.to_vec();
    let control = String::from_utf8(control).unwrap().replace("1:2.0-3", "0:2.0-3");
    let control = tar(&[Item('f', "control", control.as_bytes())]);
    let package = ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control), ("data.tar", &tar(&[]))]);
    let case = Case::new(&package);
    assert_eq!(PackageFile::open(&case.file).unwrap().version, "2.0-3");
}
