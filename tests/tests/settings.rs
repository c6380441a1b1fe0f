//! What administrators set and packages ask for, in a real root: `framework.conf`, scripts, BUILD_DEPENDS, weak modules.
//! Each test guards one part of DKMS's contract that used to be read and not acted on.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use evermod_tests::roots::{Output, Overlay};
use evermod_tests::{need, skip};

const ARCH: &str = "x86_64";

/// A root with evermod, and its kernels, oldest first.
fn machine() -> Result<Option<(Overlay, Vec<String>)>> {
    let Some(root) = Overlay::with_evermod("small")? else {
        skip::report("target/dist has no evermod package: run make deb");
        return Ok(None);
    };
    let kernels = root.kernels()?;
    ensure!(kernels.len() > 1, "two kernels are needed");
    Ok(Some((root, kernels)))
}

/// Writes `/usr/src/NAME-VERSION` with one small driver, and registers it.
fn add(root: &Overlay, name: &str, version: &str, conf: &str) -> Result<()> {
    write_source(root, name, version, conf)?;
    dkms(root, &format!("add {name}/{version}"))?.ok()?;
    Ok(())
}

fn write_source(root: &Overlay, name: &str, version: &str, conf: &str) -> Result<()> {
    let dir = root.path(&format!("/usr/src/{name}-{version}"));
    fs_err::create_dir_all(&dir)?;
    fs_err::write(dir.join("Makefile"), format!("obj-m := {name}.o\n"))?;
    let code =
        format!("#include <linux/module.h>\nMODULE_LICENSE(\"GPL\");\nMODULE_VERSION(\"{version}\");\n");
    fs_err::write(dir.join(format!("{name}.c")), code)?;
    let head = format!(
        "PACKAGE_NAME={name}\nPACKAGE_VERSION={version}\nBUILT_MODULE_NAME[0]={name}\n\
         DEST_MODULE_LOCATION[0]=/kernel/drivers/misc\nAUTOINSTALL=yes\n"
    );
    fs_err::write(dir.join("dkms.conf"), head + conf)?;
    Ok(())
}

fn dkms(root: &Overlay, line: &str) -> Result<Output> {
    root.sh(&format!("dkms {line}"))
}

fn framework(root: &Overlay, text: &str) -> Result<()> {
    fs_err::create_dir_all(root.path("/etc/dkms/framework.conf.d"))?;
    Ok(fs_err::write(root.path("/etc/dkms/framework.conf.d/test.conf"), text)?)
}

fn script(root: &Overlay, path: &str, text: &str) -> Result<()> {
    if let Some(dir) = root.path(path).parent() {
        fs_err::create_dir_all(dir)?;
    }
    fs_err::write(root.path(path), format!("#!/bin/bash\n{text}\n"))?;
    root.run(&["chmod", "755", path])?.ok()?;
    Ok(())
}

/// The whole log of an instance that is built.
fn make_log(root: &Overlay, module: &str, kernel: &str) -> Result<String> {
    root.read(&format!("/var/lib/dkms/{module}/{kernel}/{ARCH}/log/make.log"))
}

/// `symlink_modules` and `--symlink-modules`: links into the tree, which status, depmod and uninstall see as modules.
#[test]
fn links_in_place_of_copies() -> Result<()> {
    need!();
    let Some((root, kernels)) = machine()? else { return Ok(()) };
    let kernel = &kernels[0];
    add(&root, "one", "1.0", "")?;
    add(&root, "two", "1.0", "")?;
    dkms(&root, &format!("install two/1.0 -k {kernel} --symlink-modules"))?.ok()?;
    framework(&root, "symlink_modules=yes\n")?;
    dkms(&root, &format!("install one/1.0 -k {kernel}"))?.ok()?;
    for name in ["one", "two"] {
        let link = root.run(&["readlink", &format!("/lib/modules/{kernel}/updates/dkms/{name}.ko")])?.ok()?;
        let target = format!("/var/lib/dkms/{name}/1.0/{kernel}/{ARCH}/module/{name}.ko");
        ensure!(link.stdout.trim() == target, "{}", link.stdout);
        root.run(&["modinfo", "-k", kernel, name])?.ok().context("depmod does not see it")?;
    }
    let status = dkms(&root, "status")?.ok()?.stdout;
    ensure!(
        status == format!("one/1.0, {kernel}, {ARCH}: installed\ntwo/1.0, {kernel}, {ARCH}: installed\n"),
        "{status}"
    );
    let again = dkms(&root, &format!("autoinstall -k {kernel}"))?.ok()?;
    ensure!(again.all().is_empty(), "links were taken for damage: {}", again.all());
    dkms(&root, &format!("uninstall one/1.0 -k {kernel}"))?.ok()?;
    ensure!(root.sh(&format!("test -L /lib/modules/{kernel}/updates/dkms/one.ko"))?.status != 0);
    let status = dkms(&root, "status one/1.0")?.ok()?.stdout;
    ensure!(status == format!("one/1.0, {kernel}, {ARCH}: built\n"), "{status}");
    dkms(&root, "remove two/1.0 --all")?.ok()?;
    ensure!(root.sh(&format!("ls -A /lib/modules/{kernel}/updates 2>/dev/null"))?.stdout.is_empty());
    Ok(())
}

