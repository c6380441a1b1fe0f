//! Which packages are to be made of what was built: of each prebuilt, of each flavour, of the sources, in each format.

use super::Request;
use super::build::{Built, Work};
use super::contents::{self, Outline};
use super::side_by_side::side_by_side;
use super::targets::Target;
use crate::cli::context::Context;
use crate::model::ModuleId;
use crate::report::matrix::Kind;
use evermod_packaging::module::Dialect;
use evermod_packaging::read::Format;
use std::collections::BTreeMap;

/// What was built for one kernel and can be packaged.
pub(super) struct Prebuilt<'a> {
    pub target: &'a Target,
    pub built: &'a Built,
    pub outline: Outline,
}

/// What there is to be packaged, by module; of each the newest kernel last.
pub(super) type Prebuilts<'a> = BTreeMap<&'a ModuleId, Vec<Prebuilt<'a>>>;

/// A package that is still to be made.
pub(super) struct Draft<'a> {
    pub dialect: Dialect,
    pub kind: Kind,
    pub module: &'a ModuleId,
    /// What it holds; for a metapackage and for sources, what it is like.
    pub of: &'a Prebuilt<'a>,
    /// Seconds since 1970.
    pub date: u64,
}

/// Looks at everything that was built, and tells what of it cannot be packaged.
pub(super) fn prebuilts<'a>(
    context: &Context,
    request: &Request,
    targets: &'a [Target],
    work: &'a Work,
) -> (Prebuilts<'a>, Vec<(&'a Built, String)>) {
    let (mut prebuilts, mut failed) = (Prebuilts::new(), Vec::new());
    let pairs: Vec<(&Target, &Built)> = work
        .built
        .iter()
        .filter_map(|built| {
            let target = targets.iter().find(|target| target.release == built.instance.kernel)?;
            Some((target, built))
        })
        .collect();
    let outlines = side_by_side(&pairs, context.environment.cpus, &|(target, built)| {
        contents::outline(context, request, target, built)
    });
    for ((target, built), outline) in pairs.into_iter().zip(outlines) {
        match outline {
            Ok(outline) => {
                prebuilts.entry(&built.instance.module).or_default().push(Prebuilt { target, built, outline })
            }
            Err(why) => failed.push((built, why)),
        }
    }
    for packages in prebuilts.values_mut() {
        packages.sort_by(|a, b| a.target.release.cmp(&b.target.release));
    }
    (prebuilts, failed)
}

/// All packages that are asked for.
pub(super) fn drafts<'a>(request: &Request, prebuilts: &'a Prebuilts<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for (module, packages) in prebuilts {
        let draft = |dialect, kind, of: &'a Prebuilt<'a>, date| Draft { dialect, kind, module, of, date };
        // Of a flavour and of the sources, what the newest kernel says last stands.
        let mut newest: BTreeMap<(Format, Option<String>), (Dialect, &Prebuilt<'_>)> = BTreeMap::new();
        let mut formats_of_sources: BTreeMap<Format, Dialect> = BTreeMap::new();
        for prebuilt in packages {
            let target = prebuilt.target;
            for format in formats(request, target) {
                let dialect = dialect(format, target);
                drafts.push(draft(dialect.clone(), Kind::Module, prebuilt, target.date));
                newest.insert((format, target.about.flavour.clone()), (dialect.clone(), prebuilt));
                formats_of_sources.insert(format, dialect);
            }
        }
        if request.metapackage {
            let of_flavours = newest.into_values();
            drafts.extend(
                of_flavours.map(|(dialect, of)| draft(dialect, Kind::Metapackage, of, of.target.date)),
            );
        }
        // The sources' date is that of the newest headers they were built against: times of files tell when they were checked out.
        let date = packages.iter().map(|prebuilt| prebuilt.target.date).max().unwrap_or_default();
        if let Some(like) = packages.last().filter(|_| request.source) {
            let dialects = formats_of_sources.into_values();
            drafts.extend(dialects.map(|dialect| draft(dialect, Kind::Source, like, date)));
        }
    }
    drafts
}

fn formats(request: &Request, target: &Target) -> Vec<Format> {
    if request.formats.is_empty() { vec![target.format] } else { request.formats.clone() }
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
