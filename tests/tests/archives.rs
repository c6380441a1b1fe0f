//! Archives pass between Debian's dkms and evermod in both directions; a hostile one leaves no trace. And the verbs around
//! them: match, kernel_preinst and kernel_prerm, remove, `--rpm_safe_upgrade`, operands.

use anyhow::{Result, ensure};
use evermod_tests::roots::{Entry, Output, Overlay, evermod_package};
use evermod_tests::{need, skip, top};

/// Debian's dkms with evermod beside it: the same tree, two programs.
struct Machine {
    root: Overlay,
    kernels: Vec<String>,
}

const HELLO: &str = "hello/1.0";
const TREE: &str = "/var/lib/dkms/hello";

impl Machine {
    /// `None` where there is no package to take evermod from.
    fn new() -> Result<Option<Self>> {
        let Some(package) = evermod_package()? else {
            skip::report("target/dist has no evermod package: run make deb");
            return Ok(None);
        };
        let root = Entry::new("dkms").open()?;
        root.copy_in(&package, "/tmp/evermod.deb")?;
        root.sh("mkdir /opt/ours && dpkg-deb -x /tmp/evermod.deb /opt/ours/package && \
             ln -s $(find /opt/ours/package -type f -name evermod -perm -1 | head -1) /opt/ours/dkms && \
             ln -s dkms /opt/ours/evermod")?
            .ok()?;
        let kernels = root.kernels()?;
        ensure!(kernels.len() >= 2, "two kernels are needed, not {kernels:?}");
        Ok(Some(Self { root, kernels }))
    }

    /// With the sources of `hello` in /usr/src.
    fn with_hello() -> Result<Option<Self>> {
        let Some(machine) = Self::new()? else { return Ok(None) };
        machine.source("hello-1.0")?;
        Ok(Some(machine))
    }

    fn source(&self, name: &str) -> Result<()> {
        self.root.copy_in(&top().join("tests/modules").join(name), &format!("/usr/src/{name}"))
    }

    fn sh(&self, script: &str) -> Result<Output> {
        self.root.sh(script)
    }

    /// evermod, called as `dkms`.
    fn ours(&self, arguments: &str) -> Result<Output> {
        self.sh(&format!("/opt/ours/dkms {arguments}"))
    }

    /// Debian's dkms.
    fn theirs(&self, arguments: &str) -> Result<Output> {
        self.sh(&format!("/usr/sbin/dkms {arguments}"))
    }

    /// Nothing of the module anywhere.
    fn forget(&self) -> Result<()> {
        self.ours(&format!("remove {HELLO} --all"))?.ok()?;
        self.sh("rm -rf /usr/src/hello-1.0")?.ok()?;
        ensure!(!self.root.exists(TREE)?, "{TREE} is still there");
        Ok(())
    }

    fn status(&self) -> Result<String> {
        Ok(self.ours("status")?.ok()?.stdout)
    }

    /// The digest of the module that is installed for a kernel.
    fn installed(&self, kernel: &str) -> Result<String> {
        let script = format!("sha256sum < $(modinfo -k {kernel} -F filename hello)");
        Ok(self.sh(&script)?.ok()?.stdout)
    }

    /// All that is in the trees of modules and sources, by name, kind, mode and size.
    fn trees(&self) -> Result<String> {
        let script = "find /var/lib/dkms /usr/src /var/lib/evermod -printf '%p %y %m %s %l\\n' 2>/dev/null | \
                      grep -v -e /linux- -e 'evermod/lock' -e '^/var/lib/evermod d' -e '^/var/lib/evermod/unpack d' \
                      -e '^/var/lib/dkms d' -e '^/usr/src d' | sort";
        Ok(self.sh(script)?.stdout)
    }
}

macro_rules! machine {
    ($make:expr) => {
        match $make? {
            Some(machine) => machine,
            None => return Ok(()),
        }
    };
}

fn code(output: &Output, expected: i32) -> Result<()> {
    ensure!(output.status == expected, "exit code {}, not {expected}:\n{}", output.status, output.all());
    Ok(())
}

