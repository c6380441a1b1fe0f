//! Verbs on one tiny module, and on trees of many.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use fs_err as fs;

use crate::measure::run;
use crate::table::Row;
use crate::trees::{self, Seed};
use crate::{AS_DKMS, DKMS, EVERMOD, Subject, alternate, check, compare};

/// Runs of what takes milliseconds.
const OFTEN: usize = 41;
/// Runs of what takes a second.
const SOME: usize = 7;
/// Modules of dkms's sample, in place of the thousand that would keep it busy for minutes.
const SAMPLE: usize = 40;
const THOUSAND: usize = 1000;

fn nothing() -> Result<()> {
    Ok(())
}

/// The tiny module, built by dkms for every kernel; the tree is empty afterwards, and both programs have their key.
///
/// # Errors
/// dkms does not build it.
pub fn seeds(kernels: &[String], dir: &Path) -> Result<Vec<Seed>> {
    trees::clear()?;
    check(&["cp", "-rT", "/bench/modules/hello-1.0", "/usr/src/hello-1.0"], dir)?;
    check(&["cp", "-rT", "/bench/modules/broken-1.0", "/usr/src/broken-1.0"], dir)?;
    check(&[DKMS, "add", "hello/1.0"], dir)?;
    let mut seeds = Vec::new();
    for kernel in kernels {
        check(&[DKMS, "install", "hello/1.0", "-k", kernel], dir)?;
        seeds.push(Seed::take(kernel)?);
    }
    trees::clear()?;
    Ok(seeds)
}

/// Verbs on nothing and on one module.
///
/// # Errors
/// A command fails.
pub fn rows(kernels: &[String], dir: &Path) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let kernel = kernels.first().context("no kernel")?.as_str();
    eprintln!("bench: verbs on one module ...");

    let simple = |words: &[&[&str]], runs| -> Result<_> {
        let [theirs, ours] = words else { anyhow::bail!("two commands") };
        let both = [
            &Subject { commands: &[*theirs], before: &nothing, traced: true },
            &Subject { commands: &[*ours], before: &nothing, traced: true },
        ];
        let [theirs, ours] = alternate(both, runs, dir)?;
        Ok((Some(theirs), ours))
    };
    let (theirs, ours) = simple(&[&[DKMS, "--version"], &[AS_DKMS, "--version"]], OFTEN)?;
    rows.push(Row::new("--version", theirs, ours).cpu_below(0.005).processes_at_most(1));
    let (theirs, ours) = simple(&[&[DKMS, "status"], &[AS_DKMS, "status"]], OFTEN)?;
    rows.push(Row::new("status, empty tree", theirs, ours).cpu_below(0.005).processes_at_most(1));

    let tiny = "hello/1.0";
    let afresh = || trees::clear();
    let [theirs, ours] = alternate(
        [
            &Subject { commands: &[&[DKMS, "add", tiny]], before: &afresh, traced: true },
            &Subject { commands: &[&[AS_DKMS, "add", tiny]], before: &afresh, traced: true },
        ],
        OFTEN,
        dir,
    )?;
    rows.push(Row::new("add", Some(theirs), ours).cpu_below(0.01));

    rows.push(build(kernel, dir)?);

    let built = |by: &'static str| {
        move || -> Result<()> {
            trees::clear()?;
            check(&[by, "add", tiny], dir)?;
            check(&[by, "build", tiny, "-k", kernel], dir)?;
            Ok(())
        }
    };
    let installed = |by: &'static str, words: &'static [&'static str]| -> Vec<&str> {
        [&[by, "install", tiny, "-k", kernel][..], words].concat()
    };
    for (name, words, goal) in [
        ("install of a built module, --no-depmod", &["--no-depmod"][..], Some(0.01)),
        ("install of a built module, with depmod", &[][..], None),
    ] {
        let [theirs, ours] = alternate(
            [
                &Subject { commands: &[&installed(DKMS, words)], before: &built(DKMS), traced: true },
                &Subject { commands: &[&installed(AS_DKMS, words)], before: &built(AS_DKMS), traced: true },
            ],
            SOME,
            dir,
        )?;
        ensure!(!trees::installed(kernel)?.is_empty(), "nothing was installed");
        let row = Row::new(name, Some(theirs), ours);
        rows.push(match goal {
            Some(limit) => row.cpu_below(limit),
            None => row,
        });
    }

    rows.push(failing(kernel, dir)?);
    rows.push(depmods(kernel, dir)?);
    trees::clear()?;
    Ok(rows)
}

