//! Repositories that evermod publishes, in the hands of apt, dnf and pacman: signed and checked, updated, tampered with, and
//! published by a process that is killed at every step.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use evermod_packaging::read::PackageFile;
use evermod_packaging::repository::apt::Release;
use evermod_packaging::repository::pacman::Database;
use evermod_packaging::repository::rpm_md::Repomd;
use evermod_packaging::repository::{plain, sha256};
use evermod_packaging::{Architecture, Entry, Package, Version, arch, deb, openpgp, rpm};
use evermod_tests::roots::{Overlay, evermod_package};
use evermod_tests::{need, skip, top};
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

/// What of the output a client copies: from the first line that is a comment with this file's name.
fn stanza(output: &str, file: &str) -> Result<String> {
    let start = output.find(&format!("# {file}")).with_context(|| format!("no {file} in {output}"))?;
    let text = &output[start..];
    Ok(text.split("\n\n").next().unwrap_or_default().to_owned() + "\n")
}

/// The repository as it is on the host, in the root.
fn bring(root: &Overlay, repo: &Path) -> Result<()> {
    root.sh("rm -rf /srv/repo; mkdir -p /srv")?.ok()?;
    root.copy_in(repo, "/srv/repo")?;
    root.sh("chmod -R a+rX /srv/repo")?.ok()?;
    Ok(())
}

/// Changes one byte in the middle of a file.
fn tamper(root: &Overlay, file: &str) -> Result<()> {
    let script = format!(
        "f=$(ls -d {file} | head -n 1); cp -a \"$f\" /tmp/whole; n=$(($(stat -c %s \"$f\") / 2)); \
         b=$(tail -c +$((n + 1)) \"$f\" | head -c 1 | od -An -tu1); \
         printf \"\\\\x$(printf %x $(((b + 1) % 256)))\" | dd of=\"$f\" bs=1 seek=$n conv=notrunc status=none; ! cmp -s \"$f\" /tmp/whole"
    );
    root.sh(&script)?.ok().with_context(|| file.to_owned())?;
    Ok(())
}

fn version_of(root: &Overlay, name: &str) -> Result<String> {
    root.read(&format!("/usr/share/{name}/version"))
}

#[test]
fn apt_12() -> Result<()> {
    apt("base")
}

#[test]
fn apt_13() -> Result<()> {
    apt("trixie")
}

fn apt(root: &str) -> Result<()> {
    need!();
    let Some(publisher) = Publisher::new()? else { return Ok(()) };
    let repo = publisher.path("vendor");
    let first = [publisher.package("deb", "driver", "1.0")?, publisher.package("deb", "other", "1.0")?];
    let output =
        publisher.publish_signed(&repo, &first, &["--url", "file:/srv/repo", "--origin", "A Vendor"])?;
    let root = Overlay::new(root)?;
    bring(&root, &repo)?;
    let sources = stanza(&output, "/etc/apt/sources.list.d/vendor.sources")?;
    fs::write(publisher.path("sources"), &sources)?;
    root.sh("rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /var/lib/apt/lists/*; mkdir -p /etc/apt/keyrings; \
             cp /srv/repo/key.asc /etc/apt/keyrings/vendor.asc")?.ok()?;
    root.copy_in(&publisher.path("sources"), "/etc/apt/sources.list.d/vendor.sources")?;
    let update = || -> Result<_> {
        let output = root.sh("apt-get -q update -o APT::Update::Error-Mode=any")?;
        Ok(output)
    };
    let updated = update()?.ok()?;
    ensure!(!updated.all().contains("W:") && !updated.all().contains("N:"), "{}", updated.all());
    let policy = root.sh("apt-cache policy driver; apt-cache show driver")?.ok()?.stdout;
    ensure!(
        policy.contains("o=A Vendor") || root.sh("apt-cache policy")?.ok()?.stdout.contains("o=A Vendor"),
        "{policy}"
    );
    ensure!(policy.contains("in several lines."), "the long description is there: {policy}");
    root.sh("apt-get -q -y install driver")?.ok()?;
    ensure!(version_of(&root, "driver")? == "1.0");

    publisher.publish_signed(&repo, &[publisher.package("deb", "driver", "2.0")?], &[])?;
    bring(&root, &repo)?;
    update()?.ok()?;
    root.sh("apt-get -q -y upgrade")?.ok()?;
    ensure!(version_of(&root, "driver")? == "2.0");

    // A package, each form of an index, and what is signed.
    tamper(&root, "/srv/repo/pool/main/o/other/other_1.0-1_amd64.deb")?;
    let refused = root.sh("apt-get -q -y install other")?;
    ensure!(refused.status != 0 && !root.exists("/usr/share/other")?, "{}", refused.all());
    for (file, why) in [
        ("/srv/repo/dists/stable/InRelease", "signature"),
        ("/srv/repo/dists/stable/main/binary-amd64/Packages*", ""),
    ] {
        bring(&root, &repo)?;
        root.sh("rm -rf /var/lib/apt/lists/*")?.ok()?;
        if why.is_empty() {
            root.sh("for f in /srv/repo/dists/stable/main/binary-amd64/by-hash/SHA256/* /srv/repo/dists/stable/main/*/Packages*; do \
                     printf x | dd of=$f bs=1 seek=40 conv=notrunc status=none; done")?.ok()?;
        } else {
            tamper(&root, file)?;
        }
        let refused = update()?;
        ensure!(refused.status != 0, "{file}: {}", refused.all());
        ensure!(refused.all().to_lowercase().contains(why), "{}", refused.all());
        let known = root.sh("apt-cache show other")?;
        ensure!(known.status != 0, "{file}: nothing of it is believed: {}", known.all());
    }
    // Without InRelease, as old clients and mirrors have it.
    bring(&root, &repo)?;
    root.sh("rm -rf /var/lib/apt/lists/* /srv/repo/dists/stable/InRelease")?.ok()?;
    update()?.ok()?;
    root.sh("apt-get -q -y install other")?.ok()?;
    Ok(())
}

