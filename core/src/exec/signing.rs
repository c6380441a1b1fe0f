//! Signs modules in process, or by the tool that the administrator names.

use super::environment::Environment;
use super::process;
use super::session::{Session, Signing};
use crate::model::{Failure, Instance, Signature};
use crate::places::Places;
use crate::report::Event;
use crate::root::Root;
use crate::sign::{DEFAULT_COMMON_NAME, Hash, KeyPair, Origin, load_or_create, sign_module};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// Key pairs by the place of the key: read, or made, once per run.
#[derive(Debug, Default)]
pub(super) struct Signers(Mutex<BTreeMap<PathBuf, Arc<KeyPair>>>);

/// How the modules of one kernel are to be signed.
#[derive(Debug, Clone)]
pub(super) enum Method {
    /// Not at all, and why.
    None(String),
    /// In process.
    Pair(Arc<KeyPair>, Hash),
    /// By an external tool with these arguments before the file.
    Tool(PathBuf, Vec<String>),
}

/// Has the distribution's own program make the key pair where there is none at `key`, on the machine; true if it did.
/// Where the program is missing or does not do it, the pair is made in process.
pub fn make_by_distribution(environment: &Environment, root: &Root, signing: &Signing, key: &Path) -> bool {
    let program = signing.maker.filter(|_| root.is_host() && !key.exists());
    let Some(program) = program.and_then(|name| environment.program(name)) else { return false };
    let ended = process::output(Command::new(program).arg("--new-key"));
    ended.is_ok_and(|output| output.status.success()) && key.exists()
}

/// Whether a key is in a token, named by an URI (RFC 7512), and so nothing to read or to make.
pub fn is_token(key: &str) -> bool {
    key.starts_with("pkcs11:")
}

/// Where a kernel's own signing program may be: Debian's kbuild package, the headers, Ubuntu's wrapper.
fn kernels_sign_files(places: &Places, kernel: &str) -> Vec<PathBuf> {
    let version = kernel.rsplit_once('-').map_or(kernel, |(version, _)| version);
    // 6.1.0-9-amd64 has linux-kbuild-6.1, 6.12.117+deb12-amd64 has linux-kbuild-6.12.117+deb12.
    let abi = version.split_once(".0-").map_or(version, |(upstream, _)| upstream);
    let mut found: Vec<_> = [abi, version]
        .map(|name| format!("/usr/lib/linux-kbuild-{name}/scripts/sign-file"))
        .into_iter()
        .chain([format!("/usr/src/linux-headers-{kernel}/scripts/sign-file")])
        .map(|path| places.root.at(path))
        .collect();
    found.push(places.root.at(&places.install_tree).join(kernel).join("build/scripts/sign-file"));
    found.push("kmodsign".into());
    found
}

