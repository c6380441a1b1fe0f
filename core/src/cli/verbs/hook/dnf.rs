//! dnf 4, dnf 5 and rpm: their words become a transaction of ours.

use crate::cli::context::Context;
use crate::cli::verbs::preflight::{VETO, glance};
use crate::exec::rpm;
use crate::inventory::Incoming;
use crate::model::{Arrival, Departure, Failure, Transaction};
use crate::report::failure_text;
use evermod_dnf_plugin::actions::{self, Place, Reply};
use evermod_dnf_plugin::{Direction, Package, kernels, lines};
use std::collections::BTreeSet;
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// How far the manager is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Moment {
    /// What would be done is known; nobody has been asked, nothing is downloaded.
    Resolved,
    /// The package files are there; nothing is installed.
    Downloaded,
}

/// A transaction of rpm's world. Until files are there, paths that follow from the packages' names stand for theirs.
pub(super) fn transaction(manager: &str, packages: Vec<Package>, moment: Moment) -> Transaction {
    let mut transaction = Transaction { manager: manager.into(), ..Transaction::default() };
    let arriving: BTreeSet<String> =
        packages.iter().filter(|p| p.direction == Direction::In).map(|p| p.name.clone()).collect();
    for package in packages {
        let version = format!("{}-{}", package.version, package.release);
        if package.direction == Direction::Out {
            // Else it only changes its version.
            if !arriving.contains(&package.name) {
                let paths = kernels::paths(&package);
                let goes = Departure { package: package.name, version, paths };
                transaction.goes.push(goes);
            }
            continue;
        }
        let file = package.file.clone().filter(|_| moment == Moment::Downloaded);
        let paths = if file.is_some() { Vec::new() } else { kernels::paths(&package) };
        transaction.arrives.push(Arrival { package: package.name, version, file, paths });
    }
    transaction
}

/// Looks up which sources of modules go: of an installed package the managers tell no files.
pub(super) fn find_departing(context: &Context, transaction: &mut Transaction) -> Result<(), Failure> {
    if transaction.goes.is_empty() {
        return Ok(());
    }
    let tree = context.tree()?;
    let modules: Vec<&str> = tree.modules.iter().map(|m| m.module.name.as_str()).collect();
    let goes = transaction.goes.iter_mut();
    let mut goes: Vec<_> = goes
        .filter(|gone| gone.paths.is_empty() && Incoming::is_of_interest(&gone.package, &modules))
        .map(|gone| (format!("{}-{}", gone.package, gone.version), gone))
        .collect();
    let names: Vec<String> = goes.iter().map(|(name, _)| name.clone()).collect();
    for (name, path) in rpm::files(&context.environment, &names)? {
        let is_source = path.starts_with("usr/src/") && path.ends_with("/dkms.conf");
        if let Some((_, gone)) = goes.iter_mut().find(|(known, _)| is_source && *known == name) {
            gone.paths.push(path);
        }
    }
    Ok(())
}

/// dnf 4 asks; what it would do is on standard input.
pub fn dnf4(context: &Context, moment: Moment) -> ExitCode {
    let packages = std::io::read_to_string(std::io::stdin())
        .map_err(|error| error.to_string())
        .and_then(|text| lines::packages(&text).map_err(|error| error.to_string()));
    match packages {
        Ok(packages) => judge(context, transaction("dnf", packages, moment), moment),
        Err(why) => {
            super::unjudged(context, &why);
            ExitCode::SUCCESS
        }
    }
}

/// dnf 5 asks, by way of its actions plugin: we ask back on standard output.
pub fn dnf5(context: &Context, moment: Moment) -> ExitCode {
    let packages = match packages(&mut std::io::stdin().lock(), &mut std::io::stdout().lock(), moment) {
        Ok(packages) => packages,
        Err(why) => {
            super::unjudged(context, &why);
            return ExitCode::SUCCESS;
        }
    };
    let code = judge(context, transaction("dnf5", packages, moment), moment);
    if code == ExitCode::from(VETO) {
        let message = actions::stop("evermod refuses this transaction, see above; nothing was changed");
        // dnf closes its end as soon as it has read this.
        let _ = writeln!(std::io::stdout(), "{message}");
    }
    code
}

/// By names alone what can be told so, which is before the question whether to go on; then the rest, with builds.
fn judge(context: &Context, mut transaction: Transaction, moment: Moment) -> ExitCode {
    if let Err(failure) = find_departing(context, &mut transaction) {
        super::unjudged(context, &failure_text(&failure));
        return ExitCode::SUCCESS;
    }
    match moment {
        Moment::Resolved => super::tell(context, glance(context, &transaction), &|_| true),
        Moment::Downloaded => super::judge(context, &transaction, &|verdict| {
            verdict.veto || !verdict.outlook.is_told_by_names()
        }),
    }
}