#[test]
fn dnf_4() -> Result<()> {
    dnf("dnf", "dnf")
}

#[test]
fn dnf_5() -> Result<()> {
    dnf("dnf5", "dnf5")
}

fn dnf(root: &str, dnf: &str) -> Result<()> {
    need!();
    let Some(publisher) = Publisher::new()? else { return Ok(()) };
    let repo = publisher.path("vendor");
    let first = [publisher.package("rpm", "driver", "1.0")?, publisher.package("rpm", "other", "1.0")?];
    let before = fs::read(&first[0])?;
    let output = publisher.publish_signed(&repo, &first, &["--url", "file:///srv/repo"])?;
    ensure!(fs::read(&first[0])? == before, "what was handed in stays as it is");
    let root = Overlay::new(root)?;
    bring(&root, &repo)?;
    fs::write(publisher.path("vendor.repo"), stanza(&output, "/etc/yum.repos.d/vendor.repo")?)?;
    root.copy_in(&publisher.path("vendor.repo"), "/etc/yum.repos.d/vendor.repo")?;
    let run = |words: &str| root.sh(&format!("{dnf} -y --setopt=metadata_expire=0 --repo=vendor {words}"));

    // rpm says of the package what it says of a distribution's.
    let package = "/srv/repo/Packages/d/driver-1.0-1.x86_64.rpm";
    let unknown = root.run(&["rpm", "-K", package])?;
    ensure!(unknown.status != 0, "the key is not known yet: {}", unknown.all());
    run("install driver")?.ok()?;
    ensure!(version_of(&root, "driver")? == "1.0");
    let known = root.sh(&format!("rpmkeys --import /srv/repo/key.asc; rpm -K {package}"))?.ok()?.all();
    ensure!(known.contains("digests signatures OK"), "{known}");
    let listed = run("repoquery -l driver")?.ok()?.stdout;
    ensure!(listed.contains("/usr/share/driver/version"), "{listed}");

    publisher.publish_signed(&repo, &[publisher.package("rpm", "driver", "2.0")?], &[])?;
    bring(&root, &repo)?;
    run("--refresh upgrade")?.ok()?;
    ensure!(version_of(&root, "driver")? == "2.0");

    tamper(&root, "/srv/repo/Packages/o/other-1.0-1.x86_64.rpm")?;
    let refused = run("install other")?;
    ensure!(refused.status != 0 && !root.exists("/usr/share/other")?, "{}", refused.all());
    // Lists of the index before are still there: it has to be the one that counts.
    let repomd = Repomd::parse(&fs::read_to_string(repo.join("repodata/repomd.xml"))?)?;
    let primary = repomd.list("primary").context("no primary")?.name.clone();
    for file in ["repomd.xml", "repomd.xml.asc", &primary] {
        bring(&root, &repo)?;
        root.sh(&format!("{dnf} clean all"))?.ok()?;
        tamper(&root, &format!("/srv/repo/repodata/{file}"))?;
        let refused = run("install other")?;
        ensure!(refused.status != 0 && !root.exists("/usr/share/other")?, "{file}: {}", refused.all());
    }
    bring(&root, &repo)?;
    root.sh(&format!("{dnf} clean all"))?.ok()?;
    run("install other")?.ok()?;
    run("remove other driver")?.ok()?;
    Ok(())
}

