//! zypper's commit plugin: the two moments of a commit, for as long as it lasts.
//!
//! A commit cannot be refused: libzypp writes an answer of ERROR to its log and goes on. Nor are packages downloaded when it
//! begins, but for those that were downloaded before. What we print goes to zypper's log; on the screen is what the file
//! triggers of rpm print, which zypper has run for each package.

use super::dnf::{Moment, find_departing, transaction};
use super::{preflight, settle};
use crate::cli::context::Context;
use crate::cli::verbs::kernel_gone::{Occasion, kernel_gone};
use crate::cli::verbs::sync::sync;
use crate::install::files::{remove_if_there, write_atomically};
use crate::model::{Failure, KernelRelease};
use crate::plan::Request;
use crate::report::{Event, failure_text};
use evermod_dnf_plugin::commit::{ACK, Frame, frame};
use evermod_dnf_plugin::kernels::{Part, kernel};
use evermod_dnf_plugin::{Direction, Package};
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

/// Where zypper keeps what it has downloaded: of repositories, and what was named on the command line.
const CACHES: [&str; 2] = ["/var/cache/zypp/packages", "/var/cache/zypper/RPMS"];

/// The number of the process that speaks with zypper, and the kernels whose headers are still to come; one a line.
const UNDER_WAY: &str = "/run/evermod/zypp-commit";

/// Speaks with zypper until it ends the conversation.
///
/// # Errors
/// The conversation breaks off.
pub fn commit(context: &Context) -> Result<(), Failure> {
    let (mut from, mut to) = (std::io::stdin().lock(), std::io::stdout().lock());
    let ended = converse(&mut from, &mut to, &mut |frame| act(context, frame));
    remove_if_there(&context.places.root.at(UNDER_WAY))?;
    ended
}

/// The end of an rpm transaction. zypper has one for each package: a kernel whose headers are among those to come is not
/// looked at before they are there.
///
/// # Errors
/// The state cannot be read or written.
pub fn settle_package(context: &Context) -> Result<(), Failure> {
    let awaited = awaited(&std::fs::read_to_string(context.places.root.at(UNDER_WAY)).unwrap_or_default());
    if awaited.is_empty() || context.is_autoinstall_off() {
        return settle(context, "rpm");
    }
    let is_ready = |release: &KernelRelease| !awaited.iter().any(|name| name == release.as_str());
    let kernels = context.kernels()?.into_iter();
    let kernels: Vec<_> = kernels
        .filter(|kernel| kernel.headers.is_some() || is_ready(&kernel.release))
        .map(|kernel| kernel.release)
        .collect();
    if kernels.is_empty() {
        return Ok(());
    }
    sync(context, &Request { kernels, initramfs: true, ..Request::default() }).map(|_| ())
}

/// The kernels of the note, unless who wrote it is gone.
fn awaited(note: &str) -> Vec<String> {
    let mut lines = note.lines();
    let is_there = lines.next().is_some_and(|process| Path::new("/proc").join(process).exists());
    if is_there { lines.map(str::to_string).collect() } else { Vec::new() }
}

/// Leaves the note for the file triggers of the packages.
fn await_headers(context: &Context, packages: &[Package]) -> std::io::Result<()> {
    let arriving = packages.iter().filter(|package| package.direction == Direction::In);
    let headers = arriving.filter_map(kernel).filter(|(part, _)| *part == Part::Headers);
    let lines: Vec<String> =
        std::iter::once(std::process::id().to_string()).chain(headers.map(|(_, release)| release)).collect();
    let path = context.places.root.at(UNDER_WAY);
    write_atomically(&path, lines.join("\n").as_bytes(), 0o644, None)
}

fn converse(
    from: &mut impl BufRead,
    to: &mut impl Write,
    act: &mut dyn FnMut(Result<Frame, String>),
) -> Result<(), Failure> {
    loop {
        let mut bytes = Vec::new();
        if from.read_until(0, &mut bytes)? == 0 {
            return Ok(());
        }
        bytes.pop_if(|last| *last == 0);
        let frame = frame(&String::from_utf8_lossy(&bytes));
        let is_last = frame == Ok(Frame::Disconnect);
        act(frame.map_err(|error| error.to_string()));
        to.write_all(ACK.as_bytes())?;
        to.flush()?;
        if is_last {
            return Ok(());
        }
    }
}

