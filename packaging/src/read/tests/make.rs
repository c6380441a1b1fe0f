//! Packages made by hand, as nobody's tools would write them.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::super::{PackageFile, ReadError};

/// One member of a tar archive; the name is taken as it is.
pub(crate) struct Item<'a>(pub(crate) char, pub(crate) &'a str, pub(crate) &'a [u8]);

/// `f` file, `d` directory, `s` symbolic link, `h` hard link, `c` character device, `p` pipe.
pub(crate) fn tar(items: &[Item<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for Item(kind, name, content) in items {
        out.extend(tar_member(*kind, name.as_bytes(), content, None));
    }
    out.extend([0; 1024]);
    out
}

pub(crate) fn tar_member(kind: char, name: &[u8], content: &[u8], size: Option<u64>) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.set_mode(0o4754);
    header.set_mtime(1_700_000_000);
    let is_link = matches!(kind, 's' | 'h');
    let size = size.unwrap_or(if is_link { 0 } else { content.len() as u64 });
    header.set_size(size);
    header.set_entry_type(match kind {
        'f' => tar::EntryType::Regular,
        'd' => tar::EntryType::Directory,
        's' => tar::EntryType::Symlink,
        'h' => tar::EntryType::Link,
        'c' => tar::EntryType::Char,
        'L' => tar::EntryType::GNULongName,
        _ => tar::EntryType::Fifo,
    });
    header.as_ustar_mut().unwrap().name[..name.len()].copy_from_slice(name);
    if is_link {
        header.as_ustar_mut().unwrap().linkname[..content.len()].copy_from_slice(content);
    }
    header.set_cksum();
    let mut out = header.as_bytes().to_vec();
    if !is_link {
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out
}

pub(crate) fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = b"!<arch>\n".to_vec();
    for (name, content) in members {
        writeln!(out, "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`", 0, 0, 0, 100_644, content.len()).unwrap();
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(2), b'\n');
    }
    out
}

pub(crate) const CONTROL: &[u8] =
    b"Package: m-dkms\nVersion: 1:2.0-3\nArchitecture: all\nDescription: x\n y: z\n";

pub(crate) fn deb(items: &[Item<'_>]) -> Vec<u8> {
    let control = tar(&[Item('d', "./", b""), Item('f', "./control", CONTROL)]);
    ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control), ("data.tar", &tar(items))])
}

pub(crate) const INFO: &[u8] = b"# made by hand\npkgname = m-dkms\npkgver = 1:2.0-3\narch = any\n";

pub(crate) fn arch(items: &[Item<'_>]) -> Vec<u8> {
    let mut out = tar_member('f', b".PKGINFO", INFO, None);
    out.extend(tar(items));
    out
}

/// One file of an rpm package: mode, directory, name, what a link names, inode, content, and whether it is in the payload.
pub(crate) struct RpmFile<'a> {
    pub(crate) mode: u16,
    pub(crate) dir: &'a str,
    pub(crate) name: &'a str,
    pub(crate) target: &'a str,
    pub(crate) inode: u32,
    pub(crate) size: u32,
    pub(crate) flags: u32,
}

pub(crate) const RPM_FILE: RpmFile<'static> =
    RpmFile { mode: 0o100_644, dir: "/usr/src/", name: "a", target: "", inode: 1, size: 3, flags: 0 };

pub(crate) fn header(values: &[(u32, u32, u32, Vec<u8>)]) -> Vec<u8> {
    let (mut index, mut store) = (Vec::new(), Vec::new());
    for (tag, kind, count, value) in values {
        while matches!(kind, 3..=5) && !store.len().is_multiple_of(8) {
            store.push(0);
        }
        for word in [*tag, *kind, u32::try_from(store.len()).unwrap(), *count] {
            index.extend(word.to_be_bytes());
        }
        store.extend(value);
    }
    let mut out = vec![0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0];
    out.extend(u32::try_from(values.len()).unwrap().to_be_bytes());
    out.extend(u32::try_from(store.len()).unwrap().to_be_bytes());
    out.extend(index);
    out.extend(store);
    out
}

