//! A repository of pacman's.

use super::generation::{Generation, files_below};
use super::input::{Input, Placed, lying, place};
use super::{Outcome, Plan, Published, Request, Subscription, client_name, refused, still_signed, unsigned};
use crate::model::Failure;
use evermod_packaging::openpgp::Kind;
use evermod_packaging::read::Format;
use evermod_packaging::repository::pacman::{self, Database, Replaced};
use evermod_packaging::repository::{IndexFile, Stored, plain, sha256};
use std::path::Path;

/// The digest of the database that lies beside it, by which it is known to be whole.
const DIGEST: &str = "files.sha256";

pub(super) fn plan(request: &Request<'_>, inputs: &[&Input], staging: &Path) -> Result<Plan, Failure> {
    let top = request.repo;
    let name = name(request)?;
    let dir = format!("{name}.db.d");
    let is_signed = top.join(format!("{name}.db.sig")).exists();
    still_signed(request, &top.join(format!("{name}.db")), is_signed)?;
    let known = read(&top.join(&dir), &name);
    let is_believed = known.is_some();
    let mut database = match known {
        Some(database) => database,
        None => of_the_pool(top)?,
    };
    let (mut moves, mut packages, mut added) = (Vec::new(), Vec::new(), Vec::new());
    let mut architecture = database.architecture().map(str::to_owned);
    for input in inputs {
        let package = input.open()?;
        let path = pacman::package_path(&package, &input.file_name()).map_err(|why| input.refused(&why))?;
        if package.architecture != "any" {
            let own = architecture.get_or_insert_with(|| package.architecture.clone());
            if *own != package.architecture {
                let why = format!(
                    "it is for {}, and a repository of pacman's is for one architecture: this one's is {own}",
                    package.architecture
                );
                return Err(Failure::NotPublished { path: input.path.clone(), why });
            }
        }
        let Placed { whole, stored, copy } =
            place(request, input, &package, path, staging, &|path| database.refers_to(path))?;
        added
            .push(pacman::entry(&whole.package, &whole.listing, &stored).map_err(|why| input.refused(&why))?);
        packages.push(Published { path: stored.path.clone(), size: stored.size, is_there: copy.is_none() });
        let signed = format!("{}.sig", stored.path);
        if let Some(signature) = signature(request, input, &stored, copy.as_deref())? {
            let file = staging.join(&signed);
            fs_err::write(&file, signature)?;
            moves.push((file, signed));
        }
        moves.extend(copy.map(|copy| (copy, stored.path)));
    }
    let merged = database.merge(&added).map_err(|why| refused(top, &why))?;
    let is_as_it_should_be = is_believed && is_signed == request.signer.is_some();
    let index = if merged.is_none() && is_as_it_should_be {
        None
    } else {
        Some(generation(request, &database, &name, dir.clone())?)
    };
    let notes = merged.unwrap_or_default().into_iter();
    let notes =
        notes.map(|Replaced { name, old, new }| format!("{name} {new} takes the place of {old}")).collect();
    let links = links(top, &name, &dir, request.signer.is_some());
    let subscription = Subscription {
        format: Format::Arch,
        name,
        suite: String::new(),
        components: Vec::new(),
        is_signed: request.signer.is_some(),
    };
    Ok(Plan { moves, index, links, outcome: Outcome { packages, notes, subscriptions: vec![subscription] } })
}

/// The name of the database: of the one that there is, where none is named.
fn name(request: &Request<'_>) -> Result<String, Failure> {
    if request.names.name.is_some() {
        return client_name(request);
    }
    let listing = std::fs::read_dir(request.repo).into_iter().flatten().flatten();
    let names = listing
        .filter_map(|entry| entry.file_name().to_string_lossy().strip_suffix(".db").map(str::to_owned));
    let mut names: Vec<String> = names.collect();
    names.sort();
    match names.as_slice() {
        [] => client_name(request),
        [only] => Ok(only.clone()),
        several => {
            let message = format!("--name has to say which of these is meant: {}", several.join(", "));
            Err(Failure::Usage { message, code: 2 })
        }
    }
}

