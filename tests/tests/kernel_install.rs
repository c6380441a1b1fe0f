//! Real kernel-install(8) of systemd 252, 257 and 262, with real kernels: modules are there before anybody makes an
//! initramfs, and nothing that becomes of evermod ends a kernel's installation.

use anyhow::{Context as _, Result, ensure};
use evermod_tests::roots::{Entry, Output, Overlay};
use evermod_tests::{need, skip, top};
use std::time::Duration;

/// A root with kernel-install, evermod and a module that is registered and built for no kernel.
struct Machine {
    root: Overlay,
    kernel: String,
}

/// A plugin that writes down what it sees of the module: in place, and known to depmod.
const WITNESS: &str = "#!/bin/sh\nf=$(find /usr/lib/modules/$2/updates -name 'hello.ko*' 2>/dev/null)\n\
    grep -q /hello.ko /usr/lib/modules/$2/modules.dep && i=indexed\necho \"$1 ${f:+there} $i\" >>/root/seen\n";

impl Machine {
    fn new(root: &str) -> Result<Option<Self>> {
        let Some(root) = Entry::new(root).with_evermod()? else {
            skip::report("target/dist has no evermod package: run make deb");
            return Ok(None);
        };
        root.copy_in(&top().join("kernel-install.d"), "/root/kernel-install.d")?;
        root.copy_in(&top().join("tests/modules/hello-1.0"), "/usr/src/hello-1.0")?;
        root.sh(&format!(
            "set -e; rm -f /boot/initrd.img*; dkms add hello/1.0 >/dev/null; cp /root/kernel-install.d/*.install /usr/lib/kernel/install.d; \
             mkdir -p /etc/kernel/install.d /root/w/conf /root/w/boot/0123456789abcdef0123456789abcdef; \
             cp /usr/lib/kernel/install.d/50-depmod.install /root/depmod.install; \
             echo 0123456789abcdef0123456789abcdef >/etc/machine-id; \
             printf 'BOOT_ROOT=/root/w/boot\\nlayout=bls\\nMACHINE_ID=0123456789abcdef0123456789abcdef\\n' >/root/w/conf/install.conf; \
             printf '%b' '{}' >/etc/kernel/install.d/45-witness.install; cp /etc/kernel/install.d/45-witness.install /etc/kernel/install.d/55-witness.install; \
             chmod +x /etc/kernel/install.d/*",
            WITNESS.replace('\'', "'\\''")
        ))?
        .ok()?;
        let kernel = root.kernels()?.pop().context("a kernel")?;
        Ok(Some(Self { root, kernel }))
    }

    /// Calls it with these plugins, hermetically: nothing else of the root's is run, nothing written to /boot.
    fn call(&self, command: &str, plugins: &[&str]) -> Result<Output> {
        let plugins: Vec<String> = plugins
            .iter()
            .map(|name| {
                let dir = if name.contains("witness") { "/etc" } else { "/usr/lib" };
                format!("{dir}/kernel/install.d/{name}.install")
            })
            .collect();
        let image = if command == "add" { format!("/boot/vmlinuz-{}", self.kernel) } else { String::new() };
        self.root.sh(&format!(
            "KERNEL_INSTALL_CONF_ROOT=/root/w/conf KERNEL_INSTALL_PLUGINS='{}' kernel-install {command} {} {image} 2>&1",
            plugins.join(" "),
            self.kernel,
        ))
    }

    /// What the witnesses saw since the last time.
    fn seen(&self) -> Result<Vec<String>> {
        let text = self.root.sh("cat /root/seen; rm -f /root/seen")?.ok()?.stdout;
        Ok(text.lines().map(|line| line.trim().to_owned()).collect())
    }

    fn evermod(&self, verb: &str) -> Result<String> {
        Ok(self.root.sh(&format!("evermod {verb} 2>&1"))?.stdout)
    }
}

const USUAL: [&str; 4] = ["40-evermod", "45-witness", "50-depmod", "55-witness"];

