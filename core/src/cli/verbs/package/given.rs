//! The modules that a caller names: where their sources are.

use crate::cli::context::Context;
use crate::inventory::{KernelFile, KernelPackages, Source};
use crate::model::{Failure, ModuleId};
use std::path::{Path, PathBuf};

/// One module as it was named.
#[derive(Debug)]
pub(super) struct Given {
    /// What the caller wrote.
    pub text: String,
    /// Where it is.
    pub place: Place,
}

/// Where a module's sources are.
#[derive(Debug)]
pub(super) enum Place {
    /// In this directory.
    Directory(PathBuf),
    /// In package files, in these directories below `/usr/src`.
    Package(Vec<KernelFile>, Vec<String>),
    /// In this directory below `/usr/src`, of the packages that also bring the kernels.
    Offered(String),
}

impl Given {
    /// Finds what `text` names: a directory with a dkms.conf, a package file that brings one, a registered module, sources
    /// below `/usr/src` or in one of the packages with kernels.
    ///
    /// # Errors
    /// It names nothing, or several modules.
    pub(super) fn find(
        context: &Context,
        text: &str,
        offered: Option<&KernelPackages>,
    ) -> Result<Self, Failure> {
        let path = Path::new(text);
        let place = if path.join("dkms.conf").is_file() {
            Place::Directory(fs_err::canonicalize(path)?)
        } else if path.is_file() {
            file(context, path)?
        } else if path.is_dir() {
            return Err(Failure::NoConf { path: path.join("dkms.conf") });
        } else {
            named(context, text, offered)?
        };
        Ok(Self { text: text.to_string(), place })
    }

    /// The directory, where it is one.
    pub(super) fn directory(&self) -> Option<&Path> {
        match &self.place {
            Place::Directory(dir) => Some(dir),
            _ => None,
        }
    }
}

fn file(context: &Context, path: &Path) -> Result<Place, Failure> {
    let inside = KernelPackages::read(&[path.to_path_buf()], &context.environment.arch)?;
    let bad = |message| Failure::Usage { message, code: 2 };
    if let Some(why) = inside.problems.first() {
        return Err(bad(why.clone()));
    }
    if inside.sources.is_empty() {
        return Err(bad(format!("{}: there is no dkms.conf below /usr/src in this package", path.display())));
    }
    Ok(Place::Package(inside.needed, inside.sources.into_iter().collect()))
}

fn named(context: &Context, text: &str, offered: Option<&KernelPackages>) -> Result<Place, Failure> {
    let (name, version) = text.split_once('/').map_or((text, None), |(name, version)| (name, Some(version)));
    let fits = |dir: &str| match version {
        Some(version) => *dir == format!("{name}-{version}"),
        None => dir
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('-'))
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())),
    };
    let of_packages: Vec<_> =
        offered.into_iter().flat_map(|offered| &offered.sources).filter(|dir| fits(dir)).cloned().collect();
    if let [only] = of_packages.as_slice() {
        return Ok(Place::Offered(only.clone()));
    }
    let tree = context.tree()?;
    let registered: Vec<_> = match version {
        Some(version) => tree.find(&ModuleId::new(name, version)?).into_iter().collect(),
        None => tree.versions(name),
    };
    match registered.as_slice() {
        [only] => match &only.source {
            Source::Directory(dir) => return Ok(Place::Directory(dir.clone())),
            _ => return Err(Failure::Broken { module: only.module.clone() }),
        },
        [] => {}
        _ => return Err(Failure::ModuleNotNamed { action: "package" }),
    }
    let sources = context.places.root.at(&context.places.source_tree);
    let listing = std::fs::read_dir(&sources).into_iter().flatten().flatten();
    let dirs = listing.filter_map(|entry| entry.file_name().into_string().ok());
    let dirs: Vec<_> =
        dirs.filter(|dir| fits(dir) && sources.join(dir).join("dkms.conf").is_file()).collect();
    match dirs.as_slice() {
        [only] => Ok(Place::Directory(sources.join(only))),
        [] => Err(Failure::UnknownName { name: text.to_string() }),
        _ => Err(Failure::ModuleNotNamed { action: "package" }),
    }
}
