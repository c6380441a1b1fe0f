//! `evermod package` as a vendor uses it: an ordinary user, a directory of header packages, no kernel installed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use anyhow::{Context as _, Result, ensure};
use evermod_tests::debian_reader::debian_reader;
use evermod_tests::roots::{Entry, Output, Overlay, cache};
use evermod_tests::{need, skip, top};
use serde_json::Value;

/// Debian's packages: one that fails on the newest kernel, one with many modules, one in place of the kernel's own, a small one.
const DEBIAN: [&str; 4] = ["v4l2loopback", "gost-crypto", "digimend", "acpi-call"];
/// Our own: one that is built upon another, one that would tell when and where it was built, one for the newest kernel alone.
const OURS: [&str; 4] = ["lender", "borrower", "stamped", "excluded"];
const FORMATS: [&str; 3] = ["deb", "rpm", "arch"];

/// What everything shares: the root, its kernels, and the run of the vendor's whole job.
struct Job {
    root: Overlay,
    kernels: Vec<String>,
    done: Output,
    matrix: Value,
}

fn job() -> Result<Option<&'static Job>> {
    static JOB: OnceLock<Result<Option<Job>, String>> = OnceLock::new();
    match JOB.get_or_init(|| prepare().map_err(|error| format!("{error:#}"))) {
        Ok(Some(job)) => Ok(Some(job)),
        Ok(None) => {
            skip::report("evermod's package is not built: run make deb");
            Ok(None)
        }
        Err(why) => anyhow::bail!("{why}"),
    }
}

fn prepare() -> Result<Option<Job>> {
    let Some(root) = Entry::new("packaging").with_evermod()? else { return Ok(None) };
    root.sh(
        "useradd --uid 4321 vendor
         openssl req -new -x509 -newkey rsa:2048 -nodes -keyout /srv/vendor.key -outform DER -out /srv/vendor.der \
           -subj '/CN=Vendor key' -days 36500
         chown vendor /srv/vendor.key; chmod 644 /srv/vendor.*; mkdir /srv/mods",
    )?
    .ok()?;
    let debs = cache()?.join("corpus/debs");
    for name in DEBIAN {
        let begin = format!("{name}-dkms_");
        let mut found = fs_err::read_dir(&debs)?.filter_map(|entry| Some(entry.ok()?.path()));
        let is_it = |path: &std::path::PathBuf| {
            path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(&begin))
        };
        let deb = found
            .find(is_it)
            .with_context(|| format!("{begin}* is not in the cache: tests/corpus/fetch.sh"))?;
        root.copy_in(&deb, &format!("/srv/mods/{name}.deb"))?;
    }
    for name in OURS {
        root.copy_in(&top().join(format!("tests/modules/{name}-1.0")), &format!("/srv/mods/{name}"))?;
    }
    let kernels = root.kernels()?;
    let done = run_in(&root, "vendor", "/home/first", "--jobs 4 --json")?;
    let matrix = serde_json::from_str(&done.stdout).with_context(|| done.all())?;
    Ok(Some(Job { root, kernels, done, matrix }))
}

/// The job, in a directory of its own.
fn run_in(root: &Overlay, user: &str, dir: &str, options: &str) -> Result<Output> {
    let modules: Vec<String> = DEBIAN
        .iter()
        .map(|name| format!("mods/{name}.deb"))
        .chain(OURS.iter().map(|name| format!("mods/{name}")))
        .collect();
    root.sh(&format!(
        "mkdir -p {dir}/tmp && cp -r /srv/mods {dir} && chown -R {user} {dir} && cd {dir} &&
         runuser -u {user} -- env TMPDIR={dir}/tmp evermod package {} --kernels-from /srv/headers --format deb,rpm,arch \
           --output out --key /srv/vendor.key --certificate /srv/vendor.der --maintainer 'Vendor <vendor@example.org>' {options}",
        modules.join(" ")
    ))
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_default()
}

fn list<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    value[field].as_array().map(Vec::as_slice).unwrap_or_default()
}

