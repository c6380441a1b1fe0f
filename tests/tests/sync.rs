//! `sync` in a real root with real kernels: what is rebuilt, in which order, and how it is kept apart.

use anyhow::{Context as _, Result, ensure};
use evermod_tests::roots::Overlay;
use evermod_tests::{need, skip, top};

/// A root with evermod and some of the small drivers, added.
fn machine(drivers: &[&str]) -> Result<Option<(Overlay, String)>> {
    let Some(root) = Overlay::with_evermod("small")? else {
        skip::report("target/dist has no evermod package: run make deb");
        return Ok(None);
    };
    for name in drivers {
        root.copy_in(
            &top().join("tests/modules").join(format!("{name}-1.0")),
            &format!("/usr/src/{name}-1.0"),
        )?;
        root.run(&["evermod", "add", &format!("{name}/1.0")])?.ok()?;
    }
    let kernel = root.kernels()?.into_iter().next().context("no kernel")?;
    Ok(Some((root, kernel)))
}

/// What `evermod plan` says there is to do, without reasons.
fn plan(root: &Overlay, kernel: &str) -> Result<Vec<String>> {
    let text = root.run(&["evermod", "plan", "-k", kernel])?.ok()?.stdout;
    let step =
        |line: &str| Some(line.trim_start().split_once("  ")?.1.split("  (").next()?.trim().to_string());
    Ok(text.lines().filter(|l| l.starts_with(' ')).filter_map(step).collect())
}

fn built(root: &Overlay, kernel: &str) -> Result<String> {
    let output = root.run(&["evermod", "sync", "-k", kernel])?;
    Ok(output.stdout.lines().filter(|l| l.starts_with("built ")).collect::<Vec<_>>().join("\n"))
}

/// What decides a build's output makes it stale; what does not, does not.
#[test]
fn only_changed_inputs_make_a_build_stale() -> Result<()> {
    need!();
    let Some((root, kernel)) = machine(&["hello"])? else { return Ok(()) };
    ensure!(built(&root, &kernel)?.contains("built hello/1.0"));
    ensure!(plan(&root, &kernel)?.is_empty());

    root.sh("touch /usr/src/hello-1.0/hello.c")?.ok()?;
    ensure!(plan(&root, &kernel)?.is_empty(), "the same content at another time is no change");

    let changes = [
        ("the sources", "echo '// changed' >> /usr/src/hello-1.0/hello.c".to_string()),
        (
            "the headers",
            format!(
                "echo '/* rebuilt */' >> $(readlink -f /lib/modules/{kernel}/build)/include/generated/compile.h"
            ),
        ),
        ("the compiler", "f=$(readlink -f /usr/bin/gcc-12); touch -d 2001-01-01 \"$f\"".to_string()),
        ("an override", "mkdir -p /etc/dkms && echo 'STRIP[0]=no' > /etc/dkms/hello.conf".to_string()),
    ];
    for (what, change) in changes {
        root.sh(&change)?.ok()?;
        let plan = plan(&root, &kernel)?;
        ensure!(
            plan.first().is_some_and(|s| s.contains("build") || s.contains("hello/1.0")),
            "{what}: {plan:?}"
        );
        ensure!(built(&root, &kernel)?.contains("built hello/1.0"), "{what}");
        let status = root.run(&["dkms", "status"])?.ok()?.stdout;
        ensure!(status.contains(&format!("hello/1.0, {kernel}, x86_64: installed\n")), "{what}: {status}");
    }
    Ok(())
}

/// BUILD_DEPENDS orders the builds, and a package sees the symbols of those it is built upon.
#[test]
fn dependencies_come_first_and_lend_their_symbols() -> Result<()> {
    need!();
    let Some((root, kernel)) = machine(&["borrower", "lender"])? else { return Ok(()) };
    let report = built(&root, &kernel)?;
    let at =
        |name: &str| report.find(&format!("built {name}/")).with_context(|| format!("no {name} in {report}"));
    ensure!(at("lender")? < at("borrower")?, "{report}");
    let dep = root.read(&format!("/lib/modules/{kernel}/modules.dep"))?;
    ensure!(dep.contains("updates/dkms/borrower.ko: updates/dkms/lender.ko"), "depmod sees the dependency");

    // A broken dependency is named; the dependent is not tried.
    root.sh("echo '#error no' >> /usr/src/lender-1.0/lender.c; echo '// changed' >> /usr/src/borrower-1.0/borrower.c")?.ok()?;
    let output = root.run(&["evermod", "sync", "-k", &kernel])?;
    ensure!(output.status == 11, "{}", output.all());
    ensure!(
        output.all().contains("borrower/1.0 for kernel") && output.all().contains("waits for lender"),
        "{}",
        output.all()
    );
    let status = root.run(&["dkms", "status"])?.ok()?.stdout;
    ensure!(
        status.lines().filter(|l| l.contains(": installed")).count() == 2,
        "the last good ones stay: {status}"
    );
    Ok(())
}