/// `post_transaction`: after every command that changed modules, whoever gave it, and after no other.
#[test]
fn post_transaction_follows_changes() -> Result<()> {
    need!();
    let Some((root, kernels)) = machine()? else { return Ok(()) };
    let (kernel, other) = (&kernels[0], &kernels[1]);
    framework(&root, "post_transaction='echo \"$kernelver\" >> /changes; echo said'\n")?;
    add(&root, "one", "1.0", "")?;
    let ran = |command: &str, times: usize| -> Result<String> {
        let _ = fs_err::remove_file(root.path("/changes"));
        root.sh(command)?.ok().with_context(|| command.to_string())?;
        let lines = fs_err::read_to_string(root.path("/changes")).unwrap_or_default();
        ensure!(lines.lines().count() == times, "{command}: {times} times expected, got {lines:?}");
        Ok(lines)
    };
    ran(&format!("dkms build one/1.0 -k {kernel}"), 0)?;
    ensure!(ran(&format!("dkms install one/1.0 -k {kernel}"), 1)?.trim() == kernel);
    let log = root.read("/var/lib/dkms/post_transaction.log")?;
    ensure!(
        log.contains("# command: echo") && log.contains("\nsaid\n") && log.contains("# exit code: 0"),
        "{log}"
    );
    ran(&format!("dkms install one/1.0 -k {kernel}"), 0)?;
    ran(&format!("dkms autoinstall -k {kernel}"), 0)?;
    ensure!(ran(&format!("dkms uninstall one/1.0 -k {kernel}"), 1)?.trim() == kernel);
    ran(&format!("dkms autoinstall -k {kernel}"), 1)?;
    ran(&format!("dkms unbuild one/1.0 -k {kernel}"), 1)?;
    ensure!(ran(&format!("evermod hook kernel-postinst {other}"), 1)?.trim() == other);
    ran(&format!("evermod sync -k {kernel} && dkms status"), 1)?;
    let both = ran("dkms remove one/1.0 --all", 2)?;
    ensure!(both.contains(kernel.as_str()) && both.contains(other.as_str()), "{both}");

    // Its failure is told, and fails nothing.
    framework(&root, "post_transaction='echo to the log; exit 3'\n")?;
    let output = dkms(&root, &format!("install one/1.0 -k {kernel}"))?.ok()?;
    ensure!(output.all().contains("post_transaction failed with status 3"), "{}", output.all());
    ensure!(
        root.read("/var/lib/dkms/post_transaction.log")?.matches("# command").count() == 1,
        "not truncated"
    );
    // The environment sets it where no file does.
    fs_err::remove_file(root.path("/etc/dkms/framework.conf.d/test.conf"))?;
    ran(&format!("post_transaction='echo e >> /changes' dkms remove one/1.0 -k {kernel}"), 1)?;
    Ok(())
}

