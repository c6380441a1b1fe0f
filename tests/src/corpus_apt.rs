//! Debian's `*-dkms` packages through apt on evermod: each is installed, upgraded and purged with its own maintainer
//! scripts, and must leave nothing half done and no file behind.
//!
//! A package's second and third version are made by packing it again: once with a higher version of the packaging only,
//! once with a new version of the module too, in the name of its sources' directory, in its dkms.conf and where its
//! scripts name it. Dependencies that are not in the root (an X server's drivers, firmware, user space) are stood in for
//! by empty packages: what is tested is the module's package.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::corpus::{Input, PATIENCE, Set, Verdict, digest_of, two_at_a_time};
use crate::roots::{Entry, Output, Overlay, cache, evermod_package, install_evermod};

/// The root that all are installed in; of its kernels one is left visible.
const ROOT: &str = "corpus";
/// What the packages' changed contents and scripts are put below, inside the root.
const WORK: &str = "/tmp/packages";

/// What became of one package.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Journey {
    /// `name/version` as `dkms status` has it.
    pub module: String,
    /// The kernel it was built for.
    pub kernel: String,
    /// What became of the module; `None` where the package does not ask for AUTOINSTALL.
    pub verdict: Option<Verdict>,
    /// The empty packages that stood in for dependencies.
    pub stand_ins: Vec<String>,
    /// The steps in their order, with their seconds.
    pub steps: Vec<(String, f64)>,
    /// Why there was no version of the module itself to upgrade to, if so.
    pub no_new_version: Option<String>,
    /// Everything that was not as it should be.
    pub problems: Vec<String>,
}

/// Takes all inputs through apt, two at a time, the heavy ones one after another. `done` hears of each as it ends, with
/// its seconds.
pub fn travel_all(inputs: &[Input], done: &(dyn Fn(&Input, f64) + Sync)) -> Vec<Result<Journey>> {
    let each = |input: &Input| {
        let started = Instant::now();
        let journey = travel(input);
        done(input, started.elapsed().as_secs_f64());
        journey
    };
    let mut journeys: BTreeMap<&str, Result<Journey>> = BTreeMap::new();
    let (heavy, light): (Vec<Input>, Vec<Input>) = inputs.iter().cloned().partition(|i| i.set == Set::Heavy);
    for (input, journey) in inputs.iter().filter(|i| i.set != Set::Heavy).zip(two_at_a_time(&light, &each)) {
        journeys.insert(&input.name, journey);
    }
    for (input, journey) in inputs.iter().filter(|i| i.set == Set::Heavy).zip(heavy.iter().map(each)) {
        journeys.insert(&input.name, journey);
    }
    inputs.iter().filter_map(|input| journeys.remove(input.name.as_str())).collect()
}

/// Takes an input through apt; from the cache where this evermod has been asked before.
///
/// # Errors
/// Fails where evermod's package has not been made, the root cannot be entered or the input not be taken apart.
pub fn travel(input: &Input) -> Result<Journey> {
    let evermod = evermod_package()?.context("target/dist has no evermod package: run make deb")?;
    let mut digest = Sha256::new();
    // What is looked for decides the answer too.
    digest.update(include_bytes!("corpus_apt.rs"));
    digest_of(&input.path, &mut digest)?;
    digest_of(&evermod, &mut digest)?;
    let key = digest.finalize().iter().take(8).fold(String::new(), |s, b| s + &format!("{b:02x}"));
    let kept = cache()?.join("corpus/apt-journeys").join(format!("{}-{key}.json", input.name));
    if kept.exists() {
        return Ok(serde_json::from_str(&fs_err::read_to_string(&kept)?)?);
    }
    let journey = go(input, &evermod).with_context(|| format!("{} through apt", input.name))?;
    fs_err::create_dir_all(kept.parent().context("the cache's directory")?)?;
    let part = kept.with_extension("part");
    fs_err::write(&part, serde_json::to_string_pretty(&journey)?)?;
    fs_err::rename(&part, &kept)?;
    Ok(journey)
}

