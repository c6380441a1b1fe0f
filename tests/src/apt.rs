//! A Debian system on which apt, dpkg and evermod work, and what can be seen of it afterwards.

use anyhow::{Context as _, Result, ensure};

use crate::roots::{self, Output, Overlay};
use crate::skip;

/// The system under test.
#[derive(Debug)]
pub struct Machine {
    /// Where it lives.
    pub root: Overlay,
}

impl Machine {
    /// The cached root of this name with evermod installed, and `acpi_call` and `hello` wanted in the initramfs. `None` where
    /// there is no package to install; that is reported.
    ///
    /// # Errors
    /// Fails where the root cannot be entered or apt fails.
    pub fn new(root: &str) -> Result<Option<Self>> {
        let Some(root) = Overlay::with_evermod(root)? else {
            skip::report("target/dist has no evermod package: run make deb");
            return Ok(None);
        };
        root.sh(
            "for module in acpi_call hello; do \
             [ ! -d /etc/initramfs-tools ] || echo $module >>/etc/initramfs-tools/modules; \
             [ ! -d /etc/dracut.conf.d ] || echo \"add_drivers+=\\\" $module \\\"\" >>/etc/dracut.conf.d/drivers.conf; done",
        )?
        .ok()?;
        Ok(Some(Self { root }))
    }

    /// Runs apt-get, which must succeed and leave no package half done.
    ///
    /// # Errors
    /// Fails where it does not.
    pub fn apt(&self, arguments: &str) -> Result<Output> {
        self.clean(&format!("apt-get -q -y -o Dpkg::Use-Pty=0 --no-install-recommends {arguments}"))
    }

    /// Runs a command that installs or removes packages; it must succeed and leave no package half done.
    ///
    /// # Errors
    /// Fails where it does not.
    pub fn clean(&self, command: &str) -> Result<Output> {
        // In one stream, so that it is known what came before what.
        let output =
            self.root.sh(&format!("{{ {command}; }} 2>&1"))?.ok().with_context(|| command.to_owned())?;
        let audit = self.root.run(&["dpkg", "--audit"])?.all();
        ensure!(audit.is_empty(), "after {command}:\n{audit}\n{}", output.all());
        Ok(output)
    }

    /// Kernels that have a directory of modules, oldest first.
    ///
    /// # Errors
    /// Fails where there is none.
    pub fn kernels(&self) -> Result<Vec<String>> {
        Ok(self.root.sh("ls /lib/modules | sort -V")?.ok()?.stdout.lines().map(str::to_owned).collect())
    }

    /// The newest of them.
    ///
    /// # Errors
    /// Fails where there is none.
    pub fn newest(&self) -> Result<String> {
        self.kernels()?.pop().context("no kernel")
    }

    /// The meta packages that bring the newest kernel: `linux-image-amd64`, `linux-headers-amd64`, or a flavour's.
    ///
    /// # Errors
    /// Fails in a root that is made for something else.
    pub fn meta(&self) -> Result<(String, String)> {
        let flavour = self.root.read("/etc/test-flavour")?;
        Ok((format!("linux-image-{}", flavour.trim()), format!("linux-headers-{}", flavour.trim())))
    }

    /// Removes them: of the newer kernel they bring more than a test may want.
    ///
    /// # Errors
    /// Fails where apt does.
    pub fn remove_meta(&self) -> Result<()> {
        let (image, headers) = self.meta()?;
        self.apt(&format!("remove {image} {headers}")).map(|_| ())
    }

    /// Brings the newer kernel; returns its release and what apt said.
    ///
    /// # Errors
    /// Fails where apt does.
    pub fn upgrade(&self) -> Result<(String, Output)> {
        let output = self.apt("$(cat /etc/test-upgrade)")?;
        Ok((self.newest()?, output))
    }

    /// The packages of the newer kernel: image, headers.
    ///
    /// # Errors
    /// Fails where none would come.
    pub fn coming(&self) -> Result<(String, String)> {
        let script = "apt-get -s $(cat /etc/test-upgrade) | awk '/^Inst linux-(image|headers)-[0-9].*-amd64 /{print $2}'";
        let names = self.root.sh(script)?.ok()?.stdout;
        let find = |kind: &str| names.lines().find(|n| n.starts_with(kind)).map(str::to_owned);
        find("linux-image-")
            .zip(find("linux-headers-"))
            .with_context(|| format!("no kernel to come: {names}"))
    }