pub(crate) fn rpm_header(files: &[RpmFile<'_>]) -> Vec<u8> {
    let text = |tag, text: &str| (tag, 6, 1, format!("{text}\0").into_bytes());
    let count = u32::try_from(files.len()).unwrap();
    let texts = |tag, list: Vec<&str>| {
        (tag, 8, count, list.into_iter().map(|t| format!("{t}\0")).collect::<String>())
    };
    let texts = |tag, list| {
        let (tag, kind, count, text) = texts(tag, list);
        (tag, kind, count, text.into_bytes())
    };
    let numbers =
        |tag, list: Vec<u32>| (tag, 4, count, list.into_iter().flat_map(u32::to_be_bytes).collect());
    let modes = files.iter().flat_map(|file| file.mode.to_be_bytes()).collect();
    header(&[
        text(1000, "m-dkms"),
        text(1001, "2.0"),
        text(1002, "3"),
        (1003, 4, 1, 1_u32.to_be_bytes().to_vec()),
        text(1022, "noarch"),
        numbers(1028, files.iter().map(|file| file.size).collect()),
        (1030, 3, count, modes),
        numbers(1034, files.iter().map(|_| 1_700_000_000).collect()),
        texts(1036, files.iter().map(|file| file.target).collect()),
        numbers(1037, files.iter().map(|file| file.flags).collect()),
        numbers(1096, files.iter().map(|file| file.inode).collect()),
        numbers(1116, (0..count).collect()),
        texts(1117, files.iter().map(|file| file.name).collect()),
        texts(1118, files.iter().map(|file| file.dir).collect()),
    ])
}

/// A member of the long form.
pub(crate) fn newc(name: &str, content: &[u8]) -> Vec<u8> {
    let mut out = b"070701".to_vec();
    for field in [0, 0, 0, 0, 1, 0, content.len(), 0, 0, 0, 0, name.len() + 1, 0] {
        write!(out, "{field:08x}").unwrap();
    }
    out.extend(name.as_bytes());
    out.push(0);
    // The headers of all members begin at multiples of four, so each may be filled up by itself.
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend(content);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

/// A member of the short form.
pub(crate) fn short(index: usize, content: &[u8]) -> Vec<u8> {
    let mut out = format!("07070X{index:08x}\0\0").into_bytes();
    out.extend(content);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

pub(crate) fn rpm(files: &[RpmFile<'_>], payload: &[Vec<u8>]) -> Vec<u8> {
    let mut out = vec![0xed, 0xab, 0xee, 0xdb];
    out.resize(96, 0);
    out.extend(header(&[(269, 6, 1, b"00\0".to_vec())]));
    out.resize(out.len().next_multiple_of(8), 0);
    out.extend(rpm_header(files));
    out.extend(payload.concat());
    out.extend(newc("TRAILER!!!", b""));
    out
}

/// The package in a directory of its own, with an empty one beside it for what it holds.
pub(crate) struct Case {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) file: PathBuf,
}

impl Case {
    pub(crate) fn new(package: &[u8]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("into")).unwrap();
        std::fs::create_dir(dir.path().join("outside")).unwrap();
        let file = dir.path().join("package");
        std::fs::write(&file, package).unwrap();
        Self { dir, file }
    }

    pub(crate) fn place(&self) -> PathBuf {
        self.dir.path().join("into")
    }

    pub(crate) fn unpack(&self, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<String>, ReadError> {
        PackageFile::open(&self.file)?.unpack(&self.place(), wanted)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.place().join(name)).unwrap()
    }

    /// Nothing but the package and the empty directories.
    pub(crate) fn assert_nothing_outside(&self) {
        assert_eq!(std::fs::read_dir(self.dir.path()).unwrap().count(), 3);
        assert_eq!(std::fs::read_dir(self.dir.path().join("outside")).unwrap().count(), 0);
        for path in ["/evermod-evil", "/tmp/evermod-evil"] {
            assert!(!Path::new(path).exists(), "{path}");
        }
    }
}
