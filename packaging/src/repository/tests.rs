use std::path::{Path, PathBuf};

use super::*;
use crate::read::PackageFile;
use crate::read::tests::make::{Item, ar, tar};
use crate::{Architecture, Package, Version, arch, deb, rpm};

const TIME: u64 = 1_700_000_000;

/// A small package of that name and version.
fn package(name: &str, version: &str, machine: &str) -> Package {
    let version = Version { upstream: version.to_owned(), release: "1".to_owned(), ..Version::default() };
    let mut changelog = crate::rpm::tests::package().changelog;
    changelog[0].version = version.clone();
    Package {
        name: name.to_owned(),
        version,
        changelog,
        architecture: match machine {
            "" => Architecture::Any,
            machine => Architecture::Machine(machine.to_owned()),
        },
        summary: "A <module> & \"more\"".to_owned(),
        description: "With\n\nseveral lines".to_owned(),
        ..crate::rpm::tests::package()
    }
}

struct Shelf(tempfile::TempDir);

impl Shelf {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn put(&self, name: &str, bytes: &[u8]) -> (PathBuf, PackageFile) {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let package = PackageFile::open(&path).unwrap();
        (path, package)
    }
}

fn stored(path: &str, file: &Path) -> Stored {
    let bytes = std::fs::read(file).unwrap();
    Stored { path: path.to_owned(), size: bytes.len() as u64, sha256: sha256(&bytes) }
}

fn deb_entry(shelf: &Shelf, package: &Package) -> apt::Entry {
    let name = deb::file_name(package);
    let (file, read) = shelf.put(&name, &deb::write(package, TIME).unwrap());
    let path = apt::pool_path(&read, &name, "main").unwrap();
    apt::entry(&read, &stored(&path, &file)).unwrap()
}

fn rpm_entry(shelf: &Shelf, package: &Package) -> rpm_md::Entry {
    let name = rpm::file_name(package);
    let (file, read) = shelf.put(&name, &rpm::write(package, TIME).unwrap());
    let path = rpm_md::package_path(&read, &name).unwrap();
    rpm_md::entry(&read, &read.listing().unwrap(), &stored(&path, &file)).unwrap()
}

fn arch_entry(shelf: &Shelf, package: &Package) -> pacman::Entry {
    let name = arch::file_name(package);
    let (file, read) = shelf.put(&name, &arch::write(package, TIME).unwrap());
    let path = pacman::package_path(&read, &name).unwrap();
    pacman::entry(&read, &read.listing().unwrap(), &stored(&path, &file)).unwrap()
}

/// Whatever the order in which packages come, the index is the same, and the same again when they come again.
#[test]
fn one_by_one_or_all_at_once() {
    let shelf = Shelf::new();
    let all: Vec<Package> = ["b", "a", "c"]
        .into_iter()
        .flat_map(|name| {
            ["2.0", "1.0", "1.0~rc"].map(|version| package(&format!("{name}-m"), version, "x86_64"))
        })
        .collect();
    let debs: Vec<_> = all.iter().map(|package| deb_entry(&shelf, package)).collect();
    let whole = apt::merge("", &debs).unwrap().unwrap();
    let mut text = String::new();
    for entry in &debs {
        text = apt::merge(&text, std::slice::from_ref(entry)).unwrap().unwrap();
    }
    assert_eq!(text, whole);
    assert_eq!(apt::merge(&text, &debs).unwrap(), None);
    assert_eq!(apt::entries(&text).len(), 9);
    assert!(text.starts_with("Package: a-m\nVersion: 1.0-1\n"));
    assert!(text.contains("\nFilename: pool/main/a/a-m/a-m_1.0~rc-1_amd64.deb\nSize: "));
    assert!(apt::refers_to(&text, "pool/main/a/a-m/a-m_1.0~rc-1_amd64.deb"));

    let rpms: Vec<_> = all.iter().map(|package| rpm_entry(&shelf, package)).collect();
    let whole = rpm_md::merge(&Default::default(), &rpms).unwrap().unwrap();
    let mut lists: [String; 3] = Default::default();
    for entry in &rpms {
        lists = rpm_md::merge(&lists, std::slice::from_ref(entry)).unwrap().unwrap();
    }
    assert_eq!(lists, whole);
    assert!(rpm_md::are_ours(&lists));
    assert_eq!(rpm_md::merge(&lists, &rpms).unwrap(), None);
    assert!(lists[0].contains(" packages=\"9\">\n"));
    assert!(lists[0].contains("<summary>A &lt;module&gt; &amp; &quot;more&quot;</summary>"));
    assert!(
        lists[0].contains("<rpm:entry name=\"kmod\" flags=\"GE\" epoch=\"0\" ver=\"29\"/>"),
        "{}",
        lists[0]
    );
    assert!(lists[0].contains("<file>/usr/bin/m</file>") && !lists[0].contains("<file>/usr/src"));
    assert!(lists[1].contains("<file type=\"dir\">/var/lib/m</file>"));
    assert!(lists[2].contains("<changelog author=\"A Person"));

    let archs: Vec<_> = all.iter().map(|package| arch_entry(&shelf, package)).collect();
    let mut database = pacman::Database::default();
    let replaced = database.merge(&archs).unwrap().unwrap();
    assert_eq!(replaced.len(), 6, "pacman knows one version of each");
    let files = database.files("tests", TIME).unwrap();
    assert_eq!(files[0].name, "tests.db.tar.zst");
    let again = pacman::Database::parse(&plain(&files[1].content).unwrap()).unwrap();
    assert_eq!(again, database);
    assert_eq!(again.architecture(), Some("x86_64"));
    assert_eq!(database.merge(&archs[8..]).unwrap(), None);
}

