//! What strangers name, and where scripts find nothing.

use super::*;

#[test]
fn what_strangers_name_is_refused_before_anything_is_written() {
    type Spoil = fn(&mut ModulePackage);
    let cases: [(&str, Spoil); 24] = [
        ("module: ``", |p| p.module.clear()),
        ("module: `../x`", |p| p.module = "../x".into()),
        ("module: `a\\nb`", |p| p.module = "a\nb".into()),
        ("module: `\\u{e4}`", |p| p.module = "\u{e4}".into()),
        ("module: `-x`", |p| p.module = "-x".into()),
        ("module: `x y`", |p| p.module = "x y".into()),
        ("longer", |p| p.module = "x".repeat(101)),
        ("version: `1;rm`", |p| p.version = "1;rm".into()),
        ("version: `1/2`", |p| p.version = "1/2".into()),
        ("revision: `1-1`", |p| p.revision = "1-1".into()),
        ("revision: ``", |p| p.revision.clear()),
        ("kernel: `..`", |p| p.kernel.release = "..".into()),
        ("kernel: `6.1 `", |p| p.kernel.release = "6.1 ".into()),
        ("kernel: `66", |p| p.kernel.release = "6".repeat(65)),
        ("machine: `x86/64`", |p| p.kernel.machine = "x86/64".into()),
        ("flavour: `$(id)`", |p| p.kernel.flavour = Some("$(id)".into())),
        ("module file: `../../x`", |p| p.files[0].name = "../../x.ko".into()),
        ("module file: `x.ko.bz2`", |p| p.files[0].name = "x.ko.bz2".into()),
        ("module file: `x.txt`", |p| p.files[0].name = "x.txt".into()),
        ("is there twice: modprobe", |p| p.files[0].name = "loop-more.ko.gz".into()),
        ("directory: `..`", |p| p.files[0].directory = Some("updates/../..".into())),
        ("directory: ``", |p| p.files[0].directory = Some("/etc".into())),
        ("has no file", |p| p.files.clear()),
        ("provenance", |p| p.provenance.source_sha256 = "A".repeat(64)),
    ];
    for (expected, spoil) in cases {
        for (dialect, mut package) in
            [(DEBIAN, debian_sample()), (fedora(), fedora_sample()), (Dialect::Arch, arch_sample())]
        {
            spoil(&mut package);
            let error = dialect.prebuilt(&package).expect_err(expected).to_string();
            assert!(error.contains(expected), "`{error}` does not say `{expected}`");
            assert!(!error.contains('\n') && error.len() < 300, "{error}");
        }
    }
    let mut long = debian_sample();
    long.module = "m".repeat(100);
    long.version = format!("1{}", "0".repeat(99));
    long.kernel.release = "6".repeat(64);
    assert!(DEBIAN.prebuilt(&long).unwrap_err().to_string().contains("longer than a file name"));
    let mut about = debian_sample();
    about.about.maintainer = "a\nDepends: b".to_owned();
    assert!(DEBIAN.prebuilt(&about).is_err());
    for path in ["../x", "a//b", "/etc/x", "a\nb", ""] {
        let mut source = source_sample();
        source.files[1].path = path.to_owned();
        for dialect in [DEBIAN, fedora(), Dialect::Arch] {
            assert!(dialect.source(&source).is_err(), "{path}");
        }
    }
    let mut source = source_sample();
    source.files.remove(0);
    assert!(DEBIAN.source(&source).unwrap_err().to_string().contains("has no dkms.conf"));
}

/// All scripts of all packages: they parse, and succeed where nothing is there that they look for.
#[test]
fn scripts_are_posix_shell_and_never_fail() {
    let mut image = arch_sample();
    image.initramfs = true;
    let mut count = 0;
    for package in [
        DEBIAN.prebuilt(&debian_sample()).unwrap(),
        DEBIAN.source(&source_sample()).unwrap(),
        fedora().prebuilt(&fedora_sample()).unwrap(),
        fedora().source(&source_sample()).unwrap(),
        Dialect::Arch.prebuilt(&arch_sample()).unwrap(),
        Dialect::Arch.prebuilt(&image).unwrap(),
    ] {
        for (point, script) in &package.scripts {
            assert!(script.starts_with("#!/bin/sh\n"), "{script}");
            for word in ["install", "configure", "upgrade", "remove", "purge", "0", "1"] {
                // Without any program.
                let output = std::process::Command::new("/bin/sh")
                    .args(["-c", script, "script", word])
                    .env("PATH", "/nonexistent")
                    .output()
                    .unwrap();
                assert!(output.status.success(), "{} {point:?} {word}: {output:?}", package.name);
                count += 1;
            }
        }
    }
    assert_eq!(count, 7 * (3 + 2 + 4 + 2 + 3 + 3));
}
