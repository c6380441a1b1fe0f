//! rpm, by dnf 4 and dnf 5.

use anyhow::{Context as _, Result, ensure};
use evermod_packaging::module::Dialect;
use evermod_tests::need;
use evermod_tests::prebuilt::{
    depmod_runs, difference, has, hello, kernel, listing, modules, put, sources, watch, without_compiler,
};
use evermod_tests::roots::{Output, Overlay};
use evermod_tests::rpms::Machine;

use super::dependant;

const FEDORA: Dialect = Dialect::Fedora { dist: String::new() };

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
    without_compiler(&root)?;
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
fn the_sources_are_built_while_they_are_there() -> Result<()> {
    need!();
    let Some(m) = Machine::new("dnf")? else { return Ok(()) };
    m.ok(&format!("install {}", m.packages(&m.old)))?;
    let path = put(&m.root, &FEDORA, &FEDORA.source(&sources()?)?)?;
    m.ok(&format!("install {path}"))?;
    m.has("hello", &m.old)?;
    assert_eq!(m.status()?, format!("hello/1.0, {}, x86_64: installed\n", m.old));
    m.root.run(&["rpm", "-V", "hello-dkms"])?.ok()?;
    m.ok("remove hello-dkms")?;
    m.lacks("hello", &m.old)?;
    assert_eq!(m.status()?, "");
    ensure!(!m.root.exists("/usr/src/hello-1.0")?);
    Ok(())
}
