//! Signs modules in process, or by the tool that the administrator names.

use super::environment::Environment;
use super::process;
use super::session::{Session, Signing};
use crate::model::{Failure, Instance, Signature};
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
        let expand = |text: &str| {
            text.replace("${kernelver}", instance.kernel.as_str())
                .replace("$kernelver", instance.kernel.as_str())
        };
        let (key, certificate) = match kernel_key.filter(|_| settings.of_kernel) {
            Some(both) => (both.display().to_string(), both.display().to_string()),
            None => (expand(&settings.key), expand(&settings.certificate)),
        };
        if let Some(tool) = settings.tool.as_deref().map(expand) {
            let program = self
                .environment
                .program(&tool)
                .ok_or_else(|| failed(format!("the sign_file {tool} is not there")))?;
            return Ok(Method::Tool(program, vec![hash.trim_matches('"').to_string(), key, certificate]));
        }
        if key.starts_with("pkcs11:") {
            return Err(failed("a pkcs11: key needs a sign_file in framework.conf that can use it".into()));
        }
        let hash = hash.parse::<Hash>().map_err(|e| failed(e.to_string()))?;
        let pair =
            self.key_pair(Path::new(&key), Path::new(&certificate)).map_err(|e| failed(e.to_string()))?;
        Ok(Method::Pair(pair, hash))
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