#[test]
fn other_contents_under_the_same_name_are_refused() {
    let shelf = Shelf::new();
    let (one, two) =
        (package("m-m", "1", ""), Package { summary: "Other".into(), ..package("m-m", "1", "") });
    let refused = |error: RepositoryError| {
        let text = error.to_string();
        assert!(
            text.starts_with("m-m ") && text.contains("is published already, with other contents"),
            "{text}"
        );
    };
    let [a, b] = [&one, &two].map(|package| deb_entry(&shelf, package));
    let text = apt::merge("", std::slice::from_ref(&a)).unwrap().unwrap();
    refused(apt::merge(&text, std::slice::from_ref(&b)).unwrap_err());
    refused(apt::merge("", &[a, b]).unwrap_err());
    let [a, b] = [&one, &two].map(|package| rpm_entry(&shelf, package));
    refused(rpm_md::merge(&Default::default(), &[a, b]).unwrap_err());
    let [a, b] = [&one, &two].map(|package| arch_entry(&shelf, package));
    refused(pacman::Database::default().merge(&[a, b]).unwrap_err());
}

#[test]
fn a_release_is_read_as_it_was_written() {
    let shelf = Shelf::new();
    let text = apt::merge("", &[deb_entry(&shelf, &package("m-m", "1", "x86_64"))]).unwrap().unwrap();
    let files = apt::files(&text).unwrap().into_iter();
    let files: Vec<_> =
        files.map(|file| IndexFile { name: format!("main/binary-amd64/{}", file.name), ..file }).collect();
    for file in &files {
        assert_eq!(plain(&file.content).unwrap(), text.as_bytes(), "{}", file.name);
    }
    let suite = apt::Suite { suite: "stable".into(), origin: "A vendor".into(), label: "Drivers".into() };
    let release = apt::Release::of(suite, &files);
    let text = release.text(TIME);
    assert_eq!(apt::Release::parse(&text).unwrap(), release);
    assert!(text.contains("Date: Tue, 14 Nov 2023 22:13:20 UTC\n"));
    assert!(text.contains("Architectures: amd64\nComponents: main\n"));
    let [line] = text.lines().filter(|line| line.ends_with("/Packages")).collect::<Vec<_>>()[..] else {
        panic!()
    };
    assert_eq!(
        line.split_whitespace().next(),
        release.digest("main/binary-amd64/Packages"),
        "digest, size, name"
    );
    assert!(apt::Release::parse("Suite: x\nSHA256:\n name 1 digest extra\n").is_ok());
    assert!(apt::Release::parse("Suite: x\nSHA256:\n name digest\n").is_err());
    assert!(apt::Release::parse("").is_err());
}

#[test]
fn a_repomd_is_read_as_it_was_written_and_keeps_what_others_put_there() {
    let shelf = Shelf::new();
    let lists =
        rpm_md::merge(&Default::default(), &[rpm_entry(&shelf, &package("m-m", "1", ""))]).unwrap().unwrap();
    let (files, data) = rpm_md::files(&lists, TIME).unwrap();
    assert_eq!(plain(&files[0].content).unwrap(), lists[0].as_bytes());
    let notice =
        "  <data type=\"updateinfo\">\n    <location href=\"repodata/x-updateinfo.xml.zst\"/>\n  </data>\n";
    let repomd = rpm_md::Repomd { data, other: vec![notice.to_owned()] };
    let text = repomd.text(TIME);
    assert_eq!(rpm_md::Repomd::parse(&text).unwrap(), repomd);
    assert_eq!(repomd.other_names().collect::<Vec<_>>(), ["x-updateinfo.xml.zst"]);
    let with_database = text.replace("</repomd>", "<data type=\"primary_db\"></data></repomd>");
    assert_eq!(rpm_md::Repomd::parse(&with_database).unwrap(), repomd);
    assert!(
        rpm_md::Repomd::parse("<data type=\"primary\"><location href=\"repodata/../x\"/></data>").is_err()
    );
    let foreign = lists.clone().map(|text| text.replace("<!-- evermod rpm-md 1 -->\n", ""));
    assert!(!rpm_md::are_ours(&foreign));
    assert!(rpm_md::merge(&foreign, &[]).is_err());
}