impl Session<'_> {
    /// Chooses the method for a kernel by its `CONFIG_MODULE_SIG_HASH`, and makes key and certificate on first need.
    pub(super) fn signing_method(
        &self,
        instance: &Instance,
        sig_hash: Option<&str>,
        kernel_key: Option<&Path>,
    ) -> Result<Method, Failure> {
        let settings = &self.settings.signing;
        if let Some(why) = &settings.off {
            return Ok(Method::None(why.clone()));
        }
        let Some(hash) = sig_hash else {
            return Ok(Method::None("the kernel is built without module signatures".into()));
        };
        let failed = |why: String| Failure::Signing {
            module: instance.module.clone(),
            kernel: instance.kernel.clone(),
            why,
        };
        // These may name the kernel, so they are read again for it; where they are not set, the distribution's count.
        let own = self.framework_for(&instance.kernel, &instance.arch)?;
        let text = |path: &PathBuf| path.display().to_string();
        let is_own = own.mok_signing_key.is_some() || own.mok_certificate.is_some();
        let (key, certificate) = match kernel_key.filter(|_| settings.of_kernel && !is_own) {
            _ if settings.is_named => (settings.key.clone(), settings.certificate.clone()),
            Some(both) => (both.display().to_string(), both.display().to_string()),
            None => (
                own.mok_signing_key.clone().unwrap_or_else(|| settings.key.clone()),
                own.mok_certificate.as_ref().map_or_else(|| settings.certificate.clone(), text),
            ),
        };
        let arguments = || vec![hash.trim_matches('"').to_string(), key.clone(), certificate.clone()];
        if let Some(tool) = own.sign_file.as_ref().filter(|_| !settings.is_named).map(text) {
            let program = self
                .environment
                .program(&tool)
                .ok_or_else(|| failed(format!("the sign_file {tool} of framework.conf is not there")))?;
            return Ok(Method::Tool(program, arguments()));
        }
        if is_token(&key) {
            // Only a program with the token's library can use it: the kernel's own, which its headers bring.
            let tools = kernels_sign_files(self.places, instance.kernel.as_str());
            let tool = tools.iter().find_map(|tool| self.environment.program(&tool.to_string_lossy()));
            let program = tool.ok_or_else(|| {
                failed(format!(
                    "the key {key} needs a sign-file program that can use it; name one by sign_file in framework.conf"
                ))
            })?;
            if !is_token(&certificate) && !self.places.root.at(&certificate).is_file() {
                return Err(failed(format!("the certificate {certificate} of the key {key} is not there")));
            }
            return Ok(Method::Tool(program, arguments()));
        }
        let hash = hash.parse::<Hash>().map_err(|e| failed(e.to_string()))?;
        let pair =
            self.key_pair(Path::new(&key), Path::new(&certificate)).map_err(|e| failed(e.to_string()))?;
        Ok(Method::Pair(pair, hash))
    }

    /// Makes the key pair where there is none yet, so that what is built in a view of the tree is signed with one that
    /// stays. Whoever signs says what is wrong with it.
    pub fn prepare_key(&self) {
        let settings = &self.settings.signing;
        let own = &self.settings.framework;
        let is_in_process = settings.off.is_none() && own.sign_file.is_none() && !is_token(&settings.key);
        let is_for_all_kernels = !settings.key.contains('$') && !settings.certificate.contains('$');
        if is_in_process && is_for_all_kernels {
            let _ = self.key_pair(Path::new(&settings.key), Path::new(&settings.certificate));
        }
    }

    fn key_pair(&self, key: &Path, certificate: &Path) -> Result<Arc<KeyPair>, crate::sign::SignError> {
        let key = self.places.root.at(key);
        // Held while the key is made: the second build that needs it waits and finds it.
        let mut known = self.signers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pair) = known.get(&key) {
            return Ok(pair.clone());
        }
        let certificate_place = self.places.root.at(certificate);
        let made = make_by_distribution(self.environment, &self.places.root, &self.settings.signing, &key);
        let loaded = load_or_create(&key, &certificate_place, DEFAULT_COMMON_NAME, SystemTime::now())?;
        if made || loaded.origin != Origin::Found {
            let text = format!(
                "Made a new key for signing modules. Where Secure Boot is on, enrol its certificate once: {}",
                self.settings.signing.enrol()
            );
            self.sink.event(&Event::Note { text: &text });
        }
        let pair = Arc::new(loaded.pair);
        known.insert(key, pair.clone());
        Ok(pair)
    }

    /// Signs one file in place.
    pub(super) fn sign(
        &self,
        method: &Method,
        instance: &Instance,
        file: &Path,
    ) -> Result<Signature, Failure> {
        let failed = |why: String| Failure::Signing {
            module: instance.module.clone(),
            kernel: instance.kernel.clone(),
            why,
        };
        match method {
            Method::None(why) => Ok(Signature::Unsigned(why.clone())),
            Method::Pair(pair, hash) => {
                let signed =
                    sign_module(&fs_err::read(file)?, pair, *hash).map_err(|e| failed(e.to_string()))?;
                fs_err::write(file, signed)?;
                Ok(Signature::Signer(pair.certificate().common_name().to_string()))
            }
            Method::Tool(program, arguments) => {
                let output = process::output(Command::new(program).args(arguments).arg(file))?;
                if !output.status.success() {
                    let said = String::from_utf8_lossy(&output.stderr);
                    return Err(failed(format!("{} failed: {}", program.display(), said.trim())));
                }
                Ok(Signature::Signer(program.display().to_string()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::Root;

    #[test]
    fn where_a_kernels_sign_file_may_be() {
        let places = Places::new(Root::new("/"));
        let shown = |kernel| {
            kernels_sign_files(&places, kernel).iter().map(|p| p.display().to_string()).collect::<Vec<_>>()
        };
        let found = shown("6.1.0-9-amd64");
        assert_eq!(found.first().map(String::as_str), Some("/usr/lib/linux-kbuild-6.1/scripts/sign-file"));
        assert!(found.contains(&"/usr/src/linux-headers-6.1.0-9-amd64/scripts/sign-file".to_string()));
        assert!(found.contains(&"/lib/modules/6.1.0-9-amd64/build/scripts/sign-file".to_string()));
        let found = shown("6.12.117+deb12-amd64");
        assert_eq!(found[0], "/usr/lib/linux-kbuild-6.12.117+deb12/scripts/sign-file");
        assert!(is_token("pkcs11:token=x;object=y") && !is_token("/var/lib/dkms/mok.key"));
    }
}
