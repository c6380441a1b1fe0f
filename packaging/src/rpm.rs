//! RPM packages, in version 4 of the format, which every rpm from EL 8 on reads.

mod patch;

#[cfg(test)]
pub(crate) mod tests;

use ::rpm::{
    BuildConfig, CompressionWithLevel, Dependency as Relation, FileOptions, PackageBuilder, Scriptlet,
    Timestamp,
};

use std::ops::Range;

use crate::openpgp::{self, Kind, SignError, Signer};
use crate::{
    Architecture, Change, Comparison, Content, Dependency, Entry, FileChange, Package, PackageError,
    RelationKind, Requirement, ScriptPoint, Version, check,
};

/// Of zstd: as Fedora's own packages.
const LEVEL: i32 = 19;

/// The usual name: `NAME-VERSION-RELEASE.ARCH.rpm`.
pub fn file_name(package: &Package) -> String {
    let Version { upstream, .. } = &package.version;
    format!(
        "{}-{upstream}-{}.{}.rpm",
        package.name,
        release(&package.version),
        architecture(&package.architecture)
    )
}

/// A version as rpm writes it, with the release that rpm cannot do without.
pub fn version(version: &Version) -> String {
    let epoch = if version.epoch == 0 { String::new() } else { format!("{}:", version.epoch) };
    format!("{epoch}{}-{}", version.upstream, release(version))
}

fn release(version: &Version) -> &str {
    if version.release.is_empty() { "1" } else { &version.release }
}

/// rpm's name for an architecture.
pub fn architecture(architecture: &Architecture) -> &str {
    match architecture {
        Architecture::Any => "noarch",
        Architecture::Machine(machine) => match machine.as_str() {
            "armv7l" => "armv7hl",
            other => other,
        },
    }
}

/// Writes the package. `source_date` (seconds since 1970) is the time of every file in it, and when it was built.
///
/// The same package and date give the same bytes. Only directories that are among the entries belong to the package.
/// Files below `/usr/share/doc`, `man` and `licenses` are marked as what they are; the package is not signed.
///
/// # Errors
/// A package that breaks a rule of the format, named with the part that does.
pub fn write(package: &Package, source_date: u64) -> Result<Vec<u8>, PackageError> {
    check::check(package)?;
    // The builder stops the program over a date that does not fit.
    let date = u32::try_from(source_date)
        .map_err(|_| PackageError::word("date", &source_date.to_string(), "is beyond what rpm can say"))?;
    let mut builder = PackageBuilder::new(
        &package.name,
        &package.version.upstream,
        &package.license,
        architecture(&package.architecture),
        &package.summary,
    );
    let level = CompressionWithLevel::Zstd(LEVEL);
    builder.using_config(BuildConfig::v4().source_date(Timestamp::from(date)).compression(level));
    builder.release(release(&package.version)).build_host("localhost");
    if package.version.epoch != 0 {
        builder.epoch(package.version.epoch);
    }
    let some = |text: &str| Some(text.trim_matches('\n').to_owned()).filter(|text| !text.is_empty());
    some(&package.homepage).map(|text| builder.url(text));
    some(&package.maintainer).map(|text| builder.packager(text));
    some(&package.section).map(|text| builder.group(text));
    some(&package.description).map(|text| builder.description(text));
    for entry in &package.entries {
        add(&mut builder, entry)?;
    }
    relate(&mut builder, package)?;
    for (point, text) in &package.scripts {
        let script = scriptlet(text)?;
        match point {
            ScriptPoint::BeforeInstall => builder.pre_install_script(script),
            ScriptPoint::AfterInstall => builder.post_install_script(script),
            ScriptPoint::BeforeRemove => builder.pre_uninstall_script(script),
            ScriptPoint::AfterRemove => builder.post_uninstall_script(script),
            ScriptPoint::AfterTransaction => builder.post_trans_script(script),
        };
    }
    for (trigger, directory) in patch::single(&package.file_triggers) {
        let script = scriptlet(&trigger.script)?;
        match trigger.change {
            FileChange::Installed => builder.trans_file_trigger_in(directory, None, script),
            FileChange::Removed => builder.trans_file_trigger_postun(directory, None, script),
        };
    }
    for change in &package.changelog {
        let Change { version, author, time, changes, .. } = change;
        let time = u32::try_from(*time).unwrap_or(date);
        let text: Vec<String> = changes.iter().map(|change| format!("- {change}")).collect();
        let head = format!("{author} - {}", self::version(version));
        builder.add_changelog_entry(head, text.join("\n"), Timestamp::from(time));
    }
    let mut built = builder.build().map_err(refused)?;
    patch::patch(&mut built, package).map_err(refused)?;
    let mut bytes = Vec::new();
    built.write(&mut bytes).map_err(refused)?;
    Ok(bytes)
}

/// The package with a signature over its header in place of whatever signatures it had. `header` is where its header
/// lies, which [`crate::read::RpmDetails`] tells. Nothing but the header of signatures changes.
///
/// # Errors
/// The key cannot be used; `header` is not within the package.
pub fn sign(package: &[u8], header: Range<u64>, signer: &dyn Signer) -> Result<Vec<u8>, SignError> {
    let odd = |why: String| SignError::Refused(why);
    let range = usize::try_from(header.start).ok().zip(usize::try_from(header.end).ok());
    let (lead, bytes, rest) = range
        .and_then(|(start, end)| {
            Some((package.get(..patch::LEAD)?, package.get(start..end)?, package.get(start..)?))
        })
        .ok_or_else(|| odd("the package has no header".to_owned()))?;
    let signature = signer.sign(bytes, Kind::Binary)?;
    let algorithm = openpgp::algorithm(&signature)?;
    let signatures = patch::signatures(bytes, rest.len() as u64, &signature, algorithm)
        .map_err(|why| odd(why.to_string()))?;
    Ok([lead, &signatures, rest].concat())
}

