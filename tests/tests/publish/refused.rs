//! What cannot be published.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use evermod_packaging::{Architecture, arch, deb, rpm};
use fs_err as fs;

use super::index::tree;
use super::{Publisher, SOURCE_DATE, key, sample};

/// What cannot be published changes nothing: one line says what, where, and why.
#[test]
fn what_is_refused_changes_nothing() -> Result<()> {
    let Some(publisher) = Publisher::new()? else { return Ok(()) };
    let repo = publisher.path("repo");
    let good: Vec<PathBuf> = ["deb", "rpm", "arch"]
        .iter()
        .map(|format| publisher.package(format, "driver", "1.0"))
        .collect::<Result<_>>()?;
    let key = key();
    publisher.publish(&repo, &good, &["--sign-key", &key])?;
    let before = tree(&repo)?;

    let mut cases: Vec<(PathBuf, &str)> = Vec::new();
    for (format, end) in
        [("deb", "_1.0-1_amd64.deb"), ("rpm", "-1.0-1.x86_64.rpm"), ("arch", "-1.0-1-x86_64.pkg.tar.zst")]
    {
        // Cut short: what is lost is the payload's end.
        let whole = fs::read(publisher.package(format, "cut", "1.0")?)?;
        let cut = publisher.path(&format!("cut{end}"));
        fs::write(&cut, &whole[..whole.len() - 40])?;
        cases.push((cut, if format == "arch" { "it ends too early" } else { "is damaged" }));
        // Under another package's name.
        let other = publisher.path(&format!("another{end}"));
        fs::write(&other, fs::read(publisher.package(format, "liar", "1.0")?)?)?;
        cases.push((other, "its file should be called liar"));
        // Other contents under a name and version that are published.
        let mut changed = sample("driver", "1.0");
        changed.summary = "Another driver".to_owned();
        let dir = publisher.path(&format!("changed-{format}"));
        fs::create_dir_all(&dir)?;
        let bytes = match format {
            "deb" => deb::write(&changed, SOURCE_DATE)?,
            "rpm" => rpm::write(&changed, SOURCE_DATE)?,
            _ => arch::write(&changed, SOURCE_DATE)?,
        };
        fs::write(dir.join(format!("driver{end}")), bytes)?;
        cases.push((dir.join(format!("driver{end}")), "is published already, with other contents"));
    }
    fs::write(publisher.path("text.deb"), "no package\n")?;
    cases.push((publisher.path("text.deb"), "is no package"));
    cases.push((publisher.path("absent.deb"), "cannot be opened"));
    let mut arm = sample("arm", "1.0");
    arm.architecture = Architecture::Machine("aarch64".to_owned());
    fs::write(publisher.path(&arch::file_name(&arm)), arch::write(&arm, SOURCE_DATE)?)?;
    cases.push((publisher.path(&arch::file_name(&arm)), "a repository of pacman's is for one architecture"));
    let fine = publisher.package("deb", "fine", "1.0")?;
    for (file, why) in cases {
        // With others that are fine: all or nothing.
        let (well, stdout, stderr) =
            publisher.run(&repo, &[fine.clone(), file.clone()], &["--sign-key", &key])?;
        ensure!(!well && stdout.is_empty(), "{}: {stdout}", file.display());
        ensure!(stderr.contains(why) && stderr.contains(&*file.to_string_lossy()), "{stderr}");
        ensure!(stderr.lines().filter(|line| line.starts_with("error: ")).count() == 1, "{stderr}");
        ensure!(tree(&repo)? == before, "{} changed something", file.display());
        // Nor is there a repository where there was none.
        if why != "is published already, with other contents" && !why.contains("one architecture") {
            let fresh = publisher.path("fresh");
            ensure!(!publisher.run(&fresh, &[fine.clone(), file], &[])?.0);
            ensure!(!fresh.exists());
        }
    }
    for (options, why) in [
        (&[][..], "the repository is signed"),
        (&["--sign-key", "/nonexistent"][..], "/nonexistent"),
        (&["--sign-key", &key, "--suite", "../x"][..], "--suite '../x' is no name"),
        (&["--sign-key", &key, "--component", "a/b"][..], "--component 'a/b' is no name"),
        (&["--sign-key", &key, "--origin", "a\nb"][..], "--origin has to be one line"),
        (&["--sign-key", &key, "--passphrase-file", "/nonexistent"][..], "/nonexistent"),
    ] {
        let (well, _, stderr) = publisher.run(&repo, std::slice::from_ref(&fine), options)?;
        ensure!(!well && stderr.contains(why), "{options:?}: {stderr}");
        ensure!(tree(&repo)? == before, "{options:?} changed something");
    }
    // The same once more is no change at all.
    let again = publisher.publish(&repo, &good, &["--sign-key", &key])?;
    ensure!(again.matches("(there already)").count() == 3, "{again}");
    ensure!(tree(&repo)? == before);
    Ok(())
}
