use super::{Contents, Layout, Limits, pack, unpack};
use crate::model::{Arch, ArchiveProblem, Failure, Instance, KernelRelease, ModuleId};
use proptest::prelude::*;
use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};
use tar::EntryType::{self, Block, Char, Directory, Fifo, Link, Regular, Symlink};
use tar::{Builder, Header};

/// One member, written as it is, however wrong.
fn member(builder: &mut Builder<Vec<u8>>, kind: EntryType, name: &[u8], target: &[u8], data: &[u8]) {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0o6777);
    header.set_mtime(1_700_000_000);
    header.set_size(data.len() as u64);
    // The setters refuse what an attacker would write.
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.as_old_mut().linkname[..target.len()].copy_from_slice(target);
    header.set_cksum();
    builder.append(&header, data).unwrap();
}

/// Type, name, target of a link, data.
type Member<'a> = (EntryType, &'a [u8], &'a [u8], &'a [u8]);

fn archive(members: &[Member<'_>]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (kind, name, target, data) in members {
        member(&mut builder, *kind, name, target, data);
    }
    builder.into_inner().unwrap()
}

struct Place {
    _top: tempfile::TempDir,
    outside: PathBuf,
    dir: PathBuf,
    file: PathBuf,
}

/// A place to unpack to, beside a file that must stay what it is.
fn place(data: &[u8]) -> Place {
    let top = tempfile::tempdir().unwrap();
    let (outside, dir, file) = (top.path().join("outside"), top.path().join("in/side"), top.path().join("a"));
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(&outside, "untouched").unwrap();
    std::fs::write(&file, data).unwrap();
    Place { outside, dir, file, _top: top }
}

const SMALL: Limits = Limits { bytes: 1 << 20, members: 100 };

fn problem(data: &[u8]) -> ArchiveProblem {
    let p = place(data);
    let result = unpack(&p.file, &p.dir, SMALL);
    assert_eq!(std::fs::read(&p.outside).unwrap(), b"untouched");
    let around = std::fs::read_dir(p.dir.parent().unwrap()).unwrap().count();
    assert_eq!(around, 1, "something was written beside the directory");
    match result {
        Err(Failure::Archive { problem, .. }) => problem,
        other => panic!("{other:?}"),
    }
}

