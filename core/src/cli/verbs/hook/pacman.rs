//! pacman's hooks: paths that come and go, on standard input.

use super::{preflight as judge, unpacked};
use crate::cli::context::Context;
use crate::cli::verbs::kernel_gone::{Occasion, kernel_gone};
use crate::cli::verbs::sync::sync;
use crate::cli::verbs::uninstall::Scope;
use crate::cli::verbs::{mend, retire};
use crate::inventory::Registered;
use crate::model::{Arrival, Departure, Failure, KernelRelease, Transaction};
use crate::pattern::glob;
use crate::plan::Request;
use crate::report::{Event, failure_text};
use evermod_packaging::read::PackageFile;
use evermod_pacman_hook::{CommandLine, Conf, HookFile, Operand, Part, Targets, may_have, version_of};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

/// Where packages and administrators put hooks.
const HOOK_DIRS: [&str; 2] = ["/usr/share/libalpm/hooks", "/etc/pacman.d/hooks"];

/// Before a transaction: what will be missing afterwards. `caller` is the process of pacman.
pub fn preflight(context: &Context, targets: &str, caller: u32) -> ExitCode {
    let targets = Targets::read(targets);
    let process = context.places.root.at(format!("/proc/{caller}"));
    let cmdline = std::fs::read(process.join("cmdline")).unwrap_or_default();
    let line = CommandLine::read(&String::from_utf8_lossy(&cmdline));
    if targets.parts.is_empty() || line.as_ref().is_some_and(|line| line.is_removal) {
        return ExitCode::SUCCESS;
    }
    // Of what is there, pacman does not say whether it goes or comes once more.
    let is_there = |part: &Part<'_>| context.places.root.at(part.path()).symlink_metadata().is_ok();
    let (mut there, mut new): (BTreeSet<_>, BTreeSet<_>) = targets.parts.into_iter().partition(is_there);
    let mut found: Vec<Arrival> = Vec::new();
    let mut brings_new: BTreeSet<String> = BTreeSet::new();
    let all: BTreeSet<_> = new.union(&there).copied().collect();
    for file in line.iter().flat_map(|line| package_files(context, line, &process, &all)) {
        if new.is_empty() && there.is_empty() {
            break;
        }
        let Ok(package) = PackageFile::open(&file) else { continue };
        let Ok(paths) = package.paths() else { continue };
        let inside: BTreeSet<&str> = paths.iter().map(String::as_str).collect();
        let has = |part: &Part<'_>| inside.contains(part.path().trim_end_matches('/'));
        let here: BTreeSet<_> = new.union(&there).copied().filter(has).collect();
        if new.iter().any(has) {
            brings_new.insert(package.name.clone());
        }
        new.retain(|part| !has(part));
        there.retain(|part| !has(part));
        if !here.is_empty() {
            let (package, version) = (package.name, package.version);
            found.push(Arrival { package, version, file: Some(file), paths: paths_of(&here) });
        }
    }
    // A file that brings nothing new, where another of its package does, is the version that was installed before.
    let is_old = |arrival: &Arrival| {
        let is_new = |path: &String| context.places.root.at(path).symlink_metadata().is_err();
        brings_new.contains(&arrival.package) && !arrival.paths.iter().any(is_new)
    };
    let (old, mut arrives): (Vec<_>, Vec<_>) = found.into_iter().partition(is_old);
    let (gone, again): (BTreeSet<_>, BTreeSet<_>) =
        there.into_iter().partition(|part| matches!(part, Part::Image(_)));
    new.extend(again);
    if !new.is_empty() {
        arrives.push(Arrival { paths: paths_of(&new), ..Arrival::default() });
    }
    let leaving = |package, paths| Departure { package, paths, ..Departure::default() };
    let mut goes: Vec<_> = old.into_iter().map(|old| leaving(old.package, old.paths)).collect();
    goes.push(leaving(String::new(), paths_of(&gone)));
    judge(context, &Transaction { manager: "pacman".into(), arrives, goes })
}

fn paths_of(parts: &BTreeSet<Part<'_>>) -> Vec<String> {
    parts.iter().map(|part| part.path().trim_end_matches('/').to_string()).collect()
}

/// The package files that may bring what comes, the likeliest first.
fn package_files(
    context: &Context,
    line: &CommandLine,
    process: &Path,
    wanted: &BTreeSet<Part<'_>>,
) -> Vec<PathBuf> {
    if line.is_elsewhere {
        // The files are outside the root that hooks are run in.
        return Vec::new();
    }
    let dirs: Vec<PathBuf> = conf(context, line)
        .directories(&line.cache_dirs)
        .iter()
        .map(|dir| context.places.root.at(dir))
        .collect();
    let mut named = Vec::new();
    for operand in &line.upgrade {
        match operand {
            Operand::File(path) => {
                // pacman has changed its directory to / by now; the one it came from it keeps open.
                let bases = std::fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
                let bases = bases.filter_map(|fd| std::fs::read_link(fd.path()).ok());
                named.extend(bases.chain([PathBuf::from("/")]).map(|base| base.join(path)));
            }
            Operand::Download(name) => named.extend(dirs.iter().map(|dir| dir.join(name))),
        }
    }
    named.retain(|file| file.is_file());
    let mut found: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in dirs.iter().filter_map(|dir| std::fs::read_dir(dir).ok()).flatten().flatten() {
        let name = entry.file_name();
        let Some(version) = name.to_str().and_then(version_of) else { continue };
        let may = |part: &Part<'_>| match part {
            Part::Image(text) | Part::Headers(text) | Part::Source(text) => may_have(version, text),
            // That it comes is all there is to know of it.
            Part::Prebuilt { .. } => false,
        };
        if wanted.iter().any(may) {
            let changed = entry.path().metadata().and_then(|meta| meta.modified());
            found.push((changed.unwrap_or(SystemTime::UNIX_EPOCH), entry.path()));
        }
    }
    // Of two releases of one version, the later one is what arrives.
    found.sort_by(|a, b| b.cmp(a));
    named.into_iter().chain(found.into_iter().map(|(_, path)| path)).collect()
}

