//! Each dialect's words, whole, and what none of them takes.

mod hostile;

use super::*;
use crate::{Content, Package, ScriptPoint};

const DEBIAN: Dialect = Dialect::Debian { usr_merged: false };

fn fedora() -> Dialect {
    Dialect::Fedora { dist: ".fc43".to_owned() }
}

fn about() -> About {
    About {
        description: "A video device that programs can write to, and others read from as if it were a camera of the machine."
            .to_owned(),
        license: "GPL".to_owned(),
        maintainer: "A Person <person@example.org>".to_owned(),
        homepage: "https://example.org/".to_owned(),
        date: 1_700_000_000,
        ..About::default()
    }
}

/// `loop_back` for a kernel of this release, in this version of the kernel's packages.
fn sample(release: &str, image: &str, version: &str) -> ModulePackage {
    let file = |name: &str, alias: &str| ModuleFile {
        name: name.to_owned(),
        content: b"\x7fELF".to_vec(),
        aliases: vec![alias.to_owned(), "of:N*T*Cti,omap3".to_owned()],
        ..ModuleFile::default()
    };
    ModulePackage {
        module: "loop_back".to_owned(),
        version: "0.12.7".to_owned(),
        revision: "1".to_owned(),
        kernel: TargetKernel {
            release: release.to_owned(),
            machine: "x86_64".to_owned(),
            arch: "x86_64".to_owned(),
            image: Some(KernelPackage { name: image.to_owned(), version: version.to_owned() }),
            ..TargetKernel::default()
        },
        files: vec![file("loop_back.ko.xz", "pci:v00008086d*"), file("loop-more.ko", "of:N*T*Ca,b")],
        needs: vec![Need { module: "lender".to_owned(), version: Some("1.0-rc1".to_owned()) }],
        about: about(),
        provenance: Provenance {
            source_sha256: "a".repeat(64),
            build_key: "b".repeat(64),
            compiler: "gcc (Debian 12.2.0-14) 12.2.0".to_owned(),
            evermod: "0.1.0".to_owned(),
            kernel_package: KernelPackage {
                name: image.replace("image", "headers"),
                version: version.to_owned(),
            },
        },
        ..ModulePackage::default()
    }
}

fn debian_sample() -> ModulePackage {
    let mut package = sample("6.1.0-56-amd64", "linux-image-6.1.0-56-amd64", "6.1.192-2");
    package.kernel.flavour = Some("amd64".to_owned());
    package
}

fn fedora_sample() -> ModulePackage {
    let mut package = sample("6.12.107-1.fc43.x86_64", "kernel-core", "6.12.107-1.fc43");
    package.kernel.flavour = Some(String::new());
    package
}

fn arch_sample() -> ModulePackage {
    let mut package = sample("6.12.107-arch1-1", "linux", "6.12.107.arch1-1");
    package.kernel.pkgbase = Some("linux".to_owned());
    package
}

fn source_sample() -> SourcePackage {
    let file = |path: &str, mode, text: &str| SourceFile {
        path: path.to_owned(),
        mode,
        content: SourceContent::File(text.as_bytes().to_vec()),
    };
    SourcePackage {
        module: "loop_back".to_owned(),
        version: "0.12.7".to_owned(),
        revision: "1".to_owned(),
        files: vec![
            file("dkms.conf", 0o600, ""),
            file("src/main.c", 0o664, ""),
            file("configure", 0o700, "#!/bin/sh\n"),
        ],
        needs: vec!["lender".to_owned()],
        about: about(),
    }
}

fn relations(package: &Package) -> String {
    let mut lines = Vec::new();
    for (kind, list) in &package.relations {
        lines.extend(
            list.iter().map(|dependency| format!("{kind:?}: {}", crate::rpm::relation_texts(dependency))),
        );
    }
    lines.join("\n")
}

fn paths(package: &Package) -> Vec<String> {
    let slash = |content: &Content| if matches!(content, Content::Directory) { "/" } else { "" };
    let mut paths: Vec<String> =
        package.entries.iter().map(|e| format!("{:o} {}{}", e.mode, e.path, slash(&e.content))).collect();
    paths.sort_by_key(|path| path[4..].to_owned());
    paths
}

fn text(package: &Package, path: &str) -> String {
    let entry = package.entries.iter().find(|entry| entry.path == path).expect(path);
    let Content::File(text) = &entry.content else { panic!("{path} is no file") };
    String::from_utf8(text.clone()).unwrap()
}

