//! The view in which everything is built: headers and module sources lie where builds look for them, beside an empty DKMS tree.

use super::given::{Given, Place};
use super::output::Output;
use super::side_by_side::side_by_side;
use super::targets::Chosen;
use crate::cli::context::Context;
use crate::cli::verbs::add::declared;
use crate::exec::{Stage, enter_as_anyone};
use crate::install::files::{copy_tree_but, link_atomically};
use crate::inventory::{Incoming, KernelFile, KernelPackages};
use crate::model::{Failure, ModuleId};
use crate::places::Places;
use crate::report::failure_text;
use evermod_packaging::read::PackageFile;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The view, once it is entered.
pub(super) struct Staged {
    /// Where everything lies in it.
    pub places: Places,
    /// The modules that are registered in it.
    pub modules: Vec<ModuleId>,
    /// Modules that cannot be, as they were named, and why.
    pub broken: Vec<(String, String)>,
    /// What was made of each package file, or why it could not be unpacked.
    pub unpacked: BTreeMap<PathBuf, Result<Vec<String>, String>>,
    /// Goes with what was mounted.
    _stage: Stage,
}

/// Enters the view, for the rest of the process's life.
///
/// # Errors
/// There can be none here, or the disk is full.
pub(super) fn stage(
    context: &Context,
    given: &[Given],
    offered: Option<&KernelPackages>,
    chosen: &[Chosen],
    output: &Output,
    problems: &mut Vec<String>,
) -> Result<Staged, Failure> {
    let files = to_unpack(given, offered, chosen);
    let packed = files.iter().filter_map(|(file, _)| file.path.metadata().ok()).map(|meta| meta.len()).sum();
    enter_as_anyone(context.environment.is_root).map_err(|error| Failure::Usage {
        message: format!(
            "packages are built in a view of their own, which the kernel refuses here ({error}): run it as root, or allow \
             user namespaces (user_namespaces(7); in a container they are the container's to allow)"
        ),
        code: 1,
    })?;
    let parent =
        context.environment.variables.get("TMPDIR").map_or_else(|| PathBuf::from("/var/tmp"), PathBuf::from);
    let mut stage = Stage::private(&parent, packed, context.environment.memory)?;
    let unpacked = unpack(&files, &stage.files(), context.environment.cpus);
    problems.extend(unpacked.values().filter_map(|result| result.as_ref().err()).cloned());

    for (release, kernel) in offered.into_iter().flat_map(|offered| &offered.kernels) {
        if let Some(sample) = &kernel.sample {
            // Where builds look how the kernel's modules are compressed.
            let dir = stage.files().join("usr/lib/modules").join(release.as_str());
            fs_err::create_dir_all(&dir)?;
            fs_err::write(dir.join("modules.dep"), format!("{sample}:\n"))?;
        }
    }
    let sources = stage.files().join("usr/src");
    fs_err::create_dir_all(&sources)?;
    let mut found: Vec<(&Given, PathBuf)> = Vec::new();
    for one in given {
        match &one.place {
            Place::Directory(dir) => found.push((one, dir.clone())),
            Place::Offered(dir) => found.push((one, sources.join(dir))),
            Place::Package(_, dirs) => found.extend(dirs.iter().map(|dir| (one, sources.join(dir)))),
        }
    }
    let (mut modules, mut broken) = (Vec::new(), Vec::new());
    for (given, dir) in found {
        let taken = take_in(context, &dir, &sources, output);
        match taken {
            Ok(module) if modules.contains(&module) => {
                broken.push((given.text.clone(), format!("{module} is named twice")))
            }
            Ok(module) => modules.push(module),
            Err(failure) => broken.push((given.text.clone(), failure_text(&failure))),
        }
    }
    // Named as everywhere: builds may write down where they were.
    let places = Places {
        dkms_tree: "/var/lib/dkms".into(),
        source_tree: "/usr/src".into(),
        ..context.places.clone()
    };
    stage.show_alone(&places, offered.is_some())?;
    for module in &modules {
        fs_err::create_dir_all(places.build_dir(module))?;
        link_atomically(&places.source_dir_inside(module), &places.source_link(module))?;
    }
    Ok(Staged { places, modules, broken, unpacked, _stage: stage })
}

/// The files to unpack, and whether each holds tools.
fn to_unpack(
    given: &[Given],
    offered: Option<&KernelPackages>,
    chosen: &[Chosen],
) -> Vec<(KernelFile, bool)> {
    let mut files = Vec::new();
    if let Some(offered) = offered {
        // Of kernels that are not asked for, headers of their own may stay packed.
        let is_wanted = |file: &KernelFile| {
            let own: Vec<_> = offered.kernels.iter().filter(|(_, kernel)| kernel.headers == *file).collect();
            own.is_empty() || own.iter().any(|(release, _)| chosen.iter().any(|one| one.release == **release))
        };
        files.extend(offered.needed.iter().filter(|file| is_wanted(file)).map(|file| (file.clone(), false)));
        files.extend(offered.tools.iter().map(|file| (file.clone(), true)));
    }
    for one in given {
        if let Place::Package(brought, _) = &one.place {
            files.extend(brought.iter().map(|file| (file.clone(), false)));
        }
    }
    files
}

/// Unpacks what builds need, several files at once.
fn unpack(
    files: &[(KernelFile, bool)],
    to: &Path,
    threads: usize,
) -> BTreeMap<PathBuf, Result<Vec<String>, String>> {
    let results = side_by_side(files, threads, &|(file, is_tool)| {
        let wanted = if *is_tool { Incoming::is_tool } else { Incoming::is_needed };
        let unpacked = PackageFile::open(&file.path).and_then(|package| package.unpack(to, &wanted));
        unpacked.map_err(|error| error.to_string())
    });
    files.iter().map(|(file, _)| file.path.clone()).zip(results).collect()
}

/// Copies a module's sources to where they will lie below `/usr/src`, without what only version control needs; those that were
/// unpacked there stay.
fn take_in(context: &Context, dir: &Path, sources: &Path, output: &Output) -> Result<ModuleId, Failure> {
    let conf = dir.join("dkms.conf");
    if !conf.is_file() {
        return Err(Failure::NoConf { path: conf });
    }
    let (module, _) = declared(context, &conf)?;
    let place = sources.join(format!("{}-{}", module.name, module.version));
    if place != dir && place.symlink_metadata().is_err() {
        let is_left_out = |path: &Path| {
            let name = path.file_name().unwrap_or_default();
            name == ".git" || name == ".svn" || name == ".hg" || path == output.place()
        };
        copy_tree_but(dir, &place, None, &is_left_out)?;
    }
    Ok(module)
}
