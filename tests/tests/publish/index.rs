//! What a repository says of itself, held against what is in it, as clients do.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use evermod_packaging::openpgp;
use evermod_packaging::repository::apt::Release;
use evermod_packaging::repository::pacman::Database;
use evermod_packaging::repository::rpm_md::Repomd;
use evermod_packaging::repository::{plain, sha256};
use evermod_tests::top;
use fs_err as fs;

/// Holds a repository of all three formats against what it says of itself, as clients do.
pub fn check(repo: &Path) -> Result<BTreeMap<String, usize>> {
    let mut counts = BTreeMap::new();
    let is = |path: &Path, digest: &str| -> Result<()> {
        ensure!(sha256(&fs::read(path)?) == digest, "{} is not what the index says", path.display());
        Ok(())
    };
    let dir = repo.join("dists/stable");
    if dir.exists() {
        verify(&dir.join("InRelease"), None)?;
        verify(&dir.join("Release.gpg"), Some(&dir.join("Release")))?;
        let text = openpgp::clear_text(&fs::read_to_string(dir.join("InRelease"))?);
        ensure!(text == fs::read_to_string(dir.join("Release"))?, "InRelease and Release differ");
        let release = Release::parse(&text)?;
        for (digest, _, name) in &release.files {
            is(&dir.join(name), digest)?;
            is(&dir.join(Release::by_hash(digest, name)), digest)?;
        }
        let text = fs::read_to_string(dir.join("main/binary-amd64/Packages"))?;
        let field = |name: &'static str| text.lines().filter_map(move |line| line.strip_prefix(name));
        for (path, digest) in field("Filename: ").zip(field("SHA256: ")) {
            is(&repo.join(path), digest)?;
        }
        counts.insert("deb".to_owned(), field("Filename: ").count());
    }
    let dir = repo.join("repodata");
    if dir.exists() {
        verify(&dir.join("repomd.xml.asc"), Some(&dir.join("repomd.xml")))?;
        let repomd = Repomd::parse(&fs::read_to_string(dir.join("repomd.xml"))?)?;
        for data in &repomd.data {
            is(&dir.join(&data.name), &data.digest)?;
        }
        let primary = repomd.list("primary").context("no primary")?;
        let text = String::from_utf8(plain(&fs::read(dir.join(&primary.name))?)?)?;
        let all = |from: &'static str, to: &'static str| {
            text.split(from).skip(1).filter_map(move |rest| rest.split(to).next())
        };
        for (path, digest) in all("<location href=\"", "\"").zip(all("pkgid=\"YES\">", "<")) {
            is(&repo.join(path), digest)?;
        }
        counts.insert("rpm".to_owned(), all("<location href=\"", "\"").count());
    }
    let db = repo.join("tests.db");
    if db.exists() {
        for name in ["tests.db", "tests.files", "tests.db.tar.zst"] {
            verify(&repo.join(format!("{name}.sig")), Some(&repo.join(name)))?;
        }
        let archive = plain(&fs::read(repo.join("tests.files"))?)?;
        let text = String::from_utf8_lossy(&archive);
        let all = |field: &'static str| text.split(field).skip(1).filter_map(|rest| rest.lines().nth(1));
        for (path, digest) in all("%FILENAME%").zip(all("%SHA256SUM%")) {
            is(&repo.join(path), digest)?;
            verify(&repo.join(format!("{path}.sig")), Some(&repo.join(path)))?;
        }
        Database::parse(&archive)?;
        counts.insert("arch".to_owned(), all("%FILENAME%").count());
    }
    Ok(counts)
}

/// Has gpgv check a signature.
pub fn verify(signature: &Path, data: Option<&Path>) -> Result<()> {
    let keyring = top().join("target/tmp/publish-keyring.gpg");
    if !keyring.exists() {
        fs::create_dir_all(keyring.parent().context("a directory")?)?;
        let part = keyring.with_extension(std::process::id().to_string());
        let public = top().join("packaging/tests/keys/rsa-public.asc");
        let done = Command::new("gpg")
            .args(["--batch", "--yes", "--quiet", "--dearmor", "--output"])
            .arg(&part)
            .arg(public)
            .status()?;
        ensure!(done.success(), "gpg --dearmor");
        fs::rename(part, &keyring)?;
    }
    let output = Command::new("gpgv").arg("--keyring").arg(keyring).arg(signature).args(data).output()?;
    ensure!(output.status.success(), "{}: {}", signature.display(), String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Everything below a directory, but for the lock: path to digest, or target of a link.
pub fn tree(top: &Path) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let mut dirs = vec![top.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir)? {
            let path = entry?.path();
            let meta = fs::symlink_metadata(&path)?;
            let name = path.strip_prefix(top)?.display().to_string();
            if meta.is_dir() {
                dirs.push(path);
            } else if meta.is_symlink() {
                found.insert(name, fs::read_link(&path)?.display().to_string());
            } else if name != ".evermod-lock" {
                found.insert(name, sha256(&fs::read(&path)?));
            }
        }
    }
    Ok(found)
}