/// Asks dnf 5 for the packages of the transaction, and finds their files.
fn packages(from: &mut impl BufRead, to: &mut impl Write, moment: Moment) -> Result<Vec<Package>, String> {
    let mut packages = ask(from, to, actions::PACKAGES)?.packages;
    if moment == Moment::Resolved || packages.iter().all(|package| package.direction == Direction::Out) {
        return Ok(packages);
    }
    let mut settings = ask(from, to, actions::CACHE)?.settings;
    settings.extend(ask(from, to, actions::REPOSITORIES)?.settings);
    for package in packages.iter_mut().filter(|package| package.direction == Direction::In) {
        package.file = actions::place(package, &settings).and_then(|place| find(&place));
    }
    Ok(packages)
}

fn ask(from: &mut impl BufRead, to: &mut impl Write, question: &str) -> Result<Reply, String> {
    writeln!(to, "{question}").and_then(|()| to.flush()).map_err(|error| format!("dnf5: {error}"))?;
    let mut text = String::new();
    loop {
        match from.read_line(&mut text) {
            Ok(0) => return Err("dnf5 has ended its answers".into()),
            Ok(_) => {}
            Err(error) => return Err(format!("dnf5: {error}")),
        }
        if let Some(reply) = actions::reply(&text).map_err(|error| error.to_string())? {
            return Ok(reply);
        }
    }
}

fn find(place: &Place) -> Option<PathBuf> {
    let found = match place {
        Place::Path(path) => path.clone(),
        Place::Cached { dir, prefix, name } => {
            let caches = fs_err::read_dir(dir).ok()?.flatten();
            let of_repository = caches.filter(|e| e.file_name().to_string_lossy().starts_with(prefix));
            of_repository.map(|e| e.path().join("packages").join(name)).find(|path| path.is_file())?
        }
    };
    found.is_file().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture(name: &str) -> String {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/");
        std::fs::read_to_string(format!("{dir}{name}")).unwrap()
    }

    #[test]
    fn names_stand_for_files_until_these_are_there() {
        let packages = lines::packages(&fixture("dnf4/install-downloaded.jsonl")).unwrap();
        let resolved = transaction("dnf", packages.clone(), Moment::Resolved);
        let paths: Vec<_> = resolved.arrives.iter().flat_map(|a| &a.paths).collect();
        assert_eq!(
            paths,
            ["lib/modules/6.12.116-1.deb13.x86_64/vmlinuz", "lib/modules/6.12.116-1.deb13.x86_64/build",]
        );
        assert!(resolved.arrives.iter().all(|a| a.file.is_none()), "a local repository's are there already");
        let downloaded = transaction("dnf", packages, Moment::Downloaded);
        assert!(downloaded.arrives.iter().all(|a| a.file.is_some() && a.paths.is_empty()));
        assert_eq!(downloaded.arrives[0].version, "6.12.116-1.deb13");
    }

    #[test]
    fn what_only_changes_its_version_does_not_go() {
        let read = |name: &str| lines::packages(&fixture(&format!("dnf4/{name}.jsonl"))).unwrap();
        let update = transaction("dnf", read("update-downloaded"), Moment::Downloaded);
        assert_eq!((update.arrives.len(), update.goes.len()), (1, 0));
        let remove = transaction("dnf", read("remove-downloaded"), Moment::Downloaded);
        assert_eq!((remove.arrives.len(), remove.goes.len()), (0, 1));
    }

    #[test]
    fn a_conversation_with_dnf5() {
        let answers = fixture("dnf5/install-downloaded.jsonl");
        let mut asked = Vec::new();
        let mut packages = packages(&mut answers.as_bytes(), &mut asked, Moment::Downloaded).unwrap();
        let asked = String::from_utf8(asked).unwrap();
        assert_eq!(
            asked.lines().collect::<Vec<_>>(),
            [actions::PACKAGES, actions::CACHE, actions::REPOSITORIES]
        );
        packages.retain(|p| p.name == "kernel-core");
        assert_eq!(packages[0].file, None, "not on this machine");

        let mut to = Vec::new();
        let ended = super::packages(&mut "{\"op\":".as_bytes(), &mut to, Moment::Resolved);
        assert_eq!(ended, Err("dnf5 has ended its answers".into()));
        assert!(super::packages(&mut "hello\n".as_bytes(), &mut to, Moment::Resolved).is_err());
    }

    #[test]
    fn downloads_are_found_by_the_repositorys_name() {
        let top = tempfile::tempdir().unwrap();
        let dir = top.path().join("updates-0123456789abcdef/packages");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("a.rpm"), "").unwrap();
        let place = |prefix: &str, name: &str| Place::Cached {
            dir: top.path().into(),
            prefix: prefix.into(),
            name: name.into(),
        };
        assert_eq!(find(&place("updates-", "a.rpm")), Some(dir.join("a.rpm")));
        assert_eq!(find(&place("updates-", "b.rpm")), None);
        assert_eq!(find(&place("fedora-", "a.rpm")), None);
        assert_eq!(find(&Place::Path(dir.join("c.rpm"))), None);
    }
}
