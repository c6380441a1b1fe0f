//! Commits of zypper: its plugins hear of the beginning, before anything is downloaded, and of the end, after all scripts and
//! dracut. They can refuse nothing. rpm's file triggers run for each package, all of them before dracut; the end settles what
//! they could not. What had been downloaded before is judged and built at the beginning.

use anyhow::{Result, ensure};
use evermod_tests::need;
use evermod_tests::rpms::Machine;

/// A SUSE, with the first kernel and a driver.
fn machine() -> Result<Option<Machine>> {
    let Some(m) = Machine::new("zypper")? else { return Ok(None) };
    // As SUSE ships it: kernels stay side by side.
    m.root
        .sh(r#"printf 'NAME=openSUSE\nID=opensuse-tumbleweed\nID_LIKE="opensuse suse"\n' >/etc/os-release
               mkdir -p /etc/zypp; [ -s /etc/zypp/zypp.conf ] || echo '[main]' >/etc/zypp/zypp.conf
               sed -i '/^\[main\]/a multiversion = provides:multiversion(kernel)' /etc/zypp/zypp.conf"#)?
        .ok()?;
    m.ok(&format!("in --no-recommends {} hello-dkms=1.0", packages(&m.old)))?;
    Ok(Some(m))
}

fn packages(kernel: &str) -> String {
    let version = kernel.split('-').next().unwrap_or_default();
    format!("kernel-default={version}-1.deb13 kernel-default-devel={version}-1.deb13")
}

#[test]
fn drivers_follow_kernels_into_the_initramfs() -> Result<()> {
    need!();
    let Some(m) = machine()? else { return Ok(()) };
    m.has("hello", &m.old)?;
    m.initramfs_has("hello", &m.old)?;
    m.initramfs_runs()?;
    let output = m.ok(&format!("in --no-recommends {}", packages(&m.new)))?;
    m.has("hello", &m.new)?;
    m.initramfs_has("hello", &m.new)?;
    let runs = m.initramfs_runs()?;
    ensure!(runs == 1, "the kernel's own script: {runs}\n{}", output.all());
    ensure!(!output.all().contains("no headers"), "they were to come: {}", output.all());

    m.ok("up hello-dkms")?;
    for kernel in [&m.old, &m.new] {
        let version = m.root.run(&["modinfo", "-k", kernel, "-F", "version", "hello"])?.ok()?.stdout;
        ensure!(version.trim() == "2.0", "{kernel}: {version}");
        m.initramfs_has("hello", kernel)?;
    }
    m.ok(&format!("rm {}", packages(&m.old)))?;
    ensure!(!m.root.exists(&format!("/lib/modules/{}/updates", m.old))?, "what was built stayed");
    ensure!(!m.status()?.contains(m.old.as_str()), "{}", m.status()?);
    m.ok("rm hello-dkms")?;
    m.lacks("hello", &m.new)?;
    ensure!(!m.status()?.contains("hello"), "{}", m.status()?);
    Ok(())
}

/// Headers that stay when their kernel goes are those of no kernel: nothing is built or put there for them.
#[test]
fn headers_that_outlive_their_kernel_are_built_for_no_more() -> Result<()> {
    need!();
    let Some(m) = machine()? else { return Ok(()) };
    m.ok(&format!("in --no-recommends {}", packages(&m.new)))?;
    let (all, old) = (packages(&m.old), &m.old);
    m.ok(&format!("rm {}", all.split_once(' ').unwrap_or_default().0))?;
    ensure!(m.root.exists(&format!("/lib/modules/{old}/build"))?, "its headers are gone: nothing is tested");
    m.ok("up hello-dkms")?;
    let version = m.root.run(&["modinfo", "-k", &m.new, "-F", "version", "hello"])?.ok()?.stdout;
    ensure!(version.trim() == "2.0", "{version}");
    ensure!(!m.root.exists(&format!("/lib/modules/{old}/updates"))?, "something was put there");
    ensure!(!m.status()?.contains(old.as_str()), "{}", m.status()?);
    Ok(())
}

#[test]
fn what_was_downloaded_before_is_built_at_the_beginning() -> Result<()> {
    need!();
    let Some(m) = machine()? else { return Ok(()) };
    m.settings("[policy]\ncritical = ['hello']\n")?;
    m.ok(&format!("in --download-only --no-recommends {}", packages(&m.new)))?;
    m.lacks("hello", &m.new)?;
    // From its package's script on, the compiler refuses.
    m.root
        .sh("rm /usr/bin/gcc; target=$(ls /usr/bin/x86_64-linux-gnu-gcc-[0-9]* | head -n 1); \
             printf '#!/bin/sh\\n[ ! -e /etc/no-compiler ] || exit 1\\nexec %s \"$@\"\\n' $target >/usr/bin/gcc; \
             chmod 755 /usr/bin/gcc; echo ': >/etc/no-compiler' >/etc/dracut.conf.d/none.conf")?
        .ok()?;
    m.ok(&format!("in --no-recommends {}", packages(&m.new)))?;
    ensure!(m.root.exists("/etc/no-compiler")?, "dracut did not run");
    m.has("hello", &m.new)?;
    m.initramfs_has("hello", &m.new)
}

#[test]
fn a_kernel_without_headers_is_told_and_made_good_later() -> Result<()> {
    need!();
    let Some(m) = machine()? else { return Ok(()) };
    let all = packages(&m.new);
    let (image, headers) = all.split_once(' ').unwrap_or_default();
    let bare = m.ok(&format!("in --no-recommends {image}"))?;
    m.lacks("hello", &m.new)?;
    // zypper holds back the %posttrans of a package that has one, and rpm the file triggers with it: nothing is on the screen.
    ensure!(!bare.all().contains("evermod:"), "it can be told on the screen now: {}", bare.all());
    let log = m.root.read("/var/log/zypper.log")?;
    ensure!(log.contains(&format!("kernel {} arrives without headers", m.new)), "not in zypper's log");
    m.ok(&format!("in --no-recommends {headers}"))?;
    m.has("hello", &m.new)?;
    m.initramfs_has("hello", &m.new)
}

/// Without rpm's file triggers, as where a package's scripts are left out: the end does it all.
#[test]
fn the_end_of_a_commit_settles_what_triggers_have_not() -> Result<()> {
    need!();
    let Some(m) = machine()? else { return Ok(()) };
    m.root.sh("mv /usr/bin/evermod /usr/lib/evermod-program; \
               printf '#!/bin/sh\\n[ \"$2\" != rpm-settle ] || exit 0\\nexec /usr/lib/evermod-program \"$@\"\\n' >/usr/bin/evermod; \
               chmod 755 /usr/bin/evermod")?.ok()?;
    m.initramfs_runs()?;
    m.ok(&format!("in --no-recommends {}", packages(&m.new)))?;
    m.has("hello", &m.new)?;
    m.initramfs_has("hello", &m.new)?;
    ensure!(m.initramfs_runs()? == 2, "the kernel's own script, and ours");
    Ok(())
}

#[test]
fn a_plugin_that_is_not_there_or_dies_stops_no_commit() -> Result<()> {
    need!();
    let Some(m) = machine()? else { return Ok(()) };
    m.root.sh("mv /usr/bin/evermod /root/")?.ok()?;
    m.ok("rm hello-dkms")?;
    fs_err::write(m.root.path("/usr/bin/evermod"), "#!/bin/sh\nread -r line\nkill -9 $$\n")?;
    m.root.sh("chmod 755 /usr/bin/evermod")?.ok()?;
    m.ok(&format!("in --no-recommends {}", packages(&m.new)))?;
    Ok(())
}
