//! What goes into packages: read from what was built and from sources, as the writers' values.

use super::Request;
use super::build::Built;
use super::targets::Target;
use crate::cli::context::Context;
use crate::install::{Compression, ModInfo, imports_any, module_name};
use crate::model::ModuleId;
use crate::places::Places;
use evermod_packaging::module::{
    About, ModuleFile, ModulePackage, Need, Provenance, SourceContent, SourceFile, SourcePackage,
};
use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Who answers where nobody is named.
const NOBODY: &str = "Unknown Packager <packager@example.org>";

/// What drivers call that machines boot from: their modules belong into the initramfs.
const BOOTS: [&str; 8] = [
    "register_filesystem",
    "__register_blkdev",
    "register_blkdev",
    "scsi_host_alloc",
    "dm_register_target",
    "ata_host_alloc",
    "nvme_init_ctrl",
    "mmc_alloc_host",
];

/// A prebuilt without the contents of its files: all that metapackages and sources are made from.
#[derive(Debug)]
pub(super) struct Outline(ModulePackage);

impl Outline {
    /// What is known of it. Its files are empty.
    pub(super) fn known(&self) -> &ModulePackage {
        &self.0
    }

    /// The prebuilt with its files.
    ///
    /// # Errors
    /// They cannot be read.
    pub(super) fn whole(&self, built: &Built) -> io::Result<ModulePackage> {
        let mut whole = self.0.clone();
        for file in &mut whole.files {
            file.content = fs_err::read(built.dir.join(&file.name))?;
        }
        Ok(whole)
    }
}

/// Looks at what one build has made.
///
/// # Errors
/// It cannot be read, or is not for this kernel; a sentence.
pub(super) fn outline(
    context: &Context,
    request: &Request,
    target: &Target,
    built: &Built,
) -> Result<Outline, String> {
    let Built { instance, record, .. } = built;
    let (mut files, mut about, mut initramfs) = (Vec::new(), About::default(), false);
    let mut licenses = BTreeSet::new();
    for one in &record.directives.records {
        let (name, content) = module_file(&built.dir, &one.dest_name).map_err(|error| error.to_string())?;
        let plain =
            Compression::of_file(&name).decompress(&content).map_err(|error| format!("{name}: {error}"))?;
        let info = ModInfo::parse(&plain).ok_or_else(|| format!("{name} is no kernel module"))?;
        let release = info.get("vermagic").and_then(|magic| magic.split(' ').next()).unwrap_or_default();
        if release != target.release.as_str() {
            return Err(format!(
                "{name} was built for kernel {release} and not for {}: its Makefile looks elsewhere for headers",
                target.release
            ));
        }
        let replaces_in_tree = module_name(&name).is_some_and(|module| target.in_tree.contains(&module));
        initramfs |= replaces_in_tree || imports_any(&plain, &BOOTS);
        licenses.extend(info.get("license").map(str::to_string));
        if about.description.is_empty() {
            about.description = one_line(info.get("description").unwrap_or_default());
        }
        files.push(ModuleFile {
            name,
            directory: None,
            content: Vec::new(),
            aliases: info.all("alias").to_vec(),
            replaces_in_tree,
        });
    }
    about.license = licenses.into_iter().collect::<Vec<_>>().join(" AND ");
    let needs = built.needs.iter();
    Ok(Outline(ModulePackage {
        module: instance.module.name.clone(),
        version: instance.module.version.clone(),
        revision: request.revision.clone(),
        kernel: target.about.clone(),
        files,
        needs: needs
            .map(|(module, version)| Need { module: module.clone(), version: Some(version.clone()) })
            .collect(),
        provides: Vec::new(),
        initramfs,
        about: About { maintainer: maintainer(context, request), date: target.date, ..about },
        provenance: Provenance {
            source_sha256: built.source_sha256.clone(),
            kernel_package: target.about.headers.clone().unwrap_or_default(),
            compiler: built.compiler.clone(),
            evermod: env!("CARGO_PKG_VERSION").into(),
            build_key: record.key.0.clone(),
        },
    }))
}

/// The file of a module as it was built, whatever its compression, and its name.
fn module_file(dir: &Path, name: &str) -> io::Result<(String, Vec<u8>)> {
    let found = ["", ".xz", ".zst", ".gz"].iter().map(|suffix| format!("{name}.ko{suffix}"));
    let mut found = found.filter(|name| dir.join(name).is_file());
    let name = found.next().ok_or_else(|| io::Error::other(format!("{name}.ko was not built")))?;
    let content = fs_err::read(dir.join(&name))?;
    Ok((name, content))
}

/// Who answers for the packages: as the caller says, else as Debian's tools are told (dch(1)).
fn maintainer(context: &Context, request: &Request) -> String {
    let variable = |name: &str| context.environment.variables.get(name).filter(|value| !value.is_empty());
    let debian = || Some(format!("{} <{}>", variable("DEBFULLNAME")?, variable("DEBEMAIL")?));
    request.maintainer.clone().or_else(debian).unwrap_or_else(|| NOBODY.into())
}

/// What a module says of itself may hold anything.
fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// The sources of a module; what a person reads is as in `like`, the prebuilt for its newest kernel.
///
/// # Errors
/// They cannot be read, or have a name that is no text; a sentence.
pub(super) fn source(
    places: &Places,
    module: &ModuleId,
    like: &ModulePackage,
    date: u64,
) -> Result<SourcePackage, String> {
    let mut files = Vec::new();
    walk(&places.source_dir_inside(module), "", &mut files).map_err(|error| error.to_string())?;
    Ok(SourcePackage {
        module: module.name.clone(),
        version: module.version.clone(),
        revision: like.revision.clone(),
        files,
        needs: like.needs.iter().map(|need| need.module.clone()).collect(),
        about: About { date, ..like.about.clone() },
    })
}

fn walk(dir: &Path, below: &str, files: &mut Vec<SourceFile>) -> io::Result<()> {
    for entry in fs_err::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|name| {
            io::Error::other(format!("{}: its name is no UTF-8", dir.join(name).display()))
        })?;
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        let meta = entry.metadata()?;
        if meta.is_dir() {
            walk(&entry.path(), &path, files)?;
            continue;
        }
        let content = if meta.is_symlink() {
            let target = fs_err::read_link(entry.path())?;
            SourceContent::Symlink(target.to_string_lossy().into_owned())
        } else {
            SourceContent::File(fs_err::read(entry.path())?)
        };
        files.push(SourceFile { path, mode: meta.permissions().mode() & 0o777, content });
    }
    Ok(())
}
