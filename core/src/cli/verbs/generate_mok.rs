//! `generate_mok`: finds or makes the signing key.

use crate::cli::context::Context;
use crate::exec::make_by_distribution;
use crate::exec::signing::is_token;
use crate::model::Failure;
use crate::report::Event;
use crate::sign::{DEFAULT_COMMON_NAME, Origin, load_or_create};
use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::time::SystemTime;

/// Says which key and certificate are used, and makes them if they are not there.
///
/// # Errors
/// They cannot be read or made.
pub fn generate_mok(context: &Context) -> Result<(), Failure> {
    let signing = &context.settings.signing;
    let note = |text: String| context.sink.event(&Event::Note { text: &text });
    if is_token(&signing.key) {
        note(format!("The signing key is {}, in a token: nothing is made for it", signing.key));
        return Ok(());
    }
    let place = |path: &str| context.places.root.at(path);
    let (key, certificate) = (place(&signing.key), place(&signing.certificate));
    let made = make_by_distribution(&context.environment, &context.places.root, signing, &key);
    let found = || format!("Found signing key {} and certificate {}", signing.key, signing.certificate);
    // Whoever may not read the key is still told which one it is.
    if !made && certificate.is_file() && is_kept_from_us(&key) {
        note(found());
        return Ok(());
    }
    let loaded = load_or_create(&key, &certificate, DEFAULT_COMMON_NAME, SystemTime::now())
        .map_err(|e| Failure::Usage { message: e.to_string(), code: 1 })?;
    let (key, certificate) = (&signing.key, &signing.certificate);
    note(match loaded.origin {
        Origin::Found if !made => found(),
        Origin::Reissued => format!("Made certificate {certificate} for signing key {key}"),
        Origin::Found | Origin::Generated => format!("Made signing key {key} and certificate {certificate}"),
    });
    if made || loaded.origin != Origin::Found {
        note(format!("Where Secure Boot is on, enrol it once: {}", signing.enrol()));
    }
    Ok(())
}

fn is_kept_from_us(key: &Path) -> bool {
    File::open(key).is_err_and(|why| why.kind() == ErrorKind::PermissionDenied)
}
