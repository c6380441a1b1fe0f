//! evermod's own Debian package.

use std::path::Path;
use std::process::Command;

use evermod_packaging::{Entry, Package, RelationKind, ScriptPoint, deb};

use crate::contents::{self, read};
use crate::{control, elf};

/// Files that are shipped as they are: where they come from, where they go.
const PROGRAMS: [(&str, &str); 4] = [
    ("apt-hook/common.postinst", "/usr/lib/dkms/common.postinst"),
    ("apt-hook/dkms_autoinstaller", "/usr/lib/dkms/dkms_autoinstaller"),
    ("kernel-install.d/04-evermod.install", "/usr/lib/kernel/install.d/04-evermod.install"),
    ("kernel-install.d/40-evermod.install", "/usr/lib/kernel/install.d/40-evermod.install"),
];

/// The hooks that Debian 12 runs only from below `/etc`, where they are the administrator's to change.
const HOOKS: [(&str, &str); 3] = [
    ("apt-hook/header_postinst.d/00-evermod", "/etc/kernel/header_postinst.d/00-evermod"),
    ("apt-hook/postinst.d/00-evermod", "/etc/kernel/postinst.d/00-evermod"),
    ("apt-hook/prerm.d/evermod", "/etc/kernel/prerm.d/evermod"),
];

/// What apt reads. It stays behind when the package is removed, as all of these do, and is silent then.
const SETTINGS: [(&str, &str); 1] = [("apt-hook/20evermod", "/etc/apt/apt.conf.d/20evermod")];

/// Writes the package for `binary` into `out`.
pub(crate) fn run(binary: &Path, out: &Path) -> anyhow::Result<()> {
    let date = source_date();
    let package = package(contents::program(binary)?, date)?;
    contents::write(out, &deb::file_name(&package), &deb::write(&package, date)?)
}

