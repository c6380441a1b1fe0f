//! Writes packages for measurements.
//!
//! `write_packages FORMAT DIR OUT` writes one package of everything below DIR to the file OUT;
//! `write_packages FORMAT COUNT OUT` writes so many small ones into the directory OUT.
#![allow(clippy::print_stderr)]

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use evermod_packaging::{Architecture, Entry, Package, PackageError, Version, arch, deb, rpm};

const SOURCE_DATE: u64 = 1_700_000_000;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [format, what, out] = words.as_slice() else {
        eprintln!("usage: write_packages deb|rpm|arch DIR|COUNT OUT");
        return ExitCode::from(2);
    };
    let done = match what.parse() {
        Ok(count) => many(format, count, Path::new(out)),
        Err(_) => one(format, Path::new(what), Path::new(out)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn package(name: String, version: &str) -> Package {
    Package {
        name,
        version: Version { upstream: version.to_owned(), release: "1".to_owned(), ..Version::default() },
        architecture: Architecture::Machine("x86_64".to_owned()),
        summary: "A package for measurements".to_owned(),
        description: "It has nothing\nof interest.".to_owned(),
        maintainer: "nobody <nobody@packages.invalid>".to_owned(),
        section: "kernel".to_owned(),
        license: "GPL-2.0-only".to_owned(),
        ..Package::default()
    }
}

fn write(format: &str, package: &Package) -> Result<(String, Vec<u8>), PackageError> {
    Ok(match format {
        "deb" => (deb::file_name(package), deb::write(package, SOURCE_DATE)?),
        "rpm" => (rpm::file_name(package), rpm::write(package, SOURCE_DATE)?),
        _ => (arch::file_name(package), arch::write(package, SOURCE_DATE)?),
    })
}

fn one(format: &str, dir: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let mut package = package("measured".to_owned(), "1.0");
    let mut dirs = vec![dir.to_path_buf()];
    while let Some(next) = dirs.pop() {
        for entry in std::fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                let inside = format!("/{}", path.strip_prefix(dir)?.display());
                package.entries.push(Entry::file(inside, std::fs::read(path)?));
            }
        }
    }
    std::fs::write(out, write(format, &package)?.1)?;
    Ok(())
}

fn many(format: &str, count: usize, out: &Path) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(out)?;
    for number in 0..count {
        let name = format!("driver{number:05}-modules-6.{}.0-amd64", number % 20);
        let mut package = package(name, "1.0");
        package.entries.push(Entry::file(format!("/usr/share/measured/{number}"), number.to_string()));
        let (file, bytes) = write(format, &package)?;
        std::fs::write(out.join(file), bytes)?;
    }
    Ok(())
}
