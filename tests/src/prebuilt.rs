//! Packages of prebuilt modules, made of a real module, and what tests ask of the systems that they are installed on.

use std::sync::OnceLock;

use anyhow::{Context as _, Result, ensure};
use evermod_packaging::Package;
use evermod_packaging::module::{
    About, Dialect, KernelPackage, ModuleFile, ModulePackage, Provenance, SourceContent, SourceFile,
    SourcePackage, TargetKernel,
};

use crate::roots::Overlay;
use crate::top;

/// The time of all that is in the packages.
const DATE: u64 = 1_700_000_000;
/// Where packages are put.
const PACKAGES: &str = "/root/packages";

/// `hello` 1.0 and 2.0, built once for a kernel of Debian 12: managers of packages do not ask which.
///
/// # Errors
/// They do not build.
pub fn modules() -> Result<&'static [Vec<u8>; 2]> {
    static MODULES: OnceLock<std::result::Result<[Vec<u8>; 2], String>> = OnceLock::new();
    let make = || -> Result<[Vec<u8>; 2]> {
        let root = Overlay::new("cloud")?;
        let kernel = root.kernels()?.first().context("a kernel")?.clone();
        Ok([build(&root, &kernel, "1.0")?, build(&root, &kernel, "2.0")?])
    };
    let made = MODULES.get_or_init(|| make().map_err(|error| format!("{error:#}")));
    made.as_ref().map_err(|error| anyhow::anyhow!("{error}"))
}

/// Builds `hello` of this version for a kernel whose headers the root has.
///
/// # Errors
/// It does not build.
pub fn build(root: &Overlay, kernel: &str, version: &str) -> Result<Vec<u8>> {
    let dir = format!("/root/hello-{version}");
    root.copy_in(&top().join("tests/modules/hello-1.0"), &dir)?;
    root.sh(&format!(
        "sed -i 's/MODULE_VERSION(.*)/MODULE_VERSION(\"{version}\")/' {dir}/hello.c && make -C /lib/modules/{kernel}/build M={dir} modules && \
         strip -g {dir}/hello.ko"
    ))?
    .ok()?;
    let module = fs_err::read(root.path(&format!("{dir}/hello.ko")))?;
    root.run(&["rm", "-r", &dir])?.ok()?;
    Ok(module)
}

fn about() -> About {
    About {
        summary: "the smallest driver".to_owned(),
        license: "GPL".to_owned(),
        maintainer: "evermod tests <tests@packages.invalid>".to_owned(),
        homepage: "https://example.org/".to_owned(),
        date: DATE,
        ..About::default()
    }
}

/// The kernel of this release in a package of this name and version.
#[must_use]
pub fn kernel(release: &str, image: &str, version: &str) -> TargetKernel {
    TargetKernel {
        release: release.to_owned(),
        machine: "x86_64".to_owned(),
        arch: "x86_64".to_owned(),
        image: Some(KernelPackage { name: image.to_owned(), version: version.to_owned() }),
        ..TargetKernel::default()
    }
}

/// `hello`, which belongs into the initramfs, in this version for a kernel.
#[must_use]
pub fn hello(version: &str, kernel: TargetKernel, module: &[u8]) -> ModulePackage {
    ModulePackage {
        module: "hello".to_owned(),
        version: version.to_owned(),
        revision: "1".to_owned(),
        provenance: Provenance {
            source_sha256: "0123456789abcdef".repeat(4),
            build_key: "fedcba9876543210".repeat(4),
            kernel_package: kernel.image.clone().unwrap_or_default(),
            compiler: "gcc".to_owned(),
            evermod: env!("CARGO_PKG_VERSION").to_owned(),
        },
        kernel,
        files: vec![ModuleFile {
            name: "hello.ko".to_owned(),
            content: module.to_vec(),
            ..ModuleFile::default()
        }],
        initramfs: true,
        about: about(),
        ..ModulePackage::default()
    }
}

/// The sources of `hello` 1.0.
///
/// # Errors
/// They cannot be read.
pub fn sources() -> Result<SourcePackage> {
    let mut files = Vec::new();
    for file in fs_err::read_dir(top().join("tests/modules/hello-1.0"))? {
        let path = file?.path();
        let name = path.file_name().and_then(|name| name.to_str()).context("a name")?.to_owned();
        files.push(SourceFile {
            path: name,
            mode: 0o644,
            content: SourceContent::File(fs_err::read(&path)?),
        });
    }
    Ok(SourcePackage {
        module: "hello".to_owned(),
        version: "1.0".to_owned(),
        revision: "1".to_owned(),
        files,
        about: about(),
        ..SourcePackage::default()
    })
}

