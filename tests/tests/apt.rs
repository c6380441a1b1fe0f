//! apt, dpkg and evermod on Debian 12 and 13, case by case: kernels, headers and drivers in every order, what fails on
//! the way, and what apt says of it. More of this, of Debian 12 only, is in `transactions.rs`.
//! The kernels are those for virtual machines, in `demo` the ones with all drivers.
//!
//! Names of cases: B, T2, C2, C3, C4 and G are where DKMS was seen to leave a Debian system broken or without its module;
//! P1 to P9 are what has to be so on Debian 12, PT1 and PT2 on Debian 13.

use anyhow::{Context as _, Result, ensure};
use evermod_tests::apt::{Machine, built, said, written};
use evermod_tests::{need, top};

const BOTH: [&str; 2] = ["apt12", "apt13"];

macro_rules! machine {
    ($root:expr) => {
        match Machine::new($root)? {
            Some(machine) => machine,
            None => return Ok(()),
        }
    };
}

/// Point 1: a driver, a new kernel with its headers in one transaction, the driver in its initramfs, which is written once;
/// the old kernel goes with its modules (P9), then the driver goes (P8).
fn a_kernel_lands_with_its_driver(root: &str) -> Result<()> {
    let m = machine!(root);
    let old = m.newest()?;
    let output = m.apt("install acpi-call-dkms")?;
    assert_eq!(built(&output, "acpi-call/1.2.2", &old), 1, "{}", output.all());
    m.has("acpi_call", &old)?;
    m.initramfs_has("acpi_call", &old)?;

    let (new, output) = m.upgrade()?;
    assert_ne!(old, new);
    m.has("acpi_call", &new)?;
    m.initramfs_has("acpi_call", &new)?;
    assert_eq!(written(&output, &new), 1, "{}", output.all());
    assert_eq!(written(&output, &old), 0, "{}", output.all());
    assert_eq!(built(&output, "acpi-call/1.2.2", &new), 1, "{}", output.all());
    let early = output.all().find("evermod: built acpi-call").context("never built")?;
    let initramfs = output.all().find(": Generating /boot/initrd.img").context("no initramfs")?;
    assert!(early < initramfs, "built after the initramfs was made:\n{}", output.all());
    // The kernel that runs is the host's: none of this root's.
    let running = m.root.run(&["uname", "-r"])?.stdout;
    assert!(!said(&output).iter().any(|line| line.contains(running.trim())), "{}", output.all());
    assert!(!m.status()?.contains(running.trim()), "{}", m.status()?);

    let output = m.apt(&format!("purge linux-image-{old} linux-headers-{old}"))?;
    assert!(!m.root.exists(&format!("/lib/modules/{old}"))?, "{}", output.all());
    assert!(!output.all().contains("not empty"), "{}", output.all());
    assert!(!m.status()?.contains(&old), "{}", m.status()?);
    assert_eq!(written(&output, &new), 0, "{}", output.all());
    m.has("acpi_call", &new)?;

    let output = m.apt("purge acpi-call-dkms")?;
    m.lacks("acpi_call", &new)?;
    m.initramfs_lacks("acpi_call", &new)?;
    assert_eq!(written(&output, &new), 1, "{}", output.all());
    assert_eq!(m.status()?, "");
    Ok(())
}

#[test]
fn point_1_p1_p8_p9_debian_12() -> Result<()> {
    need!();
    a_kernel_lands_with_its_driver("demo")
}

#[test]
fn point_1_pt1_debian_13() -> Result<()> {
    need!();
    a_kernel_lands_with_its_driver("apt13")
}

#[test]
fn point_1_pt1_debian_13_with_dracut() -> Result<()> {
    need!();
    a_kernel_lands_with_its_driver("apt13-dracut")
}

/// B and T2: where DKMS leaves packages unconfigured, a dangling /initrd.img, and every later apt run failing.
#[test]
fn b_t2_a_driver_that_does_not_compile_breaks_no_package() -> Result<()> {
    need!();
    for root in BOTH {
        let m = machine!(root);
        let broken = m.driver("broken", "1.0", "0,0,0")?;
        m.apt(&format!("install acpi-call-dkms {broken}"))?;
        let (new, output) = m.upgrade()?;
        let failures = output.all().matches("removed_from_the_kernel").count();
        assert!((1..=2).contains(&failures), "told {failures} times:\n{}", output.all());
        m.has("acpi_call", &new)?;
        m.initramfs_has("acpi_call", &new)?;
        assert_eq!(written(&output, &new), 1, "{}", output.all());
        m.root
            .sh("test -s /initrd.img && test -s /vmlinuz")?
            .ok()
            .context("the links to the new kernel dangle")?;
        assert!(m.root.run(&["readlink", "/initrd.img"])?.stdout.contains(&new));
        // No later run is troubled by it.
        let output = m.apt("--reinstall install acpi-call-dkms")?;
        assert!(!output.all().contains("removed_from_the_kernel"), "{}", output.all());
        assert!(m.root.run(&["evermod", "status"])?.all().contains("removed_from_the_kernel"));
    }
    Ok(())
}

