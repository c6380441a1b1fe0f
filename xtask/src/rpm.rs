//! evermod's own RPM packages.

use std::path::Path;

use evermod_packaging::{
    Architecture, Entry, FileChange, FileTrigger, Package, RelationKind, ScriptPoint, rpm,
};

use crate::{contents, elf};

/// Shipped as they are.
const FILES: [(&str, &str); 7] = [
    ("apt-hook/common.postinst", "/usr/lib/dkms/common.postinst"),
    ("apt-hook/dkms_autoinstaller", "/usr/lib/dkms/dkms_autoinstaller"),
    ("kernel-install.d/40-evermod.install", "/usr/lib/kernel/install.d/40-evermod.install"),
    ("packaging/dist/50-evermod.preset", "/usr/lib/systemd/system-preset/50-evermod.preset"),
    ("kernel-install.d/04-evermod.install", "/usr/lib/kernel/install.d/04-evermod.install"),
    ("dnf-plugin/dnf5/evermod.actions", "/etc/dnf/libdnf5-plugins/actions.d/evermod.actions"),
    ("dnf-plugin/zypper/evermod", "/usr/lib/zypp/plugins/commit/evermod"),
];

/// dnf 4 looks below the directory of the Python that it runs with; these are of EL 8, 9 and 10. Elsewhere, and on
/// Debian (`/usr/lib/python3/dist-packages/dnf-plugins`), the file has to be put where dnf looks.
const DNF4: &str = "dnf-plugin/dnf4/evermod.py";
const PYTHONS: [&str; 3] = ["3.6", "3.9", "3.12"];

/// Where packages of prebuilt modules say what they bring: what was built here makes way, or takes over again.
const PREBUILT: &str = "/usr/lib/evermod/prebuilt";

/// Directories that belong to the package.
const DIRECTORIES: [&str; 7] = [
    "/etc/dkms",
    "/etc/dkms/framework.conf.d",
    "/usr/lib/dkms",
    "/usr/share/doc/evermod",
    "/usr/share/doc/evermod/examples",
    "/usr/share/licenses/evermod",
    "/var/lib/dkms",
];

/// Writes the packages for `binary` into `out`.
pub(crate) fn run(binary: &Path, out: &Path) -> anyhow::Result<()> {
    let date = crate::deb::source_date();
    let mut packages = vec![evermod(contents::program(binary)?, date)?];
    packages.push(dnf4(date)?);
    for package in packages {
        contents::write(out, &rpm::file_name(&package), &rpm::write(&package, date)?)?;
    }
    Ok(())
}

fn evermod(program: Vec<u8>, date: u64) -> anyhow::Result<Package> {
    let mut package = contents::package(&program, "packaging/dist/rpm/control", date)?;
    package.relations.entry(RelationKind::Depends).or_default().extend(elf::rpm_libraries(&program));
    for (point, name) in [
        (ScriptPoint::AfterInstall, "post"),
        (ScriptPoint::BeforeRemove, "preun"),
        (ScriptPoint::AfterRemove, "postun"),
    ] {
        package.scripts.insert(point, contents::read(&format!("packaging/dist/rpm/{name}"))?);
    }
    // A kernel that goes takes its modules along: kernel-install sees to that, and no trigger is needed.
    for (change, directories) in [
        // rpm compares with the paths that packages name, and Fedora's kernels say /lib.
        (
            FileChange::Installed,
            ["/usr/src", "/usr/lib/modules", "/lib/modules", PREBUILT].map(ToOwned::to_owned).to_vec(),
        ),
        (FileChange::Removed, ["/usr/src", PREBUILT].map(ToOwned::to_owned).to_vec()),
    ] {
        let script = contents::read("packaging/dist/rpm/settle")?;
        package.file_triggers.push(FileTrigger { change, directories, script });
    }
    let entries = &mut package.entries;
    entries.push(Entry::program("/usr/bin/evermod", program));
    entries.push(Entry::symlink("/usr/sbin/dkms", "../bin/evermod"));
    entries.extend(contents::native(&FILES)?);
    entries.extend(contents::common("/usr/share/doc/evermod", "/usr/share/zsh/site-functions", date)?);
    entries.extend(contents::documents("evermod")?);
    entries.extend(DIRECTORIES.map(Entry::directory));
    Ok(package)
}

/// The plugin of dnf 4, which is apart because it needs Python.
fn dnf4(date: u64) -> anyhow::Result<Package> {
    let places =
        PYTHONS.map(|python| format!("/usr/lib/python{python}/site-packages/dnf-plugins/evermod.py"));
    let files: Vec<(&str, &str)> = places.iter().map(|place| (DNF4, place.as_str())).collect();
    let mut package = contents::package(&[], "packaging/dist/rpm/dnf4-control", date)?;
    package.architecture = Architecture::Any;
    package.entries = contents::native(&files)?;
    package.entries.extend(contents::documents(&package.name)?);
    package.entries.extend(
        ["doc", "licenses"].map(|dir| Entry::directory(format!("/usr/share/{dir}/{}", package.name))),
    );
    Ok(package)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_posix_shell_and_never_fail() {
        let package = evermod(b"#!/bin/sh\nexit 0\n".to_vec(), 0).unwrap();
        let triggers = package.file_triggers.into_iter().map(|trigger| trigger.script);
        let scripts: Vec<String> = package.scripts.into_values().chain(triggers).collect();
        assert_eq!(scripts.len(), 5);
        for script in scripts {
            assert!(script.starts_with("#!/bin/sh\n"));
            // Without any of the programs that they call.
            let safe = script.replace("/usr/bin/", "/nonexistent/").replace("rm", ":");
            let output =
                std::process::Command::new("/bin/sh").args(["-c", &safe, "x", "0"]).output().unwrap();
            assert!(output.status.success(), "{script}");
            assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
}
