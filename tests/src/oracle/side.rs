//! One of the two programs in its root: runs a sequence in a fresh copy and tells what came of each step.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::modinfo;
use crate::roots::{cache, evermod_package};
use crate::top;

/// What one step left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// Everything in the trees: type, mode, owner and link target by path.
    pub tree: BTreeMap<String, String>,
    /// What modinfo says of each built or installed module, and whether it is signed, by path.
    pub modules: BTreeMap<String, String>,
    /// The lines of each modules.dep that are not about the kernel's own.
    pub index: Vec<String>,
    /// What builds saw of the world, from their logs.
    pub log: Vec<String>,
}

/// A program in its root.
#[derive(Debug)]
pub struct Side {
    /// Layers of the root, the fixture's topmost.
    layers: String,
    /// Directory that holds the fixture's layer, and the runs' files.
    home: PathBuf,
    /// Digest of all that decides an answer but the sequence itself; none where answers are not kept.
    key: Option<String>,
}

impl Side {
    /// Debian 13's dkms. Its answers are kept in the cache.
    ///
    /// # Errors
    /// The root cannot be made.
    pub fn dkms() -> Result<Self> {
        let layers = layers("oracle-dkms")?;
        let mut digest = Sha256::new();
        digest.update(&layers);
        for file in ["fixture.sh", "run.sh"] {
            digest.update(fs_err::read(top().join("tests/oracle").join(file))?);
        }
        // The running kernel's name is one of the three that the sequences are about.
        digest.update(fs_err::read("/proc/sys/kernel/osrelease")?);
        let side = Self::prepare("dkms", &layers, None, Some(format!("{:x}", digest.finalize())))?;
        let version = side.shell("dkms --version")?;
        ensure!(
            version.trim() == "dkms-3.2.2",
            "the oracle is {version}, the list of differences is about 3.2.2"
        );
        Ok(side)
    }

    /// evermod's newest package. `None` where it has not been made.
    ///
    /// # Errors
    /// The root cannot be made, or the package not be installed.
    pub fn evermod() -> Result<Option<Self>> {
        let Some(package) = evermod_package()? else { return Ok(None) };
        Ok(Some(Self::prepare("evermod", &layers("oracle")?, Some(&package), None)?))
    }

