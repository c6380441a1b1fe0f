//! Releases as distributions really have them.

use super::super::Distribution;
use super::{Evidence, HeaderHint};
use crate::root::Root;
use proptest::prelude::*;
use std::path::Path;

fn hint(id: &str, like: &str, release: &str, pkgbase: Option<&str>) -> HeaderHint {
    let evidence =
        Evidence { pkgbase: pkgbase.map(str::to_string), has_package: &|_| false, is_ostree: false };
    Distribution::new(id, like).headers(release, &evidence)
}

/// ID, ID_LIKE, release, the command.
const COMMANDS: &[(&str, &str, &str, &str)] = &[
    ("debian", "", "6.1.0-56-amd64", "apt install linux-headers-6.1.0-56-amd64"),
    ("debian", "", "6.1.0-56-cloud-amd64", "apt install linux-headers-6.1.0-56-cloud-amd64"),
    ("debian", "", "6.1.0-28-rt-amd64", "apt install linux-headers-6.1.0-28-rt-amd64"),
    ("debian", "", "5.10.0-33-686-pae", "apt install linux-headers-5.10.0-33-686-pae"),
    ("debian", "", "6.1.0-28-armmp-lpae", "apt install linux-headers-6.1.0-28-armmp-lpae"),
    ("debian", "", "6.12.117+deb12-amd64", "apt install linux-headers-6.12.117+deb12-amd64"),
    ("debian", "", "6.12.48+deb13-arm64", "apt install linux-headers-6.12.48+deb13-arm64"),
    ("debian", "", "6.11.5-1-liquorix-amd64", "apt install linux-headers-6.11.5-1-liquorix-amd64"),
    ("debian", "", "6.11.5-x64v3-xanmod1", "apt install linux-headers-6.11.5-x64v3-xanmod1"),
    ("debian", "", "6.10.5-surface-1", "apt install linux-headers-6.10.5-surface-1"),
    ("debian", "", "6.9.4-mine", "apt install linux-headers-6.9.4-mine"),
    ("kali", "debian", "6.11.2-amd64", "apt install linux-headers-6.11.2-amd64"),
    ("deepin", "debian", "6.6.40-amd64-desktop-hwe", "apt install linux-headers-6.6.40-amd64-desktop-hwe"),
    ("debian", "", "6.8.12-4-pve", "apt install proxmox-headers-6.8.12-4-pve"),
    ("debian", "", "6.5.11-8-pve", "apt install proxmox-headers-6.5.11-8-pve"),
    ("debian", "", "6.2.16-3-pve", "apt install pve-headers-6.2.16-3-pve"),
    ("debian", "", "5.15.158-2-pve", "apt install pve-headers-5.15.158-2-pve"),
    ("debian", "", "6.6.51+rpt-rpi-v8", "apt install linux-headers-rpi-v8"),
    ("debian", "", "6.12.47+rpt-rpi-2712", "apt install linux-headers-rpi-2712"),
    ("raspbian", "debian", "6.6.51+rpt-rpi-v7l", "apt install linux-headers-rpi-v7l"),
    ("debian", "", "6.1.21-v8+", "apt install raspberrypi-kernel-headers"),
    ("raspbian", "debian", "5.15.84-v7l+", "apt install raspberrypi-kernel-headers"),
    ("raspbian", "debian", "6.1.21+", "apt install raspberrypi-kernel-headers"),
    ("debian", "", "6.6.62-current-rockchip64", "apt install linux-headers-current-rockchip64"),
    ("ubuntu", "debian", "6.1.75-vendor-rk35xx", "apt install linux-headers-vendor-rk35xx"),
    ("ubuntu", "debian", "6.8.0-48-generic", "apt install linux-headers-6.8.0-48-generic"),
    ("ubuntu", "debian", "6.11.0-21-generic", "apt install linux-headers-6.11.0-21-generic"),
    ("ubuntu", "debian", "6.8.0-48-lowlatency", "apt install linux-headers-6.8.0-48-lowlatency"),
    ("ubuntu", "debian", "6.8.0-1017-aws", "apt install linux-headers-6.8.0-1017-aws"),
    ("ubuntu", "debian", "6.8.0-1013-raspi", "apt install linux-headers-6.8.0-1013-raspi"),
    ("ubuntu", "debian", "6.11.0-1010-oem", "apt install linux-headers-6.11.0-1010-oem"),
    ("ubuntu", "debian", "6.8.0-48-generic-64k", "apt install linux-headers-6.8.0-48-generic-64k"),
    ("ubuntu", "debian", "5.15.148-tegra", "apt install nvidia-l4t-kernel-headers"),
    ("linuxmint", "ubuntu debian", "6.8.0-38-generic", "apt install linux-headers-6.8.0-38-generic"),
    ("pop", "ubuntu debian", "6.9.3-76060903-generic", "apt install linux-headers-6.9.3-76060903-generic"),
    ("tuxedo", "ubuntu debian", "6.11.0-111018-tuxedo", "apt install linux-headers-6.11.0-111018-tuxedo"),
    ("fedora", "", "6.11.4-301.fc41.x86_64", "dnf install kernel-devel-6.11.4-301.fc41.x86_64"),
    ("fedora", "", "6.11.4-301.fc41.aarch64", "dnf install kernel-devel-6.11.4-301.fc41.aarch64"),
    (
        "fedora",
        "",
        "6.13.0-0.rc1.20241202gite70140ba0d2b.14.fc42.x86_64",
        "dnf install kernel-devel-6.13.0-0.rc1.20241202gite70140ba0d2b.14.fc42.x86_64",
    ),
    ("fedora", "", "6.11.4-301.fc41.x86_64+debug", "dnf install kernel-debug-devel-6.11.4-301.fc41.x86_64"),
    (
        "fedora",
        "",
        "6.11.8-400.asahi.fc40.aarch64+16k",
        "dnf install kernel-16k-devel-6.11.8-400.asahi.fc40.aarch64",
    ),
    (
        "fedora",
        "",
        "6.10.5-1.surface.fc40.x86_64",
        "dnf install kernel-surface-devel-6.10.5-1.surface.fc40.x86_64",
    ),
    (
        "fedora",
        "",
        "6.11.5-cachyos1.fc41.x86_64",
        "dnf install 'kernel-devel-uname-r == 6.11.5-cachyos1.fc41.x86_64'",
    ),
    (
        "rhel",
        "fedora",
        "5.14.0-427.13.1.el9_4.x86_64",
        "dnf install kernel-devel-5.14.0-427.13.1.el9_4.x86_64",
    ),
    (
        "rhel",
        "fedora",
        "5.14.0-427.13.1.el9_4.x86_64+rt",
        "dnf install kernel-rt-devel-5.14.0-427.13.1.el9_4.x86_64",
    ),
    (
        "rhel",
        "fedora",
        "5.14.0-427.13.1.el9_4.x86_64+rt-debug",
        "dnf install kernel-rt-debug-devel-5.14.0-427.13.1.el9_4.x86_64",
    ),
    ("rhel", "fedora", "5.14.0-427.el9.aarch64+64k", "dnf install kernel-64k-devel-5.14.0-427.el9.aarch64"),
    (
        "rhel",
        "fedora",
        "4.18.0-553.rt7.342.el8_10.x86_64",
        "dnf install kernel-rt-devel-4.18.0-553.rt7.342.el8_10.x86_64",
    ),
    (
        "rhel",
        "fedora",
        "3.10.0-1160.119.1.el7.x86_64",
        "yum install kernel-devel-3.10.0-1160.119.1.el7.x86_64",
    ),
    (
        "centos",
        "rhel fedora",
        "3.10.0-1160.el7.centos.plus.x86_64",
        "yum install kernel-plus-devel-3.10.0-1160.el7.centos.plus.x86_64",
    ),
    ("centos", "rhel fedora", "5.14.0-522.el9.x86_64", "dnf install kernel-devel-5.14.0-522.el9.x86_64"),
    (
        "rocky",
        "rhel centos fedora",
        "6.11.5-1.el9.elrepo.x86_64",
        "dnf install --enablerepo=elrepo-kernel 'kernel-devel-uname-r == 6.11.5-1.el9.elrepo.x86_64'",
    ),
    (
        "ol",
        "fedora",
        "5.15.0-300.163.18.el9uek.x86_64",
        "dnf install kernel-uek-devel-5.15.0-300.163.18.el9uek.x86_64",
    ),
    ("ol", "fedora", "5.14.0-427.el9.x86_64", "dnf install kernel-devel-5.14.0-427.el9.x86_64"),
    (
        "amzn",
        "fedora",
        "6.1.112-122.189.amzn2023.x86_64",
        "dnf install kernel-devel-6.1.112-122.189.amzn2023.x86_64",
    ),
    (
        "amzn",
        "fedora",
        "6.12.22-27.96.amzn2023.aarch64",
        "dnf install kernel6.12-devel-6.12.22-27.96.amzn2023.aarch64",
    ),
    (
        "amzn",
        "centos rhel fedora",
        "5.10.227-219.884.amzn2.x86_64",
        "yum install kernel-devel-5.10.227-219.884.amzn2.x86_64",
    ),
    (
        "openEuler",
        "",
        "5.10.0-216.0.0.115.oe2203sp4.x86_64",
        "dnf install kernel-devel-5.10.0-216.0.0.115.oe2203sp4.x86_64",
    ),
    ("azurelinux", "", "6.6.57.1-2.azl3", "tdnf install kernel-devel-6.6.57.1-2.azl3"),
    ("mariner", "", "5.15.167.1-2.cm2", "tdnf install kernel-devel-5.15.167.1-2.cm2"),
    ("photon", "", "6.1.10-11.ph5", "tdnf install linux-devel-6.1.10-11.ph5"),
    ("photon", "", "6.1.10-11.ph5-esx", "tdnf install linux-esx-devel-6.1.10-11.ph5"),
    (
        "opensuse-leap",
        "suse opensuse",
        "6.4.0-150600.23.25-default",
        "zypper install kernel-default-devel=6.4.0-150600.23.25",
    ),
    (
        "opensuse-tumbleweed",
        "opensuse suse",
        "6.11.5-1-default",
        "zypper install kernel-default-devel=6.11.5-1",
    ),
    (
        "opensuse-tumbleweed",
        "opensuse suse",
        "6.6.58-1-longterm",
        "zypper install kernel-longterm-devel=6.6.58-1",
    ),
    ("sles", "suse", "6.4.0-150600.8.17-azure", "zypper install kernel-azure-devel=6.4.0-150600.8.17"),
    ("sles", "suse", "6.4.0-150600.10.17-rt", "zypper install kernel-rt-devel=6.4.0-150600.10.17"),
    ("sles", "suse", "6.4.0-150600.21-64kb", "zypper install kernel-64kb-devel=6.4.0-150600.21"),
    (
        "opensuse-microos",
        "suse opensuse opensuse-tumbleweed microos",
        "6.11.5-1-default",
        "transactional-update pkg install kernel-default-devel=6.11.5-1",
    ),
    ("arch", "", "6.11.5-arch1-1", "pacman -S linux-headers"),
    ("arch", "", "6.6.58-1-lts", "pacman -S linux-lts-headers"),
    ("arch", "", "6.11.5-zen1-1-zen", "pacman -S linux-zen-headers"),
    ("arch", "", "6.11.5-hardened1-1-hardened", "pacman -S linux-hardened-headers"),
    ("arch", "", "6.11.0.7.realtime1-1-rt", "pacman -S linux-rt-headers"),
    ("arch", "", "6.6.52.43.realtime1-1-rt-lts", "pacman -S linux-rt-lts-headers"),
    ("arch", "", "6.11.5-lqx1-1-lqx", "pacman -S linux-lqx-headers"),
    ("arch", "", "6.10.5-arch1-1-surface", "pacman -S linux-surface-headers"),
    ("arch", "", "6.12.0-rc5-1-mainline", "pacman -S linux-mainline-headers"),
    ("archarm", "arch", "6.11.5-1-aarch64-ARCH", "pacman -S linux-aarch64-headers"),
    ("archarm", "arch", "6.6.58-2-rpi", "pacman -S linux-rpi-headers"),
    ("archarm", "arch", "6.11.0-asahi-1-ARCH", "pacman -S linux-asahi-headers"),
    ("artix", "arch", "6.11.5-artix1-1", "pacman -S linux-headers"),
    ("parabola", "arch", "6.11.5-gnu-1", "pacman -S linux-libre-headers"),
    ("cachyos", "arch", "6.11.5-2-cachyos", "pacman -S linux-cachyos-headers"),
    ("cachyos", "arch", "6.11.5-2-cachyos-bore-lto", "pacman -S linux-cachyos-bore-lto-headers"),
    ("manjaro", "arch", "6.11.2-4-MANJARO", "pacman -S linux611-headers"),
    ("manjaro", "arch", "6.6.54-2-MANJARO", "pacman -S linux66-headers"),
    ("manjaro", "arch", "6.11.0-4-rt7-MANJARO", "pacman -S linux611-rt-headers"),
    ("steamos", "arch", "6.5.0-valve22-1-neptune-65-g9a338ed8a75e", "pacman -S linux-neptune-65-headers"),
    ("alpine", "", "6.6.58-0-lts", "apk add linux-lts-dev"),
    ("alpine", "", "6.12.1-0-virt", "apk add linux-virt-dev"),
    ("alpine", "", "6.6.58-1-rpi", "apk add linux-rpi-dev"),
    ("postmarketos", "alpine", "6.11.3-0-edge", "apk add linux-edge-dev"),
    ("void", "", "6.6.58_1", "xbps-install linux6.6-headers"),
    ("void", "", "6.11.5_1", "xbps-install linux6.11-headers"),
    ("void", "", "6.6.31-rpi_1", "xbps-install rpi-kernel-headers"),
    ("gentoo", "", "6.6.58-gentoo-dist", "emerge --oneshot =sys-kernel/gentoo-kernel-6.6.58"),
    ("gentoo", "", "6.6.58-gentoo-dist-hardened", "emerge --oneshot =sys-kernel/gentoo-kernel-6.6.58"),
    ("gentoo", "", "6.6.58-gentoo-r1-dist", "emerge --oneshot =sys-kernel/gentoo-kernel-6.6.58-r1"),
    (
        "mageia",
        "mandriva fedora mandrake",
        "6.6.58-desktop-2.mga9",
        "urpmi kernel-desktop-devel-6.6.58-2.mga9",
    ),
    ("altlinux", "", "6.6.58-un-def-alt1", "apt-get install kernel-headers-modules-un-def"),
    ("solus", "", "6.10.13-305.current", "eopkg install linux-current-headers"),
    ("slackware", "", "6.6.58", "slackpkg install kernel-source"),
];

