//! Package files of all formats: nothing may be written outside the directory they are unpacked to.
#![no_main]

use evermod_packaging::read::PackageFile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(dir) = tempfile::tempdir() else { return };
    let (file, into) = (dir.path().join("package"), dir.path().join("into"));
    if std::fs::write(&file, bytes).is_err() || std::fs::create_dir(&into).is_err() {
        return;
    }
    if let Ok(package) = PackageFile::open(&file) {
        let _ = package.paths();
        let _ = package.unpack(&into, &|_| true);
    }
    let beside = std::fs::read_dir(dir.path()).map(Iterator::count);
    assert_eq!(beside.ok(), Some(2), "something lies beside the directory");
});
