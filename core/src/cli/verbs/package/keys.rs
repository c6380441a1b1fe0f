//! The key that signs modules: the one that the caller names, else the one that this machine signs with. It is opened before
//! the view is entered, where its place may show something else, and none is ever made: nobody would have it enrolled.

use super::opened;
use crate::cli::context::Context;
use crate::exec::Signing;
use crate::exec::signing::is_token;
use crate::model::Failure;
use crate::sign::{DEFAULT_COMMON_NAME, load_or_create};
use fs_err::File;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What signs.
#[derive(Debug)]
pub(super) struct Keys {
    signing: Signing,
    /// Held open for as long as the paths in `signing` name them.
    files: Option<(File, File)>,
    hidden: Vec<PathBuf>,
}

impl Keys {
    /// Opens them.
    ///
    /// # Errors
    /// A key that the caller names cannot be used.
    pub(super) fn open(context: &Context, named: Option<&(PathBuf, PathBuf)>) -> Result<Self, Failure> {
        let own = &context.settings.signing;
        let framework = &context.settings.framework;
        let without = |signing: Signing| Self { signing, files: None, hidden: Vec::new() };
        let off = |why: String| without(Signing { off: Some(why), ..own.clone() });
        let (key, certificate) = match named {
            Some((key, certificate)) => (key.clone(), certificate.clone()),
            None if own.off.is_some() => return Ok(without(own.clone())),
            // A program signs, or the key's name is only known when the kernel's is.
            None if framework.sign_file.is_some() || is_token(&own.key) || own.key.contains('$') => {
                return Ok(without(Signing { of_kernel: false, maker: None, ..own.clone() }));
            }
            None => (PathBuf::from(&own.key), PathBuf::from(&own.certificate)),
        };
        let bad = |path: &Path, why: &dyn std::fmt::Display| Failure::Usage {
            message: format!("the key {}: {why}", path.display()),
            code: 2,
        };
        let files = match (std::fs::File::open(&key), std::fs::File::open(&certificate)) {
            (Ok(first), Ok(second)) => (first, second),
            (Err(why), _) if named.is_some() => return Err(bad(&key, &why)),
            (_, Err(why)) if named.is_some() => return Err(bad(&certificate, &why)),
            _ => return Ok(off("no key is named, and this machine's own cannot be read".into())),
        };
        // Found to be whole before anything is built.
        load_or_create(&key, &certificate, DEFAULT_COMMON_NAME, SystemTime::now())
            .map_err(|error| bad(&key, &error))?;
        let path = |file: &std::fs::File| opened(file).display().to_string();
        let signing = Signing {
            off: None,
            key: path(&files.0),
            certificate: path(&files.1),
            of_kernel: false,
            maker: None,
            is_named: true,
        };
        let hidden = fs_err::canonicalize(&key).into_iter().collect();
        let files = (File::from_parts(files.0, key), File::from_parts(files.1, certificate));
        Ok(Self { signing, files: Some(files), hidden })
    }

    /// How to sign.
    pub(super) fn signing(&self) -> Signing {
        self.signing.clone()
    }

    /// What tells this key from others, if it is known.
    pub(super) fn identity(&self) -> Option<String> {
        match (&self.signing.off, &self.files) {
            (Some(_), _) => Some("unsigned".into()),
            (None, Some((_, certificate))) => {
                let digest = format!("{:x}", Sha256::digest(std::fs::read(opened(certificate.file())).ok()?));
                Some(digest[..16].to_owned())
            }
            (None, None) => None,
        }
    }

    /// Why nothing is signed, if so.
    pub(super) fn unsigned(&self) -> Option<&str> {
        self.signing.off.as_deref()
    }

    /// What builds must not read, as far as it is there in the view.
    pub(super) fn hidden(&self) -> Vec<PathBuf> {
        self.hidden.iter().filter(|path| path.is_file()).cloned().collect()
    }
}
