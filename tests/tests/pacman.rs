//! Real transactions of pacman, with kernels of Debian's in Arch's packages: drivers follow, what is critical stops a
//! transaction in time, and whatever becomes of evermod, pacman goes on.

use anyhow::{Context as _, Result, ensure};
use evermod_tests::roots::{Output, Overlay, newest_package};
use evermod_tests::{need, skip, top};

/// The drivers of the root that matter here, all to be in an initramfs.
const MODULES: [&str; 3] = ["hello", "fussy", "acpi_call"];

/// A system of pacman's with evermod, one kernel behind.
struct Machine {
    root: Overlay,
}

impl Machine {
    /// `None` where evermod's package for pacman has not been made.
    fn new(critical: &str) -> Result<Option<Self>> {
        let Some(package) = newest_package("evermod-", ".pkg.tar.zst")? else {
            skip::report("target/dist has no package of evermod for pacman: run make arch");
            return Ok(None);
        };
        let root = Overlay::new("pacman")?;
        root.copy_in(
            &package,
            &format!("/root/{}", package.file_name().unwrap_or_default().to_string_lossy()),
        )?;
        root.sh("pacman -U --noconfirm /root/evermod-*.pkg.tar.zst")?.ok()?;
        root.sh(&format!("printf '%s\\n' {} >>/etc/initramfs-tools/modules", MODULES.join(" ")))?.ok()?;
        let machine = Self { root };
        machine.policy(&format!("critical = [{critical}]"))?;
        Ok(Some(machine))
    }

    /// Writes the policy into evermod.toml.
    fn policy(&self, line: &str) -> Result<()> {
        fs_err::create_dir_all(self.root.path("/etc/evermod"))?;
        fs_err::write(self.root.path("/etc/evermod/evermod.toml"), format!("[policy]\n{line}\n"))?;
        Ok(())
    }

    /// Runs pacman, without a question.
    fn try_pacman(&self, arguments: &str) -> Result<Output> {
        self.root.sh(&format!("cd /srv/pacman/pool && exec pacman --noconfirm {arguments} 2>&1"))
    }

    /// Runs pacman, which must succeed and leave its database in order.
    fn pacman(&self, arguments: &str) -> Result<Output> {
        let output = self.try_pacman(arguments)?.ok().with_context(|| format!("pacman {arguments}"))?;
        self.root.sh("pacman -Dk && ! test -e /var/lib/pacman/db.lck")?.ok()?;
        Ok(output)
    }

    /// The newer packages appear in the repository.
    fn release(&self) -> Result<()> {
        self.root.sh("ln -sfn new /srv/pacman/now")?.ok()?;
        Ok(())
    }

    /// The releases of linux, and of linux-lts: the older and the newer of each.
    fn kernels(&self) -> Result<[String; 4]> {
        self.root.kernels()?.try_into().ok().context("four kernels")
    }

    /// Fails unless the module is there, for this kernel, signed, known to depmod, and what the initramfs has.
    fn has(&self, module: &str, kernel: &str, image: &str) -> Result<()> {
        let script = format!(
            "set -e; f=$(modinfo -k {kernel} -n {module}); case $f in */updates/dkms/*) ;; *) echo \"$f\"; exit 1;; esac; \
             modinfo -F vermagic $f | grep -q '^{kernel} '; test -n \"$(modinfo -F signer $f)\"; \
             d=$(mktemp -d); unmkinitramfs /boot/initramfs-{image}.img $d; \
             plain() {{ case $1 in *.xz) xz -dc $1;; *.zst) zstd -qdc $1;; *) cat $1;; esac; }}; \
             plain $(find $d -name '{module}.ko*') >$d/a; plain $f >$d/b; test -s $d/a; cmp $d/a $d/b"
        );
        self.root.sh(&script)?.ok().with_context(|| format!("{module} for {kernel}"))?;
        Ok(())
    }

