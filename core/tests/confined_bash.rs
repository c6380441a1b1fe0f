//! What a hostile or careless configuration file can do in the confined bash, and what it cannot.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use evermod_core::config::shell::{Shell, ShellError, ShellJob, ShellOutput, Task};
use evermod_core::config::vars::Vars;
use evermod_core::exec::Landlock;
use evermod_core::exec::shell::ConfinedBash;
use std::time::{Duration, Instant};

struct Place {
    dir: tempfile::TempDir,
    bash: ConfinedBash,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { bash: ConfinedBash::new().with_scratch(dir.path()), dir }
    }

    fn job(&self, text: &str) -> ShellJob {
        let path = self.dir.path().join("dkms.conf");
        std::fs::write(&path, text).unwrap();
        ShellJob {
            task: Task::Source(path),
            scope: Vars::from_iter([("kernelver", "6.1 it's")]),
            names: ["A", "B", "C"].map(String::from).to_vec(),
            prefix: Some("DKMS_DIRECTIVE".to_string()),
            directory: self.dir.path().to_path_buf(),
            readable: vec![self.dir.path().to_path_buf()],
        }
    }

    fn run(&self, text: &str) -> ShellOutput {
        self.bash.evaluate(&self.job(text)).unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    fn value(&self, text: &str) -> String {
        self.run(text).vars.scalar("A").unwrap_or("(unset)").to_string()
    }
}

/// Tells past the runner's capture that a test does not run here; `make test` counts these lines.
fn skipped(why: &str) {
    use std::io::Write;
    let thread = std::thread::current();
    let _ = writeln!(std::io::stderr(), "skipped: {}: {why}", thread.name().unwrap_or("test"));
}

#[test]
fn values_come_back() {
    let place = Place::new();
    let got = place.run("A=\"$kernelver\"\nB=([2]=x 'y z'); unset C; DKMS_DIRECTIVE_1='A=b c'\necho noise\n");
    assert_eq!(got.vars.scalar("A"), Some("6.1 it's"));
    assert_eq!(got.vars.element("B", 3), Some("y z"));
    assert_eq!(got.vars.elements("C"), None);
    assert_eq!(got.vars.scalar("DKMS_DIRECTIVE_1"), Some("A=b c"));
    assert_eq!((got.exited, got.notes), (None, vec![]));
    assert_eq!(place.value("IFS=x; set -u; set -f; A=$(printf 'a\\nb')"), "a\nb");
    assert_eq!(place.value("A=$(env | cut -d= -f1 | sort | tr '\\n' ' ')").trim(), "LANG PATH PWD SHLVL _");
}

#[test]
fn exit_unsets_everything_and_noise_becomes_notes() {
    let place = Place::new();
    let got = place.run("A=1\nsleep 60 &\nexit 3\n");
    assert_eq!((got.vars, got.exited), (Vars::new(), Some(3)));
    let got = place.run("A=1\nno_such_command\n");
    assert_eq!(got.vars.scalar("A"), Some("1"));
    assert!(got.notes.len() == 1 && got.notes[0].contains("no_such_command"), "{:?}", got.notes);
}

#[test]
fn here_documents_of_any_size_work() {
    let place = Place::new();
    assert_eq!(place.value("A=$(cat <<E\nsmall\nE\n)"), "small");
    let big = "x".repeat(200_000);
    assert_eq!(place.value(&format!("A=$(cat <<E | wc -c\n{big}\nE\n)")).trim(), "200001");
    assert_eq!(
        std::fs::read_dir(place.dir.path()).unwrap().count(),
        1,
        "scratch directories are left behind"
    );
}

