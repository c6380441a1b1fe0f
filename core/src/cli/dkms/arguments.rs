//! DKMS's command line (contract 1.1 to 1.3): order-free, options with values matched by prefix, operands told apart by
//! what they are on disk. Pure: what is on disk comes in through [`Disk`].

use super::options::{self, Opt};
use super::table::{ACTIONS, Action, All, Kernels};
use crate::model::Failure;
use std::path::{Path, PathBuf};

/// What was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arguments {
    /// The action, if one was named.
    pub action: Option<Action>,
    /// `-m`, or the operand that names a module.
    pub module: Option<String>,
    /// `-v`, or what follows the slash.
    pub version: Option<String>,
    /// `-k`, each with the architecture given to it.
    pub kernels: Vec<(String, Option<String>)>,
    /// `-a` without a `-k` of its own; filters `status`.
    pub arches: Vec<String>,
    /// `-c`.
    pub conf: Option<PathBuf>,
    /// `-j`.
    pub jobs: Option<usize>,
    /// A source directory given as operand.
    pub source: Option<PathBuf>,
    /// An archive given as operand or by `--archive`.
    pub archive: Option<PathBuf>,
    /// `--config`.
    pub kernel_config: Option<PathBuf>,
    /// `--kernelsourcedir`.
    pub kernel_source: Option<PathBuf>,
    /// `--directive`, in order.
    pub directives: Vec<String>,
    /// `--templatekernel`.
    pub template_kernel: Option<String>,
    /// `--dkmstree`.
    pub dkms_tree: Option<PathBuf>,
    /// `--sourcetree`.
    pub source_tree: Option<PathBuf>,
    /// `--installtree`.
    pub install_tree: Option<PathBuf>,
    /// `--all`.
    pub all: bool,
    /// `--force`.
    pub force: bool,
    /// `--force-version-override`.
    pub force_version: bool,
    /// `--quiet`.
    pub quiet: bool,
    /// `--version`.
    pub show_version: bool,
    /// `--help`.
    pub show_help: bool,
    /// `--no-depmod`.
    pub no_depmod: bool,
    /// `--symlink-modules`.
    pub symlink_modules: bool,
    /// `--modprobe-on-install`.
    pub modprobe: bool,
    /// `--rpm_safe_upgrade`.
    pub rpm_safe_upgrade: bool,
    /// `--verbose`.
    pub verbose: bool,
    /// `--debug`.
    pub debug: bool,
    /// `--binaries-only`.
    pub binaries_only: bool,
    /// `--source-only`.
    pub source_only: bool,
    /// An operand that can only be meant as a path, where there is no dkms.conf.
    pub bare_path: Option<String>,
    /// Things to be said on stderr before anything is done.
    pub warnings: Vec<String>,
}

/// What the parser must know of the disk.
pub trait Disk {
    /// Whether this is a file.
    fn is_file(&self, path: &Path) -> bool;
    /// Whether this is a directory.
    fn is_dir(&self, path: &Path) -> bool;
}

/// Reads a command line without the program's name.
///
/// # Errors
/// An unknown option, two actions, a value that is no number, or counts of `-k` and `-a` that do not agree; each with
/// DKMS's exit code.
pub fn parse(words: &[String], disk: &dyn Disk) -> Result<Arguments, Refused> {
    let mut args = Arguments::default();
    match args.read(words, disk) {
        Ok(()) => Ok(args),
        Err(failure) => Err(Refused { failure, quiet: args.quiet }),
    }
}

/// A command line that cannot be followed.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub failure: Failure,
    /// `--quiet` came before it: nothing is to be printed.
    pub quiet: bool,
}

fn usage(message: impl Into<String>, code: u8) -> Failure {
    Failure::Usage { message: message.into(), code }
}

/// Whether a word that is no file is a path all the same, and not `MODULE/VERSION`.
fn is_path(word: &str, disk: &dyn Disk) -> bool {
    let begins = ["/", "./", "../"].iter().any(|start| word.starts_with(start));
    begins || word.contains('/') && disk.is_dir(Path::new(word))
}

/// A value as DKMS takes it: the first line, without blanks around it.
fn value(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_string()
}