/// A failure is remembered with its inputs: not repeated until one changes, or it is asked for.
#[test]
fn a_failed_build_is_not_repeated() -> Result<()> {
    need!();
    let Some((root, kernel)) = machine(&["broken", "hello"])? else { return Ok(()) };
    let first = root.run(&["evermod", "sync", "-k", &kernel])?;
    ensure!(first.status == 11 && first.stdout.contains("built hello/1.0"), "{}", first.all());
    ensure!(first.stdout.contains("broken.c:") && first.stdout.contains("log: "), "{}", first.all());

    let log = root.run(&["evermod", "log", "--path", "broken", "-k", &kernel])?.ok()?.stdout;
    let tried = |root: &Overlay| {
        root.run(&["stat", "-c", "%y", log.trim()]).and_then(evermod_tests::roots::Output::ok)
    };
    let before = tried(&root)?.stdout;
    let second = root.run(&["evermod", "sync", "-k", &kernel])?;
    ensure!(second.status == 11 && second.stdout.contains("--retry"), "{}", second.all());
    ensure!(tried(&root)?.stdout == before, "it was compiled again");
    ensure!(root.run(&["evermod", "sync", "--retry", "-k", &kernel])?.status == 11);
    ensure!(tried(&root)?.stdout != before, "--retry did not try");

    root.sh("sed -i '/#error/d' /usr/src/broken-1.0/broken.c; cp /usr/src/hello-1.0/hello.c /usr/src/broken-1.0/broken.c")?.ok()?;
    let mended = root.run(&["evermod", "sync", "-k", &kernel])?.ok()?;
    ensure!(mended.stdout.contains("built broken/1.0"), "{}", mended.all());
    ensure!(!root.exists(log.trim())?, "the log of the failure is gone with it");
    Ok(())
}

/// A build has no network, no writable host and no privileges; what it may write to is its own.
#[test]
fn builds_are_confined() -> Result<()> {
    need!();
    let Some((root, kernel)) = machine(&["hello"])? else { return Ok(()) };
    let probe = r#"#!/bin/bash
        id -u > uid
        touch /usr/local/x /etc/x /var/lib/dkms/x 2> errors && echo wrote >> escapes
        cat /var/lib/dkms/mok.key 2>> errors && echo read-the-key >> escapes
        ls /sys/class/net 2>/dev/null; (exec 3<>/dev/tcp/192.0.2.1/80) 2>> errors && echo connected >> escapes
        kill -0 1 2>/dev/null && [ "$(cat /proc/1/comm)" != bwrap ] && echo sees-processes >> escapes
        touch /tmp/x && echo ok > tmp
        exit 0
    "#;
    fs_err::write(root.path("/usr/src/hello-1.0/probe"), probe)?;
    root.sh("chmod 755 /usr/src/hello-1.0/probe; echo 'PRE_BUILD=probe' >> /usr/src/hello-1.0/dkms.conf; \
             echo 'MAKE[0]=\"cat uid tmp; cat escapes; make -C $kernel_source_dir M=$dkms_tree/hello/1.0/build\"' >> /usr/src/hello-1.0/dkms.conf")?
        .ok()?;
    root.run(&["evermod", "generate-mok"])?.ok()?;
    root.run(&["evermod", "sync", "-k", &kernel])?.ok()?;
    let log = root.run(&["evermod", "log", "hello", "-k", &kernel])?.ok()?.stdout;
    ensure!(log.contains("isolation: bubblewrap"), "{log}");
    ensure!(log.contains("\n65534\nok\n"), "{log}");
    for escape in ["wrote", "read-the-key", "connected", "sees-processes"] {
        ensure!(!log.lines().any(|l| l == escape), "{escape}: {log}");
    }
    ensure!(!log.contains("jobserver unavailable"), "{log}");
    let json = root.run(&["evermod", "status", "--json"])?.ok()?.stdout;
    ensure!(json.contains("\"kind\": \"bubblewrap\""), "{json}");

    // Where there is no sandbox, the build goes on, and that is said and recorded.
    root.sh("rm /usr/bin/bwrap")?.ok()?;
    root.sh("echo '// changed' >> /usr/src/hello-1.0/hello.c; sed -i '/PRE_BUILD/d; /MAKE/d' /usr/src/hello-1.0/dkms.conf")?.ok()?;
    root.run(&["evermod", "sync", "-k", &kernel])?.ok()?;
    let status = root.run(&["evermod", "status", "hello", "-k", &kernel])?.ok()?.stdout;
    ensure!(status.contains("built without a sandbox: bubblewrap is not installed"), "{status}");
    Ok(())
}

