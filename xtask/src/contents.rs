//! What evermod's packages hold in every format.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use evermod_packaging::{Change, Entry, Package, Version, deb};

use crate::{elf, papers};

/// The packaging's own revision; goes up when only the packaging changes.
const REVISION: &str = "1";

/// The program that is to be packaged.
pub(crate) fn program(binary: &Path) -> anyhow::Result<Vec<u8>> {
    match std::fs::read(binary) {
        Ok(program) => Ok(program),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => anyhow::bail!(
            "{} is not there; build it with `cargo build --release -p evermod-core`, or name another with --binary",
            binary.display()
        ),
        Err(why) => Err(why).with_context(|| binary.display().to_string()),
    }
}

/// A text of the repository.
pub(crate) fn read(path: &str) -> anyhow::Result<String> {
    let path = crate::root().join(path);
    std::fs::read_to_string(&path).with_context(|| path.display().to_string())
}

/// Version, architecture, licence and changelog; what a person writes is filled in from a control file.
pub(crate) fn package(program: &[u8], control: &str, date: u64) -> anyhow::Result<Package> {
    let upstream = env!("CARGO_PKG_VERSION").to_owned();
    let version = Version { epoch: 0, upstream, release: REVISION.to_owned() };
    let mut package = Package {
        version: version.clone(),
        architecture: elf::architecture(program)?,
        license: "MIT OR Apache-2.0".to_owned(),
        ..Package::default()
    };
    crate::control::read(&read(control)?, &mut package)?;
    package.changelog.push(Change {
        distribution: "stable".to_owned(),
        author: package.maintainer.clone(),
        time: date,
        changes: vec![format!(
            "Package evermod {}; what changed in it is said in its own changelog.",
            version.upstream
        )],
        version,
    });
    Ok(package)
}

/// The unit, examples, man pages and completions; `zsh` is where the distribution's zsh looks for them.
pub(crate) fn common(doc: &str, zsh: &str, date: u64) -> anyhow::Result<Vec<Entry>> {
    let mut entries =
        vec![Entry::file("/usr/lib/systemd/system/evermod.service", read("packaging/dist/evermod.service")?)];
    for name in ["framework.conf", "evermod.toml"] {
        let text = read(&format!("packaging/dist/{name}"))?;
        entries.push(Entry::file(format!("{doc}/examples/{name}"), text));
    }
    for (name, text) in papers::man_pages(date)? {
        let section = name.rsplit('.').next().unwrap_or("1");
        entries.push(Entry::file(format!("/usr/share/man/man{section}/{name}.gz"), deb::gzip(&text)?));
    }
    for (name, text) in papers::completions() {
        let place = format!("/usr/share/{name}").replace("/usr/share/zsh/vendor-completions", zsh);
        entries.push(Entry::file(place, text));
    }
    Ok(entries)
}

/// Documents where the licence has a directory of its own.
pub(crate) fn documents(name: &str) -> anyhow::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for (dir, files) in
        [("doc", ["README.md", "CHANGELOG.md"]), ("licenses", ["LICENSE-MIT", "LICENSE-APACHE"])]
    {
        for file in files {
            entries.push(Entry::file(format!("/usr/share/{dir}/{name}/{file}"), read(file)?));
        }
    }
    Ok(entries)
}

/// Writes a package, and says where it is.
pub(crate) fn write(out: &Path, name: &str, package: &[u8]) -> anyhow::Result<()> {
    std::fs::create_dir_all(out).with_context(|| out.display().to_string())?;
    let path = out.join(name);
    std::fs::write(&path, package).with_context(|| path.display().to_string())?;
    writeln!(std::io::stdout(), "{}", path.display())?;
    Ok(())
}

/// Files that are shipped as they are: where they come from, and where they go. Scripts go as programs.
pub(crate) fn native(files: &[(&str, &str)]) -> anyhow::Result<Vec<Entry>> {
    files.iter().map(|(from, to)| Ok(shipped(to, read(from)?))).collect()
}

/// What lies below `/etc` is the administrator's once it is installed.
fn shipped(to: &str, text: String) -> Entry {
    let mode = if text.starts_with("#!") { 0o755 } else { 0o644 };
    let entry = if to.starts_with("/etc/") { Entry::configuration(to, text) } else { Entry::file(to, text) };
    entry.with_mode(mode)
}
