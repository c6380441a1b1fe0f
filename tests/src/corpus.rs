//! Debian's `*-dkms` packages and the drivers of `tests/modules` as input, Debian's dkms as the oracle.
//!
//! Both programs get the same sources in the same root. What dkms makes of a package does not change between runs, so it
//! is kept in the cache, under the digest of the package, the kernels and the dkms that were used.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::modinfo::{self, Modinfo};
use crate::roots::{Entry, Output, Overlay, cache, evermod_package, install_evermod};
use crate::top;

/// For one command: ZFS for three kernels takes a quarter of an hour of two processors, and they may be busy.
pub const PATIENCE: Duration = Duration::from_secs(4 * 3600);

/// Which packages of `tests/corpus/packages.tsv`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Set {
    /// A minute of CPU in all: in every run.
    Fast,
    /// The rest, but for the heavy ones.
    More,
    /// Minutes of CPU each.
    Heavy,
}

/// A driver's source.
#[derive(Debug, Clone)]
pub struct Input {
    /// Name of the package, or of the directory in `tests/modules`.
    pub name: String,
    /// The `.deb`, or the source directory.
    pub path: PathBuf,
    /// When it is built.
    pub set: Set,
}

/// What became of one module for one kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Built and installed.
    Built,
    /// Does not build there.
    Failed,
    /// Its dkms.conf rules the kernel out.
    Excluded,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Built => "built",
            Self::Failed => "failed",
            Self::Excluded => "excluded",
        })
    }
}

/// Result of one module for one kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// What became of it.
    pub verdict: Verdict,
    /// Files built: their names in the dkms tree.
    pub built: BTreeSet<String>,
    /// Files installed, by place below the kernel's directory. One is left out where the kernel's own is no older.
    pub modules: BTreeMap<String, Modinfo>,
}

impl Outcome {
    /// A result without any file.
    #[must_use]
    pub fn without_files(verdict: Verdict) -> Self {
        Self { verdict, built: BTreeSet::new(), modules: BTreeMap::new() }
    }
}

/// Results of one module by kernel release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcomes {
    /// `name/version`, as its dkms.conf says.
    pub module: String,
    /// By kernel.
    pub kernels: BTreeMap<String, Outcome>,
}

/// Packages of the corpus that are in the cache, up to the given set, and the drivers of `tests/modules`.
///
/// # Errors
/// Fails where the list cannot be read or a package's file is absent: `tests/corpus/fetch.sh` brings them.
pub fn inputs(most: Set) -> Result<Vec<Input>> {
    let mut inputs = Vec::new();
    for entry in fs_err::read_dir(top().join("tests/modules"))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|n| n.to_str()).context("a name in tests/modules")?.to_owned();
        // Each input is built alone by the oracle.
        if fs_err::read_to_string(path.join("dkms.conf"))?.contains("BUILD_DEPENDS") {
            continue;
        }
        inputs.push(Input { name, path, set: Set::Fast });
    }
    let debs = cache()?.join("corpus/debs");
    for line in fs_err::read_to_string(top().join("tests/corpus/packages.tsv"))?.lines() {
        if line.starts_with('#') {
            continue;
        }
        let (name, set) = line.split_once('\t').with_context(|| format!("packages.tsv: {line}"))?;
        let set = match set.trim() {
            "fast" => Set::Fast,
            "more" => Set::More,
            "heavy" => Set::Heavy,
            other => bail!("packages.tsv: {name}: no set is called {other}"),
        };
        if set <= most {
            inputs.push(Input { name: name.to_owned(), path: deb(&debs, name)?, set });
        }
    }
    inputs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(inputs)
}

fn deb(debs: &Path, name: &str) -> Result<PathBuf> {
    let prefix = format!("{name}_");
    for entry in fs_err::read_dir(debs)? {
        let path = entry?.path();
        if path.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.starts_with(&prefix)) {
            return Ok(path);
        }
    }
    bail!("{name} is not in {}: run tests/corpus/fetch.sh", debs.display())
}

/// Puts a source under /usr/src as its package does, without the package's scripts. Returns the directory's name there.
///
/// # Errors
/// Fails where the package carries no dkms.conf.
pub fn place(root: &Overlay, input: &Input) -> Result<String> {
    if input.path.is_dir() {
        root.copy_in(&input.path, &format!("/usr/src/{}", input.name))?;
        return Ok(input.name.clone());
    }
    root.copy_in(&input.path, "/tmp/input.deb")?;
    let output = root
        .sh("dpkg-deb --fsys-tarfile /tmp/input.deb | tar -x -v -C / --keep-directory-symlink --no-same-owner")?
        .ok()?;
    let conf = |line: &str| line.strip_prefix("./usr/src/")?.strip_suffix("/dkms.conf").map(str::to_owned);
    output.stdout.lines().find_map(conf).with_context(|| format!("{} carries no dkms.conf", input.name))
}