    /// The version of the newer kernel as the preprocessor has it: `6,1,192`.
    ///
    /// # Errors
    /// Fails where none would come.
    pub fn coming_version(&self) -> Result<String> {
        let script = "apt-get -s $(cat /etc/test-upgrade) | sed -nE 's/^Inst linux-image-[0-9].*-amd64 \\(([0-9.]+)-.*/\\1/p'";
        let version = self.root.sh(script)?.ok()?.stdout;
        ensure!(!version.trim().is_empty(), "no kernel to come");
        Ok(version.trim().replace('.', ","))
    }

    /// The downloaded files of these packages and of those that come with them, less what is installed; for dpkg -i.
    ///
    /// # Errors
    /// Fails where one was not downloaded.
    pub fn files(&self, packages: &str) -> Result<String> {
        let script = format!(
            "cd /var/cache/apt/archives; apt-get -s --no-install-recommends install {packages} | \
             sed -nE 's/^Inst ([^ ]+) (\\[[^]]*\\] )?\\(([^ ]+) .*/\\1_\\3/p' | sed 's/:/%3a/' | \
             while read -r name; do ls $PWD/${{name}}_*.deb || exit 1; done | tr '\\n' ' '"
        );
        Ok(self.root.sh(&script)?.ok()?.stdout)
    }

    /// Makes a package `NAME-dkms` of a driver, which builds for kernels older than `breaks` (all, where that is empty),
    /// and whose scripts do what those of Debian's packages do; returns its file.
    ///
    /// # Errors
    /// Fails where dpkg-deb does.
    pub fn driver(&self, name: &str, version: &str, breaks: &str) -> Result<String> {
        let script = format!(
            r##"set -e
            d=/tmp/drivers/{name}-{version}; s=$d/usr/src/{name}-{version}; mkdir -p $d/DEBIAN $s
            printf '%s\n' 'Package: {name}-dkms' 'Version: {version}' 'Architecture: all' 'Depends: dkms' \
              'Maintainer: nobody <nobody@packages.invalid>' 'Description: a driver' >$d/DEBIAN/control
            printf '%s\n' '#!/bin/sh' '[ "$1" != configure ] || exec /usr/lib/dkms/common.postinst {name} {version} "" "" "$2"' \
              >$d/DEBIAN/postinst
            printf '%s\n' '#!/bin/sh' 'case $1 in remove | upgrade | deconfigure) dkms remove -m {name} -v {version} --all ;; esac' \
              'exit 0' >$d/DEBIAN/prerm
            chmod 755 $d/DEBIAN/p*
            printf '%s\n' 'PACKAGE_NAME="{name}"' 'PACKAGE_VERSION="{version}"' 'BUILT_MODULE_NAME[0]="{name}"' \
              'DEST_MODULE_LOCATION[0]="/updates/dkms"' 'AUTOINSTALL="yes"' >$s/dkms.conf
            echo 'obj-m := {name}.o' >$s/Makefile
            printf '%s\n' '#include <linux/module.h>' '#include <linux/version.h>' 'static int __init start(void)' '{{' \
              '#if {breaks}' '	return removed_from_the_kernel();' '#else' '	return 0;' '#endif' '}}' 'module_init(start);' \
              'MODULE_LICENSE("GPL");' 'MODULE_VERSION("{version}");' >$s/{name}.c
            dpkg-deb --root-owner-group -b $d /tmp/drivers/{name}-dkms_{version}.deb >/dev/null"##,
            breaks = if breaks.is_empty() {
                "0".to_owned()
            } else {
                format!("LINUX_VERSION_CODE >= KERNEL_VERSION({breaks})")
            }
        );
        self.root.sh(&script)?.ok()?;
        Ok(format!("/tmp/drivers/{name}-dkms_{version}.deb"))
    }

