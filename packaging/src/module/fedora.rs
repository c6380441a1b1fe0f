//! Fedora's and EL's words (RPM Fusion's kmods; the precompiled drivers of vendors; rich dependencies of rpm 4.14).

use super::draft::{checked, exactly, license_file, relate};
use super::layout::{Layout, Places};
use super::scripts::{ASIDE_PART, BACK_PART, SETTLE_PART, Scripts};
use super::{ModulePackage, SourcePackage, draft, manifest, source, words};
use crate::{
    Architecture, Dependency, Entry, Package, PackageError, RelationKind, ScriptPoint, Version, rpm,
};

const GROUP: &str = "System Environment/Kernel";

/// What no version and release has becomes `_`, which parts words as a dot does.
fn plain(text: &str) -> String {
    words::replaced(text, "-:", '_')
}

fn prebuilt_name(module: &str, release: &str) -> String {
    format!("kmod-{}-{release}", words::base(module))
}

/// What a package with a module for one kernel provides in its module's version, so that others can ask for just that one.
fn for_kernel(module: &str, release: &str) -> String {
    format!("{}-kmod({release})", words::base(module))
}

fn version(package: &ModulePackage, dist: &str) -> Version {
    Version { epoch: 0, upstream: plain(&package.version), release: format!("{}{dist}", package.revision) }
}

pub(super) fn prebuilt(package: &ModulePackage, dist: &str) -> Result<Package, PackageError> {
    words::check(package)?;
    let ModulePackage { module, kernel, about, .. } = package;
    let (base, release) = (words::base(module), kernel.release.as_str());
    let name = prebuilt_name(module, release);
    let version = version(package, dist);
    let full = rpm::version(&version);
    let mut rpm = draft::package(
        name.clone(),
        version.clone(),
        Architecture::Machine(kernel.machine.clone()),
        about,
        format!("Kernel module {module} for {release}"),
        format!(
            "This package has the modules of {module} {}, built for the kernel\n{release} alone. No compiler is needed.",
            package.version
        ),
    );
    rpm.section = GROUP.to_owned();

    relate(
        &mut rpm,
        RelationKind::Depends,
        [exactly("kernel-uname-r", release), Dependency::on("kmod"), Dependency::on("findutils")],
    );
    let needs = package.needs.iter().map(|need| {
        let name = for_kernel(&need.module, release);
        need.version
            .as_deref()
            .map_or_else(|| Dependency::on(&name), |version| exactly(&name, plain(version)))
    });
    relate(&mut rpm, RelationKind::Depends, needs);
    relate(
        &mut rpm,
        RelationKind::Provides,
        [
            exactly(format!("{base}-kmod"), &full),
            exactly(format!("kmod-{base}"), &full),
            exactly(for_kernel(module, release), &full),
            exactly("kernel-modules-for-kernel", release),
        ],
    );
    // Whoever else has a file of that name for this kernel: one of both has to go, wherever it lies.
    for file in &package.files {
        let stem = words::stem(file)?;
        relate(&mut rpm, RelationKind::Provides, [Dependency::on(format!("kmod({stem}.ko)"))]);
        for kind in [RelationKind::Provides, RelationKind::Conflicts] {
            relate(&mut rpm, kind, [exactly(format!("kernel-module({stem}.ko)"), release)]);
        }
    }
    relate(&mut rpm, RelationKind::Provides, package.provides.iter().map(Dependency::on));
    // Comes along with a kernel where the module, or what belongs to it, is there already.
    let wanted = format!("((kmod-{base} or {base}-kmod-common) and kernel-core-uname-r = {release})");
    relate(&mut rpm, RelationKind::Supplements, [Dependency::on(wanted)]);

    let directory = format!("extra/{base}");
    let places = Places { lib: "/usr/lib", directory: &directory, preferred: &["updates"] };
    let layout = Layout::new(&name, package, &places)?;
    rpm.entries.extend(layout.entries(&name, &full, package)?);
    rpm.entries.extend(owned(&layout, release));
    rpm.entries.extend(license_file(&name, about).into_iter().flatten());
    let scripts = Scripts::new(&name, package, &layout, &[]);
    rpm.scripts = [
        (ScriptPoint::BeforeInstall, scripts.script(&[ASIDE_PART, include_str!("scripts/fedora/pre.sh")])),
        (ScriptPoint::AfterInstall, scripts.script(&[SETTLE_PART, include_str!("scripts/fedora/post.sh")])),
        (
            ScriptPoint::AfterTransaction,
            scripts.script(&[SETTLE_PART, include_str!("scripts/fedora/posttrans.sh")]),
        ),
        (
            ScriptPoint::AfterRemove,
            scripts.script(&[BACK_PART, SETTLE_PART, include_str!("scripts/fedora/postun.sh")]),
        ),
    ]
    .into();
    checked(rpm, rpm::file_name)
}

