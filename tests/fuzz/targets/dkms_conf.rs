//! `dkms.conf`: the literal reader, the second reading, the directives. Errors must point into the text.
#![no_main]

use evermod_core::config::{Vars, directives, literal, mangle};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut scope = Vars::new();
    for (name, value) in [("kernelver", "6.1.0-56-amd64"), ("arch", "x86_64"), ("module", "m")] {
        scope.set(name, value);
    }
    match literal::parse(text, &scope) {
        Ok(layer) => {
            let vars = layer.into_changed();
            mangle::reread_all(&vars, &mut scope);
            for strict in [false, true] {
                directives::resolve(&vars, strict, None);
            }
        }
        Err(error) => {
            let lines = text.split('\n').count();
            assert!((1..=lines).contains(&error.line), "{error} of {lines} lines");
            let line = text.split('\n').nth(error.line - 1).unwrap_or_default();
            assert!(error.column <= line.chars().count() + 1, "{error}: {line:?}");
        }
    }
});