/// `build_environment`, `verbose`, `parallel_jobs`, `tmp_location` and the signing settings, which may name the kernel.
#[test]
fn builds_are_set_up_as_the_administrator_says() -> Result<()> {
    need!();
    let Some((root, kernels)) = machine()? else { return Ok(()) };
    let kernel = &kernels[0];
    // Not readable to the user that builds, as a file of root's may be.
    fs_err::write(
        root.path("/etc/toolset"),
        "export FROM_TOOLSET=\"for $kernelver\" LC_TIME=C.UTF-8 module=mine\nHIDDEN=yes\nPATH=/opt/toolset:$PATH\necho noise\n",
    )?;
    root.sh("chmod 600 /etc/toolset")?.ok()?;
    script(&root, "/opt/toolset/tool", "echo from the toolset")?;
    script(&root, "/usr/local/sbin/sign-amd64", "printf '%s\\n' \"$@\" > /signed\nprintf 'mark' >> \"$4\"")?;
    framework(
        &root,
        "build_environment=/etc/toolset\nparallel_jobs=0\ntmp_location=/srv/tmp\n\
         sign_file=\"/usr/local/sbin/sign-${kernelver##*-}\"\nmok_signing_key=/keys/$kernelver.key\nmok_certificate=/keys/x.der\n",
    )?;
    let conf = "MAKE[0]=\"env; tool; echo tmp=$tmp_location; make -C $kernel_source_dir M=$dkms_tree/one/1.0/build\"\n";
    add(&root, "one", "1.0", conf)?;
    add(&root, "two", "1.0", "")?;
    let locale = "LANG=de_DE.UTF-8 LC_MESSAGES=de_DE.UTF-8 LC_ALL=C.UTF-8 LANGUAGE=de";
    let output = root.sh(&format!("{locale} dkms install one/1.0 -k {kernel} --verbose"))?.ok()?;
    ensure!(output.stdout.contains("tool; echo tmp=/srv/tmp; make -C"), "no commands: {}", output.stdout);
    ensure!(output.stdout.lines().any(|l| l.contains("depmod -a ")), "{}", output.stdout);
    let log = make_log(&root, "one/1.0", kernel)?;
    for line in [format!("FROM_TOOLSET=for {kernel}"), "module=one".into(), "tmp=/srv/tmp".into()] {
        ensure!(log.lines().any(|l| l == line), "{line} is missing: {log}");
    }
    // Compilers' errors are read: they are to be in English, unless the administrator says otherwise.
    let locale = log.lines().filter(|l| l.starts_with("LANG") || l.starts_with("LC_"));
    ensure!(BTreeSet::from_iter(locale) == BTreeSet::from(["LANG=C", "LC_TIME=C.UTF-8"]), "{log}");
    ensure!(log.contains("from the toolset") && log.contains("isolation: bubblewrap"), "{log}");
    ensure!(!log.contains("HIDDEN=yes"), "what is not exported is not the build's: {log}");
    let file = format!("/lib/modules/{kernel}/updates/dkms/one.ko");
    ensure!(fs_err::read(root.path(&file))?.ends_with(b"mark"), "sign_file was not used");
    let signed = root.read("/signed")?;
    ensure!(signed.starts_with(&format!("sha256\n/keys/{kernel}.key\n/keys/x.der\n/")), "{signed}");
    dkms(&root, &format!("build two/1.0 -k {kernel}"))?.ok()?;
    ensure!(make_log(&root, "two/1.0", kernel)?.contains(&format!("make -j KERNELRELEASE={kernel} -C")));
    // Its content decides what builds yield.
    ensure!(root.run(&["evermod", "plan", "-k", kernel, "one"])?.ok()?.stdout.contains("Nothing to do"));
    root.sh("echo 'export CFLAGS=-O1' >> /etc/toolset")?.ok()?;
    ensure!(root.run(&["evermod", "plan", "-k", kernel, "one"])?.ok()?.stdout.contains("build "));

    framework(&root, "parallel_jobs=many\n")?;
    let warned = dkms(&root, "status one/1.0")?.ok()?;
    ensure!(
        warned.stderr.contains("parallel_jobs is 'many'") && warned.stdout.lines().count() == 1,
        "{}",
        warned.all()
    );

    // A key in a token: the kernel's own sign-file is asked, which has no such token here, and that is said.
    framework(&root, "mok_signing_key='pkcs11:token=none;object=none'\nmok_certificate=/keys/x.der\n")?;
    let refused = dkms(&root, &format!("build two/1.0 -k {kernel} --force"))?;
    ensure!(refused.status == 10 && refused.stderr.contains("/keys/x.der"), "{}", refused.all());
    root.sh("mkdir -p /keys && : > /keys/x.der")?.ok()?;
    let refused = dkms(&root, &format!("build two/1.0 -k {kernel} --force"))?;
    ensure!(refused.status == 10 && refused.stderr.contains("sign-file failed"), "{}", refused.all());
    let told = root.run(&["dkms", "generate_mok"])?.ok()?;
    ensure!(told.stdout.contains("pkcs11:"), "{}", told.stdout);
    ensure!(root.sh("ls -d pkcs11* /pkcs11* 2>/dev/null")?.stdout.is_empty(), "a key was made of its name");
    framework(&root, "try_sign_modules=false\n")?;
    dkms(&root, &format!("build two/1.0 -k {kernel} --force"))?.ok()?;
    let module = fs_err::read(root.path(&format!("/var/lib/dkms/two/1.0/{kernel}/{ARCH}/module/two.ko")))?;
    ensure!(!module.ends_with(b"~Module signature appended~\n"), "it is signed all the same");
    Ok(())
}

