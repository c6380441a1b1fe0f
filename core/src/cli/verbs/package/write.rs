//! Makes packages of what was built, in every format, and has them written; several at once.

use super::Request;
use super::build::{Built, Work};
use super::contents;
use super::output::Output;
use super::side_by_side::side_by_side;
use super::stage::Staged;
use super::targets::Target;
use crate::cli::context::Context;
use crate::model::{Failure, ModuleId};
use crate::report::matrix::{Kind, PackageFile};
use evermod_packaging::module::{Dialect, ModulePackage, Signed};
use evermod_packaging::openpgp::Signer;
use evermod_packaging::read::Format;
use evermod_packaging::{Package, PackageError};
use std::collections::BTreeMap;

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

/// A package that is still to be written.
struct Draft {
    dialect: Dialect,
    package: Package,
    kind: Kind,
    module: String,
    kernel: Option<String>,
    date: u64,
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
    let mut written = Written::default();
    let mut prebuilts: BTreeMap<ModuleId, Vec<(&Target, ModulePackage)>> = BTreeMap::new();
    for built in &work.built {
        let Some(target) = targets.iter().find(|target| target.release == built.instance.kernel) else {
            continue;
        };
        match contents::prebuilt(context, request, target, built) {
            Ok(package) => {
                prebuilts.entry(built.instance.module.clone()).or_default().push((target, package))
            }
            Err(why) => written.failed.push(cell(built, why)),
        }
    }
    let mut drafts = Vec::new();
    for (module, packages) in &mut prebuilts {
        packages.sort_by(|a, b| a.0.release.cmp(&b.0.release));
        let name = module.to_string();
        for (target, package) in packages.iter() {
            for format in formats(request, target) {
                let dialect = dialect(format, target);
                let kernel = Some(target.release.to_string());
                match dialect.prebuilt(package) {
                    Ok(package) => drafts.push(Draft {
                        dialect,
                        package,
                        kind: Kind::Module,
                        module: name.clone(),
                        kernel,
                        date: target.date,
                    }),
                    Err(error) => written.failed.push((name.clone(), kernel, not_packaged(format, &error))),
                }
            }
        }
        // A flavour's newest kernel comes last.
        let mut newest: BTreeMap<(Format, Option<String>), (Dialect, &Target, &ModulePackage)> =
            BTreeMap::new();
        for (target, package) in packages.iter().filter(|_| request.metapackage) {
            for format in formats(request, target) {
                let key = (format, target.about.flavour.clone());
                newest.insert(key, (dialect(format, target), target, package));
            }
        }
        for (dialect, target, package) in newest.into_values() {
            match dialect.metapackage(package) {
                Ok(None) => {}
                Ok(Some(package)) => drafts.push(Draft {
                    dialect,
                    package,
                    kind: Kind::Metapackage,
                    module: name.clone(),
                    kernel: None,
                    date: target.date,
                }),
                Err(error) => {
                    problems.push(format!("{name} has no metapackage for {}: {error}", target.release))
                }
            }
        }
        if request.source {
            sources(request, staged, module, packages, &mut drafts, problems);
        }
    }
    written.packages = write_all(&drafts, output, context.environment.cpus, &mut written.failed, problems)?;
    Ok(written)
}

/// The package of a module's sources, once in each format that its prebuilts have. Its date is that of the newest headers it was
/// built against: times of files tell when they were checked out.
fn sources(
    request: &Request,
    staged: &Staged,
    module: &ModuleId,
    packages: &[(&Target, ModulePackage)],
    drafts: &mut Vec<Draft>,
    problems: &mut Vec<String>,
) {
    let Some((_, like)) = packages.last() else { return };
    let date = packages.iter().map(|(target, _)| target.date).max().unwrap_or_default();
    let bad = |why: &dyn std::fmt::Display| format!("{module} has no package of its sources: {why}");
    let source = match contents::source(&staged.places, module, like, date) {
        Ok(source) => source,
        Err(why) => return problems.push(bad(&why)),
    };
    let mut dialects: BTreeMap<Format, Dialect> = BTreeMap::new();
    for (target, _) in packages {
        dialects.extend(formats(request, target).into_iter().map(|format| (format, dialect(format, target))));
    }
    for dialect in dialects.into_values() {
        match dialect.source(&source) {
            Ok(package) => drafts.push(Draft {
                dialect,
                package,
                kind: Kind::Source,
                module: module.to_string(),
                kernel: None,
                date,
            }),
            Err(error) => problems.push(bad(&error)),
        }
    }
}

