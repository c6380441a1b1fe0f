//! What evermod needs of the machine around it.

use super::machine::Machine;
use super::{Check, Finding, Severity};
use std::collections::BTreeSet;

pub(super) const CHECKS: &[Check] = &[
    Check { name: "programs", about: "programs that builds need", run: programs },
    Check { name: "compiler", about: "the compiler that a kernel names", run: compilers },
    Check { name: "disk", about: "room for builds", run: disk },
    Check { name: "dkms-hooks", about: "kernel hooks of a DKMS that was removed", run: hooks },
    Check { name: "switched-off", about: "a file that forbids automatic builds", run: switched_off },
];

/// A program, and Debian's package of it; others mostly give it the same name.
const PROGRAMS: [(&str, &str); 7] = [
    ("make", "make"),
    ("depmod", "kmod"),
    ("strip", "binutils"),
    ("bash", "bash"),
    ("patch", "patch"),
    ("bwrap", "bubblewrap"),
    ("setpriv", "util-linux"),
];

/// Directories where programs are, inside a root.
const PATHS: [&str; 5] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/bin"];

fn has_program(machine: &Machine<'_>, name: &str) -> bool {
    if machine.places.root.is_host() {
        return machine.environment.program(name).is_some();
    }
    PATHS.iter().any(|dir| machine.exists(format!("{dir}/{name}")))
}

fn programs(machine: &Machine<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, package) in PROGRAMS {
        if has_program(machine, name) {
            continue;
        }
        let (severity, why) = match name {
            "bwrap" | "setpriv" => (Severity::Warning, "Builds run without a sandbox, as root."),
            "patch" => (Severity::Warning, "Modules that bring patches cannot be built."),
            "depmod" => (Severity::Problem, "modprobe finds no new module."),
            _ => (Severity::Problem, "Nothing can be built."),
        };
        found.push(
            Finding::new(severity, name, "it is not installed", why)
                .mend(machine.survey.options.distribution.install_command(package)),
        );
    }
    found
}

/// The first word of CONFIG_CC_VERSION_TEXT, for kernels whose modules are built here.
fn compilers(machine: &Machine<'_>) -> Vec<Finding> {
    if machine.tree.modules.is_empty() {
        return Vec::new();
    }
    let mut told = BTreeSet::new();
    let mut found = Vec::new();
    for kernel in machine.kernels.iter().filter(|k| k.headers.is_some()) {
        let config = machine.survey.kernel_config(kernel);
        let named = config.and_then(|c| c.get("CONFIG_CC_VERSION_TEXT"));
        let named = named.as_deref().unwrap_or("gcc").trim_matches('"');
        let wanted = named.split_whitespace().next().unwrap_or("gcc").to_string();
        if has_program(machine, &wanted) || !told.insert(wanted.clone()) {
            continue;
        }
        let what = format!("{wanted}, which it was built with, is not installed");
        // Debian's names of versioned compilers are those of their packages, behind the machine's triplet.
        let package = wanted.split_once("-linux-gnu-").map_or(wanted.as_str(), |(_, name)| name);
        let place = format!("kernel {}", kernel.release);
        let finding = if has_program(machine, "gcc") || has_program(machine, "cc") {
            let why = "Another compiler is used in its place, which may make modules that do not fit.";
            Finding::new(Severity::Warning, place, what, why)
        } else {
            Finding::new(Severity::Problem, place, what, "Nothing can be built for it.")
        };
        found.push(finding.mend(machine.survey.options.distribution.install_command(package)));
    }
    found
}

/// What the largest drivers take while they are built, in bytes.
const ROOM: u64 = 512 << 20;

fn disk(machine: &Machine<'_>) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    let mut seen = BTreeSet::new();
    let places =
        [&machine.places.dkms_tree, &machine.places.state, &machine.places.install_tree].map(Clone::clone);
    for path in places {
        // What is not there yet will be made in the directory above it.
        let place = machine.places.root.at(&path);
        let Some(place) = place.ancestors().find(|p| p.exists()) else { continue };
        let Ok(stat) = rustix::fs::statvfs(place) else { continue };
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        let path = path.display().to_string();
        if free >= ROOM || !seen.insert(stat.f_fsid) {
            continue;
        }
        let (severity, why) = if free < ROOM / 8 {
            (Severity::Problem, "Builds and installations are about to fail.")
        } else {
            (Severity::Warning, "A large driver may not build.")
        };
        let what = format!("{} MiB are free", free >> 20);
        found.push(Finding::new(severity, &path, what, why).mend(format!("df -h {path}")));
    }
    found
}

/// Debian leaves hooks in /etc until a package is purged. They call `dkms`, which is evermod by now: the work is done
/// twice, and the one of Debian 12 deregisters a module together with its last kernel.
fn hooks(machine: &Machine<'_>) -> Vec<Finding> {
    let ours = ["/etc/kernel/postinst.d/00-evermod", "/etc/kernel/prerm.d/evermod"];
    if !ours.iter().all(|path| machine.exists(path)) {
        return Vec::new();
    }
    const THEIRS: [&str; 6] = [
        "/etc/kernel/postinst.d/dkms",
        "/etc/kernel/header_postinst.d/dkms",
        "/etc/kernel/preinst.d/dkms",
        "/etc/kernel/prerm.d/dkms",
        "/etc/kernel/install.d/dkms",
        "/etc/kernel/install.d/40-dkms.install",
    ];
    let there: Vec<_> = THEIRS.into_iter().filter(|path| machine.exists(path)).collect();
    if there.is_empty() {
        return Vec::new();
    }
    let why = "They repeat what evermod's own hooks do. apt install dkms brings them back.";
    let place = there.join(" ");
    vec![
        Finding::new(Severity::Note, &place, "left by a dkms that was removed and not purged", why)
            .mend(format!("rm {place}")),
    ]
}

fn switched_off(machine: &Machine<'_>) -> Vec<Finding> {
    let path = machine.places.overrides.join("no-autoinstall");
    if !machine.exists(&path) {
        return Vec::new();
    }
    let place = path.display().to_string();
    let why = "Nothing is built for new kernels, nor at boot.";
    vec![Finding::new(Severity::Note, &place, "it is there", why).mend(format!("rm {place}"))]
}
