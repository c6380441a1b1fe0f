use super::*;
use evermod_packaging::openpgp::Key;
use evermod_packaging::repository::apt::Release;
use evermod_packaging::{Architecture, Package, Version, arch, deb, rpm};
use std::collections::BTreeSet;
use std::time::Duration;

const TIME: u64 = 1_700_000_000;
const DAY: Duration = Duration::from_secs(24 * 3600);

struct Bench {
    dir: tempfile::TempDir,
    key: Key,
}

impl Bench {
    fn new() -> Self {
        let key = include_bytes!("../../../packaging/tests/keys/rsa.asc");
        Self { dir: tempfile::tempdir().unwrap(), key: Key::read(key, None, TIME).unwrap() }
    }

    fn top(&self) -> PathBuf {
        let top = self.dir.path().join("repo");
        std::fs::create_dir_all(&top).unwrap();
        top
    }

    fn package(&self, format: Format, name: &str, version: &str, machine: &str) -> PathBuf {
        let package = Package {
            name: name.to_owned(),
            version: Version { upstream: version.to_owned(), release: "1".to_owned(), ..Version::default() },
            architecture: match machine {
                "" => Architecture::Any,
                machine => Architecture::Machine(machine.to_owned()),
            },
            summary: "A driver".to_owned(),
            maintainer: "A Vendor <vendor@packages.invalid>".to_owned(),
            license: "GPL-2.0-only".to_owned(),
            ..Package::default()
        };
        let (file, bytes) = match format {
            Format::Deb => (deb::file_name(&package), deb::write(&package, TIME)),
            Format::Rpm => (rpm::file_name(&package), rpm::write(&package, TIME)),
            Format::Arch => (arch::file_name(&package), arch::write(&package, TIME)),
        };
        let path = self.dir.path().join(file);
        std::fs::write(&path, bytes.unwrap()).unwrap();
        path
    }

    fn publish_as(&self, names: &Names, files: &[PathBuf], days: u32) -> Result<Outcome, Failure> {
        let request = Request {
            repo: &self.top(),
            names,
            signer: Some(&self.key),
            time: TIME,
            now: SystemTime::now() + DAY * days,
        };
        publish(&request, &Inputs::open(files)?)
    }

    fn publish(&self, files: &[PathBuf], days: u32) -> Outcome {
        self.publish_as(&Names::default(), files, days).unwrap()
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.top().join(path)).unwrap()
    }

    fn names(&self, dir: &str) -> BTreeSet<String> {
        let listing = std::fs::read_dir(self.top().join(dir)).unwrap();
        listing.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

fn inode(path: &Path) -> u64 {
    std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(path).unwrap())
}

#[test]
fn only_what_changes_is_written() {
    let bench = Bench::new();
    let deb = |name: &str, machine: &str| bench.package(Format::Deb, name, "1", machine);
    bench.publish(&[deb("one", "x86_64"), deb("two", "aarch64"), deb("both", "")], 0);
    let dir = bench.top().join("dists/stable/main");
    let amd64 = bench.read("dists/stable/main/binary-amd64/Packages");
    assert!(amd64.contains("Package: both\n") && amd64.contains("Package: one\n") && !amd64.contains("two"));
    assert!(bench.read("dists/stable/Release").contains("Architectures: all amd64 arm64\n"));
    let [arm, pool] =
        [dir.join("binary-arm64/Packages.xz"), bench.top().join("pool/main/o/one/one_1-1_amd64.deb")];
    let before = [inode(&arm), inode(&pool), inode(&dir.join("binary-amd64/Packages.xz"))];
    bench.publish(&[deb("three", "x86_64")], 0);
    assert_eq!(before[..2], [inode(&arm), inode(&pool)], "neither the other architecture nor the pool");
    assert_ne!(before[2], inode(&dir.join("binary-amd64/Packages.xz")));
    // A new architecture has what is for all.
    bench.publish(&[deb("four", "riscv64")], 0);
    let riscv = bench.read("dists/stable/main/binary-riscv64/Packages");
    assert!(riscv.contains("Package: both\n") && riscv.contains("Package: four\n"));
    // And what comes for all later goes to every one of them.
    bench.publish(&[deb("five", "")], 0);
    for architecture in ["all", "amd64", "arm64", "riscv64"] {
        let text = bench.read(&format!("dists/stable/main/binary-{architecture}/Packages"));
        assert!(text.contains("Package: five\n"), "{architecture}");
    }
}

#[test]
fn older_indexes_are_kept_for_a_week_after_they_were_replaced() {
    let bench = Bench::new();
    let files =
        |name: &str| [Format::Deb, Format::Rpm].map(|format| bench.package(format, name, "1", "x86_64"));
    let by_hash = "dists/stable/main/binary-amd64/by-hash/SHA256";
    bench.publish(&files("one"), 0);
    let [first, lists] = [bench.names(by_hash), bench.names("repodata")];
    assert_eq!((first.len(), lists.len()), (3, 5));
    // Half a year later: their age counts from the moment at which they are replaced.
    bench.publish(&files("two"), 180);
    let second = bench.names(by_hash);
    assert!(second.is_superset(&first) && second.len() == 6);
    assert_eq!(bench.names("repodata").len(), 8);
    bench.publish(&files("three"), 186);
    assert_eq!((bench.names(by_hash).len(), bench.names("repodata").len()), (9, 11));
    bench.publish(&files("four"), 188);
    assert!(bench.names(by_hash).is_disjoint(&first));
    assert_eq!((bench.names(by_hash).len(), bench.names("repodata").len()), (9, 11));
    let lists: BTreeSet<String> = lists.into_iter().filter(|name| name.ends_with(".zst")).collect();
    assert!(bench.names("repodata").is_disjoint(&lists));
}

