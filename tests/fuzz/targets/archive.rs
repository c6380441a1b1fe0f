//! Archives of modules (`ldtarball`): nothing may be written outside the directory they are unpacked to.
#![no_main]

use evermod_core::archive::{Layout, Limits, unpack};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(dir) = tempfile::tempdir() else { return };
    let (file, into) = (dir.path().join("archive.tar"), dir.path().join("into"));
    if std::fs::write(&file, bytes).is_err() || std::fs::create_dir(&into).is_err() {
        return;
    }
    if unpack(&file, &into, Limits { bytes: 1 << 20, members: 100 }).is_ok() {
        let _ = Layout::read(&into);
    }
    let beside = std::fs::read_dir(dir.path()).map(Iterator::count);
    assert_eq!(beside.ok(), Some(2), "something lies beside the directory");
});