/// One build beside the make that it cannot do without.
fn build(kernel: &str, dir: &Path) -> Result<Row> {
    let tiny = "hello/1.0";
    // The same before each of the three: what ran last leaves its mark on the processor's caches.
    let added = || -> Result<()> {
        trees::remove_tree(Path::new("/tmp/hello"))?;
        check(&["cp", "-rT", "/usr/src/hello-1.0", "/tmp/hello"], dir)?;
        trees::clear()?;
        check(&[DKMS, "add", tiny], dir).map(|_| ())
    };
    let headers = format!("/lib/modules/{kernel}/build");
    let make = ["make", "-C", headers.as_str(), "M=/tmp/hello", "modules"];
    let floor = Subject { commands: &[&make], before: &added, traced: true };
    let by = |program: &'static str| [program, "build", tiny, "-k", kernel];
    let (theirs, ours) = (by(DKMS), by(AS_DKMS));
    let theirs = Subject { commands: &[&theirs], before: &added, traced: true };
    let ours = Subject { commands: &[&ours], before: &added, traced: true };
    let (_, theirs, their_cost) = compare(&floor, &theirs, SOME, dir)?;
    let (bare, ours, our_cost) = compare(&floor, &ours, 240, dir)?;
    let more = |processes: Option<u64>| processes.unwrap_or(0) as f64 - bare.processes.unwrap_or(0) as f64;
    let row = Row::new("build of a tiny module", Some(theirs), ours)
        .over(bare)
        .below("CPU s over make", our_cost.cpu, 0.03)
        .at_most("processes over make", more(ours.processes), 6.0);
    Ok(row.note(format!(
        "over the bare make ({} processes), by pairs of runs: dkms {:+.3} ± {:.3} CPU s and {:+} processes, evermod {:+.3} ± \
         {:.3} and {:+}; both strip and sign, which make does not",
        bare.processes.unwrap_or(0),
        their_cost.cpu,
        their_cost.error,
        more(theirs.processes),
        our_cost.cpu,
        our_cost.error,
        more(ours.processes)
    )))
}

/// A module that does not compile, when it is asked for a second time.
fn failing(kernel: &str, dir: &Path) -> Result<Row> {
    trees::clear()?;
    check(&[DKMS, "add", "broken/1.0"], dir)?;
    let theirs = ["bash", "-c", "! \"$@\"", "fails", DKMS, "autoinstall", "-k", kernel];
    let ours = ["bash", "-c", "! \"$@\"", "fails", AS_DKMS, "autoinstall", "-k", kernel];
    check(&theirs, dir)?;
    check(&ours, dir)?;
    let [theirs, ours] = alternate(
        [
            &Subject { commands: &[&theirs], before: &nothing, traced: true },
            &Subject { commands: &[&ours], before: &nothing, traced: true },
        ],
        5,
        dir,
    )?;
    // The bash that turns the exit code around is one process more on both sides.
    let row = Row::new("a failing module, second trigger", Some(theirs), ours);
    Ok(row.processes_at_most(2).note(
        "both run under a bash, which is one process and about 2 ms more; two processes means that nothing is built again",
    ))
}

/// How often depmod runs for five modules of one fresh kernel.
fn depmods(kernel: &str, dir: &Path) -> Result<Row> {
    let count = dir.join("depmods");
    let wrapper = "/usr/local/sbin/depmod";
    // First on the PATH: counts, then does what it is asked to.
    fs::write(wrapper, format!("#!/bin/sh\necho >>{}\nexec /sbin/depmod \"$@\"\n", count.display()))?;
    check(&["chmod", "755", wrapper], dir)?;
    let prepare = || -> Result<()> {
        trees::clear()?;
        fs::remove_file(&count).ok();
        trees::grow(&[], 0..5, |_| 1)
    };
    let counted = || fs::read_to_string(&count).map_or(0, |text| text.lines().count());
    prepare()?;
    let theirs = check(&[DKMS, "autoinstall", "-k", kernel], dir)?;
    let their_depmods = counted();
    prepare()?;
    let ours = check(&[AS_DKMS, "autoinstall", "-k", kernel], dir)?;
    let our_depmods = counted();
    fs::remove_file(wrapper)?;
    let cost = |run: crate::measure::Run| crate::measure::Cost::of(&[run]).with_processes(Some(run.tasks));
    Ok(Row::new("five tiny modules for a fresh kernel", Some(cost(theirs)), cost(ours))
        .at_most("depmod runs", our_depmods as f64, 1.0)
        .note(format!("depmod ran {their_depmods} times by dkms, {our_depmods} by evermod")))
}

