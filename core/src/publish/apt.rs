//! An APT repository.

use super::generation::{Generation, files_below};
use super::input::{Input, Placed, lying, place};
use super::{
    Outcome, Plan, Published, Request, Subscription, checked, checked_line, client_name, refused,
    still_signed, unsigned,
};
use crate::model::Failure;
use evermod_packaging::openpgp::{clear_signed, clear_text, detached};
use evermod_packaging::read::Format;
use evermod_packaging::repository::apt::{self, Entry, Release, Suite};
use evermod_packaging::repository::{IndexFile, plain, sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A suite as it is on disk.
struct There {
    release: Release,
    is_signed: bool,
    /// The text of each index, by component and architecture; `None` where it is not what `Release` says.
    indexes: BTreeMap<(String, String), Option<String>>,
}

pub(super) fn plan(request: &Request<'_>, inputs: &[&Input], staging: &Path) -> Result<Plan, Failure> {
    let top = request.repo;
    let suites = suites(top)?;
    let suite = match (&request.names.suite, suites.as_slice()) {
        (Some(suite), _) => checked("suite", suite)?.to_owned(),
        (None, []) => "stable".to_owned(),
        (None, [only]) => only.clone(),
        (None, several) => {
            let message = format!("--suite has to say which of these is meant: {}", several.join(", "));
            return Err(Failure::Usage { message, code: 2 });
        }
    };
    let dir = format!("dists/{suite}");
    let there = There::read(&top.join(&dir))?;
    still_signed(request, &top.join(&dir), there.as_ref().is_some_and(|there| there.is_signed))?;
    let component = component(request, there.as_ref())?;
    let mut indexes = indexes(request, there.as_ref(), &suites)?;

    let others = suites.iter().filter(|other| **other != suite);
    let others: Vec<There> = others
        .map(|other| There::read(&top.join("dists").join(other)))
        .filter_map(Result::transpose)
        .collect::<Result<_, _>>()?;
    let texts = || others.iter().flat_map(|there| there.indexes.values().flatten()).chain(indexes.values());
    let is_referred_to = |path: &str| texts().any(|text| apt::refers_to(text, path));

    let (mut moves, mut packages, mut added) = (Vec::new(), Vec::new(), Vec::new());
    for input in inputs {
        let name = input.file_name();
        let package = input.open()?;
        let path = apt::pool_path(&package, &name, &component).map_err(|why| input.refused(&why))?;
        let Placed { whole, stored, copy } = place(request, input, &package, path, staging, &is_referred_to)?;
        let entry = apt::entry(&whole.package, &stored).map_err(|why| input.refused(&why))?;
        added.push((*input, entry));
        packages.push(Published { path: stored.path.clone(), size: stored.size, is_there: copy.is_none() });
        moves.extend(copy.map(|copy| (copy, stored.path)));
    }
    let changed = merge(&mut indexes, &component, &added)?;
    let identity = identity(request, there.as_ref(), suite.clone())?;
    let index = generation(request, dir, there.as_ref(), &indexes, &changed, identity)?;
    let components: BTreeSet<String> = indexes.keys().map(|(component, _)| component.clone()).collect();
    let subscription = Subscription {
        format: Format::Deb,
        name: client_name(request)?,
        suite,
        components: components.into_iter().collect(),
        is_signed: request.signer.is_some(),
    };
    let outcome = Outcome { packages, notes: Vec::new(), subscriptions: vec![subscription] };
    Ok(Plan { moves, index, links: Vec::new(), outcome })
}

/// The suites that there are.
fn suites(top: &Path) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(top.join("dists")).into_iter().flatten() {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

impl There {
    fn read(dir: &Path) -> Result<Option<Self>, Failure> {
        let read = |name: &str| match fs_err::read_to_string(dir.join(name)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            text => text.map(Some),
        };
        let framed = read("InRelease")?;
        let is_signed = framed.is_some();
        let Some(text) =
            framed.map(|text| clear_text(&text)).map_or_else(|| read("Release"), |text| Ok(Some(text)))?
        else {
            return Ok(None);
        };
        let release = Release::parse(&text).map_err(|why| refused(dir, &why))?;
        let named: Vec<(String, String, String)> =
            release.indexes().map(|(c, a, name)| (c.to_owned(), a.to_owned(), name.to_owned())).collect();
        let mut indexes = BTreeMap::new();
        for (component, architecture, name) in named {
            indexes.insert((component, architecture), text_of(dir, &release, &name));
        }
        Ok(Some(Self { release, is_signed, indexes }))
    }
}

/// The text of an index, where one of its files is as `Release` says.
fn text_of(dir: &Path, release: &Release, name: &str) -> Option<String> {
    let digest = release.digest(name)?;
    let read = |end: &str| {
        let content = std::fs::read(dir.join(format!("{name}{end}"))).ok()?;
        let content = if end.is_empty() { content } else { plain(&content).ok()? };
        (sha256(&content) == digest).then(|| String::from_utf8(content).ok()).flatten()
    };
    ["", ".zst", ".xz", ".gz"].into_iter().find_map(read)
}

fn component(request: &Request<'_>, there: Option<&There>) -> Result<String, Failure> {
    let known: BTreeSet<&str> = there
        .iter()
        .flat_map(|there| there.indexes.keys().map(|(component, _)| component.as_str()))
        .collect();
    match (&request.names.component, known.into_iter().collect::<Vec<_>>().as_slice()) {
        (Some(component), _) => Ok(checked("component", component)?.to_owned()),
        (None, []) => Ok("main".to_owned()),
        (None, [only]) => Ok((*only).to_owned()),
        (None, several) => {
            let message = format!("--component has to say which of these is meant: {}", several.join(", "));
            Err(Failure::Usage { message, code: 2 })
        }
    }
}

fn identity(request: &Request<'_>, there: Option<&There>, suite: String) -> Result<Suite, Failure> {
    let old = there.map(|there| there.release.suite.clone());
    Ok(match (&request.names.origin, old) {
        (None, Some(old)) => old,
        (None, None) => Suite { suite, origin: "evermod".to_owned(), label: "evermod".to_owned() },
        (Some(origin), _) => {
            let origin = checked_line("origin", origin)?.to_owned();
            Suite { suite, label: origin.clone(), origin }
        }
    })
}

/// The texts of all indexes of the suite; those that cannot be believed are made anew of the pool.
fn indexes(
    request: &Request<'_>,
    there: Option<&There>,
    suites: &[String],
) -> Result<BTreeMap<(String, String), String>, Failure> {
    let mut texts = BTreeMap::new();
    let mut pools: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    for ((component, architecture), text) in there.iter().flat_map(|there| &there.indexes) {
        if let Some(text) = text {
            texts.insert((component.clone(), architecture.clone()), text.clone());
            continue;
        }
        if suites.len() > 1 {
            let path = request.repo.join(format!("dists/*/{component}/binary-{architecture}/Packages"));
            let why = "it is not what Release says, and cannot be made anew: nothing else tells which of the suites a \
                       package of the pool belongs to. Bring it back, or publish its packages again after deleting the suite";
            return Err(Failure::NotPublished { path, why: why.to_owned() });
        }
        if !pools.contains_key(component) {
            pools.insert(component.clone(), pool(request.repo, component)?);
        }
        let entries = pools.get(component).into_iter().flatten();
        let entries =
            entries.filter(|entry| entry.architecture == *architecture || entry.architecture == "all");
        let entries: Vec<Entry> = entries.cloned().collect();
        let text = apt::merge("", &entries).map_err(|why| refused(request.repo, &why))?;
        texts.insert((component.clone(), architecture.clone()), text.unwrap_or_default());
    }
    Ok(texts)
}

/// What the pool has of a component.
fn pool(top: &Path, component: &str) -> Result<Vec<Entry>, Failure> {
    let mut entries = Vec::new();
    for path in files_below(top, &top.join("pool").join(component), &[".deb"])? {
        let (whole, stored) = lying(top, path)?;
        entries
            .push(apt::entry(&whole.package, &stored).map_err(|why| refused(&top.join(&stored.path), &why))?);
    }
    Ok(entries)
}

/// Puts entries into the indexes of their architectures; says which of them changed.
fn merge(
    indexes: &mut BTreeMap<(String, String), String>,
    component: &str,
    added: &[(&Input, Entry)],
) -> Result<BTreeSet<(String, String)>, Failure> {
    let key = |architecture: &str| (component.to_owned(), architecture.to_owned());
    let for_all = indexes.get(&key("all")).cloned().unwrap_or_default();
    let known =
        indexes.keys().filter(|(own, _)| own == component).map(|(_, architecture)| architecture.clone());
    let architectures: BTreeSet<String> =
        known.chain(added.iter().map(|(_, entry)| entry.architecture.clone())).collect();
    let mut changed = BTreeSet::new();
    for architecture in architectures {
        let is_new = !indexes.contains_key(&key(&architecture));
        let text = indexes.entry(key(&architecture)).or_insert_with(|| for_all.clone());
        let wanted = added
            .iter()
            .filter(|(_, entry)| entry.architecture == architecture || entry.architecture == "all");
        let entries: Vec<Entry> = wanted.clone().map(|(_, entry)| entry.clone()).collect();
        let path = |name: &str| wanted.clone().find(|(input, _)| input.name == name).map(|(input, _)| *input);
        let merged = apt::merge(text, &entries).map_err(|why| match &why {
            evermod_packaging::repository::RepositoryError::OtherContents { name, .. } => {
                path(name).map_or_else(|| refused(Path::new(name), &why), |input| input.refused(&why))
            }
            _ => refused(Path::new(component), &why),
        })?;
        if let Some(merged) = merged {
            *text = merged;
            changed.insert(key(&architecture));
        } else if is_new {
            changed.insert(key(&architecture));
        }
    }
    Ok(changed)
}

/// The directory of the suite, where anything of it changes.
fn generation(
    request: &Request<'_>,
    dir: String,
    there: Option<&There>,
    indexes: &BTreeMap<(String, String), String>,
    changed: &BTreeSet<(String, String)>,
    identity: Suite,
) -> Result<Option<Generation>, Failure> {
    let old = there.map(|there| &there.release);
    let is_changed = |key: &(String, String)| {
        // What was made anew counts as changed.
        changed.contains(key) || there.is_none_or(|there| there.indexes.get(key).is_none_or(Option::is_none))
    };
    let mut generation = Generation { dir, ..Generation::default() };
    let mut listed = Vec::new();
    for (key, text) in indexes {
        let place = format!("{}/binary-{}", key.0, key.1);
        generation.aging.push(format!("{place}/by-hash/SHA256"));
        if is_changed(key) {
            let files = apt::files(text).map_err(|why| refused(request.repo, &why))?;
            let files =
                files.into_iter().map(|file| IndexFile { name: format!("{place}/{}", file.name), ..file });
            generation.files.extend(files);
            continue;
        }
        let files = old.iter().flat_map(|old| &old.files);
        for (digest, size, name) in files.filter(|(_, _, name)| name.starts_with(&format!("{place}/"))) {
            generation.unchanged.push(name.clone());
            listed.push((digest.clone(), *size, name.clone()));
        }
    }
    let mut release = Release::of(identity, &generation.files);
    let is_same = old.is_some_and(|old| old.suite == release.suite)
        && generation.files.is_empty()
        && there.is_some_and(|there| there.is_signed == request.signer.is_some());
    if is_same {
        return Ok(None);
    }
    release.files.extend(listed);
    release.files.sort_by(|a, b| a.2.cmp(&b.2));
    for (digest, _, name) in &release.files {
        generation.also.push((Release::by_hash(digest, name), name.clone()));
    }
    for (digest, _, name) in old.iter().flat_map(|old| &old.files) {
        if release.digest(name) != Some(digest) {
            generation.superseded.push(Release::by_hash(digest, name));
        }
    }
    let text = release.text(request.time);
    if let Some(signer) = request.signer {
        let framed = clear_signed(signer, &text).map_err(|why| unsigned(&why))?;
        let signature = detached(signer, text.as_bytes()).map_err(|why| unsigned(&why))?;
        generation.files.push(IndexFile { name: "InRelease".to_owned(), content: framed.into_bytes() });
        generation.files.push(IndexFile { name: "Release.gpg".to_owned(), content: signature.into_bytes() });
    }
    generation.files.push(IndexFile { name: "Release".to_owned(), content: text.into_bytes() });
    Ok(Some(generation))
}
