//! Events as quiet lines: for logs, hooks and pipes.

use super::event::{Event, Sink};
use crate::model::{Failure, Instance, Signature};
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Seconds for people: `4.2 s`, `3 min 05 s`.
pub fn seconds(elapsed: Duration) -> String {
    match elapsed.as_secs() {
        0..60 => format!("{:.1} s", elapsed.as_secs_f64()),
        all => format!("{} min {:02} s", all / 60, all % 60),
    }
}

/// What a failure says, with the first error and the log, on lines of their own.
pub fn failure_text(failure: &Failure) -> String {
    let mut text = failure.to_string();
    if let Failure::BadConf { findings, .. } = failure {
        for finding in findings {
            text.push_str(&format!("\n  {finding}"));
        }
    }
    if let Some(diagnosis) = failure.diagnosis() {
        text.push_str(&format!("\n  {diagnosis}"));
    }
    if let Some(log) = failure.log() {
        text.push_str(&format!("\n  log: {}", log.display()));
    }
    text
}

/// One event as a line; `None` where a quiet log says nothing.
pub fn line(event: &Event<'_>) -> Option<String> {
    Some(match event {
        Event::Built { instance, record, files } => {
            let signed = match &record.signature {
                Some(Signature::Signer(name)) => format!(", signed by {name}"),
                Some(Signature::Unsigned(why)) => format!(", unsigned ({why})"),
                None => String::new(),
            };
            let plural = if *files == 1 { "" } else { "s" };
            let time = seconds(Duration::from_millis(record.milliseconds));
            format!(
                "built {} for {} in {time}: {files} module{plural}{signed}",
                instance.module, instance.kernel
            )
        }
        Event::Reused { instance, files } => {
            let plural = if *files == 1 { "" } else { "s" };
            let Instance { module, kernel, .. } = instance;
            format!("took {module} for {kernel}, built before: {files} module{plural}")
        }
        Event::Failed { failure, .. } => failure_text(failure),
        Event::Installed { instance, installed } => {
            let mut text = match installed.files.as_slice() {
                [] => format!("{} has no module to install for {}", instance.module, instance.kernel),
                [only] => format!("installed {}", only.display()),
                files => {
                    let dir = files.first().and_then(|f| f.parent()).map(|d| d.display().to_string());
                    format!(
                        "installed {} modules of {} in {}",
                        files.len(),
                        instance.module,
                        dir.unwrap_or_default()
                    )
                }
            };
            for original in &installed.archived {
                text.push_str(&format!("\n  put aside the kernel's own {}", original.display()));
            }
            for why in &installed.refused {
                text.push_str(&format!("\n  left out: {why}"));
            }
            text
        }
        Event::Removed { instance, removed, package } => {
            let mut text = format!("removed {} for {}", instance.module, instance.kernel);
            if let Some(package) = package {
                text.push_str(&format!(", which {package} serves"));
            }
            for file in &removed.files {
                text.push_str(&format!("\n  deleted {}", file.display()));
            }
            for file in &removed.restored {
                text.push_str(&format!("\n  restored the kernel's own {}", file.display()));
            }
            if package.is_none() {
                for file in &removed.packaged {
                    text.push_str(&format!("\n  left {}, which is a package's", file.display()));
                }
            }
            for name in &removed.not_found {
                text.push_str(&format!("\n  {name} was not found where it belongs"));
            }
            for place in &removed.bad_origins {
                text.push_str(&format!("\n  the kernel's own module cannot go back to {}", place.display()));
            }
            text
        }
        Event::DepmodEnded { kernel, elapsed } => format!("depmod for {kernel} took {}", seconds(*elapsed)),
        Event::InitramfsEnded { kernel, elapsed } => {
            format!("wrote the initramfs of {kernel} in {}", seconds(*elapsed))
        }
        Event::Note { text } => (*text).to_string(),
        Event::Warning { text } => (*text).to_string(),
        Event::Waiting { holder } => format!("waiting for another evermod: {holder}"),
        Event::Planned { .. }
        | Event::BuildStarted { .. }
        | Event::DepmodStarted { .. }
        | Event::InitramfsStarted { .. } => return None,
    })
}

/// Writes one line per event, after a prefix.
pub struct Lines {
    out: Mutex<Box<dyn Write + Send>>,
    prefix: &'static str,
    as_dkms: bool,
}

impl Lines {
    /// Lines to `out`, each beginning with `prefix`.
    ///
    /// `as_dkms`: failures go to standard error in DKMS's form (contract 1.7).
    pub fn new(out: Box<dyn Write + Send>, prefix: &'static str, as_dkms: bool) -> Self {
        Self { out: Mutex::new(out), prefix, as_dkms }
    }
}

impl Sink for Lines {
    fn event(&self, event: &Event<'_>) {
        let Some(text) = line(event) else { return };
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        if let (true, Event::Failed { failure, .. }) = (self.as_dkms, event) {
            let word = if matches!(failure, Failure::Excluded { .. }) { "Warning: " } else { "\nError! " };
            let _ = writeln!(std::io::stderr(), "{word}{text}");
            return;
        }
        if let (true, Event::Warning { .. }) = (self.as_dkms, event) {
            let _ = writeln!(std::io::stderr(), "{text}");
            return;
        }
        for line in text.lines() {
            // A reader that went away must not stop a build.
            let _ = writeln!(out, "{}{line}", self.prefix);
        }
        let _ = out.flush();
    }
}
