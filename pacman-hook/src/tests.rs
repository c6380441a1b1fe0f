//! Against what a real pacman said: `tests/fixtures/alpm`.

use super::*;

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../tests/fixtures/alpm/", $name))
    };
}

const OLD: &str = "6.12.116+deb13-cloud-amd64";
const NEW: &str = "6.12.117+deb13-cloud-amd64";

#[test]
fn what_comes() {
    let targets = Targets::read(fixture!("upgrade.preflight"));
    let releases: Vec<_> = targets.images().collect();
    assert_eq!(releases, ["6.12.117+deb13-amd64", NEW]);
    assert!(targets.parts.contains(&Part::Headers(NEW)));
    assert_eq!(targets.sources().collect::<Vec<_>>(), ["hello-2.0"]);
    assert_eq!(targets.parts.len(), 5);
    assert_eq!(Targets::read(fixture!("install.settle")).parts.len(), 5);
    assert_eq!(Targets::read(fixture!("reinstall.settle")).images().collect::<Vec<_>>(), [NEW]);
    let prebuilt = Part::Prebuilt { kernel: NEW, module: "hello" };
    for part in targets.parts.into_iter().chain([prebuilt]) {
        assert_eq!(Part::of(&part.path()), Some(part));
    }
}

/// A driver that changes its version must not be taken for one that goes: it would leave every kernel first.
#[test]
fn what_goes_is_told_from_what_comes() {
    let targets = Targets::read(fixture!("upgrade.remove"));
    let there =
        [format!("usr/lib/modules/{OLD}/vmlinuz"), "usr/lib/modules/6.12.116+deb13-amd64/vmlinuz".into()];
    let (goes, comes) =
        targets.divide(&|path| there.iter().any(|p| p == path) || path == "usr/src/hello-1.0/dkms.conf");
    assert_eq!(goes.images().collect::<Vec<_>>(), ["6.12.116+deb13-amd64", OLD]);
    assert_eq!(goes.sources().collect::<Vec<_>>(), ["hello-1.0"]);
    assert!(
        comes.has_source_of("hello") && !comes.has_source_of("hell") && !comes.has_source_of("hello-2.0")
    );
    let targets = Targets::read(fixture!("remove.remove"));
    let (goes, comes) = targets.divide(&|_| true);
    assert_eq!(goes.parts.len(), 2);
    assert_eq!(comes, Targets::default());
}

#[test]
fn lines_that_mean_nothing() {
    for line in [
        "",
        "/",
        "usr/lib/modules//vmlinuz",
        "usr/lib/modules/6.1/extra/vmlinuz",
        "usr/lib/modules/6.1/build/include",
        "usr/lib/modules/6.1/build/include/linux/",
        "usr/lib/modules/../vmlinuz",
        "usr/src/a-1/sub/dkms.conf",
        "usr/lib/evermod/prebuilt/hello.json",
        "usr/lib/evermod/prebuilt/6.1/sub/hello.json",
        "usr/lib/evermod/prebuilt/6.1/hello.jsonl",
        "usr/src/dkms.conf",
        "usr/src//dkms.conf",
        "/usr/src/a-1/dkms.conf",
        "warning: something",
    ] {
        assert_eq!(Part::of(line), None, "{line}");
    }
}

fn read(cmdline: &str) -> CommandLine {
    CommandLine::read(cmdline).expect("pacman's")
}

fn file(path: &str) -> Operand {
    Operand::File(path.into())
}

#[test]
fn command_lines() {
    assert_eq!(read(fixture!("upgrade.cmdline")), CommandLine::default());
    assert_eq!(read(fixture!("older-driver.cmdline")).upgrade, [file("hello-dkms-1.0-1-any.pkg.tar.zst")]);
    assert_eq!(read(fixture!("same-version.cmdline")).upgrade, [file("./hello-dkms-1.0-2-any.pkg.tar.zst")]);
    let line = read(fixture!("cachedir.cmdline"));
    assert_eq!(line.cache_dirs, ["/tmp/cache"]);
    assert_eq!(line.config.as_deref(), Some("/etc/pacman.conf"));
    assert!(line.upgrade.is_empty() && !line.is_elsewhere);
    assert_eq!(read("pacman\0-Ub/db\0a\0").upgrade, [file("a")]);
    assert_eq!(read("pacman\0-b\0/db\0-U\0--\0-a\0").upgrade, [file("-a")]);
    assert_eq!(
        read("/usr/bin/pacman\0-U\0https://example.org/x/a-1-1-any.pkg.tar.zst\0file:///b\0").upgrade,
        [Operand::Download("a-1-1-any.pkg.tar.zst".into()), file("/b")]
    );
    assert!(read("pacman\0-Syu\0--root\0/mnt\0").is_elsewhere);
    assert!(
        read("pacman\0-Sr/mnt\0linux\0").is_elsewhere && read("pacman\0--sysroot=/mnt\0-U\0a\0").is_elsewhere
    );
    assert!(!read("pacman\0-S\0-r\0/\0linux\0").is_elsewhere);
    assert_eq!(read("pacman\0-U\0--overwrite\0*\0a\0").upgrade, [file("a")]);
    assert!(read(fixture!("remove.cmdline")).is_removal && read("pacman\0--remove\0a\0").is_removal);
    assert_eq!(CommandLine::read("pamac-daemon\0-U\0a\0"), None);
    assert_eq!(CommandLine::read(""), None);
    // Cut off in the middle: nothing is made up.
    assert_eq!(read("pacman\0-U\0--config"), CommandLine::default());
}

