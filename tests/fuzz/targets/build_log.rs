//! Logs of compilers, in which the first real error is looked for.
#![no_main]

use evermod_core::build::diagnose;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    diagnose(text, "/var/lib/dkms/m/1/build");
});
