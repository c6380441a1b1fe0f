//! Debian's words (Debian Policy; `dh_dkms`(1); apt's `01autoremove`, which keeps `*-modules-KERNEL` as long as the kernel).

use super::draft::{checked, exactly, relate};
use super::layout::{Layout, Places};
use super::scripts::{ASIDE_PART, BACK_PART, SETTLE_PART, Scripts};
use super::{ModulePackage, SourceFile, SourcePackage, draft, license, lintian, source, words};
use crate::{
    Architecture, Comparison, Dependency, Entry, Package, PackageError, RelationKind, ScriptPoint, Trigger,
    Version, deb,
};

/// The trigger by which evermod does one pass at the end of dpkg's run; nothing happens where there is no evermod.
const TRIGGER: &str = "evermod-rebuild";

/// Policy 5.6.1: what no name has becomes a hyphen.
fn name_of(text: &str) -> String {
    words::replaced(&text.to_ascii_lowercase(), "_~:^", '-')
}

/// Policy 5.6.12.
fn upstream(module_version: &str) -> String {
    let text = words::replaced(module_version, "_:^", '.');
    if text.starts_with(|c: char| c.is_ascii_digit()) { text } else { format!("0~{text}") }
}

/// The version of the kernel's package follows that of our own, so that what is built anew for the next one is newer.
fn version(package: &ModulePackage) -> Version {
    let kernel = package.kernel.image.as_ref().or(package.kernel.headers.as_ref());
    let suffix =
        kernel.map_or(String::new(), |kernel| format!("+k{}", words::replaced(&kernel.version, "-_:^", '.')));
    Version {
        epoch: 0,
        upstream: upstream(&package.version),
        release: format!("{}{suffix}", package.revision),
    }
}

fn prebuilt_name(module: &str, release: &str) -> String {
    name_of(&format!("{}-modules-{release}", words::base(module)))
}

/// The names of packages that have such a kernel: Debian's, its unsigned one, Ubuntu's unsigned one.
fn images(package: &ModulePackage) -> Vec<String> {
    let release = name_of(&package.kernel.release);
    let mut names = vec![
        format!("linux-image-{release}"),
        format!("linux-image-{release}-unsigned"),
        format!("linux-image-unsigned-{release}"),
    ];
    if let Some(image) = &package.kernel.image {
        names.retain(|name| *name != image.name);
        names.insert(0, image.name.clone());
    }
    names
}

pub(super) fn prebuilt(package: &ModulePackage, usr_merged: bool) -> Result<Package, PackageError> {
    words::check(package)?;
    let ModulePackage { module, kernel, about, .. } = package;
    let (base, release) = (name_of(words::base(module)), name_of(&kernel.release));
    let name = prebuilt_name(module, &kernel.release);
    let version = version(package);
    let mut deb = draft::package(
        name.clone(),
        version.clone(),
        Architecture::Machine(kernel.machine.clone()),
        about,
        format!("kernel module {module} for {}", kernel.release),
        format!(
            "This package has the modules of {module} {}, built for the kernel\n{} alone. No compiler is needed.",
            package.version, kernel.release
        ),
    );
    finish(&mut deb, about, module, &[]);

    let images = images(package);
    // Where it is known which, no other: apt would install another one in place of a kernel that is removed.
    let known = if package.kernel.image.is_some() { 1 } else { images.len() };
    let any_image = Dependency(images.iter().take(known).flat_map(|image| Dependency::on(image).0).collect());
    relate(&mut deb, RelationKind::Depends, [any_image, Dependency::on("kmod")]);
    let needs = package.needs.iter().map(|need| {
        let theirs = name_of(words::base(&need.module));
        match &need.version {
            Some(version) => exactly(format!("{theirs}-modules-for-{release}"), upstream(version)),
            None => Dependency::on(prebuilt_name(&need.module, &kernel.release)),
        }
    });
    relate(&mut deb, RelationKind::Depends, needs);
    let provided = [format!("{base}-modules"), format!("{base}-modules-for-{release}")];
    relate(&mut deb, RelationKind::Provides, provided.map(|name| exactly(name, version.upstream.clone())));
    // Whoever else has a file of that name for this kernel gives way, or the other way round.
    for file in &package.files {
        let only = format!("kernel-module-{}-{release}", name_of(words::stem(file)?));
        for kind in [RelationKind::Provides, RelationKind::Conflicts, RelationKind::Replaces] {
            relate(&mut deb, kind, [Dependency::on(&only)]);
        }
    }
    relate(
        &mut deb,
        RelationKind::Provides,
        package.provides.iter().map(|name| Dependency::on(name_of(name))),
    );

    let lib = if usr_merged { "/usr/lib" } else { "/lib" };
    let places = Places { lib, directory: "updates/dkms", preferred: &["updates"] };
    let layout = Layout::new(&name, package, &places)?;
    deb.entries.extend(layout.entries(&name, &deb::version(&version), package)?);
    let scripts = Scripts::new(&name, package, &layout, &images);
    deb.scripts = [
        (
            ScriptPoint::BeforeInstall,
            scripts.script(&[ASIDE_PART, include_str!("scripts/debian/preinst.sh")]),
        ),
        (
            ScriptPoint::AfterInstall,
            scripts.script(&[SETTLE_PART, include_str!("scripts/debian/postinst.sh")]),
        ),
        (
            ScriptPoint::AfterRemove,
            scripts.script(&[BACK_PART, SETTLE_PART, include_str!("scripts/debian/postrm.sh")]),
        ),
    ]
    .into();
    deb.triggers = vec![Trigger::ActivateNoAwait(TRIGGER.to_owned())];
    deb.extra = extra(package)?;
    checked(deb, deb::file_name)
}

