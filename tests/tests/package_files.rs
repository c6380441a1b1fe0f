//! Packages of rpm and pacman: evermod's own in the hands of their managers, and others' in the hands of our reader.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use evermod_packaging::read::{Format, PackageFile};
use evermod_tests::roots::{Overlay, newest_package};
use evermod_tests::{need, skip};

/// The newest package in `target/dist` that ends so.
fn built(end: &str) -> Result<Option<PathBuf>> {
    let newest = newest_package("evermod-", end)?;
    if newest.is_none() {
        skip::report(&format!("target/dist has no evermod package that ends in {end}: run make packages"));
    }
    Ok(newest)
}

/// What a removal must not leave; the managers' own records aside.
const LEFT: &str = "find / -xdev \\( -path /proc -o -path /tmp -o -path /var/log -o -path /var/lib/rpm \
                    -o -path /usr/lib/sysimage -o -path /var/lib/pacman \\) -prune -o \\( -name '*evermod*' -o -name '*dkms*' \\) -print";

#[test]
fn rpm_installs_verifies_and_removes_evermod() -> Result<()> {
    need!();
    let Some(package) = built(".x86_64.rpm")? else { return Ok(()) };
    let root = Overlay::new("managers")?;
    let before = root.sh(LEFT)?.ok()?.stdout;
    root.copy_in(&package, "/tmp/evermod.rpm")?;
    // The package is not signed here; that is for whoever publishes it.
    let lint = root.run(&["rpmlint", "/tmp/evermod.rpm"])?.all();
    let errors: Vec<&str> =
        lint.lines().filter(|line| line.contains(": E: ") && !line.contains("no-signature")).collect();
    ensure!(errors.is_empty(), "{errors:#?}");
    root.sh("rpmkeys -Kv /tmp/evermod.rpm")?.ok()?;

    let triggers = root.run(&["rpm", "-qp", "--filetriggers", "/tmp/evermod.rpm"])?.ok()?.stdout;
    for trigger in [
        "in scriptlet (using /bin/sh) -- /lib/modules, /usr/lib/evermod/prebuilt, /usr/lib/modules, /usr/src\n",
        "postun scriptlet (using /bin/sh) -- /usr/lib/evermod/prebuilt, /usr/src\n",
    ] {
        assert!(triggers.contains(&format!("transfiletrigger{trigger}")), "{triggers}");
    }
    let requires = root.run(&["rpm", "-qp", "--requires", "/tmp/evermod.rpm"])?.ok()?.stdout;
    assert!(requires.contains("(kernel-devel-matched if kernel-core)"), "{requires}");

    // What it needs came from Debian's packages, of which rpm knows nothing.
    let installed = root.run(&["rpm", "-i", "--nodeps", "/tmp/evermod.rpm"])?.ok()?;
    assert_eq!(installed.stderr, "");
    root.run(&["rpm", "-V", "--nodeps", "evermod"])?.ok()?;
    assert!(root.run(&["dkms", "--version"])?.ok()?.stdout.starts_with("dkms-3."));
    let provider = root.run(&["rpm", "-q", "--whatprovides", "dkms"])?.ok()?.stdout;
    assert!(provider.starts_with("evermod-"), "{provider}");
    let removed = root.run(&["rpm", "-e", "evermod"])?.ok()?;
    assert_eq!(removed.stderr, "");
    assert_eq!(root.sh(LEFT)?.ok()?.stdout, before);
    Ok(())
}

#[test]
fn pacman_installs_verifies_and_removes_evermod() -> Result<()> {
    need!();
    let Some(package) = built(".pkg.tar.zst")? else { return Ok(()) };
    let root = Overlay::new("managers")?;
    let before = root.sh(LEFT)?.ok()?.stdout;
    root.copy_in(&package, "/tmp/evermod.pkg.tar.zst")?;
    root.sh("printf '[options]\\nArchitecture = x86_64\\nLocalFileSigLevel = Never\\n' >/etc/pacman.conf; mkdir -p /var/lib/pacman")?
        .ok()?;
    root.run(&["pacman", "--noconfirm", "-Udd", "/tmp/evermod.pkg.tar.zst"])?.ok()?;
    let verified = root.run(&["pacman", "-Qkk", "evermod"])?.ok()?.all();
    assert!(verified.contains(", 0 altered files"), "{verified}");
    // The list is one that finds something.
    root.sh("echo >>/usr/lib/dkms/common.postinst; chmod 700 /usr/bin/evermod")?.ok()?;
    let verified = root.run(&["pacman", "-Qkk", "evermod"])?.all();
    assert!(verified.contains(", 2 altered files"), "{verified}");
    assert!(root.run(&["dkms", "--version"])?.ok()?.stdout.starts_with("dkms-3."));
    root.run(&["pacman", "--noconfirm", "-Udd", "/tmp/evermod.pkg.tar.zst"])?.ok()?;
    root.run(&["pacman", "--noconfirm", "-R", "evermod"])?.ok()?;
    assert_eq!(root.sh(LEFT)?.ok()?.stdout, before);
    Ok(())
}

