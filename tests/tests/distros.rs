//! What a distribution decides, seen from outside: a Debian root that says it is another one. Only `os-release` and what
//! else the distribution has on disk is changed; kernels, headers and the compiler stay Debian's.

use anyhow::{Context as _, Result, ensure};
use evermod_tests::roots::Overlay;
use evermod_tests::{need, skip, top};

/// A root with evermod and one small driver, and its oldest kernel.
fn machine() -> Result<Option<(Overlay, String)>> {
    let Some(root) = Overlay::with_evermod("small")? else {
        skip::report("target/dist has no evermod package: run make deb");
        return Ok(None);
    };
    root.copy_in(&top().join("tests/modules/hello-1.0"), "/usr/src/hello-1.0")?;
    root.sh("sed -i 's|/updates/dkms|/kernel/drivers/misc|' /usr/src/hello-1.0/dkms.conf")?.ok()?;
    root.run(&["dkms", "add", "hello/1.0"])?.ok()?;
    let kernel = root.kernels()?.into_iter().next().context("no kernel")?;
    Ok(Some((root, kernel)))
}

fn becomes(root: &Overlay, id: &str, like: &str) -> Result<()> {
    root.sh(&format!(
        "rm -f /etc/os-release; printf 'ID=%s\\nID_LIKE=\"%s\"\\n' '{id}' '{like}' >/etc/os-release"
    ))?
    .ok()?;
    Ok(())
}

#[test]
fn modules_go_where_the_distribution_has_them_and_originals_stay_where_a_package_owns_them() -> Result<()> {
    need!();
    let Some((root, kernel)) = machine()? else { return Ok(()) };
    let modules = format!("/lib/modules/{kernel}");
    root.run(&["dkms", "build", "hello/1.0", "-k", &kernel])?.ok()?;
    // The kernel gets a module of the same name.
    let own = format!("{modules}/kernel/drivers/misc/hello.ko");
    root.sh(&format!("mkdir -p {modules}/kernel/drivers/misc && echo stock >{own}"))?.ok()?;
    for (id, like, place, is_moved) in [
        ("debian", "", "updates/dkms/hello.ko", false),
        ("linuxmint", "ubuntu debian", "updates/dkms/hello.ko", false),
        ("fedora", "", "extra/hello.ko", false),
        ("almalinux", "rhel centos fedora", "extra/hello.ko", false),
        ("opensuse-tumbleweed", "opensuse suse", "updates/hello.ko", false),
        ("manjaro", "arch", "updates/dkms/hello.ko", false),
        ("gentoo", "", "kernel/drivers/misc/hello.ko", true),
        ("alpine", "", "kernel/drivers/misc/hello.ko", true),
    ] {
        becomes(&root, id, like)?;
        let place = format!("{modules}/{place}");
        root.run(&["dkms", "install", "--force", "--no-depmod", "hello/1.0", "-k", &kernel])?.ok()?;
        let built = format!("/var/lib/dkms/hello/1.0/{kernel}/x86_64/module/hello.ko");
        root.run(&["cmp", &built, &place])?.ok().with_context(|| id.to_owned())?;
        let archived = format!("/var/lib/dkms/hello/original_module/{kernel}/x86_64/hello.ko");
        ensure!(root.exists(&archived)? == is_moved, "{id}: moved aside?");
        let status = root.run(&["dkms", "status", "hello/1.0"])?.ok()?.stdout;
        let flag = if is_moved { " (Original modules exist)" } else { "" };
        ensure!(status == format!("hello/1.0, {kernel}, x86_64: installed{flag}\n"), "{id}: {status}");
        root.run(&["dkms", "uninstall", "--no-depmod", "hello/1.0", "-k", &kernel])?.ok()?;
        ensure!(root.read(&own)? == "stock\n", "{id}: the kernel's own module is not what it was");
        ensure!(place == own || !root.exists(&place)?, "{id}: {place} is still there");
    }
    Ok(())
}

#[test]
fn missing_headers_are_named_everywhere() -> Result<()> {
    need!();
    let Some((root, kernel)) = machine()? else { return Ok(()) };
    root.sh(&format!("rm /lib/modules/{kernel}/build"))?.ok()?;
    let command = format!("apt install linux-headers-{kernel}");
    let built = root.run(&["dkms", "build", "hello/1.0", "-k", &kernel])?;
    ensure!(built.status == 21 && built.stderr.contains(&command), "{}", built.all());
    for words in [
        &["dkms", "autoinstall", "-k", &kernel][..],
        &["evermod", "status", "-k", &kernel],
        &["evermod", "status", "--json", "-k", &kernel],
        &["evermod", "plan", "-k", &kernel],
        &["evermod", "plan", "--json", "-k", &kernel],
        &["evermod", "sync", "-k", &kernel],
        &["/usr/lib/dkms/dkms_autoinstaller", "start", &kernel],
    ] {
        let said = root.run(words)?.all();
        ensure!(said.contains(&command), "{words:?}: {said}");
    }
    for (id, like, release, command) in [
        ("fedora", "", "6.11.4-301.fc41.x86_64", "dnf install kernel-devel-6.11.4-301.fc41.x86_64"),
        (
            "opensuse-leap",
            "suse opensuse",
            "6.4.0-150600.23.25-default",
            "zypper install kernel-default-devel=6.4.0-150600.23.25",
        ),
        ("manjaro", "arch", "6.11.5-arch1-1", "pacman -S linux-mine-headers"),
        ("alpine", "", "6.6.58-0-lts", "apk add linux-lts-dev"),
    ] {
        becomes(&root, id, like)?;
        let dir = format!("/lib/modules/{release}");
        root.sh(&format!("mkdir {dir} && touch {dir}/modules.dep && echo linux-mine >{dir}/pkgbase"))?
            .ok()?;
        // Only pacman's packages leave such a file.
        root.sh(&format!("[ {id} = manjaro ] || rm {dir}/pkgbase"))?.ok()?;
        let built = root.run(&["dkms", "build", "hello/1.0", "-k", release])?;
        ensure!(built.status == 21 && built.stderr.contains(command), "{id}: {}", built.all());
    }
    Ok(())
}

