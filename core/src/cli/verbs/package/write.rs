//! Makes packages of what was built and writes them, several at once. A package's files are read when its turn comes and are
//! forgotten once it is written: drivers for dozens of kernels are more than a machine has memory for.

use super::Request;
use super::build::{Built, Work};
use super::contents;
use super::drafts::{Draft, drafts, prebuilts};
use super::output::Output;
use super::side_by_side::side_by_side;
use super::stage::Staged;
use super::targets::Target;
use crate::cli::context::Context;
use crate::model::Failure;
use crate::places::Places;
use crate::report::matrix::{Kind, PackageFile};
use evermod_packaging::Package;
use evermod_packaging::module::Signed;
use evermod_packaging::openpgp::Signer;

/// Where packages go, and who signs them.
pub(super) struct Signing<'a> {
    pub output: &'a Output,
    pub signer: Option<&'a dyn Signer>,
}

/// What was written.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub packages: Vec<PackageFile>,
    /// Module, kernel and why what was built for it could not be packaged.
    pub failed: Vec<(String, Option<String>, String)>,
}

/// Packages everything.
///
/// # Errors
/// A file cannot be written. What cannot be packaged is told for its cell.
pub(super) fn write(
    context: &Context,
    request: &Request,
    staged: &Staged,
    targets: &[Target],
    work: &Work,
    output: &Signing<'_>,
    problems: &mut Vec<String>,
) -> Result<Written, Failure> {
    let (prebuilts, failed) = prebuilts(context, request, targets, work);
    let mut written = Written::default();
    written.failed.extend(failed.into_iter().map(|(built, why)| cell(built, why)));
    let drafts = drafts(request, &prebuilts);
    let results =
        side_by_side(&drafts, context.environment.cpus, &|draft| match made(draft, &staged.places) {
            Ok(Some(package)) => write_one(draft, &package, output),
            Ok(None) => Ok(Ok(None)),
            Err(why) => Ok(Err(why)),
        });
    for (draft, result) in drafts.iter().zip(results) {
        match (result?, draft.kind) {
            (Ok(package), _) => written.packages.extend(package),
            (Err(why), Kind::Module) => written.failed.push(cell(draft.of.built, why)),
            (Err(why), Kind::Metapackage) => problems
                .push(format!("{} has no metapackage for {}: {why}", draft.module, draft.of.target.release)),
            (Err(why), Kind::Source) => {
                let text = format!("{} has no package of its sources: {why}", draft.module);
                // What is wrong with them mostly is so in every format.
                if !problems.contains(&text) {
                    problems.push(text);
                }
            }
        }
    }
    Ok(written)
}

fn cell(built: &Built, why: String) -> (String, Option<String>, String) {
    (built.instance.module.to_string(), Some(built.instance.kernel.to_string()), why)
}

/// A package with all that is in it. `None` where its distribution has no use for it.
///
/// # Errors
/// It cannot be made; a sentence.
fn made(draft: &Draft<'_>, places: &Places) -> Result<Option<Package>, String> {
    let Draft { dialect, of, .. } = draft;
    let made = match draft.kind {
        Kind::Module => {
            let whole = of.outline.whole(of.built).map_err(|error| error.to_string())?;
            dialect.prebuilt(&whole).map(Some)
        }
        Kind::Metapackage => dialect.metapackage(of.outline.known()),
        Kind::Source => {
            let source = contents::source(places, draft.module, of.outline.known(), draft.date)?;
            dialect.source(&source).map(Some)
        }
    };
    made.map_err(|error| match draft.kind {
        Kind::Module => format!("no {} package can be made: {error}", dialect.format().name()),
        Kind::Metapackage | Kind::Source => error.to_string(),
    })
}

/// Writes a package, and its signature.
///
/// # Errors
/// Outside: a file cannot be written, a key not be used. Inside: the package breaks a rule of its format; a sentence.
fn write_one(
    draft: &Draft<'_>,
    package: &Package,
    Signing { output, signer }: &Signing<'_>,
) -> Result<Result<Option<PackageFile>, String>, Failure> {
    let Draft { dialect, kind, .. } = draft;
    let format = dialect.format().name();
    let bytes = match dialect.write(package, draft.date) {
        Ok(bytes) => bytes,
        Err(error) => return Ok(Err(format!("no {format} package can be written: {error}"))),
    };
    let file = dialect.file_name(package);
    let signed = match signer {
        None => Signed { package: bytes, beside: None },
        Some(signer) => {
            dialect.sign(bytes, *signer).map_err(|why| Failure::KeyUnusable { why: why.to_string() })?
        }
    };
    let (bytes, signature) = (signed.package, format!("{file}.sig"));
    output.write(&file, &bytes)?;
    match signed.beside {
        Some(beside) => output.write(&signature, &beside)?,
        None => output.remove(&signature)?,
    }
    let is_module = *kind == Kind::Module;
    Ok(Ok(Some(PackageFile {
        file,
        size: bytes.len() as u64,
        format,
        kind: *kind,
        module: draft.module.to_string(),
        kernel: is_module.then(|| draft.of.target.release.to_string()),
    })))
}
