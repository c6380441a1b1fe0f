//! What can be wrong on a Debian system in the middle of an apt or dpkg run: a compiler of which half is there, file systems
//! that are mounted read-only, packages that go their own way. Nothing is left unconfigured by it, and nothing is lost.

use anyhow::{Context as _, Result, ensure};
use evermod_tests::apt::{Machine, built, said, written};
use evermod_tests::need;
use evermod_tests::roots::Output;

macro_rules! machine {
    ($root:expr) => {
        match Machine::new($root)? {
            Some(machine) => machine,
            None => return Ok(()),
        }
    };
}

/// How many lines of a run have a text in them.
fn lines(output: &Output, text: &str) -> usize {
    output.all().lines().filter(|line| line.contains(text)).count()
}

/// A package as it is installed, as a file again: `repack NAME` prints its place.
const REPACK: &str = r#"
repack() {
  d=$(mktemp -d); mkdir $d/DEBIAN
  dpkg-query -L $1 | while read -r f; do if [ -L "$f" ] || [ -f "$f" ]; then echo "$f"; fi; done | tar -C / -cPf - -T - | tar -C $d -xf -
  dpkg-query -s $1 | grep -v '^Status: ' | sed '/^Conffiles:/,/^[^ ]/{/^Conffiles:/d;/^ /d}' >$d/DEBIAN/control
  dpkg-deb --root-owner-group -b $d /tmp/$1.deb >/dev/null; rm -r $d; echo /tmp/$1.deb
}
"#;

/// The calls of dpkg that apt makes where it cannot unpack all before it configures the first: the kernel is configured while
/// a part of the compiler is not there yet. `path` is a pattern of a file in the package that comes late, `said` what is told.
fn half_a_compiler(root: &str, path: &str, told: &str) -> Result<()> {
    let m = machine!(root);
    m.apt("install acpi-call-dkms")?;
    let (image, headers) = m.coming()?;
    let files = m.files(&format!("{image} {headers}"))?;
    let script = format!(
        "set -e; {REPACK} p=$(dpkg-query -S '{path}' | head -n 1 | cut -d: -f1); repack $p; dpkg --force-all --remove $p"
    );
    let late = m.root.sh(&script)?.ok()?.stdout;
    let late = late.lines().next().context("no package has it")?.to_owned();

    let new = image.trim_start_matches("linux-image-");
    let script =
        format!("set -e; dpkg --no-triggers --unpack {files}; dpkg --no-triggers --configure {image} 2>&1");
    let first = m.root.sh(&script)?.ok()?;
    m.lacks("acpi_call", new)?;
    ensure!(lines(&first, told) == 1, "{told} is not told once:\n{}", first.all());
    ensure!(lines(&first, "yet, and is tried again at the end: ") == 1, "{}", first.all());
    ensure!(!first.all().contains("Deleting"), "what make clears away is no error:\n{}", first.all());
    ensure!(
        !m.root.exists("/var/lib/evermod/failed/acpi-call/1.2.2")? || {
            m.root.sh("! find /var/lib/evermod/failed -name '*.json' | grep -q .")?.status == 0
        },
        "it is remembered"
    );

    let second = m.clean(&format!("dpkg --no-triggers --unpack {late}; dpkg --configure -a"))?;
    m.has("acpi_call", new)?;
    m.initramfs_has("acpi_call", new)?;
    ensure!(built(&second, "acpi-call/1.2.2", new) == 1, "{}", second.all());
    ensure!(
        written(&first, new) + written(&second, new) == 2,
        "once without it, once with it: {}",
        second.all()
    );
    // Where nobody is there to try again, the state says what is wrong; it is tried again all the same.
    m.root
        .sh(&format!(
            "dpkg --force-all --remove $(dpkg-deb -f {late} Package); dkms unbuild acpi-call/1.2.2 -k {new}"
        ))?
        .ok()?;
    let broken = m.root.run(&["evermod", "sync", "-k", new])?;
    ensure!(broken.status == 11 && broken.all().contains(told), "{}", broken.all());
    ensure!(m.root.run(&["evermod", "status"])?.all().contains(told), "status does not say why");
    m.clean(&format!("dpkg -i {late}"))?;
    m.root.run(&["evermod", "sync", "-k", new])?.ok()?;
    m.has("acpi_call", new)
}