#[test]
fn archives_pass_both_ways_in_every_compression() -> Result<()> {
    need!();
    let m = machine!(Machine::with_hello());
    let (one, two) = (m.kernels[0].clone(), m.kernels[1].clone());
    for kernel in [&one, &two] {
        m.theirs(&format!("build {HELLO} -k {kernel}"))?.ok()?;
    }
    let module = |kernel: &str| format!("{TREE}/1.0/{kernel}/x86_64/module/hello.ko");
    m.sh("cp -r /usr/src/hello-1.0 /tmp")?.ok()?;
    let built = m.sh(&format!("sha256sum < {}", module(&one)))?.ok()?.stdout;
    let built_two = m.sh(&format!("sha256sum < {}", module(&two)))?.ok()?.stdout;
    const ENDS: [&str; 5] = ["tar", "tar.gz", "tar.bz2", "tar.xz", "tar.zst"];
    for end in ENDS {
        m.theirs(&format!("mktarball {HELLO} -k {one} --archive /tmp/theirs.{end}"))?.ok()?;
        let said = m.ours(&format!("mktarball {HELLO} --all --archive=/tmp/ours.{end}"))?.ok()?.stdout;
        assert!(said.ends_with(&format!("Tarball location: /tmp/ours.{end}\n")), "{said}");
    }
    // Both put it into the same place under the same name.
    m.ours(&format!("mktarball {HELLO} -k {one}"))?.ok()?;
    m.ours(&format!("mktarball {HELLO} --source-only"))?.ok()?;
    let names = m.sh(&format!("ls {TREE}/1.0/tarball; rm -r {TREE}/1.0/tarball"))?.stdout;
    m.theirs(&format!("mktarball {HELLO} -k {one}"))?.ok()?;
    m.theirs(&format!("mktarball {HELLO} --source-only"))?.ok()?;
    assert_eq!(names, m.sh(&format!("ls {TREE}/1.0/tarball"))?.stdout);
    let kinds = "for f in /tmp/ours.*; do file -b --mime-type $f; file -b --mime-type ${f/ours/theirs}; done | uniq -c";
    for line in m.sh(kinds)?.ok()?.stdout.lines() {
        assert!(line.trim().starts_with("2 "), "the compression is another one: {line}");
    }
    m.forget()?;

    for end in ENDS {
        // What they wrote, we take in, and install it as it is.
        m.ours(&format!("ldtarball /tmp/theirs.{end}"))?.ok()?;
        assert_eq!(m.status()?, format!("{HELLO}, {one}, x86_64: built\n"), "{end}");
        assert!(m.root.exists("/usr/src/hello-1.0/hello.c")?);
        m.ours(&format!("install --no-depmod {HELLO} -k {one}"))?.ok()?;
        assert_eq!(m.sh(&format!("sha256sum < /lib/modules/{one}/updates/dkms/hello.ko"))?.stdout, built);
        m.forget()?;
        // What we wrote, they take in. (3.0.10 takes in the first kernel's only.)
        m.theirs(&format!("ldtarball /tmp/ours.{end}"))?.ok()?;
        let status = m.theirs("status")?.ok()?.stdout;
        assert!(status.starts_with(&format!("{HELLO}, {one}, x86_64: built\n")), "{end}: {status}");
        m.theirs(&format!("install --no-depmod {HELLO} -k {one}"))?.ok()?;
        assert_eq!(m.sh(&format!("sha256sum < /lib/modules/{one}/updates/dkms/hello.ko"))?.stdout, built);
        m.theirs(&format!("remove {HELLO} --all"))?.ok()?;
        m.sh("rm -rf /usr/src/hello-1.0")?.ok()?;
    }

    // Sources alone, in an archive of ours and of theirs.
    m.sh("cp -r /tmp/hello-1.0 /usr/src")?.ok()?;
    m.ours(&format!("add {HELLO}"))?.ok()?;
    m.ours(&format!("mktarball {HELLO} --source-only --archive /tmp/ours-source.tar.gz"))?.ok()?;
    m.theirs(&format!("mktarball {HELLO} --source-only --archive /tmp/theirs-source.tar.gz"))?.ok()?;
    m.forget()?;
    m.theirs("ldtarball /tmp/ours-source.tar.gz")?.ok()?;
    assert_eq!(m.theirs("status")?.stdout, format!("{HELLO}: added\n"));
    m.forget()?;
    m.ours("ldtarball /tmp/theirs-source.tar.gz")?.ok()?;
    assert_eq!(m.status()?, format!("{HELLO}: added\n"));
    m.forget()?;

    // We take in all kernels; a sync leaves what came in as it is, and the modules are found by depmod.
    m.sh("cd /tmp && /opt/ours/dkms add ours.tar.xz")?.ok()?;
    let status = m.status()?;
    assert_eq!(status, format!("{HELLO}, {one}, x86_64: built\n{HELLO}, {two}, x86_64: built\n"));
    m.sh(&format!("/opt/ours/evermod sync -k {one} -k {two}"))?.ok()?;
    assert_eq!(m.status()?.matches(": installed").count(), 2, "{}", m.status()?);
    assert_eq!((m.installed(&one)?, m.installed(&two)?), (built, built_two));
    let theirs = m.theirs("status")?.ok()?.stdout;
    assert_eq!(theirs, m.status()?);

    // What is there is not replaced without being asked for.
    code(&m.ours("ldtarball /tmp/theirs.tar.gz")?, 8)?;
    m.sh(&format!("rm -r {TREE}/1.0/{two}; echo old >/usr/src/hello-1.0/old"))?.ok()?;
    let forced = m.ours("ldtarball /tmp/ours.tar.gz --force")?.ok()?;
    assert!(m.root.exists(&module(&two))?, "{}", forced.all());
    assert!(!m.root.exists("/usr/src/hello-1.0/old")?);
    Ok(())
}