impl Arguments {
    fn read(&mut self, words: &[String], disk: &dyn Disk) -> Result<(), Failure> {
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            if word.starts_with('-') && word.len() > 1 {
                if self.option(word, &mut words)? {
                    return Ok(());
                }
            } else {
                self.operand(word, disk)?;
            }
        }
        if self.binaries_only && self.source_only {
            return Err(usage("--binaries-only and --source-only exclude each other", 8));
        }
        self.pair_arches()?;
        self.check()
    }

    /// From `--quiet` on, nothing is said.
    fn warn(&mut self, text: String) {
        if !self.quiet {
            self.warnings.push(text);
        }
    }

    /// Takes one option; true if nothing after it counts.
    fn option<'w>(
        &mut self,
        word: &'w str,
        rest: &mut dyn Iterator<Item = &'w str>,
    ) -> Result<bool, Failure> {
        let (name, inline) = match word.split_once('=') {
            Some((name, value)) if word.starts_with("--") => (name, Some(value)),
            _ => (word, None),
        };
        let spec = options::option(name).filter(|spec| spec.value.is_some() || inline.is_none());
        let Some(spec) = spec else {
            return Err(usage(format!("unknown option: {word}"), 2));
        };
        // A value that is not there is an empty one.
        let value = match spec.value {
            Some(_) => value(inline.or_else(|| rest.next()).unwrap_or_default()),
            None => String::new(),
        };
        match spec.id {
            Opt::Module => self.module_operand(&value),
            Opt::Version => self.version = Some(value),
            Opt::Kernel => self.kernel(&value),
            Opt::Arch => self.arches.push(value),
            Opt::Conf => self.conf = Some(value.into()),
            Opt::Jobs if value.is_empty() => {}
            Opt::Jobs => {
                let number =
                    value.parse().map_err(|_| usage(format!("-j needs a number, not '{value}'"), 2))?;
                self.jobs = Some(number);
            }
            Opt::TemplateKernel => self.template_kernel = Some(value),
            Opt::DkmsTree => self.dkms_tree = Some(value.into()),
            Opt::SourceTree => self.source_tree = Some(value.into()),
            Opt::InstallTree => self.install_tree = Some(value.into()),
            Opt::KernelConfig => self.kernel_config = Some(value.into()),
            Opt::KernelSource => self.kernel_source = Some(value.into()),
            Opt::Archive => self.archive = Some(value.into()),
            Opt::Directive => self.directives.push(value),
            Opt::All => self.all = true,
            Opt::Force => self.force = true,
            Opt::ForceVersion => self.force_version = true,
            Opt::NoDepmod => self.no_depmod = true,
            Opt::SymlinkModules => self.symlink_modules = true,
            Opt::Modprobe => self.modprobe = true,
            Opt::RpmSafeUpgrade => self.rpm_safe_upgrade = true,
            Opt::Verbose => self.verbose = true,
            Opt::Debug => self.debug = true,
            Opt::BinariesOnly => self.binaries_only = true,
            Opt::SourceOnly => self.source_only = true,
            Opt::Quiet => self.quiet = true,
            Opt::ShowVersion => self.show_version = true,
            Opt::ShowHelp => self.show_help = true,
            Opt::Dropped => self.warn(format!("Deprecated feature: {name}")),
        }
        Ok(matches!(spec.id, Opt::ShowVersion | Opt::ShowHelp))
    }

    fn module_operand(&mut self, text: &str) {
        let (module, version) = match text.split_once('/') {
            Some((module, version)) => (module, Some(version)),
            None => (text, None),
        };
        self.module = Some(module.to_string());
        if let Some(version) = version {
            self.version = Some(version.to_string());
        }
    }

    fn kernel(&mut self, text: &str) {
        let (kernel, arch) = match text.split_once('/') {
            Some((kernel, arch)) => (kernel, Some(arch.to_string())),
            None => (text, None),
        };
        self.kernels.push((kernel.to_string(), arch));
    }

    fn operand(&mut self, word: &str, disk: &dyn Disk) -> Result<(), Failure> {
        if let Some(spec) = ACTIONS.iter().find(|spec| spec.name == word) {
            return match self.action.replace(spec.action) {
                None => Ok(()),
                Some(first) => Err(usage(format!("two actions: '{}' and '{word}'", first.name()), 4)),
            };
        }
        let path = Path::new(word);
        if word.ends_with("dkms.conf") && disk.is_file(path) {
            let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
            self.source = Some(dir.to_path_buf());
        } else if disk.is_file(&path.join("dkms.conf")) {
            self.source = Some(path.to_path_buf());
        } else if disk.is_file(path) {
            self.archive = Some(path.to_path_buf());
        } else if self.module.is_none() && is_path(word, disk) {
            self.bare_path = Some(word.to_string());
            self.module_operand(word);
        } else if self.module.is_none() {
            self.module_operand(word);
        } else {
            self.warn(format!("Warning: I do not know what to do with {word}."));
        }
        Ok(())
    }

    /// `-a` belongs to the `-k` at the same position; a single one to all.
    fn pair_arches(&mut self) -> Result<(), Failure> {
        if self.arches.len() > 1 && self.arches.len() != self.kernels.len() {
            return Err(usage("give either one -a, or one for each -k", 1));
        }
        if self.arches.is_empty() || self.kernels.is_empty() {
            return Ok(());
        }
        let last = self.arches.last().cloned();
        for (index, (_, arch)) in self.kernels.iter_mut().enumerate() {
            if arch.is_none() {
                *arch = self.arches.get(index).cloned().or_else(|| last.clone());
            }
        }
        self.arches.clear();
        Ok(())
    }

    fn check(&self) -> Result<(), Failure> {
        let takes_path = matches!(self.action, Some(Action::Add | Action::Build | Action::Install));
        if let (true, Some(path)) = (takes_path, &self.bare_path) {
            return Err(usage(format!("there is no dkms.conf in {path}"), 1));
        }
        if self.all && !self.kernels.is_empty() {
            return Err(usage("--all and -k exclude each other", 2));
        }
        if self.all && !self.arches.is_empty() {
            return Err(usage("--all and -a exclude each other", 3));
        }
        let spec = self.action.and_then(Action::spec);
        if let Some(spec) = spec.filter(|spec| self.all && spec.all == All::Refuses) {
            return Err(usage(format!("'{}' does not take --all", spec.name), 5));
        }
        match spec.map(|spec| (spec.kernels, spec.name)) {
            Some((Kernels::OneGiven, _)) if self.kernels.len() != 1 => {
                return Err(usage("exactly one kernel is needed: -k KERNEL", 4));
            }
            Some((Kernels::One, name)) if self.kernels.len() > 1 => {
                return Err(usage(format!("'{name}' takes one kernel"), 4));
            }
            _ => {}
        }
        if spec.is_some_and(|spec| spec.kernels != Kernels::Filter) {
            let empty = self.kernels.iter().any(|(k, a)| k.is_empty() || a.as_deref() == Some(""));
            if empty || self.arches.iter().any(String::is_empty) {
                return Err(usage("a kernel or architecture given on the command line is empty", 16));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::{OPTIONS, Value};
    use super::*;

    struct Fake;

    impl Disk for Fake {
        fn is_file(&self, path: &Path) -> bool {
            ["/src/m/dkms.conf", "x.tar.gz", "dkms.conf"].iter().any(|p| Path::new(p) == path)
        }
        fn is_dir(&self, path: &Path) -> bool {
            path == Path::new("/src/m") || path == Path::new("/src/empty")
        }
    }

    fn parsed(line: &str) -> Result<Arguments, Refused> {
        let words: Vec<_> = line.split(' ').filter(|w| !w.is_empty()).map(|w| w.replace('~', " ")).collect();
        parse(&words, &Fake)
    }

    fn code(line: &str) -> u8 {
        parsed(line).expect_err(line).failure.exit_code()
    }

    #[test]
    fn usual_lines() {
        let args = parsed("install m/1.0 -k 6.1 -k 6.12/arm64 --force").unwrap();
        assert_eq!(args.action, Some(Action::Install));
        assert_eq!((args.module.as_deref(), args.version.as_deref()), (Some("m"), Some("1.0")));
        assert_eq!(args.kernels, [("6.1".into(), None), ("6.12".into(), Some("arm64".into()))]);
        assert!(args.force);
        let args = parsed("-m m -v 1 build --kernelverXYZ 6.1 --arch=x86_64").unwrap();
        assert_eq!(args.kernels, [("6.1".into(), Some("x86_64".into()))]);
        let args = parsed("status -a x86_64 'nv*'").unwrap();
        assert_eq!(args.arches, ["x86_64"]);
        assert_eq!(parsed("add /src/m").unwrap().source.as_deref(), Some(Path::new("/src/m")));
        assert_eq!(parsed("add dkms.conf").unwrap().source.as_deref(), Some(Path::new(".")));
        assert_eq!(parsed("ldtarball x.tar.gz").unwrap().archive.as_deref(), Some(Path::new("x.tar.gz")));
        assert_eq!(parsed("add a b").unwrap().warnings.len(), 1);
        assert_eq!(parsed("frobnicate").unwrap().module.as_deref(), Some("frobnicate"));
        assert_eq!(parsed("--archive=a --arch=b").unwrap().archive.as_deref(), Some(Path::new("a")));
        assert_eq!(parsed("build m/1 --directive=MAKE=make~all").unwrap().directives, ["MAKE=make all"]);
        assert_eq!(parsed("build --no-initrd m/1").unwrap().warnings, ["Deprecated feature: --no-initrd"]);
        assert!(parsed("--version --nonsense").unwrap().show_version);
        assert_eq!(parsed("status -j").unwrap().jobs, None);
        assert_eq!(parsed("--no-initrd -q --no-initrd status a b").unwrap().warnings.len(), 1);
        assert!(parsed("-q --frob").unwrap_err().quiet && !parsed("--frob -q").unwrap_err().quiet);
    }

    /// Every option with a value takes it in both forms, and anything that begins with its long name is it.
    #[test]
    fn each_row_of_the_options_is_taken() {
        for option in &OPTIONS {
            let Some(value) = option.value else {
                for name in option.short.iter().chain(&option.long).filter(|name| **name != "--debug") {
                    assert_ne!(
                        parsed(&format!("status {name}")).unwrap(),
                        parsed("status").unwrap(),
                        "{name}"
                    );
                }
                continue;
            };
            let text = if value == Value::Number { "7" } else { "A=b" };
            let mut results = Vec::new();
            for line in option.short.map(|short| format!("status {short} {text}")).into_iter().chain(
                option.long.into_iter().flat_map(|long| {
                    [
                        format!("status {long} {text}"),
                        format!("status {long}={text}"),
                        format!("status {long}XY ~{text}~"),
                    ]
                }),
            ) {
                let found = parsed(&line).unwrap_or_else(|e| panic!("{line}: {}", e.failure));
                assert_ne!(found, parsed("status").unwrap(), "{line}");
                results.push(found);
            }
            results.dedup();
            assert_eq!(results.len(), 1, "{:?} {:?}", option.short, option.long);
        }
    }

    #[test]
    fn mistakes_have_their_codes() {
        for (line, expected) in [
            ("build -k=6.1", 2),
            ("build -k6.1", 2),
            ("--frob", 2),
            ("status --all=x", 2),
            ("status --help=1", 2),
            ("status --force-version-overrideX", 2),
            ("status -j=4", 2),
            ("status -a x -a y", 1),
            ("build m/1 -a x -a y --binaries-only --source-only", 8),
            ("add build", 4),
            ("build -k", 16),
            ("remove m/1 --all -k 6.1", 2),
            ("remove m/1 --all -a x", 3),
            ("build m/1 --all", 5),
            ("autoinstall --all", 5),
            ("kernel_prerm", 4),
            ("kernel_postinst -k 1 -k 2", 4),
            ("autoinstall -k 1 -k 2", 4),
            ("build m/1 -k 1 -a x -a y", 1),
            ("mktarball --binaries-only --source-only", 8),
            ("add /src/empty", 1),
            ("/src/empty add", 1),
            ("install /src/empty -k 6.1", 1),
            ("add ../nowhere", 1),
        ] {
            assert_eq!(code(line), expected, "{line}");
        }
    }
}
