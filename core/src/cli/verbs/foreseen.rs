//! The last forecast, for managers that ask the same more than once in a transaction: the answer is given again, without
//! unpacking anything, as long as nothing that it rests on has changed.

use crate::cache;
use crate::cli::context::Context;
use crate::install::files::write_atomically;
use crate::inventory::{Digests, Incoming, Tree};
use crate::model::{BuildKey, Transaction};
use crate::plan::{Forecast, Outlook};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::os::unix::fs::MetadataExt;

/// Where it is kept, in evermod's state.
const FILE: &str = "forecast.json";

#[derive(Serialize, Deserialize)]
struct Foreseen {
    /// Digest of what was asked and of what the answer rests on.
    question: String,
    forecast: Forecast,
    /// The results that wait in the cache, and must still do so.
    keys: Vec<BuildKey>,
}

/// Digest of a transaction, its files as stat(2) has them, the registered sources and the settings.
pub(super) fn question(
    context: &Context,
    transaction: &Transaction,
    incoming: &Incoming,
    tree: &Tree,
) -> Option<String> {
    let mut hash = Sha256::new();
    let mut add = |text: &[u8]| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    };
    add(env!("CARGO_PKG_VERSION").as_bytes());
    add(&serde_json::to_vec(transaction).ok()?);
    add(format!("{:?} {:?}", context.policy, context.preflight).as_bytes());
    for file in incoming.files.iter().chain(&incoming.tools) {
        let meta = file.metadata().ok()?;
        add(format!("{} {} {}", meta.size(), meta.mtime(), meta.mtime_nsec()).as_bytes());
    }
    let mut digests = Digests::load(&context.places.state("digests.json"));
    for registered in &tree.modules {
        let source = context.places.source_link(&registered.module);
        add(registered.module.to_string().as_bytes());
        add(digests.of(&std::fs::canonicalize(source).unwrap_or_default()).unwrap_or_default().as_bytes());
    }
    for kernel in context.kernels().ok()? {
        add(kernel.release.as_str().as_bytes());
        add(&[u8::from(kernel.headers.is_some()), u8::from(kernel.has_image)]);
    }
    let finder = context.finder();
    for prebuilt in &context.survey(&finder).prebuilts().whole {
        add(format!("{prebuilt:?}").as_bytes());
    }
    Some(format!("{:x}", hash.finalize()))
}

/// The answer that was given to the same question.
pub(super) fn recall(context: &Context, question: &str) -> Option<Forecast> {
    let text = std::fs::read(context.places.state(FILE)).ok()?;
    let foreseen: Foreseen = serde_json::from_slice(&text).ok()?;
    let waits = |key: &BuildKey| cache::get(&context.places, key).is_some();
    (foreseen.question == question && foreseen.keys.iter().all(waits)).then_some(foreseen.forecast)
}

/// Keeps an answer in which all is well; what is not is looked at again.
pub(super) fn keep(context: &Context, question: Option<String>, forecast: &Forecast, keys: Vec<BuildKey>) {
    let is_well = forecast.unknown.is_empty()
        && forecast.verdicts.iter().all(|v| matches!(v.outlook, Outlook::Ready | Outlook::Expected));
    if let (true, Some(question)) = (is_well, question)
        && let Ok(text) = serde_json::to_vec(&Foreseen { question, forecast: forecast.clone(), keys })
    {
        // Not kept, it only takes longer the next time.
        let _ = write_atomically(&context.places.state(FILE), &text, 0o600, None);
    }
}