fn go(input: &Input, evermod: &Path) -> Result<Journey> {
    let root = Entry::new(ROOT).size("12g").limit(PATIENCE).open()?;
    install_evermod(&root, evermod)?;
    let kernel = leave_one_kernel(&root)?;
    root.copy_in(&input.path, "/tmp/input.deb")?;
    let package = field(&root, "Package")?;
    let mut traveller = Traveller {
        journey: Journey {
            module: String::new(),
            kernel,
            verdict: None,
            stand_ins: stand_in(&root)?,
            steps: Vec::new(),
            no_new_version: None,
            problems: Vec::new(),
        },
        root,
        package,
    };
    traveller.travel()?;
    Ok(traveller.journey)
}

struct Traveller {
    root: Overlay,
    package: String,
    journey: Journey,
}

impl Traveller {
    fn travel(&mut self) -> Result<()> {
        // So that only a difference in content shows: depmod's files are written anew later.
        self.root.run(&["depmod", &self.journey.kernel])?.ok()?;
        let before = snapshot(&self.root, &self.journey.kernel)?;
        self.apt("install", "install /tmp/input.deb")?;
        let Some(module) = self.module()? else {
            self.problem("nothing is registered after its installation".into());
            return Ok(());
        };
        self.journey.module.clone_from(&module);
        let autoinstall = self.asks_for_autoinstall(&module)?;
        let verdict = self.verdict(&module)?;
        self.journey.verdict = verdict;
        if autoinstall != verdict.is_some() {
            self.problem(format!("AUTOINSTALL is {autoinstall}, and the verdict {verdict:?}"));
        }
        self.check("install", &module, verdict)?;

        self.repack("revision", &module, None)?;
        self.apt("upgrade", &format!("install {WORK}/revision.deb"))?;
        self.check("upgrade", &module, verdict)?;

        let (name, version) = module.split_once('/').context("a module's name")?;
        let next = format!("{version}+evermod2");
        match self.repack("version", &module, Some(&next))? {
            None => {
                self.apt("new version", &format!("install {WORK}/version.deb"))?;
                let now = format!("{name}/{next}");
                match self.module()? {
                    Some(found) if found == now => self.check("new version", &now, verdict)?,
                    other => self.problem(format!("new version: {other:?} is registered, not {now}")),
                }
                let old = format!("/var/lib/dkms/{module}");
                if self.root.exists(&old)? {
                    self.problem(format!("new version: {old} is still there"));
                }
            }
            Some(why) => self.journey.no_new_version = Some(why),
        }

        self.apt("purge", &format!("purge {}", self.package))?;
        for line in left(&before, &snapshot(&self.root, &self.journey.kernel)?) {
            self.problem(format!("purge: {line}"));
        }
        Ok(())
    }

    fn problem(&mut self, text: String) {
        self.journey.problems.push(text);
    }

    /// Runs apt-get; what is not right afterwards is a problem, not an error.
    fn apt(&mut self, step: &str, arguments: &str) -> Result<Output> {
        let started = Instant::now();
        let output = self.root.sh(&format!("apt-get -q -y --no-install-recommends {arguments}"))?;
        self.journey.steps.push((step.to_owned(), started.elapsed().as_secs_f64()));
        if output.status != 0 {
            self.problem(format!("{step}: apt-get's exit code {}:\n{}", output.status, output.all()));
        }
        let audit = self.root.run(&["dpkg", "--audit"])?.all();
        if !audit.is_empty() {
            self.problem(format!("{step}: dpkg --audit: {audit}"));
        }
        Ok(output)
    }

