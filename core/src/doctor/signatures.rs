//! Who signed what is installed.

use super::keys::{Firmware, certificate, firmware, is_enforcing, pair};
use super::machine::Machine;
use super::{Check, Finding, Severity};
use crate::install::Compression;
use crate::model::{Instance, Prebuilt};
use crate::sign::{Signature, signature_of};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

pub(super) const CHECKS: &[Check] =
    &[Check { name: "signature", about: "modules that another key signed, or none", run: signatures }];

/// A signature is far smaller, so the end of a plain module is enough to read it.
const TAIL: u64 = 64 * 1024;
/// Compressed modules have to be unpacked: the bigger ones only where it matters.
const SMALL: u64 = 4 << 20;

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Signer {
    Nobody,
    Other { name: String, key: String },
}

fn signatures(machine: &Machine<'_>) -> Vec<Finding> {
    let firmware = firmware(machine);
    let enforced = firmware.secure_boot || is_enforcing(machine);
    let mut found = own(machine, enforced);
    // Of a package's modules the signer is its maker; that matters where the kernel asks.
    if enforced {
        found.extend(machine.prebuilt_files().filter_map(|(p, path)| packaged(machine, &firmware, p, &path)));
    }
    found
}

/// A module of a package that the running kernel would refuse, as far as that can be seen.
fn packaged(machine: &Machine<'_>, firmware: &Firmware, prebuilt: &Prebuilt, path: &Path) -> Option<Finding> {
    let (severity, what) = match signature(path, true) {
        Seen::NotLooked => return None,
        Seen::Unsigned => (Severity::Problem, "not signed".to_string()),
        Seen::Signed(Signature { signer, sig_key, .. }) => {
            // Its certificate, if it is enrolled, has these bytes as its serial number or its key's name.
            let key: Vec<u8> =
                sig_key.split(':').filter_map(|byte| u8::from_str_radix(byte, 16).ok()).collect();
            let is_in = |list: &Vec<u8>| !key.is_empty() && list.windows(key.len()).any(|part| part == key);
            if firmware.trusted.iter().any(is_in) {
                return None;
            }
            (
                Severity::Warning,
                format!("signed by \"{signer}\", {sig_key}, which is not seen to be enrolled"),
            )
        }
    };
    let why = format!(
        "This kernel loads only what a key signed that it trusts. The module is of the package {}.",
        prebuilt.package
    );
    Some(Finding::new(severity, machine.inside(path), what, why))
}

fn own(machine: &Machine<'_>, enforced: bool) -> Vec<Finding> {
    if pair(machine).is_none() {
        return Vec::new();
    }
    let own = certificate(machine);
    let mut by_signer: BTreeMap<Signer, BTreeSet<&Instance>> = BTreeMap::new();
    for built in machine.active() {
        for path in machine.installed_paths(built) {
            let signer = match signature(&path, enforced) {
                Seen::NotLooked => continue,
                Seen::Unsigned => Signer::Nobody,
                Seen::Signed(s) if own.as_ref().is_some_and(|c| c.serial() == s.sig_key) => continue,
                Seen::Signed(s)
                    if own.as_ref().is_some_and(|c| c.subject_key_id() == Some(s.sig_key.clone())) =>
                {
                    continue;
                }
                Seen::Signed(s) => Signer::Other { name: s.signer, key: s.sig_key },
            };
            by_signer.entry(signer).or_default().insert(&built.instance);
        }
    }
    let finding = |(signer, instances): (Signer, BTreeSet<&Instance>)| told(signer, &instances, enforced);
    by_signer.into_iter().filter_map(finding).collect()
}

fn told(signer: Signer, instances: &BTreeSet<&Instance>, enforced: bool) -> Option<Finding> {
    let first = instances.first()?;
    let place = match instances.len() {
        1 => first.to_string(),
        n => format!("{first} and {} more", n - 1),
    };
    let (what, why) = match (&signer, enforced) {
        // A kernel that does not check may have none.
        (Signer::Nobody, false) => return None,
        (Signer::Nobody, true) => ("not signed".to_string(), "This kernel loads only what is signed."),
        (Signer::Other { name, key }, _) => (
            format!("signed by another key than the present one: \"{name}\", {key}"),
            if enforced {
                "This kernel loads it only while that key is enrolled too."
            } else {
                "Where Secure Boot is on, it loads only if that key is enrolled too."
            },
        ),
    };
    let severity = if enforced { Severity::Problem } else { Severity::Note };
    let kernels: BTreeSet<_> = instances.iter().map(|i| i.kernel.as_str()).collect();
    let modules: BTreeSet<_> = instances.iter().map(|i| i.module.to_string()).collect();
    let operands: String = kernels.iter().map(|k| format!(" -k {k}")).collect();
    let commands: Vec<_> = modules
        .iter()
        .flat_map(|m| ["build", "install"].map(|verb| format!("evermod {verb} {m}{operands} --force")))
        .collect();
    Some(Finding::new(severity, place, what, why).mend(commands.join(" && ")))
}

enum Seen {
    NotLooked,
    Unsigned,
    Signed(Signature),
}

fn signature(path: &Path, enforced: bool) -> Seen {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    let compression = Compression::of_file(name);
    let (Ok(mut file), Ok(meta)) = (File::open(path), path.metadata()) else { return Seen::NotLooked };
    let mut data = Vec::new();
    if compression == Compression::None {
        let from = meta.len().saturating_sub(TAIL);
        if file.seek(SeekFrom::Start(from)).is_err() || file.read_to_end(&mut data).is_err() {
            return Seen::NotLooked;
        }
    } else if meta.len() > SMALL && !enforced || file.read_to_end(&mut data).is_err() {
        return Seen::NotLooked;
    }
    match compression.decompress(&data) {
        Ok(plain) => signature_of(&plain).map_or(Seen::Unsigned, Seen::Signed),
        Err(_) => Seen::NotLooked,
    }
}