#[test]
fn pacman() -> Result<()> {
    need!();
    let Some(publisher) = Publisher::new()? else { return Ok(()) };
    let repo = publisher.path("vendor");
    let first = [publisher.package("arch", "driver", "1.0")?, publisher.package("arch", "other", "1.0")?];
    let output = publisher.publish_signed(&repo, &first, &["--url", "file:///srv/repo"])?;
    let root = Overlay::new("managers")?;
    bring(&root, &repo)?;
    let conf = format!(
        "[options]\nArchitecture = x86_64\nGPGDir = /etc/pacman.d/gnupg\n{}",
        stanza(&output, "/etc/pacman.conf")?
    );
    fs::write(publisher.path("pacman.conf"), conf)?;
    root.copy_in(&publisher.path("pacman.conf"), "/etc/pacman.conf")?;
    // What pacman-key does.
    root.sh(&format!(
        "mkdir -p /var/lib/pacman /etc/pacman.d/gnupg && chmod 700 /etc/pacman.d/gnupg && cd /etc/pacman.d/gnupg && \
         gpg --homedir . --batch --quiet --import /srv/repo/key.asc && \
         echo {FINGERPRINT}:6: | gpg --homedir . --batch --quiet --import-ownertrust"
    ))?
    .ok()?;
    let run = |words: &str| root.sh(&format!("pacman --noconfirm {words}"));
    run("-Sy")?.ok()?;
    run("-S driver")?.ok()?;
    ensure!(version_of(&root, "driver")? == "1.0");
    let shown = run("-Si driver")?.ok()?.stdout;
    ensure!(shown.contains("SHA-256 Sum") && shown.contains("A driver"), "{shown}");
    run("-Fy")?.ok()?;
    let found = run("-F usr/share/driver/version")?.ok()?.stdout;
    ensure!(found.contains("vendor/driver 1.0-1"), "{found}");

    let output = publisher.publish_signed(&repo, &[publisher.package("arch", "driver", "2.0")?], &[])?;
    ensure!(output.contains("driver 2.0-1 takes the place of 1.0-1"), "{output}");
    bring(&root, &repo)?;
    run("-Syu")?.ok()?;
    ensure!(version_of(&root, "driver")? == "2.0");

    for file in ["other-1.0-1-x86_64.pkg.tar.zst", "other-1.0-1-x86_64.pkg.tar.zst.sig"] {
        bring(&root, &repo)?;
        tamper(&root, &format!("/srv/repo/{file}"))?;
        let refused = run("-S other")?;
        ensure!(refused.status != 0 && !root.exists("/usr/share/other")?, "{file}: {}", refused.all());
        root.sh("rm -f /var/cache/pacman/pkg/*")?.ok()?;
    }
    for file in ["vendor.db.d/vendor.db.tar.zst", "vendor.db.d/vendor.db.tar.zst.sig"] {
        bring(&root, &repo)?;
        tamper(&root, &format!("/srv/repo/{file}"))?;
        let refused = run("-Syy")?;
        ensure!(refused.status != 0, "{file}: {}", refused.all());
    }
    bring(&root, &repo)?;
    run("-Syy")?.ok()?;
    run("-S other")?.ok()?;
    Ok(())
}

/// Holds a repository of all three formats against what it says of itself, as clients do.
fn check(repo: &Path) -> Result<BTreeMap<String, usize>> {
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
fn verify(signature: &Path, data: Option<&Path>) -> Result<()> {
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
fn tree(top: &Path) -> Result<BTreeMap<String, String>> {
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
