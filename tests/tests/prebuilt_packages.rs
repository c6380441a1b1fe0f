//! Packages of prebuilt modules in the hands of dpkg and apt, of rpm and dnf, of pacman: they need no compiler, run depmod for
//! their kernel alone, go with it and with nothing left, put back what was there, and follow the newest kernel.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use evermod_packaging::module::{Dialect, KernelPackage, ModulePackage, TargetKernel};
use evermod_packaging::{Architecture, Dependency, Package, RelationKind, Version};
use evermod_tests::need;
use evermod_tests::prebuilt::{
    build, depmod_runs, difference, has, hello, kernel, listing, modules, put, sources, watch,
};
use evermod_tests::roots::{Output, Overlay};

const BOOKWORM: Dialect = Dialect::Debian { usr_merged: false };
const TRIXIE: Dialect = Dialect::Debian { usr_merged: true };
const FEDORA: Dialect = Dialect::Fedora { dist: String::new() };

/// A package of nothing that depends on a name.
fn dependant(name: &str, on: &str) -> Package {
    Package {
        name: name.to_owned(),
        version: Version { epoch: 0, upstream: "1".to_owned(), release: "1".to_owned() },
        architecture: Architecture::Any,
        summary: "needs a module".to_owned(),
        description: "Nothing is in it.".to_owned(),
        maintainer: "evermod tests <tests@packages.invalid>".to_owned(),
        license: "MIT".to_owned(),
        relations: [(RelationKind::Depends, vec![Dependency::on(on)])].into(),
        ..Package::default()
    }
}

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
    let new = root
        .sh("apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: linux-image-//p' | sort -V | tail -n 1")?
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
        target.flavour = Some("amd64".to_owned());
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
    watch(&root)?;
    root.sh("echo hello >>/etc/initramfs-tools/modules")?.ok()?;
    let output = dpkg(&root, "apt-get install -y -q hello-modules-amd64")?;
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

/// Relations that rpm reads out of a package.
fn query(root: &Overlay, what: &str, path: &str) -> Result<String> {
    Ok(root.run(&["rpm", "-qp", what, path])?.ok()?.stdout)
}