/// All six scripts: where they run, with what in the environment, what their status means; and `/etc/dkms/M/SCRIPT`, which
/// replaces one.
#[test]
fn scripts_of_packages_and_of_the_administrator() -> Result<()> {
    need!();
    let Some((root, kernels)) = machine()? else { return Ok(()) };
    let kernel = &kernels[0];
    let stages = ["PRE_BUILD", "POST_BUILD", "PRE_INSTALL", "POST_INSTALL", "POST_ADD", "POST_REMOVE"];
    let conf: String = stages.iter().map(|stage| format!("{stage}=\"trace {stage} 'a b'\"\n")).collect();
    write_source(&root, "one", "1.0", &conf)?;
    let trace =
        "echo \"$1|$2|$(pwd -L)|$module|$module_version|$kernelver|$arch|$CFLAGS|${CC:+cc}|$(umask)\"";
    script(&root, "/usr/src/one-1.0/trace", trace)?;
    let line = |stage: &str, dir: &str| format!("{stage}|a b|{dir}|one|1.0|{kernel}|{ARCH}||cc|0022");
    // Without a build in the same run, nothing is told of the compiler.
    let later = |stage: &str, dir: &str| format!("{stage}|a b|{dir}|one|1.0|{kernel}|{ARCH}|||0022");
    let (source, build) = ("/var/lib/dkms/one/1.0/source", "/var/lib/dkms/one/1.0/build");
    let added = root.sh("umask 077; dkms add one/1.0")?.ok()?;
    ensure!(added.stdout.contains(&format!("POST_ADD|a b|{source}|||||||0022")), "{}", added.all());
    let installed = root.sh(&format!("CFLAGS=-callers dkms install one/1.0 -k {kernel}"))?.ok()?.stdout;
    for stage in ["PRE_INSTALL", "POST_INSTALL"] {
        ensure!(installed.contains(&line(stage, source)), "{stage}: {installed}");
    }
    let log = make_log(&root, "one/1.0", kernel)?;
    for stage in ["PRE_BUILD", "POST_BUILD"] {
        ensure!(log.contains(&line(stage, build)), "{stage}: {log}");
    }
    let removed = dkms(&root, "remove one/1.0 --all")?.ok()?.stdout;
    ensure!(removed.contains(&format!("POST_REMOVE|a b|{source}|one|1.0|||||0022")), "{removed}");
    let implied = dkms(&root, &format!("build one/1.0 -k {kernel}"))?.ok()?.stdout;
    ensure!(implied.contains(&later("POST_ADD", source)), "{implied}");
    dkms(&root, "remove one/1.0 --all")?.ok()?;

    // The administrator's own.
    script(&root, "/etc/dkms/one/trace", &format!("echo -n administrators:; {trace}"))?;
    dkms(&root, "add one/1.0")?.ok()?;
    let installed = dkms(&root, &format!("install one/1.0 -k {kernel}"))?.ok()?.stdout;
    let own = |stage: &str| format!("administrators:{}", line(stage, "/etc/dkms/one"));
    ensure!(installed.contains(&own("PRE_INSTALL")), "{installed}");
    let log = make_log(&root, "one/1.0", kernel)?;
    ensure!(log.contains(&own("PRE_BUILD")) && log.contains(&own("POST_BUILD")), "{log}");
    // One that is not executable replaces nothing; its change is one of the build's inputs.
    root.sh("chmod 644 /etc/dkms/one/trace")?.ok()?;
    let again = dkms(&root, &format!("install one/1.0 -k {kernel} --force"))?.ok()?.stdout;
    ensure!(again.contains(&later("PRE_INSTALL", source)) && !again.contains("administrators:"), "{again}");

    // What their status means.
    dkms(&root, "remove one/1.0 --all")?.ok()?;
    script(&root, "/usr/src/one-1.0/trace", "[ $1 != \"$(cat /fails)\" ] || exit 42")?;
    for (stage, code, state) in [
        ("POST_ADD", 42, "one/1.0: added\n".to_string()),
        ("PRE_BUILD", 42, "one/1.0: added\n".to_string()),
        ("PRE_INSTALL", 101, format!("one/1.0, {kernel}, {ARCH}: built\n")),
        ("POST_INSTALL", 0, format!("one/1.0, {kernel}, {ARCH}: installed\n")),
        ("POST_REMOVE", 0, "one/1.0: added\n".to_string()),
    ] {
        fs_err::write(root.path("/fails"), stage)?;
        let command = match stage {
            "POST_ADD" => "add one/1.0".to_string(),
            "POST_REMOVE" => format!("unbuild one/1.0 -k {kernel}"),
            _ => format!("install one/1.0 -k {kernel}"),
        };
        let output = dkms(&root, &command)?;
        ensure!(output.status == code, "{stage}: {} {}", output.status, output.all());
        let status = dkms(&root, "status")?.ok()?.stdout;
        ensure!(status == state, "{stage}: {status}");
    }
    Ok(())
}

