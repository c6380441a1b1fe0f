//! Real transactions of dnf 4 (rpm 4.20) and dnf 5 (rpm 6): kernels and drivers come and go, and a kernel never lands
//! without its modules, or does so only after everybody was told.

use anyhow::{Result, ensure};
use evermod_tests::need;
use evermod_tests::roots::Output;
use evermod_tests::rpms::Machine;

/// Lines of an output with this text in them.
fn count(output: &Output, text: &str) -> usize {
    output.all().lines().filter(|line| line.contains(text)).count()
}

/// A case for each of the managers.
macro_rules! cases {
    ($($case:ident)*) => {
        mod dnf4 { $(#[test] fn $case() -> anyhow::Result<()> { super::run("dnf", super::$case) })* }
        mod dnf5 { $(#[test] fn $case() -> anyhow::Result<()> { super::run("dnf5", super::$case) })* }
    };
}

fn run(manager: &'static str, case: fn(&Machine) -> Result<()>) -> Result<()> {
    need!();
    match Machine::new(manager)? {
        Some(machine) => case(&machine),
        None => Ok(()),
    }
}

cases! {
    drivers_follow_kernels_and_kernels_take_them_along
    a_critical_failure_changes_nothing_and_any_other_stops_nothing
    what_preflight_has_built_is_only_placed
    a_kernel_without_headers_is_named_with_the_package_that_it_lacks
    a_settle_that_was_killed_is_finished_by_the_next
    a_transaction_that_was_killed_is_finished_by_sync
    a_critical_driver_that_goes_along_stops_nothing
    nothing_of_evermods_own_stops_the_manager
}

fn drivers_follow_kernels_and_kernels_take_them_along(m: &Machine) -> Result<()> {
    let (old, new) = (&m.old, &m.new);
    // Drivers and the first kernel in one transaction. One of them registers in %post, one in %posttrans.
    let first = m.ok(&format!("install {} hello-dkms-1.0 acpi-call-dkms", m.packages(old)))?;
    for module in ["hello", "acpi_call"] {
        m.has(module, old)?;
        m.initramfs_has(module, old)?;
    }
    let runs = m.initramfs_runs()?;
    ensure!(
        runs == 1,
        "one of them registers only after the kernel's script, and is in time all the same: {runs}"
    );
    ensure!(count(&first, "already added") == 0, "{}", first.all());
    let running = m.root.run(&["uname", "-r"])?.stdout;
    ensure!(!m.status()?.contains(running.trim()), "{}", m.status()?);

    let output = m.ok(&format!("install {}", m.packages(new)))?;
    for module in ["hello", "acpi_call"] {
        m.has(module, new)?;
        m.initramfs_has(module, new)?;
        ensure!(count(&output, &format!("built {}", module.replace('_', "-"))) == 1, "{}", output.all());
    }
    ensure!(m.initramfs_runs()? == 1, "written once: {}", output.all());

    // A new version of a driver: both kernels, both images.
    m.ok("update hello-dkms")?;
    for kernel in [old, new] {
        let version = m.root.run(&["modinfo", "-k", kernel, "-F", "version", "hello"])?.ok()?.stdout;
        ensure!(version.trim() == "2.0", "{kernel}: {version}");
        m.initramfs_has("hello", kernel)?;
    }
    ensure!(m.initramfs_runs()? == 2, "once for each kernel");
    ensure!(!m.status()?.contains("hello/1.0"), "{}", m.status()?);

    let version = old.trim_end_matches(".x86_64");
    m.ok(&format!("remove kernel-core-{version} kernel-modules-core-{version} kernel-devel-{version}"))?;
    ensure!(!m.root.exists(&format!("/lib/modules/{old}"))?, "something stayed below /lib/modules/{old}");
    ensure!(!m.status()?.contains(old.as_str()), "{}", m.status()?);
    m.has("hello", new)?;

    m.ok("remove hello-dkms")?;
    m.lacks("hello", new)?;
    ensure!(!m.status()?.contains("hello"), "{}", m.status()?);
    m.has("acpi_call", new)?;
    // What has nothing to do with kernels costs no word.
    m.initramfs_runs()?;
    let silent = m.ok("install broken-dkms --downloadonly")?;
    ensure!(count(&silent, "evermod:") == 0, "{}", silent.all());
    Ok(())
}

fn a_critical_failure_changes_nothing_and_any_other_stops_nothing(m: &Machine) -> Result<()> {
    let (old, new) = (&m.old, &m.new);
    let first = m.ok(&format!("install {} hello-dkms-1.0 broken-dkms", m.packages(old)))?;
    m.has("hello", old)?;
    ensure!(count(&first, "removed_from_the_kernel") > 0, "{}", first.all());

    m.settings("[policy]\ncritical = ['broken']\n")?;
    let before = m.fingerprint()?;
    let refused = m.run(&format!("install {}", m.packages(new)))?;
    ensure!(refused.status != 0, "{}", refused.all());
    for text in ["broken/1.0", new.as_str(), "removed_from_the_kernel", "evermod refuses this transaction"] {
        ensure!(refused.all().contains(text), "{text} is not on the screen:\n{}", refused.all());
    }
    let after = m.fingerprint()?;
    ensure!(before == after, "changed: {:?}", difference(&before, &after));

    m.settings("[policy]\nwanted = ['broken']\n")?;
    let told = m.ok(&format!("install {}", m.packages(new)))?;
    m.has("hello", new)?;
    m.initramfs_has("hello", new)?;
    m.lacks("broken", new)?;
    // It is remembered from the refusal: told in one line, and nothing is compiled.
    let lines = count(&told, "broken");
    ensure!(lines <= 1, "{}", told.all());
    let status = m.root.run(&["evermod", "status"])?.all();
    ensure!(status.contains("removed_from_the_kernel"), "{status}");
    Ok(())
}

fn difference<'a>(before: &'a str, after: &'a str) -> Vec<&'a str> {
    let only = |a: &'a str, b: &'a str| a.lines().filter(|l| !b.lines().any(|m| m == *l)).collect::<Vec<_>>();
    [only(before, after), only(after, before)].concat()
}

fn what_preflight_has_built_is_only_placed(m: &Machine) -> Result<()> {
    m.ok(&format!("install {} hello-dkms-1.0", m.packages(&m.old)))?;
    m.settings("[policy]\ncritical = ['hello']\n")?;
    // A compiler that refuses from the moment on when kernel-install has been called; it stays the same file.
    m.root
        .sh("rm /usr/bin/gcc; target=$(ls /usr/bin/x86_64-linux-gnu-gcc-[0-9]* | head -n 1); \
             printf '#!/bin/sh\\n[ ! -e /etc/no-compiler ] || exit 1\\nexec %s \"$@\"\\n' $target >/usr/bin/gcc; \
             chmod 755 /usr/bin/gcc; mkdir -p /etc/kernel/install.d; \
             printf '#!/bin/sh\\n: >/etc/no-compiler\\nexit 0\\n' >/etc/kernel/install.d/30-none.install; \
             chmod 755 /etc/kernel/install.d/30-none.install")?
        .ok()?;
    let output = m.ok(&format!("install {}", m.packages(&m.new)))?;
    ensure!(m.root.exists("/etc/no-compiler")?, "kernel-install was not called: {}", output.all());
    ensure!(count(&output, "building before anything is changed: hello/1.0") == 1, "{}", output.all());
    m.has("hello", &m.new)?;
    m.initramfs_has("hello", &m.new)?;
    // The compiler does refuse.
    let again = m.root.run(&["evermod", "build", "hello/1.0", "-k", &m.new, "--force"])?;
    ensure!(again.status != 0, "{}", again.all());
    Ok(())
}

fn a_kernel_without_headers_is_named_with_the_package_that_it_lacks(m: &Machine) -> Result<()> {
    m.ok(&format!("install {} hello-dkms-1.0", m.packages(&m.old)))?;
    let version = m.new.trim_end_matches(".x86_64");
    let package = format!("kernel-devel-{}", m.new);
    let before = m.fingerprint()?;
    // Before the question, and the answer is no.
    let asked = m.root.sh(&format!("{} --assumeno install kernel-{version}", m.manager))?;
    let said = asked.all();
    let line = said.lines().find(|line| line.contains("arrives without headers")).unwrap_or_default();
    let is_named = line.contains(&m.new) && line.contains("hello/1.0");
    ensure!(is_named && said.contains(&package[..package.len() - ".x86_64".len()]), "{said}");
    ensure!(before == m.fingerprint()?, "something changed");

    m.settings("[policy]\ncritical = ['hello']\n")?;
    let refused = m.run(&format!("install kernel-{version}"))?;
    ensure!(
        refused.status != 0 && refused.all().contains("stopped before anything was changed"),
        "{}",
        refused.all()
    );
    ensure!(before == m.fingerprint()?, "something changed");
    m.settings("")?;

    let bare = m.ok(&format!("install kernel-{version}"))?;
    ensure!(count(&bare, "arrives without headers") == 1, "once: {}", bare.all());
    m.lacks("hello", &m.new)?;
    m.initramfs_runs()?;
    m.ok(&format!("install kernel-devel-{version}"))?;
    m.has("hello", &m.new)?;
    m.initramfs_has("hello", &m.new)?;
    ensure!(m.initramfs_runs()? == 1, "the initramfs of one kernel");
    Ok(())
}

fn a_settle_that_was_killed_is_finished_by_the_next(m: &Machine) -> Result<()> {
    m.ok(&format!("install {} hello-dkms-1.0 acpi-call-dkms", m.packages(&m.old)))?;
    // A make that has everything killed that is called evermod, and itself goes on for a while; once.
    m.root
        .sh("mv /usr/bin/make /usr/bin/make.real; printf '#!/bin/sh\\n[ -e /etc/killed ] || sleep 60\\nexec make.real \"$@\"\\n' \
             >/usr/bin/make; chmod 755 /usr/bin/make; \
             cat >/usr/local/bin/killer <<'K'\n#!/bin/bash\nuntil pgrep -f 'sleep 60' >/dev/null; do sleep 0.1; done\n\
             : >/etc/killed\npkill -9 -x evermod\npkill -9 -f 'sleep 60'\nK\n\
             chmod 755 /usr/local/bin/killer; setsid killer >/dev/null 2>&1 </dev/null &")?
        .ok()?;
    let output = m.ok(&format!("install {}", m.packages(&m.new)))?;
    ensure!(m.root.exists("/etc/killed")?, "nothing was killed: {}", output.all());
    // The file trigger of the same transaction has finished it already; if that was killed too, this does.
    m.root.run(&["evermod", "sync"])?.ok()?;
    m.has("hello", &m.new)?;
    m.has("acpi_call", &m.new)?;
    m.initramfs_has("hello", &m.new)?;
    let after = m.root.run(&["evermod", "sync"])?.ok()?;
    ensure!(after.all().trim() == "Nothing to do.", "something was left to do: {}", after.all());
    Ok(())
}

/// The manager goes with it: no file trigger comes after. What the kernel's own script was to do is its user's to repeat.
fn a_transaction_that_was_killed_is_finished_by_sync(m: &Machine) -> Result<()> {
    m.ok(&format!("install {} hello-dkms-1.0 acpi-call-dkms", m.packages(&m.old)))?;
    let script = format!(
        "mv /usr/bin/make /usr/bin/make.real; printf '#!/bin/sh\nexec sleep 600\n' >/usr/bin/make; chmod 755 /usr/bin/make; \
         setsid {} -y install {} >/var/log/killed 2>&1 & session=$!; \
         for _ in $(seq 1200); do ! pgrep -x sleep >/dev/null || break; sleep 0.1; done; \
         pgrep -x evermod >/dev/null || exit 9; pkill -9 -s $session; wait; mv /usr/bin/make.real /usr/bin/make; \
         for _ in $(seq 100); do pgrep -x 'evermod|{}|kernel-install' >/dev/null || exit 0; sleep 0.1; done; ps -ef; exit 8",
        m.manager,
        m.packages(&m.new),
        m.manager
    );
    let killed = m.root.sh(&script)?;
    ensure!(killed.status == 0, "{} {}{}", killed.status, killed.all(), m.root.read("/var/log/killed")?);
    m.lacks("hello", &m.new)?;
    m.root.run(&["evermod", "sync"])?.ok()?;
    for module in ["hello.ko", "acpi_call.ko"] {
        m.root.sh(&format!("find /lib/modules/{}/ | grep -q {module}", m.new))?.ok()?;
    }
    m.root.sh(&format!("kernel-install add {0} /lib/modules/{0}/vmlinuz", m.new))?.ok()?;
    m.has("hello", &m.new)?;
    m.has("acpi_call", &m.new)?;
    m.initramfs_has("hello", &m.new)?;
    m.initramfs_has("acpi_call", &m.new)?;
    m.ok("remove acpi-call-dkms")?;
    Ok(())
}

/// What goes in the same transaction needs not be there for the kernel that comes.
fn a_critical_driver_that_goes_along_stops_nothing(m: &Machine) -> Result<()> {
    m.ok(&format!("install {} hello-dkms-1.0 broken-dkms", m.packages(&m.old)))?;
    m.settings("[policy]\ncritical = ['broken']\n")?;
    let version = m.new.trim_end_matches(".x86_64");
    let refused = m.run(&format!("install {}", m.packages(&m.new)))?;
    ensure!(refused.status != 0, "nothing is tested: {}", refused.all());
    let output = m.ok(&format!("swap broken-dkms kernel-devel-matched-{version}"))?;
    m.has("hello", &m.new)?;
    ensure!(!m.status()?.contains("broken"), "{}", m.status()?);
    ensure!(count(&output, "broken/1.0 d") == 0, "{}", output.all());
    Ok(())
}

fn nothing_of_evermods_own_stops_the_manager(m: &Machine) -> Result<()> {
    m.settings("[policy]\ncritical = ['broken']\n")?;
    m.ok("--assumeno install acpi-call-dkms || true")?;
    let packages = m.packages(&m.old);
    for (what, program) in [
        ("missing", None),
        ("failing", Some("#!/bin/sh\nexit 1\n")),
        ("crashing", Some("#!/bin/sh\nkill -SEGV $$\n")),
        ("no program", Some("not even a script\n")),
        ("talking nonsense", Some("#!/bin/sh\necho hello\ncat >/dev/null &\nexit 3\n")),
    ] {
        m.root.sh("[ -e /root/evermod ] || mv /usr/bin/evermod /root/; rm -f /usr/bin/evermod")?.ok()?;
        if let Some(text) = program {
            fs_err::write(m.root.path("/usr/bin/evermod"), text)?;
            m.root.sh("chmod 755 /usr/bin/evermod")?.ok()?;
        }
        let output = m.run(&format!("install {packages}"))?;
        ensure!(output.status == 0, "{what}: {}", output.all());
        let is_there =
            m.root.sh(&format!("rpm -q kernel-core-{}", m.old.trim_end_matches(".x86_64")))?.status == 0;
        ensure!(is_there, "{what}: {}", output.all());
        m.root.sh(&format!("rpm -e --noscripts $(rpm -qa 'kernel*'); rm -rf /lib/modules/{}", m.old))?;
    }
    m.root.sh("mv /root/evermod /usr/bin/evermod")?.ok()?;
    // Settings that cannot be read are told once, with their place, by whichever of its hooks comes first.
    m.settings("[policy]\ncritical = ['broken'\n[x\n")?;
    let told = m.ok(&format!("install {packages} hello-dkms-1.0"))?;
    ensure!(count(&told, "/etc/evermod/evermod.toml:3:") == 1, "{}", told.all());
    m.has("hello", &m.old)?;
    // A root of its own is not ours to judge: what happens there is told there.
    m.settings("[policy]\ncritical = ['*']\n")?;
    let inside = m.run(&format!(
        "--installroot=/var/other --use-host-config install {packages} --setopt=tsflags=noscripts || :"
    ))?;
    ensure!(count(&inside, "evermod") == 0, "{}", inside.all());
    Ok(())
}

#[test]
fn dnf5_reads_the_actions_file_and_no_file_with_a_word_that_it_does_not_know() -> Result<()> {
    need!();
    let Some(m) = Machine::new("dnf5")? else { return Ok(()) };
    let file = "/etc/dnf/libdnf5-plugins/actions.d/evermod.actions";
    m.root.run(&["dnf5", "--version"])?.ok()?;
    let text = m.root.read(file)?;
    for (word, other) in [("mode=json", "mode=xml"), ("goal_resolved", "goal_met"), ("enabled=", "enable=")] {
        fs_err::write(m.root.path(file), text.replace(word, other))?;
        ensure!(
            m.root.run(&["dnf5", "--version"])?.status != 0,
            "{other} harms nobody: the test sees nothing"
        );
    }
    Ok(())
}