#[test]
fn debians_prebuilt() {
    let package = DEBIAN.prebuilt(&debian_sample()).unwrap();
    assert_eq!(DEBIAN.file_name(&package), "loop-back-modules-6.1.0-56-amd64_0.12.7-1+k6.1.192.2_amd64.deb");
    let (a, b) = ("a".repeat(64), "b".repeat(64));
    let expected = format!("\
Package: loop-back-modules-6.1.0-56-amd64
Version: 0.12.7-1+k6.1.192.2
Architecture: amd64
Maintainer: A Person <person@example.org>
Installed-Size: 9
Depends: linux-image-6.1.0-56-amd64, kmod, lender-modules-for-6.1.0-56-amd64 (= 1.0-rc1)
Conflicts: kernel-module-loop-back-6.1.0-56-amd64, kernel-module-loop-more-6.1.0-56-amd64
Replaces: kernel-module-loop-back-6.1.0-56-amd64, kernel-module-loop-more-6.1.0-56-amd64
Provides: loop-back-modules (= 0.12.7), loop-back-modules-for-6.1.0-56-amd64 (= 0.12.7), kernel-module-loop-back-6.1.0-56-amd64, kernel-module-loop-more-6.1.0-56-amd64
Section: kernel
Priority: optional
Homepage: https://example.org/
X-Evermod-Module: loop_back
X-Evermod-Module-Version: 0.12.7
X-Evermod-Kernel: 6.1.0-56-amd64
X-Evermod-Kernel-Package: linux-headers-6.1.0-56-amd64 6.1.192-2
X-Evermod-Source-SHA256: {a}
X-Evermod-Compiler: gcc (Debian 12.2.0-14) 12.2.0
X-Evermod-Build-Key: {b}
X-Evermod-Version: 0.1.0
Modaliases: loop_back(pci:v00008086d*)
Description: kernel module loop_back for 6.1.0-56-amd64
 A video device that programs can write to, and others read from as if it were
 a camera of the machine.
 .
 This package has the modules of loop_back 0.12.7, built for the kernel
 6.1.0-56-amd64 alone. No compiler is needed.
");
    assert_eq!(crate::deb::control_text(&package, 9), expected);
    let conf = &package.triggers;
    assert_eq!(format!("{conf:?}"), "[ActivateNoAwait(\"evermod-rebuild\")]");
    let expected = [
        "644 /lib/modules/6.1.0-56-amd64/updates/dkms/loop-more.ko",
        "644 /lib/modules/6.1.0-56-amd64/updates/dkms/loop_back.ko.xz",
        "644 /usr/lib/evermod/prebuilt/6.1.0-56-amd64/loop_back.json",
        "644 /usr/share/lintian/overrides/loop-back-modules-6.1.0-56-amd64",
    ];
    assert_eq!(paths(&package), expected);

    let merged = Dialect::Debian { usr_merged: true }.prebuilt(&debian_sample()).unwrap();
    assert!(paths(&merged)[0].starts_with("644 /usr/lib/evermod"), "{:?}", paths(&merged));
    assert!(paths(&merged)[1].starts_with("644 /usr/lib/modules/6.1.0-56-amd64/updates/dkms/"));
}

/// What programs read: `docs/prebuilt.schema.json` describes it.
#[test]
fn the_file_by_which_a_prebuilt_is_recognised() {
    let package = DEBIAN.prebuilt(&debian_sample()).unwrap();
    let text = text(&package, "/usr/lib/evermod/prebuilt/6.1.0-56-amd64/loop_back.json");
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["schema"], 1);
    for (key, expected) in [
        ("module", "loop_back"),
        ("version", "0.12.7"),
        ("kernel", "6.1.0-56-amd64"),
        ("arch", "x86_64"),
        ("package", "loop-back-modules-6.1.0-56-amd64"),
        ("package_version", "0.12.7-1+k6.1.192.2"),
    ] {
        assert_eq!(value[key], expected);
    }
    assert_eq!(value["files"][0]["path"], "/lib/modules/6.1.0-56-amd64/updates/dkms/loop-more.ko");
    assert_eq!(value["files"][0]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(value["provenance"]["kernel_package"], "linux-headers-6.1.0-56-amd64");
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/prebuilt.schema.json");
    let schema: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(schema).unwrap()).unwrap();
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let properties = &schema["properties"];
    assert_eq!(keys(&value), keys(properties));
    assert_eq!(keys(&value["provenance"]), keys(&properties["provenance"]["properties"]));
    assert_eq!(keys(&value["files"][0]), keys(&properties["files"]["items"]["properties"]));
}