#[test]
fn a_compiler_without_its_better_half_is_not_taken_for_one_that_refuses_debian_12() -> Result<()> {
    need!();
    half_a_compiler("apt12", "*/cc1", "cc1")
}

#[test]
fn a_compiler_without_a_library_is_not_taken_for_one_that_refuses_debian_13() -> Result<()> {
    need!();
    half_a_compiler("apt13", "*/libisl.so.*", "error while loading shared libraries: libisl.so")
}

/// /usr as administrators mount it between upgrades: the modules are built, wait, and are put in their place later.
#[test]
fn a_read_only_usr_is_told_once_and_loses_nothing() -> Result<()> {
    need!();
    let m = machine!("apt13");
    let kernel = m.newest()?;
    let (one, two) = (m.driver("hello", "1.0", "")?, m.driver("hello", "2.0", "")?);
    m.apt(&format!("install acpi-call-dkms {one}"))?;
    let tree = "d=$(readlink -f /lib/modules)";
    m.root.sh(&format!("{tree}; mount --bind $d $d && mount -o remount,bind,ro $d && ! touch $d/x"))?.ok()?;

    let output = m.apt(&format!("install {two}"))?;
    ensure!(lines(&output, "mounted read-only") == 1, "{}", output.all());
    ensure!(lines(&output, &format!("kernel {kernel} goes without hello/2.0")) == 1, "{}", output.all());
    ensure!(built(&output, "hello/2.0", &kernel) == 1, "{}", output.all());
    ensure!(m.version("hello", &kernel)? == "1.0", "what is there stays");
    let status = m.status()?;
    ensure!(status.contains(&format!("hello/2.0, {kernel}, x86_64: built")), "{status}");
    for hook in ["postinst.d/00-evermod", "header_postinst.d/00-evermod"] {
        m.root.sh(&format!("/etc/kernel/{hook} {kernel} /boot/vmlinuz-{kernel}"))?.ok()?;
    }
    let sync = m.root.run(&["evermod", "sync"])?;
    ensure!(sync.status == 11 && lines(&sync, "mounted read-only") == 1, "{}", sync.all());
    ensure!(lines(&sync, "built ") == 0, "it was built before: {}", sync.all());

    m.root.sh(&format!("{tree}; umount $d && touch $d/x && rm $d/x"))?.ok()?;
    let sync = m.root.run(&["evermod", "sync"])?.ok()?;
    ensure!(built(&sync, "hello/2.0", &kernel) == 0 && !sync.all().contains("built hello"), "{}", sync.all());
    ensure!(m.version("hello", &kernel)? == "2.0");
    m.has("hello", &kernel)?;
    m.initramfs_has("hello", &kernel)?;
    ensure!(m.root.run(&["evermod", "sync"])?.ok()?.all().contains("Nothing to do"));
    Ok(())
}

/// The other way round: evermod's state cannot be written, a kernel arrives all the same.
#[test]
fn a_read_only_state_is_told_once_and_the_kernel_lands() -> Result<()> {
    need!();
    let m = machine!("apt12");
    m.apt("install acpi-call-dkms")?;
    let before = m.status()?;
    m.root
        .sh("for d in /var/lib/dkms /var/lib/evermod; do mount --bind $d $d && mount -o remount,bind,ro $d; done; ! touch /var/lib/dkms/x")?
        .ok()?;
    let (new, output) = m.upgrade()?;
    ensure!(lines(&output, "mounted read-only") == 1, "{}", output.all());
    ensure!(lines(&output, "evermod sync") == 1, "what to do is not told: {}", output.all());
    ensure!(m.status()? == before, "{}", m.status()?);
    m.lacks("acpi_call", &new)?;
    ensure!(written(&output, &new) == 1, "{}", output.all());
    ensure!(m.root.run(&["evermod", "sync"])?.status == 1);

    m.root.sh("umount /var/lib/dkms /var/lib/evermod")?.ok()?;
    m.root.run(&["evermod", "sync"])?.ok()?;
    m.has("acpi_call", &new)?;
    m.initramfs_has("acpi_call", &new)
}

