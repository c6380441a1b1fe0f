//! A key pair kept in two files, made when first needed.

use std::ffi::OsString;
use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{KeyPair, SignError};

/// Where a key pair came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Both files were there.
    Found,
    /// The key was there; its certificate is new and must be enrolled.
    Reissued,
    /// Both are new and must be enrolled.
    Generated,
}

/// A key pair read from files.
#[derive(Debug)]
pub struct Loaded {
    /// The pair.
    pub pair: KeyPair,
    /// Whether something had to be made for it.
    pub origin: Origin,
}

/// Reads the key pair in two files, and makes what is missing of it.
///
/// An existing key is never overwritten or replaced: a machine may have it enrolled. Where only the certificate
/// is missing, a new one is issued for the key. A certificate whose key is gone is worth nothing; it is kept
/// beside as `NAME.orphan`. Each file appears whole or not at all, the key first, so that being killed at any
/// moment leaves what the next call completes.
///
/// # Errors
/// Unreadable files, a pair that does not belong together, or no place to write.
pub fn load_or_create(
    key_path: &Path,
    cert_path: &Path,
    common_name: &str,
    now: SystemTime,
) -> Result<Loaded, SignError> {
    let mut origin = Origin::Found;
    let mut certificate = read(cert_path)?;
    let key = match read(key_path)? {
        Some(key) => key,
        None => {
            let new = KeyPair::generate(common_name, now)?;
            if certificate.take().is_some() && read(key_path)?.is_none() {
                let mut aside = OsString::from(cert_path);
                aside.push(".orphan");
                fs_err::rename(cert_path, PathBuf::from(aside))?;
            }
            if create(key_path, new.key_pem.as_bytes(), 0o600)? {
                create(cert_path, &new.cert_der, 0o644)?;
                origin = Origin::Generated;
            }
            // Where another process was faster, its key is the one that counts.
            certificate = read(cert_path)?;
            fs_err::read(key_path)?
        }
    };
    let certificate = match certificate {
        Some(certificate) => certificate,
        None => {
            let new = KeyPair::reissue(&key, common_name, now)?;
            if create(cert_path, &new, 0o644)? {
                origin = Origin::Reissued;
            }
            fs_err::read(cert_path)?
        }
    };
    Ok(Loaded { pair: KeyPair::parse(&key, &certificate)?, origin })
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs_err::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(why),
    }
}

/// Writes a file that must not exist yet; false where it does by now.
fn create(path: &Path, bytes: &[u8], mode: u32) -> io::Result<bool> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let named =
        |why: io::Error| io::Error::new(why.kind(), format!("cannot write {}: {why}", path.display()));
    fs_err::create_dir_all(dir)?;
    // A temporary file is 0600 from its first moment.
    let mut file = tempfile::Builder::new().prefix(".evermod-").tempfile_in(dir).map_err(named)?;
    file.write_all(bytes).map_err(named)?;
    file.as_file().set_permissions(Permissions::from_mode(mode)).map_err(named)?;
    file.as_file().sync_all().map_err(named)?;
    match file.persist_noclobber(path) {
        Ok(_) => {}
        Err(why) if why.error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        Err(why) => return Err(named(why.error)),
    }
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(named)?;
    Ok(true)
}