macro_rules! machine {
    ($root:literal) => {
        match Machine::new($root)? {
            Some(machine) => machine,
            None => return Ok(()),
        }
    };
}

fn comes_and_goes(m: &Machine, version: &str) -> Result<()> {
    let shown = m.root.sh("kernel-install --version || systemctl --version")?.all();
    ensure!(shown.contains(&format!(" {version} (")), "{shown}");
    let kernel = &m.kernel;
    let output = m.call("add", &USUAL)?.ok()?.stdout;
    assert_eq!(m.seen()?, ["add there", "add there indexed"], "{output}");
    // depmod is left to the plugin that follows, and the next sync knows that it has run.
    ensure!(output.contains("installed") && !output.contains("evermod: depmod"), "{output}");
    let sync = m.evermod(&format!("sync -k {kernel}"))?;
    ensure!(sync.contains("Nothing to do"), "{sync}");

    // A second time, as Debian's systemd-boot does: quick, and without a word.
    let output = m.call("add", &["40-evermod"])?.ok()?;
    ensure!(!output.stdout.contains("evermod"), "{}", output.stdout);
    ensure!(output.took < Duration::from_secs(3), "{:?}", output.took);

    let output = m.call("remove", &USUAL)?.ok()?.stdout;
    ensure!(m.seen()?.iter().all(|seen| !seen.contains("there")), "{output}");
    ensure!(m.evermod("status")?.contains("missing"), "its registration went too");

    // Without 50-depmod it is ours; and where it was to follow and did not, the next sync makes up for it.
    m.root.sh(&format!("depmod {kernel}"))?.ok()?;
    let output = m.call("add", &["40-evermod", "45-witness"])?.ok()?.stdout;
    assert_eq!(m.seen()?, ["add there indexed"], "{output}");
    m.call("remove", &["40-evermod"])?.ok()?;
    m.root.sh(&format!("depmod {kernel}; rm -f /usr/lib/kernel/install.d/50-depmod.install; \
                        printf '#!/bin/sh\\nexit 77\\n' >/usr/lib/kernel/install.d/50-depmod.install; chmod +x /usr/lib/kernel/install.d/50-depmod.install"))?
        .ok()?;
    m.call("add", &["40-evermod", "45-witness", "50-depmod"])?.ok()?;
    assert_eq!(m.seen()?, ["add there"]);
    let sync = m.evermod(&format!("sync -k {kernel}"))?;
    ensure!(sync.contains(&format!("depmod for {kernel}")), "{sync}");
    m.root.sh(&format!("modinfo -k {kernel} hello"))?.ok()?;
    Ok(())
}

#[test]
fn systemd_252() -> Result<()> {
    need!();
    comes_and_goes(&machine!("older"), "252")
}

#[test]
fn systemd_257() -> Result<()> {
    need!();
    comes_and_goes(&machine!("kernel-install"), "257")
}

#[test]
fn systemd_262() -> Result<()> {
    need!();
    comes_and_goes(&machine!("newer"), "262")
}

/// Any other status than 0 would end the installation of the kernel, and 77 everything after it without a word.
#[test]
fn nothing_that_becomes_of_evermod_ends_it() -> Result<()> {
    need!();
    let m = machine!("kernel-install");
    m.root.sh("cp /usr/bin/evermod /root/evermod")?.ok()?;
    for script in [
        "rm /usr/bin/evermod",
        ": >/usr/bin/evermod",
        "printf '#!/bin/sh\\nexit 77\\n' >/usr/bin/evermod",
        "printf '#!/bin/sh\\nexit 100\\n' >/usr/bin/evermod",
        "printf '#!/bin/sh\\nkill -9 $$\\n' >/usr/bin/evermod",
        "install -m 755 /root/evermod /usr/bin/evermod; rm -rf /var/lib/evermod; : >/var/lib/evermod",
    ] {
        m.root.sh(script)?.ok()?;
        for command in ["add", "remove"] {
            let output = m.call(command, &["40-evermod", "45-witness"])?.ok().context(script)?;
            assert_eq!(m.seen()?.len(), 1, "{script}: {}", output.stdout);
        }
        m.root.sh("install -m 755 /root/evermod /usr/bin/evermod")?.ok()?;
    }
    m.root.sh("rm -f /var/lib/evermod; sed -i 's/^int .*init.*/&\\n#error it is broken/; 1i #error it is broken' /usr/src/hello-1.0/hello.c")?.ok()?;
    let output = m.call("add", &USUAL)?.ok()?.stdout;
    ensure!(output.contains("it is broken"), "{output}");
    assert_eq!(
        m.seen()?,
        ["add", "add"],
        "what does not build is missing, and the kernel comes all the same"
    );
    Ok(())
}

