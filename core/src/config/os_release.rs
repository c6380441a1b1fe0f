//! `os-release`: which distribution this is.

use super::distribution::Distribution;
use crate::root::Root;
use serde::{Deserialize, Serialize};
use std::io;

/// What `os-release` says, in the format of `os-release(5)`: shell-compatible assignments without expansions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OsRelease {
    /// ID.
    pub id: String,
    /// ID_LIKE, whole.
    pub id_like: String,
    /// VERSION_ID.
    pub version_id: String,
    /// VERSION_CODENAME.
    pub codename: String,
    /// PRETTY_NAME.
    pub pretty_name: String,
}

impl OsRelease {
    /// Reads the text of an `os-release` file. Lines that are no assignments are passed over.
    pub fn parse(text: &str) -> Self {
        let mut release = Self::default();
        for line in text.lines() {
            let Some((name, value)) = line.trim().split_once('=') else { continue };
            let field = match name {
                "ID" => &mut release.id,
                "ID_LIKE" => &mut release.id_like,
                "VERSION_ID" => &mut release.version_id,
                "VERSION_CODENAME" => &mut release.codename,
                "PRETTY_NAME" => &mut release.pretty_name,
                _ => continue,
            };
            *field = unquote(value);
        }
        release
    }

    /// Reads `/etc/os-release`, else `/usr/lib/os-release`, of a root; `None` if it has neither.
    ///
    /// # Errors
    /// The file is there but cannot be read.
    pub fn load(root: &Root) -> io::Result<Option<Self>> {
        for path in ["/etc/os-release", "/usr/lib/os-release"] {
            match fs_err::read(root.resolve(path)?) {
                Ok(bytes) => return Ok(Some(Self::parse(&String::from_utf8_lossy(&bytes)))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// The name that DKMS goes by: `ubuntu`, else the whole of ID_LIKE, else ID. Rules compare its beginning.
    pub fn distribution(&self) -> Distribution {
        Distribution::new(&self.id, &self.id_like)
    }
}

fn unquote(value: &str) -> String {
    let value = value.trim();
    for quote in ['"', '\''] {
        if let Some(inside) = value.strip_prefix(quote).and_then(|v| v.strip_suffix(quote)) {
            return if quote == '"' { unescape(inside) } else { inside.to_string() };
        }
    }
    unescape(value)
}

/// Drops the backslashes of a quoted value, as the shell and Kconfig's strings have them.
pub(super) fn unescape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => text.extend(chars.next()),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names() {
        for (text, name) in [
            ("ID=debian\nVERSION_ID=\"12\"\n", "debian"),
            ("ID=ubuntu\nID_LIKE=debian\n", "ubuntu"),
            ("ID=\"opensuse-tumbleweed\"\nID_LIKE=\"opensuse suse\"\n", "opensuse suse"),
            ("NAME='Fedora Linux'\nID='fedora'\n", "fedora"),
            ("ID=alpine # no\n", "alpine # no"),
            ("nothing\n", ""),
        ] {
            assert_eq!(OsRelease::parse(text).distribution().as_str(), name);
        }
    }

    #[test]
    fn files() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path());
        assert_eq!(OsRelease::load(&root).unwrap(), None);
        std::fs::create_dir_all(root.at("/usr/lib")).unwrap();
        std::fs::create_dir_all(root.at("/etc")).unwrap();
        std::fs::write(root.at("/usr/lib/os-release"), "ID=a\\b\nPRETTY_NAME=\"A \\\"B\\\"\"\n").unwrap();
        std::os::unix::fs::symlink("/usr/lib/os-release", root.at("/etc/os-release")).unwrap();
        let release = OsRelease::load(&root).unwrap().unwrap();
        assert_eq!((release.id.as_str(), release.pretty_name.as_str()), ("ab", "A \"B\""));
    }

    proptest! {
        #[test]
        fn any_text(text in "(ID=|ID_LIKE=|\\PC|\n|\"|\\\\){0,30}") {
            let _ = OsRelease::parse(&text).distribution();
        }
    }
}