    /// What mkinitcpio and 60-depmod did: lines of the log.
    fn log(&self, name: &str) -> Result<Vec<String>> {
        let text = self.root.sh(&format!("cat /var/log/{name}.log 2>/dev/null || :"))?.ok()?.stdout;
        Ok(text.lines().map(str::to_owned).collect())
    }

    fn status(&self) -> Result<String> {
        Ok(self.root.run(&["dkms", "status"])?.ok()?.stdout)
    }

    /// Everything that a transaction may change: pacman's database, modules, sources, images, the DKMS tree.
    fn state(&self) -> Result<String> {
        let script = "cd / && find var/lib/pacman/local usr/lib/modules usr/src boot var/lib/dkms/*/ etc/mkinitcpio.d -printf \
                      '%p %y %m %s %T@ %l\\n' | sort; find var/lib/pacman/local usr/lib/modules/*/updates boot -type f \
                      -exec sha256sum {} + | sort";
        let state = self.root.sh(&format!("cd /; {script}"))?.ok()?.stdout;
        ensure!(state.lines().count() > 1000, "there is nothing to compare: {state}");
        Ok(state)
    }
}

/// How often a text has another.
fn times(text: &str, what: &str) -> usize {
    text.matches(what).count()
}

macro_rules! machine {
    ($critical:literal) => {
        match Machine::new($critical)? {
            Some(machine) => machine,
            None => return Ok(()),
        }
    };
}

#[test]
fn drivers_follow_two_kernels_in_one_transaction() -> Result<()> {
    need!();
    let m = machine!("");
    let [old, new, old_lts, new_lts] = m.kernels()?;
    let output = m.pacman("-Sy linux linux-headers linux-lts linux-lts-headers")?.stdout;
    ensure!(!output.contains("evermod: "), "nothing to do, and yet: {output}");
    m.pacman("-S hello-dkms acpi_call-dkms")?;
    for (kernel, image) in [(&old, "linux"), (&old_lts, "linux-lts")] {
        m.has("hello", kernel, image)?;
        m.has("acpi_call", kernel, image)?;
    }
    m.root.sh("rm /var/log/mkinitcpio.log /var/log/depmod.log")?.ok()?;

    m.release()?;
    let output = m.pacman("-Syyu")?.stdout;
    for (kernel, image) in [(&new, "linux"), (&new_lts, "linux-lts")] {
        m.has("hello", kernel, image)?;
        m.has("acpi_call", kernel, image)?;
        ensure!(times(&output, &format!("built hello/2.0 for {kernel}")) == 1, "{output}");
    }
    // Each image once, each index once by 60-depmod and once by us.
    let mut images = m.log("mkinitcpio")?;
    images.sort();
    assert_eq!(images, [format!("linux {new}"), format!("linux-lts {new_lts}")]);
    assert_eq!(times(&output, "evermod: depmod for"), 2, "{output}");
    let place = |text: &str| output.find(text).context(format!("{text} in\n{output}"));
    ensure!(place("(1/3) 60-depmod")? < place("installed /usr/lib")?, "{output}");
    ensure!(place("depmod for")? < place("==> Building image")?, "{output}");
    // Nothing is left of the old ones, nor of the driver's old version.
    let left = m.root.sh("ls /usr/lib/modules; ls /var/lib/dkms/hello; ls /var/lib/evermod/pending")?.all();
    ensure!(!left.contains(&old) && !left.contains(&old_lts) && !left.contains("1.0"), "{left}");
    assert_eq!(times(&m.status()?, "installed"), 4, "{}", m.status()?);

    // A second time nothing is there to do.
    let output = m.pacman("-S linux hello-dkms")?.stdout;
    ensure!(!output.contains("evermod: "), "{output}");

    // A driver that goes is gone from all kernels and images; a kernel takes its modules along.
    m.pacman("-R hello-dkms")?;
    let left = m.root.sh("find /usr/lib/modules /var/lib/dkms -name 'hello*'; lsinitramfs /boot/initramfs-linux.img | grep hello")?;
    ensure!(left.stdout.is_empty(), "{}", left.stdout);
    let output = m.pacman("-R linux-lts linux-lts-headers")?.stdout;
    ensure!(!m.root.exists(&format!("/usr/lib/modules/{new_lts}"))?, "{output}");
    m.has("acpi_call", &new, "linux")?;
    Ok(())
}