/// The whole of it, with dracut: what counts is what is in the image.
#[test]
fn dracut_finds_the_module() -> Result<()> {
    need!();
    let m = machine!("kernel-install");
    let Machine { root, kernel } = &m;
    root.sh("rm /etc/kernel/install.d/*; mkdir -p /boot/$(cat /etc/machine-id); echo layout=bls >/etc/kernel/install.conf")?.ok()?;
    let add = format!("kernel-install add {kernel} /boot/vmlinuz-{kernel} 2>&1");
    let output = root.sh(&add)?.ok()?.stdout;
    let in_image = "f=$(find /boot/$(cat /etc/machine-id) -name 'initrd*'); test -n \"$f\" && lsinitrd $f | grep -q '/hello.ko'";
    root.sh(in_image)?.ok().with_context(|| output.clone())?;
    root.sh(&format!("kernel-install remove {kernel}"))?.ok()?;
    // And not without us: else this would prove nothing.
    root.sh("ln -s /dev/null /etc/kernel/install.d/40-evermod.install")?.ok()?;
    root.sh(&format!("depmod {kernel}; {add}"))?.ok()?;
    ensure!(root.sh(in_image)?.status != 0, "dracut found a module that is not there");
    Ok(())
}

/// There the plugin that makes the initramfs is number 5, and says with 77 that nobody else is to run.
#[test]
fn image_based_systems() -> Result<()> {
    need!();
    let m = machine!("kernel-install");
    let Machine { root, kernel } = &m;
    root.sh(
        "set -e; rm /etc/kernel/install.d/*; cd /usr/lib/kernel/install.d; rm 50-dracut* 51-* 55-* 90-*; \
         printf '#!/bin/sh\n[ $1 = add ] || exit 0\n[ \"$KERNEL_INSTALL_LAYOUT\" = ostree ] || exit 0\n\
         dracut --force --kver $2 /usr/lib/modules/$2/initramfs.img && depmod $2; exit 77\n' >05-rpmostree.install; \
         chmod +x 05-rpmostree.install; echo layout=ostree >/etc/kernel/install.conf",
    )?
    .ok()?;
    // As in an image that is being built: nobody has run depmod yet.
    root.sh(&format!(
        "rm -f /usr/lib/modules/{kernel}/modules.dep* /usr/lib/modules/{kernel}/modules.alias*"
    ))?
    .ok()?;
    let output = root.sh(&format!("kernel-install add {kernel} /boot/vmlinuz-{kernel} 2>&1"))?.ok()?.stdout;
    root.sh(&format!("lsinitrd /usr/lib/modules/{kernel}/initramfs.img | grep -q /hello.ko"))?
        .ok()
        .with_context(|| output.clone())?;

    // Booted, it cannot be changed: that is said, and is no failure.
    root.sh(&format!(
        "set -e; kernel-install remove {kernel}; : >/run/ostree-booted; mount --bind /usr/lib/modules /usr/lib/modules; \
         mount -o remount,ro,bind /usr/lib/modules"
    ))?
    .ok()?;
    let output = root.sh(&format!("kernel-install add {kernel} /boot/vmlinuz-{kernel} 2>&1"))?;
    ensure!(output.stdout.contains("built where the image is"), "{}", output.stdout);
    Ok(())
}
