//! What a package of prebuilt modules says of itself: `/usr/lib/evermod/prebuilt/KERNEL/MODULE.json`, schema 1.

use super::{Arch, InvalidName, KernelRelease, ModuleId};
use serde::Deserialize;
use std::fmt;
use std::path::{Component, Path, PathBuf};

/// A package with the modules of one module package, built elsewhere for one kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prebuilt {
    /// The module package, in the version that was built.
    pub module: ModuleId,
    /// The kernel.
    pub kernel: KernelRelease,
    /// Its architecture.
    pub arch: Arch,
    /// The package's name.
    pub package: String,
    /// Its version, as its manager prints it.
    pub package_version: String,
    /// The modules, at least one.
    pub files: Vec<PackagedFile>,
}

/// One module file of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackagedFile {
    /// Its place inside the root, below the kernel's modules.
    pub path: PathBuf,
    /// SHA-256 of its content, in lower-case hexadecimal.
    pub sha256: String,
}

/// Why a record cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadPrebuilt(pub String);

impl From<InvalidName> for BadPrebuilt {
    fn from(bad: InvalidName) -> Self {
        Self(bad.to_string())
    }
}

#[derive(Deserialize)]
struct Schema {
    schema: u64,
}

#[derive(Deserialize)]
struct Record {
    module: String,
    version: String,
    kernel: String,
    arch: String,
    package: String,
    package_version: String,
    files: Vec<RecordedFile>,
}

#[derive(Deserialize)]
struct RecordedFile {
    path: String,
    sha256: String,
}

impl Prebuilt {
    /// Reads a record. Where it came from is in it too, and nobody's concern here.
    ///
    /// # Errors
    /// It is no such value, of a later schema, or names what cannot be a package's, or files elsewhere than below the
    /// kernel's modules.
    pub fn parse(text: &str) -> Result<Self, BadPrebuilt> {
        let json = |error: serde_json::Error| BadPrebuilt(format!("it is no record of modules: {error}"));
        let Schema { schema } = serde_json::from_str(text).map_err(json)?;
        if schema != 1 {
            return Err(BadPrebuilt(format!("its schema is {schema}, and only 1 is known here")));
        }
        let record: Record = serde_json::from_str(text).map_err(json)?;
        let kernel = KernelRelease::new(&record.kernel)?;
        let files: Vec<_> =
            record.files.into_iter().map(|file| packaged(file, &kernel)).collect::<Result<_, _>>()?;
        if files.is_empty() {
            return Err(BadPrebuilt("it names no file".into()));
        }
        Ok(Self {
            module: ModuleId::new(&record.module, &record.version)?,
            kernel,
            arch: Arch::new(&record.arch)?,
            package: word("package", record.package)?,
            package_version: word("version of a package", record.package_version)?,
            files,
        })
    }
}

impl PackagedFile {
    /// Its place below the kernel's directory: `updates/dkms/v4l2loopback.ko.xz`.
    pub fn below_kernel(&self) -> PathBuf {
        let parts = self.path.components();
        parts.skip_while(|part| part.as_os_str() != "modules").skip(2).collect()
    }
}

/// `0.12.7 from v4l2loopback-modules-6.1.0-56-amd64 0.12.7-1`.
impl fmt::Display for Prebuilt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {} {}", self.module.version, self.package, self.package_version)
    }
}

/// A word that may stand in a command that somebody is told to type.
fn word(what: &str, text: String) -> Result<String, BadPrebuilt> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "+-._:~@^".contains(c);
    let begins_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    match begins_well && text.chars().all(is_plain) {
        true => Ok(text),
        false => Err(BadPrebuilt(format!("{text:?} cannot be the {what}"))),
    }
}