/// ID, ID_LIKE, release, words of the advice.
const ADVICE: &[(&str, &str, &str, &str)] = &[
    ("ubuntu", "debian", "6.11.5-061105-generic", "kernel.ubuntu.com/mainline"),
    ("ubuntu", "debian", "6.12.0-061200rc5-generic", "linux-headers-6.12.0-061200rc5-generic"),
    ("ubuntu", "debian", "5.15.153.1-microsoft-standard-WSL2", "tag linux-msft-wsl-5.15.153.1"),
    ("debian", "", "6.9.4", "linux-headers-6.9.4, which was made together"),
    ("gentoo", "", "6.6.58-gentoo", "emerge =sys-kernel/gentoo-sources-6.6.58"),
    ("gentoo", "", "6.6.58-gentoo-r2", "emerge =sys-kernel/gentoo-sources-6.6.58-r2"),
    ("gentoo", "", "6.6.58-zen1", "emerge =sys-kernel/zen-sources-6.6.58_p1"),
    ("gentoo", "", "6.6.58", "emerge =sys-kernel/vanilla-sources-6.6.58"),
    ("nixos", "", "6.6.58", "boot.extraModulePackages"),
    ("fedora", "", "6.12.0-mine", "belong to kernel 6.12.0-mine"),
    ("opensuse-leap", "suse opensuse", "6.12.0", "belong to kernel 6.12.0"),
    ("chimera", "", "6.6.58", "belong to kernel 6.6.58"),
];