/// Where it came from, and for which devices it is.
fn extra(package: &ModulePackage) -> Result<Vec<(String, String)>, PackageError> {
    let from = &package.provenance;
    let kernel = [from.kernel_package.name.as_str(), from.kernel_package.version.as_str()].join(" ");
    let mut fields: Vec<(String, String)> = [
        ("Module", package.module.as_str()),
        ("Module-Version", package.version.as_str()),
        ("Kernel", package.kernel.release.as_str()),
        ("Kernel-Package", kernel.trim()),
        ("Source-SHA256", from.source_sha256.as_str()),
        ("Compiler", from.compiler.as_str()),
        ("Build-Key", from.build_key.as_str()),
        ("Version", from.evermod.as_str()),
    ]
    .into_iter()
    .map(|(key, value)| (format!("X-Evermod-{key}"), value.to_owned()))
    .collect();
    // As ubuntu-drivers reads it: what parts its words cannot be in one.
    let is_plain = |alias: &&String| alias.bytes().all(|b| b.is_ascii_graphic() && !b"(),".contains(&b));
    let mut aliases = Vec::new();
    for file in &package.files {
        let list: Vec<&str> = file.aliases.iter().filter(is_plain).map(String::as_str).collect();
        if !list.is_empty() {
            aliases.push(format!("{}({})", words::stem(file)?.replace('-', "_"), list.join(", ")));
        }
    }
    if !aliases.is_empty() {
        fields.push(("Modaliases".to_owned(), aliases.join(", ")));
    }
    Ok(fields)
}

/// Follows the newest kernel of a flavour.
pub(super) fn metapackage(newest: &ModulePackage) -> Result<Option<Package>, PackageError> {
    words::check(newest)?;
    let Some(flavour) = newest.kernel.flavour.as_deref().filter(|flavour| !flavour.is_empty()) else {
        return Ok(None);
    };
    let (module, flavour) = (&newest.module, name_of(flavour));
    let mut version = version(newest);
    let exact = deb::version(&version);
    if newest.kernel.image.is_none() && newest.kernel.headers.is_none() {
        // Another kernel has to make another version.
        let release = words::replaced(&newest.kernel.release, "-_:^", '.');
        version.release = format!("{}+k{release}", version.release);
    }
    let mut deb = draft::package(
        prebuilt_name(module, &flavour),
        version,
        Architecture::Machine(newest.kernel.machine.clone()),
        &newest.about,
        format!("kernel module {module} for the newest {flavour} kernel"),
        format!(
            "This package depends on the modules of {module} for the newest kernel\nof the flavour {flavour}, and on that kernel, so that both move together."
        ),
    );
    finish(&mut deb, &newest.about, module, &[]);
    let modules = exactly(prebuilt_name(module, &newest.kernel.release), exact);
    let kernel = Dependency::on(format!("linux-image-{flavour}"));
    relate(&mut deb, RelationKind::Depends, [modules, kernel]);
    checked(deb, deb::file_name).map(Some)
}

/// The sources; registered and removed as `dh_dkms` has packages do it.
pub(super) fn source(package: &SourcePackage) -> Result<Package, PackageError> {
    words::check_source(package)?;
    let SourcePackage { module, version, revision, about, .. } = package;
    let base = name_of(words::base(module));
    let name = format!("{base}-dkms");
    let upstream = upstream(version);
    let mut deb = draft::package(
        name.clone(),
        Version { epoch: 0, upstream: upstream.clone(), release: revision.clone() },
        Architecture::Any,
        about,
        format!("sources of the kernel module {module} for DKMS"),
        format!(
            "This package has the sources of {module} {version}, from which modules are\nbuilt for every kernel of the machine."
        ),
    );
    finish(&mut deb, about, module, &package.files);
    deb.entries.extend(source::entries(package));
    relate(
        &mut deb,
        RelationKind::Depends,
        [Dependency::versioned("dkms", Comparison::GreaterEqual, "3.0.3-4~")],
    );
    let needs =
        package.needs.iter().map(|need| Dependency::on(format!("{}-dkms", name_of(words::base(need)))));
    relate(&mut deb, RelationKind::Depends, needs);
    relate(&mut deb, RelationKind::Provides, [exactly(format!("{base}-modules"), upstream)]);
    let head = format!("#!/bin/sh\nset -e\nname='{module}'\nversion='{version}'\npackage='{name}'\n\n");
    deb.scripts = [
        (ScriptPoint::AfterInstall, format!("{head}{}", include_str!("scripts/debian/source-postinst.sh"))),
        (ScriptPoint::BeforeRemove, format!("{head}{}", include_str!("scripts/debian/source-prerm.sh"))),
    ]
    .into();
    checked(deb, deb::file_name)
}

/// Section and papers.
fn finish(deb: &mut Package, about: &super::About, module: &str, sources: &[SourceFile]) {
    deb.section = "kernel".to_owned();
    deb.copyright = if about.copyright.is_empty() {
        license::copyright(module, &about.homepage, &about.license)
    } else {
        about.copyright.clone()
    };
    let overrides = lintian::overrides(&deb.name, sources);
    deb.entries.push(Entry::file(format!("/usr/share/lintian/overrides/{}", deb.name), overrides));
}
