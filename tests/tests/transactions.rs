//! Real apt transactions on a Debian system that is one kernel behind: whatever the order in which kernels, headers and
//! drivers come and go, the drivers follow, the initramfs has them, and no package is left unconfigured.

use anyhow::{Result, ensure};
use evermod_tests::apt::{Machine, written};
use evermod_tests::roots::Overlay;
use evermod_tests::{need, skip, top};

macro_rules! machine {
    ($root:expr) => {
        match Machine::new($root)? {
            Some(machine) => machine,
            None => return Ok(()),
        }
    };
}

/// P1 and P5; names of cases are explained in `apt.rs`.
#[test]
fn drivers_follow_an_upgrade_and_a_failing_one_harms_nobody() -> Result<()> {
    need!();
    let m = machine!("demo");
    let old = m.newest()?;
    m.apt("install v4l2loopback-dkms acpi-call-dkms")?;
    m.has("v4l2loopback", &old)?;
    m.has("acpi_call", &old)?;

    let (new, output) = m.upgrade()?;
    assert_ne!(old, new);
    m.has("v4l2loopback", &new)?;
    m.has("acpi_call", &new)?;
    m.initramfs_has("acpi_call", &new)?;
    assert_eq!(written(&output, &new), 1, "{}", output.all());

    let output = m.apt("$(cat /etc/test-jump)")?;
    let next = m.newest()?;
    m.has("acpi_call", &next)?;
    m.lacks("v4l2loopback", &next)?;
    m.initramfs_has("acpi_call", &next)?;
    assert_eq!(written(&output, &next), 1, "{}", output.all());
    // apt's own output names the module, the kernel and the compiler's error.
    assert!(output.all().contains("v4l2loopback"), "{}", output.all());
    assert!(output.all().contains("strlcpy"), "{}", output.all());
    let log = m.root.run(&["evermod", "log", "v4l2loopback", "-k", &next])?.ok()?.all();
    assert!(log.contains("strlcpy"), "{log}");
    let status = m.root.run(&["evermod", "status"])?.all();
    assert!(status.contains("strlcpy"), "{status}");

    // The failure is remembered: no make runs again until an input changes. What make writes stays with a build that failed.
    m.root.sh("printf '#!/bin/sh\\n: >called; exit 1\\n' >/usr/bin/make")?.ok()?;
    let called = "/var/lib/dkms/v4l2loopback/0.12.7/build/called";
    m.root.run(&["evermod", "sync"])?;
    assert!(!m.root.exists(called)?, "the failed module was built again");
    m.root.run(&["evermod", "sync", "--retry"])?;
    assert!(m.root.exists(called)?, "this sees nothing, so nothing is proved above");
    Ok(())
}

/// C2 and P3 with apt.
#[test]
fn headers_that_come_later_still_bring_the_driver_into_the_initramfs() -> Result<()> {
    need!();
    let m = machine!("apt12");
    m.apt("install acpi-call-dkms")?;
    let (image, headers) = m.coming()?;
    // The meta packages would bring both at once.
    m.remove_meta()?;
    let said = m.apt(&format!("install {image}"))?.all();
    let new = m.newest()?;
    m.lacks("acpi_call", &new)?;
    // apt's output says what the kernel goes without, and what brings it.
    ensure!(said.contains(&format!("evermod: kernel {new} has no headers")), "{said}");
    ensure!(said.contains(&format!("apt install {headers}")), "{said}");
    m.apt(&format!("install {headers}"))?;
    m.has("acpi_call", &new)?;
    m.initramfs_has("acpi_call", &new)
}

/// P7 without an older version, and the first installation of driver and kernel together.
#[test]
fn a_driver_that_comes_with_the_kernel_is_in_its_initramfs() -> Result<()> {
    need!();
    let m = machine!("apt12");
    let old = m.newest()?;
    let (image, headers) = m.coming()?;
    m.apt(&format!("install acpi-call-dkms {image} {headers}"))?;
    let new = m.newest()?;
    assert_ne!(old, new);
    for kernel in [&old, &new] {
        m.has("acpi_call", kernel)?;
        m.initramfs_has("acpi_call", kernel)?;
    }
    Ok(())
}

/// P8 and P9, where another driver and another kernel stay.
#[test]
fn a_removed_driver_and_a_removed_kernel_leave_nothing() -> Result<()> {
    need!();
    let m = machine!("demo");
    let old = m.newest()?;
    let (image, headers) = m.coming()?;
    m.apt("install acpi-call-dkms v4l2loopback-dkms")?;
    m.apt(&format!("install {image} {headers}"))?;
    let new = m.newest()?;
    m.has("v4l2loopback", &new)?;

    m.apt("purge acpi-call-dkms")?;
    for kernel in [&old, &new] {
        m.lacks("acpi_call", kernel)?;
        m.has("v4l2loopback", kernel)?;
    }
    assert!(!m.status()?.contains("acpi-call"), "{}", m.status()?);
    assert!(!m.root.exists("/var/lib/dkms/acpi-call")?);

    m.apt(&format!("purge {image} {headers}"))?;
    assert!(
        !m.root.exists(&format!("/lib/modules/{new}"))?,
        "{}",
        m.root.sh(&format!("find /lib/modules/{new}"))?.stdout
    );
    assert!(!m.status()?.contains(&new), "{}", m.status()?);
    m.has("v4l2loopback", &old)
}

/// P5 with a driver that belongs to no package.
#[test]
fn a_driver_that_never_compiles_stops_no_other() -> Result<()> {
    need!();
    let m = machine!("apt12");
    m.root.copy_in(&top().join("tests/modules/broken-1.0"), "/usr/src/broken-1.0")?;
    m.root.run(&["dkms", "add", "broken/1.0"])?.ok()?;
    m.apt("install acpi-call-dkms")?;
    let (new, output) = m.upgrade()?;
    m.has("acpi_call", &new)?;
    m.initramfs_has("acpi_call", &new)?;
    assert!(output.all().contains("removed_from_the_kernel"), "{}", output.all());
    Ok(())
}

#[test]
fn a_machine_that_ran_dkms_is_taken_over_and_can_go_back() -> Result<()> {
    need!();
    let Some(package) = evermod_tests::roots::evermod_package()? else {
        skip::report("target/dist has no evermod package: run make deb");
        return Ok(());
    };
    let m = Machine { root: Overlay::new("apt12")? };
    m.apt("install dkms acpi-call-dkms")?;
    let kernel = m.newest()?;
    let before = (m.status()?, fingerprint(&m, &kernel)?);
    evermod_tests::roots::install_evermod(&m.root, &package)?;
    assert!(m.root.run(&["evermod", "--version"])?.status == 0);
    // Nothing was built anew, and the key that may be enrolled is still the one in use.
    assert_eq!(before, (m.status()?, fingerprint(&m, &kernel)?));
    let (new, _) = m.upgrade()?;
    m.has("acpi_call", &new)?;

    m.apt("install dkms evermod-")?;
    assert!(m.root.exists("/usr/sbin/dkms")?);
    let status = m.status()?;
    for kernel in [&kernel, &new] {
        assert!(status.contains(&format!("acpi-call/1.2.2, {kernel}, x86_64: installed")), "{status}");
    }
    Ok(())
}

/// The key and the installed module, by digest.
fn fingerprint(m: &Machine, kernel: &str) -> Result<String> {
    let script = format!("sha256sum /var/lib/dkms/mok.pub /lib/modules/{kernel}/updates/dkms/acpi_call.ko*");
    Ok(m.root.sh(&script)?.ok()?.stdout)
}