    /// The one module that is registered.
    fn module(&self) -> Result<Option<String>> {
        let status = self.root.run(&["dkms", "status"])?.ok()?.stdout;
        let mut modules: Vec<&str> =
            status.lines().map(|line| line.split([',', ':']).next().unwrap_or(line)).collect();
        modules.dedup();
        match modules.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some((*one).to_owned())),
            _ => bail!("more than one module is registered: {status}"),
        }
    }

    fn asks_for_autoinstall(&self, module: &str) -> Result<bool> {
        let conf = self.root.read(&format!("/var/lib/dkms/{module}/source/dkms.conf"))?;
        Ok(conf.lines().any(|line| line.trim_start().starts_with("AUTOINSTALL=")))
    }

    /// What `evermod status` says of the module; `None` if it is registered and no more is wanted of it.
    fn verdict(&self, module: &str) -> Result<Option<Verdict>> {
        let kernel = &self.journey.kernel;
        let text = self.root.run(&["evermod", "status", module, "-k", kernel, "--json"])?.ok()?.stdout;
        let report: serde_json::Value = serde_json::from_str(&text)?;
        let instances = report["instances"].as_array().context("status --json")?;
        let stage = instances.iter().find(|i| i["kernel"] == kernel.as_str()).map(|i| &i["stage"]);
        Ok(match stage.and_then(|stage| stage.as_str()) {
            None => None,
            // The kernel's own may be no older, which keeps a module in the tree.
            Some("installed" | "built") => Some(Verdict::Built),
            Some("excluded") => Some(Verdict::Excluded),
            // Missing is what waits for a module that it is built upon.
            Some("failed" | "missing") => Some(Verdict::Failed),
            Some(other) => bail!("{module} is {other} for {kernel}"),
        })
    }

    /// What the tree and the kernel have must agree with the verdict, which no upgrade may change.
    fn check(&mut self, step: &str, module: &str, first: Option<Verdict>) -> Result<()> {
        let verdict = self.verdict(module)?;
        if verdict != first {
            self.problem(format!("{step}: {verdict:?} where it was {first:?}"));
        }
        let kernel = self.journey.kernel.clone();
        let found = format!("find /lib/modules/{kernel}/updates -name '*.ko*' 2>/dev/null");
        let files = self.root.sh(&found)?.stdout;
        let line = self.root.run(&["dkms", "status", module, "-k", &kernel])?.ok()?.stdout;
        let is_installed = line.trim_end().ends_with(": installed");
        if is_installed == files.is_empty() {
            self.problem(format!("{step}: '{}' with these files: {files}", line.trim()));
        }
        for file in files.lines() {
            let vermagic = self.root.run(&["modinfo", "-F", "vermagic", file])?.stdout;
            let dep = self
                .root
                .sh(&format!("grep -q '^updates/.*{}:' /lib/modules/{kernel}/modules.dep", name_of(file)))?;
            if !vermagic.starts_with(&format!("{kernel} ")) || dep.status != 0 {
                self.problem(format!("{step}: {file}: not this kernel's, or unknown to depmod"));
            }
        }
        Ok(())
    }

    /// Packs the input again under a higher version, and the module's own too if `next` is given; says why not where that
    /// cannot be done by replacing its number.
    fn repack(&self, what: &str, module: &str, next: Option<&str>) -> Result<Option<String>> {
        let (name, old) = module.split_once('/').context("a module's name")?;
        let version = field(&self.root, "Version")?;
        let script = format!(
            r#"set -eu
            d={WORK}/{what}; rm -rf $d; mkdir -p {WORK}; dpkg-deb -R /tmp/input.deb $d
            sed -i 's/^Version: .*/Version: '"$NEW_PACKAGE"'/' $d/DEBIAN/control
            if [ -n "$NEXT" ]; then
                [ -f "$d/usr/src/$NAME-$OLD/dkms.conf" ] || {{ echo "its sources are not in $NAME-$OLD"; exit 9; }}
                old=$(printf %s "$OLD" | sed 's/[.+*]/\\&/g')
                mv "$d/usr/src/$NAME-$OLD" "$d/usr/src/$NAME-$NEXT"
                for f in $d/DEBIAN/*; do
                    sed -i -E "s#(VERSION=[\"']?)$old([\"']?)\$#\1$NEXT\2#; s#$NAME([-/])$old([/ \"']|\$)#$NAME\1$NEXT\2#g" $f
                done
                sed -i -E "s#^(PACKAGE_VERSION=[\"']?)$old([\"']?)#\1$NEXT\2#; s#$NAME-$old#$NAME-$NEXT#g" \
                    "$d/usr/src/$NAME-$NEXT/dkms.conf"
                grep -qF "$NEXT" "$d/usr/src/$NAME-$NEXT/dkms.conf" || {{ echo 'its dkms.conf names no version'; exit 9; }}
                grep -qF "$NEXT" $d/DEBIAN/postinst || {{ echo 'its postinst names no version'; exit 9; }}
                (cd $d && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | xargs -0 md5sum >DEBIAN/md5sums)
            fi
            dpkg-deb --root-owner-group -Znone -b $d {WORK}/{what}.deb >/dev/null"#
        );
        let suffix = if next.is_some() { "+evermod2" } else { "+evermod1" };
        let assignments = [
            format!("NEW_PACKAGE={version}{suffix}"),
            format!("NAME={name}"),
            format!("OLD={old}"),
            format!("NEXT={}", next.unwrap_or_default()),
        ];
        let mut words = vec!["env"];
        words.extend(assignments.iter().map(String::as_str));
        words.extend(["bash", "-c", &script]);
        let output = self.root.run(&words)?;
        match output.status {
            9 => Ok(Some(output.stdout.trim().to_owned())),
            _ => output.ok().map(|_| None),
        }
    }
}

fn name_of(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
}

fn field(root: &Overlay, name: &str) -> Result<String> {
    Ok(root.run(&["dpkg-deb", "-f", "/tmp/input.deb", name])?.ok()?.stdout.trim().to_owned())
}

/// Covers the directories of all kernels but the newest of Debian's own, so that a build is one build.
fn leave_one_kernel(root: &Overlay) -> Result<String> {
    let kernels = root.kernels()?;
    let ours = kernels.iter().rfind(|k| k.starts_with("6.1.")).context("no kernel of Debian 12")?;
    for other in kernels.iter().filter(|k| *k != ours) {
        root.run(&["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", &format!("/lib/modules/{other}")])?.ok()?;
    }
    Ok(ours.clone())
}

/// Makes and installs empty packages for the input's dependencies that the root does not have.
fn stand_in(root: &Overlay) -> Result<Vec<String>> {
    let listed = root.run(&["dpkg-query", "-W", "-f", "${Package}, ${Provides}\n"])?.ok()?.stdout;
    let there: Vec<&str> =
        listed.split([',', '\n']).map(|word| word.split(" (").next().unwrap_or(word).trim()).collect();
    let wanted = format!("{}, {}", field(root, "Pre-Depends")?, field(root, "Depends")?);
    let mut made = Vec::new();
    for group in wanted.split(',').map(str::trim).filter(|group| !group.is_empty()) {
        let alternatives: Vec<(&str, &str)> = group.split('|').map(|one| parse(one.trim())).collect();
        if alternatives.iter().any(|(name, _)| there.contains(name)) {
            continue;
        }
        let (name, version) = alternatives.first().copied().context("a dependency")?;
        // Held, or apt would fetch the real one, which is newer.
        let script = format!(
            "set -e; d=/tmp/stand-in/{name}; mkdir -p $d/DEBIAN\n\
             printf 'Package: {name}\\nVersion: {version}\\nArchitecture: all\\nMaintainer: nobody <nobody@localhost>\\n\
             Description: stands in for {name}\\n' >$d/DEBIAN/control\n\
             dpkg-deb -Znone -b $d $d.deb >/dev/null; dpkg -i $d.deb >/dev/null; apt-mark -q hold {name}"
        );
        root.sh(&script)?.ok().with_context(|| format!("an empty package for {group}"))?;
        made.push(name.to_owned());
    }
    Ok(made)
}

/// The name of one alternative, and a version that satisfies it.
fn parse(one: &str) -> (&str, &str) {
    let (name, relation) = one.split_once(" (").unwrap_or((one, ""));
    let version = relation.trim_end_matches(')').trim_start_matches(['<', '>', '=']).trim();
    (name.split(':').next().unwrap_or(name), if version.is_empty() { "1" } else { version })
}

/// Every file that a module's package may leave behind: its kind, mode, owner, size and target, by path. Of what depmod
/// and administrators write, the content too.
fn snapshot(root: &Overlay, kernel: &str) -> Result<BTreeMap<String, String>> {
    let script = format!(
        "cd /; d='/var/lib/dkms /var/lib/evermod /usr/src /lib/modules/ /etc'\n\
         find $d -xdev \\( -type d -printf '%p\\td%m %u:%g\\n' -o -printf '%p\\t%y%m %u:%g %s %l\\n' \\) 2>/dev/null\n\
         find /etc /lib/modules/{kernel} -xdev -type f \\( -path '/etc/*' -o -name 'modules.*' \\) -exec sha256sum {{}} + |\n\
         sed -E 's#^([0-9a-f]+)  (.*)#\\2 content\\t\\1#'"
    );
    let output = root.sh(&script)?;
    let lines = output.stdout.lines().filter_map(|line| line.split_once('\t'));
    let found: BTreeMap<_, _> = lines.map(|(path, what)| (path.to_owned(), what.to_owned())).collect();
    ensure!(found.len() > 1000, "the list of files is too short: {}", output.all());
    Ok(found)
}

/// What a purged package may leave: evermod's lock, its directories, what it has learnt, and its signing key, which may be
/// enrolled in the firmware. Nothing may be left in the directories.
const STAYS: [&str; 10] = [
    "/var/lib/dkms",
    "/var/lib/dkms/mok.key",
    "/var/lib/dkms/mok.pub",
    "/var/lib/evermod",
    "/var/lib/evermod/build",
    "/var/lib/evermod/failed",
    "/var/lib/evermod/lock",
    "/var/lib/evermod/pending",
    "/var/lib/evermod/digests.json",
    "/var/lib/evermod/directives.json",
];

/// What is there now and was not, was and is not, or is another.
fn left(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let stays = |path: &String| STAYS.contains(&path.as_str());
    let mut lines = Vec::new();
    for (path, now) in after.iter().filter(|(path, _)| !stays(path)) {
        match before.get(path) {
            None => lines.push(format!("left behind: {path} ({now})")),
            Some(was) if was != now => lines.push(format!("changed: {path} ({was}, now {now})")),
            Some(_) => {}
        }
    }
    lines
        .extend(before.keys().filter(|p| !stays(p) && !after.contains_key(*p)).map(|p| format!("gone: {p}")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_found() {
        let files = |list: &[(&str, &str)]| -> BTreeMap<String, String> {
            list.iter().map(|(path, what)| ((*path).to_owned(), (*what).to_owned())).collect()
        };
        let before = files(&[("/etc/a", "f644"), ("/etc/b", "f644"), ("/var/lib/evermod/lock", "f644")]);
        assert_eq!(left(&before, &before), Vec::<String>::new());
        let after = files(&[("/etc/a", "f600"), ("/usr/src/x", "d755"), ("/var/lib/dkms/mok.key", "f600")]);
        let found = left(&before, &after);
        assert_eq!(
            found,
            ["changed: /etc/a (f644, now f600)", "left behind: /usr/src/x (d755)", "gone: /etc/b"]
        );
    }

    #[test]
    fn dependencies() {
        assert_eq!(parse("perl:any"), ("perl", "1"));
        assert_eq!(parse("firmware-nvidia-gsp (= 535.309.01)"), ("firmware-nvidia-gsp", "535.309.01"));
        assert_eq!(parse("xtables-addons-common (>= 3.23)"), ("xtables-addons-common", "3.23"));
    }
}