fn conf(context: &Context, line: &CommandLine) -> Conf {
    let text = |path: &Path| std::fs::read_to_string(context.places.root.at(path)).unwrap_or_default();
    let mut conf = Conf::default();
    conf.add(&text(Path::new(line.config.as_deref().unwrap_or("/etc/pacman.conf"))));
    for pattern in std::mem::take(&mut conf.includes) {
        let (dir, name) = pattern.rsplit_once('/').unwrap_or(("", &pattern));
        for entry in std::fs::read_dir(context.places.root.at(dir)).into_iter().flatten().flatten() {
            if entry.file_name().to_str().is_some_and(|file| glob(name, file)) {
                conf.add(&text(&Path::new(dir).join(entry.file_name())));
            }
        }
    }
    conf
}

/// Before a transaction: takes away what was built for kernels that go, and the modules whose sources go. What only changes
/// its version stays until the new one is there.
///
/// # Errors
/// Something could not be taken away; the rest is.
pub fn remove(context: &Context, targets: &str) -> Result<(), Failure> {
    let targets = Targets::read(targets);
    let (goes, comes) = targets.divide(&|path| context.places.root.at(path).symlink_metadata().is_ok());
    let mut failures = Vec::new();
    for release in goes.images() {
        let gone =
            context.kernel(release, None).and_then(|kernel| kernel_gone(context, &kernel, Occasion::Hook));
        failures.extend(gone.err());
    }
    let tree = context.tree()?;
    let is_going = |m: &&Registered| {
        let dir = context.places.source_dir_inside(&m.module);
        let dir = dir.file_name().unwrap_or_default();
        goes.sources().any(|source| dir == source) && !comes.has_source_of(&m.module.name)
    };
    let mut changed = BTreeSet::new();
    for registered in tree.modules.iter().filter(is_going) {
        let active = registered.built.iter().filter(|built| built.active);
        changed.extend(active.map(|built| built.instance.kernel.clone()));
        failures.extend(mend::remove(context, &registered.module, &Scope::All).err());
    }
    for kernel in &changed {
        failures.extend(context.session()?.initramfs(kernel).err());
    }
    let mut failures = failures.into_iter();
    let first = failures.next();
    failures.for_each(|failure| context.sink.event(&Event::Warning { text: &failure_text(&failure) }));
    first.map_or(Ok(()), Err)
}

/// After a transaction, before images of kernels are made: everything that is missing.
///
/// # Errors
/// The state cannot be read or written.
pub fn settle(context: &Context, targets: &str) -> Result<(), Failure> {
    let targets = Targets::read(targets);
    if targets.parts.is_empty() || context.is_autoinstall_off() {
        return Ok(());
    }
    register(context, &targets)?;
    let request = Request {
        initramfs: true,
        initramfs_follows: initramfs_follows(context, &targets)?,
        manager: "pacman".into(),
        ..Request::default()
    };
    sync(context, &request)?;
    retire::superseded(context)
}

/// Registers the sources that came. With a kernel, all that lie there: they may be older than evermod.
fn register(context: &Context, targets: &Targets<'_>) -> Result<(), Failure> {
    let brings_kernel = targets.images().next().is_some();
    let came = |dir: &str| brings_kernel || targets.sources().any(|source| source == dir);
    let (_, failures) = unpacked::register(context, &came, &|_, _| Ok(true))?;
    failures.iter().for_each(|failure| context.sink.event(&Event::Warning { text: &failure_text(failure) }));
    Ok(())
}

/// The kernels whose image a hook makes that runs after ours in this transaction.
fn initramfs_follows(context: &Context, targets: &Targets<'_>) -> Result<Vec<KernelRelease>, Failure> {
    let mut kernels = BTreeSet::new();
    for hook in HOOK_DIRS.iter().flat_map(|dir| hooks_after_ours(&context.places.root.at(dir))) {
        for part in targets.parts.iter().filter(|part| hook.takes(&part.path(), &glob)) {
            match part {
                Part::Image(release) => kernels.extend(KernelRelease::new(release).ok()),
                // Called for anything but a kernel, mkinitcpio's hook makes the images of all.
                _ => return Ok(context.kernels()?.into_iter().map(|kernel| kernel.release).collect()),
            }
        }
    }
    Ok(kernels.into_iter().collect())
}

fn hooks_after_ours(dir: &Path) -> Vec<HookFile> {
    const MAKERS: [&str; 4] = ["mkinitcpio", "dracut", "booster", "kernel-install"];
    let after = |name: &str| name.ends_with(".hook") && name > "70-evermod-install.hook";
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let hooks = entries.filter(|entry| entry.file_name().to_str().is_some_and(after));
    let hooks = hooks.map(|entry| HookFile::read(&std::fs::read_to_string(entry.path()).unwrap_or_default()));
    hooks.filter(|hook| hook.is_post && MAKERS.iter().any(|maker| hook.exec.contains(maker))).collect()
}
