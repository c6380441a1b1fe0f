//! A machine that Debian's dkms has served for years is taken over by evermod, gets new kernels, and is given back.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use evermod_tests::roots::{Output, Overlay, evermod_package, install_evermod};
use evermod_tests::{need, skip, top};
use serde_json::Value;

/// What dkms before 3.1.3 calls a module of which a file is not installed, and since.
const FLAGS: (&str, &str) = (
    " (WARNING! Diff between built and installed module!)",
    " (Differences between built and installed modules)",
);

fn apt(root: &Overlay, arguments: &str) -> Result<Output> {
    let output = root.sh(&format!("apt-get -q -y --no-install-recommends {arguments}"))?;
    let output = output.ok().with_context(|| format!("apt-get {arguments}"))?;
    let audit = root.run(&["dpkg", "--audit"])?.all();
    ensure!(audit.is_empty(), "after apt-get {arguments}:\n{audit}\n{}", output.all());
    Ok(output)
}

fn status(root: &Overlay) -> Result<Vec<String>> {
    Ok(root.run(&["dkms", "status"])?.ok()?.stdout.lines().map(str::to_owned).collect())
}

/// The files of the tree by inode, time and content, the modules below the kernels by content, the key, the settings.
fn fingerprint(root: &Overlay) -> Result<String> {
    let script = "find /var/lib/dkms -name '*.ko*' -printf '%i %T@ %p\\n' | sort
        find /var/lib/dkms /lib/modules/*/updates /etc/dkms -type f ! -name .evermod.json ! -name '*.o' | sort | xargs sha256sum
        find /var/lib/dkms -type l -printf '%p %l\\n' | sort";
    Ok(root.sh(script)?.ok()?.stdout)
}

/// Exit code and findings by check.
fn doctor(root: &Overlay) -> Result<(i32, Vec<Value>)> {
    let output = root.run(&["evermod", "doctor", "--json"])?;
    let value: Value = serde_json::from_str(&output.stdout).with_context(|| output.all())?;
    Ok((output.status, value["findings"].as_array().context("findings")?.clone()))
}

fn text<'a>(finding: &'a Value, field: &str) -> &'a str {
    finding[field].as_str().unwrap_or_default()
}

/// The stage of every module for a kernel.
fn stages(root: &Overlay, kernel: &str) -> Result<BTreeMap<String, String>> {
    let output = root.run(&["evermod", "status", "-k", kernel, "--json"])?.ok()?;
    let value: Value = serde_json::from_str(&output.stdout)?;
    let lines = value["instances"].as_array().context("instances")?;
    let module =
        |line: &Value| format!("{}/{}", text(&line["module"], "name"), text(&line["module"], "version"));
    Ok(lines.iter().map(|line| (module(line), text(line, "stage").to_owned())).collect())
}

#[test]
fn a_machine_is_taken_over_gets_kernels_and_is_given_back() -> Result<()> {
    need!();
    let Some(package) = evermod_package()? else {
        skip::report("target/dist has no evermod package: run make deb");
        return Ok(());
    };
    let root = Overlay::new("takeover")?;
    root.sh("mkdir -p /etc/dkms && echo '# mine' >/etc/dkms/acpi-call.conf")?.ok()?;
    let (before, files) = (status(&root)?, fingerprint(&root)?);
    let modules: BTreeSet<String> =
        before.iter().filter_map(|line| Some(line.split_once(',')?.0.to_owned())).collect();
    ensure!(modules.len() == 9 && before.len() == 18, "{before:#?}");

    // Whatever is built now fails, and would be remembered.
    root.sh("mv /usr/bin/make /usr/bin/make.kept && ln -s /bin/false /usr/bin/make")?.ok()?;
    install_evermod(&root, &package)?;
    ensure!(root.run(&["dkms", "--version"])?.stdout == "dkms-3.4.3\n");
    let (old, new) = FLAGS;
    let renamed: Vec<_> = before.iter().map(|line| line.replace(old, new)).collect();
    assert_eq!(status(&root)?, renamed);
    let same = before.iter().zip(&renamed).filter(|(before, now)| before == now).count();
    ensure!(same == 16, "the lines of eight drivers are the same to the byte: {before:#?}");
    assert_eq!(fingerprint(&root)?, files);
    let output = root.run(&["evermod", "sync"])?.ok()?;
    assert_eq!(output.stdout, "Nothing to do.\n", "{}", output.all());
    assert_eq!(fingerprint(&root)?, files);
    ensure!(!root.exists("/var/lib/evermod/failed")?, "something was built");
    root.sh("mv /usr/bin/make.kept /usr/bin/make")?.ok()?;
    let (code, findings) = doctor(&root)?;
    ensure!(code == 0, "{findings:#?}");
    let notes: BTreeSet<_> = findings.iter().map(|f| text(f, "check")).collect();
    assert_eq!(notes, BTreeSet::from(["dkms-hooks", "left-out"]));

    let coming = root.read("/etc/test-coming")?;
    let mut kernels = coming.lines().filter_map(|line| line.split_once(' '));
    let (near, packages) = kernels.next().context("a kernel to come")?;
    apt(&root, &format!("install {packages}"))?;
    for (module, stage) in stages(&root, near)? {
        ensure!(stage == "installed", "{module} for {near}: {stage}");
    }
    assert_eq!(stages(&root, near)?.into_keys().collect::<BTreeSet<_>>(), modules);
    ensure!(doctor(&root)?.0 == 0, "{:#?}", doctor(&root)?);

    let (far, packages) = kernels.next().context("another kernel to come")?;
    apt(&root, &format!("install {packages}"))?;
    let (followed, failing): (Vec<_>, Vec<_>) =
        stages(&root, far)?.into_iter().partition(|(_, stage)| stage == "installed");
    ensure!(failing.iter().all(|(_, stage)| stage == "failed") && !followed.is_empty(), "{failing:?}");
    assert_eq!(followed.len() + failing.len(), modules.len());
    let (code, findings) = doctor(&root)?;
    let told = findings.iter().filter(|f| text(f, "check") == "failed-build");
    let told: BTreeSet<_> = told.filter_map(|f| text(f, "place").split(',').next()).collect();
    assert_eq!(told, failing.iter().map(|(module, _)| module.as_str()).collect());
    ensure!(code == 1);

    let at_last = status(&root)?;
    give_back(&root)?;
    let expected: Vec<_> = at_last.iter().map(|line| line.replace(new, old)).collect();
    assert_eq!(status(&root)?, expected);
    for (module, _) in &failing {
        let output = root.run(&["dkms", "install", module, "-k", far])?;
        ensure!(output.status != 0, "dkms builds {module} for {far}:\n{}", output.all());
    }
    works_on(&root, near)
}

/// evermod goes, dkms comes, in one step as apt does it; then nothing of evermod is there.
fn give_back(root: &Overlay) -> Result<()> {
    apt(root, "install dkms")?;
    apt(root, "purge evermod")?;
    let left = root.sh(
        "find / -xdev \\( -path /proc -o -path /sys -o -path /tmp -o -path /var/cache/apt -o -path /var/log \\) -prune \
         -o -iname '*evermod*' -print",
    )?;
    ensure!(left.stdout.is_empty(), "left behind:\n{}", left.stdout);
    ensure!(root.run(&["dkms", "--version"])?.stdout.starts_with("dkms-3.0."));
    Ok(())
}

/// DKMS removes what evermod has built, and builds it again.
fn works_on(root: &Overlay, kernel: &str) -> Result<()> {
    let module = "v4l2loopback/0.12.7";
    let file = format!("/lib/modules/{kernel}/updates/dkms/v4l2loopback.ko");
    let line = format!("{module}, {kernel}, x86_64: installed");
    ensure!(root.exists(&file)? && status(root)?.contains(&line));
    root.run(&["dkms", "remove", module, "-k", kernel])?.ok()?;
    ensure!(!root.exists(&file)? && !status(root)?.contains(&line));
    root.run(&["dkms", "install", module, "-k", kernel])?.ok()?;
    ensure!(root.exists(&file)? && status(root)?.contains(&line));
    Ok(())
}

/// A machine with evermod, a module of ours installed for its kernels, and the oldest kernel's release.
fn machine() -> Result<Option<(Overlay, String)>> {
    let Some(root) = Overlay::with_evermod("kernels")? else {
        skip::report("target/dist has no evermod package: run make deb");
        return Ok(None);
    };
    root.copy_in(&top().join("tests/modules/hello-1.0"), "/usr/src/hello-1.0")?;
    root.run(&["evermod", "add", "hello/1.0"])?.ok()?;
    root.run(&["evermod", "sync"])?.ok()?;
    let kernel = root.kernels()?.into_iter().next().context("no kernel")?;
    let (code, findings) = doctor(&root)?;
    ensure!(code == 0, "{findings:#?}");
    Ok(Some((root, kernel)))
}

/// What doctor says a sync mends, a sync does mend.
#[test]
fn sync_mends_what_doctor_says_it_does() -> Result<()> {
    need!();
    let Some((root, k)) = machine()? else { return Ok(()) };
    let t = "/var/lib/dkms/hello";
    let damages = [
        ("incomplete-build", format!("rm {t}/1.0/{k}/x86_64/module/hello.ko*")),
        ("damaged-install", format!("echo no >/lib/modules/{k}/updates/dkms/hello.ko")),
        ("half-built", format!("mkdir -p {t}/1.0/{k}/.tmp_x86_64_abcdef/module")),
        ("half-built", format!("rm -r {t}/1.0/{k}/x86_64/module {t}/1.0/{k}/x86_64/.evermod.json")),
        ("active-link", format!("rm -r {t}/1.0/{k}")),
        ("active-link", format!("ln -s 0.9/5.10/x86_64 {t}/kernel-5.10-x86_64")),
        ("broken-module", format!("rm {t}/1.0/source")),
        ("depmod-pending", format!("touch /var/lib/dkms/depmod-pending-{k}-x86_64")),
        ("cut-off", "echo 'sync (process 1)' >/var/lib/evermod/lock".to_owned()),
    ];
    for (check, damage) in &damages {
        root.sh(damage)?.ok()?;
        let (code, findings) = doctor(&root)?;
        let found = findings.iter().find(|f| text(f, "check") == *check);
        ensure!(code == 1 && found.is_some_and(|f| f["by_sync"] == true), "{damage}: {findings:#?}");
        let output = root.run(&["evermod", "sync"])?.ok().with_context(|| damage.clone())?;
        let (code, findings) = doctor(&root)?;
        ensure!(code == 0, "{damage}: {findings:#?}\n{}", output.all());
        let vermagic = root.run(&["modinfo", "-k", &k, "-F", "vermagic", "hello"])?.ok()?.stdout;
        ensure!(vermagic.starts_with(&format!("{k} ")), "{damage}: {vermagic}");
    }
    Ok(())
}

/// Every command that doctor names does mend what it is named for.
#[test]
fn the_commands_that_doctor_names_mend() -> Result<()> {
    need!();
    let Some((root, k)) = machine()? else { return Ok(()) };
    let t = "/var/lib/dkms/hello";
    let damages = [
        (
            "orphan-module",
            format!(
                "cp /lib/modules/{k}/updates/dkms/hello.ko /lib/modules/{k}/updates/dkms/old.ko; depmod {k}"
            ),
        ),
        ("signing-key", "chmod 644 /var/lib/dkms/mok.key".to_owned()),
        ("unregistered", format!("mkdir -p {t}/0.9/build")),
        (
            "kernel-gone",
            format!("mkdir -p {t}/1.0/5.10/x86_64; cp -a {t}/1.0/{k}/x86_64/module {t}/1.0/5.10/x86_64/"),
        ),
        ("kernel-leftover", "mkdir -p /lib/modules/5.10; touch /lib/modules/5.10/modules.softdep".to_owned()),
        ("two-architectures", format!("cp -a {t}/1.0/{k}/x86_64 {t}/1.0/{k}/amd64")),
        (
            "shadowed",
            format!(
                "mkdir -p /lib/modules/{k}/extra; cp /lib/modules/{k}/updates/dkms/hello.ko /lib/modules/{k}/extra/; mkdir -p /etc/depmod.d; echo 'search extra updates built-in' >/etc/depmod.d/a.conf; depmod {k}"
            ),
        ),
        (
            "original-module",
            format!("mkdir -p {t}/original_module/5.10/x86_64; touch {t}/original_module/5.10/x86_64/a.ko"),
        ),
        (
            "broken-module",
            format!("cp -a {t}/1.0 {t}/2.0; rm -r {t}/2.0/source; ln -s /usr/src/hello-2.0 {t}/2.0/source"),
        ),
    ];
    for (check, damage) in &damages {
        root.sh(damage)?.ok()?;
        let (code, findings) = doctor(&root)?;
        let found = findings.iter().find(|f| text(f, "check") == *check);
        let found = found.with_context(|| format!("{damage}: {findings:#?}"))?;
        ensure!(code == 1, "{damage}: {findings:#?}");
        // Anybody may look.
        let other = root.sh("setpriv --reuid 65534 --regid 65534 --clear-groups evermod doctor")?;
        ensure!(other.status <= 1 && other.stderr.is_empty(), "{}", other.all());
        let output = root.sh(text(found, "mend"))?.ok().with_context(|| found.to_string())?;
        let (code, findings) = doctor(&root)?;
        ensure!(code == 0, "{}: {findings:#?}\n{}", text(found, "mend"), output.all());
    }
    ensure!(root.run(&["modinfo", "-k", &k, "hello"])?.status == 0);
    Ok(())
}