/// A tree with all that a payload can have: hard links in three directories, one of them first by name and one last, an empty
/// file, links out of it, odd names, set-user-ID programs, many files.
const TREE: &str = r#"
mkdir -p $D/usr/src/m-1.0/sub $D/etc $D/usr/lib/modules/k $D/var/lib/m
base64 /usr/bin/dpkg >$D/usr/src/m-1.0/sub/big; chmod 750 $D/usr/src/m-1.0/sub/big
ln $D/usr/src/m-1.0/sub/big $D/usr/src/m-1.0/a-big; ln $D/usr/src/m-1.0/sub/big $D/usr/src/m-1.0/z-big
: >$D/usr/src/m-1.0/empty
for i in $(seq 300); do echo "int x$i;" >$D/usr/src/m-1.0/f$i.c; done
echo x >"$D/usr/src/m-1.0/a b ä # =.c"
ln -s /usr/src/m-1.0 $D/usr/lib/modules/k/build; ln -s ../../.. $D/usr/src/m-1.0/up
echo a=1 >$D/etc/m.conf; chmod 700 $D/var/lib/m
find $D -exec touch -h -d '2020-02-02 02:02:02' {} +
"#;

/// Every name below a directory with all that a reader must keep. What directories weigh is the file system's own.
fn listing(root: &Overlay, dir: &str) -> Result<String> {
    let list = "find . -mindepth 1 -not -type d -printf '%P %y %m %Ts %n %s %l\\n' -o -mindepth 1 -printf '%P %y %m\\n' | LC_ALL=C sort; \
                find . -type f -print0 | sort -z | xargs -0 sha256sum";
    Ok(root.sh(&format!("cd {dir} && {list}"))?.ok()?.stdout)
}

fn unpacked_alike(root: &Overlay, package: &str, format: Format, reference: &str) -> Result<()> {
    let read = PackageFile::open(&root.path(package))?;
    assert_eq!(
        (read.format, read.name.as_str(), read.version.as_str()),
        (format, "m", "2:1.0-1"),
        "{package}"
    );
    let ours = format!("/tmp/ours{}", package.replace('/', "-"));
    root.run(&["mkdir", &ours])?.ok()?;
    let made = read.unpack(&root.path(&ours), &|_| true).with_context(|| package.to_owned())?;
    assert_eq!(listing(root, &ours)?, listing(root, reference)?, "{package}");
    // The list of a .deb has regular files alone; all of those of the others are made.
    let paths = read.paths()?;
    if format == Format::Deb {
        assert!(paths.iter().all(|path| made.contains(path)) && paths.len() > 300, "{package}");
    } else {
        assert_eq!(
            paths.iter().collect::<std::collections::BTreeSet<_>>(),
            made.iter().collect(),
            "{package}"
        );
    }
    Ok(())
}

#[test]
fn packages_unpack_as_their_own_tools_do_it() -> Result<()> {
    need!();
    let root = Overlay::new("managers")?;
    root.sh(&format!("set -e; D=/tmp/tree; {TREE}"))?.ok()?;
    // Modes and times of all directories are in the packages of dpkg and pacman.
    let deb = "set -e; cp -a /tmp/tree /tmp/deb; mkdir /tmp/deb/DEBIAN; cd /tmp/deb
        printf 'Package: m\\nVersion: 2:1.0-1\\nArchitecture: all\\nMaintainer: m\\nDescription: m\\n' >DEBIAN/control
        find usr etc -type f -exec md5sum {} + >DEBIAN/md5sums
        for z in none gzip xz zstd; do dpkg-deb -Z$z -b /tmp/deb /tmp/m-$z.deb; done
        dpkg-deb -x /tmp/m-xz.deb /tmp/by-dpkg";
    root.sh(deb)?.ok()?;
    for compression in ["none", "gzip", "xz", "zstd"] {
        unpacked_alike(&root, &format!("/tmp/m-{compression}.deb"), Format::Deb, "/tmp/by-dpkg")?;
    }
    let arch = "set -e; cd /tmp/tree
        printf 'pkgname = m\\npkgver = 2:1.0-1\\narch = any\\n' >.PKGINFO
        bsdtar -czf .MTREE --format=mtree --options='!all,use-set,type,uid,gid,mode,time,size,md5,sha256,link' .PKGINFO *
        for z in gzip xz zstd; do bsdtar -cf - .MTREE .PKGINFO * | $z -c >/tmp/m-$z.pkg.tar; done
        rm .PKGINFO .MTREE";
    root.sh(arch)?.ok()?;
    for compression in ["gzip", "xz", "zstd"] {
        unpacked_alike(&root, &format!("/tmp/m-{compression}.pkg.tar"), Format::Arch, "/tmp/tree")?;
    }
    // Long form of cpio, and, as files of more than 4 GiB and version 6 have it, the short one.
    let spec = "Name: m\nEpoch: 2\nVersion: 1.0\nRelease: 1\nSummary: m\nLicense: GPL-2.0-only\nAutoReqProv: no\n%description\nm\n\
                %install\ncp -a /tmp/tree/. %{buildroot}/\n%files\n/usr\n%config(noreplace) /etc/m.conf\n/var\n%dir /etc\n%ghost /etc/ghost\n";
    fs_err::write(root.path("/tmp/m.spec"), spec)?;
    let rpm = "set -e; for z in w9.gzdio w6.xzdio w3.zstdio w.ufdio; do
          rpmbuild --quiet --define '_rpmdir /tmp' --define \"_binary_payload $z\" --define \"_rpmfilename m-$z.rpm\" \
            --define '_build_id_links none' --define '__os_install_post %{nil}' -bb /tmp/m.spec
        done; mkdir /tmp/by-rpm; cd /tmp/by-rpm; rpm2cpio /tmp/m-w9.gzdio.rpm | cpio -idm --quiet";
    root.sh(rpm)?.ok()?;
    for compression in ["w9.gzdio", "w6.xzdio", "w3.zstdio", "w.ufdio"] {
        unpacked_alike(&root, &format!("/tmp/m-{compression}.rpm"), Format::Rpm, "/tmp/by-rpm")?;
    }
    Ok(())
}
