//! Against what a real kernel-install said: `tests/fixtures/kernel-install`.

use super::*;
use std::collections::BTreeMap;

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../tests/fixtures/kernel-install/", $name))
    };
}

fn read(recorded: &str) -> Call {
    let (words, variables) = recorded.split_once("\n\n").unwrap();
    let words: Vec<String> = words.lines().map(str::to_string).collect();
    let variables: BTreeMap<&str, &str> = variables.lines().filter_map(|line| line.split_once('=')).collect();
    Call::read(&words, &|name| variables.get(name).map(|value| (*value).to_string())).unwrap()
}

#[test]
fn calls_of_all_versions() {
    for (recorded, release) in [
        (fixture!("252.add"), "6.1.0-55-amd64"),
        (fixture!("257.add"), "6.12.117+deb13-cloud-amd64"),
        (fixture!("262.add"), "7.2.12+deb14-cloud-amd64"),
    ] {
        let call = read(recorded);
        assert_eq!((call.command, call.release.as_str()), (Command::Add, release));
        assert!(call.image.is_some_and(|image| image.ends_with("vmlinuz")));
        assert_eq!(call.layout, Layout::Bls);
        assert!(!call.is_vendor_uki);
        assert_eq!(call.plugins.map(|plugins| plugins.len()), Some(2));
    }
    for recorded in [fixture!("252.remove"), fixture!("257.remove"), fixture!("262.remove")] {
        let call = read(recorded);
        assert_eq!((call.command, call.image), (Command::Remove, None));
    }
    for recorded in [fixture!("252.add.ostree"), fixture!("257.add.ostree"), fixture!("262.add.ostree")] {
        let call = read(recorded);
        assert_eq!((call.layout.clone(), call.plugins.clone()), (Layout::Ostree, None));
        assert!(!call.depmod_follows(&|_| Plugin::Runs), "05-rpmostree ends the plugins before 50-depmod");
    }
}

#[test]
fn whether_depmod_follows() {
    let chosen = read(fixture!("257.add"));
    assert!(chosen.depmod_follows(&|_| Plugin::Absent), "the caller's list counts, not what is installed");
    let usual = Call { plugins: None, ..chosen.clone() };
    let at = |dir: &'static str, plugin| {
        move |path: &Path| if path.starts_with(dir) { plugin } else { Plugin::Absent }
    };
    assert!(usual.depmod_follows(&at("/usr/lib", Plugin::Runs)));
    assert!(usual.depmod_follows(&at("/etc", Plugin::Runs)));
    assert!(!usual.depmod_follows(&|_| Plugin::Absent));
    let masked = |path: &Path| if path.starts_with("/etc") { Plugin::Masked } else { Plugin::Runs };
    assert!(!usual.depmod_follows(&masked), "a link to /dev/null in /etc hides the one in /usr");
    let without = Call { plugins: Some(vec!["/x/40-evermod.install".into()]), ..chosen };
    assert!(!without.depmod_follows(&|_| Plugin::Runs));
    assert!(!read(fixture!("262.remove")).depmod_follows(&|_| Plugin::Runs));
}

#[test]
fn what_is_no_call() {
    let none = |_: &str| None;
    let read =
        |words: &[&str]| Call::read(&words.iter().map(|w| (*w).to_string()).collect::<Vec<_>>(), &none);
    assert_eq!(read(&[]), Err(BadCall::Command(String::new())));
    assert_eq!(read(&["inspect", "6.1"]), Err(BadCall::Command("inspect".into())));
    assert_eq!(read(&["add"]), Err(BadCall::NoKernel));
    assert_eq!(read(&["add", "", "/boot"]), Err(BadCall::NoKernel));
    let bare = read(&["add", "6.1"]).unwrap();
    assert_eq!((bare.image, bare.layout), (None, Layout::Other));
    let uki = |name: &str| (name == "KERNEL_INSTALL_IMAGE_TYPE").then(|| "uki".to_string());
    assert!(Call::read(&["add".into(), "6.1".into()], &uki).unwrap().is_vendor_uki);
}
