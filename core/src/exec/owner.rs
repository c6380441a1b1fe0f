//! Which package a file belongs to, asked of the package manager; and what a program says of its version.

use super::environment::Environment;
use super::process;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An installed package, as its manager prints name and version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The file that was asked for, by the name that the package has it by.
    pub path: PathBuf,
}

/// The installed package that `path`, on the machine, belongs to; `None` where none does or no manager is there.
pub fn owner(environment: &Environment, path: &Path) -> Option<Owner> {
    dpkg(environment, path).or_else(|| rpm(environment, path)).or_else(|| pacman(environment, path))
}

fn said(environment: &Environment, program: &str, arguments: &[&str], path: &Path) -> Option<String> {
    let mut command = Command::new(environment.program(program)?);
    let output = process::output(command.args(arguments).arg(path).env("LC_ALL", "C")).ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_string())
}

fn dpkg(environment: &Environment, path: &Path) -> Option<Owner> {
    // dpkg knows the one name that the package has it by, which may lead through /lib where that is a link.
    let relative = path.strip_prefix("/").ok()?;
    let merged = relative
        .strip_prefix("usr")
        .map_or_else(|_| Path::new("/usr").join(relative), |rest| Path::new("/").join(rest));
    let (path, owners) = [path.to_path_buf(), merged]
        .into_iter()
        .find_map(|path| Some((path.clone(), said(environment, "dpkg-query", &["--search"], &path)?)))?;
    let (name, _) = owners.lines().next()?.split_once(": ")?;
    let name = name.split(',').next()?;
    let version = said_of(environment, "dpkg-query", &["--show", "--showformat=${Version}"], name)?;
    Some(Owner { name: name.split(':').next()?.to_string(), version, path })
}

fn rpm(environment: &Environment, path: &Path) -> Option<Owner> {
    let format = ["-qf", "--queryformat", "%{NAME} %{VERSION}-%{RELEASE}\\n"];
    let text = said(environment, "rpm", &format, path)?;
    named(text.lines().next()?, path)
}

fn pacman(environment: &Environment, path: &Path) -> Option<Owner> {
    let name = said(environment, "pacman", &["-Qqo"], path)?;
    named(&said_of(environment, "pacman", &["-Q"], &name)?, path)
}

fn named(text: &str, path: &Path) -> Option<Owner> {
    let (name, version) = text.split_once(' ')?;
    Some(Owner { name: name.to_string(), version: version.to_string(), path: path.to_path_buf() })
}

fn said_of(environment: &Environment, program: &str, arguments: &[&str], name: &str) -> Option<String> {
    said(environment, program, arguments, Path::new(name))
}

/// The first line of what a program prints for `--version`.
pub fn version_line(environment: &Environment, program: &str) -> Option<String> {
    let text = said_of(environment, program, &[], "--version")?;
    text.lines().next().map(str::to_string)
}
