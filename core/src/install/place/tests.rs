use super::*;
use crate::install::testing::module;
use crate::model::{Arch, KernelRelease, ModuleId};
use crate::root::Root;

struct Fixture {
    _dir: tempfile::TempDir,
    places: Places,
    instance: Instance,
}

fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let places = Places::new(Root::new(dir.path()));
    let instance = Instance {
        module: ModuleId::new("m", "1").unwrap(),
        kernel: KernelRelease::new("6.1").unwrap(),
        arch: Arch::new("x86_64").unwrap(),
    };
    std::fs::create_dir_all(places.instance_dir(&instance).join("module")).unwrap();
    std::fs::create_dir_all(places.kernel_dir(&instance.kernel)).unwrap();
    Fixture { _dir: dir, places, instance }
}

impl Fixture {
    fn record(name: &str) -> Record {
        Record { dest_name: name.into(), dest_location: "/kernel/extra".into(), ..Record::default() }
    }

    fn build(&self, name: &str, entries: &[&str]) {
        let file = self.places.instance_dir(&self.instance).join("module").join(format!("{name}.ko"));
        std::fs::write(file, module(entries)).unwrap();
    }

    fn kernel(&self, file: &str) -> PathBuf {
        self.places.kernel_dir(&self.instance.kernel).join(file)
    }

    fn placement(&self, names: &[&str]) -> Placement<'_> {
        let records: Vec<_> = names.iter().map(|n| Self::record(n)).collect();
        Placement::new(
            &self.places,
            &self.instance,
            &records.iter().collect::<Vec<_>>(),
            Some("/updates/dkms"),
        )
    }
}

fn install(placement: &Placement<'_>, over: Overriding, previous: &[PathBuf]) -> Result<Installed, Failure> {
    placement.place(placement.judge(over)?, previous)
}

#[test]
fn in_and_out_leaves_nothing() {
    let f = fixture();
    f.build("a", &["version=1"]);
    f.build("b", &["version=1"]);
    let placement = f.placement(&["a", "b"]);
    assert!(placement.compare().different.is_some());
    let installed = install(&placement, Overriding::default(), &[]).unwrap();
    assert_eq!(
        installed.files,
        [Path::new("/lib/modules/6.1/updates/dkms/a.ko"), Path::new("/lib/modules/6.1/updates/dkms/b.ko")]
    );
    assert_eq!(placement.compare(), Comparison::default());
    let link = f.places.active_link("m", &f.instance.kernel, &f.instance.arch);
    assert_eq!(std::fs::read_link(&link).unwrap(), Path::new("1/6.1/x86_64"));
    std::fs::write(f.kernel("updates/dkms/a.ko"), module(&["version=1", "x=y"])).unwrap();
    assert_eq!(placement.compare().different.as_deref(), Some("/lib/modules/6.1/updates/dkms/a.ko"));
    let removed = placement.uninstall().unwrap();
    assert_eq!(removed.files.len(), 2, "another build of the same version is still ours");
    assert!(!f.kernel("updates").exists() && link.symlink_metadata().is_err());
    assert!(f.kernel("").exists());
}

#[test]
fn the_kernels_own_module_is_judged_kept_and_restored() {
    let f = fixture();
    f.build("a", &["version=2"]);
    std::fs::create_dir_all(f.kernel("kernel/drivers")).unwrap();
    std::fs::write(f.kernel("kernel/drivers/a.ko"), module(&["version=3"])).unwrap();
    std::fs::write(f.kernel("modules.dep"), "kernel/drivers/a.ko:\n").unwrap();
    let placement = f.placement(&["a"]);
    let refused = install(&placement, Overriding::default(), &[]).unwrap_err();
    assert!(refused.to_string().contains("version 3") && refused.exit_code() == 6, "{refused}");
    let link = f.places.active_link("m", &f.instance.kernel, &f.instance.arch);
    assert!(link.symlink_metadata().is_err(), "a refusal changes nothing");
    let over = Overriding { version: true, archive: true, link: false };
    let installed = install(&placement, over, &[]).unwrap();
    assert_eq!(installed.archived, [Path::new("/lib/modules/6.1/kernel/drivers/a.ko")]);
    assert!(!f.kernel("kernel/drivers/a.ko").exists());
    let removed = placement.uninstall().unwrap();
    assert_eq!(removed.restored, installed.archived);
    assert_eq!(std::fs::read(f.kernel("kernel/drivers/a.ko")).unwrap(), module(&["version=3"]));
}

/// Regression: what was left out counted as missing, and the next run installed it after all.
#[test]
fn what_the_kernel_has_itself_is_left_out_for_good() {
    let f = fixture();
    f.build("ours", &["version=1"]);
    f.build("own", &["version=1"]);
    std::fs::create_dir_all(f.kernel("kernel")).unwrap();
    std::fs::write(f.kernel("kernel/own.ko"), module(&["version=1"])).unwrap();
    std::fs::write(f.kernel("modules.dep"), "kernel/own.ko:\n").unwrap();
    let placement = f.placement(&["ours", "own"]);
    for round in 1..=2 {
        let installed = install(&placement, Overriding::default(), &[]).unwrap();
        assert_eq!((installed.files.len(), installed.refused.len()), (1, 1), "round {round}");
        let compared = placement.compare();
        assert!(compared.different.is_none() && compared.left_out.is_some(), "round {round}");
    }
    std::fs::remove_file(f.kernel("kernel/own.ko")).unwrap();
    assert!(placement.compare().different.is_some(), "nobody has it any more");
}

