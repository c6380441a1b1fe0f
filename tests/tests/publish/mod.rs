//! Repositories that evermod publishes, in the hands of apt, dnf and pacman: signed and checked, updated, tampered with, and
//! published by a process that is killed at every step.

mod clients;
mod index;
mod keys;
mod killed;
mod refused;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use evermod_packaging::read::PackageFile;
use evermod_packaging::{Architecture, Entry, Package, Version, arch, deb, rpm};
use evermod_tests::roots::evermod_package;
use evermod_tests::{skip, top};
use fs_err as fs;

/// evermod's program out of its package, and a place for repositories.
struct Publisher {
    dir: tempfile::TempDir,
}

impl Publisher {
    fn new() -> Result<Option<Self>> {
        let Some(package) = evermod_package()? else {
            skip::report("target/dist has no package of evermod: run make deb");
            return Ok(None);
        };
        let dir = tempfile::tempdir()?;
        PackageFile::open(&package)?.unpack(dir.path(), &|path| path == "usr/bin/evermod")?;
        Ok(Some(Self { dir }))
    }

    fn program(&self) -> PathBuf {
        self.dir.path().join("usr/bin/evermod")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a package of that name and version in a format.
    fn package(&self, format: &str, name: &str, version: &str) -> Result<PathBuf> {
        let package = sample(name, version);
        let (file, bytes) = match format {
            "deb" => (deb::file_name(&package), deb::write(&package, SOURCE_DATE)?),
            "rpm" => (rpm::file_name(&package), rpm::write(&package, SOURCE_DATE)?),
            _ => (arch::file_name(&package), arch::write(&package, SOURCE_DATE)?),
        };
        let path = self.path(&file);
        fs::write(&path, bytes)?;
        Ok(path)
    }

    fn command(&self, repo: &Path, files: &[PathBuf], more: &[&str]) -> Command {
        let mut command = Command::new(self.program());
        command.env_clear().arg("publish").arg("--repo").arg(repo).args(more).args(files);
        command
    }

    fn run(&self, repo: &Path, files: &[PathBuf], more: &[&str]) -> Result<(bool, String, String)> {
        let output = self.command(repo, files, more).output()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok((output.status.success(), text(&output.stdout), text(&output.stderr)))
    }

    fn publish(&self, repo: &Path, files: &[PathBuf], more: &[&str]) -> Result<String> {
        let (well, stdout, stderr) = self.run(repo, files, more)?;
        ensure!(well, "{stdout}{stderr}");
        Ok(stdout)
    }

    /// The same, signed with the key of the tests.
    fn publish_signed(&self, repo: &Path, files: &[PathBuf], more: &[&str]) -> Result<String> {
        self.publish(repo, files, &[&["--sign-key", &key()], more].concat())
    }
}

const SOURCE_DATE: u64 = 1_700_000_000;
const FINGERPRINT: &str = "8179DAF22C0A5D46F66C948A70F65C9A1929D2DE";

fn key() -> String {
    top().join("packaging/tests/keys/rsa.asc").display().to_string()
}

fn sample(name: &str, version: &str) -> Package {
    Package {
        name: name.to_owned(),
        version: Version { upstream: version.to_owned(), release: "1".to_owned(), ..Version::default() },
        architecture: Architecture::Machine("x86_64".to_owned()),
        summary: "A driver".to_owned(),
        description: format!("Of version {version},\nin several lines."),
        maintainer: "A Vendor <vendor@packages.invalid>".to_owned(),
        section: "kernel".to_owned(),
        license: "GPL-2.0-only".to_owned(),
        entries: vec![Entry::file(format!("/usr/share/{name}/version"), version.as_bytes())],
        ..Package::default()
    }
}