#[test]
fn every_cell_has_its_verdict_and_one_failure_stops_nobody() -> Result<()> {
    need!();
    let Some(job) = job()? else { return Ok(()) };
    let said = job.done.all();
    assert_eq!(job.done.status, 11, "{said}");
    let mut cells = BTreeMap::new();
    for cell in list(&job.matrix, "cells") {
        let (name, _) = text(cell, "module").split_once('/').context("a version")?;
        cells.insert((name.to_owned(), text(cell, "kernel").to_owned()), cell);
    }
    assert_eq!(cells.len(), (DEBIAN.len() + OURS.len()) * job.kernels.len(), "{said}");
    let newest = job.kernels.last().context("a kernel")?;
    for kernel in &job.kernels {
        for name in DEBIAN.iter().chain(&OURS) {
            let cell = cells[&((*name).to_owned(), kernel.clone())];
            let expected = match *name {
                "v4l2loopback" | "digimend" if kernel == newest => "failed",
                "excluded" if kernel != newest => "excluded",
                // Whether old sources build for the newest kernel is not ours to say.
                "gost-crypto" if kernel == newest => continue,
                _ => "built",
            };
            assert_eq!(text(cell, "outcome"), expected, "{name} {kernel}: {cell}");
            if expected == "built" {
                assert_eq!(cell["signature"]["signer"], "Vendor key", "{cell}");
            }
            if expected != "excluded" {
                let log = job.root.read(&format!("/home/first/out/{}", text(cell, "log")))?;
                assert!(log.contains("# isolation: bubblewrap"), "{log}");
            }
        }
    }
    let failed = cells[&("v4l2loopback".to_owned(), newest.clone())];
    assert!(text(failed, "why").starts_with("v4l2loopback.c:"), "{failed}");
    assert!(said.contains("log: out/logs/v4l2loopback-0.12.7-"), "{said}");
    Ok(())
}

#[test]
fn the_page_is_whole_and_the_machine_unchanged() -> Result<()> {
    need!();
    let Some(job) = job()? else { return Ok(()) };
    let page = job.root.read("/home/first/out/index.html")?;
    for cell in list(&job.matrix, "cells") {
        if let Some(log) = cell["log"].as_str() {
            // In a URL `+` and `/` stay as they are.
            assert!(page.contains(&format!("href=\"./{log}\"")), "{log}");
        }
    }
    for package in list(&job.matrix, "packages") {
        assert!(page.contains(text(package, "file")));
    }
    assert!(!page.contains("<script") && page.ends_with("</html>\n"));
    let left = job.root.sh(
        "find /home/first/tmp /lib/modules /var/lib/evermod/staging -mindepth 1 2>/dev/null; ls /var/lib/dkms /usr/src | grep -v :
         find /home/first/out ! -user vendor; find /home/first/out -name '.*'",
    )?;
    let left: Vec<&str> = left.stdout.lines().filter(|line| !line.is_empty()).collect();
    assert!(left.iter().all(|line| line.starts_with("python") || line.starts_with("mok.")), "{left:?}");
    Ok(())
}

/// Paths in a package, without a leading `/` or `./`.
fn paths(root: &Overlay, format: &str, file: &str) -> Result<BTreeSet<String>> {
    let command = match format {
        "deb" => format!("dpkg-deb --fsys-tarfile {file} | tar -t"),
        "rpm" => format!("rpm -qlp {file}"),
        _ => format!("bsdtar -tf {file}"),
    };
    let listing = root.sh(&command)?.ok()?.stdout;
    Ok(listing.lines().map(|line| line.trim_start_matches("./").trim_start_matches('/').to_owned()).collect())
}

fn is_module(path: &str) -> bool {
    path.contains("lib/modules/") && path.contains(".ko")
}