/// BUILD_DEPENDS: 13 and 11, deferred ones, and BUILD_DEPENDS_REBUILD with DKMS's own notes.
#[test]
fn dependencies() -> Result<()> {
    need!();
    let Some((root, kernels)) = machine()? else { return Ok(()) };
    let kernel = &kernels[0];
    // One scalar with a blank in it is a list.
    add(&root, "above", "1.0", "BUILD_DEPENDS=\"below base\"\nBUILD_DEPENDS_REBUILD=yes\n")?;
    add(&root, "beyond", "1.0", "BUILD_DEPENDS=above\n")?;
    add(&root, "base", "1.0", "")?;
    let missing = dkms(&root, &format!("build above/1.0 -k {kernel}"))?;
    ensure!(missing.status == 13 && missing.stderr.contains("below, base"), "{}", missing.all());
    let deferred = dkms(&root, &format!("autoinstall -k {kernel}"))?.ok()?.stdout;
    for text in [
        format!("Autoinstall on {kernel} succeeded for module(s) base."),
        "above/1.0 autoinstall deferred: BUILD_DEPENDS not registered with DKMS: below.".into(),
        "beyond/1.0 autoinstall deferred: BUILD_DEPENDS not registered with DKMS: above.".into(),
        format!(
            "Autoinstall on {kernel} deferred module(s) above beyond due to BUILD_DEPENDS not yet registered with DKMS."
        ),
    ] {
        ensure!(deferred.lines().any(|l| l == text), "{text}\nin: {deferred}");
    }
    add(&root, "below", "1.0", "")?;
    let all = dkms(&root, &format!("autoinstall -k {kernel}"))?.ok()?.stdout;
    ensure!(
        all.contains(&format!("Autoinstall on {kernel} succeeded for module(s) base below above beyond.")),
        "{all}"
    );
    let silent = dkms(&root, &format!("autoinstall -k {kernel}"))?.ok()?;
    ensure!(silent.all().is_empty(), "{}", silent.all());

    let noted = |name: &str| root.read(&format!("/var/lib/dkms/above/1.0/{kernel}/{ARCH}/.dep_{name}"));
    ensure!(noted("below")? == "1.0\n" && noted("base")? == "1.0\n");
    let built = |name: &str| -> Result<String> {
        let place = format!("/var/lib/dkms/{name}/1.0/{kernel}/{ARCH}/module/{name}.ko");
        Ok(root.run(&["stat", "-c", "%i %y", &place])?.ok()?.stdout)
    };
    // A new version, by a single install: what was built against the old one follows, and nothing else does.
    let before = (built("above")?, built("beyond")?);
    add(&root, "below", "2.0", "")?;
    let output = dkms(&root, &format!("install below/2.0 -k {kernel}"))?.ok()?.stdout;
    ensure!(output.contains("built above/1.0") && !output.contains("built beyond/1.0"), "{output}");
    ensure!(noted("below")? == "2.0\n" && built("above")? != before.0 && built("beyond")? == before.1);
    // And by autoinstall, in one run; DKMS's notes of an older build are believed.
    add(&root, "base", "3.0", "")?;
    let output = dkms(&root, &format!("autoinstall -k {kernel}"))?.ok()?.stdout;
    ensure!(output.contains("built base/3.0") && output.contains("built above/1.0"), "{output}");
    ensure!(noted("base")? == "3.0\n");
    fs_err::write(root.path(&format!("/var/lib/dkms/above/1.0/{kernel}/{ARCH}/.dep_base")), "2.0\n")?;
    let output = dkms(&root, &format!("autoinstall -k {kernel}"))?.ok()?.stdout;
    ensure!(output.contains("built above/1.0") && noted("base")? == "3.0\n", "{output}");

    // A registered one that does not build is no matter of waiting.
    root.sh("echo '#error no' >> /usr/src/base-3.0/base.c; echo >> /usr/src/above-1.0/above.c")?.ok()?;
    dkms(&root, &format!("unbuild base/3.0 -k {kernel}"))?.ok()?;
    dkms(&root, &format!("unbuild above/1.0 -k {kernel}"))?.ok()?;
    let failed = dkms(&root, &format!("autoinstall -k {kernel}"))?;
    ensure!(failed.status == 11, "{}", failed.all());
    ensure!(
        failed.stdout.contains(&format!("Autoinstall on {kernel} failed for module(s) base(10).")),
        "{}",
        failed.all()
    );
    let missing = "above/1.0 autoinstall failed due to missing dependencies: base.";
    ensure!(failed.stdout.contains(missing), "{}", failed.all());
    let again = dkms(&root, &format!("autoinstall -k {kernel}"))?;
    ensure!(again.status == 11, "{}", again.all());
    ensure!(again.stdout.contains(missing), "{}", again.all());
    Ok(())
}