/// [`sign`] for a package that [`write`] made, where its header need not be looked for by a reader of strangers' files.
///
/// # Errors
/// The key cannot be used; it is no package.
pub fn sign_own(package: &[u8], signer: &dyn Signer) -> Result<Vec<u8>, SignError> {
    let metadata = ::rpm::PackageMetadata::parse(&mut &*package)
        .map_err(|why| SignError::Refused(format!("the package cannot be read back: {why}")))?;
    let offsets = metadata.get_package_segment_offsets();
    sign(package, offsets.header..offsets.payload, signer)
}

fn refused(why: ::rpm::Error) -> PackageError {
    PackageError::Rpm(why.to_string())
}

fn add(builder: &mut PackageBuilder, entry: &Entry) -> Result<(), PackageError> {
    let path = entry.path.as_str();
    let mode = u16::try_from(entry.mode & 0o7777).unwrap_or(0o644);
    let options = match &entry.content {
        Content::File(_) | Content::Configuration(_) => FileOptions::new(path).permissions(mode),
        Content::Symlink(target) => FileOptions::symlink(path, target.as_str()),
        Content::Directory => FileOptions::dir(path).permissions(mode),
    };
    let options = options.user(entry.owner.as_str()).group(entry.group.as_str());
    let below = |dir: &str| path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'));
    let added = match &entry.content {
        Content::File(content) if below("/usr/share/licenses") => {
            builder.with_file_contents(content.as_slice(), options.license())
        }
        Content::File(content) if below("/usr/share/doc") || below("/usr/share/man") => {
            builder.with_file_contents(content.as_slice(), options.doc())
        }
        Content::File(content) => builder.with_file_contents(content.as_slice(), options),
        Content::Configuration(content) => {
            builder.with_file_contents(content.as_slice(), options.config().noreplace())
        }
        Content::Symlink(_) => builder.with_symlink(options),
        Content::Directory => builder.with_dir_entry(options),
    };
    added.map(|_| ()).map_err(refused)
}

fn relate(builder: &mut PackageBuilder, package: &Package) -> Result<(), PackageError> {
    for (kind, list) in &package.relations {
        for dependency in list {
            let relation = relation(dependency)?;
            match kind {
                RelationKind::PreDepends | RelationKind::Depends => builder.requires(relation),
                RelationKind::Recommends => builder.recommends(relation),
                RelationKind::Suggests => builder.suggests(relation),
                RelationKind::Enhances => builder.enhances(relation),
                RelationKind::Supplements => builder.supplements(relation),
                RelationKind::Breaks | RelationKind::Conflicts => builder.conflicts(relation),
                RelationKind::Replaces => builder.obsoletes(relation),
                RelationKind::Provides => builder.provides(relation),
            };
        }
    }
    Ok(())
}

/// Alternatives, and names that begin with a bracket, become rich relations: `(a or b >= 2)`.
fn relation(dependency: &Dependency) -> Result<Relation, PackageError> {
    for Requirement { name, version } in &dependency.0 {
        let rich = name.starts_with('(') && name.ends_with(')') && version.is_none();
        if name.is_empty() || (!rich && name.contains(char::is_whitespace)) {
            return Err(PackageError::word("relation", name, "is no name of a package"));
        }
    }
    Ok(match dependency.0.as_slice() {
        [] => return Err(PackageError::word("relation", "", "has no alternative")),
        [Requirement { name, version: None }] => Relation::any(name),
        [Requirement { name, version: Some((comparison, version)) }] => match comparison {
            Comparison::Less => Relation::less(name, version),
            Comparison::LessEqual => Relation::less_eq(name, version),
            Comparison::Equal => Relation::eq(name, version),
            Comparison::GreaterEqual => Relation::greater_eq(name, version),
            Comparison::Greater => Relation::greater(name, version),
        },
        _ => Relation::any(format!("({})", relation_texts(dependency))),
    })
}

/// All alternatives of a relation.
pub(crate) fn relation_texts(dependency: &Dependency) -> String {
    dependency.0.iter().map(relation_text).collect::<Vec<_>>().join(" or ")
}

fn relation_text(Requirement { name, version }: &Requirement) -> String {
    let Some((comparison, version)) = version else { return name.clone() };
    let sign = match comparison {
        Comparison::Less => "<",
        Comparison::LessEqual => "<=",
        Comparison::Equal => "=",
        Comparison::GreaterEqual => ">=",
        Comparison::Greater => ">",
    };
    format!("{name} {sign} {version}")
}

/// The interpreter is said beside the script, not in it.
fn scriptlet(text: &str) -> Result<Scriptlet, PackageError> {
    let (first, body) = text.split_once('\n').unwrap_or((text, ""));
    let interpreter = first.strip_prefix("#!").map(str::trim).unwrap_or_default();
    // The builder would write a dependency on a package named `<lua>`.
    if !interpreter.starts_with('/') || interpreter.contains(' ') {
        return Err(PackageError::word("script", first, "does not name an interpreter by its path alone"));
    }
    Ok(Scriptlet::new(body).prog(vec![interpreter]))
}
