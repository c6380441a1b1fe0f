//! Reads Debian packages and APT repositories with the `debian-packaging` crate and says what is in them.
//!
//! `debian-reader FILE.deb [EXPECTED.json]` prints one JSON object: `fields`, `entries`, `conffiles`, `md5sums`,
//! `control` (the other control files). It fails where `md5sums` does not fit the files, and where something in
//! EXPECTED (an object with any of `fields`, `paths`, `conffiles`) is not so.
//!
//! `debian-reader DIRECTORY SUITE` follows a repository from its InRelease to each package, checks sizes and digests on the way,
//! and prints one line for each: name, version, architecture. It fails where a package is not what the index says of it.

mod package;
mod repository;

use futures::executor::block_on;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (subject, outcome) = match words.as_slice() {
        [directory, suite] if Path::new(directory).is_dir() => {
            (*directory, block_on(repository::run(directory, suite)))
        }
        [package] => (*package, block_on(package::run(package, None))),
        [package, expected] => (*package, block_on(package::run(package, Some(expected)))),
        _ => {
            eprintln!("usage: debian-reader FILE.deb [EXPECTED.json]\n       debian-reader DIRECTORY SUITE");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(problems) if problems.is_empty() => ExitCode::SUCCESS,
        Ok(problems) => {
            for problem in problems {
                eprintln!("{subject}: {problem}");
            }
            ExitCode::FAILURE
        }
        Err(why) => {
            eprintln!("{subject}: {why}");
            ExitCode::FAILURE
        }
    }
}