#[test]
fn a_critical_module_that_does_not_build_stops_everything_before_anything_changed() -> Result<()> {
    need!();
    let m = machine!("\"fussy\"");
    let [old, new, ..] = m.kernels()?;
    m.pacman("-Sy linux linux-headers hello-dkms fussy-dkms")?;
    m.has("fussy", &old, "linux")?;
    m.release()?;
    let before = m.state()?;
    let output = m.try_pacman("-Syyu")?;
    assert_eq!(output.status, 1, "{}", output.stdout);
    for text in
        ["fussy/1.0", &new, "fussy.c:", "too few arguments", "no packages were upgraded", "evermod.toml"]
    {
        ensure!(output.stdout.contains(text), "{text} in\n{}", output.stdout);
    }
    similar(&before, &m.state()?)?;
    ensure!(!m.root.exists("/var/lib/pacman/db.lck")?, "the lock is left");
    // Once more: known already, and told all the same.
    let output = m.try_pacman("-Syyu")?;
    ensure!(output.status == 1 && output.stdout.contains("too few arguments"), "{}", output.stdout);
    // As a wanted one it is not tried again: what is known of it is said before anything changes, once.
    m.policy("critical = []")?;
    let output = m.pacman("-Syyu")?.stdout;
    let told = format!("fussy/1.0 did not build for kernel {new} when it was last tried: fussy.c:");
    ensure!(times(&output, &told) == 1 && times(&output, "too few arguments") == 1, "{output}");
    ensure!(output.find(&told) < output.find("upgrading linux"), "{output}");
    m.has("hello", &new, "linux")?;
    // A removal is never stopped.
    m.policy("critical = [\"fussy\"]")?;
    m.pacman("-R fussy-dkms")?;
    Ok(())
}

fn similar(before: &str, after: &str) -> Result<()> {
    let lines = |a: &str, b: &str| {
        let other: std::collections::BTreeSet<_> = b.lines().collect();
        a.lines().filter(|line| !other.contains(line)).take(5).map(str::to_owned).collect::<Vec<_>>()
    };
    ensure!(before == after, "changed: {:?} {:?}", lines(before, after), lines(after, before));
    Ok(())
}

#[test]
fn the_same_module_as_wanted_is_told_once_and_stops_nothing() -> Result<()> {
    need!();
    let m = machine!("");
    let [_, new, ..] = m.kernels()?;
    m.pacman("-Sy linux linux-headers hello-dkms fussy-dkms acpi_call-dkms")?;
    m.release()?;
    let output = m.pacman("-Syyu")?.stdout;
    assert_eq!(times(&output, "too few arguments"), 1, "{output}");
    m.has("hello", &new, "linux")?;
    m.has("acpi_call", &new, "linux")?;
    let status = m.root.run(&["evermod", "status"])?.all();
    ensure!(status.contains("too few arguments"), "{status}");
    // It is known now: told before, in one line, and not built again.
    let output = m.pacman("-S linux")?.stdout;
    assert_eq!(times(&output, "evermod: "), 1, "{output}");
    ensure!(output.contains("when it was last tried"), "{output}");
    Ok(())
}

