//! Repositories on disk: packages go into the pool, then an index that names them takes the place of the old one.
//!
//! Whatever clients read together lies in one directory: `dists/SUITE`, `repodata`, or `NAME.db.d` behind pacman's links.
//! It is made anew beside the old one, of hard links where nothing changes, and the two change places in one step. So
//! there is no moment at which a client, or a run after one that was killed, finds a part of it.

mod apt;
mod generation;
mod input;
mod pacman;
mod rpm_md;

#[cfg(test)]
mod tests;

use crate::install::files::{TEMPORARY, link_atomically, sweep};
use crate::install::source::sweep_trees;
use crate::model::Failure;
use evermod_packaging::openpgp::{SignError, Signer};
use evermod_packaging::read::Format;
use evermod_packaging::repository::RepositoryError;
use generation::Generation;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

pub use input::Inputs;

/// What the names of a repository are to be; what is not said stays as it is, or gets its usual name.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// APT's suite.
    pub suite: Option<String>,
    /// APT's component.
    pub component: Option<String>,
    /// Of pacman's database, and of the section that a client writes.
    pub name: Option<String>,
    /// Who publishes it.
    pub origin: Option<String>,
}

/// Where packages go, and how.
pub struct Request<'a> {
    /// The top of the repository.
    pub repo: &'a Path,
    /// Its names.
    pub names: &'a Names,
    /// Who signs.
    pub signer: Option<&'a dyn Signer>,
    /// The date of indexes, in seconds since 1970.
    pub time: u64,
    /// What time it is.
    pub now: SystemTime,
}

/// What became of one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Below the top of the repository.
    pub path: String,
    /// In bytes.
    pub size: u64,
    /// Whether it was there already.
    pub is_there: bool,
}

/// One repository, as clients name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Whose format it has.
    pub format: Format,
    /// What a client calls it.
    pub name: String,
    /// APT's suite.
    pub suite: String,
    /// APT's components.
    pub components: Vec<String>,
    /// Whether it is signed.
    pub is_signed: bool,
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Each package, in the order of the formats.
    pub packages: Vec<Published>,
    /// What else there is to say.
    pub notes: Vec<String>,
    /// Each repository that packages went to.
    pub subscriptions: Vec<Subscription>,
}

/// What is to be done for one format, after everything was looked at.
struct Plan {
    /// Files that are moved to their places below the top, in this order, before the index names them.
    moves: Vec<(PathBuf, String)>,
    /// The new index; `None` where it is as it should be.
    index: Option<Generation>,
    /// Links that are made after it, each with its target.
    links: Vec<(String, String)>,
    outcome: Outcome,
}

/// Puts packages into a repository. Whoever calls holds the repository's lock.
///
/// Before the first file is moved everything was read, copied and signed; until then a failure changes nothing.
///
/// # Errors
/// A package cannot be published; the index is damaged beyond repair; a key cannot be used; the disk is full.
pub fn publish(request: &Request<'_>, inputs: &Inputs) -> Result<Outcome, Failure> {
    let top = request.repo;
    // What runs that were cut off have left.
    for dir in [top, &top.join("dists")] {
        sweep_trees(dir)?;
        sweep(dir)?;
    }
    let staging = tempfile::Builder::new().prefix(TEMPORARY).tempdir_in(top)?;
    let mut plans = Vec::new();
    for (format, inputs) in inputs.by_format() {
        let plan = match format {
            Format::Deb => apt::plan,
            Format::Rpm => rpm_md::plan,
            Format::Arch => pacman::plan,
        };
        plans.push(plan(request, &inputs, staging.path())?);
    }
    let key = request.signer.map(|signer| signer.public_key()).transpose().map_err(|why| unsigned(&why))?;
    let mut outcome = Outcome::default();
    for plan in plans {
        for (from, to) in plan.moves {
            let to = top.join(to);
            fs_err::create_dir_all(to.parent().unwrap_or(top))?;
            fs_err::rename(from, to)?;
        }
        if let Some(index) = plan.index {
            index.put(top, request.now)?;
        }
        for (link, target) in plan.links {
            link_atomically(Path::new(&target), &top.join(link))?;
        }
        outcome.packages.extend(plan.outcome.packages);
        outcome.notes.extend(plan.outcome.notes);
        outcome.subscriptions.extend(plan.outcome.subscriptions);
    }
    if let Some(key) = key {
        generation::write_where_changed(&top.join(PUBLIC_KEY), key.as_bytes())?;
    }
    Ok(outcome)
}

/// The public key, for clients to fetch.
pub const PUBLIC_KEY: &str = "key.asc";

/// A package or index that cannot be used, with its file.
fn refused(path: &Path, why: &RepositoryError) -> Failure {
    Failure::NotPublished { path: path.to_path_buf(), why: why.to_string() }
}

fn unsigned(why: &SignError) -> Failure {
    Failure::KeyUnusable { why: why.to_string() }
}

/// A name on the command line that goes into a path or a line of an index.
fn checked<'a>(what: &str, word: &'a str) -> Result<&'a str, Failure> {
    let known = |b: u8| b.is_ascii_alphanumeric() || b"._+-~".contains(&b);
    if word.is_empty() || word.starts_with(['.', '-']) || !word.bytes().all(known) {
        let message = format!("--{what} '{}' is no name: letters, digits and . _ + - ~", word.escape_debug());
        return Err(Failure::Usage { message, code: 2 });
    }
    Ok(word)
}

/// The same for a line of text.
fn checked_line<'a>(what: &str, text: &'a str) -> Result<&'a str, Failure> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err(Failure::Usage { message: format!("--{what} has to be one line of text"), code: 2 });
    }
    Ok(text)
}

/// What a client calls the repository.
fn client_name(request: &Request<'_>) -> Result<String, Failure> {
    match &request.names.name {
        Some(name) => checked("name", name).map(str::to_owned),
        None => Ok(usual_name(request.repo)),
    }
}

/// What it is called where nobody has said: after its directory.
fn usual_name(top: &Path) -> String {
    let name =
        std::path::absolute(top).ok().and_then(|top| Some(top.file_name()?.to_string_lossy().into_owned()));
    let known = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
    let name: String = name.unwrap_or_default().chars().filter(|c| known(*c)).collect();
    let name = name.trim_start_matches(['.', '-']).to_owned();
    if name.is_empty() { "evermod".to_owned() } else { name }
}

/// Stops a run that would take the signature from a repository that clients know as signed.
fn still_signed(request: &Request<'_>, index: &Path, is_signed: bool) -> Result<(), Failure> {
    if is_signed && request.signer.is_none() {
        let why = "the repository is signed, and clients would refuse it without a signature: name the key"
            .to_owned();
        return Err(Failure::NotPublished { path: index.to_path_buf(), why });
    }
    Ok(())
}