#[test]
fn hostile_members_are_refused() {
    let absolute: &[Member<'_>] = &[(Regular, b"/tmp/evil", b"", b"x")];
    let cases: &[(&str, &[Member<'_>])] = &[
        ("absolute", absolute),
        ("parent", &[(Regular, b"../outside", b"", b"x")]),
        ("parent in the middle", &[(Regular, b"a/../../outside", b"", b"x")]),
        ("parent directory", &[(Directory, b"../new", b"", b"")]),
        ("through a link", &[(Symlink, b"a", b"..", b""), (Regular, b"a/new", b"", b"x")]),
        ("through an absolute link", &[(Symlink, b"a", b"/tmp", b""), (Regular, b"a/b/new", b"", b"x")]),
        ("over a link", &[(Symlink, b"a", b"../../outside", b""), (Regular, b"a", b"", b"x")]),
        ("link over a file", &[(Regular, b"a", b"", b"x"), (Symlink, b"a", b"/etc", b"")]),
        ("link over a directory", &[(Regular, b"a/b", b"", b"x"), (Symlink, b"a", b"/etc", b"")]),
        ("directory over a link", &[(Symlink, b"a", b"/tmp", b""), (Directory, b"a", b"", b"")]),
        ("hard link out", &[(Link, b"a", b"../../outside", b"")]),
        ("hard link to an absolute name", &[(Link, b"a", b"/etc/passwd", b"")]),
        ("hard link to a link", &[(Symlink, b"a", b"/etc/passwd", b""), (Link, b"b", b"a", b"")]),
        ("hard link to nothing", &[(Link, b"a", b"b", b""), (Regular, b"b", b"", b"")]),
        ("twice", &[(Regular, b"a", b"", b"1"), (Regular, b"a", b"", b"2")]),
        ("twice, spelt otherwise", &[(Regular, b"a", b"", b"1"), (Regular, b"./a", b"", b"2")]),
        ("below a file", &[(Regular, b"a", b"", b"1"), (Regular, b"a/b", b"", b"2")]),
        ("character device", &[(Char, b"a", b"", b"")]),
        ("block device", &[(Block, b"a", b"", b"")]),
        ("fifo", &[(Fifo, b"a", b"", b"")]),
        ("newline", &[(Regular, b"a\nb", b"", b"")]),
        ("escape sequence", &[(Regular, b"a\x1b[2Jb", b"", b"")]),
        ("not UTF-8", &[(Regular, b"a\xff", b"", b"")]),
        ("link to a newline", &[(Symlink, b"a", b"b\nc", b"")]),
        ("link to nothing", &[(Symlink, b"a", b"", b"")]),
    ];
    for (what, members) in cases {
        let problem = problem(&archive(members));
        assert!(matches!(problem, ArchiveProblem::Member { .. }), "{what}: {problem}");
        assert_eq!(problem.exit_code(), 7, "{what}");
        assert!(!problem.to_string().contains(['\n', '\x1b']), "{what}: {problem:?}");
    }
}

#[test]
fn links_that_nothing_goes_through_are_kept_and_told() {
    let p = place(&archive(&[
        (Directory, b"./", b"", b""),
        (Symlink, b"m/README", b"../../share/doc/m/README", b""),
        (Symlink, b"m/in", b"../m/x", b""),
        (Regular, b"m/x", b"", b"#!"),
        (Link, b"m/y", b"m/x", b""),
    ]));
    let unpacked = unpack(&p.file, &p.dir, SMALL).unwrap();
    assert_eq!(unpacked.leading_out, ["m/README -> ../../share/doc/m/README"]);
    let meta = std::fs::metadata(p.dir.join("m/in")).unwrap();
    assert_eq!(meta.permissions().mode() & 0o7777, 0o755, "neither setuid nor writable for others");
    assert_eq!(meta.modified().unwrap(), UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    assert_eq!(std::fs::read(p.dir.join("m/y")).unwrap(), b"#!");
}

#[test]
fn bombs_are_refused() {
    let zeros = vec![0; 2 << 20];
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&archive(&[(Regular, b"a", b"", &zeros)])).unwrap();
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 20_000);
    assert!(matches!(problem(&bomb), ArchiveProblem::TooBig(_)), "{}", problem(&bomb));
    // A size that is only claimed.
    let mut claimed = archive(&[(Regular, b"a", b"", b"")]);
    claimed[124..136].copy_from_slice(b"77777777777\0");
    let mut header = Header::new_gnu();
    header.as_mut_bytes().copy_from_slice(&claimed[..512]);
    header.set_cksum();
    claimed[..512].copy_from_slice(header.as_bytes());
    assert!(matches!(problem(&claimed), ArchiveProblem::TooBig(_)));
    // Many copies of one file, by hard links.
    let half = vec![0; 600 << 10];
    let copies = [(Regular, &b"a"[..], &b""[..], &half[..]), (Link, b"b", b"a", b"")];
    assert!(matches!(problem(&archive(&copies)), ArchiveProblem::TooBig(_)));
    // Many members.
    let names: Vec<_> = (0..101).map(|n| format!("f{n}")).collect();
    let many: Vec<_> = names.iter().map(|n| (Regular, n.as_bytes(), &b""[..], &b""[..])).collect();
    assert!(matches!(problem(&archive(&many)), ArchiveProblem::TooBig(_)));
    let deep: Vec<_> = (0..9).map(|n| format!("{n}{}", "/d".repeat(40))).collect();
    let deep: Vec<_> = deep.iter().map(|n| (Regular, n.as_bytes(), &b""[..], &b""[..])).collect();
    assert!(matches!(problem(&archive(&deep)), ArchiveProblem::TooBig(_)));
    // A name that is longer than memory should hold.
    let name = vec![b'a'; 3 << 20];
    let long = problem(&archive(&[
        (Regular, b"a", b"", b""),
        (EntryType::GNULongName, b"././@LongLink", b"", &name),
    ]));
    assert_eq!(long.exit_code(), 7);
}

#[test]
fn what_is_no_archive_says_so() {
    for data in [&[0x1f, 0x8b, 8, 0, 1, 2, 3][..], b"\xfd7zXZ\0\0\0", b"BZh9x", b"\x28\xb5\x2f\xfdx"] {
        assert!(matches!(problem(data), ArchiveProblem::Unreadable(_)), "{data:?}: {}", problem(data));
    }
    for data in [&b""[..], b"no archive", &[7; 2000]] {
        assert!(matches!(problem(data), ArchiveProblem::NotAnArchive(_)), "{data:?}: {}", problem(data));
    }
    // Regression: the error told what the file holds.
    let said = problem(&b"root:$6$secret".repeat(60)).to_string();
    assert_eq!(said, "it is no archive: it does not begin as one");
    let p = place(b"");
    for missing in [p.dir.join("no-such"), p.dir.clone()] {
        let Err(Failure::Archive { problem, .. }) = unpack(&missing, &p.dir, SMALL) else { panic!() };
        assert_eq!(problem.exit_code(), 2);
    }
}

/// A driver with two builds, packed, in every compression.
fn packed(name: &str) -> (tempfile::TempDir, PathBuf) {
    let top = tempfile::tempdir().unwrap();
    let source = top.path().join("source");
    let long = "a/long/way/down/".repeat(12);
    std::fs::create_dir_all(source.join(&long)).unwrap();
    std::fs::write(source.join(format!("{long}/file")), "deep").unwrap();
    std::fs::write(source.join("dkms.conf"), "PACKAGE_NAME=m\n").unwrap();
    std::fs::write(source.join("run"), "#!").unwrap();
    std::fs::set_permissions(source.join("run"), Permissions::from_mode(0o755)).unwrap();
    symlink("dkms.conf", source.join("link")).unwrap();
    let mut contents = Contents { source: Some(source), ..Contents::default() };
    for kernel in ["6.1", "6.2"] {
        let dir = top.path().join(kernel);
        std::fs::create_dir_all(dir.join("module")).unwrap();
        std::fs::create_dir_all(dir.join("log")).unwrap();
        std::fs::write(dir.join("module/m.ko.xz"), kernel.repeat(1000)).unwrap();
        std::fs::write(dir.join("log/make.log"), "").unwrap();
        std::fs::write(dir.join(".evermod.json"), "{}").unwrap();
        let instance = Instance {
            module: ModuleId::new("m", "1").unwrap(),
            kernel: KernelRelease::new(kernel).unwrap(),
            arch: Arch::new("x86_64").unwrap(),
        };
        contents.builds.push((instance, dir));
    }
    let target = top.path().join(name);
    pack(&contents, &target).unwrap();
    let again = top.path().join(format!("again-{name}"));
    pack(&contents, &again).unwrap();
    assert!(
        std::fs::read(&target).unwrap() == std::fs::read(&again).unwrap(),
        "the same tree, the same archive"
    );
    (top, target)
}

#[test]
fn there_and_back() {
    for name in ["a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz", "a.tar.lzma", "a.tar.zst"] {
        let (top, archive) = packed(name);
        let dir = top.path().join("back");
        std::fs::create_dir(&dir).unwrap();
        assert!(unpack(&archive, &dir, SMALL).unwrap().leading_out.is_empty());
        let layout = Layout::read(&dir).unwrap();
        assert!(layout.has_source && layout.builds.len() == 2, "{name}");
        let build = &layout.builds[1].dir;
        assert_eq!(std::fs::read_to_string(build.join("module/m.ko.xz")).unwrap(), "6.2".repeat(1000));
        assert!(!build.join(".evermod.json").exists(), "what only this machine knows is not handed out");
        let run = std::fs::metadata(layout.conf_dir.join("run")).unwrap();
        assert_eq!(run.permissions().mode() & 0o777, 0o755);
        assert_eq!(std::fs::read_link(layout.conf_dir.join("link")).unwrap(), Path::new("dkms.conf"));
        assert!(layout.conf_dir.join("a/long/way/down/".repeat(12)).join("file").exists(), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// Whatever is done to an archive, reading it ends, panics never, and writes nothing outside.
    #[test]
    fn mangled_archives_harm_nobody(
        which in 0usize..4,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        thread_local!(static ARCHIVES: Vec<Vec<u8>> = ["a.tar", "a.tar.gz", "a.tar.xz", "a.tar.zst"]
            .iter().map(|name| { let (_top, path) = packed(name); std::fs::read(path).unwrap() }).collect());
        let mut data = ARCHIVES.with(|archives| archives[which].clone());
        for (at, byte) in &edits {
            let at = at.index(data.len());
            data[at] = *byte;
        }
        if is_cut {
            data.truncate(cut.index(data.len()));
        }
        let p = place(&data);
        let result = unpack(&p.file, &p.dir, SMALL);
        prop_assert_eq!(std::fs::read(&p.outside).unwrap(), b"untouched");
        prop_assert_eq!(std::fs::read_dir(p.dir.parent().unwrap()).unwrap().count(), 1);
        if let Err(failure) = result {
            prop_assert!(!failure.to_string().contains(char::is_control), "{:?}", failure);
            prop_assert!([3, 7].contains(&failure.exit_code()), "{}", failure);
        } else {
            let _ = Layout::read(&p.dir);
        }
    }

    /// Names and links at random: either the archive is refused, or all of it lies inside.
    #[test]
    fn members_at_random_stay_inside(members in prop::collection::vec((0usize..5, 0usize..10, 0usize..10), 1..12)) {
        const NAMES: [&[u8]; 10] =
            [b"a", b"a/b", b"a/b/c", b"b", b"../outside", b"b/../../x", b"/x", b"a/.", b".", b"c\xff"];
        const KINDS: [EntryType; 5] = [Regular, Directory, Symlink, Link, Fifo];
        let members: Vec<_> = members
            .iter()
            .map(|(kind, name, target)| (KINDS[*kind], NAMES[*name], NAMES[*target], &b""[..]))
            .collect();
        let p = place(&archive(&members));
        let result = unpack(&p.file, &p.dir, SMALL);
        prop_assert_eq!(std::fs::read(&p.outside).unwrap(), b"untouched");
        prop_assert_eq!(std::fs::read_dir(p.dir.parent().unwrap()).unwrap().count(), 1);
        prop_assert!(result.is_ok() || result.is_err_and(|e| e.exit_code() == 7));
    }
}