fn packaged(file: RecordedFile, kernel: &KernelRelease) -> Result<PackagedFile, BadPrebuilt> {
    let RecordedFile { path, sha256 } = file;
    let bad = |why: &str| BadPrebuilt(format!("{path:?} {why}"));
    let is_below = ["/lib/modules", "/usr/lib/modules"]
        .iter()
        .any(|dir| Path::new(&path).starts_with(Path::new(dir).join(kernel.as_str())));
    let is_plain =
        Path::new(&path).components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    if !is_below || !is_plain || path.chars().any(char::is_control) {
        return Err(bad("is not below the modules of its kernel"));
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    if !name.split_once(".ko").is_some_and(|(_, rest)| rest.is_empty() || rest.starts_with('.')) {
        return Err(bad("is no module"));
    }
    if sha256.len() != 64 || !sha256.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(bad("has no SHA-256"));
    }
    Ok(PackagedFile { path: path.into(), sha256: sha256.to_ascii_lowercase() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(change: impl FnOnce(&mut serde_json::Value)) -> Result<Prebuilt, BadPrebuilt> {
        let mut value = serde_json::json!({
            "schema": 1, "module": "m", "version": "0.12.7", "kernel": "6.1.0-56-amd64", "arch": "x86_64",
            "package": "m-modules-6.1.0-56-amd64", "package_version": "1:0.12.7-1~bpo",
            "files": [{"path": "/lib/modules/6.1.0-56-amd64/updates/dkms/m.ko.xz", "sha256": "aB".repeat(32)}],
            "provenance": {"compiler": "gcc"},
        });
        change(&mut value);
        Prebuilt::parse(&value.to_string())
    }

    #[test]
    fn a_record_is_read() {
        let prebuilt = record(|_| {}).unwrap();
        assert_eq!(prebuilt.to_string(), "0.12.7 from m-modules-6.1.0-56-amd64 1:0.12.7-1~bpo");
        assert_eq!(prebuilt.files[0].below_kernel(), Path::new("updates/dkms/m.ko.xz"));
        assert_eq!(prebuilt.files[0].sha256, "ab".repeat(32));
        assert!(
            record(|r| r["files"][0]["path"] = "/usr/lib/modules/6.1.0-56-amd64/extra/m/m.ko".into()).is_ok()
        );
        assert!(record(|r| _ = r.as_object_mut().unwrap().remove("provenance")).is_ok());
    }

    #[test]
    fn what_is_hostile_is_refused_in_one_sentence() {
        type Change = fn(&mut serde_json::Value);
        let rows: [(Change, &str); 17] = [
            (|r| r["schema"] = 2.into(), "schema is 2"),
            (|r| r["schema"] = "1".into(), "no record"),
            (|r| r["module"] = "../m".into(), "module name"),
            (|r| r["version"] = "".into(), "it is empty"),
            (|r| r["kernel"] = "..".into(), "kernel release"),
            (|r| r["arch"] = "x86/64".into(), "architecture"),
            (|r| r["package"] = "m; rm -rf /".into(), "cannot be the package"),
            (|r| r["package"] = "-o".into(), "cannot be the package"),
            (|r| r["package"] = "m\nx".into(), "cannot be the package"),
            (|r| r["package_version"] = "$(id)".into(), "cannot be the version"),
            (|r| r["files"] = serde_json::json!([]), "names no file"),
            (|r| r["files"] = "m.ko".into(), "no record"),
            (|r| r["files"][0]["path"] = "/etc/passwd".into(), "not below"),
            (|r| r["files"][0]["path"] = "/lib/modules/6.1.0-56-amd64/../../../etc/m.ko".into(), "not below"),
            (|r| r["files"][0]["path"] = "/lib/modules/6.1.0-5/m.ko".into(), "not below"),
            (|r| r["files"][0]["path"] = "/lib/modules/6.1.0-56-amd64/modules.dep".into(), "no module"),
            (|r| r["files"][0]["sha256"] = "00".into(), "no SHA-256"),
        ];
        for (change, says) in rows {
            let why = record(change).unwrap_err().to_string();
            assert!(why.contains(says) && !why.contains('\n'), "{says}: {why}");
        }
        for text in ["", "{", "[1]", "null", "{\"schema\":1}"] {
            assert!(Prebuilt::parse(text).is_err(), "{text}");
        }
        assert!(Prebuilt::parse(&"[".repeat(100_000)).is_err(), "too deep");
    }
}