/// Trees of many modules, all installed.
///
/// # Errors
/// A command fails, or the two programs do not say the same.
pub fn many(mut seeds: Vec<Seed>, rounds: usize, dir: &Path) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    eprintln!("bench: 30 modules for {} kernels ...", seeds.len());
    trees::clear()?;
    trees::grow(&seeds, 0..30, trees::three_or_four)?;
    let size = format!("30 x {}", seeds.len());
    let files = (0..30).map(trees::three_or_four).sum::<usize>() * seeds.len();
    let status = |program: &'static str| [program, "status"];
    let (theirs, ours, own) = (status(DKMS), status(AS_DKMS), status(EVERMOD));

    let forget = || trees::forget();
    let [their_cost, first] = alternate(
        [
            &Subject { commands: &[&theirs], before: &nothing, traced: false },
            &Subject { commands: &[&ours], before: &forget, traced: true },
        ],
        rounds,
        dir,
    )?;
    same_lines(30 * seeds.len(), dir)?;
    rows.push(
        Row::new(format!("status, {size}, first run on dkms's tree"), Some(their_cost), first)
            .cpu_below(0.1)
            .processes_at_most(1)
            .note(format!("{files} .ko compared; no records of evermod, copies with times of their own")),
    );

    let kernels: Vec<String> = seeds.iter().map(|s| s.kernel.clone()).collect();
    let autoinstalls = |program: &'static str| -> Vec<Vec<&str>> {
        kernels.iter().map(|k| vec![program, "autoinstall", "-k", k.as_str()]).collect()
    };
    let theirs_all = autoinstalls(DKMS);
    let theirs_all: Vec<&[&str]> = theirs_all.iter().map(Vec::as_slice).collect();
    let ours_all = autoinstalls(AS_DKMS);
    let ours_all: Vec<&[&str]> = ours_all.iter().map(Vec::as_slice).collect();
    let sync = [EVERMOD, "sync"];
    let [adopting] =
        alternate([&Subject { commands: &[&sync], before: &forget_all(&seeds), traced: false }], 3, dir)?;
    rows.push(
        Row::new(format!("sync, {size}, takes dkms's tree over"), None, adopting)
            .note("once per machine: reads the sources, writes a record beside each build"),
    );
    check(&sync, dir)?;
    let [their_auto, our_sync, our_auto] = alternate(
        [
            &Subject { commands: &theirs_all, before: &nothing, traced: false },
            &Subject { commands: &[&sync], before: &nothing, traced: true },
            &Subject { commands: &ours_all, before: &nothing, traced: true },
        ],
        rounds.max(2),
        dir,
    )?;
    let [our_sync] = again(our_sync, &sync, dir)?;
    rows.push(
        Row::new(format!("sync, nothing to do, {size}"), Some(their_auto), our_sync)
            .cpu_below(0.02)
            .processes_at_most(1)
            .note(format!("dkms: autoinstall once per kernel, {} in all", seeds.len())),
    );
    rows.push(Row::new(format!("autoinstall for each, nothing to do, {size}"), Some(their_auto), our_auto));

    trees::copy_times(&seeds)?;
    let [ours_cost, own_cost] = alternate(
        [
            &Subject { commands: &[&ours], before: &nothing, traced: true },
            &Subject { commands: &[&own], before: &nothing, traced: true },
        ],
        OFTEN,
        dir,
    )?;
    same_lines(30 * seeds.len(), dir)?;
    rows.push(
        Row::new(format!("status, {size}, installed"), Some(their_cost), ours_cost)
            .cpu_below(0.1)
            .processes_at_most(1),
    );
    rows.push(
        Row::new(format!("evermod status (table), {size}"), Some(their_cost), own_cost)
            .cpu_below(0.1)
            .processes_at_most(1),
    );

    trees::clear()?;
    let first = seeds.first().context("no kernel")?;
    let named = |letter: &str| first.under_another_name(&format!("{}{letter}", first.kernel));
    let more = [named("a")?, named("b")?];
    seeds.extend(more);
    let size = format!("{THOUSAND} x {}", seeds.len());
    eprintln!("bench: {size} ...");
    trees::grow(&seeds, 0..SAMPLE, |_| 1)?;
    let [theirs_cost] =
        alternate([&Subject { commands: &[&theirs], before: &nothing, traced: false }], 1, dir)?;
    let factor = u32::try_from(THOUSAND / SAMPLE)?;
    same_lines(SAMPLE * seeds.len(), dir)?;
    trees::grow(&seeds, SAMPLE..THOUSAND, |_| 1)?;
    let [unknown] = alternate([&Subject { commands: &[&ours], before: &forget, traced: true }], 3, dir)?;
    trees::copy_times(&seeds)?;
    check(&sync, dir)?;
    let [known, own, nothing_to_do] = alternate(
        [
            &Subject { commands: &[&ours], before: &nothing, traced: true },
            &Subject { commands: &[&own], before: &nothing, traced: true },
            &Subject { commands: &[&sync], before: &nothing, traced: true },
        ],
        5,
        dir,
    )?;
    let scaled = theirs_cost.scaled(factor);
    let sampled = format!("dkms: {SAMPLE} x {} measured once, times {factor}", seeds.len());
    rows.push(
        Row::new(format!("status, {size}, installed"), Some(scaled), known)
            .cpu_below(0.3)
            .processes_at_most(1)
            .note(sampled),
    );
    rows.push(Row::new(format!("status, {size}, first run on dkms's tree"), Some(scaled), unknown));
    rows.push(Row::new(format!("evermod status (table), {size}"), Some(scaled), own));
    rows.push(Row::new(format!("sync, nothing to do, {size}"), None, nothing_to_do));
    trees::clear()?;
    for seed in seeds.iter().filter(|s| !kernels.contains(&s.kernel)) {
        trees::remove_tree(&Path::new("/lib/modules").join(&seed.kernel))?;
    }
    Ok(rows)
}

