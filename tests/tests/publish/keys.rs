//! Keys of gpg, and keys with passphrases.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};
use evermod_tests::{need, top};
use fs_err as fs;

use super::index::check;
use super::{FINGERPRINT, Publisher, key};

/// A key that gpg keeps behind a passphrase, and a key in a file with its passphrase in another.
#[test]
fn keys_of_gpg_and_passphrases() -> Result<()> {
    need!("gpgv", "gpg");
    let Some(publisher) = Publisher::new()? else { return Ok(()) };
    let home = publisher.path("gnupg");
    fs::create_dir_all(&home)?;
    fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    let gpg = |words: &[&str]| -> Result<()> {
        let output = Command::new("gpg")
            .arg("--homedir")
            .arg(&home)
            .args(["--batch", "--quiet"])
            .args(words)
            .output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    };
    gpg(&["--import", &key()])?;
    let repo = publisher.path("repo");
    let files: Vec<PathBuf> = ["deb", "rpm", "arch"]
        .iter()
        .map(|format| publisher.package(format, "driver", "1.0"))
        .collect::<Result<_>>()?;
    let mut command = publisher.command(&repo, &files, &["--gpg-key", FINGERPRINT, "--name", "tests"]);
    let output = command.env("GNUPGHOME", &home).env("PATH", "/usr/bin:/bin").output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    check(&repo)?;
    let mut command = publisher.command(&repo, &files, &["--gpg-key", "nobody@tests.invalid"]);
    let output = command.env("GNUPGHOME", &home).env("PATH", "/usr/bin:/bin").output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(!output.status.success() && said.contains("nobody@tests.invalid"), "{said}");
    let _ = Command::new("gpgconf").arg("--homedir").arg(&home).args(["--kill", "all"]).status();

    let locked = top().join("packaging/tests/keys/subkey.gpg").display().to_string();
    let passphrase = publisher.path("passphrase");
    let with = passphrase.display().to_string();
    for (text, well) in [("a secret\n", true), ("another\n", false)] {
        fs::write(&passphrase, text)?;
        let other = publisher.path(&format!("repo-{well}"));
        let done = publisher.run(&other, &files, &["--sign-key", &locked, "--passphrase-file", &with])?;
        ensure!(done.0 == well, "{done:?}");
        ensure!(well || done.2.contains("locked with another passphrase"), "{done:?}");
    }
    Ok(())
}