#[test]
fn every_format_holds_the_modules_in_the_words_of_its_tools() -> Result<()> {
    need!();
    let Some(job) = job()? else { return Ok(()) };
    let root = &job.root;
    let packages = list(&job.matrix, "packages");
    let at = |package: &Value| format!("/home/first/out/{}", text(package, "file"));
    let of = |module: &str, kernel: Option<&str>, kind: &str, format: &str| {
        packages.iter().find(|package| {
            text(package, "module").starts_with(&format!("{module}/"))
                && package["kernel"].as_str() == kernel
                && text(package, "kind") == kind
                && text(package, "format") == format
        })
    };
    for cell in list(&job.matrix, "cells").iter().filter(|cell| text(cell, "outcome") == "built") {
        let (name, kernel) =
            (text(cell, "module").split('/').next().unwrap_or_default(), text(cell, "kernel"));
        let mut same = BTreeSet::new();
        for format in FORMATS {
            let package = of(name, Some(kernel), "module", format)
                .with_context(|| format!("{name} {kernel} {format}"))?;
            let paths = paths(root, format, &at(package))?;
            let modules: BTreeSet<String> = paths
                .iter()
                .filter(|path| is_module(path))
                .inspect(|path| assert!(path.contains(&format!("lib/modules/{kernel}/")), "{path}"))
                .filter_map(|path| path.rsplit('/').next().map(str::to_owned))
                .collect();
            same.insert(modules);
            assert!(of(name, None, "source", format).is_some(), "{name} has no sources as {format}");
        }
        let modules = same.pop_first().context("no modules")?;
        assert!(same.is_empty(), "{name} {kernel}: formats differ: {modules:?} {same:?}");
        let count = match name {
            "gost-crypto" => 5..8,
            "digimend" => 4..5,
            _ => 1..2,
        };
        assert!(count.contains(&modules.len()), "{name} {kernel}: {modules:?}");
    }

    let kernel = job.kernels.get(1).context("a kernel")?;
    let version =
        root.sh(&format!("dpkg-deb -f /srv/headers/linux-headers-{kernel}_*.deb Version"))?.ok()?.stdout;
    let deb = at(of("borrower", Some(kernel), "module", "deb").context("borrower")?);
    let control = root.run(&["dpkg-deb", "-f", &deb])?.ok()?.stdout;
    for part in [
        format!("Depends: linux-image-{kernel}, kmod"),
        format!("lender-modules-for-{kernel} (= 1.0)"),
        format!("Kernel-Package: linux-headers-{kernel} {}", version.trim()),
        "Maintainer: Vendor <vendor@example.org>".to_owned(),
        "Source-SHA256: ".to_owned(),
        "Compiler: gcc-12 ".to_owned(),
        "Build-Key: ".to_owned(),
    ] {
        assert!(control.contains(&part), "{part}\n{control}");
    }
    let rpm = at(of("borrower", Some(kernel), "module", "rpm").context("borrower")?);
    let requires = root.run(&["rpm", "-qp", "--requires", &rpm])?.ok()?.stdout;
    assert!(requires.contains(&format!("kernel-uname-r = {kernel}")), "{requires}");
    let arch = at(of("borrower", Some(kernel), "module", "arch").context("borrower")?);
    let info = root.run(&["bsdtar", "-xOf", &arch, ".PKGINFO"])?.ok()?.stdout;
    assert!(info.contains("depend = ") && info.contains("arch = x86_64"), "{info}");
    // The image's list of files tells that the kernel has these modules, too.
    let deb = at(of("digimend", Some(kernel), "module", "deb").context("digimend")?);
    let script = root.sh(&format!("dpkg-deb --ctrl-tarfile {deb} | tar -xO ./postinst"))?.ok()?.stdout;
    assert!(script.contains("initramfs=yes"), "{script}");
    for format in ["deb", "rpm"] {
        assert!(of("lender", None, "metapackage", format).is_some(), "no metapackage as {format}");
    }
    // What is in the package is what modprobe is to load: for this kernel, signed, and with no trace of where it was built.
    let deb = at(of("stamped", Some(kernel), "module", "deb").context("stamped")?);
    root.sh(&format!("dpkg-deb -x {deb} /srv/stamped"))?.ok()?;
    let module = format!("/srv/stamped/lib/modules/{kernel}/updates/dkms/stamped.ko");
    let info = root.run(&["modinfo", &module])?.ok()?.stdout;
    for line in [format!("vermagic:       {kernel} "), "signer:         Vendor key".into()] {
        assert!(info.contains(&line), "{info}");
    }
    let strings = root.sh(&format!("strings -a {module}"))?.ok()?.stdout;
    assert!(strings.contains("/var/lib/dkms/stamped/1.0/build"), "it keeps its debugging symbols");
    for trace in ["/home/first", "/staging", "evermod-", "/proc/self"] {
        let found: Vec<&str> = strings
            .lines()
            .filter(|line| line.contains(trace) && !line.contains("evermod-stamped"))
            .collect();
        assert!(found.is_empty(), "{trace}: {found:?}");
    }
    Ok(())
}