/// C2: DKMS builds when the headers come, and leaves the initramfs as it is.
#[test]
fn c2_headers_that_come_with_a_later_apt_run_debian_13() -> Result<()> {
    need!();
    let m = machine!("apt13");
    m.apt("install acpi-call-dkms")?;
    let (image, headers) = m.coming()?;
    let (meta_image, meta_headers) = m.meta()?;
    m.root.sh(&format!("apt-mark hold {meta_image} {meta_headers}"))?.ok()?;
    let said = m.apt(&format!("install {image}"))?.all();
    let new = m.newest()?;
    m.lacks("acpi_call", &new)?;
    ensure!(said.contains(&format!("evermod: kernel {new} has no headers")), "{said}");
    ensure!(said.contains(&format!("apt install {headers}")), "{said}");
    let output = m.apt(&format!("install {headers}"))?;
    m.has("acpi_call", &new)?;
    m.initramfs_has("acpi_call", &new)?;
    assert_eq!(written(&output, &new), 1, "{}", output.all());
    Ok(())
}

/// C3 and P2: apt is not there at all.
#[test]
fn c3_p2_dpkg_installs_image_and_headers() -> Result<()> {
    need!();
    let m = machine!("apt12");
    m.apt("install acpi-call-dkms")?;
    let (image, headers) = m.coming()?;
    let files = m.files(&format!("{image} {headers}"))?;
    let output = m.clean(&format!("dpkg -i {files}"))?;
    let new = m.newest()?;
    m.has("acpi_call", &new)?;
    m.initramfs_has("acpi_call", &new)?;
    assert_eq!((written(&output, &new), built(&output, "acpi-call/1.2.2", &new)), (1, 1), "{}", output.all());
    Ok(())
}

/// C4 and P3 with dpkg, which calls no hook of apt's: the module comes late, and gets into the initramfs.
#[test]
fn c4_p3_dpkg_installs_the_image_then_the_headers() -> Result<()> {
    need!();
    let m = machine!("apt12");
    m.apt("install acpi-call-dkms")?;
    let (image, headers) = m.coming()?;
    // The meta packages would bring both at once.
    m.remove_meta()?;
    let (image, headers) = (m.files(&image)?, m.files(&headers)?);
    let first = m.clean(&format!("dpkg -i {image}"))?;
    let new = m.newest()?;
    assert!(first.all().contains(&format!("kernel {new} has no headers")), "{}", first.all());
    let second = m.clean(&format!("dpkg -i {headers}"))?;
    m.has("acpi_call", &new)?;
    m.initramfs_has("acpi_call", &new)?;
    assert_eq!(built(&second, "acpi-call/1.2.2", &new), 1, "{}", second.all());
    assert_eq!((written(&first, &new), written(&second, &new)), (1, 1), "{}", second.all());
    Ok(())
}

/// P4: what is built for headers alone is there when the kernel comes, and is not built again.
#[test]
fn p4_headers_first_the_image_later() -> Result<()> {
    need!();
    let m = machine!("apt12");
    m.apt("install acpi-call-dkms")?;
    let (image, headers) = m.coming()?;
    let first = m.apt(&format!("install {headers}"))?;
    let second = m.apt(&format!("install {image}"))?;
    let new = m.newest()?;
    m.has("acpi_call", &new)?;
    m.initramfs_has("acpi_call", &new)?;
    let builds = built(&first, "acpi-call/1.2.2", &new) + built(&second, "acpi-call/1.2.2", &new);
    assert_eq!(builds, 1, "{}{}", first.all(), second.all());
    assert_eq!(written(&first, &new) + written(&second, &new), 1, "{}{}", first.all(), second.all());
    Ok(())
}