#[test]
fn a_damaged_index_is_made_anew() {
    let bench = Bench::new();
    let all = |name: &str| {
        [Format::Deb, Format::Rpm, Format::Arch].map(|format| bench.package(format, name, "1", "x86_64"))
    };
    bench.publish(&all("one"), 0);
    bench.publish(&all("two"), 0);
    let good = |bench: &Bench| {
        let lists = bench.names("repodata").into_iter().find(|name| name.ends_with("-primary.xml.zst"));
        (bench.read("dists/stable/main/binary-amd64/Packages"), lists)
    };
    let before = good(&bench).0;
    // One form of the index is damaged: another tells.
    std::fs::write(bench.top().join("dists/stable/main/binary-amd64/Packages"), "Package: evil\n").unwrap();
    bench.publish(&all("two"), 0);
    // All of them: the pool does.
    for name in ["Packages", "Packages.xz", "Packages.zst"] {
        std::fs::write(bench.top().join("dists/stable/main/binary-amd64").join(name), "Package: evil\n")
            .unwrap();
    }
    for name in bench.names("repodata").into_iter().filter(|name| name.ends_with(".zst")) {
        std::fs::write(bench.top().join("repodata").join(name), "evil").unwrap();
    }
    std::fs::write(bench.top().join("repo.db.d/repo.files.tar.zst"), "evil").unwrap();
    bench.publish(&all("two"), 0);
    assert_eq!(good(&bench).0, before);
    let read = |path: &str| {
        let content = std::fs::read(bench.top().join(path)).unwrap();
        String::from_utf8(evermod_packaging::repository::plain(&content).unwrap()).unwrap()
    };
    assert!(read("repo.files").contains("one-1-1-x86_64.pkg.tar.zst"));
    let repomd =
        evermod_packaging::repository::rpm_md::Repomd::parse(&bench.read("repodata/repomd.xml")).unwrap();
    let primary = read(&format!("repodata/{}", repomd.list("primary").unwrap().name));
    assert!(primary.contains("packages=\"2\"") && primary.contains("<name>one</name>"));
}

#[test]
fn suites_share_a_pool_and_are_named_where_there_are_several() {
    let bench = Bench::new();
    let names = |suite: &str| Names { suite: Some(suite.to_owned()), ..Names::default() };
    let deb = bench.package(Format::Deb, "one", "1", "x86_64");
    bench.publish_as(&names("bookworm"), std::slice::from_ref(&deb), 0).unwrap();
    // Remembered.
    let outcome = bench.publish(std::slice::from_ref(&deb), 0);
    assert_eq!(outcome.subscriptions[0].suite, "bookworm");
    let outcome = bench.publish_as(&names("trixie"), std::slice::from_ref(&deb), 0).unwrap();
    assert!(outcome.packages[0].is_there);
    let release = Release::parse(&bench.read("dists/trixie/Release")).unwrap();
    assert_eq!(release.suite.suite, "trixie");
    let why = bench.publish_as(&Names::default(), &[deb], 0).unwrap_err().to_string();
    assert!(why.contains("--suite has to say which of these is meant: bookworm, trixie"), "{why}");
    // Another package of that name would be the same file of the pool.
    let other = bench.dir.path().join("one_1-1_amd64.deb");
    let changed = Package {
        name: "one".into(),
        version: Version { upstream: "1".into(), release: "1".into(), ..Version::default() },
        architecture: Architecture::Machine("x86_64".into()),
        summary: "Another".into(),
        maintainer: "A <a@b.invalid>".into(),
        ..Package::default()
    };
    std::fs::write(&other, deb::write(&changed, TIME).unwrap()).unwrap();
    let why = bench.publish_as(&names("sid"), &[other], 0).unwrap_err().to_string();
    assert!(why.contains("is published already, with other contents"), "{why}");
}

/// pacman asks for a database that is newer, in whole seconds, than its own, and for its signature in any case.
#[test]
fn an_index_is_a_second_younger_than_the_one_before() {
    let bench = Bench::new();
    let second = |path: &str| {
        let modified = std::fs::metadata(bench.top().join(path)).unwrap().modified().unwrap();
        modified.duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap().as_secs()
    };
    for format in [Format::Deb, Format::Rpm, Format::Arch] {
        bench.publish(&[bench.package(format, "one", "1", "x86_64")], 0);
    }
    let indexes = ["dists/stable/Release", "repodata/repomd.xml", "repo.db", "repo.files"];
    for name in ["two", "three"] {
        let before = indexes.map(second);
        for format in [Format::Deb, Format::Rpm, Format::Arch] {
            bench.publish(&[bench.package(format, name, "1", "x86_64")], 0);
        }
        for (index, before) in indexes.iter().zip(before) {
            assert!(second(index) > before, "{index}");
        }
    }
}

/// What was copied by a run that was cut off before its index is nobody's, and is in nobody's way.
#[test]
fn what_no_index_names_is_replaced() {
    let bench = Bench::new();
    bench.publish(&[bench.package(Format::Deb, "one", "1", "x86_64")], 0);
    let left = bench.top().join("pool/main/t/two/two_1-1_amd64.deb");
    std::fs::create_dir_all(left.parent().unwrap()).unwrap();
    std::fs::write(&left, "half").unwrap();
    let two = bench.package(Format::Deb, "two", "1", "x86_64");
    assert!(!bench.publish(std::slice::from_ref(&two), 0).packages[0].is_there);
    assert_eq!(std::fs::read(&left).unwrap(), std::fs::read(two).unwrap());
}
