//! What package managers tell their hooks.
#![no_main]

use evermod_apt_hook::{Plan, Session};
use evermod_dnf_plugin::{actions, commit, lines};
use evermod_pacman_hook::{CommandLine, Conf, HookFile, Targets};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = Plan::parse(text);
    let mut session = Session::default();
    for line in text.lines() {
        if session.line(line).is_err() {
            break;
        }
    }
    let _ = actions::reply(text);
    let _ = lines::packages(text);
    let _ = commit::frame(text);
    let _ = CommandLine::read(text);
    let mut conf = Conf::default();
    conf.add(text);
    let _ = HookFile::read(text);
    let targets = Targets::read(text);
    assert!(targets.images().count() + targets.sources().count() <= 2 * text.lines().count());
});