/// Writes a package into the root; returns its path there.
///
/// # Errors
/// It cannot be written.
pub fn put(root: &Overlay, dialect: &Dialect, package: &Package) -> Result<String> {
    let path = format!("{PACKAGES}/{}", dialect.file_name(package));
    fs_err::create_dir_all(root.path(PACKAGES))?;
    fs_err::write(root.path(&path), dialect.write(package, DATE)?)?;
    Ok(path)
}

/// From now on each run of depmod leaves a line.
///
/// # Errors
/// Fails where the root has another layout.
pub fn watch(root: &Overlay) -> Result<()> {
    root.sh(
        "set -e; rm /usr/sbin/depmod
         printf '%s\\n' '#!/bin/bash' 'echo \"$@\" >>/var/log/depmod-runs' 'exec -a depmod /bin/kmod \"$@\"' >/usr/sbin/depmod
         chmod 755 /usr/sbin/depmod; : >/var/log/depmod-runs",
    )?
    .ok()?;
    Ok(())
}

/// Takes the root's compilers away.
///
/// # Errors
/// Fails where one is left.
pub fn without_compiler(root: &Overlay) -> Result<()> {
    let script =
        "rm -f /usr/bin/*gcc* /usr/bin/cc /usr/bin/c89 /usr/bin/c99 /usr/bin/make; ! command -v gcc cc make";
    root.sh(script)?.ok()?;
    Ok(())
}

/// What depmod was called with since this was asked last, call by call; not by what indexes the content of an initramfs.
///
/// # Errors
/// Fails where there is no record.
pub fn depmod_runs(root: &Overlay) -> Result<Vec<String>> {
    let runs = root
        .read("/var/log/depmod-runs")?
        .lines()
        .filter(|run| !run.contains("-b "))
        .map(str::to_owned)
        .collect();
    root.sh(": >/var/log/depmod-runs")?.ok()?;
    Ok(runs)
}

/// Fails unless modprobe would take `hello` of this version from this place, and the file by which programs recognise a
/// prebuilt says what is there.
///
/// # Errors
/// What is wrong.
pub fn has(root: &Overlay, kernel: &str, version: &str, path: &str) -> Result<()> {
    let field = |name: &str| -> Result<String> {
        Ok(root.run(&["modinfo", "-k", kernel, "-F", name, "hello"])?.ok()?.stdout.trim().to_owned())
    };
    let (place, found) = (field("filename")?, field("version")?);
    ensure!(place.ends_with(path) && found == version, "{kernel}: {found} from {place}");
    let text = root.read(&format!("/usr/lib/evermod/prebuilt/{kernel}/hello.json"))?;
    let value: serde_json::Value = serde_json::from_str(&text)?;
    let file = &value["files"][0];
    let (path, sum) = (file["path"].as_str().context("path")?, file["sha256"].as_str().context("sha256")?);
    let sums = root.run(&["sha256sum", path])?.ok()?.stdout;
    ensure!(sums.starts_with(sum) && value["version"] == version, "{text} but {sums}");
    Ok(())
}

/// Every path that a package could leave behind, with the sums of modules; what managers note of themselves aside.
///
/// # Errors
/// Fails where it cannot be listed.
pub fn listing(root: &Overlay) -> Result<String> {
    let script = "find / -xdev \\( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /root -o -path /var/cache \
                  -o -path /var/log -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/lib/rpm -o -path /var/lib/dnf \
                  -o -path /usr/lib/sysimage -o -path /var/lib/pacman \\) -prune -o -print | sort; \
                  find /lib/modules/*/updates /lib/modules/*/extra -type f -exec sha256sum {} + 2>/dev/null | sort";
    Ok(root.sh(script)?.stdout)
}

/// Lines that only one of two texts has.
#[must_use]
pub fn difference<'a>(before: &'a str, after: &'a str) -> Vec<&'a str> {
    let [b, a] = [before, after].map(|text| text.lines().collect::<std::collections::BTreeSet<_>>());
    b.symmetric_difference(&a).copied().collect()
}