#[test]
fn binaries_alone_are_added_shown_and_installed() -> Result<()> {
    need!();
    let m = machine!(Machine::with_hello());
    let (one, two) = (m.kernels[0].clone(), m.kernels[1].clone());
    m.theirs(&format!("build {HELLO} -k {one}"))?.ok()?;
    m.theirs(&format!("mktarball {HELLO} -k {one} --binaries-only --archive /tmp/theirs.tar.gz"))?.ok()?;
    m.ours(&format!("mktarball {HELLO} -k {one} --binaries-only --archive /tmp/ours.tar.gz"))?.ok()?;
    let members = "for f in theirs ours; do tar -tf /tmp/$f.tar.gz | sed 's,^\\./,,' | \
                   grep -v '^$' | sort >/tmp/$f; done; diff /tmp/theirs /tmp/ours";
    m.sh(members)?.ok()?;
    m.forget()?;
    for archive in ["theirs", "ours"] {
        m.ours(&format!("ldtarball /tmp/{archive}.tar.gz"))?.ok()?;
        assert_eq!(m.status()?, format!("{HELLO}, {one}, x86_64: built\n"));
        assert!(!m.root.exists("/usr/src/hello-1.0")?);
        m.ours(&format!("install --no-depmod {HELLO} -k {one}"))?.ok()?;
        assert_eq!(m.status()?, format!("{HELLO}, {one}, x86_64: installed\n"));
        // There is nothing to build it from; nobody's sync fails for that.
        code(&m.ours(&format!("build {HELLO} -k {two}"))?, 8)?;
        m.sh(&format!("/opt/ours/evermod sync -k {two}"))?.ok()?;
        // It can be handed on.
        m.ours(&format!("mktarball {HELLO} --all --archive /tmp/on.tar.gz"))?.ok()?;
        m.forget()?;
        m.ours("ldtarball /tmp/on.tar.gz")?.ok()?;
        assert_eq!(m.status()?, format!("{HELLO}, {one}, x86_64: built\n"));
        m.forget()?;
    }
    // Theirs exits with 1 although it is done; the tree is the same.
    m.theirs("ldtarball /tmp/ours.tar.gz")?;
    assert_eq!(m.theirs("status")?.stdout, format!("{HELLO}, {one}, x86_64: built\n"));
    // The source comes later: then it is an ordinary module.
    m.ours(&format!("remove {HELLO} --all"))?.ok()?;
    m.ours("ldtarball /tmp/ours.tar.gz")?.ok()?;
    let all = top().join("tests/modules/hello-1.0");
    m.root.copy_in(&all, "/tmp/hello-1.0")?;
    m.sh("tar -C /tmp -czf /tmp/source.tgz hello-1.0")?.ok()?;
    m.ours("ldtarball /tmp/source.tgz --force")?.ok()?;
    m.ours(&format!("build {HELLO} -k {two}"))?.ok()?;
    assert_eq!(m.status()?.lines().count(), 2);
    Ok(())
}

