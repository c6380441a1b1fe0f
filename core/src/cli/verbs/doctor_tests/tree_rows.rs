//! What can be wrong in the tree, with its builds and kernels.

use super::{K, Row, tree};
use crate::doctor::Severity::{Note, Problem, Warning};

pub(super) const ROWS: &[Row] = &[
    row!(
        "broken-module",
        Problem,
        |f| f.remove("/usr/src/m-1.0"),
        "/usr/src/m-1.0 is missing",
        "evermod remove m/1.0 --all",
        false
    ),
    row!(
        "broken-module",
        Problem,
        |f| {
            f.remove("/usr/src/m-1.0");
            f.file("/var/lib/dpkg/info/m-dkms.list", "/.\n/usr/src\n/usr/src/m-1.0/dkms.conf\n");
        },
        "/usr/src/m-1.0 is missing",
        "apt install --reinstall m-dkms",
        false
    ),
    row!(
        "broken-module",
        Problem,
        |f| f.remove("/var/lib/dkms/m/1.0/source"),
        "source is missing",
        "evermod add m/1.0",
        true
    ),
    row!(
        "broken-module",
        Problem,
        |f| {
            f.remove("/var/lib/dkms/m/1.0/source");
            f.dir("/var/lib/dkms/m/1.0/source");
        },
        "is a directory",
        "mv /var/lib/dkms/m/1.0/source",
        false
    ),
    row!(
        "unregistered",
        Warning,
        |f| f.dir("/var/lib/dkms/m/0.9/build"),
        "/var/lib/dkms/m/0.9",
        "evermod remove m/0.9 --all",
        false
    ),
    row!(
        "active-link",
        Warning,
        |f| f.link(&format!("0.9/5.10/{}", f.arch), &format!("/var/lib/dkms/m/kernel-5.10-{}", f.arch)),
        "which is not there",
        "rm /var/lib/dkms/m/kernel-5.10-",
        true
    ),
    row!(
        "active-link",
        Warning,
        |f| f.link(&format!("1.0/{K}/{}", f.arch), "/var/lib/dkms/m/kernel-other"),
        "for something else",
        "rm /var/lib/dkms/m/kernel-other",
        false
    ),
    row!(
        "half-built",
        Warning,
        |f| f.file(&tree(f, &format!("1.0/{K}/.tmp_ARCH_abcdef/module/m.ko")), "half"),
        ".tmp_",
        "rm -r ",
        true
    ),
    row!("half-built", Warning, |f| f.dir(&tree(f, "1.0/5.10/ARCH/log")), "/1.0/5.10", "rm -r ", true),
    row!("half-built", Warning, |f| f.dir(&tree(f, "1.0/5.10/ARCH/mine")), "no modules", "rm -r ", false),
    row!(
        "two-architectures",
        Note,
        |f| {
            f.kernel("6.1.0-56-amd64");
            f.installed("m", "1.0", "6.1.0-56-amd64", "amd64", &["m"]);
        },
        "amd64 means x86_64",
        "",
        false
    ),
    row!(
        "two-architectures",
        Warning,
        |f| f.built("m", "1.0", K, "amd64", &["m"]),
        "the same machine as x86_64",
        "dkms unbuild m/1.0 -k 6.1.0-55-amd64/amd64",
        false
    ),
    row!(
        "older-active",
        Warning,
        |f| {
            f.source("m", "1.1", &["m"]);
            f.added("m", "1.1");
            f.built("m", "1.1", K, &f.arch, &["m"]);
        },
        "m/1.1 is registered",
        "evermod install m/1.1 -k 6.1.0-55-amd64",
        true
    ),
    row!(
        "tree-link",
        Note,
        |f| {
            std::fs::rename(f.at("/var/lib/dkms"), f.at("/srv-dkms")).unwrap();
            f.link("/srv-dkms", "/var/lib/dkms");
        },
        "/srv-dkms",
        "",
        false
    ),
    row!(
        "old-database",
        Note,
        |f| f.file("/var/lib/dkms/dkms_dbversion", "2.0.0\n"),
        "2.8.8",
        "rm /var/lib/dkms/dkms_dbversion",
        false
    ),
    row!(
        "unreadable-conf",
        Problem,
        |f| f.file("/usr/src/m-1.0/dkms.conf", "PACKAGE_NAME=m\nAUTOINSTALL=perhaps\n"),
        "/usr/src/m-1.0/dkms.conf",
        "evermod remove m/1.0 --all",
        false
    ),
    row!(
        "unreadable-conf",
        Problem,
        |f| f.remove("/usr/src/m-1.0/dkms.conf"),
        "does not exist",
        "evermod remove",
        false
    ),
    row!(
        "incomplete-build",
        Problem,
        |f| f.remove(&tree(f, &format!("1.0/{K}/ARCH/module/m.ko"))),
        "m.ko is missing in the tree",
        "evermod sync",
        true
    ),
    row!(
        "no-headers",
        Problem,
        |f| f.bare_kernel("6.12.1-amd64"),
        "m/1.0",
        "apt install linux-headers-6.12.1-amd64",
        false
    ),
    row!("not-installed", Problem, |f| f.kernel("6.12.1-amd64"), "not built", "evermod sync", true),
    row!(
        "kernel-gone",
        Warning,
        |f| f.built("m", "1.0", "5.10.0-8-amd64", &f.arch, &["m"]),
        "kernel 5.10.0-8-amd64",
        "dkms kernel_prerm -k 5.10.0-8-amd64",
        false
    ),
    row!(
        "kernel-leftover",
        Warning,
        |f| f.file("/lib/modules/5.10.0-8-amd64/modules.softdep", ""),
        "/lib/modules/5.10.0-8-amd64",
        "rm -r /lib/modules/5.10.0-8-amd64",
        false
    ),
    row!(
        "depmod-pending",
        Problem,
        |f| f.file(&format!("/var/lib/evermod/pending/{K}"), ""),
        "depmod has not run since",
        "evermod sync",
        true
    ),
    row!(
        "depmod-pending",
        Warning,
        |f| f.file(&format!("/var/lib/dkms/depmod-pending-{K}-x86_64"), ""),
        "DKMS was cut off",
        "evermod sync",
        true
    ),
    row!(
        "cut-off",
        Warning,
        |f| f.file("/var/lib/evermod/lock", "sync (process 1)\n"),
        "sync (process 1)",
        "evermod sync",
        true
    ),
];