#[test]
fn configurations() {
    let mut conf = Conf::default();
    conf.add(
        "[options]\n#CacheDir = /x\nCacheDir = /a/ /b # and so on\n Include=/etc/pacman.d/*.conf\nSigLevel\n\
         [core]\nInclude = /etc/pacman.d/mirrorlist\nServer = file:///srv/repo\nServer = file:///srv/$repo\n",
    );
    assert_eq!(conf.includes, ["/etc/pacman.d/*.conf", "/etc/pacman.d/mirrorlist"]);
    assert_eq!(conf.directories(&[]), ["/a/", "/b", "/srv/repo"]);
    assert_eq!(conf.directories(&["/c".into()]), ["/c", "/srv/repo"]);
    conf.add("CacheDir = /d\n");
    assert_eq!(conf.cache_dirs, ["/a/", "/b", "/d"]);
    assert_eq!(Conf::default().directories(&[]), ["/var/cache/pacman/pkg/"]);
}

#[test]
fn names_of_package_files() {
    let version = version_of("linux-lts-headers-6.12.117.deb13-1-x86_64.pkg.tar.zst");
    assert_eq!(version, Some("6.12.117.deb13"));
    assert_eq!(version_of("a-1:2-3-any.pkg.tar"), Some("1:2"));
    for name in [
        "a-1-1-any.pkg.tar.zst.sig",
        "a-1-1-any.pkg.tar.zst.part",
        "a-1.pkg.tar.zst",
        "core.db.tar.gz",
        ".pkg.tar",
        "",
    ] {
        assert_eq!(version_of(name), None, "{name}");
    }
}

#[test]
fn which_files_are_worth_a_look() {
    for (file, text, may) in [
        ("linux-6.9.1.arch1-1-x86_64.pkg.tar.zst", "6.9.1-arch1-1", true),
        ("linux-6.9.2.arch1-1-x86_64.pkg.tar.zst", "6.9.1-arch1-1", false),
        ("linux-lts-headers-6.6.30-1-x86_64.pkg.tar.zst", "6.6.30-1-lts", true),
        ("linux-mainline-6.10rc1-1-x86_64.pkg.tar.zst", "6.10.0-rc1-1-mainline", true),
        ("linux-mainline-headers-6.9-1-x86_64.pkg.tar.zst", "6.9.0-1-mainline", true),
        ("nvidia-open-dkms-550.78-1-x86_64.pkg.tar.zst", "nvidia-550.78", true),
        ("virtualbox-host-dkms-7.0.18-1-x86_64.pkg.tar.zst", "vboxhost-7.0.18_OSE", true),
        ("v4l2loopback-dkms-0.13.2-1-any.pkg.tar.zst", "v4l2loopback-0.13.2", true),
        ("nvidia-dkms-550.78-1-x86_64.pkg.tar.zst", "nvidia-550.80", false),
        ("x-dkms-1:2.3-1-any.pkg.tar.zst", "x-2.3", true),
        ("odd-dkms-r12.abc-1-any.pkg.tar.zst", "odd-r12", true),
    ] {
        assert_eq!(may_have(version_of(file).unwrap(), text), may, "{file} {text}");
    }
}

/// Enough of a shell's patterns for this.
fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once(['*', '?']) {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            let any = |n: usize| rest.get(n..).is_some_and(|rest| glob(after, rest));
            if pattern[before.len()..].starts_with('?') { any(1) } else { (0..=rest.len()).any(any) }
        }),
    }
}

#[test]
fn hooks_of_others() {
    let ours = HookFile::read(include_str!("../70-evermod-install.hook"));
    assert!(ours.is_post && ours.exec.ends_with("evermod-alpm settle"));
    let prebuilt = Part::Prebuilt { kernel: NEW, module: "hello" };
    for part in [Part::Image(NEW), Part::Headers(NEW), Part::Source("hello-1.0"), prebuilt] {
        assert!(ours.takes(&part.path(), &glob), "{part:?}");
    }
    assert!(!HookFile::read(include_str!("../05-evermod-preflight.hook")).is_post);
    let images = HookFile::read(
        "[Trigger]\nType=Path\nOperation = Remove\nTarget = gone/*\n# more\n[Trigger]\nOperation=Install\nType = Path\n\
         Target = usr/lib/modules/*/vmlinuz\nTarget = usr/lib/modules/*/\nTarget = !usr/lib/modules/*/?*\n\
         [Trigger]\nOperation = Upgrade\nType = Package\nTarget = linux\n[Action]\nWhen = PostTransaction\nExec = /x",
    );
    assert!(
        images.takes("usr/lib/modules/6.1/", &glob) && !images.takes("usr/lib/modules/6.1/build/", &glob)
    );
    assert!(!images.takes("gone/a", &glob) && !images.takes("linux", &glob));
    assert!(HookFile::read("[Trigger]\nOperation=Install\nType=Path\nTarget=a*b?c").takes("a/x/b-c", &glob));
    assert!(!HookFile::read("").takes("", &glob));
}