#[test]
fn a_hostile_or_damaged_archive_leaves_no_trace() -> Result<()> {
    need!();
    let m = machine!(Machine::new());
    m.root.copy_in(&top().join("tests/modules/hello-1.0"), "/tmp/good/hello-1.0").or_else(|_| {
        m.sh("mkdir -p /tmp/good")?.ok()?;
        m.root.copy_in(&top().join("tests/modules/hello-1.0"), "/tmp/good/hello-1.0")
    })?;
    m.sh("echo untouched >/etc/victim; tar -C /tmp/good -cf /tmp/good.tar hello-1.0")?.ok()?;
    let before = m.trees()?;
    // A script that makes /tmp/bad.tar, the exit code, and a word of the message.
    let conf = |name: &str, version: &str| {
        format!(
            "mkdir -p /tmp/c/m && printf 'PACKAGE_NAME=\"%s\"\\nPACKAGE_VERSION=\"%s\"\\nBUILT_MODULE_NAME=m\\n\
             DEST_MODULE_LOCATION=/extra\\n' '{name}' '{version}' >/tmp/c/m/dkms.conf && \
             tar -C /tmp/c -cf /tmp/bad.tar m"
        )
    };
    let main = |place: &str| {
        format!(
            "mkdir -p /tmp/d/dkms_main_tree/{place}/module && rm -rf /tmp/d/dkms_source_tree && \
             cp -r /tmp/good/hello-1.0 /tmp/d/dkms_source_tree && tar -C /tmp/d -cf /tmp/bad.tar . && rm -r /tmp/d"
        )
    };
    let cases = [
        ("tar -P -cf /tmp/bad.tar /tmp/good/hello-1.0/dkms.conf".to_string(), 7, "absolute"),
        ("tar -P -cf /tmp/bad.tar --transform s,^tmp,../.., -C / tmp/good".into(), 7, "'..'"),
        (
            "mkdir -p /tmp/l && ln -sfn /etc /tmp/l/out && tar -C /tmp/l -cf /tmp/bad.tar out && rm /tmp/l/out && \
             mkdir -p /tmp/l/out && echo evil >/tmp/l/out/victim && tar -C /tmp/l -rf /tmp/bad.tar out/victim && \
             tar -C /tmp/good -rf /tmp/bad.tar hello-1.0"
                .into(),
            7,
            "through a link",
        ),
        ("mkdir -p /tmp/n && mknod /tmp/n/dev c 1 3; mkfifo /tmp/n/fifo; tar -C /tmp/n -cf /tmp/bad.tar .".into(), 7, ""),
        ("cp /tmp/good.tar /tmp/bad.tar && tar -C /tmp/good -rf /tmp/bad.tar hello-1.0".into(), 7, "twice"),
        ("head -c 2000 /tmp/good.tar >/tmp/bad.tar".into(), 7, ""),
        ("xz -c /tmp/good.tar | head -c 300 >/tmp/bad.tar".into(), 7, ""),
        ("gzip -c /tmp/good.tar | head -c -6 >/tmp/bad.tar".into(), 7, ""),
        ("head -c 100000 /dev/urandom >/tmp/bad.tar".into(), 3, "no archive"),
        (": >/tmp/bad.tar".into(), 3, "empty"),
        ("truncate -s 5G /tmp/big && tar -cf - -C /tmp big | gzip -1 >/tmp/bad.tar; rm /tmp/big".into(), 7, "4 GiB"),
        ("tar -C /etc -cf /tmp/bad.tar hostname".into(), 3, "dkms.conf"),
        (conf("../../../tmp/m", "1"), 8, "'/'"),
        (conf("m", ".."), 8, ""),
        (conf("m", "$(touch /etc/pwned)1/../.."), 8, ""),
        (main("source/x86_64"), 7, "kernel"),
        (main("6.1/.tmp_x"), 7, "kernel"),
    ];
    for (make, expected, word) in cases {
        m.sh("rm -f /tmp/bad.tar")?.ok()?;
        m.sh(&make)?;
        let output = m.ours("ldtarball /tmp/bad.tar")?;
        code(&output, expected).map_err(|e| e.context(make.clone()))?;
        assert!(output.stderr.contains(word), "{make}: {}", output.all());
        assert!(output.stderr.contains("/tmp/bad.tar"), "{make}: {}", output.all());
        assert_eq!(m.trees()?, before, "{make}");
        assert_eq!(m.root.read("/etc/victim")?, "untouched\n", "{make}");
        assert!(!m.root.exists("/etc/pwned")?);
    }
    code(&m.ours("ldtarball /tmp/nowhere.tar")?, 2)?;
    code(&m.ours("ldtarball")?, 2)?;
    // After all that, the good one.
    m.ours("ldtarball --archive /tmp/good.tar")?.ok()?;
    assert_eq!(m.status()?, format!("{HELLO}: added\n"));
    assert_eq!(m.sh("stat -c %U:%G /usr/src/hello-1.0/dkms.conf")?.stdout, "root:root\n");
    Ok(())
}

