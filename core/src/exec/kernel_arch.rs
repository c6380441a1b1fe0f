//! The architecture string that the DKMS tree has for a kernel (contract 1.3).

use super::environment::Environment;
use super::process;
use crate::config::{ArchRule, Distribution};
use crate::model::{Arch, KernelRelease};
use crate::places::Places;
use std::path::Path;
use std::process::Command;

/// The string for a kernel: mostly the machine's, on some distributions that of the package that the kernel came in.
pub fn kernel_arch(
    environment: &Environment,
    places: &Places,
    distribution: &Distribution,
    release: &KernelRelease,
) -> Arch {
    let machine = environment.arch.as_str();
    let named = match distribution.arch_rule(release.as_str(), machine) {
        ArchRule::Known(arch) => Some(arch),
        ArchRule::RpmOwner => rpm_owner(environment, places, release),
    };
    let named = named.and_then(|arch| Arch::new(&arch).ok());
    if machine == "x86_64" && distribution.has_ia32e() && is_ia32e(places, release) {
        return Arch::new("ia32e").unwrap_or_else(|_| environment.arch.clone());
    }
    named.unwrap_or_else(|| environment.arch.clone())
}

/// What rpm has for the owner of the kernel's directory; `None` where no package owns it, or there is no rpm.
fn rpm_owner(environment: &Environment, places: &Places, release: &KernelRelease) -> Option<String> {
    let mut command = Command::new(environment.program("rpm")?);
    if !places.root.is_host() {
        command.arg("--root").arg(places.root.dir());
    }
    command.args(["-qf", "--queryformat", "%{NAME} %{ARCH}\\n"]);
    command.arg(places.install_tree.join(release.as_str()));
    let output = process::output(&mut command).ok()?;
    of_kernel_package(&String::from_utf8_lossy(&output.stdout))
}

/// The architecture of the first package whose name says that it is a kernel's.
fn of_kernel_package(owners: &str) -> Option<String> {
    let mut owners = owners.lines().filter_map(|line| line.split_once(' '));
    owners.find(|(name, _)| name.contains("kernel")).map(|(_, arch)| arch.trim().to_string())
}

/// Red Hat's old kernels for Intel's 64-bit processors had a configuration, and an architecture, of their own.
fn is_ia32e(places: &Places, release: &KernelRelease) -> bool {
    let configs = places.install_tree.join(release.as_str()).join("build/configs");
    let Ok(place) = places.root.opened(configs) else { return false };
    let has = |dir: &Path| {
        std::fs::read_dir(dir).is_ok_and(|mut entries| {
            entries.any(|entry| entry.is_ok_and(|e| e.file_name().to_string_lossy().contains("ia32e")))
        })
    };
    has(&place) && std::fs::read_to_string("/proc/cpuinfo").is_ok_and(|text| text.contains("GenuineIntel"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::Root;
    use std::collections::BTreeMap;

    #[test]
    fn owners() {
        for (said, arch) in [
            ("kernel-core x86_64\nkernel-modules x86_64\n", Some("x86_64")),
            ("filesystem noarch\nkernel-default i586\n", Some("i586")),
            ("file /lib/modules/6.1 is not owned by any package\n", None),
            ("", None),
        ] {
            assert_eq!(of_kernel_package(said).as_deref(), arch, "{said}");
        }
    }

    /// A stand-in for rpm that answers as one does, and writes down what it was asked.
    #[test]
    fn rpm_is_asked_only_where_it_can_know_better() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let rpm = dir.path().join("rpm");
        std::fs::write(&rpm, "#!/bin/sh\nprintf '%s\\n' \"$*\" >>\"$0.asked\"\necho kernel-pae i586\n")
            .unwrap();
        std::fs::set_permissions(&rpm, std::fs::Permissions::from_mode(0o755)).unwrap();
        let release = KernelRelease::new("6.11.5-1-pae").unwrap();
        let mut environment = Environment {
            running: release.clone(),
            arch: Arch::new("i686").unwrap(),
            cpus: 1,
            memory: 0,
            is_root: false,
            variables: BTreeMap::from([("PATH".to_string(), dir.path().display().to_string())]),
            now: String::new(),
        };
        let places = Places::new(Root::new(dir.path()));
        let (suse, debian) = (Distribution::new("sles", "suse"), Distribution::new("debian", ""));
        let asked = || std::fs::read_to_string(dir.path().join("rpm.asked")).unwrap_or_default();
        assert_eq!(kernel_arch(&environment, &places, &debian, &release).as_str(), "i686");
        assert_eq!(asked(), "");
        assert_eq!(kernel_arch(&environment, &places, &suse, &release).as_str(), "i586");
        assert!(asked().contains("--root") && asked().contains("/lib/modules/6.11.5-1-pae"), "{}", asked());
        environment.arch = Arch::new("x86_64").unwrap();
        assert_eq!(kernel_arch(&environment, &places, &suse, &release).as_str(), "x86_64");
        assert_eq!(asked().lines().count(), 1);
    }
}
