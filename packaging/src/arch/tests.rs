use super::*;
use crate::rpm::tests::{SOURCE_DATE, check_by_reading, package};
use crate::{Dependency, RelationKind, ScriptPoint};

#[test]
fn the_same_bytes_each_time_that_a_reader_understands() {
    let package = package();
    let bytes = write(&package, SOURCE_DATE).unwrap();
    assert!(bytes == write(&package, SOURCE_DATE).unwrap());
    check_by_reading(&bytes, true);
    assert_eq!(file_name(&package), "m-1:2.0-3-x86_64.pkg.tar.zst");
}

fn member(bytes: &[u8], name: &str) -> String {
    let plain = zstd::decode_all(bytes).unwrap();
    let mut archive = tar::Archive::new(&plain[..]);
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.path_bytes() == name.as_bytes() {
            let mut text = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut text).unwrap();
            return String::from_utf8(text).unwrap();
        }
    }
    panic!("no {name}")
}

#[test]
fn descriptions() {
    let mut package = package();
    package.relations.insert(RelationKind::Recommends, vec![Dependency::on("zstd")]);
    package.scripts.insert(ScriptPoint::BeforeRemove, "#!/bin/bash\nexit 1\n".to_owned());
    let bytes = write(&package, SOURCE_DATE).unwrap();
    let info = member(&bytes, ".PKGINFO");
    for line in [
        "pkgname = m",
        "pkgver = 1:2.0-3",
        "builddate = 1700000000",
        "arch = x86_64",
        "depend = kmod>=29",
        "optdepend = zstd",
        "provides = dkms=3.4.3",
        "backup = etc/m.conf",
    ] {
        assert!(info.lines().any(|other| other == line), "{line}: {info}");
    }
    // bash runs what pacman would, and `exit` ends only the function.
    let script = format!(
        "{}\npost_install 1-1; pre_remove 1-1; echo \"status $?\"; post_upgrade 2-1 1-1",
        member(&bytes, ".INSTALL")
    );
    let output = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "after\nstatus 1\nafter\n");
}

#[test]
fn what_pacman_would_not_take_is_refused() {
    let refused = |change: &dyn Fn(&mut Package), why: &str| {
        let mut package = package();
        change(&mut package);
        let error = write(&package, SOURCE_DATE).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    };
    refused(&|p| p.version.upstream = "2-0".to_owned(), "version");
    refused(&|p| p.name = ".m".to_owned(), "name");
    refused(&|p| p.entries.push(Entry::file("/.hidden", "")), "keeps for itself");
    refused(&|p| p.entries[0].owner = "nobody".to_owned(), "somebody else");
    refused(
        &|p| p.scripts = [(ScriptPoint::AfterInstall, "#!/usr/bin/perl\n".to_owned())].into(),
        "no shell",
    );
    let alternatives = vec![Dependency::on("a").or("b")];
    refused(&|p| p.relations = [(RelationKind::Depends, alternatives.clone())].into(), "no alternatives");
}