#[test]
fn what_cannot_be_packed_has_its_exit_code() -> Result<()> {
    need!();
    let m = machine!(Machine::with_hello());
    let one = &m.kernels[0];
    code(&m.ours(&format!("mktarball {HELLO} -k {one}"))?, 3)?;
    m.ours(&format!("add {HELLO}"))?.ok()?;
    code(&m.ours(&format!("mktarball {HELLO} -k {one}"))?, 6)?;
    code(&m.ours(&format!("mktarball {HELLO} --all --binaries-only"))?, 6)?;
    code(&m.ours("mktarball hello --source-only")?, 1)?;
    code(&m.ours(&format!("mktarball {HELLO} --source-only --binaries-only"))?, 8)?;
    code(&m.ours(&format!("mktarball {HELLO} --source-only --archive /proc/a.tar.gz"))?, 9)?;
    code(&m.ours(&format!("mktarball {HELLO} --source-only --archive /tmp/"))?, 6)?;
    // A name alone goes to the usual place; a person without privileges writes where he may.
    m.ours(&format!("mktarball {HELLO} --source-only --archive=a.tar.zst"))?.ok()?;
    assert!(m.root.exists(&format!("{TREE}/1.0/tarball/a.tar.zst"))?);
    let asked = format!("/opt/ours/dkms mktarball {HELLO} --source-only");
    m.sh(&format!("runuser -u nobody -- {asked} --archive /tmp/mine.tar"))?.ok()?;
    code(&m.sh(&format!("runuser -u nobody -- {asked}"))?, 9)?;
    code(&m.sh("runuser -u nobody -- /opt/ours/dkms ldtarball /tmp/mine.tar")?, 1)?;
    // A package of rpm's is rpm's business; then comes autoinstall.
    m.sh("printf '#!/bin/sh\\necho \"$@\" >/tmp/rpm; test $2 != /tmp/bad.rpm\\n' >/usr/bin/rpm; chmod +x /usr/bin/rpm")?.ok()?;
    m.sh("touch /tmp/good.rpm /tmp/bad.rpm; mkdir -p /etc/dkms; touch /etc/dkms/no-autoinstall")?.ok()?;
    let output = m.ours("ldtarball /tmp/good.rpm")?.ok()?;
    assert!(output.stdout.contains("disabled"), "{}", output.all());
    assert_eq!(m.root.read("/tmp/rpm")?, "-Uvh /tmp/good.rpm\n");
    code(&m.ours("ldtarball /tmp/bad.rpm")?, 9)
}

