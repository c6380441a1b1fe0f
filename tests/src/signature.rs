//! A module's appended signature: `ELF | PKCS#7 | struct module_signature (12 bytes) | magic`, as the kernel reads it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

const MAGIC: &[u8] = b"~Module signature appended~\n";
const TRAILER: usize = 12;

/// Splits a module into what was signed and the PKCS#7 message.
///
/// # Errors
/// Fails where no signature is appended, or its lengths do not fit.
pub fn split(module: &[u8]) -> Result<(&[u8], &[u8])> {
    let rest = module.strip_suffix(MAGIC).context("no signature is appended")?;
    let (rest, trailer) = rest.split_at_checked(rest.len().wrapping_sub(TRAILER)).context("cut short")?;
    let length = u32::from_be_bytes(trailer[8..].try_into()?);
    let start =
        rest.len().checked_sub(usize::try_from(length)?).context("a length beyond the file's start")?;
    Ok(rest.split_at(start))
}

/// Signs with openssl, as the kernel's own signer does: detached, without certificates, without attributes.
///
/// # Errors
/// Fails where openssl does.
pub fn sign(payload: &Path, key: &Path, certificate: &Path, signed: &Path) -> Result<()> {
    let message = signed.with_extension("p7");
    let output = Command::new("openssl")
        .args([
            "cms",
            "-sign",
            "-binary",
            "-noattr",
            "-nocerts",
            "-nosmimecap",
            "-md",
            "sha256",
            "-outform",
            "DER",
        ])
        .arg("-in")
        .arg(payload)
        .arg("-inkey")
        .arg(key)
        .arg("-signer")
        .arg(certificate)
        .arg("-out")
        .arg(&message)
        .output()
        .context("openssl")?;
    ensure!(output.status.success(), "openssl cms: {}", String::from_utf8_lossy(&output.stderr));
    let message = fs_err::read(&message)?;
    let mut bytes = fs_err::read(payload)?;
    bytes.extend(&message);
    bytes.extend([0, 0, 2, 0, 0, 0, 0, 0]);
    bytes.extend(u32::try_from(message.len())?.to_be_bytes());
    bytes.extend(MAGIC);
    Ok(fs_err::write(signed, bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_split_off_and_a_missing_one_is_told() -> Result<()> {
        let mut module = b"\x7fELF...".to_vec();
        assert!(split(&module).is_err());
        module.extend(b"PKCS7");
        module.extend([0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 5]);
        module.extend(MAGIC);
        assert_eq!(split(&module)?, (&b"\x7fELF..."[..], &b"PKCS7"[..]));
        module.push(0);
        assert!(split(&module).is_err());
        assert!(split(MAGIC).is_err());
        Ok(())
    }
}
