//! evermod's own package for Arch.

use std::path::Path;

use evermod_packaging::{Entry, Package, RelationKind, ScriptPoint, arch};

use crate::{contents, elf};

/// Shipped as they are.
const FILES: [(&str, &str); 5] = [
    ("apt-hook/common.postinst", "/usr/lib/dkms/common.postinst"),
    ("apt-hook/dkms_autoinstaller", "/usr/lib/dkms/dkms_autoinstaller"),
    ("kernel-install.d/40-evermod.install", "/usr/lib/kernel/install.d/40-evermod.install"),
    ("kernel-install.d/04-evermod.install", "/usr/lib/kernel/install.d/04-evermod.install"),
    ("pacman-hook/evermod-alpm", "/usr/share/libalpm/scripts/evermod-alpm"),
];
/// All of pacman's hooks.
const HOOKS: &str = "pacman-hook";

/// Writes the package for `binary` into `out`.
pub(crate) fn run(binary: &Path, out: &Path) -> anyhow::Result<()> {
    let date = crate::deb::source_date();
    let package = evermod(contents::program(binary)?, date)?;
    contents::write(out, &arch::file_name(&package), &arch::write(&package, date)?)
}

fn evermod(program: Vec<u8>, date: u64) -> anyhow::Result<Package> {
    let mut package = contents::package(&program, "packaging/dist/arch/control", date)?;
    package.relations.entry(RelationKind::Depends).or_default().extend(elf::arch_libraries(&program));
    for (point, name) in
        [(ScriptPoint::AfterInstall, "post-install"), (ScriptPoint::AfterRemove, "post-remove")]
    {
        package.scripts.insert(point, contents::read(&format!("packaging/dist/arch/{name}"))?);
    }
    let entries = &mut package.entries;
    entries.push(Entry::program("/usr/bin/evermod", program));
    // Arch's /usr/sbin is a link, and a package's may not lie below one.
    entries.push(Entry::symlink("/usr/bin/dkms", "evermod"));
    entries.extend(contents::native(&FILES)?);
    entries.extend(hooks()?);
    entries.extend(contents::common("/usr/share/doc/evermod", "/usr/share/zsh/site-functions", date)?);
    entries.extend(contents::documents("evermod")?);
    entries.extend(["/etc/dkms/framework.conf.d", "/var/lib/dkms"].map(Entry::directory));
    Ok(package)
}

fn hooks() -> anyhow::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for file in std::fs::read_dir(crate::root().join(HOOKS))? {
        let name = file?.file_name();
        if let Some(name) = name.to_str().filter(|name| name.ends_with(".hook")) {
            let text = contents::read(&format!("{HOOKS}/{name}"))?;
            entries.push(Entry::file(format!("/usr/share/libalpm/hooks/{name}"), text));
        }
    }
    Ok(entries)
}
