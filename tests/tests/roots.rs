//! The harness itself: a root is isolated, offline, and leaves nothing behind.

use anyhow::Result;
use evermod_tests::{need, roots::Overlay};

#[test]
fn writes_vanish_and_the_cached_root_stays_as_it_was() -> Result<()> {
    need!();
    let first = Overlay::new("base")?;
    first.sh("echo mine >/etc/mark")?.ok()?;
    assert_eq!(first.read("/etc/mark")?, "mine\n");
    assert!(first.path("/etc/mark").exists());
    drop(first);
    assert!(!Overlay::new("base")?.exists("/etc/mark")?);
    Ok(())
}

#[test]
fn a_root_has_no_network_and_its_processes_end_with_it() -> Result<()> {
    need!();
    let root = Overlay::new("base")?;
    assert_eq!(root.sh("ls /sys/class/net")?.ok()?.stdout, "lo\n");
    // Whole words: as long as it is still setsid, its arguments say sleep already.
    let asleep = r#"
        setsid sleep 987654 >/dev/null 2>&1 &
        until [ "$(tr '\0' ' ' </proc/$!/cmdline)" = 'sleep 987654 ' ]; do :; done"#;
    root.sh(asleep)?.ok()?;
    assert!(sleepers() > 0);
    drop(root);
    assert_eq!(sleepers(), 0);
    Ok(())
}

/// How many processes of the test above the host sees.
fn sleepers() -> usize {
    let Ok(processes) = std::fs::read_dir("/proc") else { return 0 };
    processes
        .flatten()
        .filter_map(|p| std::fs::read(p.path().join("cmdline")).ok())
        .filter(|line| line.starts_with(b"sleep\x00987654\x00"))
        .count()
}

#[test]
fn an_unprivileged_sandbox_works_inside() -> Result<()> {
    need!();
    let root = Overlay::new("base")?;
    root.sh("bwrap --unshare-all --uid 65534 --gid 65534 --ro-bind / / --proc /proc id -u")?.ok()?;
    Ok(())
}