/// P6: both kernels get the new version, in one pass; G: a driver's package that is installed again is as it was.
#[test]
fn p6_g_a_driver_is_upgraded_and_installed_again_with_two_kernels() -> Result<()> {
    need!();
    let m = machine!("apt12");
    let (one, two) = (m.driver("hello", "1.0", "")?, m.driver("hello", "2.0", "")?);
    m.apt(&format!("install {one}"))?;
    m.upgrade()?;
    let kernels = m.kernels()?;
    assert_eq!(kernels.len(), 2);
    let output = m.apt(&format!("install {two}"))?;
    for kernel in &kernels {
        assert_eq!(m.version("hello", kernel)?, "2.0");
        m.initramfs_has("hello", kernel)?;
        assert_eq!(
            (built(&output, "hello/2.0", kernel), written(&output, kernel)),
            (1, 1),
            "{}",
            output.all()
        );
    }
    assert!(!m.status()?.contains("hello/1.0"), "{}", m.status()?);

    let output = m.apt(&format!("install --reinstall {two}"))?;
    for kernel in &kernels {
        m.has("hello", kernel)?;
        m.initramfs_has("hello", kernel)?;
        assert!(built(&output, "hello/2.0", kernel) <= 1, "{}", output.all());
        assert!(written(&output, kernel) <= 1, "{}", output.all());
    }
    Ok(())
}

/// P7 and PT2: a driver's new version and a new kernel at once; each kernel gets the new version once, and its
/// initramfs is written once, though Debian 12 configures the driver after the kernel.
#[test]
fn p7_pt2_a_driver_is_upgraded_with_a_new_kernel() -> Result<()> {
    need!();
    for root in BOTH {
        let m = machine!(root);
        let (one, two) = (m.driver("hello", "1.0", "")?, m.driver("hello", "2.0", "")?);
        m.apt(&format!("install {one}"))?;
        // What belongs to no package is nobody's to register.
        m.root.copy_in(&top().join("tests/modules/lender-1.0"), "/usr/src/lender-1.0")?;
        let old = m.newest()?;
        let output = m.apt(&format!("$(cat /etc/test-upgrade) {two}"))?;
        assert!(!m.status()?.contains("lender"), "{}", m.status()?);
        let new = m.newest()?;
        assert_ne!(old, new);
        for kernel in [&old, &new] {
            assert_eq!(m.version("hello", kernel)?, "2.0");
            m.initramfs_has("hello", kernel)?;
            assert_eq!(written(&output, kernel), 1, "{}", output.all());
            assert_eq!(built(&output, "hello/2.0", kernel), 1, "{}", output.all());
            assert_eq!(built(&output, "hello/1.0", kernel), 0, "{}", output.all());
        }
    }
    Ok(())
}

/// Point 2: a kernel that would arrive without a critical module is refused, and nothing has changed. The same module as
/// a wanted one: apt ends well, the failure is told once, and everything else is there.
#[test]
fn point_2_a_critical_module_stops_apt_and_a_wanted_one_does_not() -> Result<()> {
    need!();
    for root in BOTH {
        let m = machine!(root);
        let picky = m.driver("picky", "1.0", &m.coming_version()?)?;
        m.apt(&format!("install acpi-call-dkms {picky}"))?;
        let old = m.newest()?;
        m.has("picky", &old)?;
        m.policy("critical = [\"picky\"]")?;
        let before = m.fingerprint()?;
        let output = m.root.sh("apt-get -q -y -o Dpkg::Use-Pty=0 $(cat /etc/test-upgrade)")?;
        assert_eq!(output.status, 100, "{}", output.all());
        ensure!(before == m.fingerprint()?, "something changed:\n{}", output.all());
        let (image, _) = m.coming()?;
        let new = image.trim_start_matches("linux-image-");
        for expected in ["picky/1.0", new, "removed_from_the_kernel", "picky.c:", "stopped_by=evermod"] {
            assert!(output.all().contains(expected), "{expected} is not told:\n{}", output.all());
        }
        assert_eq!(output.all().matches("removed_from_the_kernel").count(), 1, "{}", output.all());
        assert!(m.root.run(&["dpkg", "--audit"])?.all().is_empty());

        // As wanted, and known to fail: said with the list of packages, and at the end.
        m.policy("critical = []")?;
        let (new, output) = m.upgrade()?;
        assert_ne!(old, new);
        assert_eq!(output.all().matches("removed_from_the_kernel").count(), 1, "{}", output.all());
        assert_eq!(
            output.all().matches(&format!("kernel {new} is left without picky/1.0")).count(),
            1,
            "{}",
            output.all()
        );
        m.has("acpi_call", &new)?;
        m.initramfs_has("acpi_call", &new)?;
        m.lacks("picky", &new)?;
        m.has("picky", &old)?;
        assert_eq!(written(&output, &new), 1, "{}", output.all());
        // Told once, and not again by whatever comes next.
        let output = m.apt("--reinstall install acpi-call-dkms")?;
        assert!(!output.all().contains("picky"), "{}", output.all());
    }
    Ok(())
}

