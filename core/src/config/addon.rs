//! ADDON_MODULES_DIR, by which an administrator moves all modules to another directory below a kernel's (contract 4.1).

use super::evaluate::Evaluation;
use super::shell::NoShell;
use super::vars::Vars;
use crate::root::Root;
use std::collections::BTreeMap;

/// The file that kmod's predecessor had for it. DKMS sources it; here it is data.
const FILE: &str = "/etc/sysconfig/module-init-tools";
const NAME: &str = "ADDON_MODULES_DIR";

/// The directory, from the file or else from the caller's environment, and what is wrong with the file if it is of no use.
pub fn addon_modules_dir(
    root: &Root,
    environment: &BTreeMap<String, String>,
) -> (Option<String>, Option<String>) {
    let from_environment = environment.get(NAME).filter(|dir| !dir.is_empty()).cloned();
    let mut evaluation = Evaluation::new(root, &NoShell, &[NAME], Vars::new());
    let complaint = evaluation.file(FILE.as_ref()).err().map(|error| {
        format!("{FILE} is no list of plain assignments, so {NAME} is not taken from it: {error}")
    });
    let from_file = evaluation.vars.scalar(NAME).map(str::trim).filter(|dir| !dir.is_empty());
    match from_file.map(str::to_string).or(from_environment) {
        Some(dir) if dir.split('/').any(|part| part == "..") => (
            None,
            Some(format!("{NAME} is '{dir}', which leads out of the kernel's directory; it is not used")),
        ),
        dir => (dir, complaint),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_data_and_comes_first() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path());
        let environment = |dir: &str| BTreeMap::from([(NAME.to_string(), dir.to_string())]);
        assert_eq!(addon_modules_dir(&root, &BTreeMap::new()), (None, None));
        assert_eq!(addon_modules_dir(&root, &environment("weak")), (Some("weak".into()), None));
        assert_eq!(addon_modules_dir(&root, &environment("")), (None, None));
        std::fs::create_dir_all(root.at("/etc/sysconfig")).unwrap();
        let write = |text: &str| std::fs::write(root.at(FILE), text).unwrap();
        write("# modules\nUNLOAD=no\nADDON_MODULES_DIR=\"addon\"\n");
        assert_eq!(addon_modules_dir(&root, &environment("weak")), (Some("addon".into()), None));
        write("UNLOAD=no\n");
        assert_eq!(addon_modules_dir(&root, &environment("weak")), (Some("weak".into()), None));
        write("ADDON_MODULES_DIR=$(touch /tmp/no)\n");
        let (found, complaint) = addon_modules_dir(&root, &BTreeMap::new());
        assert!(found.is_none() && complaint.unwrap().contains("module-init-tools"), "never run");
        write("ADDON_MODULES_DIR=../../../etc\n");
        assert!(matches!(addon_modules_dir(&root, &BTreeMap::new()), (None, Some(_))));
    }
}