/// A package that calls dkms itself, and ends where one of these calls does: its module is registered for the kernel that it
/// comes with before its script is run, which must not find an error in that.
#[test]
fn a_package_that_registers_by_itself_comes_with_a_kernel() -> Result<()> {
    need!();
    let m = machine!("apt13");
    let hello = m.driver("hello", "1.0", "")?;
    let script = format!(
        r##"set -e; d=$(mktemp -d); dpkg-deb -R {hello} $d
        printf '%s\n' '#!/bin/sh' 'set -e' '[ "$1" = configure ] || exit 0' 'dkms add -m hello -v 1.0' \
          'for k in /lib/modules/*/build; do k=${{k%/build}}; dkms install -m hello -v 1.0 -k ${{k##*/}}; done' >$d/DEBIAN/postinst
        dpkg-deb --root-owner-group -b $d {hello} >/dev/null"##
    );
    m.root.sh(&script)?.ok()?;
    let old = m.newest()?;
    let output = m.apt(&format!("$(cat /etc/test-upgrade) {hello}"))?;
    let new = m.newest()?;
    ensure!(old != new && lines(&output, "already added") == 0, "{}", output.all());
    for kernel in [&old, &new] {
        m.has("hello", kernel)?;
        m.initramfs_has("hello", kernel)?;
    }
    ensure!(written(&output, &new) == 1, "{}", output.all());
    // Whoever adds it a second time is told.
    let again = m.root.run(&["dkms", "add", "hello/1.0"])?;
    ensure!(again.status == 3, "{}", again.all());
    Ok(())
}

/// Headers that stay when their kernel goes are those of no kernel: nothing is built or put there for them.
#[test]
fn headers_that_outlive_their_kernel_are_built_for_no_more() -> Result<()> {
    need!();
    let m = machine!("apt12");
    let old = m.newest()?;
    let (one, two) = (m.driver("hello", "1.0", "")?, m.driver("hello", "2.0", "")?);
    m.apt(&format!("install {one}"))?;
    let (new, _) = m.upgrade()?;
    m.apt(&format!("purge linux-image-{old}"))?;
    ensure!(m.root.exists(&format!("/lib/modules/{old}/build"))?, "its headers are gone: nothing is tested");
    let output = m.apt(&format!("install {two}"))?;
    ensure!(
        (built(&output, "hello/2.0", &new), built(&output, "hello/2.0", &old)) == (1, 0),
        "{}",
        output.all()
    );
    ensure!(!m.status()?.contains(&old) && !m.root.run(&["evermod", "status"])?.all().contains(&old));
    ensure!(!m.root.exists(&format!("/lib/modules/{old}/updates"))?);
    // Installed again, it gets what it wants.
    m.apt(&format!("install linux-image-{old}"))?;
    ensure!(m.version("hello", &old)? == "2.0");
    m.initramfs_has("hello", &old)
}

/// Front ends that use apt's library from Python: the same hooks, but for the one beside apt's list of packages. Nobody is there,
/// no terminal and no network.
#[test]
fn unattended_upgrades_bring_the_modules_along() -> Result<()> {
    need!();
    let m = machine!("apt13-unattended");
    let (old, picky) = (m.newest()?, m.driver("picky", "1.0", &m.coming_version()?)?);
    m.apt(&format!("install acpi-call-dkms {picky}"))?;
    m.policy("critical = [\"picky\"]")?;
    let upgrade = "unattended-upgrade -v 2>&1; cat /var/log/unattended-upgrades/*.log";
    let before = m.fingerprint()?;
    let refused = m.root.sh(upgrade)?;
    ensure!(before == m.fingerprint()?, "{}", refused.all());
    ensure!(lines(&refused, "picky/1.0 does not build for kernel") > 0, "{}", refused.all());

    m.policy("critical = [\"acpi-call\"]")?;
    let output = m.clean(upgrade)?;
    let new = m.newest()?;
    ensure!(old != new, "{}", output.all());
    m.has("acpi_call", &new)?;
    m.initramfs_has("acpi_call", &new)?;
    m.lacks("picky", &new)?;
    let running = m.root.run(&["uname", "-r"])?.stdout;
    ensure!(!said(&output).iter().any(|line| line.contains(running.trim())), "{}", output.all());
    Ok(())
}