#[test]
fn another_user_elsewhere_years_later_with_fewer_jobs_makes_the_same_bytes() -> Result<()> {
    need!();
    let Some(job) = job()? else { return Ok(()) };
    let other = Entry::new("packaging").with_evermod()?.context("evermod's package")?;
    // Another machine, four years later; the key is the same. (Root's builds change users, which libfaketime does not bear.)
    other.sh("useradd --uid 5432 other")?.ok()?;
    for name in ["vendor.key", "vendor.der", "mods"] {
        let copied = tempfile::tempdir()?;
        let place = copied.path().join(name);
        job.root.copy_out(&format!("/srv/{name}"), &place)?;
        other.copy_in(&place, &format!("/srv/{name}"))?;
    }
    // What libfaketime tells its children in FAKETIME_SHARED is not there in a sandbox, and it ends them.
    other
        .sh("find /srv/mods -exec touch -d 2020-01-01 {} + ; printf '+1500d\\n' >/etc/faketimerc
             echo 'int unsetenv(const char *); __attribute__((constructor)) void alone(void) { unsetenv(\"FAKETIME_SHARED\"); }' |
               gcc -shared -fPIC -o /usr/lib/alone.so -x c -
             ls /usr/lib/*/faketime/libfaketime.so.1 /usr/lib/alone.so >/etc/ld.so.preload")?
        .ok()?;
    let year = other.sh("date +%Y")?.ok()?.stdout;
    let done = run_in(&other, "other", "/srv/elsewhere/deeper", "--jobs 2")?;
    assert_eq!(done.status, 11, "{}", done.all());
    assert_ne!(year, job.root.sh("date +%Y")?.ok()?.stdout, "the clock is the same");
    let mut compared = 0;
    assert!(other.exists("/srv/elsewhere/deeper/out/index.html")?, "{}", done.all());
    for package in list(&job.matrix, "packages") {
        let file = text(package, "file");
        let first = fs_err::read(job.root.path(&format!("/home/first/out/{file}")))?;
        let second = fs_err::read(other.path(&format!("/srv/elsewhere/deeper/out/{file}")))
            .with_context(|| done.all())?;
        ensure!(first == second, "{file} differs");
        compared += 1;
    }
    assert!(compared > 60, "only {compared} packages were compared");
    let page = other.read("/srv/elsewhere/deeper/out/index.html")?;
    assert!(done.stdout.contains(" failed, ") && page.contains("failed"), "{}", done.all());
    Ok(())
}

#[test]
fn another_library_reads_every_debian_package() -> Result<()> {
    need!();
    let Some(job) = job()? else { return Ok(()) };
    let mut kinds = BTreeSet::new();
    for package in list(&job.matrix, "packages").iter().filter(|package| text(package, "format") == "deb") {
        let file = job.root.path(&format!("/home/first/out/{}", text(package, "file")));
        let Some(found) = debian_reader(&[file.as_os_str()])? else { return Ok(()) };
        let found: Value = serde_json::from_str(&found)?;
        let entries = found["entries"].as_object().context("entries")?;
        let modules = entries.keys().filter(|path| is_module(path)).count();
        assert_eq!(modules > 0, text(package, "kind") == "module", "{package}");
        assert_eq!(text(&found["fields"], "Maintainer"), "Vendor <vendor@example.org>", "{package}");
        kinds.insert(text(package, "kind").to_owned());
    }
    assert_eq!(kinds.len(), 3, "{kinds:?}");
    Ok(())
}

/// A vendor's job is done again for each new kernel: what the last run built is there. A make that fails tells who builds.
#[test]
fn what_an_earlier_run_has_built_is_not_built_again() -> Result<()> {
    need!();
    let Some(job) = job()? else { return Ok(()) };
    let (root, kernel) = (&job.root, &job.kernels[0]);
    root.sh(
        "mkdir -p /home/again/bin && cp -r /srv/mods /home/again && printf '#!/bin/sh\nexit 3\n' >/home/again/bin/make &&
         chmod 755 /home/again/bin/make && chown -R vendor /home/again",
    )?
    .ok()?;
    let run = |variables: &str, options: &str| {
        root.sh(&format!(
            "cd /home/again && runuser -u vendor -- env HOME=/home/again TMPDIR=/home/again {variables} evermod package \
               mods/acpi-call.deb mods/lender mods/borrower --kernels-from /srv/headers -k {kernel} --format deb,arch \
               --key /srv/vendor.key --certificate /srv/vendor.der --maintainer 'Vendor <vendor@example.org>' {options}"
        ))
    };
    // One that is killed while it builds has built that for the next: here make lingers over all but acpi-call.
    root.sh(
        r#"cd /home/again && mkdir slow && printf '#!/bin/sh\ncase $PWD in *acpi-call*) exec /usr/bin/make "$@" ;; esac\nsleep 300\n' >slow/make &&
           chmod 755 slow/make && chown -R vendor slow"#,
    )?
    .ok()?;
    let kill = "cd /home/again; for n in $(seq 600); do
          ! ls -d .cache/evermod/packages/*/*/module >/dev/null 2>&1 || { pkill -KILL -f 'output kille[d]'; exit; }
          sleep 0.1
        done";
    std::thread::scope(|scope| {
        let killer = scope.spawn(|| root.sh(kill));
        let killed = run("PATH=/home/again/slow:$PATH", "--output killed");
        killer.join().unwrap_or_else(|_| Err(anyhow::anyhow!("the killer died")))?.ok()?;
        assert_ne!(killed?.status, 0);
        anyhow::Ok(())
    })?;
    let next = run("", "--output one")?.ok()?;
    assert!(
        next.all().contains(&format!("took acpi-call/1.2.2 for {kernel}, built before")),
        "{}",
        next.all()
    );
    let fails = "PATH=/home/again/bin:$PATH";
    let again = run(fails, "--output two")?;
    // Modules that build upon others are built each time.
    assert_eq!(again.status, 11, "{}", again.all());
    assert!(
        again.all().contains(&format!("took acpi-call/1.2.2 for {kernel}, built before: 1 module")),
        "{}",
        again.all()
    );
    assert!(again.stdout.contains("1 built, 2 failed"), "{}", again.all());
    let same = root.sh(
        "cd /home/again/two && for file in acpi-call*; do cmp $file ../one/$file || exit 1; echo same; done",
    )?;
    assert!(same.ok()?.stdout.lines().count() >= 4);
    for (variables, options) in [("SOURCE_DATE_EPOCH=1700000000", ""), ("", "--rebuild")] {
        let built = run(&format!("{fails} {variables}"), &format!("--output three {options}"))?;
        assert!(built.stdout.contains("0 built, 3 failed"), "{variables} {options}: {}", built.all());
    }
    Ok(())
}

#[test]
fn what_is_damaged_hostile_or_missing_is_told_and_leaves_nothing() -> Result<()> {
    need!();
    let Some(job) = job()? else { return Ok(()) };
    let (root, kernel) = (&job.root, &job.kernels[0]);
    root.sh(&format!(
        "set -e; mkdir /srv/bad; cd /srv/bad; version={kernel}; version=${{version%-amd64}}
         cp /srv/headers/linux-headers-{kernel}_* /srv/headers/linux-headers-$version-common_* /srv/headers/linux-kbuild-${{version%.0-*}}_* .
         head -c 100000 /srv/headers/linux-headers-{}_*.deb >linux-headers-cut.deb
         mkdir -p evil/DEBIAN evil/usr/src/linux-headers-9.9-evil
         echo x >evil/usr/src/linux-headers-9.9-evil/.config
         printf 'Package: linux-headers-9.9-evil\\nVersion: 1\\nArchitecture: arm64\\nMaintainer: x <x@example.org>\\nDescription: x\\n' >evil/DEBIAN/control
         dpkg-deb -b evil linux-headers-foreign.deb
         mkdir -p line/DEBIAN; mkdir -p \"line/usr/src/linux-headers-9.9
evil\"; echo x >\"line/usr/src/linux-headers-9.9
evil/.config\"
         sed 's/arm64/amd64/; s/9.9-evil/9.9-line/' evil/DEBIAN/control >line/DEBIAN/control
         # dpkg-deb itself would not make this one.
         printf '2.0\\n' >debian-binary; tar -czf control.tar.gz -C line/DEBIAN .; tar -czf data.tar.gz -C line ./usr
         ar rc linux-headers-line.deb debian-binary control.tar.gz data.tar.gz
         rm -r evil line debian-binary *.tar.gz; chmod -R a+rX /srv/bad",
        job.kernels[1]
    ))?
    .ok()?;
    let vendor = |words: &str| root.sh(&format!("cd /tmp && runuser -u vendor -- evermod package {words}"));
    let lender = "/srv/mods/lender --format deb";
    // Beside what is bad, what is good is built and packaged.
    let done = vendor(&format!("{lender} --kernels-from /srv/bad --output /tmp/mixed"))?;
    let said = done.all();
    assert_eq!(done.status, 11, "{said}");
    for part in [
        "linux-headers-cut.deb",
        "linux-headers-foreign.deb: it is for arm64, and this machine is x86_64",
        "linux-headers-line.deb",
        "1 built, 0 failed, 0 not meant; 3 packages",
        "Modules will not be signed",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    // Headers without the parts that they share with others: one red cell that says what is missing.
    let done = vendor(&format!(
        "{lender} --kernels-from /srv/headers/linux-headers-{kernel}_*.deb --output /tmp/half"
    ))?;
    assert_eq!(done.status, 11, "{}", done.all());
    assert!(
        done.stdout.contains("its headers are not whole: there is no /usr/src/linux-headers-"),
        "{}",
        done.all()
    );
    assert_eq!(root.sh("ls /tmp/half")?.stdout, "index.html\n");
    for (words, status, part) in [
        (format!("{lender} --kernels-from /srv/bad/linux-headers-cut.deb"), 2, "linux-headers-cut.deb"),
        (format!("{lender} --kernels-from /srv/nowhere"), 1, "/srv/nowhere"),
        ("nothing --kernels-from /srv/bad".into(), 3, "there is no module nothing"),
        (
            format!(
                "/srv/mods/borrower --format deb --kernels-from /srv/bad --output /tmp/alone -k {kernel}"
            ),
            11,
            "built upon lender",
        ),
        (
            format!("{lender} --kernels-from /srv/bad -k 1.2.3"),
            2,
            "none of the packages has headers of kernel 1.2.3",
        ),
        (
            format!("{lender} --kernels-from /srv/bad --key /srv/none --certificate /srv/vendor.der"),
            2,
            "/srv/none",
        ),
        (format!("{lender} --kernels-from /srv/bad --output /srv/no/rights"), 1, "/srv/no"),
        (format!("/srv/mods/lender -k {kernel}"), 21, "linux-headers-"),
    ] {
        let done = vendor(&words)?;
        assert_eq!(done.status, status, "{words}\n{}", done.all());
        assert!(done.all().contains(part), "{words}\n{}", done.all());
    }
    assert!(!root.exists("/tmp/packages")?, "a run that could not begin left a directory");
    let left =
        root.sh("find /tmp /var/tmp -name 'evermod*' -user vendor; find /tmp/mixed /tmp/alone -name '.*'")?;
    assert_eq!(left.stdout, "");

    // In a chroot the kernel refuses user namespaces.
    root.sh("mkdir /srv/chroot && mount --rbind / /srv/chroot")?.ok()?;
    let done = root.sh(&format!(
        "chroot --userspec vendor /srv/chroot evermod package {lender} --kernels-from /srv/bad --output /tmp/chrooted"
    ))?;
    assert_eq!(done.status, 1, "{}", done.all());
    assert!(done.stderr.contains("which the kernel refuses here (a user namespace: "), "{}", done.all());
    assert!(!root.exists("/tmp/chrooted")?, "it left a directory");
    Ok(())
}

#[test]
fn installed_kernels_serve_root_and_anybody_alike() -> Result<()> {
    need!();
    let Some(root) = Overlay::with_evermod("kernels")? else {
        skip::report("evermod's package is not built: run make deb");
        return Ok(());
    };
    root.copy_in(&top().join("tests/modules/hello-1.0"), "/usr/src/hello-1.0")?;
    root.sh("useradd vendor; mkdir -m 777 /srv/work; dkms add hello/1.0")?.ok()?;
    let before = root.sh("find /var/lib/dkms /usr/src -type f | sort | sha256sum; dkms status")?.ok()?.stdout;
    let mut said = String::new();
    for (user, module) in [("root", "hello"), ("vendor", "/usr/src/hello-1.0")] {
        let done = root.sh(&format!(
            "cd /srv/work && runuser -u {user} -- env DEBFULLNAME=V DEBEMAIL=v@example.org evermod package {module} --all-kernels \
             --output {user}"
        ))?;
        assert_eq!(done.status, 0, "{}", done.all());
        said = done.stdout;
    }
    assert!(said.contains("3 built, 0 failed, 0 not meant; 5 packages"), "{said}");
    root.sh("cd /srv/work && for f in root/*.deb; do cmp $f vendor/${f#*/} || exit 1; done")?.ok()?;
    assert_eq!(
        root.sh("find /var/lib/dkms /usr/src -type f | sort | sha256sum; dkms status")?.ok()?.stdout,
        before
    );
    let kernel = root.kernels()?.pop().context("a kernel")?;
    let control = root.sh(&format!("dpkg-deb -f /srv/work/root/hello-modules-{kernel}_*.deb"))?.ok()?.stdout;
    assert!(control.contains(&format!("Kernel-Package: linux-headers-{kernel} ")), "{control}");
    Ok(())
}