    /// Fails unless the module is there, for this kernel, signed, known to depmod.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn has(&self, module: &str, kernel: &str) -> Result<()> {
        let field = |f: &str| self.root.run(&["modinfo", "-k", kernel, "-F", f, module])?.ok();
        let place = field("filename")?.stdout;
        ensure!(place.contains("/updates/dkms/"), "{module} for {kernel} is taken from {place}");
        ensure!(field("vermagic")?.stdout.starts_with(&format!("{kernel} ")), "{module}: another kernel's");
        ensure!(!field("signer")?.stdout.trim().is_empty(), "{module} for {kernel} is not signed");
        Ok(())
    }

    /// Fails where anything of the module is there for this kernel.
    ///
    /// # Errors
    /// Says what is there.
    pub fn lacks(&self, module: &str, kernel: &str) -> Result<()> {
        let found =
            self.root.sh(&format!("find /lib/modules/{kernel}/ -name '{module}.ko*' -path '*updates*'"))?;
        ensure!(found.stdout.is_empty(), "still there: {}", found.stdout);
        Ok(())
    }

    /// The version that an installed module says it has.
    ///
    /// # Errors
    /// Fails where it is not there.
    pub fn version(&self, module: &str, kernel: &str) -> Result<String> {
        let said = self.root.run(&["modinfo", "-k", kernel, "-F", "version", module])?.ok()?;
        Ok(said.stdout.trim().to_owned())
    }

    /// Fails unless the kernel's initramfs has the very file that is installed (which it may have unpacked).
    ///
    /// # Errors
    /// Says so.
    pub fn initramfs_has(&self, module: &str, kernel: &str) -> Result<()> {
        let script = format!(
            "set -e; d=$(mktemp -d); unmkinitramfs /boot/initrd.img-{kernel} $d; \
             plain() {{ case $1 in *.xz) xz -dc $1;; *.zst) zstd -qdc $1;; *) cat $1;; esac; }}; \
             plain $(find $d -name '{module}.ko*') >$d/a; plain $(modinfo -k {kernel} -F filename {module}) >$d/b; \
             test -s $d/a; cmp $d/a $d/b"
        );
        self.root.sh(&script)?.ok().with_context(|| format!("{module} in the initramfs of {kernel}"))?;
        Ok(())
    }

    /// Fails unless the kernel has a readable initramfs that is without the module.
    ///
    /// # Errors
    /// Says so.
    pub fn initramfs_lacks(&self, module: &str, kernel: &str) -> Result<()> {
        let script = format!(
            "set -e; d=$(mktemp -d); unmkinitramfs /boot/initrd.img-{kernel} $d; \
             test -n \"$(find $d -type f | head -n 1)\"; find $d -name '{module}.ko*'"
        );
        let found = self.root.sh(&script)?.ok()?.stdout;
        ensure!(found.is_empty(), "in the initramfs of {kernel}: {found}");
        Ok(())
    }

    /// What `dkms status` prints.
    ///
    /// # Errors
    /// Fails where it does.
    pub fn status(&self) -> Result<String> {
        Ok(self.root.run(&["dkms", "status"])?.ok()?.stdout)
    }

    /// A digest of dpkg's database, of every file below /lib/modules, /usr/src and /boot, and of the links to kernels.
    ///
    /// # Errors
    /// Fails where one cannot be read.
    pub fn fingerprint(&self) -> Result<String> {
        let script = "set -e; cd /; sha256sum /var/lib/dpkg/status; ls -ln /vmlinuz* /initrd.img* 2>/dev/null || :; \
                      find lib/modules/ usr/src boot -printf '%p %m %l\\n' | sort; \
                      find lib/modules/ usr/src boot -type f -print0 | sort -z | xargs -0 sha256sum";
        roots::whole(self.root.sh(script)?.ok()?.stdout)
    }

    /// Sets the policy of `evermod.toml`, a line such as `critical = ["hello"]`.
    ///
    /// # Errors
    /// Fails where the file cannot be written.
    pub fn policy(&self, line: &str) -> Result<()> {
        let script =
            format!("mkdir -p /etc/evermod; printf '[policy]\\n%s\\n' '{line}' >/etc/evermod/evermod.toml");
        self.root.sh(&script)?.ok()?;
        Ok(())
    }
}

/// How often a run wrote a kernel's initramfs, whoever did.
#[must_use]
pub fn written(output: &Output, kernel: &str) -> usize {
    let lines = [
        format!("update-initramfs: Generating /boot/initrd.img-{kernel}"),
        format!("dracut: Generating /boot/initrd.img-{kernel}"),
        format!("evermod: wrote the initramfs of {kernel} in "),
    ];
    // evermod keeps what update-initramfs prints to itself.
    output.all().lines().filter(|line| lines.iter().any(|l| line.trim().starts_with(l.as_str()))).count()
}

/// How often a run built a module, `NAME/VERSION`, for a kernel.
#[must_use]
pub fn built(output: &Output, module: &str, kernel: &str) -> usize {
    let line = format!("evermod: built {module} for {kernel} in ");
    output.all().lines().filter(|l| l.trim().starts_with(&line)).count()
}

/// The lines of a run that are evermod's.
#[must_use]
pub fn said(output: &Output) -> Vec<String> {
    output.all().lines().map(str::trim).filter(|l| l.contains("evermod: ")).map(str::to_owned).collect()
}