/// `autoinstall` as scripts know it: what is skipped, what is silent, and every exit code.
#[test]
fn autoinstall_of_the_contract() -> Result<()> {
    need!();
    let Some((root, kernels)) = machine()? else { return Ok(()) };
    let kernel = &kernels[0];
    let run = || dkms(&root, &format!("autoinstall -k {kernel}"));
    add(&root, "old", "1.9", "")?;
    add(&root, "old", "1.10", "")?;
    add(&root, "plain", "1.0", "AUTOINSTALL=no\n")?;
    add(&root, "other", "1.0", "BUILD_EXCLUSIVE_KERNEL=^2\n")?;
    fs_err::create_dir_all(root.path("/etc/dkms"))?;
    fs_err::write(root.path("/etc/dkms/no-autoinstall"), "")?;
    let off = run()?.ok()?;
    ensure!(
        off.stdout.contains("has been disabled") && dkms(&root, "status -k x")?.stdout.lines().count() == 4
    );
    fs_err::remove_file(root.path("/etc/dkms/no-autoinstall"))?;
    let first = run()?.ok()?.stdout;
    ensure!(first.contains(&format!("Autoinstall on {kernel} succeeded for module(s) old.\n")), "{first}");
    ensure!(
        first.contains(&format!("Autoinstall on {kernel} was skipped for module(s) other.\n")),
        "{first}"
    );
    let status = dkms(&root, "status")?.ok()?.stdout;
    ensure!(
        status
            == format!(
                "old/1.10, {kernel}, {ARCH}: installed\nold/1.9: added\nother/1.0: added\nplain/1.0: added\n"
            ),
        "{status}"
    );
    dkms(&root, "remove other/1.0 --all")?.ok()?;
    ensure!(run()?.ok()?.all().is_empty(), "nothing to do is silent");
    // Nor does that need a shell.
    root.sh("mv /usr/bin/bash /usr/bin/bash.away")?.ok()?;
    let idle = root.run(&["dkms", "autoinstall", "-k", kernel])?;
    root.run(&["mv", "/usr/bin/bash.away", "/usr/bin/bash"])?.ok()?;
    ensure!(idle.status == 0 && idle.all().is_empty(), "{}", idle.all());
    // Nothing is done for a kernel without headers, and without need of them nothing is asked for.
    root.sh(&format!("mv /lib/modules/{kernel}/build /build"))?.ok()?;
    ensure!(run()?.ok()?.all().is_empty(), "what is installed needs no headers");
    add(&root, "new", "1.0", "")?;
    let bare = run()?;
    ensure!(bare.status == 21, "{} {}", bare.status, bare.all());
    root.sh(&format!("mv /build /lib/modules/{kernel}/build"))?.ok()?;
    ensure!(
        dkms(&root, "autoinstall -k 5.9.9-nowhere")?.status == 21,
        "a kernel that is not there has no headers"
    );
    // A configuration that is no good stops nobody else.
    fs_err::write(root.path("/usr/src/plain-1.0/dkms.conf"), "PACKAGE_NAME=plain\nAUTOINSTALL=yes\n")?;
    let bad = run()?;
    ensure!(bad.status == 11 && bad.all().contains("PACKAGE_VERSION"), "{} {}", bad.status, bad.all());
    ensure!(dkms(&root, "status new/1.0")?.ok()?.stdout.contains(": installed"), "{}", bad.all());
    Ok(())
}

/// BUILD_EXCLUSIVE for single modules, OBSOLETE_BY and the list of modules to force.
#[test]
fn what_is_meant_for_a_kernel() -> Result<()> {
    need!();
    let Some((root, kernels)) = machine()? else { return Ok(()) };
    let kernel = &kernels[0];
    let both = "BUILT_MODULE_NAME[1]=second\nDEST_MODULE_LOCATION[1]=/extra\nBUILD_EXCLUSIVE_KERNEL[1]=^2\n";
    add(&root, "first", "1.0", both)?;
    let output = dkms(&root, &format!("install first/1.0 -k {kernel}"))?.ok()?;
    let status = dkms(&root, "status first/1.0")?.ok()?.stdout;
    ensure!(status == format!("first/1.0, {kernel}, {ARCH}: installed\n"), "{status}{}", output.all());
    // Without evermod's own record, as after another program's build, the configuration says the same.
    root.sh(&format!("rm /var/lib/dkms/first/1.0/{kernel}/{ARCH}/.evermod.json"))?.ok()?;
    ensure!(dkms(&root, "status first/1.0")?.ok()?.stdout == status);
    let removed = dkms(&root, &format!("uninstall first/1.0 -k {kernel}"))?.ok()?;
    ensure!(!removed.all().contains("second"), "{}", removed.all());
    fs_err::write(root.path("/etc/dkms/first.conf"), "BUILD_EXCLUSIVE_KERNEL[0]=^2\n")?;
    let none = dkms(&root, &format!("build first/1.0 -k {kernel} --force"))?;
    ensure!(none.status == 77, "{} {}", none.status, none.all());

    add(&root, "gone", "1.0", "OBSOLETE_BY=5.4\nBUILD_EXCLUSIVE_KERNEL_MAX=9\n")?;
    let refused = dkms(&root, &format!("install gone/1.0 -k {kernel}"))?;
    ensure!(refused.status == 6 && refused.stderr.contains("5.4"), "{} {}", refused.status, refused.all());
    ensure!(dkms(&root, "status gone/1.0")?.ok()?.stdout == format!("gone/1.0, {kernel}, {ARCH}: built\n"));
    dkms(&root, &format!("autoinstall -k {kernel}"))?.ok()?;
    ensure!(dkms(&root, "status gone/1.0")?.ok()?.stdout.contains(": built"), "the refusal is remembered");
    fs_err::create_dir_all(root.path("/usr/share/dkms/modules_to_force_install"))?;
    fs_err::write(
        root.path("/usr/share/dkms/modules_to_force_install/some"),
        "other_version-override gone\n",
    )?;
    let forced = dkms(&root, &format!("autoinstall -k {kernel}"))?.ok()?;
    ensure!(forced.stdout.contains("Forcing installation of gone"), "{}", forced.all());
    ensure!(dkms(&root, "status gone/1.0")?.ok()?.stdout.contains(": installed"));
    add(&root, "later", "1.0", "OBSOLETE_BY=5.4\n")?;
    ensure!(dkms(&root, &format!("build later/1.0 -k {kernel}"))?.status == 77, "it is an upper limit too");
    Ok(())
}