/// Files below a kernel's directory that may be modules, with what changes when one is replaced.
///
/// # Errors
/// Fails where find(1) does.
pub fn files(root: &Overlay, kernel: &str) -> Result<BTreeSet<String>> {
    let output = root
        .run(&["find", &format!("/usr/lib/modules/{kernel}"), "-name", "*.ko*", "-printf", "%P %s %T@\n"])?
        .ok()?;
    Ok(output.stdout.lines().map(str::to_owned).collect())
}

/// What a module package has in the dkms tree and below the kernel's directory, new there since `before`.
///
/// # Errors
/// Fails where the tree has no such build.
pub fn installed(root: &Overlay, module: &str, kernel: &str, before: &BTreeSet<String>) -> Result<Outcome> {
    let tree = format!("/var/lib/dkms/{module}/{kernel}/x86_64/module");
    // Newer versions of dkms keep Module.symvers there too.
    let is_module = |name: &&str| name.contains(".ko");
    let listed = root.run(&["ls", "-A", &tree])?.ok()?.stdout;
    let built: BTreeSet<String> = listed.lines().filter(is_module).map(str::to_owned).collect();
    let mut modules = BTreeMap::new();
    for line in files(root, kernel)?.difference(before) {
        let place = line.split(' ').next().unwrap_or(line);
        if built.contains(place.rsplit('/').next().unwrap_or(place)) {
            let output = root.run(&["modinfo", &format!("/usr/lib/modules/{kernel}/{place}")])?.ok()?;
            modules.insert(place.to_owned(), modinfo::parse(&output.stdout));
        }
    }
    Ok(Outcome { verdict: Verdict::Built, built, modules })
}

/// The oracle in one of its roots (`dkms`, `dkms-cloud`).
#[derive(Debug)]
pub struct Oracle {
    root: String,
    kernels: Vec<String>,
    /// Versions of all that decides the oracle's results.
    facts: String,
}

impl Oracle {
    /// Looks at the root once.
    ///
    /// # Errors
    /// Fails where the root cannot be made.
    pub fn new(root: &str) -> Result<Self> {
        let overlay = Overlay::new(root)?;
        let packages =
            "dpkg-query -W 'linux-image-*' 'linux-headers-*' 'linux-kbuild-*' dkms gcc-12 binutils make kmod";
        let facts = overlay.sh(packages)?.stdout;
        Ok(Self { root: root.to_owned(), kernels: overlay.kernels()?, facts })
    }

    /// What dkms makes of the input, from the cache where it was asked before.
    ///
    /// # Errors
    /// Fails where the root cannot be entered or its programs behave in no known way.
    pub fn ask(&self, input: &Input) -> Result<Outcomes> {
        if input.set != Set::Heavy {
            return self.ask_for(input, &self.kernels);
        }
        // Minutes each: what was asked for one kernel is kept whatever becomes of the others.
        let mut all: Option<Outcomes> = None;
        for kernel in self.kernels.chunks(1) {
            let one = self.ask_for(input, kernel)?;
            match &mut all {
                Some(all) => all.kernels.extend(one.kernels),
                None => all = Some(one),
            }
        }
        all.context("no kernels")
    }

    fn ask_for(&self, input: &Input, kernels: &[String]) -> Result<Outcomes> {
        let mut digest = Sha256::new();
        // The first word is the version of what is kept.
        digest.update(format!("2 {}", self.facts));
        digest.update(kernels.join(" "));
        digest_of(&input.path, &mut digest)?;
        let key = digest.finalize().iter().take(8).fold(String::new(), |s, b| s + &format!("{b:02x}"));
        let kept = cache()?.join("corpus/oracle").join(format!("{}-{key}.json", input.name));
        if kept.exists() {
            return Ok(serde_json::from_str(&fs_err::read_to_string(&kept)?)?);
        }
        let outcomes = self.run(input, kernels).with_context(|| format!("dkms with {}", input.name))?;
        fs_err::create_dir_all(kept.parent().context("the cache's directory")?)?;
        let part = kept.with_extension("part");
        fs_err::write(&part, serde_json::to_string_pretty(&outcomes)?)?;
        fs_err::rename(&part, &kept)?;
        Ok(outcomes)
    }

