//! `.ko` files: what modinfo shows of them, and their signatures.
#![no_main]

use evermod_core::install::ModInfo;
use evermod_core::sign::{Certificate, signature_of, unsigned};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(info) = ModInfo::parse(bytes) {
        info.versions();
    }
    let _ = Certificate::parse(bytes);
    if let Ok(payload) = unsigned(bytes) {
        assert!(bytes.starts_with(payload));
    }
    signature_of(bytes);
});