/// Other distributions than Debian: the kernel's own module put aside and brought back, and ADDON_MODULES_DIR.
#[test]
fn originals_and_places_elsewhere() -> Result<()> {
    need!();
    let Some((root, kernels)) = machine()? else { return Ok(()) };
    let kernel = &kernels[0];
    root.sh("rm /etc/os-release; echo ID=mageia > /etc/os-release")?.ok()?;
    let own = root.sh(&format!("cd /lib/modules/{kernel} && find kernel -name dummy.ko"))?.ok()?.stdout;
    let own = format!("/lib/modules/{kernel}/{}", own.trim());
    let sum = |path: &str| -> Result<String> { Ok(root.sh(&format!("sha256sum < {path}"))?.ok()?.stdout) };
    let before = sum(&own)?;
    add(&root, "dummy", "9.0", "")?;
    dkms(&root, &format!("install dummy/9.0 -k {kernel}"))?.ok()?;
    let aside = format!("/var/lib/dkms/dummy/original_module/{kernel}/{ARCH}/dummy.ko");
    ensure!(sum(&aside)? == before && root.read(&format!("{aside}.origin"))?.trim() == own);
    ensure!(!root.exists(&own)?, "it would still be found");
    ensure!(root.exists(&format!("/lib/modules/{kernel}/kernel/drivers/misc/dummy.ko"))?);
    let status = dkms(&root, "status")?.ok()?.stdout;
    ensure!(
        status == format!("dummy/9.0, {kernel}, {ARCH}: installed (Original modules exist)\n"),
        "{status}"
    );
    dkms(&root, &format!("uninstall dummy/9.0 -k {kernel}"))?.ok()?;
    ensure!(sum(&own)? == before && !root.exists(&aside)?);
    // Trees of older versions have no note of where it came from.
    dkms(&root, &format!("install dummy/9.0 -k {kernel}"))?.ok()?;
    root.sh(&format!("rm {aside}.origin"))?.ok()?;
    dkms(&root, &format!("uninstall dummy/9.0 -k {kernel}"))?.ok()?;
    let back = format!("/lib/modules/{kernel}/kernel/drivers/misc/dummy.ko");
    ensure!(sum(&back)? == before, "it goes where DEST_MODULE_LOCATION says");

    root.sh(
        "mkdir -p /etc/sysconfig; echo 'ADDON_MODULES_DIR=\"addon\"' > /etc/sysconfig/module-init-tools",
    )?
    .ok()?;
    add(&root, "one", "1.0", "")?;
    dkms(&root, &format!("install one/1.0 -k {kernel}"))?.ok()?;
    ensure!(root.exists(&format!("/lib/modules/{kernel}/addon/one.ko"))?);
    fs_err::write(root.path("/etc/sysconfig/module-init-tools"), "ADDON_MODULES_DIR=$(touch /ran)\n")?;
    let warned = root.sh("ADDON_MODULES_DIR=/env dkms status")?.ok()?;
    ensure!(warned.stderr.contains("module-init-tools") && !root.exists("/ran")?, "{}", warned.all());
    Ok(())
}

