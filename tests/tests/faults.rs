//! Interruptions: whatever is cut short at whatever instant, the next `evermod sync` ends as if nothing had happened.

use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, ensure};
use evermod_tests::roots::{Entry, Overlay};
use evermod_tests::{need, skip, top};

/// A root with three small drivers added and nothing built. All machines of a test have the same key, so that equal
/// states are equal bytes.
struct Machine {
    root: Overlay,
    kernel: String,
}

impl Machine {
    fn new(keys: &tempfile::TempDir) -> Result<Option<Self>> {
        // Small, so that it is soon filled.
        let Some(root) = Entry::new("small").size("300m").with_evermod()? else {
            skip::report("target/dist has no evermod package: run make deb");
            return Ok(None);
        };
        root.sh("rm -rf /var/lib/dkms && mkdir -p /var/lib/dkms")?.ok()?;
        for name in ["mok.key", "mok.pub"] {
            root.copy_in(&keys.path().join(name), &format!("/var/lib/dkms/{name}"))?;
        }
        for name in ["hello-1.0", "patched-1.0", "broken-1.0"] {
            root.copy_in(&top().join("tests/modules").join(name), &format!("/usr/src/{name}"))?;
            root.run(&["dkms", "add", &name.replace('-', "/")])?.ok()?;
        }
        let kernel = root.kernels()?.into_iter().next().context("no kernel")?;
        Ok(Some(Self { root, kernel }))
    }

    fn sync(&self) -> Result<evermod_tests::roots::Output> {
        self.root.run(&["evermod", "sync", "-k", &self.kernel])
    }

    /// All that a sync leaves, by name and content: modules, depmod's files, the tree. What holds times is named only.
    /// A depmod that was killed leaves a file of its own (NAME.PID.TIME.TIME), which nobody reads: it is passed over,
    /// and so is what a failed build leaves to be looked at, in the module's build directory.
    fn state(&self) -> Result<String> {
        let script = format!(
            "cd /lib/modules/{0} && find . -path ./kernel -prune -o -type f ! -name 'modules.*.*[0-9].*[0-9].*[0-9]' -print | sort | \
             xargs sha256sum; \
             cd /var/lib/dkms && find . -path './*/*/build/*' -prune -o -print | sort; \
             find . -name '*.ko*' ! -path './*/*/build/*' | sort | xargs sha256sum; dkms status",
            self.kernel
        );
        Ok(self.root.sh(&script)?.ok()?.stdout)
    }
}

fn keys() -> Result<tempfile::TempDir> {
    let directory = tempfile::tempdir()?;
    let (key, certificate) = (directory.path().join("mok.key"), directory.path().join("mok.pub"));
    let output = Command::new("openssl")
        .args([
            "req", "-new", "-x509", "-nodes", "-sha256", "-days", "30", "-newkey", "rsa:2048", "-subj",
            "/CN=test",
        ])
        .args(["-outform", "DER", "-keyout"])
        .arg(key)
        .arg("-out")
        .arg(certificate)
        .output()?;
    ensure!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
    Ok(directory)
}

macro_rules! machine {
    ($keys:expr) => {
        match Machine::new($keys)? {
            Some(machine) => machine,
            None => return Ok(()),
        }
    };
}

/// How often a sync is killed.
const KILLS: u32 = 100;

