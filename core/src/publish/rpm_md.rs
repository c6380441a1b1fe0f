//! An rpm-md repository.

use super::generation::{Generation, files_below};
use super::input::{Input, Placed, lying, place};
use super::{Outcome, Plan, Published, Request, Subscription, client_name, refused, still_signed, unsigned};
use crate::model::Failure;
use evermod_packaging::openpgp::detached;
use evermod_packaging::read::Format;
use evermod_packaging::repository::rpm_md::{self, Entry, LISTS, Repomd};
use evermod_packaging::repository::{IndexFile, plain, sha256};
use std::path::Path;

const DIR: &str = "repodata";

pub(super) fn plan(request: &Request<'_>, inputs: &[&Input], staging: &Path) -> Result<Plan, Failure> {
    let top = request.repo;
    let dir = top.join(DIR);
    let is_signed = dir.join("repomd.xml.asc").exists();
    still_signed(request, &dir, is_signed)?;
    let repomd = match fs_err::read_to_string(dir.join("repomd.xml")) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        text => Some(Repomd::parse(&text?).map_err(|why| refused(&dir, &why))?),
    };
    let known = match &repomd {
        None => Some(Default::default()),
        Some(repomd) => lists(&dir, repomd),
    };
    let is_believed = known.is_some();
    let lists = match known {
        Some(lists) => lists,
        None => of_the_pool(top)?,
    };
    let (mut moves, mut packages, mut added) = (Vec::new(), Vec::new(), Vec::new());
    for input in inputs {
        let package = input.open()?;
        let path = rpm_md::package_path(&package, &input.file_name()).map_err(|why| input.refused(&why))?;
        let is_referred_to = |path: &str| rpm_md::refers_to(&lists[0], path);
        let Placed { whole, stored, copy } = place(request, input, &package, path, staging, &is_referred_to)?;
        added
            .push(rpm_md::entry(&whole.package, &whole.listing, &stored).map_err(|why| input.refused(&why))?);
        packages.push(Published { path: stored.path.clone(), size: stored.size, is_there: copy.is_none() });
        moves.extend(copy.map(|copy| (copy, stored.path)));
    }
    let merged = rpm_md::merge(&lists, &added).map_err(|why| refused(top, &why))?;
    let is_as_it_should_be = is_believed && repomd.is_some() && is_signed == request.signer.is_some();
    let lists = match merged {
        None if is_as_it_should_be => None,
        None => Some(lists),
        merged => merged,
    };
    let index = lists.map(|lists| generation(request, &lists, repomd.as_ref())).transpose()?;
    let subscription = Subscription {
        format: Format::Rpm,
        name: client_name(request)?,
        suite: String::new(),
        components: Vec::new(),
        is_signed: request.signer.is_some(),
    };
    let outcome = Outcome { packages, notes: Vec::new(), subscriptions: vec![subscription] };
    Ok(Plan { moves, index, links: Vec::new(), outcome })
}

/// The three lists, if they are ours and what `repomd.xml` says.
fn lists(dir: &Path, repomd: &Repomd) -> Option<[String; 3]> {
    let text = |kind: &str| {
        let data = repomd.list(kind)?;
        let content = plain(&std::fs::read(dir.join(&data.name)).ok()?).ok()?;
        (sha256(&content) == data.open_digest).then(|| String::from_utf8(content).ok()).flatten()
    };
    let [primary, filelists, other] = LISTS;
    let lists = [text(primary)?, text(filelists)?, text(other)?];
    rpm_md::are_ours(&lists).then_some(lists)
}

/// The lists of what lies in the repository: another program's are not added to, damaged ones not believed.
fn of_the_pool(top: &Path) -> Result<[String; 3], Failure> {
    let mut entries: Vec<Entry> = Vec::new();
    for path in files_below(top, top, &[".rpm"])?.into_iter().filter(|path| !path.ends_with(".src.rpm")) {
        let (whole, stored) = lying(top, path)?;
        let entry = rpm_md::entry(&whole.package, &whole.listing, &stored);
        entries.push(entry.map_err(|why| refused(&top.join(&stored.path), &why))?);
    }
    let lists = rpm_md::merge(&Default::default(), &entries).map_err(|why| refused(top, &why))?;
    Ok(lists.unwrap_or_default())
}

fn generation(
    request: &Request<'_>,
    lists: &[String; 3],
    old: Option<&Repomd>,
) -> Result<Generation, Failure> {
    let (mut files, data) = rpm_md::files(lists, request.time).map_err(|why| refused(request.repo, &why))?;
    let other = old.map(|old| old.other.clone()).unwrap_or_default();
    let repomd = Repomd { data, other };
    let text = repomd.text(request.time);
    if let Some(signer) = request.signer {
        let signature = detached(signer, text.as_bytes()).map_err(|why| unsigned(&why))?;
        files.push(IndexFile { name: "repomd.xml.asc".to_owned(), content: signature.into_bytes() });
    }
    files.push(IndexFile { name: "repomd.xml".to_owned(), content: text.into_bytes() });
    let old_lists = old.iter().flat_map(|old| &old.data).map(|data| data.name.clone());
    Ok(Generation {
        dir: DIR.to_owned(),
        unchanged: repomd.other_names().map(str::to_owned).collect(),
        superseded: old_lists.filter(|name| !files.iter().any(|file| file.name == *name)).collect(),
        aging: vec![String::new()],
        files,
        also: Vec::new(),
    })
}
