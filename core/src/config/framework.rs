//! `framework.conf` and its drop-ins: how DKMS itself is set up on a machine (contract 2.8).

use super::evaluate::{ConfigError, EvaluatedBy, Evaluation, Source};
use super::findings::{Finding, FindingKind, Severity};
use super::framework_table::{NAMES, from_environment};
use super::load::finding;
use super::shell::Shell;
use super::vars::Vars;
use crate::root::Root;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Where sources and state are where nothing else is said; files may refer to both.
const SOURCE_TREE: &str = "/usr/src";
const DKMS_TREE: &str = "/var/lib/dkms";

/// `try_sign_modules`: when modules are signed (DKMS 3.4.0).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrySign {
    /// Always.
    True,
    /// Never.
    False,
    /// Unless running in a chroot.
    #[default]
    NotInChroot,
}

/// The settings. Paths are as written: inside the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Framework {
    /// Where module sources are.
    pub source_tree: PathBuf,
    /// The DKMS tree.
    pub dkms_tree: PathBuf,
    /// Where kernels' modules are; `None` leaves it to the system (`/lib/modules`, on Arch `/usr/lib/modules`).
    pub install_tree: Option<PathBuf>,
    /// Where temporary files go; `None` leaves it to the system.
    pub tmp_location: Option<PathBuf>,
    /// Print commands instead of descriptions.
    pub verbose: bool,
    /// Install links into the DKMS tree instead of copies.
    pub symlink_modules: bool,
    /// Load modules after installing them.
    pub modprobe_on_install: bool,
    /// A new package's module is built for all kernels, not only for the running and the newest one.
    pub autoinstall_all_kernels: bool,
    /// How many compilers at once; `None` means one for each processor, 0 no limit.
    pub parallel_jobs: Option<u32>,
    /// Options of gzip.
    pub compress_gzip_opts: Vec<String>,
    /// Options of xz.
    pub compress_xz_opts: Vec<String>,
    /// Options of zstd.
    pub compress_zstd_opts: Vec<String>,
    /// The kernel's signing program.
    pub sign_file: Option<PathBuf>,
    /// The signing key: a path or a `pkcs11:` URI.
    pub mok_signing_key: Option<String>,
    /// Its certificate.
    pub mok_certificate: Option<PathBuf>,
    /// When modules are signed.
    pub try_sign_modules: TrySign,
    /// A command to run after a successful change.
    pub post_transaction: Option<String>,
    /// A file that is sourced before a build; what it exports is the build's environment (DKMS 3.3.0).
    pub build_environment: Option<PathBuf>,
}

impl Default for Framework {
    fn default() -> Self {
        make(&Vars::new(), &mut Vec::new())
    }
}

/// What to load, and for what.
#[derive(Debug, Clone, Default)]
pub struct FrameworkRequest {
    /// The directory with `framework.conf` and `framework.conf.d`, inside the root: DKMS has `/etc/dkms`.
    pub directory: PathBuf,
    /// The variables that the files see. DKMS reads the signing settings again before a build, with `kernelver`
    /// and `arch` set: load again with them here.
    pub scope: Vars,
    /// The caller's environment, of which [`from_environment`]'s is used where no file sets a variable.
    pub environment: BTreeMap<String, String>,
}

/// The settings of a machine, and where they came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedFramework {
    /// The settings.
    pub framework: Framework,
    /// What is to be said about them; a value that cannot be used is a warning and its default counts.
    pub findings: Vec<Finding>,
    /// The files that they came from.
    pub sources: Vec<Source>,
    /// Who evaluated them.
    pub evaluated_by: EvaluatedBy,
}

/// Loads `framework.conf` and then `framework.conf.d/*.conf` in the order of their names. Files that are not there
/// are no error: the defaults count.
///
/// # Errors
/// A file cannot be read or is not valid shell, or the shell that it needs failed.
pub fn load_framework(
    root: &Root,
    request: &FrameworkRequest,
    shell: &dyn Shell,
) -> Result<LoadedFramework, ConfigError> {
    let mut scope = request.scope.clone();
    for (name, default) in [("source_tree", SOURCE_TREE), ("dkms_tree", DKMS_TREE)] {
        if scope.scalar(name).is_none() {
            scope.set(name, default);
        }
    }
    for name in from_environment() {
        if let Some(value) = request.environment.get(name) {
            scope.set(name, value.as_str());
        }
    }
    let mut evaluation = Evaluation::new(root, shell, &NAMES, scope);
    evaluation.file(&request.directory.join("framework.conf"))?;
    for path in drop_ins(root, &request.directory.join("framework.conf.d"))? {
        evaluation.file(&path)?;
    }
    let Evaluation { vars: set, sources, notes, by, .. } = evaluation;
    let mut vars: Vars =
        from_environment().filter_map(|name| Some((name, request.environment.get(name)?.as_str()))).collect();
    vars.merge(set);
    let mut findings = notes.iter().map(|(path, note)| finding(&path.display().to_string(), note)).collect();
    let framework = make(&vars, &mut findings);
    Ok(LoadedFramework { framework, findings, sources, evaluated_by: by })
}

fn drop_ins(root: &Root, directory: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let entries = match fs_err::read_dir(root.resolve(directory)?) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        // As the shell's *.conf, which passes over hidden files.
        let text = name.to_string_lossy();
        if text.ends_with(".conf") && !text.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names.into_iter().map(|name| directory.join(name)).collect())
}