fn rpm_follows_kernels(manager: &'static str) -> Result<()> {
    need!();
    let root = Overlay::new(if manager == "dnf5" { "dnf5" } else { "dnf" })?;
    let kernels = root.kernels()?;
    let [old, new] = kernels.as_slice() else { anyhow::bail!("two kernels: {kernels:?}") };
    let dnf = |arguments: &str| -> Result<Output> {
        root.sh(&format!("{manager} -y {arguments} 2>&1"))?.ok().with_context(|| arguments.to_owned())
    };
    let release_of = |kernel: &str| kernel.trim_end_matches(".x86_64").to_owned();
    let packages = |kernel: &str| {
        ["kernel", "kernel-core", "kernel-modules-core"]
            .map(|name| format!("{name}-{}", release_of(kernel)))
            .join(" ")
    };
    root.sh("echo '[ \"${0##*/}\" != dracut ] || echo run >>/var/log/dracut-runs' >/etc/dracut.conf.d/count.conf; : >/var/log/dracut-runs
             printf '[prebuilt]\\nname=prebuilt\\nbaseurl=file:///root/packages\\ngpgcheck=0\\nmetadata_expire=0\\n' >/etc/yum.repos.d/prebuilt.repo
             mkdir -p /root/packages; createrepo_c -q /root/packages")?.ok()?;
    let images = || -> Result<usize> {
        let runs = root.read("/var/log/dracut-runs")?.lines().count();
        root.sh(": >/var/log/dracut-runs")?.ok()?;
        Ok(runs)
    };
    dnf(&format!("install {}", packages(old)))?;
    let modules = modules()?;
    watch(&root)?;
    images()?;
    let release = |kernel: &str, version: &str, module: &[u8]| -> Result<String> {
        let mut target = self::kernel(kernel, "kernel-core", &release_of(kernel));
        target.flavour = Some(String::new());
        let prebuilt = hello(version, target, module);
        let path = put(&root, &FEDORA, &FEDORA.prebuilt(&prebuilt)?)?;
        put(&root, &FEDORA, &FEDORA.metapackage(&prebuilt)?.context("a flavour")?)?;
        root.sh("createrepo_c -q /root/packages")?.ok()?;
        Ok(path)
    };
    let path = release(old, "1.0", &modules[0])?;
    put(&root, &FEDORA, &dependant("user", "kmod-hello"))?;
    root.sh("createrepo_c -q /root/packages")?.ok()?;
    let requires = query(&root, "--requires", &path)?;
    ensure!(requires.contains(&format!("kernel-uname-r = {old}\n")), "{requires}");
    ensure!(query(&root, "--supplements", &path)?.contains(&format!("and kernel-core-uname-r = {old})")));
    ensure!(query(&root, "--provides", &path)?.contains("hello-kmod = 1.0-1\n"));

    // DKMS's file, where it puts them here.
    let dkms = format!("/lib/modules/{old}/extra/hello.ko");
    root.sh(&format!("mkdir -p $(dirname {dkms}); cp /bin/true {dkms}"))?.ok()?;
    let before = listing(&root)?;
    let output = dnf("install kmod-hello user")?;
    has(&root, old, "1.0", "/extra/hello/hello.ko")?;
    ensure!(depmod_runs(&root)? == [old.as_str()] && images()? == 1, "{}", output.all());
    ensure!(!root.exists(&dkms)?);
    root.sh(&format!("rpm -V kmod-hello-{old}"))?.ok()?;

    // The same kernel, a newer version of the module.
    release(old, "2.0", &modules[1])?;
    let output = dnf("upgrade 'kmod-hello*'")?;
    has(&root, old, "2.0", "/extra/hello/hello.ko")?;
    ensure!(depmod_runs(&root)? == [old.as_str()] && images()? == 1, "{}", output.all());

    // A newer kernel: its own writer of indexes and images has done it by the time that we look.
    release(new, "2.0", &modules[1])?;
    let output = dnf(&format!("install {}", packages(new)))?;
    has(&root, new, "2.0", "/extra/hello/hello.ko")?;
    has(&root, old, "2.0", "/extra/hello/hello.ko")?;
    let runs = depmod_runs(&root)?;
    ensure!(runs.iter().all(|run| run.contains(new)) && !runs.contains(new), "{runs:?}\n{}", output.all());
    ensure!(images()? == 1, "{}", output.all());
    dnf("upgrade kmod-hello")?;
    let installed = root.sh("rpm -qa 'kmod-hello*' | sort")?.ok()?.stdout;
    assert_eq!(installed.lines().count(), 3, "{installed}");
    dnf("autoremove")?;
    has(&root, old, "2.0", "/extra/hello/hello.ko")?;

    // The kernel takes it along; without that, what was there comes back.
    dnf(&format!("remove {}", packages(new)))?;
    let left = root.sh(&format!("rpm -qa 'kmod-hello*{new}*'; find /usr/lib/evermod /lib/modules/{new} -path '*{new}*' -name 'hello*'"))?.stdout;
    ensure!(left.is_empty(), "{left}");
    depmod_runs(&root)?;
    images()?;
    let output = dnf("remove 'kmod-hello*' user")?;
    ensure!(depmod_runs(&root)? == [old.as_str()] && images()? == 1, "{}", output.all());
    let left = difference(&before, &listing(&root)?).into_iter().map(str::to_owned).collect::<Vec<_>>();
    assert!(left.is_empty(), "{left:#?}");
    Ok(())
}

#[test]
fn dnf4_follows_kernels() -> Result<()> {
    rpm_follows_kernels("dnf")
}

#[test]
fn dnf5_follows_kernels() -> Result<()> {
    rpm_follows_kernels("dnf5")
}

#[test]
fn rpmlint_finds_no_error() -> Result<()> {
    need!();
    let [module, _] = modules()?;
    let root = Overlay::new("managers")?;
    let mut target = kernel("6.12.107-1.fc43.x86_64", "kernel-core", "6.12.107-1.fc43");
    target.flavour = Some(String::new());
    let prebuilt = hello("1.0", target, module);
    for package in [
        FEDORA.prebuilt(&prebuilt)?,
        FEDORA.metapackage(&prebuilt)?.context("a flavour")?,
        FEDORA.source(&sources()?)?,
    ] {
        let path = put(&root, &FEDORA, &package)?;
        let lint = root.run(&["rpmlint", &path])?.all();
        ensure!(lint.contains("1 packages"), "{lint}");
        // Signing is for whoever publishes. The linter wants depmod to be shown a System.map in /boot, where Fedora has none, and a
        // metapackage to be for every machine, while the kernel that it follows is not.
        let known = [
            "no-signature",
            "postin-with-wrong-depmod",
            "postun-with-wrong-depmod",
            "kmod-hello.x86_64: E: no-binary",
        ];
        let errors: Vec<&str> = lint
            .lines()
            .filter(|line| line.contains(": E: ") && !known.iter().any(|known| line.contains(known)))
            .collect();
        ensure!(errors.is_empty(), "{errors:#?}");
    }
    Ok(())
}

#[test]
fn pacman_upgrades_a_prebuilt_with_its_kernel() -> Result<()> {
    need!();
    let root = Overlay::new("pacman")?;
    let kernels = root.kernels()?;
    let [old, new, ..] = kernels.as_slice() else { anyhow::bail!("four kernels: {kernels:?}") };
    let arch = Dialect::Arch;
    let pacman = |arguments: &str| -> Result<Output> {
        let output = root.sh(&format!("cd /root/packages && pacman --noconfirm {arguments} 2>&1"))?;
        output.ok().with_context(|| arguments.to_owned())
    };
    root.sh("echo hello >>/etc/initramfs-tools/modules; mkdir -p /root/packages")?.ok()?;
    pacman("-Sy linux")?;
    let modules = modules()?;
    watch(&root)?;
    let of = |release: &str, version: &str, module: &[u8]| {
        let pkgver = format!("{}.deb13-1", release.split('+').next().unwrap_or_default());
        let target = TargetKernel {
            pkgbase: Some("linux".to_owned()),
            headers: Some(KernelPackage { name: "linux-headers".to_owned(), version: pkgver.clone() }),
            ..kernel(release, "linux", &pkgver)
        };
        put(&root, &arch, &arch.prebuilt(&hello(version, target, module))?)
    };
    let first = of(old, "1.0", &modules[0])?;
    let second = of(old, "2.0", &modules[1])?;
    let third = of(new, "2.0", &modules[1])?;
    let user = put(&root, &arch, &dependant("user", "HELLO-MODULE"))?;

    // DKMS's file.
    let dkms = format!("/usr/lib/modules/{old}/updates/dkms/hello.ko.zst");
    root.sh(&format!(
        "mkdir -p $(dirname {dkms}); zstd -q /bin/true -o {dkms}; rm -f /var/log/mkinitcpio.log"
    ))?
    .ok()?;
    let before = listing(&root)?;
    let images = || -> Result<String> {
        Ok(root.sh("cat /var/log/mkinitcpio.log; rm /var/log/mkinitcpio.log")?.stdout)
    };
    pacman(&format!("-U {first} {user}"))?;
    has(&root, old, "1.0", "/updates/hello.ko")?;
    assert_eq!(depmod_runs(&root)?, [old.as_str()]);
    assert_eq!(images()?, format!("linux {old}\n"));
    ensure!(!root.exists(&dkms)?);
    root.sh("pacman -Qkk hello-linux && pacman -Dk")?.ok()?;
    pacman(&format!("-U {second}"))?;
    has(&root, old, "2.0", "/updates/hello.ko")?;
    assert_eq!(depmod_runs(&root)?, [old.as_str()]);
    assert_eq!(images()?, format!("linux {old}\n"));

    // The newer kernel alone would leave the module behind, and pacman says so.
    root.sh("ln -sfn new /srv/pacman/now")?.ok()?;
    let refused = root.sh("pacman --noconfirm -Syu 2>&1")?;
    ensure!(refused.status != 0 && refused.all().contains("hello-linux"), "{}", refused.all());
    // A removal while the kernel stays.
    pacman("-R user hello-linux")?;
    assert_eq!(images()?, format!("linux {old}\n"));
    let left = difference(&before, &listing(&root)?).into_iter().map(str::to_owned).collect::<Vec<_>>();
    assert!(left.is_empty(), "{left:#?}");
    pacman(&format!("-U {second}"))?;
    images()?;
    depmod_runs(&root)?;

    // Both in one transaction.
    pacman(&format!("-U /srv/pacman/new/linux-[0-9]*.zst {third}"))?;
    has(&root, new, "2.0", "/updates/hello.ko")?;
    assert_eq!(depmod_runs(&root)?, [new.as_str()]);
    assert_eq!(images()?, format!("linux {new}\n"));
    ensure!(!root.exists(&format!("/usr/lib/modules/{old}"))?, "the older kernel left something");
    pacman("-R linux hello-linux")?;
    ensure!(!root.exists(&format!("/usr/lib/modules/{new}/updates"))?);
    Ok(())
}
