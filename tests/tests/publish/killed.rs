//! Publishers that are killed, and several at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use evermod_tests::need;
use fs_err as fs;

use super::index::{check, tree};
use super::{Publisher, key};

/// Each system call that changes a name, or makes sure of what was written.
const CALLS: [&str; 13] = [
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "unlink",
    "unlinkat",
    "symlink",
    "symlinkat",
    "mkdir",
    "mkdirat",
    "rmdir",
    "syncfs",
];

/// Killed before each call that changes a name, a publish leaves the repository as it was before it or after it, never between, and
/// the next one completes it: where there is a repository already, and where there is none.
#[test]
fn killed_at_every_step() -> Result<()> {
    need!("strace", "gpgv", "gpg");
    let Some(publisher) = Publisher::new()? else { return Ok(()) };
    let key = key();
    let sign = ["--sign-key", key.as_str(), "--name", "tests"];
    let all = |version: &str| -> Result<Vec<PathBuf>> {
        ["deb", "rpm", "arch"].iter().map(|format| publisher.package(format, "driver", version)).collect()
    };
    let new = all("2.0")?;
    let mut killed = 0;
    for is_first in [false, true] {
        let base = publisher.path(&format!("base-{is_first}"));
        fs::create_dir_all(&base)?;
        if !is_first {
            publisher.publish(&base, &all("1.0")?, &sign)?;
        }
        let before = check(&base)?;
        let whole = publisher.path(&format!("whole-{is_first}"));
        copy(&base, &whole)?;
        publisher.publish(&whole, &new, &sign)?;
        let expected = check(&whole)?;
        let count = if is_first { 1 } else { 2 };
        let wanted = BTreeMap::from([("deb".into(), count), ("rpm".into(), count), ("arch".into(), 1)]);
        ensure!(expected == wanted, "{expected:?}");
        for call in CALLS {
            for step in 1.. {
                let repo = publisher.path("repo");
                if repo.exists() {
                    fs::remove_dir_all(&repo)?;
                }
                copy(&base, &repo)?;
                let plain = publisher.command(&repo, &new, &sign);
                let status = Command::new("strace")
                    .args(["-f", "-qq", "-o", "/dev/null", "-e"])
                    .arg(format!("inject={call}:signal=SIGKILL:when={step}"))
                    .arg(plain.get_program())
                    .args(plain.get_args())
                    .env_clear()
                    .output()?
                    .status;
                let place = format!("killed at {call} {step}");
                let state = check(&repo).with_context(|| place.clone())?;
                for format in expected.keys() {
                    let count = state.get(format);
                    ensure!(
                        count == before.get(format) || count == expected.get(format),
                        "{place}: {state:?}"
                    );
                }
                if status.success() {
                    ensure!(state == expected);
                    break;
                }
                killed += 1;
                publisher.publish(&repo, &new, &sign).with_context(|| place.clone())?;
                let completed = check(&repo).with_context(|| format!("completed after {place}"))?;
                ensure!(completed == expected, "{place}: {completed:?}");
                let left: Vec<String> =
                    tree(&repo)?.into_keys().filter(|name| name.contains("evermod-tmp")).collect();
                ensure!(left.is_empty(), "{place}: {left:?}");
            }
        }
    }
    ensure!(killed > 40, "only {killed} steps");
    Ok(())
}

/// Killed at random moments as well, between any two instructions.
#[test]
fn killed_at_any_moment() -> Result<()> {
    need!("gpgv", "gpg");
    let Some(publisher) = Publisher::new()? else { return Ok(()) };
    let sign = ["--sign-key".to_owned(), key(), "--name".to_owned(), "tests".to_owned()];
    let sign: Vec<&str> = sign.iter().map(String::as_str).collect();
    let repo = publisher.path("repo");
    let mut published = 0;
    for round in 0..60_u64 {
        let version = format!("1.{round}");
        let files: Vec<PathBuf> = ["deb", "rpm", "arch"]
            .iter()
            .map(|format| publisher.package(format, "driver", &version))
            .collect::<Result<_>>()?;
        let mut child =
            publisher.command(&repo, &files, &sign).stdout(std::process::Stdio::null()).spawn()?;
        // Later and later: at first nothing has begun, at last all is done.
        std::thread::sleep(std::time::Duration::from_micros(round * 700));
        child.kill()?;
        published += usize::from(child.wait()?.success());
        check(&repo).with_context(|| format!("round {round}"))?;
    }
    let last = publisher.publish(&repo, &[publisher.package("deb", "driver", "2.0")?], &sign)?;
    ensure!(last.contains("driver_2.0-1_amd64.deb"), "{last} {published}");
    check(&repo)?;
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    ensure!(Command::new("cp").args(["-aT", "--"]).arg(from).arg(to).status()?.success(), "cp");
    Ok(())
}

/// Two at once wait for each other; nothing is lost.
#[test]
fn many_publishers_at_once() -> Result<()> {
    need!("gpgv", "gpg");
    let Some(publisher) = Publisher::new()? else { return Ok(()) };
    let repo = publisher.path("repo");
    let key = key();
    let sign = ["--sign-key", key.as_str(), "--name", "tests"];
    let children = (0..6)
        .map(|at| {
            let file = publisher.package(["deb", "rpm", "arch"][at % 3], &format!("driver{at}"), "1.0")?;
            Ok(publisher.command(&repo, &[file], &sign).stdout(std::process::Stdio::null()).spawn()?)
        })
        .collect::<Result<Vec<_>>>()?;
    for mut child in children {
        ensure!(child.wait()?.success());
    }
    let counts = check(&repo)?;
    ensure!(
        counts == BTreeMap::from([("deb".into(), 2), ("rpm".into(), 2), ("arch".into(), 2)]),
        "{counts:?}"
    );
    Ok(())
}