/// Point 2 without anything known beforehand: a wanted module fails where it is built, in the kernel's own hook.
#[test]
fn point_2_a_wanted_module_fails_and_is_told_once() -> Result<()> {
    need!();
    let m = machine!("apt13");
    let picky = m.driver("picky", "1.0", &m.coming_version()?)?;
    m.apt(&format!("install acpi-call-dkms {picky}"))?;
    let (new, output) = m.upgrade()?;
    assert_eq!(output.all().matches("removed_from_the_kernel").count(), 1, "{}", output.all());
    let last = output.all();
    let last = last.lines().rfind(|line| line.contains("evermod: ")).unwrap_or_default();
    assert_eq!(
        last.trim(),
        format!("evermod: kernel {new} is left without picky/1.0; evermod status says why")
    );
    m.has("acpi_call", &new)?;
    assert!(!m.root.exists("/run/evermod/report")?, "it would be told again");
    Ok(())
}

/// Point 3: what was built before the transaction is only put in its place. make is taken away in between.
#[test]
fn point_3_settling_starts_no_compiler() -> Result<()> {
    need!();
    for root in BOTH {
        let m = machine!(root);
        m.apt("install acpi-call-dkms")?;
        m.policy("critical = [\"acpi-call\"]")?;
        let script = "printf 'DPkg::Pre-Install-Pkgs { \"mv /usr/bin/make /usr/bin/make.away\"; };\\n' \
                      >/etc/apt/apt.conf.d/99away";
        m.root.sh(script)?.ok()?;
        let (new, output) = m.upgrade()?;
        assert!(!m.root.exists("/usr/bin/make")?, "nothing is proved");
        m.has("acpi_call", &new)?;
        m.initramfs_has("acpi_call", &new)?;
        assert_eq!(built(&output, "acpi-call/1.2.2", &new), 0, "{}", output.all());
        assert!(
            output.all().contains(&format!("took acpi-call/1.2.2 for {new}, built before")),
            "{}",
            output.all()
        );
        assert_eq!(written(&output, &new), 1, "{}", output.all());
    }
    Ok(())
}

/// Point 4: apt says before its question that a kernel comes without headers; as a critical one's it is refused.
#[test]
fn point_4_a_kernel_without_headers_is_told_before_the_question() -> Result<()> {
    need!();
    for root in BOTH {
        let m = machine!(root);
        m.apt("install acpi-call-dkms")?;
        let (meta_image, meta_headers) = m.meta()?;
        m.apt(&format!("remove {meta_image} {meta_headers}"))?;
        let depends = format!("apt-cache depends {meta_image} | sed -n 's/.*Depends: //p' | head -n 1");
        let image = m.root.sh(&depends)?.ok()?;
        let image = image.stdout.trim();
        let new = image.trim_start_matches("linux-image-");
        let warning = format!(
            "evermod: kernel {new} arrives without headers, so it will lack acpi-call/1.2.2; to install them: apt install linux-headers-{new}"
        );
        // apt asks only where it brings more than it was told to.
        let output = m.root.sh(&format!("apt-get --assume-no install {meta_image} 2>&1"))?;
        let at = |what: &str| output.stdout.find(what).with_context(|| format!("{what}:\n{}", output.stdout));
        assert!(at("The following NEW packages")? < at(&warning)?);
        assert!(at(&warning)? < at("Do you want to continue")?);
        let output = m.root.sh(&format!("apt-get --assume-no install {meta_image} {meta_headers} 2>&1"))?;
        assert!(!output.all().contains("evermod"), "{}", output.all());

        m.policy("critical = [\"acpi-call\"]")?;
        let before = m.fingerprint()?;
        let output = m.root.sh(&format!("apt-get -q -y -o Dpkg::Use-Pty=0 install {image}"))?;
        assert_eq!(output.status, 100, "{}", output.all());
        ensure!(before == m.fingerprint()?, "{}", output.all());
        m.policy("critical = []")?;
        let output = m.apt(&format!("install {image}"))?;
        assert_eq!(output.all().matches(&warning).count(), 1, "{}", output.all());
    }
    Ok(())
}