#[test]
fn keys_are_where_the_distribution_keeps_them() -> Result<()> {
    need!();
    let Some((root, kernel)) = machine()? else { return Ok(()) };
    let build = || root.run(&["dkms", "build", "--force", "hello/1.0", "-k", &kernel])?.ok();
    let signer = || -> Result<String> {
        let file = format!("/var/lib/dkms/hello/1.0/{kernel}/x86_64/module/hello.ko");
        Ok(root.run(&["modinfo", "-F", "signer", &file])?.ok()?.stdout.trim().to_owned())
    };
    becomes(&root, "ubuntu", "debian")?;
    // A stand-in for Ubuntu's program, which makes the pair where Ubuntu has it.
    let certificate = "openssl req -x509 -newkey rsa:2048 -nodes -subj";
    let maker = format!(
        "#!/bin/sh\n[ \"$1\" = --new-key ] || exit 3\nmkdir -p /var/lib/shim-signed/mok && cd /var/lib/shim-signed/mok &&\n\
         {certificate} /CN=ubuntus -keyout MOK.priv -outform DER -out MOK.der\n"
    );
    std::fs::write(root.path("/usr/sbin/update-secureboot-policy"), maker)?;
    root.sh("chmod +x /usr/sbin/update-secureboot-policy")?.ok()?;
    let said = build()?.all();
    ensure!(signer()? == "ubuntus", "{}: {said}", signer()?);
    ensure!(said.contains("update-secureboot-policy --enroll-key"), "{said}");
    let said = root.run(&["evermod", "generate-mok"])?.ok()?.all();
    ensure!(said.contains("Found signing key /var/lib/shim-signed/mok/MOK.priv"), "{said}");

    becomes(&root, "gentoo", "")?;
    build()?;
    ensure!(signer()? == "DKMS module signing key", "nothing named, nothing of the kernel's: {}", signer()?);
    let both = format!(
        "{certificate} /CN=NAME -keyout /tmp/key -out /tmp/cert 2>/dev/null && cat /tmp/key /tmp/cert"
    );
    // The kernel's own key, as its configuration names it: Debian's says certs/signing_key.pem.
    let of_kernel = both.replace("NAME", "the-kernels");
    root.sh(&format!(
        "d=/lib/modules/{kernel}/build; mkdir -p $d/certs && {{ {of_kernel}; }} >$d/certs/signing_key.pem"
    ))?
    .ok()?;
    root.sh(&format!(
        "sed -i '/CONFIG_MODULE_SIG_KEY=/d' $(readlink -f /lib/modules/{kernel}/build)/include/config/auto.conf && \
         echo 'CONFIG_MODULE_SIG_KEY=\"certs/signing_key.pem\"' >>/lib/modules/{kernel}/build/include/config/auto.conf"
    ))?
    .ok()?;
    build()?;
    ensure!(signer()? == "the-kernels", "{}", signer()?);
    let named = both.replace("NAME", "portages");
    root.sh(&format!("{{ {named}; }} >/etc/modules.pem; mkdir -p /etc/portage"))?.ok()?;
    root.sh("echo 'MODULES_SIGN_KEY=\"/etc/modules.pem\"' >/etc/portage/make.conf")?.ok()?;
    build()?;
    ensure!(signer()? == "portages", "{}", signer()?);
    Ok(())
}

#[test]
fn without_os_release_only_what_needs_none_answers() -> Result<()> {
    need!();
    let Some((root, _)) = machine()? else { return Ok(()) };
    root.sh("rm -f /etc/os-release /usr/lib/os-release")?.ok()?;
    ensure!(root.run(&["dkms", "--version"])?.ok()?.stdout.starts_with("dkms-"));
    root.run(&["evermod", "--version"])?.ok()?;
    for words in [&["dkms", "status"][..], &["evermod", "status"], &["dkms", "add", "hello/1.0"]] {
        let output = root.run(words)?;
        ensure!(
            output.status == 4 && output.stderr.contains("/etc/os-release"),
            "{words:?}: {}",
            output.all()
        );
    }
    Ok(())
}
