//! The packages that are to be published: read, copied to where the repository is, and looked at to their ends.

use super::{Request, refused, unsigned};
use crate::model::Failure;
use evermod_packaging::read::{Format, Listed, PackageFile, ReadError};
use evermod_packaging::repository::{RepositoryError, Stored};
use evermod_packaging::rpm;
use std::path::{Path, PathBuf};

/// The file of a package.
#[derive(Debug, Clone)]
pub(super) struct Input {
    pub(super) path: PathBuf,
    pub(super) name: String,
    format: Format,
}

/// Files that begin as packages do.
#[derive(Debug)]
pub struct Inputs(Vec<Input>);

impl Inputs {
    /// Reads the control data of each.
    ///
    /// # Errors
    /// One is not there, or is no package.
    pub fn open(files: &[PathBuf]) -> Result<Self, Failure> {
        let input = |path: &PathBuf| {
            let PackageFile { name, format, .. } = PackageFile::open(path).map_err(unreadable)?;
            Ok(Input { path: path.clone(), name, format })
        };
        files.iter().map(input).collect::<Result<_, _>>().map(Self)
    }

    /// Those of each format.
    pub(super) fn by_format(&self) -> Vec<(Format, Vec<&Input>)> {
        let of = |format| self.0.iter().filter(|input| input.format == format).collect::<Vec<_>>();
        let all = [Format::Deb, Format::Rpm, Format::Arch].map(|format| (format, of(format)));
        all.into_iter().filter(|(_, inputs)| !inputs.is_empty()).collect()
    }
}

impl Input {
    pub(super) fn file_name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Opens it again.
    pub(super) fn open(&self) -> Result<PackageFile, Failure> {
        PackageFile::open(&self.path).map_err(unreadable)
    }

    /// A complaint about this package.
    pub(super) fn refused(&self, why: &RepositoryError) -> Failure {
        refused(&self.path, why)
    }
}

fn unreadable(why: ReadError) -> Failure {
    Failure::UnreadablePackage(why.to_string())
}

/// A package that was read to its end.
pub(super) struct Whole {
    pub(super) package: PackageFile,
    pub(super) listing: Vec<Listed>,
}

impl Whole {
    /// Reads the file at `path`; in errors it is called `called`.
    pub(super) fn open(path: &Path, called: &Path) -> Result<Self, Failure> {
        let read = || {
            let package = PackageFile::open(path)?;
            let listing = package.listing()?;
            Ok(Self { package, listing })
        };
        read().map_err(|mut why: ReadError| {
            called.clone_into(&mut why.path);
            unreadable(why)
        })
    }
}

/// A package as it will lie in the repository.
pub(super) struct Placed {
    pub(super) whole: Whole,
    pub(super) stored: Stored,
    /// The copy that is to be moved to its place; `None` where the same package lies there.
    pub(super) copy: Option<PathBuf>,
}

/// Copies a package to where the repository is, signed where it is an `.rpm` without a signature and there is a key. What
/// lies at its place already is taken if it is the same package, whoever signed it, and is in the way only if an index
/// refers to it.
pub(super) fn place(
    request: &Request<'_>,
    input: &Input,
    package: &PackageFile,
    path: String,
    staging: &Path,
    is_referred_to: &dyn Fn(&str) -> bool,
) -> Result<Placed, Failure> {
    let mut bytes = fs_err::read(&input.path)?;
    let there = request.repo.join(&path);
    if there.is_file() {
        let old = fs_err::read(&there)?;
        // Damaged, it is put there again.
        let whole = Whole::open(&there, &there).ok();
        if let Some(whole) = whole.filter(|whole| body(&whole.package, &old) == body(package, &bytes)) {
            let stored = Stored::new(path, &old);
            return Ok(Placed { whole, stored, copy: None });
        }
        if is_referred_to(&path) {
            let (name, version, architecture) = identity(package);
            return Err(input.refused(&RepositoryError::OtherContents { name, version, architecture }));
        }
    }
    if let (Some(signer), Some(details)) = (request.signer, package.rpm_details().map_err(unreadable)?)
        && !details.is_signed
    {
        if details.is_version_6 {
            let why = "it is of version 6 of the format and has no signature: sign it with rpmsign first";
            return Err(Failure::NotPublished { path: input.path.clone(), why: why.to_owned() });
        }
        bytes = rpm::sign(&bytes, details.header, signer).map_err(|why| unsigned(&why))?;
    }
    let copy = staging.join(&path);
    fs_err::create_dir_all(copy.parent().unwrap_or(staging))?;
    fs_err::write(&copy, &bytes)?;
    let stored = Stored::new(path, &bytes);
    // What counts is what will be there.
    let whole = Whole::open(&copy, &input.path)?;
    if identity(&whole.package) != identity(package) {
        let why = "it changed while it was read".to_owned();
        return Err(Failure::NotPublished { path: input.path.clone(), why });
    }
    Ok(Placed { whole, stored, copy: Some(copy) })
}

/// What tells a package from others: name, version and architecture.
fn identity(package: &PackageFile) -> (String, String, String) {
    (package.name.clone(), package.version.clone(), package.architecture.clone())
}

/// A package that lies in the repository at `path`, and the file as an index names it.
pub(super) fn lying(top: &Path, path: String) -> Result<(Whole, Stored), Failure> {
    let file = top.join(&path);
    let whole = Whole::open(&file, &file)?;
    let bytes = fs_err::read(&file)?;
    Ok((whole, Stored::new(path, &bytes)))
}

/// What of a package is the same whoever signs it: of an `.rpm` everything after the signatures, of others all.
fn body<'a>(package: &PackageFile, bytes: &'a [u8]) -> &'a [u8] {
    let details = package.rpm_details().ok().flatten();
    let start = details.and_then(|details| usize::try_from(details.header.start).ok()).unwrap_or(0);
    bytes.get(start..).unwrap_or(bytes)
}