#[test]
fn time_and_output_are_limited() {
    let place = Place::new();
    let bash = ConfinedBash::new().with_limit(Duration::from_millis(300));
    let start = Instant::now();
    let got = bash.evaluate(&place.job("echo waiting >&2; sleep 30 & while :; do sleep 1; done"));
    assert!(matches!(&got, Err(ShellError::TimedOut { notes, .. }) if notes == &["waiting"]), "{got:?}");
    assert!(start.elapsed() < Duration::from_secs(5));
    // A process left behind neither delays the report nor lives on.
    let start = Instant::now();
    let pid = place.value("sleep 4321 & A=$!");
    assert!(start.elapsed() < Duration::from_secs(5));
    let alive = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    assert!(!alive.starts_with(b"sleep"), "{pid} lives on");
    let got = place.bash.evaluate(&place.job("A=$(head -c 5000000 /dev/zero | tr '\\0' x)"));
    assert!(matches!(got, Err(ShellError::TooMuch { .. })), "{:?}", got.map(|o| o.notes));
}

#[test]
fn nothing_but_dev_null_can_be_written() {
    let place = Place::new();
    assert_eq!(place.value("A=no; echo x >/dev/null 2>/dev/null && A=yes"), "yes");
    let landlock = place.bash.confinement().unwrap().landlock.clone();
    if let Landlock::None(why) = landlock {
        skipped(&why);
        return;
    }
    let target = place.dir.path().join("target");
    std::fs::write(&target, "kept").unwrap();
    let t = target.display();
    for attempt in [
        format!("echo x >{t}"),
        format!("rm -f {t}"),
        format!("mv {t} {t}2"),
        format!("ln -s {t} {t}2"),
        format!("mkdir {t}2"),
        "touch /tmp/evermod-confined".to_string(),
        "echo 3 >/proc/sys/vm/drop_caches".to_string(),
        format!("cat {}", std::env::current_exe().unwrap().display()),
    ] {
        assert_eq!(place.value(&format!("A=refused; {attempt} && A=done")), "refused", "{attempt}");
    }
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "kept");
}

#[test]
fn system_calls_are_filtered() {
    let place = Place::new();
    place.value("A=1");
    if let Err(why) = &place.bash.confinement().unwrap().seccomp {
        skipped(why);
        return;
    }
    let target = place.dir.path().join("target");
    std::fs::write(&target, "").unwrap();
    let t = target.display();
    let me = std::process::id();
    for attempt in [
        format!("chmod 777 {t}"),
        format!("chown 1 {t}"),
        format!("touch -d 1990-01-01 {t}"),
        format!("kill -0 {me}"),
        "exec 5<>/dev/tcp/127.0.0.1/1".to_string(),
        "unshare -m true".to_string(),
        format!("mount -t tmpfs none {}", place.dir.path().display()),
        "setsid true".to_string(),
        "ulimit -n 128".to_string(),
    ] {
        assert_eq!(place.value(&format!("A=refused; {attempt} && A=done")), "refused", "{attempt}");
    }
    assert_eq!(place.value("A=$(grep NoNewPrivs /proc/self/status)"), "NoNewPrivs:\t1");
    assert_eq!(place.value("A=$(ulimit -n)"), "256");
}

#[test]
fn values_are_read_again_one_by_one() {
    let place = Place::new();
    let mut job = place.job("");
    let values = [("A", "make $(echo a) ${kernelver%% *}"), ("B", "odd\"($"), ("C", "fine")];
    job.task = Task::Reread(Vars::from_iter(values));
    let got = place.bash.evaluate(&job).unwrap();
    assert_eq!(got.vars.scalar("A"), Some("make a 6.1"));
    assert_eq!(got.vars.scalar("B"), None);
    assert_eq!(got.vars.scalar("C"), Some("fine"));
}

#[test]
fn unusual_jobs() {
    let place = Place::new();
    let mut job = place.job("A=1");
    job.directory = "/no/such/directory".into();
    assert_eq!(place.bash.evaluate(&job).unwrap().vars.scalar("A"), Some("1"));
    job.scope = Vars::from_iter([("X", "y".repeat(200_000))]);
    assert!(matches!(place.bash.evaluate(&job), Err(ShellError::TooLarge { .. })));
}
