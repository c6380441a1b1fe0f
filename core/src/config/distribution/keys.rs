//! Where a distribution keeps the key that signs modules (contract 4.5).

use super::Distribution;
use crate::root::Root;
use std::io;

/// Where key and certificate are where `framework.conf` says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPlaces {
    /// Private key: a path inside the root, or a `pkcs11:` URI.
    pub key: String,
    /// Certificate, inside the root.
    pub certificate: String,
    /// The kernel's own CONFIG_MODULE_SIG_KEY counts first, where the kernel has it.
    pub of_kernel: bool,
    /// The distribution's program that makes the pair (`--new-key`) and has it enrolled (`--enroll-key`).
    pub maker: Option<&'static str>,
}

impl Distribution {
    /// Where its keys are in a root. `variable` is the caller's environment.
    ///
    /// # Errors
    /// Portage's make.conf is there but cannot be read.
    pub fn keys(&self, root: &Root, variable: &dyn Fn(&str) -> Option<String>) -> io::Result<KeyPlaces> {
        let make_conf = if self.is_like(&["gentoo"]) { make_conf(root)? } else { String::new() };
        Ok(self.key_places(variable, &make_conf))
    }

    fn key_places(&self, variable: &dyn Fn(&str) -> Option<String>, make_conf: &str) -> KeyPlaces {
        let places = |key: &str, certificate: &str| KeyPlaces {
            key: key.to_string(),
            certificate: certificate.to_string(),
            of_kernel: false,
            maker: None,
        };
        let usual = places("/var/lib/dkms/mok.key", "/var/lib/dkms/mok.pub");
        if self.is_like(&["ubuntu"]) {
            let ubuntu = places("/var/lib/shim-signed/mok/MOK.priv", "/var/lib/shim-signed/mok/MOK.der");
            return KeyPlaces { maker: Some("update-secureboot-policy"), ..ubuntu };
        }
        if !self.is_like(&["gentoo"]) {
            return usual;
        }
        let set = |name: &str| {
            variable(name).or_else(|| assigned(make_conf, name)).filter(|value| !value.is_empty())
        };
        match set("MODULES_SIGN_KEY") {
            // Portage takes the certificate from the key's own file where none is named.
            Some(key) => places(&key, &set("MODULES_SIGN_CERT").unwrap_or_else(|| key.clone())),
            None => KeyPlaces { of_kernel: true, ..usual },
        }
    }
}

/// The text of `/etc/portage/make.conf`: one file, or all of a directory in the order of their names. Empty where
/// there is none.
///
/// # Errors
/// It is there but cannot be read.
fn make_conf(root: &Root) -> io::Result<String> {
    let place = root.resolve("/etc/portage/make.conf")?;
    let mut files = vec![place.clone()];
    if place.is_dir() {
        files = fs_err::read_dir(&place)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
        files.sort();
    }
    let mut text = String::new();
    for file in files {
        match fs_err::read(file) {
            Ok(bytes) => text.push_str(&String::from_utf8_lossy(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        text.push('\n');
    }
    Ok(text)
}

/// The last `NAME=value` of a file in the form of `make.conf(5)`, unquoted.
fn assigned(text: &str, name: &str) -> Option<String> {
    text.lines()
        .filter_map(|line| {
            let line = line.trim();
            let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
            let value = line.strip_prefix(name)?.strip_prefix('=')?;
            let quoted = ['"', '\''].into_iter().find_map(|quote| {
                value.strip_prefix(quote).and_then(|rest| rest.split_once(quote)).map(|(inside, _)| inside)
            });
            Some(quoted.unwrap_or_else(|| value.split([' ', '\t', '#']).next().unwrap_or(value)).to_string())
        })
        .next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(id: &str, like: &str, environment: &[(&str, &str)], make_conf: &str) -> KeyPlaces {
        let variable = |name: &str| {
            environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_string())
        };
        Distribution::new(id, like).key_places(&variable, make_conf)
    }

    #[test]
    fn places() {
        for (id, like, key, maker) in [
            ("debian", "", "/var/lib/dkms/mok.key", None),
            ("fedora", "", "/var/lib/dkms/mok.key", None),
            ("arch", "", "/var/lib/dkms/mok.key", None),
            ("opensuse-leap", "suse opensuse", "/var/lib/dkms/mok.key", None),
            ("ubuntu", "debian", "/var/lib/shim-signed/mok/MOK.priv", Some("update-secureboot-policy")),
            ("pop", "ubuntu debian", "/var/lib/shim-signed/mok/MOK.priv", Some("update-secureboot-policy")),
        ] {
            let places = keys(id, like, &[("MODULES_SIGN_KEY", "/env")], "MODULES_SIGN_KEY=/conf\n");
            assert_eq!((places.key.as_str(), places.maker, places.of_kernel), (key, maker, false), "{id}");
        }
    }

    #[test]
    fn gentoo_asks_the_environment_then_make_conf_then_the_kernel() {
        let conf = "# x\nMODULES_SIGN_KEY=\"/etc/old.pem\"\nexport MODULES_SIGN_KEY='/etc/key.pem' # why\n\
                    MODULES_SIGN_CERT=/etc/cert.pem # why\nMODULES_SIGN_KEYS=no\n";
        let pair = |places: KeyPlaces| (places.key, places.certificate, places.of_kernel);
        let is = |key: &str, cert: &str, of_kernel| (key.to_string(), cert.to_string(), of_kernel);
        assert_eq!(pair(keys("gentoo", "", &[], conf)), is("/etc/key.pem", "/etc/cert.pem", false));
        let environment = [("MODULES_SIGN_KEY", "pkcs11:x"), ("MODULES_SIGN_CERT", "/e.pem")];
        assert_eq!(pair(keys("gentoo", "", &environment, conf)), is("pkcs11:x", "/e.pem", false));
        let both = pair(keys("gentoo", "", &environment[..1], ""));
        assert_eq!(both, is("pkcs11:x", "pkcs11:x", false));
        let none = pair(keys("gentoo", "", &[("MODULES_SIGN_KEY", "")], "MODULES_SIGN_CERT=/c\n"));
        assert_eq!(none, is("/var/lib/dkms/mok.key", "/var/lib/dkms/mok.pub", true));
    }

    #[test]
    fn make_conf_is_a_file_or_a_directory() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path());
        assert_eq!(make_conf(&root).unwrap().trim(), "");
        std::fs::create_dir_all(root.at("/etc/portage/make.conf")).unwrap();
        std::fs::write(root.at("/etc/portage/make.conf/10-b"), "MODULES_SIGN_KEY=/b").unwrap();
        std::fs::write(root.at("/etc/portage/make.conf/09-a"), "MODULES_SIGN_KEY=/a").unwrap();
        let key = |id: &str| Distribution::new(id, "").keys(&root, &|_| None).unwrap().key;
        assert_eq!((key("gentoo").as_str(), key("debian").as_str()), ("/b", "/var/lib/dkms/mok.key"));
    }
}
