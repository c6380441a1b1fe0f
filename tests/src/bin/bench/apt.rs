//! What a run of apt costs that has nothing to do with modules: with Debian's dkms, with evermod, with neither.
//!
//! The root has dkms at first and evermod in the end, so this comes last.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::measure::{Cost, run};
use crate::table::Row;
use crate::{Subject, alternate};

/// evermod's package.
pub const PACKAGE: &str = "/bench/evermod.deb";

const MAKE: &str = r#"
set -e
mkdir -p /tmp/plain; cd /tmp/plain
for version in 1 2; do
  for i in $(seq 30); do
    d=plain$i-$version; mkdir -p $d/DEBIAN $d/usr/share/plain$i
    printf '%s\n' "Package: plain$i" "Version: $version" 'Architecture: all' \
      'Maintainer: nobody <nobody@packages.invalid>' 'Description: nothing of interest' >$d/DEBIAN/control
    echo "$version" >$d/usr/share/plain$i/file
    dpkg-deb --root-owner-group -b $d $version-$d.deb >/dev/null
  done
done"#;

/// 30 packages from one version to the next.
const UPGRADE: &[&str] = &[
    "bash",
    "-c",
    "apt-get -q -y -o Dpkg::Use-Pty=0 install /tmp/plain/2-*.deb && [ \"$(cat /usr/share/plain30/file)\" = 2 ]",
];

/// The row.
///
/// # Errors
/// apt fails.
pub fn row(runs: usize, dir: &Path) -> Result<Row> {
    let sh = |script: &str| -> Result<()> {
        let log = dir.join("last.log");
        let done = run(&["bash", "-c", script], &log)?;
        ensure!(done.status == 0, "{script}: {}", fs_err::read_to_string(&log).unwrap_or_default());
        Ok(())
    };
    sh(MAKE)?;
    let measured = |what: &str| -> Result<Cost> {
        eprintln!("bench: 30 unrelated packages with {what} ...");
        // apt's cache goes by the size and the second of dpkg's status, which may both be those of the run before.
        let before = || sh("dpkg -i /tmp/plain/1-*.deb && rm -f /var/cache/apt/*.bin");
        let subject = Subject { commands: &[UPGRADE], before: &before, traced: true };
        let [cost] = alternate([&subject], runs, dir)?;
        Ok(cost)
    };
    let dkms = measured("dkms")?;
    sh("apt-get -q -y remove dkms")?;
    let neither = measured("neither")?;
    sh(&format!("apt-get -q -y --no-install-recommends install {PACKAGE}"))?;
    let evermod = measured("evermod")?;
    let said = fs_err::read_to_string(dir.join("traced"))?;
    ensure!(!said.contains("evermod: "), "evermod has something to say: {said}");
    let added = |cost: Cost| -> Result<(i64, f64, f64)> {
        let count = |cost: Cost| i64::try_from(cost.processes.unwrap_or_default()).context("a number");
        let milliseconds = |with: f64, without: f64| (with - without) * 1000.0;
        Ok((
            count(cost)? - count(neither)?,
            milliseconds(cost.least, neither.least),
            milliseconds(cost.wall, neither.wall),
        ))
    };
    let ((processes, cpu, wall), (of_dkms, dkms_cpu, dkms_wall)) = (added(evermod)?, added(dkms)?);
    let note = format!(
        "the floor is apt with neither of them. evermod adds {processes} processes, {cpu:.0} ms of CPU, {wall:.0} ms \
         elapsed; dkms adds {of_dkms} processes, {dkms_cpu:.0} ms, {dkms_wall:.0} ms"
    );
    let row = Row::new("30 unrelated packages upgraded by apt", Some(dkms), evermod).over(neither).note(note);
    Ok(row.at_most("processes added", processes as f64, 16.0).below("CPU s added", cpu / 1000.0, 0.2))
}