/// A driver that goes with the same command needs not be there for the kernel that comes.
#[test]
fn a_critical_driver_that_is_removed_stops_nothing() -> Result<()> {
    need!();
    let m = machine!("apt12");
    let picky = m.driver("picky", "1.0", &m.coming_version()?)?;
    m.apt(&format!("install {picky}"))?;
    m.policy("critical = [\"picky\"]")?;
    let old = m.newest()?;
    m.apt("$(cat /etc/test-upgrade) picky-dkms-")?;
    assert_ne!(m.newest()?, old);
    Ok(())
}

/// A file of settings that cannot be read is told, with its place, and stops nothing.
#[test]
fn point_4_settings_that_cannot_be_read_stop_nothing() -> Result<()> {
    need!();
    for root in BOTH {
        let m = machine!(root);
        m.apt("install acpi-call-dkms")?;
        m.root.sh("mkdir -p /etc/evermod; printf '[policy]\\ncritical = [\"acpi-call\"\\n[x\\n' >/etc/evermod/evermod.toml")?.ok()?;
        let (new, output) = m.upgrade()?;
        m.has("acpi_call", &new)?;
        let told = output.all().matches("/etc/evermod/evermod.toml:").count();
        assert_eq!(told, 1, "told {told} times:\n{}", output.all());
        assert!(output.all().contains("/etc/evermod/evermod.toml:3:"), "{}", output.all());
        // Another run is told again; so is whoever calls dpkg himself.
        let again = m.apt("--reinstall install acpi-call-dkms")?;
        assert_eq!(again.all().matches("/etc/evermod/evermod.toml:").count(), 1, "{}", again.all());
        let driver = m.driver("hello", "1.0", "")?;
        let by_hand = m.clean(&format!("dpkg -i {driver}"))?;
        assert_eq!(by_hand.all().matches("/etc/evermod/evermod.toml:").count(), 1, "{}", by_hand.all());
    }
    Ok(())
}

/// Where DKMS's first installation leaves the initramfs without the module: Debian 13 configures the image first.
#[test]
fn point_4_a_first_driver_that_comes_with_the_kernel_debian_13() -> Result<()> {
    need!();
    let m = machine!("apt13");
    let old = m.newest()?;
    let output = m.apt("$(cat /etc/test-upgrade) acpi-call-dkms+")?;
    let new = m.newest()?;
    assert_ne!(old, new);
    for kernel in [&old, &new] {
        m.has("acpi_call", kernel)?;
        m.initramfs_has("acpi_call", kernel)?;
        assert_eq!(built(&output, "acpi-call/1.2.2", kernel), 1, "{}", output.all());
    }
    Ok(())
}

/// The power fails while modules are built; nothing has to be remembered for it to be mended.
#[test]
fn point_4_killed_in_the_middle_of_settling() -> Result<()> {
    need!();
    for root in BOTH {
        let m = machine!(root);
        m.apt("install acpi-call-dkms")?;
        // make waits until apt and everything that it has started is killed: dpkg, evermod, the build.
        let script = r##"
            mv /usr/bin/make /usr/bin/make.real
            printf '%s\n' '#!/bin/sh' '[ ! -e /etc/wait-now ] || sleep 60' 'exec /usr/bin/make.real "$@"' >/usr/bin/make
            chmod 755 /usr/bin/make; touch /etc/wait-now
            apt-get -q -y -o Dpkg::Use-Pty=0 $(cat /etc/test-upgrade) >/tmp/killed 2>&1 &
            apt=$!
            below() { echo "$1"; for child in $(ps -o pid= --ppid "$1"); do below "$child"; done; }
            for _ in $(seq 600); do
              all=$(below "$apt")
              case $(ps -o comm= -p "$(echo $all | tr ' ' ,)") in *make*sleep*) found=1; break ;; esac
              sleep 0.2
            done
            [ -n "$found" ] || { cat /tmp/killed; exit 1; }
            kill -9 $all
            wait; rm /etc/wait-now"##;
        m.root.sh(script)?.ok()?;
        let new = m.newest()?;
        m.lacks("acpi_call", &new)?;
        // What an administrator does: dpkg says that it has to be told, and evermod needs no word of it.
        m.root.run(&["evermod", "sync"])?.ok()?;
        m.has("acpi_call", &new)?;
        let output = m.clean("dpkg --configure -a")?;
        m.initramfs_has("acpi_call", &new)?;
        assert_eq!(built(&output, "acpi-call/1.2.2", &new), 0, "built again:\n{}", output.all());
    }
    Ok(())
}