#[test]
fn what_was_built_before_the_transaction_needs_no_compiler_after_it() -> Result<()> {
    need!();
    let m = machine!("\"hello\", \"acpi*\"");
    let [_, new, _, new_lts] = m.kernels()?;
    m.pacman("-Sy linux linux-headers linux-lts linux-lts-headers hello-dkms acpi_call-dkms")?;
    m.release()?;
    // After preflight there is no make any more.
    m.root.sh(
        "printf '[Trigger]\nType=Path\nOperation=Install\nTarget=usr/lib/modules/*/vmlinuz\n[Action]\nWhen=PreTransaction\n\
         Exec=/bin/rm /usr/bin/make\n' >/usr/share/libalpm/hooks/06-no-compiler.hook",
    )?
    .ok()?;
    let output = m.pacman("-Syyu")?.stdout;
    for (kernel, image) in [(&new, "linux"), (&new_lts, "linux-lts")] {
        m.has("hello", kernel, image)?;
        m.has("acpi_call", kernel, image)?;
        ensure!(output.contains(&format!("took hello/2.0 for {kernel}")), "{output}");
    }
    assert_eq!(times(&output, "evermod: took "), 4, "{output}");
    assert_eq!(times(&output, "evermod: built "), 0, "{output}");
    Ok(())
}

#[test]
fn headers_that_come_later_bring_the_driver_into_the_initramfs() -> Result<()> {
    need!();
    let m = machine!("");
    let [old, new, ..] = m.kernels()?;
    let output = m.pacman("-Sy linux hello-dkms")?.stdout;
    ensure!(output.contains("has no headers") && output.contains("pacman -S linux-headers"), "{output}");
    m.root.sh("rm /var/log/mkinitcpio.log")?.ok()?;
    m.pacman("-S linux-headers")?;
    m.has("hello", &old, "linux")?;
    assert_eq!(m.log("mkinitcpio")?, [format!("linux {old}")]);
    // A kernel whose headers are left behind is named before anything is installed.
    m.release()?;
    let output = m.pacman("-Syyu --ignore linux-headers")?.stdout;
    let before = output.split("post-transaction").next().unwrap_or_default();
    ensure!(before.contains(&format!("kernel {new} arrives without headers")), "{output}");
    ensure!(before.contains("hello/"), "{output}");
    m.pacman("-Syyu")?;
    m.has("hello", &new, "linux")
}

#[test]
fn a_driver_that_changes_its_version_stays_until_the_new_one_is_there() -> Result<()> {
    need!();
    let m = machine!("");
    let [old, ..] = m.kernels()?;
    m.pacman("-Sy linux linux-headers hello-dkms")?;
    assert_eq!(m.log("mkinitcpio")?, [format!("linux {old}")], "kernel and driver at once: one image");
    let content = |what: &str| -> Result<()> {
        let script = format!("xz -dc $(modinfo -k {old} -n hello) | strings | grep -qx -- '.*6{what}'");
        m.root
            .sh(&script)?
            .ok()
            .with_context(|| format!("{what} in hello: {}", m.status().unwrap_or_default()))?;
        m.has("hello", &old, "linux")
    };
    // Another release of the same version.
    let output = m.pacman("-U hello-dkms-1.0-2-any.pkg.tar.zst")?.stdout;
    ensure!(output.contains("built hello/1.0") && !output.contains("removed"), "{output}");
    content("one, again")?;
    m.pacman("-U hello-dkms-2.0-1-any.pkg.tar.zst")?;
    content("two")?;
    // Back again, though the other version's number is higher.
    m.pacman("-U ./hello-dkms-1.0-2-any.pkg.tar.zst")?;
    content("one, again")?;
    assert_eq!(m.status()?.lines().count(), 1, "{}", m.status()?);
    // One that does not build leaves what is there.
    let output = m.pacman("-U /srv/pacman/pool/hello-dkms-3.0-1-any.pkg.tar.zst")?.stdout;
    assert_eq!(times(&output, "removed_from_the_kernel"), 1, "{output}");
    content("one, again")?;
    m.pacman("-U hello-dkms-2.0-1-any.pkg.tar.zst")?;
    content("two")?;
    let left = m.root.sh("ls /var/lib/dkms/hello")?.stdout;
    ensure!(!left.contains("1.0") && !left.contains("3.0"), "{left}");
    Ok(())
}

