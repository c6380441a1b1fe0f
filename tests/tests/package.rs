//! evermod's own Debian package: what lintian says of it, what it brings, what it leaves.

use std::process::Command;

use anyhow::{Result, ensure};
use evermod_tests::roots::{Overlay, evermod_package, install_evermod};
use evermod_tests::{need, skip};

#[test]
fn lintian_finds_no_error() -> Result<()> {
    need!("lintian");
    let Some(package) = evermod_package()? else {
        skip::report("target/dist has no evermod package: run make deb");
        return Ok(());
    };
    let output =
        Command::new("lintian").args(["--fail-on", "error", "--allow-root"]).arg(package).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}

#[test]
fn it_brings_what_dkms_packages_look_for_and_leaves_nothing_when_purged() -> Result<()> {
    need!();
    let Some(package) = evermod_package()? else {
        skip::report("target/dist has no evermod package: run make deb");
        return Ok(());
    };
    let root = Overlay::new("apt12")?;
    // Times and content of logs and of dpkg's own records change with any transaction.
    let list = "find / -xdev \\( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /var/cache \
                -o -path /var/log -o -path /var/lib/dpkg -o -path /var/lib/apt \\) -prune -o -print | sort";
    let before = root.sh(list)?.ok()?.stdout;
    install_evermod(&root, &package)?;
    for path in ["/usr/bin/evermod", "/usr/sbin/dkms", "/usr/lib/dkms/common.postinst"] {
        assert!(root.exists(path)?, "{path}");
    }
    let version = root.run(&["dkms", "--version"])?.ok()?.stdout;
    assert!(version.starts_with("dkms-3."), "{version}");
    root.sh("apt-get install -y -q --no-install-recommends acpi-call-dkms")?.ok()?;
    root.sh("apt-get purge -y -q acpi-call-dkms evermod")?.ok()?;
    assert_eq!(root.run(&["dpkg", "--audit"])?.all(), "");
    let after = root.sh(list)?.ok()?.stdout;
    let before: Vec<&str> = before.lines().collect();
    let left: Vec<&str> = after.lines().filter(|l| before.binary_search(l).is_err()).collect();
    // The signing key stays, as dkms's does: it may be enrolled in the firmware.
    let left: Vec<&&str> = left
        .iter()
        .filter(|l| !["/var/lib/dkms", "/var/lib/dkms/mok.key", "/var/lib/dkms/mok.pub"].contains(l))
        .collect();
    assert!(left.is_empty(), "left behind: {left:#?}");
    Ok(())
}
