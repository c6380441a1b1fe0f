//! Arch's words (the packages of modules in its own repositories, such as `nvidia-lts` and `zfs-linux`).

use super::draft::{checked, exactly, license_file, relate};
use super::layout::{Layout, Places};
use super::scripts::{ASIDE_PART, BACK_PART, SETTLE_PART, Scripts};
use super::{ModulePackage, SourcePackage, TargetKernel, draft, source, words};
use crate::{
    Architecture, Dependency, Entry, Package, PackageError, RelationKind, ScriptPoint, Version, arch,
};

/// Files that DKMS puts there are nobody's, and pacman does not go over them.
const OF_DKMS: &str = "updates/dkms";

/// What no version has becomes `_`.
fn plain(text: &str) -> String {
    words::replaced(text, "-:", '_')
}

/// The kernel's package and its version, without which nothing holds it and its modules together.
fn image(kernel: &TargetKernel) -> Result<(&str, &str), PackageError> {
    let version = kernel.image.as_ref().or(kernel.headers.as_ref()).map(|package| package.version.as_str());
    let name = kernel.pkgbase.as_deref().or(kernel.image.as_ref().map(|package| package.name.as_str()));
    match (name, version) {
        (Some(name), Some(version)) if !name.is_empty() => Ok((name, version)),
        _ => Err(PackageError::word(
            "kernel",
            &kernel.release,
            "is of no package that is known, and Arch's packages of modules need one to depend on",
        )),
    }
}

/// As `zfs-linux` has it: the module's version and the kernel's.
fn upstream(module: &str, kernel: &str) -> String {
    format!("{}_{}", plain(module), words::replaced(kernel, "-:", '.'))
}

pub(super) fn prebuilt(package: &ModulePackage) -> Result<Package, PackageError> {
    words::check(package)?;
    let ModulePackage { module, kernel, about, .. } = package;
    let base = words::base(module);
    let (linux, linux_version) = image(kernel)?;
    let name = format!("{base}-{linux}");
    let version = Version {
        epoch: 0,
        upstream: upstream(&package.version, linux_version),
        release: package.revision.clone(),
    };
    let full = arch::version(&version);
    let mut made = draft::package(
        name.clone(),
        version,
        Architecture::Machine(kernel.machine.clone()),
        about,
        format!("Kernel module {module} for {linux}"),
        String::new(),
    );
    relate(&mut made, RelationKind::Depends, [exactly(linux, linux_version), Dependency::on("kmod")]);
    let needs = package.needs.iter().map(|need| {
        let name = format!("{}-{linux}", words::base(&need.module));
        need.version
            .as_deref()
            .map_or_else(|| Dependency::on(&name), |version| exactly(&name, upstream(version, linux_version)))
    });
    relate(&mut made, RelationKind::Depends, needs);
    relate(&mut made, RelationKind::Provides, provided(base, &package.version));
    relate(&mut made, RelationKind::Provides, package.provides.iter().map(Dependency::on));

    let mut package = package.clone();
    for file in &mut package.files {
        file.directory.take_if(|directory| directory == OF_DKMS);
    }
    let places = Places { lib: "/usr/lib", directory: "updates", preferred: &["updates"] };
    let layout = Layout::new(&name, &package, &places)?;
    made.entries.extend(layout.entries(&name, &full, &package)?);
    made.entries.extend(license_file(&name, about).into_iter().flatten());
    let scripts = Scripts::new(&name, &package, &layout, &[]);
    let removal: &[&str] = if package.initramfs {
        &[BACK_PART, SETTLE_PART, include_str!("scripts/arch/post-remove-image.sh")]
    } else {
        &[BACK_PART, include_str!("scripts/arch/post-remove.sh")]
    };
    made.scripts = [
        (ScriptPoint::BeforeInstall, scripts.script(&[ASIDE_PART, include_str!("scripts/arch/pre.sh")])),
        (ScriptPoint::AfterInstall, scripts.script(&[BACK_PART, include_str!("scripts/arch/post.sh")])),
        (ScriptPoint::AfterRemove, scripts.script(removal)),
    ]
    .into();
    if package.initramfs {
        let script = format!("/usr/share/libalpm/scripts/{name}-initramfs");
        let hook = format!(
            "[Trigger]\nType = Package\nOperation = Install\nOperation = Upgrade\nTarget = {name}\n\n[Action]\n\
             Description = Writing the initramfs of {linux} with {module}...\nWhen = PostTransaction\nExec = {script}\n"
        );
        made.entries.push(Entry::program(
            &script,
            scripts.script(&[SETTLE_PART, include_str!("scripts/arch/initramfs.sh")]),
        ));
        made.entries.push(Entry::file(format!("/usr/share/libalpm/hooks/91-{name}-initramfs.hook"), hook));
    }
    checked(made, arch::file_name)
}

/// By its own name, and by the one in capitals that Arch's packages ask for whoever provides it.
fn provided(base: &str, version: &str) -> [Dependency; 2] {
    let version = plain(version);
    [exactly(base, &version), exactly(format!("{}-MODULE", base.to_ascii_uppercase()), &version)]
}

/// The sources: the hooks of DKMS, and of evermod, look for them.
pub(super) fn source(package: &SourcePackage) -> Result<Package, PackageError> {
    words::check_source(package)?;
    let SourcePackage { module, version, revision, about, .. } = package;
    let base = words::base(module);
    let mut made = draft::package(
        format!("{base}-dkms"),
        Version { epoch: 0, upstream: plain(version), release: revision.clone() },
        Architecture::Any,
        about,
        format!("Sources of the kernel module {module} for DKMS"),
        String::new(),
    );
    made.entries.extend(source::entries(package));
    made.entries.extend(license_file(&made.name, about).into_iter().flatten());
    relate(&mut made, RelationKind::Depends, [Dependency::on("dkms")]);
    let needs = package.needs.iter().map(|need| Dependency::on(format!("{}-dkms", words::base(need))));
    relate(&mut made, RelationKind::Depends, needs);
    relate(&mut made, RelationKind::Provides, provided(base, version));
    checked(made, arch::file_name)
}
