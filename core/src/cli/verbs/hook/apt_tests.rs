use super::*;

fn plan(text: &str) -> Plan {
    Plan::parse(text).unwrap()
}

const UPGRADE: &str = "VERSION 3
Binary=apt-get
AptCli::Hooks::Install::=/usr/bin/evermod%20hook%20apt-json

old-dkms 1 all none > - - none **REMOVE**
moved 1 amd64 none > - - none **REMOVE**
linux-image-6.1.0-9-amd64 - - none < 6.1.90-1 amd64 none /var/cache/a b.deb
moved 1 amd64 none < 2 amd64 none /moved.deb
linux-image-6.1.0-9-amd64 - - none < 6.1.90-1 amd64 none **CONFIGURE**
moved 1 amd64 none < 2 amd64 none **CONFIGURE**
left 1 all none = 1 all none **CONFIGURE**
";

#[test]
fn a_plan_becomes_a_transaction() {
    let asked = |step: &Step| vec![format!("usr/src/{}-1/dkms.conf", step.package)];
    let made = transaction(&plan(UPGRADE), &asked);
    let arrives: Vec<_> = made.arrives.iter().map(|a| (a.package.as_str(), a.version.as_str())).collect();
    assert_eq!(arrives, [("linux-image-6.1.0-9-amd64", "6.1.90-1"), ("moved", "2")]);
    assert_eq!(made.arrives[0].file.as_deref(), Some(Path::new("/var/cache/a b.deb")));
    let goes: Vec<_> = made.goes.iter().map(|d| (d.package.as_str(), d.version.as_str())).collect();
    assert_eq!(goes, [("old-dkms", "1")]);
    assert_eq!(made.goes[0].paths, ["usr/src/old-dkms-1/dkms.conf"]);
}

#[test]
fn only_apt_itself_calls_the_json_hooks() {
    assert!(was_asked_before(&plan(UPGRADE)));
    assert!(!was_asked_before(&plan(&UPGRADE.replace("apt-get", "unattended-upgrade"))));
    assert!(!was_asked_before(&plan(&UPGRADE.replace("AptCli", "Other"))));
}

#[test]
fn an_installed_package_names_its_modules() {
    let dir = tempfile::tempdir().unwrap();
    let list = "/.\n/usr\n/usr/src/a-1\n/usr/src/a-1/dkms.conf\n/usr/src/a-1/a.c\n/usr/share/x/dkms.conf\n";
    std::fs::write(dir.path().join("a-dkms.list"), list).unwrap();
    std::fs::write(dir.path().join("b:amd64.list"), "/usr/src/b-2/dkms.conf\n").unwrap();
    let step = |line: &str| plan(&format!("VERSION 3\n\n{line} > - - none **REMOVE**\n")).steps.remove(0);
    assert_eq!(sources(dir.path(), &step("a-dkms 1 all none")), ["usr/src/a-1/dkms.conf"]);
    assert_eq!(sources(dir.path(), &step("b 2 amd64 same")), ["usr/src/b-2/dkms.conf"]);
    assert_eq!(sources(dir.path(), &step("c 2 amd64 same")), [""; 0]);
}

#[test]
fn a_proposal_becomes_a_transaction() {
    let text = r#"{"command":"install","packages":[
        {"name":"new","mode":"install","versions":{"install":{"version":"1"}}},
        {"name":"up","mode":"upgrade","versions":{"install":{"version":"2"},"current":{"version":"1"}}},
        {"name":"kept","mode":"keep","versions":{}},
        {"name":"gone","mode":"purge","versions":{"current":{"version":"3"}}}]}"#;
    let made = proposed(&serde_json::from_str(text).unwrap());
    let arrives: Vec<_> = made.arrives.iter().map(|a| (a.package.as_str(), a.version.as_str())).collect();
    assert_eq!(arrives, [("new", "1"), ("up", "2")]);
    let goes: Vec<_> = made.goes.iter().map(|d| (d.package.as_str(), d.version.as_str())).collect();
    assert_eq!(goes, [("gone", "3")]);
}