fn make(vars: &Vars, findings: &mut Vec<Finding>) -> Framework {
    let value = |name: &str| vars.scalar(name).map(str::trim).filter(|value| !value.is_empty());
    let path = |name: &str| value(name).map(PathBuf::from);
    let mut unusable = |name: &str, value: &str, meant: &str| {
        findings.push(Finding {
            severity: Severity::Warning,
            kind: FindingKind::Boolean,
            record: None,
            message: format!(
                "framework.conf: {name} is '{value}', which is not {meant}; its default counts."
            ),
        });
    };
    // A set but empty option means no options; only an unset one means the default.
    let options = |name: &str, default: &str| -> Vec<String> {
        vars.scalar(name).unwrap_or(default).split_whitespace().map(str::to_string).collect()
    };
    let parallel_jobs = value("parallel_jobs")
        .and_then(|jobs| jobs.parse().map_err(|_| unusable("parallel_jobs", jobs, "a number")).ok());
    let try_sign_modules = match value("try_sign_modules") {
        None | Some("not_in_chroot") => TrySign::NotInChroot,
        Some("true") => TrySign::True,
        Some("false") => TrySign::False,
        Some(other) => {
            unusable("try_sign_modules", other, "true, false or not_in_chroot");
            TrySign::NotInChroot
        }
    };
    Framework {
        source_tree: path("source_tree").unwrap_or_else(|| SOURCE_TREE.into()),
        dkms_tree: path("dkms_tree").unwrap_or_else(|| DKMS_TREE.into()),
        install_tree: path("install_tree"),
        tmp_location: path("tmp_location"),
        verbose: value("verbose").is_some(),
        symlink_modules: value("symlink_modules").is_some(),
        modprobe_on_install: value("modprobe_on_install").is_some(),
        autoinstall_all_kernels: value("autoinstall_all_kernels").is_some(),
        parallel_jobs,
        compress_gzip_opts: options("compress_gzip_opts", ""),
        compress_xz_opts: options("compress_xz_opts", "--check=crc32 --lzma2=dict=1MiB"),
        compress_zstd_opts: options("compress_zstd_opts", "-q --rm -T0"),
        sign_file: path("sign_file"),
        mok_signing_key: value("mok_signing_key").map(str::to_string),
        mok_certificate: path("mok_certificate"),
        try_sign_modules,
        post_transaction: value("post_transaction").map(str::to_string),
        build_environment: path("build_environment"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::shell::NoShell;
    use super::*;

    fn load(files: &[(&str, &str)], environment: &[(&str, &str)]) -> LoadedFramework {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path());
        for (path, text) in files {
            let place = root.at(Path::new("/etc/dkms").join(path));
            std::fs::create_dir_all(place.parent().unwrap()).unwrap();
            std::fs::write(place, text).unwrap();
        }
        let request = FrameworkRequest {
            directory: "/etc/dkms".into(),
            scope: Vars::from_iter([("kernelver", "6.1")]),
            environment: environment.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect(),
        };
        load_framework(&root, &request, &NoShell).unwrap()
    }

    #[test]
    fn defaults() {
        let loaded = load(&[], &[]);
        assert_eq!(loaded.framework, Framework::default());
        assert!(loaded.findings.is_empty() && loaded.sources.is_empty());
        let f = loaded.framework;
        assert_eq!((f.source_tree, f.dkms_tree), ("/usr/src".into(), "/var/lib/dkms".into()));
        assert_eq!(f.compress_xz_opts, ["--check=crc32", "--lzma2=dict=1MiB"]);
        assert_eq!((f.parallel_jobs, f.try_sign_modules, f.verbose), (None, TrySign::NotInChroot, false));
    }

    #[test]
    fn files_in_order_and_environment_last() {
        let loaded = load(
            &[
                (
                    "framework.conf",
                    "# x\ndkms_tree=\"/srv/dkms\"\nparallel_jobs=3\nverbose=yes\nsource_tree=\n",
                ),
                (
                    "framework.conf.d/b.conf",
                    "mok_signing_key=$dkms_tree/$kernelver.key\ncompress_zstd_opts=''\n",
                ),
                (
                    "framework.conf.d/a.conf",
                    "dkms_tree=/a\nsign_file='/k/$kernelver/sign'\ntry_sign_modules=true\n",
                ),
                ("framework.conf.d/.hidden.conf", "verbose=\n"),
                ("framework.conf.d/note.txt", "not shell )\n"),
            ],
            &[("parallel_jobs", "9"), ("post_transaction", "update it"), ("dkms_tree", "/env"), ("IFS", "x")],
        );
        assert_eq!(loaded.findings, []);
        let names: Vec<_> =
            loaded.sources.iter().map(|s| s.path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["framework.conf", "a.conf", "b.conf"]);
        let f = loaded.framework;
        assert_eq!((f.dkms_tree, f.source_tree), ("/a".into(), "/usr/src".into()));
        assert_eq!(f.mok_signing_key.as_deref(), Some("/a/6.1.key"));
        assert_eq!(f.sign_file, Some("/k/6.1/sign".into()));
        assert_eq!((f.parallel_jobs, f.verbose, f.try_sign_modules), (Some(3), true, TrySign::True));
        assert_eq!(f.post_transaction.as_deref(), Some("update it"));
        assert!(f.compress_zstd_opts.is_empty());
    }

    #[test]
    fn unusable_values_are_named() {
        let loaded = load(&[("framework.conf", "parallel_jobs=many\ntry_sign_modules=perhaps\n")], &[]);
        assert_eq!(loaded.findings.len(), 2, "{:?}", loaded.findings);
        assert_eq!(loaded.framework, Framework::default());
    }
}