    /// Asks about all, two at a time: dkms builds one after another, and half of a package's time is not make's.
    /// `done` hears of each as it ends, with its seconds.
    pub fn ask_all(&self, inputs: &[Input], done: &(dyn Fn(&Input, f64) + Sync)) -> Vec<Result<Outcomes>> {
        two_at_a_time(inputs, &|input| {
            let started = Instant::now();
            let answer = self.ask(input);
            done(input, started.elapsed().as_secs_f64());
            answer
        })
    }

    fn run(&self, input: &Input, wanted: &[String]) -> Result<Outcomes> {
        let root = Entry::new(&self.root).size("16g").limit(PATIENCE).open()?;
        let source = place(&root, input)?;
        let added = root.run(&["dkms", "add", &format!("/usr/src/{source}")])?.ok()?.all();
        // "Creating symlink /var/lib/dkms/NAME/VERSION/source -> ..."
        let module = added
            .split_whitespace()
            .find_map(|w| w.strip_prefix("/var/lib/dkms/")?.strip_suffix("/source"))
            .with_context(|| format!("what was added? {added}"))?
            .to_owned();
        let mut kernels = BTreeMap::new();
        for kernel in wanted {
            let before = files(&root, kernel)?;
            let built = root.run(&["dkms", "build", &module, "-k", kernel])?;
            let outcome = match built.status {
                0 => {
                    root.run(&["dkms", "install", "--no-depmod", &module, "-k", kernel])?.ok()?;
                    installed(&root, &module, kernel, &before)?
                }
                77 => Outcome::without_files(Verdict::Excluded),
                6..=13 => Outcome::without_files(Verdict::Failed),
                code => bail!("dkms build {module} -k {kernel}: exit code {code}\n{}", built.all()),
            };
            kernels.insert(kernel.clone(), outcome);
        }
        Ok(Outcomes { module, kernels })
    }
}

/// What evermod makes of the same inputs: all at once, in one root, for the kernels that the oracle was asked for.
#[derive(Debug)]
pub struct Ours {
    /// By input name.
    pub outcomes: BTreeMap<String, Outcomes>,
    /// The one `evermod sync` that built them all.
    pub sync: Output,
}

/// Has evermod build and install the inputs in a root (`corpus`, `cloud`). `None` where its package has not been made.
///
/// # Errors
/// Fails where the root cannot be entered, or a verb behaves in no known way.
pub fn ask_evermod(root: &str, asked: &[(&Input, &Outcomes)]) -> Result<Option<Ours>> {
    let Some(package) = evermod_package()? else {
        return Ok(None);
    };
    let root = Entry::new(root).size("20g").limit(PATIENCE).open()?;
    install_evermod(&root, &package)?;
    let mut before = BTreeMap::new();
    for kernel in root.kernels()? {
        before.insert(kernel.clone(), files(&root, &kernel)?);
    }
    for (input, oracle) in asked {
        place(&root, input)?;
        root.run(&["dkms", "add", &oracle.module])?.ok()?;
    }
    // Every kernel that has all of them is done in one go; what the heavy ones are spared is not asked for.
    let kernels: BTreeSet<&String> = asked.iter().flat_map(|(_, oracle)| oracle.kernels.keys()).collect();
    let mut sync = vec!["evermod", "sync"];
    for kernel in &kernels {
        sync.extend(["-k", kernel]);
    }
    let sync = root.run(&sync)?;
    let mut outcomes = BTreeMap::new();
    for (input, oracle) in asked {
        let mut kernels = BTreeMap::new();
        for kernel in oracle.kernels.keys() {
            let outcome = one_outcome(&root, &oracle.module, kernel, &before[kernel])
                .with_context(|| format!("evermod with {} for {kernel}", input.name))?;
            kernels.insert(kernel.clone(), outcome);
        }
        outcomes.insert(input.name.clone(), Outcomes { module: oracle.module.clone(), kernels });
    }
    Ok(Some(Ours { outcomes, sync }))
}

/// State of one module for one kernel after the sync, in dkms's own terms.
fn one_outcome(root: &Overlay, module: &str, kernel: &str, before: &BTreeSet<String>) -> Result<Outcome> {
    let status = root.run(&["dkms", "status", module, "-k", kernel])?.ok()?.stdout;
    let is_installed = status.lines().any(|l| l.contains(kernel) && l.contains(": installed"));
    // A module without AUTOINSTALL is left to the command; the others are as the sync left them.
    if is_installed {
        return installed(root, module, kernel, before);
    }
    let output = root.run(&["dkms", "install", module, "-k", kernel])?;
    Ok(match output.status {
        0 => installed(root, module, kernel, before)?,
        77 => Outcome::without_files(Verdict::Excluded),
        6..=13 => Outcome::without_files(Verdict::Failed),
        // A script's own status is passed on, as DKMS has done since 3.2; zfs configures itself in one.
        _ if output.all().contains("PRE_BUILD") => Outcome::without_files(Verdict::Failed),
        code => bail!("dkms install {module} -k {kernel}: exit code {code}\n{}", output.all()),
    })
}

