//! What RPM packages need of us: `rpm -Uvh`, and the note by which one transaction's parts know of each other.
//!
//! An upgrade runs the new package's `%post` (`dkms add --rpm_safe_upgrade`) before the old one's `%preun`
//! (`dkms remove --rpm_safe_upgrade`). Where both have the same version, the second would take away what the first
//! brought. So the first leaves a note that names the module and the transaction (contract 4.10).

use super::ancestry::ancestors;
use super::environment::Environment;
use super::process;
use crate::install::files::remove_if_there;
use crate::model::{Failure, ModuleId};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Installs a package file, with rpm's own output passed through.
///
/// # Errors
/// Why it is not installed.
pub fn upgrade(environment: &Environment, package: &Path) -> Result<(), String> {
    let program = environment.program("rpm").ok_or("rpm is not installed")?;
    let status =
        process::status(Command::new(program).arg("-Uvh").arg(package)).map_err(|e| e.to_string())?;
    if status.success() { Ok(()) } else { Err(format!("status {}", process::code(status))) }
}

/// Whether two files belong to packages that one transaction has installed. False where one of them is no package's.
///
/// # Errors
/// rpm is there but cannot be started.
pub fn came_together(environment: &Environment, one: &Path, other: &Path) -> Result<bool, Failure> {
    let Some(program) = environment.program("rpm") else { return Ok(false) };
    let transaction = |file: &Path| -> Result<Option<String>, Failure> {
        let mut command = Command::new(&program);
        let output = process::output(command.args(["-qf", "--qf", "%{INSTALLTID}\n", "--"]).arg(file))?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(said.lines().last().filter(|_| output.status.success()).map(str::to_string))
    };
    let first = transaction(one)?;
    Ok(first.is_some() && first == transaction(other)?)
}

/// The files of installed packages, each named `NAME-VERSION-RELEASE`, without a leading `/`.
///
/// # Errors
/// rpm is there but cannot be started.
pub fn files(environment: &Environment, packages: &[String]) -> Result<Vec<(String, String)>, Failure> {
    let Some(program) = environment.program("rpm").filter(|_| !packages.is_empty()) else {
        return Ok(Vec::new());
    };
    const FORMAT: &str = "[%{=NAME}-%{=VERSION}-%{=RELEASE}\t%{FILENAMES}\n]";
    let output = process::output(Command::new(program).args(["-q", "--qf", FORMAT, "--"]).args(packages))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let pairs = said.lines().filter_map(|line| line.split_once("\t/"));
    Ok(pairs.map(|(package, path)| (package.to_string(), path.to_string())).collect())
}

/// A process, by its number and when it began: numbers are used again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    process: u32,
    began: String,
}

impl Transaction {
    /// The transaction that we run in: rpm starts a shell for the scriptlet, and that shell starts us. `None` where
    /// there is no such process or `/proc` does not tell.
    pub fn ours() -> Option<Self> {
        ancestors().nth(1).map(|rpm| Self { process: rpm.id, began: rpm.began })
    }

    fn prefix(&self) -> String {
        format!("dkms_rpm_safe_upgrade_lock.{}.", self.process)
    }

    fn text(&self, module: &ModuleId) -> String {
        format!("{}-{}\n{}\n", module.name, module.version, self.began)
    }

    /// Leaves the note in `dir`.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn note(&self, dir: &Path, module: &ModuleId) -> Result<(), Failure> {
        let mut file = tempfile::Builder::new().prefix(&self.prefix()).tempfile_in(dir)?;
        file.write_all(self.text(module).as_bytes())?;
        file.keep().map_err(|e| e.error)?;
        Ok(())
    }

    /// Looks for the note and takes it away; true if there was one.
    ///
    /// # Errors
    /// It cannot be taken away.
    pub fn take_note(&self, dir: &Path, module: &ModuleId) -> Result<bool, Failure> {
        let ours = |path: &PathBuf| {
            // Anybody may write to such a directory: only our own word counts.
            let meta = path.symlink_metadata().ok();
            let owner = rustix::process::geteuid().as_raw();
            meta.is_some_and(|meta| meta.is_file() && meta.uid() == owner)
                && std::fs::read_to_string(path).is_ok_and(|text| text == self.text(module))
        };
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
        let named = entries.filter(|e| e.file_name().to_string_lossy().starts_with(&self.prefix()));
        match named.map(|e| e.path()).find(ours) {
            Some(path) => {
                remove_if_there(&path)?;
                Ok(true)
            }
            None => Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_for_one_module_of_one_transaction() {
        let dir = tempfile::tempdir().unwrap();
        let module = |version| ModuleId::new("m", version).unwrap();
        let ours = Transaction::ours().expect("a test has a grandparent");
        let other = Transaction { began: "0".into(), ..ours.clone() };
        ours.note(dir.path(), &module("1")).unwrap();
        let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(
            names[0].to_string_lossy().starts_with(&format!("dkms_rpm_safe_upgrade_lock.{}.", ours.process))
        );
        assert!(!ours.take_note(dir.path(), &module("2")).unwrap());
        assert!(!other.take_note(dir.path(), &module("1")).unwrap(), "a process that had the number before");
        assert!(ours.take_note(dir.path(), &module("1")).unwrap());
        assert!(!ours.take_note(dir.path(), &module("1")).unwrap(), "it counts once");
    }
}