/// Killed at random moments, a hundred times: no module file is ever half written, and the next sync ends in the state of
/// one that was never disturbed.
#[test]
fn a_sync_killed_at_any_instant_is_finished_by_the_next() -> Result<()> {
    need!("openssl");
    let keys = keys()?;
    let whole = machine!(&keys);
    whole.sync()?;
    let wanted = whole.state()?;
    assert!(wanted.contains("hello/1.0") && wanted.contains(": installed"), "{wanted}");
    drop(whole);

    let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.subsec_nanos();
    let halves = std::thread::scope(|scope| {
        let halves = [0, 1].map(|half| {
            let (keys, wanted) = (&keys, &wanted);
            scope.spawn(move || kill_many(keys, wanted, KILLS / 2, seed.wrapping_add(half)))
        });
        halves.map(|half| half.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a half of the trials died"))))
    });
    for half in halves {
        half.with_context(|| format!("seed {seed}"))?;
    }
    Ok(())
}

/// What a sync that is killed begins with.
const STATES: [&str; 2] = ["added", "built"];

/// Kills a sync so many times on one machine. One that ended before it could be killed does not count.
fn kill_many(keys: &tempfile::TempDir, wanted: &str, times: u32, seed: u32) -> Result<()> {
    let Some(m) = Machine::new(keys)? else { anyhow::bail!("no package") };
    let tree = format!("/lib/modules/{}", m.kernel);
    // Every other sync finds everything built that can be: its kill falls where files are placed and depmod runs.
    let save =
        format!("mkdir -p /save/$1 && cp -a /var/lib/dkms /var/lib/evermod {tree}/modules.* /save/$1/");
    m.root.sh(&format!("set -- added; mkdir -p /var/lib/evermod; {save}"))?.ok()?;
    let build =
        format!("for module in hello patched broken; do evermod build $module/1.0 -k {}; done", m.kernel);
    let built = m.root.sh(&build)?;
    ensure!(built.all().contains("broken/1.0"), "{}", built.all());
    m.root.sh(&format!("set -- built; {save}"))?.ok()?;
    let reset = |state: &str| {
        m.root.sh(&format!(
            "rm -rf /var/lib/dkms /var/lib/evermod {tree}/updates {tree}/modules.* && \
             cp -a /save/{state}/dkms /save/{state}/evermod /var/lib/ && cp -a /save/{state}/modules.* {tree}/"
        ))
    };
    let mut took = [0.0; STATES.len()];
    for (took, state) in took.iter_mut().zip(STATES) {
        reset(state)?.ok()?;
        *took = m.sync()?.took.as_secs_f64();
    }
    let (mut cut_off, mut trial, mut random) = (0, 0, seed);
    while cut_off < times {
        ensure!(trial < 4 * times, "only {cut_off} of {trial} syncs were cut off before their end");
        trial += 1;
        let which = trial as usize % STATES.len();
        let took = &mut took[which];
        reset(STATES[which])?.ok()?;
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let fraction = f64::from(random >> 8) / f64::from(1u32 << 24);
        let seconds = format!("{:.3}", *took * fraction + 0.001);
        // timeout(1) kills its whole process group: evermod and all that it started.
        let killed = m.root.run(&["timeout", "-s", "KILL", &seconds, "evermod", "sync", "-k", &m.kernel])?;
        // How fast the machine is changes with what else it does.
        if killed.status == 137 {
            cut_off += 1;
            *took *= 1.01;
        } else {
            *took *= 0.9;
        }
        let modules = m.root.sh(&format!("find {tree}/updates -name '*.ko*' | xargs -r sha256sum"))?.stdout;
        for line in modules.lines() {
            let sum = line.split_whitespace().next().context("a sum")?;
            ensure!(wanted.contains(sum), "half written after {seconds} s: {line}");
        }
        let said = m.sync()?;
        let found = m.state()?;
        ensure!(
            found == wanted,
            "killed after {seconds} s, of what was {}:\n{}\nkilled: {}\nthen: {}",
            STATES[which],
            diff(wanted, &found),
            killed.all(),
            said.all()
        );
    }
    Ok(())
}

/// What a run has placed before it was cut off is indexed by the next, also where all that the next has to do fails.
#[test]
fn depmod_runs_though_every_build_fails() -> Result<()> {
    need!("openssl");
    let keys = keys()?;
    let m = machine!(&keys);
    m.root
        .sh("mv /usr/sbin/depmod /usr/sbin/depmod.away 2>/dev/null || mv /sbin/depmod /sbin/depmod.away")?
        .ok()?;
    m.sync()?;
    m.root
        .sh("mv /usr/sbin/depmod.away /usr/sbin/depmod 2>/dev/null || mv /sbin/depmod.away /sbin/depmod")?
        .ok()?;
    let known = || m.root.sh(&format!("grep -c updates/dkms/hello /lib/modules/{}/modules.dep", m.kernel));
    assert_eq!(known()?.stdout, "0\n");
    let said = m.root.run(&["evermod", "sync", "--retry", "-k", &m.kernel])?;
    assert_eq!(known()?.stdout, "1\n", "{}", said.all());
    Ok(())
}

#[test]
fn two_at_once_wait_for_each_other() -> Result<()> {
    need!("openssl");
    let keys = keys()?;
    let whole = machine!(&keys);
    whole.sync()?;
    let wanted = whole.state()?;

    let m = machine!(&keys);
    let script = format!("evermod sync -k {0} & evermod sync -k {0}; wait", m.kernel);
    let said = m.root.sh(&script)?;
    let found = m.state()?;
    ensure!(found == wanted, "{}\n{}", said.all(), diff(&wanted, &found));
    Ok(())
}

#[test]
fn a_full_disk_is_told_and_harms_nothing() -> Result<()> {
    need!("openssl");
    let keys = keys()?;
    let whole = machine!(&keys);
    whole.sync()?;
    let wanted = whole.state()?;

    let m = machine!(&keys);
    for left in ["0", "64K", "512K"] {
        // cat ends at the first byte that does not fit.
        let fill = format!("cat /dev/zero >/filler 2>/dev/null; truncate -s -{left} /filler");
        m.root.sh(&fill)?.ok()?;
        let said = m.sync()?;
        assert_ne!(said.status, 0, "with {left} left: {}", said.all());
        assert!(said.all().contains("No space left on device"), "with {left} left: {}", said.all());
        m.root.sh("rm /filler")?.ok()?;
    }
    m.root.run(&["evermod", "sync", "--retry", "-k", &m.kernel])?;
    let found = m.state()?;
    ensure!(found == wanted, "{}", diff(&wanted, &found));
    Ok(())
}

#[test]
fn nothing_to_do_takes_no_time() -> Result<()> {
    need!("openssl");
    let keys = keys()?;
    let m = machine!(&keys);
    m.sync()?;
    let before = m.state()?;
    let again = m.sync()?;
    // 20 ms of CPU are the aim; the rest is for a machine under load.
    ensure!(again.took < Duration::from_secs(2), "{:?}\n{}", again.took, again.all());
    assert_eq!(before, m.state()?);
    Ok(())
}

/// Lines that stand in one text only.
fn diff(wanted: &str, found: &str) -> String {
    let lost = wanted.lines().filter(|l| !found.lines().any(|f| f == *l)).map(|l| format!("- {l}"));
    let new = found.lines().filter(|l| !wanted.lines().any(|w| w == *l)).map(|l| format!("+ {l}"));
    lost.chain(new).collect::<Vec<_>>().join("\n")
}
