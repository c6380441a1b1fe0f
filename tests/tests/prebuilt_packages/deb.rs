//! dpkg and apt, on Debian 12 and 13.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use evermod_packaging::module::{Dialect, ModulePackage, TargetKernel};
use evermod_tests::prebuilt::{
    build, depmod_runs, difference, has, hello, kernel, listing, put, sources, watch, without_compiler,
};
use evermod_tests::roots::{Output, Overlay};
use evermod_tests::{need, skip};

use super::dependant;

const BOOKWORM: Dialect = Dialect::Debian { usr_merged: false };
const TRIXIE: Dialect = Dialect::Debian { usr_merged: true };

/// Debian's kernel of this release, in the version that dpkg has of it or that apt would install.
fn debian_kernel(root: &Overlay, release: &str) -> Result<TargetKernel> {
    let image = format!("linux-image-{release}");
    let script = format!("apt-cache show {image} | sed -n 's/^Version: //p' | head -n 1");
    let version = root.sh(&script)?.ok()?.stdout;
    Ok(kernel(release, &image, version.trim()))
}

/// A command that installs or removes; it must leave no package half done.
fn dpkg(root: &Overlay, command: &str) -> Result<Output> {
    let output = root.sh(&format!("{{ {command}; }} 2>&1"))?.ok().with_context(|| command.to_owned())?;
    let audit = root.run(&["dpkg", "--audit"])?.all();
    ensure!(audit.is_empty(), "after {command}:\n{audit}\n{}", output.all());
    Ok(output)
}

/// How often an initramfs of this kernel was written.
fn written(output: &Output, kernel: &str) -> usize {
    output.all().matches(&format!("Generating /boot/initrd.img-{kernel}\n")).count()
}

const LINTIAN: [&str; 3] = ["--fail-on", "error", "--allow-root"];

