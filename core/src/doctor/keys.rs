//! The key that signs modules: whether it can be used, kept, and trusted.

use super::machine::Machine;
use super::{Check, Finding, Severity};
use crate::sign::{Certificate, KeyPair, SignError};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

pub(super) const CHECKS: &[Check] = &[
    Check { name: "signing-key", about: "a key that cannot be used, or that others can read", run: key },
    Check { name: "enrolment", about: "a certificate that the firmware does not trust", run: enrolment },
];

/// The places of key and certificate, inside the root; none where they depend on the kernel or lie in a token.
pub(super) fn pair(machine: &Machine<'_>) -> Option<(String, String)> {
    let signing = &machine.settings.signing;
    let is_file = |path: &str| path.starts_with('/') && !path.contains('$');
    let is_ours = signing.off.is_none() && is_file(&signing.key) && is_file(&signing.certificate);
    is_ours.then(|| (signing.key.clone(), signing.certificate.clone()))
}

/// The certificate, if there is one that can be read.
pub(super) fn certificate(machine: &Machine<'_>) -> Option<Certificate> {
    let (_, path) = pair(machine)?;
    Certificate::parse(&std::fs::read(place(machine, &path)).ok()?).ok()
}

fn place(machine: &Machine<'_>, path: &str) -> PathBuf {
    machine.places.root.opened(path).unwrap_or_else(|_| machine.places.root.at(path))
}

fn key(machine: &Machine<'_>) -> Vec<Finding> {
    let Some((key, certificate)) = pair(machine) else { return Vec::new() };
    let (key_place, certificate_place) = (place(machine, &key), place(machine, &certificate));
    let mut found = Vec::new();
    let issue = format!("evermod generate-mok && mokutil --import {certificate}");
    match (key_place.symlink_metadata().is_ok(), certificate_place.symlink_metadata().is_ok()) {
        (true, false) => {
            let why = "The next build makes a new certificate for it, which has to be enrolled where Secure Boot is on.";
            let what = format!("its certificate {certificate} is missing");
            found.push(Finding::new(Severity::Warning, &key, what, why).mend(issue));
        }
        (false, true) => {
            let why = "Without it nothing more can be signed; the next build makes a new pair, which has to be enrolled.";
            let what = format!("its key {key} is missing");
            found.push(Finding::new(Severity::Problem, &certificate, what, why).mend(issue));
        }
        (true, true) => found.extend(unusable(machine, &key, &certificate)),
        // The first build makes both.
        (false, false) => {}
    }
    if let Ok(meta) = key_place.metadata()
        && meta.mode() & 0o077 != 0
    {
        let what = format!("others than its owner can get at it (mode {:04o})", meta.mode() & 0o7777);
        let why = "Whoever can read it can make modules that this machine trusts.";
        found.push(Finding::new(Severity::Problem, &key, what, why).mend(format!("chmod 600 {key}")));
    }
    found
}

fn unusable(machine: &Machine<'_>, key: &str, certificate: &str) -> Option<Finding> {
    let problem = |at: &str, what: String, why: &str| Finding::new(Severity::Problem, at, what, why);
    let bytes = match std::fs::read(place(machine, key)) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == ErrorKind::PermissionDenied => {
            let why = "Run as root to have it looked at.";
            return Some(Finding::new(Severity::Note, key, "only root can read it", why));
        }
        Err(e) => return Some(problem(key, e.to_string(), "No module can be signed.")),
    };
    let vouching = std::fs::read(place(machine, certificate)).unwrap_or_default();
    let fail = "Where the kernel can check signatures, builds fail until it can be used.";
    match KeyPair::parse(&bytes, &vouching) {
        Ok(_) => None,
        Err(SignError::EncryptedKey) => {
            let command =
                format!("(umask 077; openssl pkey -in {key} -out {key}.plain) && mv {key}.plain {key}");
            Some(
                problem(key, "it has a pass phrase, and nobody is there to type it".into(), fail)
                    .mend(command),
            )
        }
        Err(error @ SignError::Mismatch) => {
            let command = format!(
                "mv {certificate} {certificate}.old && evermod generate-mok && mokutil --import {certificate}"
            );
            Some(problem(certificate, error.to_string(), fail).mend(command))
        }
        Err(error) => Some(problem(key, error.to_string(), fail)),
    }
}

/// What the firmware and shim say, as far as the running kernel shows it.
pub(super) struct Firmware {
    pub secure_boot: bool,
    /// Lists of trusted certificates; empty where none can be read.
    pub trusted: Vec<Vec<u8>>,
}

const GLOBAL: &str = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
const SHIM: &str = "605dab50-e046-4300-abb6-3dd810dd8b23";
const DATABASE: &str = "d719b2cb-3d3a-11d3-96bd-a028df32a0bf";

pub(super) fn firmware(machine: &Machine<'_>) -> Firmware {
    let read = |path: String| std::fs::read(machine.places.root.at(path)).ok();
    // A file of efivarfs begins with four bytes of attributes; shim's table has the bare values.
    let variable = |name: &str, vendor: &str| {
        read(format!("/sys/firmware/efi/efivars/{name}-{vendor}"))
            .and_then(|bytes| bytes.get(4..).map(<[u8]>::to_vec))
            .or_else(|| read(format!("/sys/firmware/efi/mok-variables/{name}")))
    };
    let secure_boot = variable("SecureBoot", GLOBAL).is_some_and(|value| value.first() == Some(&1));
    let lists = [("MokListRT", SHIM), ("db", DATABASE)];
    Firmware {
        secure_boot,
        trusted: lists.iter().filter_map(|(name, vendor)| variable(name, vendor)).collect(),
    }
}

/// Whether the running kernel refuses modules without a signature that it trusts.
pub(super) fn is_enforcing(machine: &Machine<'_>) -> bool {
    let is_set = |path: &str, test: &dyn Fn(&str) -> bool| machine.text(path).is_some_and(|text| test(&text));
    is_set("/sys/module/module/parameters/sig_enforce", &|text| text.trim() == "Y")
        || is_set("/sys/kernel/security/lockdown", &|text| !text.contains("[none]") && text.contains('['))
}

fn enrolment(machine: &Machine<'_>) -> Vec<Finding> {
    let Some((_, path)) = pair(machine) else { return Vec::new() };
    let (Some(certificate), firmware) = (certificate(machine), firmware(machine)) else { return Vec::new() };
    if !firmware.secure_boot || machine.tree.modules.is_empty() {
        return Vec::new();
    }
    let import = format!("mokutil --import {path}");
    let name = certificate.common_name();
    if firmware.trusted.is_empty() {
        let what = format!("whether \"{name}\" is enrolled cannot be seen here");
        let why = "Secure Boot is on, so the kernel loads only modules that an enrolled key signed.";
        let command = format!("mokutil --test-key {path} || {import}");
        return vec![Finding::new(Severity::Note, path, what, why).mend(command)];
    }
    let der = certificate.der();
    if firmware.trusted.iter().any(|list| list.windows(der.len()).any(|part| part == der)) {
        return Vec::new();
    }
    let what = format!("\"{name}\" is not enrolled, and Secure Boot is on");
    let why = "The kernel refuses every module that it signed. The next start asks whether to enrol it.";
    vec![Finding::new(Severity::Problem, path, what, why).mend(import)]
}
