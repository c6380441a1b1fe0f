//! What a run of apt costs that has nothing to do with modules: with Debian's dkms, with evermod, with evermod's hooks away.
//!
//! The root has dkms at first and evermod in the end, so this comes last.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::measure::{Cost, run};
use crate::table::Row;
use crate::{Subject, alternate, compare};

/// evermod's package.
pub const PACKAGE: &str = "/bench/evermod.deb";

/// What makes apt ask evermod.
const HOOKS: &str = "/etc/apt/apt.conf.d/20evermod";

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
pub fn row(dir: &Path) -> Result<Row> {
    let sh = |script: &str| -> Result<()> {
        let log = dir.join("last.log");
        let done = run(&["bash", "-c", script], &log)?;
        ensure!(done.status == 0, "{script}: {}", fs_err::read_to_string(&log).unwrap_or_default());
        Ok(())
    };
    sh(MAKE)?;
    // apt's cache goes by the size and the second of dpkg's status, which may both be those of the run before.
    let back = "dpkg -i /tmp/plain/1-*.deb && rm -f /var/cache/apt/*.bin";
    let with_dkms = || sh(back);
    let without = || sh(&format!("if [ -e {HOOKS} ]; then mv {HOOKS} /tmp/hooks; fi; {back}"));
    let with = || sh(&format!("if [ -e /tmp/hooks ]; then mv /tmp/hooks {HOOKS}; fi; {back}"));
    let subject = |before| Subject { commands: &[UPGRADE], before, traced: true };
    eprintln!("bench: 30 unrelated packages with dkms ...");
    let [dkms] = alternate([&subject(&with_dkms)], 5, dir)?;
    sh("apt-get -q -y remove dkms")?;
    sh(&format!("apt-get -q -y --no-install-recommends install {PACKAGE}"))?;
    ensure!(Path::new(HOOKS).is_file(), "{PACKAGE} brings no {HOOKS}: nothing would be compared");
    eprintln!("bench: 30 unrelated packages without and with evermod's hooks ...");
    let (floor, evermod, added) = compare(&subject(&without), &subject(&with), 12, dir)?;
    let said = fs_err::read_to_string(dir.join("traced"))?;
    ensure!(!said.contains("evermod: "), "evermod has something to say: {said}");
    let count = |cost: Cost| i64::try_from(cost.processes.unwrap_or_default()).context("a number");
    let (processes, of_dkms) = (count(evermod)? - count(floor)?, count(dkms)? - count(floor)?);
    let milliseconds = |seconds: f64| seconds * 1000.0;
    let note = format!(
        "the floor is apt without evermod's hooks; over it, by pairs of runs, evermod adds {processes} processes, {:.0} ± {:.0} \
         ms of CPU, {:.0} ms elapsed; dkms, which has no hook here, adds {of_dkms} processes",
        milliseconds(added.cpu),
        milliseconds(added.error),
        milliseconds(added.wall)
    );
    let row = Row::new("30 unrelated packages upgraded by apt", Some(dkms), evermod).over(floor).note(note);
    Ok(row.at_most("processes added", processes as f64, 16.0).below("CPU s added", added.cpu, 0.2))
}
