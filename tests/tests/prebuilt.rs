//! Packages of prebuilt modules beside a source package and evermod, with each manager: nothing is built for a kernel that a
//! package serves, and what was built before takes over again when the package goes.

use anyhow::{Context as _, Result, ensure};
use evermod_packaging::{Architecture, Entry, Package, ScriptPoint, Version, arch, deb, rpm};
use evermod_tests::apt::{self, built, said, written};
use evermod_tests::need;
use evermod_tests::roots::{Output, Overlay, newest_package};
use evermod_tests::{rpms, skip};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// One module file, and the package that is to bring it.
struct Prebuilt<'a> {
    module: &'a str,
    version: &'a str,
    kernel: &'a str,
    /// The package's name.
    package: String,
    /// Where its module goes.
    path: String,
    content: Vec<u8>,
}

impl Prebuilt<'_> {
    /// As vendors' packages are: modules, what says so, scripts that run depmod for this kernel alone, and put aside what
    /// lay in the modules' place.
    fn package(&self) -> Package {
        let Self { module, version, kernel, package, path, content } = self;
        let record = serde_json::json!({
            "schema": 1, "module": module, "version": version, "kernel": kernel, "arch": "x86_64",
            "package": package, "package_version": format!("{version}-1"),
            "files": [{"path": path, "sha256": format!("{:x}", Sha256::digest(content))}],
            "provenance": {
                "source_sha256": "0".repeat(64), "kernel_package": "", "kernel_package_version": "",
                "compiler": "gcc (Debian)", "evermod": "0.1.0", "build_key": "0".repeat(64),
            },
        });
        let index = format!("[ ! -e /lib/modules/{kernel}/modules.builtin ] || depmod {kernel} || :");
        let aside =
            format!("[ -e {path}.evermod-aside ] || [ ! -e {path} ] || mv {path} {path}.evermod-aside");
        let back =
            format!("[ ! -e {path}.evermod-aside ] || [ -e {path} ] || mv {path}.evermod-aside {path}");
        let script = |lines: &[&str]| format!("#!/bin/sh\n{}\nexit 0\n", lines.join("\n"));
        Package {
            name: package.clone(),
            version: Version { epoch: 0, upstream: (*version).to_owned(), release: "1".to_owned() },
            architecture: Architecture::Machine("x86_64".to_owned()),
            summary: format!("modules of {module} for kernel {kernel}"),
            description: format!("Modules of {module}, built for kernel {kernel}."),
            maintainer: "nobody <nobody@packages.invalid>".to_owned(),
            section: "kernel".to_owned(),
            license: "GPL-2.0-only".to_owned(),
            entries: vec![
                Entry::file(path.clone(), content.clone()),
                Entry::file(format!("/usr/lib/evermod/prebuilt/{kernel}/{module}.json"), record.to_string()),
            ],
            scripts: BTreeMap::from([
                (ScriptPoint::BeforeInstall, script(&[&aside])),
                (ScriptPoint::AfterInstall, script(&[&index])),
                (ScriptPoint::AfterRemove, script(&[&back, &index])),
            ]),
            ..Package::default()
        }
    }
}

/// A module file of the DKMS tree, or wherever else in a root.
fn content(root: &Overlay, path: &str) -> Result<Vec<u8>> {
    let dir = tempfile::tempdir()?;
    let copy = dir.path().join("module");
    root.copy_out(path, &copy)?;
    Ok(fs_err::read(copy)?)
}

/// The file of a module that evermod has built.
fn in_tree(root: &Overlay, module: &str, kernel: &str) -> Result<String> {
    let script = format!("ls /var/lib/dkms/{module}/*/{kernel}/x86_64/module/*.ko*");
    Ok(root.sh(&script)?.ok()?.stdout.trim().to_owned())
}

/// Puts a package's file into a root.
fn put(root: &Overlay, name: &str, package: &[u8]) -> Result<String> {
    let path = format!("/tmp/{name}");
    fs_err::write(root.path(&path), package)?;
    Ok(path)
}

/// Hides what every build needs.
fn without_make(root: &Overlay) -> Result<()> {
    root.sh("mv /usr/bin/make /usr/bin/make.hidden")?.ok()?;
    Ok(())
}

fn with_make(root: &Overlay) -> Result<()> {
    root.sh("mv /usr/bin/make.hidden /usr/bin/make")?.ok()?;
    Ok(())
}

/// What `evermod status` says of a module for a kernel: state and remark.
fn status(root: &Overlay, module: &str, kernel: &str) -> Result<String> {
    let text = root.run(&["evermod", "status"])?.ok()?.stdout;
    let line = text.lines().find(|line| line.starts_with(&format!("{module}/")) && line.contains(kernel));
    let words: Vec<_> = line.with_context(|| text.clone())?.split_whitespace().skip(2).collect();
    Ok(words.join(" "))
}