#[test]
fn dpkg_has_a_prebuilt_in_place_of_what_dkms_built_and_puts_that_back() -> Result<()> {
    need!("lintian");
    // Debian's own dkms, and no evermod.
    let root = Overlay::new("dkms-cloud")?;
    let kernels = root.kernels()?;
    let [k, other] = kernels.as_slice() else { anyhow::bail!("two kernels: {kernels:?}") };
    root.sh(&format!("echo hello >>/etc/initramfs-tools/modules; update-initramfs -c -k {k}"))?.ok()?;
    let target = debian_kernel(&root, k)?;
    let mut paths = Vec::new();
    for version in ["1.0", "2.0"] {
        let module = build(&root, k, version)?;
        paths.push(put(&root, &BOOKWORM, &BOOKWORM.prebuilt(&hello(version, target.clone(), &module))?)?);
    }
    let sources = put(&root, &BOOKWORM, &BOOKWORM.source(&sources()?)?)?;
    for path in paths.iter().chain([&sources]) {
        let output = Command::new("lintian").args(LINTIAN).arg(root.path(path)).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    let clean = listing(&root)?;
    dpkg(&root, &format!("dpkg -i {sources}"))?;
    without_compiler(&root)?;
    watch(&root)?;
    // DKMS's file, and one with another suffix that modprobe might take.
    let place = format!("/lib/modules/{k}/updates/dkms/hello.ko");
    root.sh(&format!("set -e; modinfo {place}; xz -k --check=crc32 {place}; update-initramfs -u -k {k}"))?
        .ok()?;
    depmod_runs(&root)?;
    let before = listing(&root)?;

    let output = dpkg(&root, &format!("dpkg -i {}", paths[0]))?;
    has(&root, k, "1.0", &place)?;
    ensure!(depmod_runs(&root)? == [k.as_str()], "{}", output.all());
    assert_eq!(written(&output, k), 1, "{}", output.all());
    ensure!(!root.exists(&format!("{place}.xz"))? && root.exists(&format!("{place}.xz.evermod-aside"))?);
    let inside = format!(
        "set -e; d=$(mktemp -d); unmkinitramfs /boot/initrd.img-{k} $d; cmp $(find $d -name hello.ko) {place}"
    );
    root.sh(&inside)?.ok()?;
    // The other kernel has DKMS's.
    root.sh(&format!("modinfo -k {other} hello && ! test -e /usr/lib/evermod/prebuilt/{other}"))?.ok()?;

    let output = dpkg(&root, &format!("dpkg -i {}", paths[1]))?;
    has(&root, k, "2.0", &place)?;
    ensure!(depmod_runs(&root)? == [k.as_str()], "{}", output.all());
    root.sh(&inside)?.ok()?;
    root.sh(&format!("dpkg --verify hello-modules-{k}"))?.ok()?;
    let asides = root.sh(&format!("ls /lib/modules/{k}/updates/dkms"))?.ok()?.stdout;
    assert_eq!(asides, "hello.ko\nhello.ko.evermod-aside\nhello.ko.xz.evermod-aside\n");

    let output = dpkg(&root, &format!("dpkg --purge hello-modules-{k}"))?;
    ensure!(depmod_runs(&root)? == [k.as_str()], "{}", output.all());
    assert_eq!(written(&output, k), 1, "{}", output.all());
    let after = listing(&root)?;
    assert!(difference(&before, &after).is_empty(), "{:#?}", difference(&before, &after));
    let status = root.run(&["dkms", "status"])?.ok()?.stdout;
    ensure!(status.matches(": installed\n").count() == 2, "{status}");

    root.sh(&format!("rm {place}.xz"))?.ok()?;
    dpkg(&root, "dpkg --purge hello-dkms")?;
    let left: Vec<String> = difference(&clean, &listing(&root)?)
        .into_iter()
        .filter(|line| {
            !["gcc", "/usr/bin/cc", "/usr/bin/c89", "/usr/bin/c99", "/usr/bin/make", "mok."]
                .iter()
                .any(|known| line.contains(known))
        })
        .map(str::to_owned)
        .collect();
    assert!(left.is_empty(), "{left:#?}");
    Ok(())
}

#[test]
fn apt_keeps_one_provider_and_lets_a_kernel_take_its_prebuilt_along() -> Result<()> {
    need!();
    let root = Overlay::new("cloud")?;
    let kernels = root.kernels()?;
    let [old, new] = kernels.as_slice() else { anyhow::bail!("two kernels: {kernels:?}") };
    root.sh(&format!("echo hello >>/etc/initramfs-tools/modules; update-initramfs -c -k {new}"))?.ok()?;
    let module = build(&root, new, "1.0")?;
    without_compiler(&root)?;
    watch(&root)?;
    // A file of nobody's, which goes with the kernel.
    root.sh(&format!("mkdir -p /lib/modules/{new}/extra; echo x >/lib/modules/{new}/extra/hello.ko"))?
        .ok()?;
    let ours = hello("1.0", debian_kernel(&root, new)?, &module);
    let path = put(&root, &BOOKWORM, &BOOKWORM.prebuilt(&ours)?)?;
    let user = put(&root, &BOOKWORM, &dependant("user", "hello-modules"))?;
    dpkg(&root, &format!("apt-get install -y -q {path} {user}"))?;
    has(&root, new, "1.0", "/updates/dkms/hello.ko")?;

    // For a kernel that is not there.
    let stranger = hello("1.0", kernel("9.9.9-1-amd64", "linux-image-9.9.9-1-amd64", "9.9.9-1"), &module);
    let stranger = put(&root, &BOOKWORM, &BOOKWORM.prebuilt(&stranger)?)?;
    let refused = root.sh(&format!("apt-get install -y -q {stranger}"))?;
    ensure!(
        refused.status == 100 && refused.all().contains("linux-image-9.9.9-1-amd64"),
        "{}",
        refused.all()
    );

    // Another vendor's module with a file of the same name takes the place of ours, and of ours alone.
    let other = ModulePackage {
        module: "hello-next".to_owned(),
        provides: vec!["hello-modules".to_owned()],
        ..ours.clone()
    };
    let other = put(&root, &BOOKWORM, &BOOKWORM.prebuilt(&other)?)?;
    let output = dpkg(&root, &format!("apt-get install -y -q {other}"))?;
    let installed = root
        .sh("dpkg-query -W -f '${Package} ${db:Status-Status}\\n' '*hello*' user | grep ' installed'")?
        .ok()?
        .stdout;
    assert_eq!(
        installed,
        format!("hello-next-modules-{new} installed\nuser installed\n"),
        "{}",
        output.all()
    );
    root.sh(&format!("dpkg --verify hello-next-modules-{new} && modinfo -k {new} hello"))?.ok()?;

    depmod_runs(&root)?;
    let output = dpkg(&root, &format!("apt-get purge -y -q linux-image-{new} linux-headers-{new}"))?;
    // The kernel is going: neither index nor image is worth writing.
    let ours: Vec<String> = depmod_runs(&root)?.into_iter().filter(|run| run == new).collect();
    ensure!(ours.is_empty() && written(&output, new) == 0, "{}", output.all());
    let left = root
        .sh(&format!("find /usr/lib/evermod -name '*{new}*'; find /lib/modules/{new}/ -name '*aside*'"))?
        .stdout;
    ensure!(left.is_empty(), "{left}");
    root.sh(&format!("test -d /lib/modules/{old}/kernel"))?.ok()?;
    Ok(())
}

#[test]
fn a_debian_metapackage_brings_the_prebuilt_of_the_newer_kernel() -> Result<()> {
    need!();
    let root = Overlay::new("apt13")?;
    let old = root.sh("ls /lib/modules")?.ok()?.stdout.trim().to_owned();
    let flavour = root.read("/etc/test-flavour")?.trim().to_owned();
    let new = root
        .sh(&format!(
            "apt-cache depends linux-image-{flavour} | sed -n 's/.*Depends: linux-image-//p' | sort -V | tail -n 1"
        ))?
        .ok()?
        .stdout
        .trim()
        .to_owned();
    ensure!(!new.is_empty() && new != old, "one kernel behind: {old}, {new}");
    let module = build(&root, &old, "1.0")?;
    // The archive of the test, as whoever publishes prebuilts has it.
    root.sh("echo 'deb [trusted=yes] file:/root/packages ./' >/etc/apt/sources.list.d/prebuilt.list")?
        .ok()?;
    let release = |kernel: &str| -> Result<()> {
        let mut target = debian_kernel(&root, kernel)?;
        target.flavour = Some(flavour.clone());
        let prebuilt = hello("1.0", target, &module);
        put(&root, &TRIXIE, &TRIXIE.prebuilt(&prebuilt)?)?;
        put(&root, &TRIXIE, &TRIXIE.metapackage(&prebuilt)?.context("a flavour")?)?;
        let update = "-o Dir::Etc::sourcelist=sources.list.d/prebuilt.list -o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0";
        root.sh(&format!(
            "cd /root/packages && dpkg-scanpackages -m . >Packages && apt-get update -q {update}"
        ))?
        .ok()?;
        Ok(())
    };
    release(&old)?;
    without_compiler(&root)?;
    watch(&root)?;
    root.sh("echo hello >>/etc/initramfs-tools/modules")?.ok()?;
    let output = dpkg(&root, &format!("apt-get install -y -q hello-modules-{flavour}"))?;
    has(&root, &old, "1.0", "/updates/dkms/hello.ko")?;
    ensure!(depmod_runs(&root)? == [old.as_str()], "{}", output.all());

    release(&new)?;
    let output = dpkg(&root, "apt-get -y -q full-upgrade")?;
    has(&root, &new, "1.0", "/updates/dkms/hello.ko")?;
    has(&root, &old, "1.0", "/updates/dkms/hello.ko")?;
    let runs = depmod_runs(&root)?;
    ensure!(runs.iter().all(|run| run.contains(&new)), "{runs:?}\n{}", output.all());
    let initramfs = format!("lsinitramfs /boot/initrd.img-{new} | grep -q '/hello.ko'");
    root.sh(&initramfs)?.ok()?;
    // The older kernel stays for now, and so does its module.
    dpkg(&root, "apt-get -y -q autoremove")?;
    has(&root, &old, "1.0", "/updates/dkms/hello.ko")?;
    Ok(())
}

/// With evermod there: it sees the prebuilt, does nothing for that kernel, and finds its own build again afterwards.
#[test]
fn evermod_gives_way_and_takes_over_again() -> Result<()> {
    need!();
    let Some(root) = Overlay::with_evermod("cloud")? else {
        skip::report("target/dist has no evermod package: run make deb");
        return Ok(());
    };
    let kernels = root.kernels()?;
    let k = kernels.first().context("a kernel")?;
    let target = debian_kernel(&root, k)?;
    let module = build(&root, k, "1.0")?;
    let prebuilt = put(&root, &BOOKWORM, &BOOKWORM.prebuilt(&hello("1.0", target, &module))?)?;
    let sources = put(&root, &BOOKWORM, &BOOKWORM.source(&sources()?)?)?;
    dpkg(&root, &format!("dpkg -i {sources}"))?;
    let ours = "cat /lib/modules/*/updates/dkms/hello.ko* | sha256sum; dkms status";
    let before = root.sh(ours)?.ok()?.stdout;
    ensure!(before.matches(": installed\n").count() == kernels.len(), "{before}");
    watch(&root)?;
    let idle = || -> Result<()> {
        let plan = root.run(&["evermod", "plan"])?.ok()?.all();
        ensure!(plan.contains("Nothing to do."), "{plan}");
        Ok(())
    };

    let output = dpkg(&root, &format!("dpkg -i {prebuilt}"))?;
    has(&root, k, "1.0", "/updates/dkms/hello.ko")?;
    ensure!(
        depmod_runs(&root)? == [k.as_str()] && !output.all().contains("evermod: built"),
        "{}",
        output.all()
    );
    idle()?;
    root.sh(&format!("dpkg --verify hello-modules-{k}"))?.ok()?;

    let output = dpkg(&root, &format!("dpkg --purge hello-modules-{k}"))?;
    // Once by the package, and once more where evermod places its build again.
    let runs = depmod_runs(&root)?;
    ensure!(!runs.is_empty() && runs.iter().all(|run| run.ends_with(k)), "{runs:?}\n{}", output.all());
    assert_eq!(root.sh(ours)?.ok()?.stdout, before, "{}", output.all());
    idle()
}