#[test]
fn match_gives_a_kernel_what_another_one_has() -> Result<()> {
    need!();
    let m = machine!(Machine::with_hello());
    let (one, two) = (m.kernels[0].clone(), m.kernels[1].clone());
    for module in ["lender-1.0", "borrower-1.0", "patched-1.0"] {
        m.source(module)?;
    }
    // Registered only; borrower needs lender, and its name comes first.
    m.ours("add patched/1.0")?.ok()?;
    for module in ["lender/1.0", "borrower/1.0"] {
        m.ours(&format!("install {module} -k {one}"))?.ok()?;
    }
    code(&m.ours(&format!("match -k {two}"))?, 1)?;
    code(&m.ours(&format!("match -k {two} --templatekernel {two}"))?, 2)?;
    code(&m.ours(&format!("match nothing -k {two} --templatekernel {one}"))?, 3)?;
    let idle = m.ours(&format!("match patched -k {two} --templatekernel {one}"))?.ok()?;
    assert!(idle.stdout.contains("There is nothing to be done for this match."), "{}", idle.all());
    let done = m.ours(&format!("match -k {two} --templatekernel {one}"))?.ok()?;
    let expected = format!(
        "Matching modules in kernel: {two} (x86_64)\nto the configuration of kernel: {one} (x86_64)\n\
         Module:  borrower\nVersion: 1.0\nModule:  lender\nVersion: 1.0\n"
    );
    assert!(done.stdout.starts_with(&expected), "{}", done.all());
    let status = m.status()?;
    for module in ["borrower/1.0", "lender/1.0"] {
        assert!(status.contains(&format!("{module}, {two}, x86_64: installed")), "{status}");
    }
    assert!(status.contains("patched/1.0: added"), "{status}");
    m.ours(&format!("match -k {two} --templatekernel {one}"))?.ok()?;
    code(&m.ours(&format!("match -k 9.9.9 --templatekernel {one}"))?, 6)
}

#[test]
fn modules_go_with_their_kernel_and_stay_registered() -> Result<()> {
    need!();
    let m = machine!(Machine::with_hello());
    let one = &m.kernels[0];
    // One that does not ask for autoinstall.
    m.source("lender-1.0")?;
    m.sh("sed -i /AUTOINSTALL/d /usr/src/lender-1.0/dkms.conf")?.ok()?;
    for module in [HELLO, "lender/1.0"] {
        m.ours(&format!("install {module} -k {one}"))?.ok()?;
    }
    let index = |name: &str| m.sh(&format!("grep -c /{name}.ko /lib/modules/{one}/modules.dep"));
    assert_eq!(index("hello")?.stdout, "1\n");
    m.sh(&format!("mkdir -p /lib/modules/{one}/extra/empty"))?.ok()?;

    let output = m.ours(&format!("kernel_preinst -k {one}"))?.ok()?;
    assert_eq!(output.stderr, format!("dkms: removing module {HELLO} for kernel {one} (x86_64)\n"));
    let status = m.status()?;
    assert_eq!(status, format!("{HELLO}: added\nlender/1.0, {one}, x86_64: installed\n"));
    assert_eq!(index("hello")?.stdout, "0\n", "depmod was not run");
    assert_eq!(index("lender")?.stdout, "1\n");
    assert!(!m.root.exists(&format!("/lib/modules/{one}/extra"))?);

    let output = m.ours(&format!("kernel_prerm -k {one}"))?.ok()?;
    assert_eq!(output.stderr, format!("dkms: removing module lender/1.0 for kernel {one} (x86_64)\n"));
    assert_eq!(m.status()?, format!("{HELLO}: added\nlender/1.0: added\n"));
    assert!(!m.root.exists(&format!("/lib/modules/{one}/updates"))?);
    assert_eq!(index("lender")?.stdout, "0\n");
    assert_eq!(m.ours(&format!("kernel_prerm -k {one}"))?.ok()?.stderr, "", "nothing is left to be done");

    // What cannot be removed is told, and the rest goes.
    for module in [HELLO, "lender/1.0"] {
        m.ours(&format!("install --no-depmod {module} -k {one}"))?.ok()?;
    }
    let place = format!("{TREE}/1.0/{one}/x86_64");
    m.sh(&format!("mkdir {place}/busy && mount -t tmpfs none {place}/busy"))?.ok()?;
    let output = m.ours(&format!("kernel_prerm -k {one}"))?;
    code(&output, 14)?;
    assert!(output.stderr.contains(HELLO), "{}", output.all());
    assert!(m.status()?.contains("lender/1.0: added"), "{}", m.status()?);
    Ok(())
}