fn nothing_to_do(root: &Overlay) -> Result<()> {
    let plan = root.run(&["evermod", "plan"])?.ok()?.stdout;
    ensure!(plan == "Nothing to do.\n", "{plan}");
    Ok(())
}

const CALL: &str = "acpi-call";

fn of_debian<'a>(root: &Overlay, kernel: &'a str, dir: &str) -> Result<Prebuilt<'a>> {
    let file = in_tree(root, CALL, kernel)?;
    let name = file.rsplit('/').next().unwrap_or_default();
    Ok(Prebuilt {
        module: CALL,
        version: "1.2.2",
        kernel,
        package: format!("{CALL}-modules-{kernel}"),
        path: format!("{dir}/{kernel}/updates/dkms/{name}"),
        content: content(root, &file)?,
    })
}

fn write_deb(root: &Overlay, prebuilt: &Prebuilt<'_>) -> Result<String> {
    let package = prebuilt.package();
    put(root, &deb::file_name(&package), &deb::write(&package, 1_700_000_000)?)
}

/// A package over a build, and away again; `dir` is where the release's packages have modules.
fn over_a_build(root: &str, dir: &str) -> Result<()> {
    let Some(m) = apt::Machine::new(root)? else { return Ok(()) };
    let kernel = m.newest()?;
    m.apt("install acpi-call-dkms")?;
    let prebuilt = of_debian(&m.root, &kernel, dir)?;
    let (deb, package) = (write_deb(&m.root, &prebuilt)?, &prebuilt.package);
    without_make(&m.root)?;
    let output = m.apt(&format!("install {deb}"))?;
    let says = format!("evermod: removed acpi-call/1.2.2 for {kernel}, which {package} serves");
    // Its script leaves the initramfs as it is.
    ensure!(said(&output).first() == Some(&says) && written(&output, &kernel) == 1, "{}", output.all());
    assert_eq!(status(&m.root, CALL, &kernel)?, format!("prebuilt 1.2.2 from {package} 1.2.2-1"));
    assert_eq!(m.status()?, format!("acpi-call/1.2.2, {kernel}, x86_64: built\n"));
    nothing_to_do(&m.root)?;
    m.has("acpi_call", &kernel)?;
    m.initramfs_has("acpi_call", &kernel)?;
    m.root.sh(&format!("dpkg -V {package} && ! ls {dir}/{kernel}/updates/dkms/*aside"))?.ok()?;
    let doctor = m.root.run(&["evermod", "doctor"])?.all();
    ensure!(!doctor.contains("acpi"), "{doctor}");
    // The same once more: no word.
    let output = m.apt(&format!("--reinstall install {deb}"))?;
    ensure!(!output.all().contains("built "), "{}", output.all());
    m.root.sh(&format!("dpkg -V {package}"))?.ok()?;

    // Verbs know whose it is.
    let refused = m.root.run(&["evermod", "install", CALL, "-k", &kernel])?;
    ensure!(refused.status == 6 && refused.all().contains(package), "{}", refused.all());
    m.root.run(&["dkms", "install", "acpi-call/1.2.2", "-k", &kernel])?.ok()?;
    let kept = m.root.run(&["evermod", "uninstall", CALL, "-k", &kernel])?.ok()?;
    ensure!(kept.all().contains(&format!("apt remove {package}")), "{}", kept.all());
    m.has("acpi_call", &kernel)?;

    // It goes: the build that was kept is installed, and no compiler is there.
    let output = m.apt(&format!("remove {package}"))?;
    assert_eq!(m.status()?, format!("acpi-call/1.2.2, {kernel}, x86_64: installed\n"), "{}", output.all());
    m.has("acpi_call", &kernel)?;
    m.initramfs_has("acpi_call", &kernel)?;
    nothing_to_do(&m.root)?;

    // Damaged, it does not count, and the command that mends it does.
    m.apt(&format!("install {deb}"))?;
    with_make(&m.root)?;
    m.root.sh(&format!("echo >>{}", prebuilt.path))?.ok()?;
    let doctor = m.root.run(&["evermod", "doctor"])?.all();
    ensure!(doctor.contains(&format!("mend: apt install --reinstall {package}")), "{doctor}");
    m.root.sh(&format!("dpkg -i {deb}"))?.ok()?;
    nothing_to_do(&m.root)?;

    // Nothing was kept, since the sources came anew: it is built.
    let output = m.apt("--reinstall install acpi-call-dkms")?;
    assert_eq!(built(&output, "acpi-call/1.2.2", &kernel), 0, "{}", output.all());
    m.root.sh(&format!("dpkg -V {package}"))?.ok()?;
    let output = m.apt(&format!("purge {package}"))?;
    assert_eq!(built(&output, "acpi-call/1.2.2", &kernel), 1, "{}", output.all());
    m.has("acpi_call", &kernel)?;
    m.initramfs_has("acpi_call", &kernel)?;
    Ok(())
}