/// Directories that would stay behind if no package had them.
fn owned(layout: &Layout, release: &str) -> Vec<Entry> {
    let mut directories: std::collections::BTreeSet<String> = [
        manifest::DIRECTORY.to_owned(),
        format!("{}/{release}", manifest::DIRECTORY),
        "/usr/lib/evermod".to_owned(),
    ]
    .into();
    for directory in &layout.directories {
        let whole = format!("{}/{directory}", layout.tree);
        let parents = whole.match_indices('/').map(|(at, _)| &whole[..at]).chain([whole.as_str()]);
        directories.extend(parents.filter(|path| path.len() > layout.tree.len()).map(str::to_owned));
    }
    // The kernel's own.
    directories.retain(|path| !path.starts_with(&format!("{}/kernel", layout.tree)));
    directories.into_iter().map(Entry::directory).collect()
}

/// Follows the newest kernel of a flavour; for Fedora's usual kernel that has no name.
pub(super) fn metapackage(newest: &ModulePackage, dist: &str) -> Result<Option<Package>, PackageError> {
    words::check(newest)?;
    let Some(flavour) = newest.kernel.flavour.as_deref() else { return Ok(None) };
    let ModulePackage { module, kernel, about, .. } = newest;
    let base = words::base(module);
    let ending = if flavour.is_empty() { String::new() } else { format!("-{flavour}") };
    let version = version(newest, dist);
    let exact = rpm::version(&version);
    // The next kernel makes a newer version of the same module.
    let release = kernel.release.strip_suffix(&format!(".{}", kernel.machine)).unwrap_or(&kernel.release);
    let release = format!("{}.k{}", newest.revision, words::replaced(release, "-:", '.'));
    let mut rpm = draft::package(
        format!("kmod-{base}{ending}"),
        Version { release, ..version },
        Architecture::Machine(kernel.machine.clone()),
        about,
        format!("Kernel module {module} for the newest kernel"),
        format!(
            "This package requires the modules of {module} for the newest kernel, so that\nan update of the one brings the other."
        ),
    );
    rpm.section = GROUP.to_owned();
    relate(&mut rpm, RelationKind::Depends, [exactly(prebuilt_name(module, &kernel.release), exact)]);
    let full = rpm::version(&rpm.version);
    relate(&mut rpm, RelationKind::Provides, [exactly(format!("{base}-kmod"), full)]);
    rpm.entries.extend(license_file(&rpm.name, about).into_iter().flatten());
    checked(rpm, rpm::file_name).map(Some)
}

/// The sources, as `dkms mkrpm`'s and the distributions' own packages have them.
pub(super) fn source(package: &SourcePackage, dist: &str) -> Result<Package, PackageError> {
    words::check_source(package)?;
    let SourcePackage { module, version, revision, about, .. } = package;
    let base = words::base(module);
    let mut rpm = draft::package(
        format!("{base}-dkms"),
        Version { epoch: 0, upstream: plain(version), release: format!("{revision}{dist}") },
        Architecture::Any,
        about,
        format!("Sources of the kernel module {module} for DKMS"),
        format!(
            "This package has the sources of {module} {version}, from which modules are\nbuilt for every kernel of the machine."
        ),
    );
    rpm.section = GROUP.to_owned();
    let full = rpm::version(&rpm.version);
    rpm.entries.extend(source::entries(package));
    rpm.entries.extend(source::directories(package));
    rpm.entries.extend(license_file(&rpm.name, about).into_iter().flatten());
    relate(
        &mut rpm,
        RelationKind::Depends,
        [Dependency::on("dkms"), Dependency::on("(kernel-devel-matched if kernel-core)")],
    );
    let needs = package.needs.iter().map(|need| Dependency::on(format!("{}-dkms", words::base(need))));
    relate(&mut rpm, RelationKind::Depends, needs);
    relate(&mut rpm, RelationKind::Provides, [exactly(format!("{base}-kmod"), full)]);
    let head = format!("#!/bin/sh\nname='{module}'\nversion='{version}'\n");
    rpm.scripts = [
        (ScriptPoint::AfterInstall, format!("{head}{}", include_str!("scripts/fedora/source-post.sh"))),
        (ScriptPoint::BeforeRemove, format!("{head}{}", include_str!("scripts/fedora/source-preun.sh"))),
    ]
    .into();
    checked(rpm, rpm::file_name)
}