#[test]
fn debians_metapackage_moves_with_the_kernel() {
    let package = DEBIAN.metapackage(&debian_sample()).unwrap().unwrap();
    assert_eq!(DEBIAN.file_name(&package), "loop-back-modules-amd64_0.12.7-1+k6.1.192.2_amd64.deb");
    assert_eq!(
        relations(&package),
        "Depends: loop-back-modules-6.1.0-56-amd64 = 0.12.7-1+k6.1.192.2\nDepends: linux-image-amd64"
    );
    let mut bare = debian_sample();
    bare.kernel.image = None;
    let package = DEBIAN.metapackage(&bare).unwrap().unwrap();
    assert_eq!(crate::deb::version(&package.version), "0.12.7-1+k6.1.0.56.amd64");
    assert!(relations(&package).starts_with("Depends: loop-back-modules-6.1.0-56-amd64 = 0.12.7-1\n"));
    assert!(
        relations(&DEBIAN.prebuilt(&bare).unwrap()).starts_with(
            "Depends: linux-image-6.1.0-56-amd64 or linux-image-6.1.0-56-amd64-unsigned or linux-image-unsigned-6.1.0-56-amd64\n"
        )
    );
    bare.kernel.flavour = None;
    assert!(DEBIAN.metapackage(&bare).unwrap().is_none());
}

#[test]
fn debians_sources() {
    let package = DEBIAN.source(&source_sample()).unwrap();
    assert_eq!(DEBIAN.file_name(&package), "loop-back-dkms_0.12.7-1_all.deb");
    assert_eq!(
        relations(&package),
        "Depends: dkms >= 3.0.3-4~\nDepends: lender-dkms\nProvides: loop-back-modules = 0.12.7"
    );
    let expected = [
        "755 /usr/src/loop_back-0.12.7/configure",
        "644 /usr/src/loop_back-0.12.7/dkms.conf",
        "644 /usr/src/loop_back-0.12.7/src/main.c",
    ];
    assert_eq!(paths(&package)[1..], expected);
}

#[test]
fn fedoras_prebuilt() {
    let package = fedora().prebuilt(&fedora_sample()).unwrap();
    assert_eq!(
        fedora().file_name(&package),
        "kmod-loop_back-6.12.107-1.fc43.x86_64-0.12.7-1.fc43.x86_64.rpm"
    );
    let expected = "\
Depends: kernel-uname-r = 6.12.107-1.fc43.x86_64
Depends: kmod
Depends: findutils
Depends: lender-kmod(6.12.107-1.fc43.x86_64) = 1.0_rc1
Supplements: ((kmod-loop_back or loop_back-kmod-common) and kernel-core-uname-r = 6.12.107-1.fc43.x86_64)
Conflicts: kernel-module(loop_back.ko) = 6.12.107-1.fc43.x86_64
Conflicts: kernel-module(loop-more.ko) = 6.12.107-1.fc43.x86_64
Provides: loop_back-kmod = 0.12.7-1.fc43
Provides: kmod-loop_back = 0.12.7-1.fc43
Provides: loop_back-kmod(6.12.107-1.fc43.x86_64) = 0.12.7-1.fc43
Provides: kernel-modules-for-kernel = 6.12.107-1.fc43.x86_64
Provides: kmod(loop_back.ko)
Provides: kernel-module(loop_back.ko) = 6.12.107-1.fc43.x86_64
Provides: kmod(loop-more.ko)
Provides: kernel-module(loop-more.ko) = 6.12.107-1.fc43.x86_64";
    assert_eq!(relations(&package), expected);
    let tree = "/usr/lib/modules/6.12.107-1.fc43.x86_64";
    let expected = [
        "755 /usr/lib/evermod/".to_owned(),
        "755 /usr/lib/evermod/prebuilt/".to_owned(),
        "755 /usr/lib/evermod/prebuilt/6.12.107-1.fc43.x86_64/".to_owned(),
        "644 /usr/lib/evermod/prebuilt/6.12.107-1.fc43.x86_64/loop_back.json".to_owned(),
        format!("755 {tree}/extra/"),
        format!("755 {tree}/extra/loop_back/"),
        format!("644 {tree}/extra/loop_back/loop-more.ko"),
        format!("644 {tree}/extra/loop_back/loop_back.ko.xz"),
    ];
    assert_eq!(paths(&package), expected);
    let points: Vec<_> = package.scripts.keys().copied().collect();
    assert_eq!(
        points,
        [
            ScriptPoint::BeforeInstall,
            ScriptPoint::AfterInstall,
            ScriptPoint::AfterRemove,
            ScriptPoint::AfterTransaction
        ]
    );
}

#[test]
fn fedoras_metapackage_and_sources() {
    let package = fedora().metapackage(&fedora_sample()).unwrap().unwrap();
    assert_eq!(fedora().file_name(&package), "kmod-loop_back-0.12.7-1.k6.12.107.1.fc43.x86_64.rpm");
    assert_eq!(
        relations(&package),
        "Depends: kmod-loop_back-6.12.107-1.fc43.x86_64 = 0.12.7-1.fc43\nProvides: loop_back-kmod = 0.12.7-1.k6.12.107.1.fc43"
    );
    let package = fedora().source(&source_sample()).unwrap();
    assert_eq!(fedora().file_name(&package), "loop_back-dkms-0.12.7-1.fc43.noarch.rpm");
    assert_eq!(
        relations(&package),
        "Depends: dkms\nDepends: (kernel-devel-matched if kernel-core)\nDepends: lender-dkms\nProvides: loop_back-kmod = 0.12.7-1.fc43"
    );
}

