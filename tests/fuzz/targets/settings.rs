//! Settings of evermod and of the machine.
#![no_main]

use evermod_core::config::{KernelConfig, OsRelease, evermod_toml, shell};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    let _ = shell::parse_report(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let config = KernelConfig::new(text.to_owned());
    for name in text.split(['=', '\n']) {
        assert!(config.get(name).is_none() || text.contains('='));
    }
    OsRelease::parse(text).distribution();
    if let Err(error) = evermod_toml::parse(text, Path::new("evermod.toml")) {
        assert!(error.to_string().contains("evermod.toml"));
    }
});
