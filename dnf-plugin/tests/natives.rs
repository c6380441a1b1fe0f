//! The files that the managers read: one word that dnf 5 does not know ends every one of its commands.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

/// libdnf5-actions(8): which version of the plugin brought what. Its release of dnf 5 is in the changelog of that.
const HOOKS: [(&str, (u32, u32)); 9] = [
    ("pre_base_setup", (0, 1)),
    ("post_base_setup", (0, 1)),
    ("repos_configured", (1, 0)),
    ("repos_loaded", (1, 0)),
    ("pre_add_cmdline_packages", (1, 0)),
    ("post_add_cmdline_packages", (1, 0)),
    ("goal_resolved", (1, 3)),
    ("pre_transaction", (0, 1)),
    ("post_transaction", (0, 1)),
];
const OPTIONS: [(&str, &[&str], (u32, u32)); 3] = [
    ("enabled", &["1", "host-only", "installroot-only"], (0, 3)),
    ("mode", &["plain", "json"], (1, 2)),
    ("raise_error", &["0", "1"], (1, 4)),
];
/// What `stop` in an answer needs; dnf5 5.2.11 is the first with it.
const NEEDED: (u32, u32) = (1, 4);

fn read(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The version of the plugin that a file needs.
fn version(text: &str) -> Result<(u32, u32), String> {
    let mut needed = (0, 1);
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let fields: Vec<&str> = line.splitn(5, ':').collect();
        let [hook, filter, direction, options, command] = fields[..] else { return Err(line.to_string()) };
        let (_, since) = HOOKS.iter().find(|(name, _)| *name == hook).ok_or(hook)?;
        needed = needed.max(*since);
        if !filter.is_empty() || !direction.is_empty() || !command.starts_with("/usr/bin/evermod hook dnf") {
            return Err(line.to_string());
        }
        for option in options.split(' ') {
            let (key, value) = option.split_once('=').ok_or(option)?;
            let (_, values, since) = OPTIONS.iter().find(|(name, ..)| *name == key).ok_or(key)?;
            if !values.contains(&value) {
                return Err(option.to_string());
            }
            needed = needed.max(*since);
        }
    }
    Ok(needed)
}

#[test]
fn dnf5_knows_every_word_of_the_actions_file() {
    let text = read("dnf5/evermod.actions");
    let needed = version(&text).unwrap();
    assert!(needed <= NEEDED, "{needed:?}");
    assert_eq!(text.lines().filter(|line| line.contains(":::")).count(), 3);
    // The table would not let these pass.
    for wrong in [
        "post_transaction::::",
        "after_all:::enabled=1:/usr/bin/evermod hook dnf-settle",
        "pre_transaction:::raise=1:/usr/bin/evermod hook dnf5-preflight downloaded",
        "pre_transaction:::mode=xml:/usr/bin/evermod hook dnf5-preflight downloaded",
        "pre_transaction:enabled=1:/usr/bin/evermod hook dnf5-preflight downloaded",
    ] {
        assert!(version(wrong).is_err(), "{wrong}");
    }
    assert_eq!(version("pre_transaction:::raise_error=1:/usr/bin/evermod hook dnf5-preflight x"), Ok((1, 4)));
}

#[test]
fn nothing_but_our_own_answer_stops_dnf5() {
    let text = read("dnf5/evermod.actions");
    assert!(!text.contains("raise_error"), "a missing program would stop dnf5");
}

#[test]
fn the_adapter_stays_small() {
    let lines = |name: &str| read(name).lines().count();
    assert!(lines("dnf4/evermod.py") < 100);
    let native = lines("dnf4/evermod.py") + lines("dnf5/evermod.actions") + lines("zypper/evermod");
    let sources = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    let rust: usize =
        sources.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap().lines().count()).sum();
    assert!(native + rust < 400, "{} lines", native + rust);
}
