//! `evermod lint` by the name of a module: its own file, the administrator's overrides, and the files around it.

use anyhow::{Result, ensure};
use evermod_tests::roots::Overlay;
use evermod_tests::{need, skip, top};

#[test]
fn a_module_is_looked_at_with_its_overrides_and_files() -> Result<()> {
    need!();
    let Some(root) = Overlay::with_evermod("small")? else {
        skip::report("target/dist has no evermod package: run make deb");
        return Ok(());
    };
    root.copy_in(&top().join("tests/modules/patched-1.0"), "/usr/src/patched-1.0")?;
    root.run(&["evermod", "add", "patched/1.0"])?.ok()?;
    let clean = root.run(&["evermod", "lint", "patched"])?.ok()?;
    ensure!(clean.stdout == "0 errors, 0 warnings, 0 pieces of advice in 1 file\n", "{}", clean.all());

    root.sh("mkdir -p /etc/dkms; echo 'STRIPP=no' > /etc/dkms/patched.conf")?.ok()?;
    let found = root.run(&["evermod", "lint", "patched/1.0"])?.ok()?;
    ensure!(
        found.stdout.contains("/etc/dkms/patched.conf:1:1")
            && found.stdout.contains("STRIP is probably meant"),
        "{}",
        found.all()
    );

    root.sh("rm /usr/src/patched-1.0/patches/always.patch; sed -i 's/^PACKAGE_VERSION=.*/PACKAGE_VERSION=2.0/' /usr/src/patched-1.0/dkms.conf")?.ok()?;
    let found = root.run(&["evermod", "lint", "/usr/src/patched-1.0"])?;
    ensure!(
        found.status == 1 && found.stdout.contains("there is no file patches/always.patch"),
        "{}",
        found.all()
    );
    ensure!(found.stdout.contains("the directory says '1.0'"), "{}", found.all());
    // The administrator's own patch takes its place.
    root.sh("mkdir -p /etc/dkms/patched/patches; touch /etc/dkms/patched/patches/always.patch")?.ok()?;
    let found = root.run(&["evermod", "lint", "/usr/src/patched-1.0"])?.ok()?;
    ensure!(found.stdout.contains("warning[identity]"), "{}", found.all());
    ensure!(root.run(&["evermod", "lint", "nothing"])?.status == 3);
    Ok(())
}