#[test]
fn pacman_goes_on_whatever_becomes_of_evermod() -> Result<()> {
    need!();
    let m = machine!("\"hello\"");
    m.pacman("-Sy linux linux-headers hello-dkms")?;
    m.root
        .sh("cp /usr/bin/evermod /usr/share/libalpm/scripts/evermod-alpm /etc/evermod/evermod.toml /root")?
        .ok()?;
    let stand_in = |script: &str| format!("printf '#!/bin/sh\\n{script}\\n' >/usr/bin/evermod");
    for (what, script) in [
        ("the binary is missing", "rm /usr/bin/evermod".to_owned()),
        ("it may not be executed", "chmod -x /usr/bin/evermod".to_owned()),
        ("it is no program", "echo nothing >/usr/bin/evermod".to_owned()),
        ("it is empty", ": >/usr/bin/evermod".to_owned()),
        ("it is cut off", "head -c 100000 /root/evermod >/usr/bin/evermod".to_owned()),
        ("it is for another interpreter", "printf '#!/nowhere\\n' >/usr/bin/evermod".to_owned()),
        ("it fails", stand_in("exit 1")),
        ("it fails otherwise", stand_in("exit 255")),
        ("it is killed", stand_in("kill -9 $$")),
        ("it crashes", stand_in("kill -SEGV $$")),
        ("it does not read its input", stand_in("exec 0<\\&-")),
        ("the script is missing", "rm /usr/share/libalpm/scripts/evermod-alpm".to_owned()),
        ("the script may not be executed", "chmod -x /usr/share/libalpm/scripts/evermod-alpm".to_owned()),
        ("its settings are no TOML", "echo '[policy' >/etc/evermod/evermod.toml".to_owned()),
        ("its state is no directory", "rm -rf /var/lib/evermod; : >/var/lib/evermod".to_owned()),
    ] {
        m.root.sh(&script)?.ok()?;
        let output = m.pacman("-S linux linux-headers hello-dkms").with_context(|| what.to_owned())?.stdout;
        let complaints = usize::from(what == "its settings are no TOML");
        assert_eq!(times(&output, "evermod.toml:"), complaints, "{what}: {output}");
        m.root.sh(
            "install -m 755 /root/evermod /usr/bin; install -m 755 /root/evermod-alpm /usr/share/libalpm/scripts; \
             cp /root/evermod.toml /etc/evermod",
        )?
        .ok()?;
    }
    // And the reverse, or all of the above would prove nothing.
    m.root.sh(&stand_in("exit 100"))?.ok()?;
    assert_eq!(m.try_pacman("-S linux")?.status, 1);
    m.pacman("-R hello-dkms")?;
    Ok(())
}

#[test]
fn a_settle_that_is_killed_is_finished_by_sync() -> Result<()> {
    need!();
    let m = machine!("");
    let [_, new, ..] = m.kernels()?;
    m.pacman("-Sy linux linux-headers hello-dkms acpi_call-dkms")?;
    m.release()?;
    // depmod, where evermod calls it, takes evermod and pacman along.
    m.root.sh(
        "cat >/usr/local/sbin/depmod <<'S'\n#!/bin/sh\n[ \"$(cat /proc/$PPID/comm)\" = evermod ] || exec /usr/sbin/depmod \"$@\"\n\
         kill -9 $(pidof pacman) $PPID\nS\nchmod +x /usr/local/sbin/depmod; touch /tmp/before",
    )?
    .ok()?;
    let output = m.try_pacman("-Syyu")?;
    assert_eq!(output.status, 137, "{}", output.stdout);
    let cut =
        m.root.sh(&format!("ls /var/lib/evermod/pending; ls /usr/lib/modules/{new}/updates/dkms"))?.stdout;
    ensure!(cut.contains(&new) && cut.contains("hello.ko"), "not where it was to be cut: {cut}");
    m.root.sh("rm -f /usr/local/sbin/depmod /var/lib/pacman/db.lck")?.ok()?;
    m.root.run(&["evermod", "sync"])?.ok()?;
    // The hook that makes images was cut off too; that is pacman's user's to do.
    m.root.sh("echo usr/lib/modules/*/vmlinuz | /usr/share/libalpm/scripts/mkinitcpio install")?.ok()?;
    m.has("hello", &new, "linux")?;
    m.has("acpi_call", &new, "linux")?;
    let again = m.root.run(&["evermod", "sync"])?.ok()?.all();
    ensure!(again.contains("Nothing to do"), "{again}");
    Ok(())
}

