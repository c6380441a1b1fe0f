//! What can be wrong below the kernels, with keys, and with the machine around.

use super::{K, Row, keys, secure_boot, tree};
use crate::doctor::Severity::{Note, Problem, Warning};
use crate::install::testing::module;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

pub(super) const ROWS: &[Row] = &[
    row!(
        "prebuilt-record",
        Problem,
        |f| f.file(&format!("/usr/lib/evermod/prebuilt/{K}/x.json"), "{\"schema\": 1, \"module\": [[["),
        "/usr/lib/evermod/prebuilt/6.1.0-55-amd64/x.json: it is no record of modules",
        "",
        false
    ),
    row!(
        "prebuilt-record",
        Problem,
        |f| {
            f.file("/var/lib/dpkg/info/x-modules.list", format!("/usr/lib/evermod/prebuilt/{K}/x.json\n"));
            f.dir(&format!("/usr/lib/evermod/prebuilt/{K}/x.json"));
        },
        "x.json: it is no record",
        "",
        false
    ),
    row!(
        "prebuilt-record",
        Problem,
        |f| {
            f.file("/etc/os-release", "ID=fedora\n");
            f.file(&format!("/usr/lib/evermod/prebuilt/{K}/x.json"), "");
        },
        "no record",
        "dnf reinstall $(rpm -qf --qf '%{name}\\n' /usr/lib/evermod/prebuilt/6.1.0-55-amd64/x.json)",
        false
    ),
    row!(
        "prebuilt-record",
        Problem,
        |f| {
            f.prebuilt("x", "1", K, "updates/dkms", &["x"]);
            let path = format!("/usr/lib/evermod/prebuilt/{K}/x.json");
            let text = std::fs::read_to_string(f.at(&path)).unwrap();
            f.file(&path, text.replace(&f.arch, "riscv64"));
        },
        "it is for riscv64",
        "apt remove x-modules-6.1.0-55-amd64",
        false
    ),
    row!(
        "prebuilt-files",
        Problem,
        |f| {
            f.prebuilt("x", "1", K, "updates/dkms", &["x"]);
            f.file(&format!("/lib/modules/{K}/updates/dkms/x.ko"), "altered");
        },
        "/updates/dkms/x.ko is altered, which it brought for kernel 6.1.0-55-amd64",
        "apt install --reinstall x-modules-6.1.0-55-amd64",
        false
    ),
    row!(
        "prebuilt-files",
        Problem,
        |f| {
            f.prebuilt("x", "1", K, "updates", &["x", "y"]);
            f.remove(&format!("/lib/modules/{K}/updates/y.ko"));
        },
        "/updates/y.ko is missing",
        "apt install --reinstall x-modules-6.1.0-55-amd64",
        false
    ),
    row!(
        "prebuilt-files",
        Warning,
        |f| {
            f.prebuilt("x", "1", "5.10", "updates/dkms", &["x"]);
            f.remove("/lib/modules/5.10");
        },
        "kernel 5.10 is gone",
        "apt remove x-modules-5.10",
        false
    ),
    row!(
        "prebuilt-files",
        Warning,
        |f| {
            f.prebuilt("m", "1.0", K, "extra", &["m"]);
            f.remove(&format!("/lib/modules/{K}/extra"));
            f.file(&format!("/lib/modules/{K}/modules.dep"), "updates/dkms/m.ko:\n");
        },
        "What was built here is used",
        "apt install --reinstall m-modules-6.1.0-55-amd64",
        false
    ),
    row!(
        "prebuilt-twice",
        Warning,
        |f| f.prebuilt("m", "0.9", K, "updates/dkms", &["m"]),
        "m/1.0, 6.1.0-55-amd64",
        "evermod sync",
        true
    ),
    row!(
        "shadowed",
        Problem,
        |f| {
            f.prebuilt("x", "1", K, "updates/dkms", &["x"]);
            f.file(&format!("/lib/modules/{K}/extra/x.ko"), "");
            f.file(&format!("/lib/modules/{K}/modules.dep"), "updates/dkms/m.ko:\nextra/x.ko:\n");
        },
        "/updates/dkms/x.ko: modprobe takes /lib/modules/6.1.0-55-amd64/extra/x.ko",
        "override x 6.1.0-55-amd64 updates/dkms",
        false
    ),
    row!(
        "kernel-leftover",
        Warning,
        |f| f.prebuilt("x", "1", "5.10", "updates/dkms", &["x"]),
        "with 1 modules that came from elsewhere",
        "apt remove x-modules-5.10",
        false
    ),
    row!(
        "signature",
        Problem,
        |f| {
            let certificate = keys(f);
            secure_boot(f, &certificate);
            f.prebuilt("x", "1", K, "updates/dkms", &["x"]);
        },
        "/updates/dkms/x.ko: not signed",
        "",
        false
    ),
    row!(
        "damaged-install",
        Problem,
        |f| f.file(&format!("/lib/modules/{K}/updates/dkms/m.ko"), "altered"),
        "missing or altered",
        "evermod sync",
        true
    ),
    row!(
        "left-out",
        Note,
        |f| {
            f.source("m", "1.0", &["m", "own"]);
            f.file(&tree(f, &format!("1.0/{K}/ARCH/module/own.ko")), module(&["version=1"]));
            f.file(&format!("/lib/modules/{K}/kernel/own.ko"), module(&["version=1"]));
            f.file(&format!("/lib/modules/{K}/modules.dep"), "kernel/own.ko:\nupdates/dkms/m.ko:\n");
        },
        "/kernel/own.ko",
        "evermod install m/1.0",
        false
    ),
    row!(
        "orphan-module",
        Warning,
        |f| f.file(&format!("/lib/modules/{K}/updates/dkms/old.ko.xz"), ""),
        "/updates/dkms/old.ko.xz",
        "rm /lib/modules/6.1.0-55-amd64/updates/dkms/old.ko.xz && depmod 6.1.0-55-amd64",
        false
    ),
    row!(
        "original-module",
        Warning,
        |f| f.dir(&tree(f, "original_module/5.10/ARCH")),
        "kernel 5.10",
        "rm -r /var/lib/dkms/m/original_module/5.10",
        false
    ),
    row!(
        "original-module",
        Note,
        |f| f.file(&tree(f, &format!("original_module/{K}/ARCH/m.ko")), ""),
        "before 3.1.7",
        "",
        false
    ),
    row!(
        "original-module",
        Note,
        |f| f.file(&tree(f, &format!("original_module/{K}/ARCH/collisions/m.ko")), ""),
        "/collisions",
        "rm -r ",
        false
    ),
    row!(
        "original-module",
        Problem,
        |f| {
            let dir = format!("/var/lib/dkms/gone/original_module/{K}/{}", f.arch);
            f.file(&format!("{dir}/e.ko"), "");
            f.file(&format!("{dir}/e.ko.origin"), format!("/lib/modules/{K}/kernel/e.ko\n"));
        },
        "neither its own",
        "/e.ko /lib/modules/6.1.0-55-amd64/kernel/e.ko && rm ",
        false
    ),
    row!(
        "shadowed",
        Problem,
        |f| {
            f.file(&format!("/lib/modules/{K}/extra/m.ko"), "");
            f.file(&format!("/lib/modules/{K}/modules.dep"), "extra/m.ko:\n");
        },
        "modprobe takes /lib/modules/6.1.0-55-amd64/extra/m.ko",
        "echo 'override m 6.1.0-55-amd64 updates/dkms' > /etc/depmod.d/evermod-m.conf",
        false
    ),
    row!(
        "shadowed",
        Problem,
        |f| f.file(&format!("/lib/modules/{K}/modules.dep"), ""),
        "not in modules.dep",
        "depmod 6.1",
        false
    ),
    row!(
        "shadowed",
        Warning,
        |f| f.file(&format!("/lib/modules/{K}/modules.builtin"), "kernel/drivers/misc/m.ko\n"),
        "the kernel is built with kernel/drivers/misc/m.ko",
        "",
        false
    ),
    row!(
        "initramfs",
        Warning,
        |f| {
            f.file("/etc/initramfs-tools/modules", "# none\nm\n");
            let image = format!("/boot/initrd.img-{K}");
            f.file(&image, "");
            let old = SystemTime::now() - Duration::from_secs(3600);
            std::fs::File::options().write(true).open(f.at(&image)).unwrap().set_modified(old).unwrap();
        },
        "/boot/initrd.img-6.1.0-55-amd64",
        "dracut --force --kver 6.1.0-55-amd64",
        false
    ),
    row!(
        "signing-key",
        Warning,
        |f| {
            keys(f);
            f.remove("/var/lib/dkms/mok.pub");
        },
        "its certificate /var/lib/dkms/mok.pub is missing",
        "evermod generate-mok && mokutil --import /var/lib/dkms/mok.pub",
        false
    ),
    row!(
        "signing-key",
        Problem,
        |f| {
            keys(f);
            f.remove("/var/lib/dkms/mok.key");
        },
        "its key /var/lib/dkms/mok.key is missing",
        "evermod generate-mok",
        false
    ),
    row!(
        "signing-key",
        Problem,
        |f| {
            keys(f);
            let open = std::fs::Permissions::from_mode(0o644);
            std::fs::set_permissions(f.at("/var/lib/dkms/mok.key"), open).unwrap();
        },
        "mode 0644",
        "chmod 600 /var/lib/dkms/mok.key",
        false
    ),
    row!(
        "signing-key",
        Problem,
        |f| {
            keys(f);
            f.file(
                "/var/lib/dkms/mok.key",
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
            );
        },
        "pass phrase",
        "openssl pkey -in /var/lib/dkms/mok.key",
        false
    ),
    row!(
        "enrolment",
        Problem,
        |f| {
            keys(f);
            secure_boot(f, b"another certificate");
        },
        "\"The Key\" is not enrolled",
        "mokutil --import /var/lib/dkms/mok.pub",
        false
    ),
    row!(
        "enrolment",
        Note,
        |f| {
            keys(f);
            secure_boot(f, b"");
            f.remove("/sys/firmware/efi/mok-variables/MokListRT");
        },
        "cannot be seen",
        "mokutil --test-key /var/lib/dkms/mok.pub || mokutil --import",
        false
    ),
    row!(
        "signature",
        Problem,
        |f| {
            let certificate = keys(f);
            secure_boot(f, &certificate);
            for place in
                [tree(f, &format!("1.0/{K}/ARCH/module/m.ko")), format!("/lib/modules/{K}/updates/dkms/m.ko")]
            {
                f.file(&place, module(&["version=1.0"]));
            }
        },
        "not signed",
        "evermod build m/1.0 -k 6.1.0-55-amd64 --force && evermod install m/1.0",
        false
    ),
    row!(
        "signature",
        Note,
        |f| {
            keys(f);
            f.remove("/var/lib/dkms/mok.key");
            f.remove("/var/lib/dkms/mok.pub");
            let signed = std::fs::read(f.at(&format!("/lib/modules/{K}/updates/dkms/m.ko"))).unwrap();
            keys(f);
            f.file(&format!("/lib/modules/{K}/updates/dkms/m.ko"), &signed);
            f.file(&tree(f, &format!("1.0/{K}/ARCH/module/m.ko")), &signed);
        },
        "another key than the present one: \"The Key\"",
        "evermod build m/1.0",
        false
    ),
    row!(
        "programs",
        Warning,
        |f| f.remove("/usr/bin/bwrap"),
        "without a sandbox",
        "apt install bubblewrap",
        false
    ),
    row!("programs", Problem, |f| f.remove("/usr/bin/make"), "make", "apt install make", false),
    row!(
        "compiler",
        Warning,
        |f| f.file(
            &format!("/usr/src/linux-headers-{K}/include/config/auto.conf"),
            "CONFIG_CC_VERSION_TEXT=\"gcc-12 (Debian 12.2.0-14) 12.2.0\"\n"
        ),
        "gcc-12, which it was built with",
        "apt install gcc-12",
        false
    ),
    row!(
        "compiler",
        Problem,
        |f| f.remove("/usr/bin/gcc"),
        "Nothing can be built for it",
        "apt install gcc",
        false
    ),
    row!(
        "dkms-hooks",
        Note,
        |f| {
            for hook in ["postinst.d/00-evermod", "prerm.d/evermod", "prerm.d/dkms"] {
                f.file(&format!("/etc/kernel/{hook}"), "");
            }
        },
        "/etc/kernel/prerm.d/dkms",
        "rm /etc/kernel/prerm.d/dkms",
        false
    ),
    row!(
        "switched-off",
        Note,
        |f| f.file("/etc/dkms/no-autoinstall", ""),
        "no-autoinstall",
        "rm /etc/dkms/no-autoinstall",
        false
    ),
];