/// Does something with every input, two at a time; the results are in the order of the inputs.
pub(crate) fn two_at_a_time<T: Send>(inputs: &[Input], each: &(dyn Fn(&Input) -> T + Sync)) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut results = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(input) = inputs.get(at) else { return results };
            results.push((at, each(input)));
        }
    };
    let mut results = std::thread::scope(|scope| {
        let other = scope.spawn(worker);
        let mut results = worker();
        match other.join() {
            Ok(more) => results.extend(more),
            Err(panic) => std::panic::resume_unwind(panic),
        }
        results
    });
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Adds a file's or a directory's content to a digest.
pub(crate) fn digest_of(path: &Path, digest: &mut Sha256) -> Result<()> {
    let script = r#"if [ -d "$0" ]; then cd "$0" && find . -type f -exec sha256sum {} + | sort; else sha256sum <"$0"; fi"#;
    let output = Command::new("sh").args(["-c", script]).arg(path).output()?;
    ensure!(output.status.success(), "sha256sum {}", path.display());
    digest.update(&output.stdout);
    Ok(())
}

/// Where two programs' results differ; empty where they are the same.
#[must_use]
pub fn differences(oracle: &Outcome, ours: &Outcome) -> Vec<String> {
    let mut found = Vec::new();
    if oracle.verdict != ours.verdict {
        found.push(format!("verdict: {} there, {} here", oracle.verdict, ours.verdict));
        return found;
    }
    if oracle.built != ours.built {
        found.push(format!("names: {:?} there, {:?} here", oracle.built, ours.built));
    }
    for place in oracle.modules.keys().filter(|p| !ours.modules.contains_key(*p)) {
        found.push(format!("missing: {place}"));
    }
    for (place, here) in &ours.modules {
        let Some(there) = oracle.modules.get(place) else {
            if refused_for_no_version(oracle, place, here) {
                continue;
            }
            found.push(format!("only here: {place}"));
            continue;
        };
        let fields: BTreeSet<_> = there.keys().chain(here.keys()).collect();
        for field in fields {
            let (a, b) = (there.get(field), here.get(field));
            if a != b {
                found.push(format!("{place}: {field}: {a:?} there, {b:?} here"));
            }
        }
    }
    found
}

/// Whether the oracle built a module and left it out because neither it nor the kernel's own has a version. Debian 12's
/// dkms 3.0.10 takes that for equality; later ones, like evermod, only where the files are the same byte for byte.
fn refused_for_no_version(oracle: &Outcome, place: &str, here: &Modinfo) -> bool {
    let name = place.rsplit('/').next().unwrap_or(place);
    let refused =
        oracle.built.contains(name) && !oracle.modules.keys().any(|p| p.rsplit('/').next() == Some(name));
    refused && !here.contains_key("version") && !here.contains_key("srcversion")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(place: &str, field: &str) -> Outcome {
        let fields = Modinfo::from([("srcversion".to_owned(), vec![field.to_owned()])]);
        let built = BTreeSet::from(["a.ko".to_owned()]);
        Outcome { verdict: Verdict::Built, built, modules: BTreeMap::from([(place.to_owned(), fields)]) }
    }

    #[test]
    fn a_difference_of_verdict_place_or_field_is_found() {
        let one = outcome("updates/dkms/a.ko", "X");
        assert!(differences(&one, &one.clone()).is_empty());
        assert_eq!(differences(&one, &outcome("updates/dkms/a.ko", "Y")).len(), 1);
        assert_eq!(differences(&one, &outcome("extra/a.ko", "X")).len(), 2);
        let unversioned = Outcome { modules: BTreeMap::new(), ..one.clone() };
        assert_eq!(differences(&unversioned, &one), ["only here: updates/dkms/a.ko"]);
        let mut here = one.clone();
        here.modules.values_mut().for_each(|fields| fields.clear());
        assert!(differences(&unversioned, &here).is_empty());
        let failed = Outcome::without_files(Verdict::Failed);
        assert_eq!(differences(&one, &failed), ["verdict: built there, failed here"]);
    }
}