/// More runs of one command that has proved quick, keeping its number of processes.
fn again(before: crate::measure::Cost, command: &[&str], dir: &Path) -> Result<[crate::measure::Cost; 1]> {
    let [cost] = alternate([&Subject { commands: &[command], before: &nothing, traced: false }], OFTEN, dir)?;
    Ok([cost.with_processes(before.processes)])
}

/// Deletes evermod's records beside the builds, and what it has learnt.
fn forget_all(seeds: &[Seed]) -> impl Fn() -> Result<()> + '_ {
    move || {
        trees::forget()?;
        for module in fs::read_dir(trees::TREE)? {
            let module = module?.path();
            for seed in seeds {
                fs::remove_file(module.join("1.0").join(&seed.kernel).join("x86_64/.evermod.json")).ok();
            }
        }
        Ok(())
    }
}

/// Both must say the same of the tree, or nothing is compared.
fn same_lines(expected: usize, dir: &Path) -> Result<()> {
    let (theirs, ours) = (dir.join("dkms-status"), dir.join("evermod-status"));
    run(&[DKMS, "status"], &theirs)?;
    run(&[AS_DKMS, "status"], &ours)?;
    let sorted = |path: &Path| -> Result<Vec<String>> {
        // Programs that dkms runs may complain in between.
        let text = fs::read_to_string(path)?;
        let mut lines: Vec<_> = text.lines().filter(|l| l.starts_with("bench")).map(str::to_owned).collect();
        lines.sort();
        Ok(lines)
    };
    let (theirs, ours) = (sorted(&theirs)?, sorted(&ours)?);
    let installed = ours.iter().filter(|line| line.ends_with(": installed")).count();
    ensure!(theirs == ours, "the two do not say the same: see {}", dir.display());
    ensure!(installed == expected, "{installed} of {expected} are installed without complaint");
    Ok(())
}