#[test]
fn removing_leaves_nothing_and_an_rpm_upgrade_keeps_the_module() -> Result<()> {
    need!();
    let m = machine!(Machine::with_hello());
    let (one, two) = (m.kernels[0].clone(), m.kernels[1].clone());
    code(&m.ours("remove hello")?, 1)?;
    code(&m.ours(&format!("remove {HELLO} --all"))?, 3)?;
    code(&m.sh(&format!("runuser -u nobody -- /opt/ours/dkms remove {HELLO} --all"))?, 3)?;
    m.ours(&format!("build {HELLO} -k {one}"))?.ok()?;
    let output = m.ours(&format!("unbuild {HELLO} -k {two}"))?.ok()?;
    for state in ["installed", "built"] {
        let line = format!("Module {HELLO} is not {state} for kernel {two} (x86_64). Skipping...");
        assert!(output.stdout.contains(&line), "{}", output.all());
    }
    // Of what a cut-off build left nothing stays; in the source, which is not ours, everything does.
    m.sh(&format!(
        "mkdir -p {TREE}/1.0/{one}/.tmp_x86_64_abc/module {TREE}/1.0/{two}/.tmp_x86_64_abc {TREE}/1.0/6.9 \
         /usr/src/hello-1.0/.tmp_versions"
    ))?
    .ok()?;
    // The running kernel is none of these: nothing is built for it, and something is for another.
    m.ours(&format!("remove {HELLO}"))?.ok()?;
    assert_eq!(m.sh(&format!("cd {TREE}/1.0; find . -name '.tmp*' -o -type d -empty"))?.stdout, "");
    assert_eq!(m.status()?, format!("{HELLO}, {one}, x86_64: built\n"));
    m.ours(&format!("remove {HELLO} -k {one}"))?.ok()?;
    assert!(!m.root.exists(TREE)? && m.root.exists("/usr/src/hello-1.0/.tmp_versions")?);

    // Two scriptlets of one transaction, as rpm calls them.
    m.sh("printf '%s\\n' 'sh -c \"/opt/ours/dkms add hello/1.0 --rpm_safe_upgrade; true\"' \
         'sh -c \"/opt/ours/dkms remove hello/1.0 --all --rpm_safe_upgrade; true\"' >/tmp/transaction")?
        .ok()?;
    let output = m.run_transaction()?;
    assert!(
        output.stderr.contains("Warning") && output.stderr.contains("rpm_safe_upgrade"),
        "{}",
        output.all()
    );
    assert_eq!(m.status()?, format!("{HELLO}: added\n"));
    assert_eq!(m.sh("ls /tmp | grep -c safe_upgrade_lock")?.stdout, "0\n");
    // It is there already, which is an error of add's, but the transaction is the same one.
    m.run_transaction()?;
    assert_eq!(m.status()?, format!("{HELLO}: added\n"));
    // Another transaction removes it.
    m.sh("sh -c 'sh -c \"/opt/ours/dkms remove hello/1.0 --all --rpm_safe_upgrade; true\"; true'")?.ok()?;
    assert_eq!(m.status()?, "");
    Ok(())
}

impl Machine {
    fn run_transaction(&self) -> Result<Output> {
        self.sh("sh /tmp/transaction")?.ok()
    }
}