/// The database, if it is whole.
fn read(dir: &Path, name: &str) -> Option<Database> {
    let digest = std::fs::read_to_string(dir.join(DIGEST)).ok()?;
    let content = std::fs::read(dir.join(format!("{name}.files.tar.zst"))).ok()?;
    (sha256(&content) == digest.trim()).then_some(())?;
    Database::parse(&plain(&content).ok()?).ok()
}

/// The database of what lies in the repository; empty where nothing does.
fn of_the_pool(top: &Path) -> Result<Database, Failure> {
    let mut database = Database::default();
    let ends = [".pkg.tar.zst", ".pkg.tar.xz", ".pkg.tar.gz", ".pkg.tar"];
    let files = files_below(top, top, &ends)?.into_iter().filter(|path| !path.contains('/'));
    let mut found = Vec::new();
    for path in files {
        let file = top.join(&path);
        let modified = fs_err::metadata(&file)?.modified()?;
        let (whole, stored) = lying(top, path)?;
        let entry = pacman::entry(&whole.package, &whole.listing, &stored);
        found.push((modified, entry.map_err(|why| refused(&file, &why))?));
    }
    // What came last counts, where there are several versions.
    found.sort_by_key(|(modified, _)| *modified);
    for (_, entry) in found {
        database.merge(&[entry]).map_err(|why| refused(top, &why))?;
    }
    Ok(database)
}

/// The package's signature, where it needs one yet: the one that came with it, or ours.
fn signature(
    request: &Request<'_>,
    input: &Input,
    stored: &Stored,
    copy: Option<&Path>,
) -> Result<Option<Vec<u8>>, Failure> {
    let there = request.repo.join(format!("{}.sig", stored.path));
    if copy.is_none() && there.exists() {
        return Ok(None);
    }
    let mut beside = input.path.clone().into_os_string();
    beside.push(".sig");
    if Path::new(&beside).is_file() {
        return Ok(Some(fs_err::read(beside)?));
    }
    let Some(signer) = request.signer else { return Ok(None) };
    let bytes = match copy {
        Some(copy) => fs_err::read(copy)?,
        None => fs_err::read(request.repo.join(&stored.path))?,
    };
    signer.sign(&bytes, Kind::Binary).map(Some).map_err(|why| unsigned(&why))
}

fn generation(
    request: &Request<'_>,
    database: &Database,
    name: &str,
    dir: String,
) -> Result<Generation, Failure> {
    let mut files = database.files(name, request.time).map_err(|why| refused(request.repo, &why))?;
    let mut beside = Vec::new();
    for file in &files {
        if let Some(signer) = request.signer {
            let signature = signer.sign(&file.content, Kind::Binary).map_err(|why| unsigned(&why))?;
            beside.push(IndexFile { name: format!("{}.sig", file.name), content: signature });
        }
        if file.name == format!("{name}.files.tar.zst") {
            let digest = format!("{}\n", sha256(&file.content));
            beside.push(IndexFile { name: DIGEST.to_owned(), content: digest.into_bytes() });
        }
    }
    files.append(&mut beside);
    Ok(Generation { dir, files, ..Generation::default() })
}

/// The names that pacman and people look for, those that are missing. Signatures come first: pacman asks for them after
/// the database.
fn links(top: &Path, name: &str, dir: &str, is_signed: bool) -> Vec<(String, String)> {
    let mut links = Vec::new();
    for end in if is_signed { [".sig", ""].as_slice() } else { &[""] } {
        for kind in ["files", "db"] {
            let target = format!("{dir}/{name}.{kind}.tar.zst{end}");
            links.push((format!("{name}.{kind}.tar.zst{end}"), target.clone()));
            links.push((format!("{name}.{kind}{end}"), target));
        }
    }
    links.retain(|(link, target)| {
        std::fs::read_link(top.join(link)).ok().as_deref() != Some(Path::new(target))
    });
    links
}