fn hostile_deb(control: &str) -> Vec<u8> {
    let control = tar(&[Item('f', "control", control.as_bytes())]);
    ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control), ("data.tar", &tar(&[]))])
}

#[test]
fn what_a_package_says_of_itself_is_not_believed() {
    let shelf = Shelf::new();
    let why = |name: &str, control: &str| {
        let (_, package) = shelf.put(name, &hostile_deb(control));
        let why = apt::pool_path(&package, name, "main").unwrap_err().to_string();
        assert!(why.lines().count() == 1 && why.starts_with("cannot be published: "), "{why}");
        why
    };
    let plain = "Package: m-m\nVersion: 1-1\nArchitecture: all\n";
    for (name, more, expected) in [
        ("other_1-1_all.deb", "", "should be called m-m_1-1_all.deb"),
        ("m-m_1-1_all.deb", "Filename: pool/other.deb\n", "the field Filename, which is the repository's"),
        ("m-m_1-1_all.deb", "sha256: 00\n", "the field sha256, which is the repository's"),
        ("m-m_1-1_all.deb", "version: 2\n", "the field version is there twice"),
        ("m-m_1-1_all.deb", "Description: x\n\nPackage: other\n", "there is an empty line"),
        ("m-m_1-1_all.deb", "Description: x\n \t \nPackage: other\n", "there is an empty line"),
        ("m-m_1-1_all.deb", "Homepage: a\rFilename: b\n", "control characters"),
        ("m-m_1-1_all.deb", "no field\n", "has no name of a field"),
        ("m-m_1-1_all.deb", "Source: ../../etc\n", "is no name of a package"),
    ] {
        let why = why(name, &format!("{plain}{more}"));
        assert!(why.contains(expected), "{more}: {why}");
    }
    let odd = why("m-m_1_toaster.deb", "Package: m-m\nVersion: 1\nArchitecture: toaster\n");
    assert!(odd.contains("`toaster` is no architecture of dpkg's"), "{odd}");
    let odd = why("M_1_all.deb", "Package: M\nVersion: 1\nArchitecture: all\n");
    assert!(odd.contains("`M` is no name of a package"), "{odd}");

    let of = package("m-m", "1", "x86_64");
    let (_, read) = shelf.put("m.rpm", &rpm::write(&of, TIME).unwrap());
    assert!(
        rpm_md::package_path(&read, "n-1-1.x86_64.rpm")
            .unwrap_err()
            .to_string()
            .contains("should be called m-m-1-1.x")
    );
    let (_, read) = shelf.put("m.pkg", &arch::write(&of, TIME).unwrap());
    for name in ["n-1-1-x86_64.pkg.tar.zst", "m-m-1:1-1-x86_64.pkg.tar.zst.exe"] {
        assert!(pacman::package_path(&read, name).unwrap_err().to_string().contains("should be called m-m-"));
    }
    let info =
        tar(&[Item('f', ".PKGINFO", b"pkgname = m\npkgver = 1-1\narch = any\npkgdesc = %FILENAME%\n")]);
    let (file, read) = shelf.put("m-1-1-any.pkg.tar", &info);
    let why = pacman::entry(&read, &[], &stored("m", &file)).unwrap_err().to_string();
    assert!(why.contains("would be a field of its own"), "{why}");
}

#[test]
fn a_signed_rpm_differs_in_its_signatures_only() {
    use crate::openpgp::Key;
    let key = Key::read(include_bytes!("../../tests/keys/rsa.asc"), None, TIME).unwrap();
    let shelf = Shelf::new();
    let bytes = rpm::write(&package("m-m", "1", "x86_64"), TIME).unwrap();
    let (_, read) = shelf.put("a.rpm", &bytes);
    let details = read.rpm_details().unwrap().unwrap();
    assert!(!details.is_signed && !details.is_version_6);
    let signed = rpm::sign(&bytes, details.header.clone(), &key).unwrap();
    assert_eq!(signed, rpm::sign(&bytes, details.header.clone(), &key).unwrap());
    let (_, read) = shelf.put("b.rpm", &signed);
    let new = read.rpm_details().unwrap().unwrap();
    assert!(new.is_signed);
    let from = |bytes: &[u8], at: u64| bytes[usize::try_from(at).unwrap()..].to_vec();
    assert_eq!(from(&bytes, details.header.start), from(&signed, new.header.start));
    assert_eq!(&bytes[..96], &signed[..96]);
    read.listing().unwrap();
    // The digests are looked at: of the header, and of the payload.
    for at in [usize::try_from(new.header.end).unwrap() - 40, signed.len() - 9] {
        let mut damaged = signed.clone();
        damaged[at] ^= 1;
        let (_, read) = shelf.put("c.rpm", &damaged);
        let why = read.listing().unwrap_err().to_string();
        assert!(why.contains("is damaged"), "{why}");
    }
    // Signed again, it has one signature.
    let again = rpm::sign(&signed, new.header, &key).unwrap();
    assert!(again == signed);
}