/// SOURCE_DATE_EPOCH, or the date of the last commit, so that the same sources give the same package.
pub(crate) fn source_date() -> u64 {
    let given = std::env::var("SOURCE_DATE_EPOCH").ok();
    let commit = || {
        let output =
            Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(crate::root()).output();
        output.ok().and_then(|output| String::from_utf8(output.stdout).ok())
    };
    given.or_else(commit).and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

fn package(program: Vec<u8>, date: u64) -> anyhow::Result<Package> {
    let mut package = contents::package(&program, "packaging/dist/debian/control", date)?;
    package.copyright = read("packaging/dist/debian/copyright")?;
    package.triggers = control::triggers(&read("apt-hook/triggers")?)?;
    package.relations.entry(RelationKind::Depends).or_default().extend(elf::libraries(&program));
    for (point, name) in [
        (ScriptPoint::AfterInstall, "postinst"),
        (ScriptPoint::BeforeRemove, "prerm"),
        (ScriptPoint::AfterRemove, "postrm"),
    ] {
        package.scripts.insert(point, read(&format!("packaging/dist/debian/{name}"))?);
    }
    entries(program, date, &mut package)?;
    Ok(package)
}

fn entries(program: Vec<u8>, date: u64, package: &mut Package) -> anyhow::Result<()> {
    let doc = format!("/usr/share/doc/{}", package.name);
    let entries = &mut package.entries;
    entries.push(Entry::program("/usr/bin/evermod", program));
    entries.push(Entry::symlink("/usr/sbin/dkms", "../bin/evermod"));
    for (from, to) in PROGRAMS {
        entries.push(Entry::program(to, read(from)?));
    }
    for (from, to) in HOOKS {
        entries.push(Entry::configuration(to, read(from)?).with_mode(0o755));
    }
    for (from, to) in SETTINGS {
        entries.push(Entry::configuration(to, read(from)?));
    }
    for dir in ["/etc/dkms/framework.conf.d", "/var/lib/dkms"] {
        entries.push(Entry::directory(dir));
    }
    entries.extend(contents::common(&doc, "/usr/share/zsh/vendor-completions", date)?);
    entries.push(Entry::file(
        format!("/usr/share/lintian/overrides/{}", package.name),
        read("packaging/dist/debian/lintian-overrides")?,
    ));
    if let Ok(changes) = read("CHANGELOG.md") {
        entries.push(Entry::file(format!("{doc}/changelog.gz"), deb::gzip(changes.as_bytes())?));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use evermod_packaging::Content;

    use super::*;

    /// Everything that dpkg or a kernel's package runs, by its name in the package.
    fn scripts() -> Vec<(String, String)> {
        let package = package(b"#!/bin/sh\nexit 0\n".to_vec(), 0).unwrap();
        let files = package.entries.into_iter().filter_map(|entry| match entry.content {
            Content::File(text) | Content::Configuration(text) if text.starts_with(b"#!") => {
                Some((entry.path, String::from_utf8(text).unwrap()))
            }
            _ => None,
        });
        files.chain(package.scripts.into_iter().map(|(point, text)| (format!("{point:?}"), text))).collect()
    }

    #[test]
    fn scripts_are_posix_shell() {
        let scripts = scripts();
        assert!(scripts.len() >= 10, "{scripts:?}");
        for (name, text) in scripts {
            assert!(text.starts_with("#!/bin/sh\n"), "{name}");
            let status = Command::new("/bin/sh").args(["-n", "-c", &text]).status().unwrap();
            assert!(status.success(), "{name}");
        }
    }

    /// A hook whose program is gone, or fails, must not fail the kernel's package.
    #[test]
    fn hooks_never_fail() {
        let dir = std::env::temp_dir().join(format!("evermod-hooks-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let program = dir.join("evermod");
        let mut checked = 0;
        for (name, text) in scripts() {
            let hook = name.starts_with("/etc/kernel/") || name.ends_with(".install");
            if !hook && !name.ends_with("dkms_autoinstaller") {
                continue;
            }
            let text = text.replace("/usr/bin/evermod", &program.display().to_string());
            for there in [false, true] {
                let _ = std::fs::remove_file(&program);
                if there {
                    std::fs::write(&program, "#!/bin/sh\necho called >&2\nexit 77\n").unwrap();
                    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
                }
                let output = Command::new("/bin/sh")
                    .args(["-c", &text, "hook", "start", "6.1.0-1-amd64"])
                    .env("DPKG_MAINTSCRIPT_PACKAGE", "linux-image-6.1.0-1-amd64")
                    .env("KERNEL_INSTALL_LAYOUT", "ostree")
                    .output()
                    .unwrap();
                assert!(output.status.success(), "{name} fails, program there: {there}");
                assert!(output.stdout.is_empty(), "{name} is not silent");
                assert_eq!(
                    !output.stderr.is_empty(),
                    there,
                    "{name}: {}",
                    String::from_utf8_lossy(&output.stderr)
                );
                checked += 1;
            }
        }
        std::fs::remove_dir_all(&dir).unwrap();
        assert_eq!(checked, 12);
    }

    /// The commands that apt runs through a shell: only a veto of the preflight stops apt, and nothing is said where the
    /// program is gone. apt has to find the version of its input by the first word.
    #[test]
    fn only_a_veto_stops_apt() {
        let dir = tempfile::tempdir().unwrap();
        let (program, report) = (dir.path().join("evermod"), dir.path().join("report"));
        std::fs::write(&report, "something\n").unwrap();
        let settings = read("apt-hook/20evermod").unwrap();
        let lines: Vec<_> = settings.lines().filter(|line| line.contains(" { \"")).collect();
        assert_eq!(lines.len(), 4);
        for line in lines {
            let (name, rest) = line.split_once(" { \"").unwrap();
            let command = rest.strip_suffix("\"; };").unwrap();
            assert!(!command.contains('"'), "apt ends the command there: {command}");
            let is_preflight = name == "DPkg::Pre-Install-Pkgs";
            let word = command.split(' ').next().unwrap();
            let version = format!("DPkg::Tools::Options::{word}::Version \"3\";");
            assert_eq!(settings.contains(&version), is_preflight, "{version}");
            let command = command
                .replace("/usr/bin/evermod", &program.display().to_string())
                .replace("/run/evermod/report", &report.display().to_string());
            for body in
                ["", "exit 0", "exit 1", "exit 2", "exit 77", "exit 100", "kill -SEGV $$", "kill -9 $$"]
            {
                let _ = std::fs::remove_file(&program);
                if !body.is_empty() {
                    std::fs::write(&program, format!("#!/bin/sh\necho called >&2\n{body}\n")).unwrap();
                    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
                }
                let output = Command::new("/bin/sh")
                    .args(["-c", &command])
                    .env("APT_HOOK_SOCKET", "1")
                    .stdin(std::process::Stdio::null())
                    .output()
                    .unwrap();
                let stops = is_preflight && body == "exit 100";
                assert_eq!(output.status.success(), !stops, "{name}, {body}: {output:?}");
                assert_eq!(output.stderr.is_empty(), body.is_empty(), "{name}, {body}: {output:?}");
            }
        }
    }
}