#[test]
fn over_a_build_debian_12() -> Result<()> {
    need!();
    over_a_build("apt12", "/lib/modules")
}

#[test]
fn over_a_build_debian_13() -> Result<()> {
    need!();
    over_a_build("apt13", "/usr/lib/modules")
}

#[test]
fn a_kernel_that_comes_with_its_modules_prebuilt() -> Result<()> {
    need!();
    let Some(m) = apt::Machine::new("apt12")? else { return Ok(()) };
    m.apt("install acpi-call-dkms")?;
    let (image, headers) = m.coming()?;
    let kernel = image.trim_start_matches("linux-image-").to_owned();
    // These would bring more than is asked for. And somebody else has built it.
    m.remove_meta()?;
    m.apt(&format!("install {headers}"))?;
    let prebuilt = of_debian(&m.root, &kernel, "/lib/modules")?;
    let (deb, package) = (write_deb(&m.root, &prebuilt)?, &prebuilt.package);
    m.apt(&format!("purge {headers}"))?;
    m.root.sh(&format!("rm -rf /var/lib/dkms/acpi-call/1.2.2/{kernel} /lib/modules/{kernel}"))?.ok()?;
    m.root.sh("apt-get -y autoremove")?.ok()?;

    // Without headers, and critical: it is there, so there is nothing to say.
    m.policy("critical = [\"acpi-call\"]")?;
    let output = m.apt(&format!("install {image} {deb}"))?;
    assert_eq!(said(&output), Vec::<String>::new(), "{}", output.all());
    assert_eq!(written(&output, &kernel), 1, "{}", output.all());
    m.has("acpi_call", &kernel)?;
    m.initramfs_has("acpi_call", &kernel)?;
    // What cannot be taken over is not let go.
    let before = m.fingerprint()?;
    let refused = m.root.sh(&format!("apt-get -y remove {package}"))?;
    ensure!(refused.status == 100, "{}", refused.all());
    let says = format!("prebuilt modules of acpi-call/1.2.2 go, and cannot be built for kernel {kernel}");
    ensure!(refused.all().contains(&says), "{}", refused.all());
    ensure!(before == m.fingerprint()?, "something changed");
    // With headers it can, and is: now, for what is critical.
    let output = m.apt(&format!("install {headers}"))?;
    assert_eq!(built(&output, "acpi-call/1.2.2", &kernel), 0, "{}", output.all());
    let output = m.apt(&format!("remove {package}"))?;
    ensure!(
        output.all().contains("building before anything is changed: acpi-call/1.2.2"),
        "{}",
        output.all()
    );
    m.has("acpi_call", &kernel)?;

    // All of it in one transaction; then all of it goes.
    m.policy("")?;
    m.apt(&format!("purge {image} {headers}"))?;
    ensure!(!m.root.exists(&format!("/lib/modules/{kernel}"))?, "something was left below /lib/modules");
    let output = m.apt(&format!("install {image} {headers} {deb}"))?;
    assert_eq!(built(&output, "acpi-call/1.2.2", &kernel), 0, "{}", output.all());
    assert_eq!(written(&output, &kernel), 1, "{}", output.all());
    m.has("acpi_call", &kernel)?;
    m.initramfs_has("acpi_call", &kernel)?;
    let output = m.apt(&format!("purge {image} {headers} {package}"))?;
    ensure!(!output.all().contains("not empty"), "{}", output.all());
    ensure!(!m.root.exists(&format!("/lib/modules/{kernel}"))?, "{}", output.all());
    Ok(())
}

/// What a run of a manager did not do.
fn compiled(output: &Output) -> bool {
    output.all().contains("evermod: built ")
}