/// Weak modules, by stand-ins for the distributions' programs (Debian has neither): what they are called with, and that what
/// they provide is neither built again nor hidden.
#[test]
fn weak_modules() -> Result<()> {
    need!();
    let Some((root, kernels)) = machine()? else { return Ok(()) };
    let (kernel, other) = (&kernels[0], &kernels[1]);
    root.sh(
        "rm /etc/os-release; printf 'ID=almalinux\\nID_LIKE=\"rhel centos fedora\"\\n' > /etc/os-release",
    )?
    .ok()?;
    let stand_in = format!(
        "echo \"$@\" >> /weak-calls\nwhile read -r file; do echo \"$file\" >> /weak-calls\n\
         link=/lib/modules/{other}/weak-updates/${{file##*/}}\n\
         case $2 in --add-modules) mkdir -p ${{link%/*}}; ln -sf \"$file\" $link ;; *) rm -f $link ;; esac\ndone"
    );
    script(&root, "/usr/sbin/weak-modules", &stand_in)?;
    add(&root, "one", "1.0", "")?;
    add(&root, "not", "1.0", "NO_WEAK_MODULES=yes\n")?;
    dkms(&root, &format!("install one/1.0 -k {kernel}"))?.ok()?;
    let file = format!("/lib/modules/{kernel}/extra/one.ko");
    let calls = || root.read("/weak-calls");
    ensure!(calls()? == format!("--no-initramfs --add-modules\n{file}\n"), "{}", calls()?);
    dkms(&root, &format!("install not/1.0 -k {kernel}"))?.ok()?;
    ensure!(calls()?.lines().count() == 2, "NO_WEAK_MODULES in dkms.conf: {}", calls()?);
    let status = dkms(&root, "status one/1.0")?.ok()?.stdout;
    let expected = format!(
        "one/1.0, {kernel}, {ARCH}: installed\none, 1.0, {other}, {ARCH}: installed-weak from {kernel}\n"
    );
    ensure!(status == expected, "{status}");
    dkms(&root, "remove not/1.0 --all")?.ok()?;
    let idle = dkms(&root, &format!("autoinstall -k {other}"))?.ok()?;
    ensure!(idle.all().is_empty(), "it was built although a link serves: {}", idle.all());
    dkms(&root, &format!("uninstall one/1.0 -k {kernel}"))?.ok()?;
    ensure!(calls()?.ends_with(&format!("--no-initramfs --remove-modules\n{file}\n")), "{}", calls()?);
    ensure!(dkms(&root, "status one/1.0")?.ok()?.stdout == format!("one/1.0, {kernel}, {ARCH}: built\n"));
    root.sh(&format!("rm /weak-calls; NO_WEAK_MODULES=1 dkms install one/1.0 -k {kernel}"))?.ok()?;
    ensure!(!root.exists("/weak-calls")?, "NO_WEAK_MODULES in the environment");

    root.sh("printf 'ID=sles\\nID_LIKE=suse\\n' > /etc/os-release")?.ok()?;
    script(&root, "/usr/lib/module-init-tools/weak-modules2", "echo \"$@\" >> /weak-calls\nexit 1")?;
    add(&root, "two", "1.0", "")?;
    let output = dkms(&root, &format!("install two/1.0 -k {kernel}"))?.ok()?;
    ensure!(calls()? == format!("--add-kernel-modules {kernel}\n"), "{}", calls()?);
    ensure!(output.all().contains("weak-modules2 failed with status 1"), "{}", output.all());
    Ok(())
}

/// `modprobe_on_install` and its option: for the running kernel only. A stand-in for modprobe writes down what it is asked.
#[test]
fn modules_are_loaded_where_that_is_wanted() -> Result<()> {
    need!();
    let Some((root, kernels)) = machine()? else { return Ok(()) };
    let kernel = &kernels[0];
    script(&root, "/usr/local/sbin/modprobe", "echo \"$@\" >> /loads")?;
    // The running kernel is the host's; it gets the root's headers under its own name.
    let running = root.run(&["uname", "-r"])?.ok()?.stdout.trim().to_string();
    root.sh(&format!(
        "mkdir -p /lib/modules/{running}; ln -s $(readlink -f /lib/modules/{kernel}/build) /lib/modules/{running}/build; \
         : > /lib/modules/{running}/modules.dep"
    ))?
    .ok()?;
    add(&root, "one", "1.0", "")?;
    dkms(&root, &format!("install one/1.0 -k {kernel} --modprobe-on-install"))?.ok()?;
    dkms(&root, "install one/1.0")?.ok()?;
    ensure!(!root.exists("/loads")?, "nobody asked, or not for this kernel: {}", root.read("/loads")?);
    dkms(&root, "uninstall one/1.0")?.ok()?;
    dkms(&root, "install one/1.0 --modprobe-on-install")?.ok()?;
    let loads = root.read("/loads")?;
    ensure!(loads.starts_with("-a -b -q ") && loads.contains(':'), "{loads}");
    fs_err::remove_file(root.path("/loads"))?;
    framework(&root, "modprobe_on_install=yes\n")?;
    dkms(&root, &format!("uninstall one/1.0 -k {running}"))?.ok()?;
    ensure!(!root.exists("/loads")?);
    dkms(&root, &format!("autoinstall -k {running}"))?.ok()?;
    ensure!(root.exists("/loads")?);
    Ok(())
}