/// dpkg keeps the files below /etc when evermod is removed and not purged.
#[test]
fn files_that_stay_behind_are_silent_and_harmless() -> Result<()> {
    need!();
    for root in BOTH {
        let m = machine!(root);
        m.apt("remove evermod")?;
        for left in ["apt/apt.conf.d/20evermod", "kernel/postinst.d/00-evermod", "kernel/prerm.d/evermod"] {
            assert!(m.root.exists(&format!("/etc/{left}"))?, "{left} is gone: nothing is tested");
        }
        let old = m.newest()?;
        let (new, output) = m.upgrade()?;
        assert_ne!(old, new);
        assert_eq!(said(&output), [""; 0], "{}", output.all());
        assert!(!output.all().contains("not found"), "{}", output.all());
        let output = m.apt(&format!("purge linux-image-{old} linux-headers-{old} evermod"))?;
        assert_eq!(said(&output), [""; 0], "{}", output.all());
        assert!(!m.root.exists("/etc/apt/apt.conf.d/20evermod")?);
    }
    Ok(())
}

/// Point 4: what apt makes of the file that is shipped, on each release.
#[test]
fn point_4_apt_reads_the_shipped_hooks() -> Result<()> {
    need!();
    // Debian testing's as well.
    for root in [BOTH[0], BOTH[1], "newer"] {
        let m = machine!(root);
        let settings = m.root.run(&["apt-config", "dump"])?.ok()?;
        assert_eq!(settings.stderr, "");
        let lines: Vec<_> = settings.stdout.lines().filter(|l| l.contains("evermod")).collect();
        for (name, count) in [
            ("DPkg::Pre-Install-Pkgs:: ", 1),
            ("DPkg::Post-Invoke:: ", 1),
            ("AptCli::Hooks::Install:: ", 1),
            ("AptCli::Hooks::Upgrade:: ", 1),
        ] {
            assert_eq!(lines.iter().filter(|l| l.starts_with(name)).count(), count, "{name}: {lines:#?}");
        }
        // The input's version belongs to this command and to no other.
        let version = lines.iter().find(|l| l.ends_with("::Version \"3\";")).context("no version")?;
        let word = version
            .trim_start_matches("DPkg::Tools::Options::")
            .split("::Version")
            .next()
            .unwrap_or_default();
        let command = format!("\"{} ", word.replace("%3d", "="));
        assert!(
            lines.iter().any(|l| l.starts_with("DPkg::Pre-Install-Pkgs") && l.contains(&command)),
            "{lines:#?}"
        );
    }
    Ok(())
}

/// A program that is there and does not work stops nothing, whatever it is asked.
#[test]
fn point_4_a_program_that_crashes_stops_nothing() -> Result<()> {
    need!();
    for root in BOTH {
        let m = machine!(root);
        m.apt("install acpi-call-dkms")?;
        m.root
            .sh("printf '#!/bin/sh\\necho called >>/tmp/called\\nkill -SEGV $$\\n' >/usr/bin/evermod")?
            .ok()?;
        let old = m.newest()?;
        let output = m.root.sh("apt-get -q -y -o Dpkg::Use-Pty=0 $(cat /etc/test-upgrade)")?.ok()?;
        assert_ne!(m.newest()?, old);
        let audit = m.root.run(&["dpkg", "--audit"])?.all();
        assert!(audit.is_empty(), "{audit}{}", output.all());
        let calls = m.root.read("/tmp/called")?.lines().count();
        assert!(calls >= 7, "called only {calls} times: some hook was not tried");
    }
    Ok(())
}

#[test]
fn nothing_is_said_where_there_is_nothing_to_do() -> Result<()> {
    need!();
    for root in BOTH {
        let m = machine!(root);
        m.apt("install acpi-call-dkms")?;
        let script = "set -e; d=/tmp/plain; mkdir -p $d/DEBIAN; printf '%s\\n' 'Package: plain' 'Version: 1' \
                      'Architecture: all' 'Maintainer: nobody <nobody@packages.invalid>' 'Description: none' \
                      >$d/DEBIAN/control; dpkg-deb -b $d /tmp/plain.deb";
        m.root.sh(script)?.ok()?;
        for arguments in [
            "install /tmp/plain.deb",
            "install --reinstall /tmp/plain.deb",
            "purge plain",
            "upgrade --no-act",
        ] {
            let output = m.apt(arguments)?;
            assert_eq!(said(&output), [""; 0], "{arguments}: {}", output.all());
        }
    }
    Ok(())
}