#[test]
fn beside_a_build_with_dnf() -> Result<()> {
    need!();
    let Some(m) = rpms::Machine::new("dnf5")? else { return Ok(()) };
    let kernel = m.old.clone();
    m.ok(&format!("install {} hello-dkms-1.0", m.packages(&kernel)))?;
    m.has("hello", &kernel)?;
    let file = in_tree(&m.root, "hello", &kernel)?;
    let name = file.rsplit('/').next().unwrap_or_default();
    let prebuilt = Prebuilt {
        module: "hello",
        version: "1.0",
        kernel: &kernel,
        package: format!("kmod-hello-{kernel}"),
        path: format!("/usr/lib/modules/{kernel}/extra/hello/{name}"),
        content: content(&m.root, &file)?,
    };
    let package = prebuilt.package();
    let rpm = put(&m.root, &rpm::file_name(&package), &rpm::write(&package, 1_700_000_000)?)?;
    m.initramfs_runs()?;
    without_make(&m.root)?;
    let output = m.ok(&format!("install --nogpgcheck {rpm}"))?;
    // modprobe finds the one in the package: ours, elsewhere, is gone, and depmod has seen that.
    let place = m.root.run(&["modinfo", "-k", &kernel, "-n", "hello"])?.ok()?.stdout;
    ensure!(place.contains("/extra/hello/"), "{place}{}", output.all());
    m.root.sh(&format!("test \"$(find /usr/lib/modules/{kernel} -name 'hello.ko*' | wc -l)\" = 1"))?.ok()?;
    assert_eq!(status(&m.root, "hello", &kernel)?, format!("prebuilt 1.0 from kmod-hello-{kernel} 1.0-1"));
    m.initramfs_has("hello", &kernel)?;
    nothing_to_do(&m.root)?;
    let output = m.ok(&format!("remove kmod-hello-{kernel}"))?;
    ensure!(!compiled(&output), "{}", output.all());
    m.has("hello", &kernel)?;
    m.initramfs_has("hello", &kernel)?;
    ensure!(m.status()?.contains(&format!("hello/1.0, {kernel}, x86_64: installed")), "{}", m.status()?);
    with_make(&m.root)?;

    // Kernel and prebuilt in one transaction; here of the same content for a kernel of another name.
    let new = m.new.clone();
    let prebuilt = Prebuilt {
        kernel: &new,
        package: format!("kmod-hello-{new}"),
        path: prebuilt.path.replace(&kernel, &new),
        ..prebuilt
    };
    let package = prebuilt.package();
    let rpm = put(&m.root, &rpm::file_name(&package), &rpm::write(&package, 1_700_000_000)?)?;
    let output = m.ok(&format!("install --nogpgcheck {} {rpm}", m.packages(&new)))?;
    ensure!(!compiled(&output), "{}", output.all());
    ensure!(status(&m.root, "hello", &new)?.starts_with("prebuilt "), "{}", output.all());
    Ok(())
}

#[test]
fn beside_a_build_with_pacman() -> Result<()> {
    need!();
    let Some(evermod) = newest_package("evermod-", ".pkg.tar.zst")? else {
        skip::report("target/dist has no package of evermod for pacman: run make arch");
        return Ok(());
    };
    let root = Overlay::new("pacman")?;
    root.copy_in(&evermod, "/root/evermod-0-1-x86_64.pkg.tar.zst")?;
    let pacman = |arguments: &str| root.sh(&format!("pacman --noconfirm {arguments} 2>&1"))?.ok();
    pacman("-U /root/evermod-0-1-x86_64.pkg.tar.zst")?;
    pacman("-Sy linux linux-headers hello-dkms")?;
    root.sh("echo hello >>/etc/initramfs-tools/modules")?.ok()?;
    let kernel = root.kernels()?.into_iter().next().context("no kernel")?;
    let file = in_tree(&root, "hello", &kernel)?;
    let name = file.rsplit('/').next().unwrap_or_default();
    let prebuilt = Prebuilt {
        module: "hello",
        version: "1.0",
        kernel: &kernel,
        package: "hello-linux".to_owned(),
        path: format!("/usr/lib/modules/{kernel}/updates/{name}"),
        content: content(&root, &file)?,
    };
    let package = prebuilt.package();
    let file = put(&root, &arch::file_name(&package), &arch::write(&package, 1_700_000_000)?)?;
    without_make(&root)?;
    let output = pacman(&format!("-U {file}"))?.stdout;
    ensure!(
        output.contains(&format!("removed hello/1.0 for {kernel}, which hello-linux serves")),
        "{output}"
    );
    let place = root.run(&["modinfo", "-k", &kernel, "-n", "hello"])?.ok()?.stdout;
    ensure!(place.trim().ends_with(&format!("/updates/{name}")), "{place}{output}");
    assert_eq!(status(&root, "hello", &kernel)?, "prebuilt 1.0 from hello-linux 1.0-1");
    nothing_to_do(&root)?;
    // Its initramfs has it as it is now.
    root.sh("lsinitramfs /boot/initramfs-linux.img | grep -q updates/hello.ko")?.ok().context(output)?;
    let output = pacman("-R hello-linux")?;
    ensure!(!compiled(&output), "{}", output.stdout);
    let status = root.run(&["dkms", "status"])?.ok()?.stdout;
    ensure!(status.contains(&format!("hello/1.0, {kernel}, x86_64: installed")), "{status}");
    let place = root.run(&["modinfo", "-k", &kernel, "-n", "hello"])?.ok()?.stdout;
    ensure!(place.contains("/updates/dkms/"), "{place}");
    root.sh("lsinitramfs /boot/initramfs-linux.img | grep -q updates/dkms/hello.ko")?.ok()?;
    Ok(())
}