    fn prepare(name: &str, layers: &str, package: Option<&Path>, key: Option<String>) -> Result<Self> {
        let temporary = cache()?.join("tmp");
        fs_err::create_dir_all(&temporary)?;
        let home = temporary.join(format!("oracle-{name}-{}", std::process::id()));
        fs_err::create_dir_all(&home)?;
        let fixture = top().join("tests/oracle/fixture.sh");
        let mut command = enter();
        command.arg("--upper").arg(&home).arg("--bind").arg(bind(&fixture, "/run/fixture.sh"));
        let mut script = "bash /run/fixture.sh".to_owned();
        if let Some(package) = package {
            command.arg("--bind").arg(bind(package, "/run/evermod.deb"));
            script = format!("apt-get install -y -q --no-install-recommends /run/evermod.deb && {script}");
            // While one works on evermod, its package need not be made for each attempt.
            if let Some(binary) = std::env::var_os("EVERMOD_BINARY") {
                command.arg("--bind").arg(bind(Path::new(&binary), "/run/evermod"));
                script.push_str(" && cp /run/evermod \"$(readlink -f /usr/sbin/dkms)\"");
            }
        }
        let output = command.arg(layers).args(["--", "bash", "-c", &script]).output()?;
        ensure!(
            output.status.success(),
            "the fixture of {name}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        let layers = format!("{}/upper:{layers}", home.display());
        Ok(Self { layers, home, key })
    }

    fn shell(&self, script: &str) -> Result<String> {
        let output = enter().arg(&self.layers).args(["--", "bash", "-c", script]).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// What comes of a sequence, step by step.
    ///
    /// # Errors
    /// The root cannot be entered, or a file of the cache not be written.
    pub fn ask(&self, steps: &[String]) -> Result<Vec<Seen>> {
        let Some(key) = &self.key else { return self.run(steps) };
        let mut digest = Sha256::new();
        digest.update(key);
        digest.update(steps.join("\n"));
        let place = cache()?.join("oracle").join(format!("{:.32}.json", format!("{:x}", digest.finalize())));
        if let Ok(text) = fs_err::read(&place)
            && let Ok(known) = serde_json::from_slice(&text)
        {
            return Ok(known);
        }
        let seen = self.run(steps)?;
        if let Some(dir) = place.parent() {
            fs_err::create_dir_all(dir)?;
        }
        // Written beside and renamed: several run at once.
        let part = place.with_extension(format!("{:?}", std::thread::current().id()));
        fs_err::write(&part, serde_json::to_vec(&seen)?)?;
        fs_err::rename(part, place)?;
        Ok(seen)
    }

    fn run(&self, steps: &[String]) -> Result<Vec<Seen>> {
        let files = tempfile::Builder::new().prefix("run-").tempdir_in(&self.home)?;
        for (number, step) in steps.iter().enumerate() {
            fs_err::write(files.path().join(format!("{number}.step")), step)?;
        }
        let script = top().join("tests/oracle/run.sh");
        let output = enter()
            .args(["--size", "2g", "--bind"])
            .arg(bind(files.path(), "/run/steps"))
            .arg("--bind")
            .arg(bind(&script, "/run/oracle.sh"))
            .arg(&self.layers)
            .args(["--", "bash", "/run/oracle.sh", "/run/steps"])
            .output()?;
        ensure!(
            output.status.success(),
            "the sequence could not be run: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        (0..steps.len()).map(|number| read(files.path(), number)).collect()
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        // Left behind where it cannot be deleted; the cache's directory for such things is swept by hand.
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

fn enter() -> Command {
    let mut command = Command::new(top().join("tests/roots/enter.sh"));
    command.arg("--offline").stdin(Stdio::null());
    command
}

fn bind(host: &Path, inside: &str) -> String {
    format!("{}:{inside}", host.display())
}

fn layers(root: &str) -> Result<String> {
    let made = Command::new(top().join("tests/roots/make.sh")).arg(root).stderr(Stdio::inherit()).output()?;
    ensure!(made.status.success(), "the root {root} could not be made");
    Ok(String::from_utf8(made.stdout)?.trim().to_owned())
}

fn read(dir: &Path, number: usize) -> Result<Seen> {
    let file = |kind: &str| -> Result<String> {
        let path = dir.join(format!("{number}.{kind}"));
        Ok(String::from_utf8_lossy(&fs_err::read(path)?).into_owned())
    };
    Ok(Seen {
        code: file("code")?.trim().parse().context("an exit code")?,
        out: file("out")?,
        err: file("err")?,
        tree: tree(&file("tree")?),
        modules: modules(&file("info")?),
        index: file("dep")?.lines().map(str::to_owned).collect(),
        log: file("log")?.lines().map(|line| without_random(line, ".tmp_")).collect(),
    })
}

/// Lines of `type mode owner path<TAB>target`.
fn tree(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for line in text.lines() {
        let Some((front, target)) = line.split_once('\t') else { continue };
        let parts: Vec<&str> = front.splitn(4, ' ').collect();
        let [kind, mode, owner, path] = parts.as_slice() else { continue };
        if is_evermods_own(path) {
            continue;
        }
        // The mode of a link means nothing.
        let what = if *kind == "l" { format!("link to {target}") } else { format!("{kind} {mode} {owner}") };
        found.insert(without_random(path, ".tmp_"), what);
    }
    found
}

/// What evermod writes beside what DKMS would.
fn is_evermods_own(path: &str) -> bool {
    path.ends_with("/.evermod.json")
}

/// A path whose random part (six characters at the end of the name that begins so) is replaced.
fn without_random(path: &str, prefix: &str) -> String {
    let Some(at) = path.find(prefix) else { return path.to_owned() };
    let (front, rest) = path.split_at(at);
    let (name, behind) = rest.split_once('/').map_or((rest, String::new()), |(n, b)| (n, format!("/{b}")));
    let kept = name.rsplit_once('_').map_or(name, |(kept, _)| kept);
    format!("{front}{kept}_RANDOM{behind}")
}

/// modinfo's output for several files: a `filename` line begins each.
fn modules(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut rest = text;
    while let Some(at) = rest.find("filename:") {
        let body = &rest[at..];
        let end = body[1..].find("\nfilename:").map_or(body.len(), |n| n + 2);
        let (one, behind) = body.split_at(end);
        let path = one.lines().next().unwrap_or_default().trim_start_matches("filename:").trim();
        let signed = if one.contains("\nsignature:") { "signed" } else { "unsigned" };
        found.insert(path.to_owned(), format!("{signed} {:?}", modinfo::parse(one)));
        rest = behind;
    }
    for line in text.lines().filter(|line| line.starts_with("modinfo: ERROR")) {
        found.insert(line.to_owned(), String::new());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_read_without_what_is_random_or_evermods_own() {
        let text = "d 755 0:0 /var/lib/dkms\t\nl 777 0:0 /var/lib/dkms/m/1/source\t/usr/src/m-1\n\
                    d 700 0:0 /var/lib/dkms/m/1/6.1/.tmp_x86_64_aB3xYz/module\t\nf 644 0:0 /x/.evermod.json\t\n";
        let found = tree(text);
        assert_eq!(found["/var/lib/dkms/m/1/source"], "link to /usr/src/m-1");
        assert_eq!(found["/var/lib/dkms/m/1/6.1/.tmp_x86_64_RANDOM/module"], "d 700 0:0");
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn modinfo_of_several_files_is_told_apart() {
        let text = "filename:       /a/m.ko\nversion:        1\nsignature:      AA\nfilename:       /b/m.ko\nversion:        1\n";
        let found = modules(text);
        assert!(found["/a/m.ko"].starts_with("signed "));
        assert!(found["/b/m.ko"].starts_with("unsigned "));
        assert_eq!(found["/a/m.ko"].split_once(' ').unwrap().1, found["/b/m.ko"].split_once(' ').unwrap().1);
    }
}