/// Hooks run inside the other root, which has no /proc, no /dev and another kernel's name in uname.
#[test]
fn another_root_gets_its_modules_too() -> Result<()> {
    need!();
    let m = machine!("\"hello\"");
    let [old, ..] = m.kernels()?;
    m.root.sh("mkdir /srv/other && mount --bind / /srv/other && ! test -e /srv/other/proc/self")?.ok()?;
    let output = m.pacman("--root /srv/other -Sy linux linux-headers hello-dkms acpi_call-dkms")?.stdout;
    m.has("hello", &old, "linux").with_context(|| output.clone())?;
    m.has("acpi_call", &old, "linux").with_context(|| output.clone())?;
    let running = m.root.run(&["uname", "-r"])?.stdout;
    ensure!(!output.contains(running.trim()), "{output}");
    Ok(())
}

/// A hook file that pacman does not understand stops every transaction: each version must take ours.
#[test]
fn hook_files_are_understood_by_every_version() -> Result<()> {
    need!();
    for (name, version) in [("older", "6.0"), ("pacman", "7.0"), ("newer", "7.1")] {
        let root = Overlay::new(name)?;
        root.copy_in(&top().join("pacman-hook"), "/root/pacman-hook")?;
        let run = |extra: &str| {
            root.sh(&format!(
                "set -e; rm -rf /root/t; mkdir -p /root/t/{{p/usr/src/a-1,p/usr/lib/modules/9/build/include,db,cache,hooks}}; cd /root/t/p; \
                 touch usr/src/a-1/dkms.conf usr/lib/modules/9/vmlinuz; cp ../../pacman-hook/*.hook ../hooks; {extra}; \
                 printf '%s\\n' 'pkgname = a' 'pkgver = 1-1' 'arch = any' 'size = 1' >.PKGINFO; \
                 bsdtar -czf ../a-1-1-any.pkg.tar.gz .PKGINFO usr; \
                 printf '[options]\\nHookDir = /root/t/hooks\\nCacheDir = /root/t/cache\\nDBPath = /root/t/db\\nArchitecture = auto\\nSigLevel = Never\\n' >../conf; \
                 pacman --version | grep -o 'Pacman v[0-9.]*'; \
                 p() {{ pacman --config /root/t/conf --noconfirm \"$@\" 2>&1; }}; p -U /root/t/a-1-1-any.pkg.tar.gz; p -R a"
            ))
        };
        let output = run(":")?.ok().with_context(|| name.to_owned())?.stdout;
        ensure!(output.contains(&format!("Pacman v{version}")), "{output}");
        for hook in ["Checking kernel modules", "Looking for kernel modules", "Bringing kernel modules"] {
            ensure!(output.contains(hook), "{name}: {hook}\n{output}");
        }
        for word in ["error", "warning", "unknown", "invalid"] {
            // What is wrong with the stand-in for a package is not the hooks'.
            let lines = output.lines().filter(|line| line.contains(word));
            let lines: Vec<_> = lines.filter(|line| line.contains("hook")).collect();
            ensure!(lines.is_empty(), "{name}: {lines:?}\n{output}");
        }
        let broken = run("sed -i s/PostTransaction/Later/ ../hooks/70-*.hook")?;
        ensure!(broken.status != 0, "{name} takes anything, so this proves nothing:\n{}", broken.stdout);
    }
    Ok(())
}