#[test]
fn archs_packages() {
    let mut sample = arch_sample();
    sample.files[0].directory = Some("updates/dkms".to_owned());
    let package = Dialect::Arch.prebuilt(&sample).unwrap();
    assert_eq!(
        Dialect::Arch.file_name(&package),
        "loop_back-linux-0.12.7_6.12.107.arch1.1-1-x86_64.pkg.tar.zst"
    );
    let expected = "\
Depends: linux = 6.12.107.arch1-1
Depends: kmod
Depends: lender-linux = 1.0_rc1_6.12.107.arch1.1
Provides: loop_back = 0.12.7
Provides: LOOP_BACK-MODULE = 0.12.7";
    assert_eq!(relations(&package), expected);
    // Where DKMS has put a file pacman would refuse to have one.
    assert_eq!(
        paths(&package)[1..],
        [
            "644 /usr/lib/modules/6.12.107-arch1-1/updates/loop-more.ko",
            "644 /usr/lib/modules/6.12.107-arch1-1/updates/loop_back.ko.xz"
        ]
    );
    assert!(Dialect::Arch.metapackage(&sample).unwrap().is_none());
    sample.initramfs = true;
    let package = Dialect::Arch.prebuilt(&sample).unwrap();
    assert!(
        text(&package, "/usr/share/libalpm/hooks/91-loop_back-linux-initramfs.hook")
            .contains("Target = loop_back-linux\n")
    );

    let package = Dialect::Arch.source(&source_sample()).unwrap();
    assert_eq!(
        relations(&package),
        "Depends: dkms\nDepends: lender-dkms\nProvides: loop_back = 0.12.7\nProvides: LOOP_BACK-MODULE = 0.12.7"
    );
    sample.kernel.image = None;
    let error = Dialect::Arch.prebuilt(&sample).unwrap_err().to_string();
    assert!(error.contains("6.12.107-arch1-1` is of no package"), "{error}");
}

/// depmod prefers some directories; elsewhere it has to be told, and the kernel's own place is the kernel's.
#[test]
fn a_module_that_the_kernel_has_itself() {
    let mut sample = fedora_sample();
    sample.files[1].replaces_in_tree = true;
    let package = fedora().prebuilt(&sample).unwrap();
    assert_eq!(
        text(&package, "/usr/lib/depmod.d/kmod-loop_back-6.12.107-1.fc43.x86_64.conf"),
        "override loop_more 6.12.107-1.fc43.x86_64 extra/loop_back\n"
    );
    let mut sample = debian_sample();
    sample.files[1].replaces_in_tree = true;
    sample.files[1].directory = Some("kernel/drivers/block".to_owned());
    let package = DEBIAN.prebuilt(&sample).unwrap();
    assert_eq!(paths(&package).len(), 4, "nothing to be told: {:?}", paths(&package));
    assert!(paths(&package)[0].ends_with("/updates/dkms/loop-more.ko"));
}

#[test]
fn versions_sort_as_the_kernels_do() {
    let dpkg = |a: &str, b: &str| {
        std::process::Command::new("dpkg")
            .args(["--compare-versions", a, "lt", b])
            .status()
            .is_ok_and(|s| s.success())
    };
    let mut older = debian_sample();
    let newer = sample("6.1.0-57-amd64", "linux-image-6.1.0-57-amd64", "6.1.192-10");
    let version = |package: &ModulePackage| crate::deb::version(&DEBIAN.prebuilt(package).unwrap().version);
    assert!(dpkg(&version(&older), &version(&newer)), "{} {}", version(&older), version(&newer));
    older.revision = "2".to_owned();
    assert!(dpkg(&version(&newer), &version(&older)), "a revision counts more");
    older.version = "v1_2".to_owned();
    assert_eq!(version(&older), "0~v1.2-2+k6.1.192.2");
}

/// lintian and rpmlint call longer lines an error.
#[test]
fn descriptions_fit_a_terminal_whatever_the_module_is_called() {
    let name = "a-module-with-a-name-of-a-good-many-characters";
    let prebuilt = ModulePackage { module: name.to_owned(), ..debian_sample() };
    let source = SourcePackage { module: name.to_owned(), ..source_sample() };
    for dialect in [DEBIAN, fedora()] {
        let metapackage = dialect.metapackage(&prebuilt).unwrap().unwrap();
        for package in [dialect.prebuilt(&prebuilt).unwrap(), metapackage, dialect.source(&source).unwrap()] {
            let longest = package.description.lines().map(str::len).max();
            assert!(longest.is_some_and(|longest| longest < 80), "{}", package.description);
        }
    }
}