fn cell(built: &Built, why: String) -> (String, Option<String>, String) {
    (built.instance.module.to_string(), Some(built.instance.kernel.to_string()), why)
}

fn formats(request: &Request, target: &Target) -> Vec<Format> {
    if request.formats.is_empty() { vec![target.format] } else { request.formats.clone() }
}

fn not_packaged(format: Format, error: &PackageError) -> String {
    format!("no {} package can be made: {error}", format.name())
}

fn dialect(format: Format, target: &Target) -> Dialect {
    match format {
        Format::Deb => Dialect::Debian { usr_merged: target.format != Format::Deb || target.usr_merged },
        Format::Rpm => Dialect::Fedora { dist: dist(target.release.as_str()) },
        Format::Arch => Dialect::Arch,
    }
}

/// `%{dist}` of the distribution that a kernel is of: `.fc41` of `6.11.4-301.fc41.x86_64`, `.el9_4` of RHEL's.
fn dist(release: &str) -> String {
    let is_dist = |part: &&str| {
        let number = ["fc", "el", "amzn", "oe", "an"].iter().find_map(|family| part.strip_prefix(family));
        number.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    release.split('.').find(is_dist).map(|part| format!(".{part}")).unwrap_or_default()
}

/// Writes drafts on several threads, by name.
fn write_all(
    drafts: &[Draft],
    output: &Signing<'_>,
    threads: usize,
    failed: &mut Vec<(String, Option<String>, String)>,
    problems: &mut Vec<String>,
) -> Result<Vec<PackageFile>, Failure> {
    let results = side_by_side(drafts, threads, &|draft| write_one(draft, output));
    let mut packages = Vec::new();
    for (draft, result) in drafts.iter().zip(results) {
        match result? {
            Ok(package) => packages.push(package),
            Err(error) => match &draft.kernel {
                Some(_) => {
                    let why = format!("no {} package can be written: {error}", draft.dialect.format().name());
                    failed.push((draft.module.clone(), draft.kernel.clone(), why));
                }
                None => problems.push(format!("{}: {error}", draft.package.name)),
            },
        }
    }
    Ok(packages)
}

fn write_one(
    draft: &Draft,
    Signing { output, signer }: &Signing<'_>,
) -> Result<Result<PackageFile, PackageError>, Failure> {
    let bytes = match draft.dialect.write(&draft.package, draft.date) {
        Ok(bytes) => bytes,
        Err(error) => return Ok(Err(error)),
    };
    let file = draft.dialect.file_name(&draft.package);
    let signed = match signer {
        None => Signed { package: bytes, beside: None },
        Some(signer) => {
            draft.dialect.sign(bytes, *signer).map_err(|why| Failure::KeyUnusable { why: why.to_string() })?
        }
    };
    let (bytes, signature) = (signed.package, format!("{file}.sig"));
    output.write(&file, &bytes)?;
    match signed.beside {
        Some(beside) => output.write(&signature, &beside)?,
        None => output.remove(&signature)?,
    }
    Ok(Ok(PackageFile {
        file,
        size: bytes.len() as u64,
        format: draft.dialect.format().name(),
        kind: draft.kind,
        module: draft.module.clone(),
        kernel: draft.kernel.clone(),
    }))
}

#[cfg(test)]
mod tests {
    use super::dist;

    #[test]
    fn distributions_by_their_kernels() {
        assert_eq!(dist("6.11.4-301.fc41.x86_64"), ".fc41");
        assert_eq!(dist("5.14.0-427.13.1.el9_4.x86_64"), ".el9_4");
        assert_eq!(dist("6.1.0-56-amd64"), "");
        assert_eq!(dist("6.12.117+deb12-amd64"), "");
    }
}