/// Regression: taking a machine over put modules in place that DKMS 3.0 had left to the kernel.
#[test]
fn what_dkms_left_to_the_kernel_stays_left() {
    let f = fixture();
    f.build("ours", &["license=GPL"]);
    std::fs::create_dir_all(f.kernel("kernel")).unwrap();
    std::fs::write(f.kernel("modules.dep"), "kernel/own.ko:\n").unwrap();
    std::fs::write(f.kernel("kernel/own.ko"), module(&["license=GPL v2"])).unwrap();
    install(&f.placement(&["ours"]), Overriding::default(), &[]).unwrap();
    f.build("own", &["license=GPL"]);
    let placement = f.placement(&["ours", "own"]);
    assert!(placement.compare().left_out.is_some() && placement.compare().different.is_none());
    assert_eq!(install(&placement, Overriding::default(), &[]).unwrap().files.len(), 1);
    let forced = Overriding { version: true, ..Overriding::default() };
    assert_eq!(install(&placement, forced, &[]).unwrap().files.len(), 2);
}

#[test]
fn what_packages_brought_stays() {
    let f = fixture();
    f.build("a", &["version=1"]);
    f.build("b", &["version=1"]);
    install(&f.placement(&["a", "b"]), Overriding::default(), &[]).unwrap();
    // A package's file in the place of ours, and another beside ours.
    std::fs::write(f.kernel("updates/dkms/a.ko"), module(&["version=1", "x=y"])).unwrap();
    std::fs::write(f.kernel("updates/dkms/b.ko.xz"), "packed").unwrap();
    // Ours of before, put aside, and a stranger's.
    std::fs::write(f.kernel("updates/dkms/a.ko.evermod-aside"), module(&["version=1", "old=y"])).unwrap();
    std::fs::write(f.kernel("updates/dkms/b.ko.evermod-aside"), module(&["version=7"])).unwrap();
    let mut packaged = Packaged::default();
    ["a.ko", "b.ko.xz"].iter().for_each(|name| packaged.add(&f.kernel(&format!("updates/dkms/{name}"))));
    let careful = Placement { packaged: Some(&packaged), ..f.placement(&["a", "b"]) };
    assert_eq!(careful.own_paths(), [f.kernel("updates/dkms/b.ko")]);
    let removed = careful.uninstall().unwrap();
    assert_eq!(removed.files, [Path::new("/lib/modules/6.1/updates/dkms/b.ko")]);
    assert_eq!((removed.packaged.len(), removed.not_found.len()), (2, 0), "{removed:?}");
    let left = |name: &str| f.kernel("updates/dkms").join(name).exists();
    assert!(left("a.ko") && left("b.ko.xz") && !left("b.ko"));
    assert!(!left("a.ko.evermod-aside"), "it comes back from the tree");
    assert!(left("b.ko.evermod-aside"), "it does not");
    let link = f.places.active_link("m", &f.instance.kernel, &f.instance.arch);
    assert!(link.symlink_metadata().is_err(), "the claim is gone");
    // By force ours goes over a package's, which is put aside, and beside those of other names.
    let forced = Overriding { version: true, ..Overriding::default() };
    let installed =
        careful.place(careful.judge(forced).unwrap(), &[f.kernel("updates/dkms/b.ko.xz")]).unwrap();
    assert_eq!(installed.archived, [Path::new("/lib/modules/6.1/updates/dkms/a.ko")]);
    assert!(left("b.ko.xz"));
    let restored = f.placement(&["a", "b"]).uninstall().unwrap().restored;
    assert_eq!(restored, installed.archived);
}

#[test]
fn links_in_place_of_copies() {
    let f = fixture();
    f.build("a", &["version=1"]);
    let placement = f.placement(&["a"]);
    let installed = f.kernel("updates/dkms/a.ko");
    install(&placement, Overriding { link: true, ..Overriding::default() }, &[]).unwrap();
    let target = f.places.root.inside(&f.places.instance_dir(&f.instance).join("module/a.ko"));
    assert_eq!(std::fs::read_link(&installed).unwrap(), target);
    assert_eq!(placement.compare(), Comparison::default(), "a link to the built module is no difference");
    placement.align_times().unwrap();
    // A link that leads nowhere is still ours to take away.
    std::fs::remove_file(f.places.root.at(&target)).unwrap();
    assert!(placement.compare().built_missing.is_some());
    let removed = placement.uninstall().unwrap();
    assert_eq!(removed.files.len(), 1, "{removed:?}");
    assert!(installed.symlink_metadata().is_err() && !f.kernel("updates").exists());
    // And a copy takes the place of a link.
    f.build("a", &["version=1"]);
    install(&placement, Overriding { link: true, ..Overriding::default() }, &[]).unwrap();
    install(&placement, Overriding::default(), &[]).unwrap();
    assert!(installed.symlink_metadata().unwrap().is_file());
    assert!(f.places.root.at(&target).is_file(), "the built one stays");
}

#[test]
fn files_of_the_version_before_go() {
    let f = fixture();
    f.build("a", &["version=1"]);
    let old = f.kernel("updates/dkms/old.ko");
    std::fs::create_dir_all(old.parent().unwrap()).unwrap();
    std::fs::write(&old, "x").unwrap();
    std::fs::write(f.kernel("updates/dkms/a.ko.xz"), "compressed by an older kernel package").unwrap();
    install(
        &f.placement(&["a"]),
        Overriding { version: true, ..Overriding::default() },
        std::slice::from_ref(&old),
    )
    .unwrap();
    let left: Vec<_> =
        std::fs::read_dir(f.kernel("updates/dkms")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["a.ko"]);
}