#[test]
fn every_release_has_its_exact_package() {
    assert!(COMMANDS.len() > 90, "{}", COMMANDS.len());
    for (id, like, release, command) in COMMANDS {
        assert_eq!(hint(id, like, release, None).to_string(), *command, "{id} {release}");
        assert!(matches!(hint(id, like, release, None), HeaderHint::Package { .. }));
    }
    for (id, like, release, words) in ADVICE {
        let hint = hint(id, like, release, None);
        assert!(matches!(&hint, HeaderHint::Advice(text) if text.contains(words)), "{id} {release}: {hint}");
    }
}

#[test]
fn what_is_installed_decides_where_the_release_does_not() {
    for (release, base) in [
        ("6.11.5-arch1-1", "linux"),
        ("6.11.5-1-cachyos", "linux-cachyos-lts"),
        ("6.11.2-4-MANJARO", "linux611"),
        ("whatever", "linux-mine"),
    ] {
        let found = hint("arch", "", release, Some(base)).to_string();
        assert_eq!(found, format!("pacman -S {base}-headers"));
    }
    let root = tempfile::tempdir().unwrap();
    let root = Root::new(root.path());
    let debian = Distribution::new("debian", "");
    let find = |release: &str| debian.headers_in(&root, Path::new("/lib/modules"), release).to_string();
    assert_eq!(find("6.2.16-20-pve"), "apt install pve-headers-6.2.16-20-pve");
    std::fs::create_dir_all(root.at("/var/lib/dpkg/info")).unwrap();
    std::fs::write(root.at("/var/lib/dpkg/info/proxmox-kernel-6.2.16-20-pve-signed.list"), "").unwrap();
    assert_eq!(find("6.2.16-20-pve"), "apt install proxmox-headers-6.2.16-20-pve");
    std::fs::create_dir_all(root.at("/lib/modules/6.6.58-1-lts")).unwrap();
    std::fs::write(root.at("/lib/modules/6.6.58-1-lts/pkgbase"), "linux-lts\n").unwrap();
    assert_eq!(find("6.6.58-1-lts"), "pacman -S linux-lts-headers");
    std::fs::create_dir_all(root.at("/run")).unwrap();
    std::fs::write(root.at("/run/ostree-booted"), "").unwrap();
    let fedora = Distribution::new("fedora", "");
    assert_eq!(
        fedora.headers_in(&root, Path::new("/lib/modules"), "6.11.4-301.fc41.x86_64").to_string(),
        "rpm-ostree install kernel-devel-6.11.4-301.fc41.x86_64"
    );
}

proptest! {
    /// Whatever a kernel is called, there is an answer that names it or its package, in one line.
    #[test]
    fn any_release(
        id in "(debian|ubuntu|fedora|sles|arch|gentoo|alpine|void|mageia|altlinux|photon|solus|x)",
        release in "([0-9]{1,2}\\.){0,3}([-+._][a-zA-Z0-9]{0,8}){0,6}|\\PC{1,20}",
    ) {
        let text = hint(&id, "", &release, None).sentence();
        prop_assert!(!text.is_empty());
    }
}
