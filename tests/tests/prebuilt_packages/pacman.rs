//! pacman, with kernels of Debian's in Arch's packages.

use anyhow::{Context as _, Result, ensure};
use evermod_packaging::module::{Dialect, KernelPackage, TargetKernel};
use evermod_tests::prebuilt::{
    depmod_runs, difference, has, hello, kernel, listing, modules, put, sources, watch, without_compiler,
};
use evermod_tests::roots::{Output, Overlay, newest_package};
use evermod_tests::{need, skip};

use super::dependant;

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
    without_compiler(&root)?;
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
    // Twice `y`: both databases may be of one second, and pacman would take the one for the other.
    let refused = root.sh("pacman --noconfirm -Syyu 2>&1")?;
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

#[test]
fn the_sources_are_built_while_they_are_there() -> Result<()> {
    need!();
    let Some(package) = newest_package("evermod-", ".pkg.tar.zst")? else {
        skip::report("target/dist has no package of evermod for pacman: run make arch");
        return Ok(());
    };
    let root = Overlay::new("pacman")?;
    root.copy_in(&package, "/root/evermod.pkg.tar.zst")?;
    let pacman = |arguments: &str| root.sh(&format!("pacman --noconfirm {arguments} 2>&1"))?.ok();
    pacman("-U /root/evermod.pkg.tar.zst")?;
    pacman("-Sy linux linux-headers")?;
    let kernel = root.kernels()?.first().context("a kernel")?.clone();
    let path = put(&root, &Dialect::Arch, &Dialect::Arch.source(&sources()?)?)?;
    pacman(&format!("-U {path}"))?;
    let place = root.run(&["modinfo", "-k", &kernel, "-n", "hello"])?.ok()?.stdout;
    ensure!(place.contains("/updates/dkms/hello.ko"), "{place}");
    root.run(&["pacman", "-Qkk", "hello-dkms"])?.ok()?;
    pacman("-R hello-dkms")?;
    ensure!(root.run(&["modinfo", "-k", &kernel, "-n", "hello"])?.status != 0);
    assert_eq!(root.run(&["dkms", "status"])?.ok()?.stdout, "");
    Ok(())
}

#[test]
fn namcap_finds_no_error() -> Result<()> {
    if skip::missing(&["namcap"]).is_some() {
        skip::report("needs namcap, which Debian does not have");
        return Ok(());
    }
    let [module, _] = modules()?;
    let target = TargetKernel {
        pkgbase: Some("linux".to_owned()),
        ..kernel("6.12.107-arch1-1", "linux", "6.12.107.arch1-1")
    };
    let package = Dialect::Arch.prebuilt(&hello("1.0", target, module))?;
    let dir = tempfile::tempdir()?;
    let path = dir.path().join(Dialect::Arch.file_name(&package));
    fs_err::write(&path, Dialect::Arch.write(&package, 1_700_000_000)?)?;
    let output = std::process::Command::new("namcap").arg("-m").arg(&path).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success() && !text.lines().any(|line| line.contains(" E: ")), "{text}");
    Ok(())
}