/// All makes of a run share one job server: never more compilers than there are jobs.
#[test]
fn one_job_server_for_all() -> Result<()> {
    need!();
    let Some((root, kernel)) = machine(&["hello", "lender", "patched"])? else { return Ok(()) };
    // A compiler that counts how many of it run at once.
    let cc = "#!/bin/bash\necho $EPOCHREALTIME start >> /build-log/$$\n\"$(readlink -f /usr/bin/gcc-12).real\" \"$@\"; s=$?\n\
              echo $EPOCHREALTIME end >> /build-log/$$; exit $s\n";
    fs_err::write(root.path("/cc"), cc)?;
    root.sh(
        "mkdir -m 1777 /build-log; f=$(readlink -f /usr/bin/gcc-12); mv $f $f.real; cp /cc $f; chmod 755 $f",
    )?
    .ok()?;
    root.run(&["evermod", "sync", "-j", "1", "--no-sandbox", "-k", &kernel])?.ok()?;
    let most = root.sh(
        "cat /build-log/* | sort -n | awk '$2==\"start\"{n++; if(n>m)m=n} $2==\"end\"{n--} END{print m}'",
    )?;
    ensure!(most.stdout.trim() == "1", "{} compilers ran at once under one job", most.stdout.trim());
    Ok(())
}

/// A build that fails for one kernel must not disturb the same module's build for another, which goes on beside it.
#[test]
fn a_failure_for_one_kernel_leaves_the_other_build_alone() -> Result<()> {
    need!();
    let Some((root, kernel)) = machine(&["hello"])? else { return Ok(()) };
    let make = format!(
        "echo 'MAKE[0]=\"if [ \\$kernelver = {kernel} ]; then sleep 4; else sleep 1; exit 1; fi; \
         make -C \\$kernel_source_dir M=\\$dkms_tree/hello/1.0/build\"' >> /usr/src/hello-1.0/dkms.conf"
    );
    root.sh(&make)?.ok()?;
    let output = root.run(&["evermod", "sync", "-j", "4"])?;
    ensure!(output.status == 11, "{}", output.all());
    let status = root.run(&["dkms", "status"])?.ok()?.stdout;
    ensure!(status == format!("hello/1.0, {kernel}, x86_64: installed\n"), "{status}\n{}", output.all());
    ensure!(root.exists("/var/lib/dkms/hello/1.0/build/make.log")?, "the failure's log is in DKMS's place");

    // When nothing fails any more, nothing of it is left.
    root.sh("sed -i '/MAKE/d' /usr/src/hello-1.0/dkms.conf")?.ok()?;
    root.run(&["evermod", "sync"])?.ok()?;
    let left = root.sh("ls -A /var/lib/dkms/hello/1.0/build; ls -A /var/lib/evermod/failed")?.ok()?.stdout;
    ensure!(left.trim().is_empty(), "{left}");
    Ok(())
}

/// A package's script that calls back must not wait for the run that waits for it.
#[test]
fn a_script_may_call_back() -> Result<()> {
    need!();
    let Some((root, kernel)) = machine(&["hello"])? else { return Ok(()) };
    let script =
        "#!/bin/sh\ndkms status >/called-back && dkms autoinstall -k $kernelver >>/called-back 2>&1\n";
    fs_err::write(root.path("/usr/src/hello-1.0/after"), script)?;
    root.sh("chmod 755 /usr/src/hello-1.0/after; echo 'POST_INSTALL=after' >> /usr/src/hello-1.0/dkms.conf")?
        .ok()?;
    let output = root.run(&["timeout", "120", "evermod", "sync", "-k", &kernel])?;
    ensure!(output.status == 0, "{}", output.all());
    ensure!(root.exists("/called-back")?, "the script did not run");
    let status = root.run(&["dkms", "status"])?.ok()?.stdout;
    ensure!(status.contains(&format!("hello/1.0, {kernel}, x86_64: installed")), "{status}");
    Ok(())
}

/// west-chamber's way: its MAKE works in /usr/src, and moves what it made to the build directory.
#[test]
fn a_package_that_builds_where_its_sources_lie_leaves_them_as_they_were() -> Result<()> {
    need!();
    let Some((root, kernel)) = machine(&["hello"])? else { return Ok(()) };
    root.sh(
        "echo 'MAKE=\"cd /usr/src/hello-1.0; make -C $kernel_source_dir M=/usr/src/hello-1.0 modules; \
         mv hello.ko $dkms_tree/hello/1.0/build/moved.ko\"\nBUILT_MODULE_NAME[0]=moved' >>/usr/src/hello-1.0/dkms.conf",
    )?
    .ok()?;
    let list = || root.sh("find /usr/src/hello-1.0 -printf '%p %s %T@\\n' | sort")?.ok();
    let before = list()?.stdout;
    let report = built(&root, &kernel)?;
    ensure!(report.contains("built hello/1.0"), "{}", root.run(&["evermod", "log", "hello"])?.all());
    ensure!(list()?.stdout == before, "the sources were written to");
    Ok(())
}