#[test]
fn operands_of_add() -> Result<()> {
    need!();
    let m = machine!(Machine::new());
    m.root.copy_in(&top().join("tests/modules/hello-1.0"), "/tmp/work")?;
    code(&m.ours("add /tmp")?, 1)?;
    code(&m.ours("add /no/such/place")?, 1)?;
    code(&m.ours(&format!("add {HELLO}"))?, 2)?;
    code(&m.ours("add hello")?, 1)?;
    code(&m.ours("/tmp/work/dkms.conf add")?, 0)?;
    assert_eq!(m.status()?, format!("{HELLO}: added\n"));
    // Once more: an error, but with force the source is new.
    m.sh("echo x >/tmp/work/new; echo x >/usr/src/hello-1.0/old")?.ok()?;
    code(&m.ours("add /tmp/work")?, 3)?;
    assert!(m.root.exists("/usr/src/hello-1.0/old")? && m.root.exists("/usr/src/hello-1.0/new")?);
    code(&m.ours(&format!("build /tmp/work -k {}", m.kernels[0]))?, 3)?;
    assert_eq!(m.status()?, format!("{HELLO}: added\n"));
    code(&m.ours("add --force /tmp/work")?, 3)?;
    assert!(!m.root.exists("/usr/src/hello-1.0/old")? && m.root.exists("/usr/src/hello-1.0/new")?);
    // Its own source under whatever name.
    for own in ["/usr/src/hello-1.0", "/var/lib/dkms/hello/1.0/source"] {
        code(&m.ours(&format!("add --force {own}"))?, 3)?;
        assert!(m.root.exists("/usr/src/hello-1.0/hello.c")?);
    }
    // The link alone is missing.
    m.sh(&format!("rm {TREE}/1.0/source"))?.ok()?;
    code(&m.ours(&format!("add {HELLO}"))?, 0)?;
    assert_eq!(m.status()?, format!("{HELLO}: added\n"));
    code(&m.ours(&format!("add {HELLO}"))?, 3)?;
    // Another configuration; one that cannot be used; one that names another place.
    m.forget()?;
    m.sh("cp -r /tmp/work /usr/src/hello-1.0; echo 'POST_ADD=script' >>/usr/src/hello-1.0/dkms.conf")?
        .ok()?;
    m.sh("printf '#!/bin/sh\\nexit 5\\n' >/usr/src/hello-1.0/script; chmod +x /usr/src/hello-1.0/script")?
        .ok()?;
    code(&m.ours(&format!("add {HELLO} -c /tmp/work/dkms.conf"))?, 0)?;
    m.ours(&format!("remove {HELLO} --all"))?.ok()?;
    code(&m.ours(&format!("add {HELLO}"))?, 5)?;
    assert_eq!(m.status()?, format!("{HELLO}: added\n"), "POST_ADD's failure is only told");
    m.forget()?;
    m.sh("sed -i /PACKAGE_VERSION/d /tmp/work/dkms.conf")?.ok()?;
    code(&m.ours("add /tmp/work")?, 8)?;
    m.sh("echo 'PACKAGE_VERSION=../../../tmp/x' >>/tmp/work/dkms.conf")?.ok()?;
    code(&m.ours("add /tmp/work")?, 8)?;
    assert_eq!(m.sh("ls /usr/src | grep -v linux")?.stdout, "", "nothing was left in the source tree");
    Ok(())
}

#[test]
fn a_load_that_is_killed_leaves_a_whole_source_or_none() -> Result<()> {
    need!();
    let m = machine!(Machine::new());
    m.root.copy_in(&top().join("tests/modules/hello-1.0"), "/tmp/hello-1.0")?;
    // Enough files for a signal to find it at work.
    m.sh("cd /tmp/hello-1.0 && for i in $(seq 3000); do echo $i >f$i; done; tar -C /tmp -cf /tmp/hello.tar hello-1.0")?
        .ok()?;
    let whole = "3003\n";
    let (mut cut, mut done) = (0, 0);
    for step in 1..=24 {
        let milliseconds = step * 15;
        let seconds = format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000);
        let output = m.sh(&format!("timeout -s KILL {seconds} /opt/ours/dkms ldtarball /tmp/hello.tar"))?;
        match output.status {
            0 => done += 1,
            _ => cut += 1,
        }
        if m.root.exists("/usr/src/hello-1.0")? {
            assert_eq!(m.sh("ls /usr/src/hello-1.0 | wc -l")?.stdout, whole, "after {seconds} s");
        }
        // Whatever state that was, it can be done again, and then all is well.
        m.ours("ldtarball --force /tmp/hello.tar")?.ok()?;
        assert_eq!(m.status()?, format!("{HELLO}: added\n"), "after {seconds} s");
        m.forget()?;
    }
    ensure!(cut >= 5, "only {cut} of {} were cut off", cut + done);
    m.ours("ldtarball /tmp/hello.tar")?.ok()?;
    m.sh(&format!("/opt/ours/evermod sync -k {}", m.kernels[0]))?.ok()?;
    let leftovers = "find /usr/src /var/lib/dkms /var/lib/evermod -name '.evermod-tmp*' -o -name '.tmp*' | grep -v /linux-";
    assert_eq!(m.sh(leftovers)?.stdout, "", "the sync after it cleans up");
    Ok(())
}