/// Does what a moment asks for; what fails is told, since zypper goes on anyway.
fn act(context: &Context, frame: Result<Frame, String>) {
    let told = match frame {
        Ok(Frame::Begin(mut packages)) => {
            // Without it, something is told that will not be so.
            let _ = await_headers(context, &packages);
            for package in packages.iter_mut().filter(|package| package.direction == Direction::In) {
                package.file = CACHES.iter().find_map(|dir| find(&context.places.root.at(dir), package, 3));
            }
            let mut transaction = transaction("zypper", packages, Moment::Downloaded);
            match find_departing(context, &mut transaction) {
                Ok(()) => {
                    let _ = preflight(context, &transaction);
                    return;
                }
                Err(failure) => failure_text(&failure),
            }
        }
        Ok(Frame::End(packages)) if !packages.is_empty() => {
            match take_along(context, &packages).and_then(|()| settle(context, "zypper")) {
                Ok(()) => return,
                Err(failure) => failure_text(&failure),
            }
        }
        Ok(_) => return,
        Err(why) => why,
    };
    context.sink.event(&Event::Note { text: &told });
}

/// What was built for kernels that have gone: SUSE's packages call no kernel-install.
fn take_along(context: &Context, packages: &[Package]) -> Result<(), Failure> {
    let gone = packages.iter().filter(|package| package.direction == Direction::Out);
    for (_, release) in gone.filter_map(kernel).filter(|(part, _)| *part == Part::Image) {
        let kernel = context.kernel(&release, None)?;
        let dir = context.places.root.resolve(context.places.kernel_dir(&kernel.release))?;
        if !dir.join("modules.builtin").exists() {
            kernel_gone(context, &kernel, Occasion::Hook)?;
        }
    }
    Ok(())
}

/// The package's file at most so many directories below.
fn find(dir: &Path, package: &Package, depth: usize) -> Option<PathBuf> {
    let here = dir.join(package.file_name());
    if here.is_file() {
        return Some(here);
    }
    let entries = fs_err::read_dir(dir).ok().filter(|_| depth > 0)?;
    let below = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    below.map(|entry| entry.path()).find_map(|dir| find(&dir, package, depth - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_frame_is_answered_once_what_it_asks_for_is_done() {
        let text =
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/zypp/install.frames"));
        let mut answers = Vec::new();
        let mut seen = Vec::new();
        converse(&mut text.as_bytes(), &mut answers, &mut |frame| seen.push(frame.unwrap())).unwrap();
        assert_eq!(String::from_utf8(answers).unwrap(), ACK.repeat(5));
        assert!(matches!(&seen[1], Frame::Begin(packages) if packages.len() == 4));
        assert_eq!(seen.last(), Some(&Frame::Disconnect));
        let mut wrong = 0;
        converse(&mut "COMMITBEGIN\n\n{".as_bytes(), &mut Vec::new(), &mut |f| {
            wrong += i32::from(f.is_err())
        })
        .unwrap();
        assert_eq!(wrong, 1, "zypper that dies ends it too");
    }

    #[test]
    fn headers_are_awaited_as_long_as_somebody_speaks_with_zypper() {
        let us = std::process::id();
        assert_eq!(awaited(&format!("{us}\n6.17.1-1-default\n")), ["6.17.1-1-default"]);
        assert_eq!(awaited("4294967295\n6.17.1-1-default\n"), Vec::<String>::new());
        assert_eq!(awaited(""), Vec::<String>::new());
    }

    #[test]
    fn downloads_are_found_below_any_repository() {
        let top = tempfile::tempdir().unwrap();
        let dir = top.path().join("repo-oss/x86_64");
        std::fs::create_dir_all(&dir).unwrap();
        let package = Package {
            name: "kernel-default-devel".into(),
            version: "6.17.1".into(),
            release: "1.1".into(),
            arch: "x86_64".into(),
            ..Package::default()
        };
        assert_eq!(find(top.path(), &package, 3), None);
        let file = dir.join("kernel-default-devel-6.17.1-1.1.x86_64.rpm");
        std::fs::write(&file, "").unwrap();
        assert_eq!(find(top.path(), &package, 3), Some(file));
        assert_eq!(find(top.path(), &package, 1), None);
    }
}
