//! Everything a verb needs, gathered once: the only place that reads the environment.

use crate::config::{
    BadToml, Distribution, EvermodToml, Framework, FrameworkRequest, KeyPlaces, OsRelease, Policy, Preflight,
    TrySign, Vars, addon_modules_dir, evermod_toml, load_framework,
};
use crate::exec::shell::ConfinedBash;
use crate::exec::{Environment, Session, Settings, Signing, WeakTool, kernel_arch, told, weak_tool};
use crate::inventory::{Kernel, Survey, SurveyOptions, Tree, kernel, kernels};
use crate::model::{Arch, Failure, KernelRelease, ModuleId, SandboxMode};
use crate::places::Places;
use crate::report::{Journal, Lines, Progress, Silent, Sink};
use crate::root::Root;
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// What the command line settles for every verb.
#[derive(Debug, Clone, Default)]
pub struct Common {
    /// Work on this root in place of `/`.
    pub root: Option<PathBuf>,
    /// `T`.
    pub dkms_tree: Option<PathBuf>,
    /// `S`.
    pub source_tree: Option<PathBuf>,
    /// `I`.
    pub install_tree: Option<PathBuf>,
    /// Make jobs for all builds together.
    pub jobs: Option<usize>,
    /// Say nothing.
    pub quiet: bool,
    /// `--directive`s.
    pub directives: Vec<String>,
    /// `KS` for every kernel.
    pub kernel_source: Option<PathBuf>,
    /// A kernel configuration in place of the headers' own.
    pub kernel_config: Option<PathBuf>,
    /// Do not run depmod.
    pub no_depmod: bool,
    /// Build without a sandbox.
    pub no_sandbox: bool,
    /// Another dkms.conf than the module's own.
    pub conf: Option<PathBuf>,
    /// Install links in place of copies.
    pub symlink_modules: bool,
    /// Load what the machine needs of the modules that were installed.
    pub modprobe: bool,
    /// Show commands.
    pub verbose: bool,
    /// Trace what bash runs.
    pub debug: bool,
    /// In the middle of a run of dpkg, before all of it is in place.
    pub early: bool,
    /// Nobody waits for it: a file of settings that cannot be used is told, and passed over.
    pub unattended: bool,
}

/// Who reads what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Whoever called a verb of evermod: progress on a terminal, else lines.
    Caller,
    /// Whoever called a verb of DKMS: lines on standard output.
    Dkms,
    /// The user of a package manager: short lines on standard error.
    Hook,
}

/// Everything a verb needs.
pub struct Context {
    /// The places.
    pub places: Places,
    /// The machine.
    pub environment: Environment,
    /// Which distribution this is.
    pub distribution: Distribution,
    /// What is settled for runs.
    pub settings: Settings,
    /// Evaluates configurations.
    pub shell: ConfinedBash,
    /// Where events go.
    pub sink: Box<dyn Sink>,
    /// Whom they are for.
    pub audience: Audience,
    /// How much modules matter.
    pub policy: Policy,
    /// What is done before a transaction.
    pub preflight: Preflight,
    /// `--directive`s.
    directives: Vec<String>,
    /// `-c`.
    conf: Option<PathBuf>,
}

impl Context {
    /// Gathers it.
    ///
    /// # Errors
    /// There is no os-release, or framework.conf or evermod.toml cannot be used.
    #[allow(clippy::print_stderr)]
    pub fn new(common: &Common, audience: Audience) -> Result<Self, Failure> {
        let environment = environment()?;
        let root = Root::new(common.root.clone().unwrap_or_else(|| "/".into()));
        let distribution = OsRelease::load(&root)?
            .ok_or_else(|| Failure::Usage {
                message: "the distribution is unknown: there is neither /etc/os-release nor /usr/lib/os-release. A file \
                          with the line ID=debian, or whatever the system comes nearest to, is enough"
                    .into(),
                code: 4,
            })?
            .distribution();
        let shell = ConfinedBash::new().with_scratch(std::env::temp_dir());
        let (framework, mut complaints) = framework(&root, &environment, &shell)?;
        let shell = match &framework.tmp_location {
            Some(dir) => shell.with_scratch(root.at(dir)),
            None => shell,
        };
        let (addon, complaint) = addon_modules_dir(&root, &environment.variables);
        complaints.extend(complaint);
        let mut places = Places::new(root);
        places.dkms_tree = common.dkms_tree.clone().unwrap_or_else(|| framework.dkms_tree.clone());
        places.source_tree = common.source_tree.clone().unwrap_or_else(|| framework.source_tree.clone());
        places.install_tree = match common.install_tree.clone().or_else(|| framework.install_tree.clone()) {
            Some(given) => given,
            None => distribution.install_tree(&places.root)?,
        };
        let variable = |name: &str| environment.variables.get(name).cloned();
        let keys = distribution.keys(&places.root, &variable)?;
        let (own, complaint) = own_settings(&places.root, audience, common.unattended)?;
        complaints.extend(complaint.filter(|text| !common.quiet && told::is_news(&places.root, text)));
        let weak_modules = weak_tool(&places, &distribution, &environment);
        let mut settings =
            settings(common, &own, framework, &distribution, addon.as_deref(), keys, weak_modules);
        // Elsewhere nothing comes after it that tries again.
        settings.early &= environment.variables.contains_key("DPKG_MAINTSCRIPT_PACKAGE");
        let sink: Box<dyn Sink> = match audience {
            _ if common.quiet => Box::new(Silent),
            Audience::Caller if std::io::stderr().is_terminal() => Box::new(Progress::new()),
            Audience::Caller | Audience::Dkms => {
                Box::new(Lines::new(Box::new(std::io::stdout()), "", audience == Audience::Dkms))
            }
            Audience::Hook => {
                let lines = Box::new(Lines::new(Box::new(std::io::stderr()), "evermod: ", false));
                journalled(lines, &places.root)
            }
        };
        for text in complaints.iter().filter(|_| !common.quiet) {
            match audience {
                Audience::Hook => sink.event(&crate::report::Event::Note { text }),
                // Its standard output is for programs.
                Audience::Dkms | Audience::Caller => eprintln!("Warning: {text}"),
            }
        }
        let directives = common.directives.clone();
        let conf = common.conf.as_ref().map(std::path::absolute).transpose()?;
        Ok(Self {
            places,
            environment,
            distribution,
            settings,
            shell,
            sink,
            audience,
            policy: own.policy,
            preflight: own.preflight,
            directives,
            conf,
        })
    }

    /// The dkms.conf that `-c` names.
    pub fn conf(&self) -> Option<&Path> {
        self.conf.as_deref()
    }

    /// A survey of the root.
    pub fn survey<'a>(&'a self, find_program: &'a dyn Fn(&str) -> Option<PathBuf>) -> Survey<'a> {
        Survey::new(&self.places, &self.shell, self.survey_options(find_program))
    }

    /// What a survey is to know.
    pub fn survey_options<'a>(&self, find_program: &'a dyn Fn(&str) -> Option<PathBuf>) -> SurveyOptions<'a> {
        SurveyOptions {
            directives: self.directives.clone(),
            conf: self.conf.clone(),
            kernel_source: self.settings.kernel_source.clone(),
            kernel_config: self.settings.kernel_config.clone(),
            jobs: self.settings.jobs.unwrap_or_else(|| self.environment.jobs()),
            destination: self.settings.destination.clone(),
            distribution: self.distribution.clone(),
            running: self.environment.running.to_string(),
            build_environment: self.settings.framework.build_environment.clone(),
            temporary: self.settings.framework.tmp_location.clone().unwrap_or_else(|| "/tmp".into()),
            weak_modules: self.settings.weak_modules.is_some(),
            departing: std::collections::BTreeSet::new(),
            dates: self.settings.dates.clone(),
            find_program,
        }
    }

    /// A run.
    ///
    /// # Errors
    /// The job server's pipe cannot be made.
    pub fn session(&self) -> Result<Session<'_>, Failure> {
        Session::new(&self.places, &self.environment, &self.settings, &*self.sink)
    }

    /// The DKMS tree.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn tree(&self) -> Result<Tree, Failure> {
        Ok(Tree::read(&self.places)?)
    }

    /// All kernels of the root.
    ///
    /// # Errors
    /// They cannot be listed.
    pub fn kernels(&self) -> Result<Vec<Kernel>, Failure> {
        Ok(kernels(&self.places, &|release| self.arch_of(release))?)
    }

    fn arch_of(&self, release: &KernelRelease) -> Arch {
        kernel_arch(&self.environment, &self.places, &self.distribution, release)
    }

    /// One kernel, present or not.
    ///
    /// # Errors
    /// The names are no names.
    pub fn kernel(&self, release: &str, arch: Option<&str>) -> Result<Kernel, Failure> {
        let release = KernelRelease::new(release)?;
        let arch = arch.map_or_else(|| Ok(self.arch_of(&release)), Arch::new)?;
        Ok(kernel(&self.places, release, arch, self.settings.kernel_source.clone())?)
    }

    /// The module that was named, which must be in the tree.
    ///
    /// # Errors
    /// It is not named in full, or not there.
    pub fn module(
        &self,
        action: &'static str,
        name: Option<&str>,
        version: Option<&str>,
    ) -> Result<ModuleId, Failure> {
        match (name, version) {
            (Some(name), Some(version)) => Ok(ModuleId::new(name, version)?),
            _ => Err(Failure::ModuleNotNamed { action }),
        }
    }

    /// The module of `NAME/VERSION`, or of `NAME` alone where the tree has one version of it.
    ///
    /// # Errors
    /// There is no such module, or several versions of it.
    pub fn named(&self, action: &'static str, text: &str) -> Result<ModuleId, Failure> {
        if text.contains('/') {
            return Ok(text.parse()?);
        }
        let tree = self.tree()?;
        match tree.versions(text).as_slice() {
            [only] => Ok(only.module.clone()),
            [] => Err(Failure::UnknownName { name: text.to_string() }),
            _ => Err(Failure::ModuleNotNamed { action }),
        }
    }

    /// Refuses what only root may do.
    ///
    /// # Errors
    /// The caller is not root.
    pub fn require_root(&self, action: &'static str) -> Result<(), Failure> {
        if self.environment.is_root { Ok(()) } else { Err(Failure::NotRoot { action }) }
    }

    /// Refuses what needs a writable tree.
    ///
    /// # Errors
    /// The tree, or evermod's own state, cannot be written to.
    pub fn require_writable(&self) -> Result<(), Failure> {
        let tree = self.places.tree();
        let dirs = [(tree, &self.places.dkms_tree), (self.places.state(""), &self.places.state)];
        for (dir, inside) in dirs {
            // Where it cannot be made, nothing can be written to it.
            let made = fs_err::create_dir_all(&dir);
            match made.map(|()| rustix::fs::access(&dir, rustix::fs::Access::WRITE_OK)) {
                Ok(Ok(())) => {}
                Ok(Err(rustix::io::Errno::ROFS)) => {
                    return Err(Failure::ReadOnly { path: inside.clone() });
                }
                Err(error) if error.kind() == std::io::ErrorKind::ReadOnlyFilesystem => {
                    return Err(Failure::ReadOnly { path: inside.clone() });
                }
                // Something else lies where it would be: root is no answer to that.
                Err(error) if error.kind() != std::io::ErrorKind::PermissionDenied => {
                    return Err(error.into());
                }
                _ => return Err(Failure::NotWritable { tree: inside.clone() }),
            }
        }
        Ok(())
    }

    /// Whether standard output is for eyes that see colours.
    pub fn is_coloured(&self) -> bool {
        std::io::stdout().is_terminal() && !self.environment.variables.contains_key("NO_COLOR")
    }

    /// Whether `/etc/dkms/no-autoinstall` forbids everything automatic.
    pub fn is_autoinstall_off(&self) -> bool {
        self.places.root.at(self.places.overrides.join("no-autoinstall")).exists()
    }

    /// Finds programs on the `PATH`.
    pub fn finder(&self) -> impl Fn(&str) -> Option<PathBuf> + '_ {
        |name: &str| self.environment.program(name)
    }
}

/// What hooks tell goes to the journal of the running system too.
fn journalled(sink: Box<dyn Sink>, root: &Root) -> Box<dyn Sink> {
    if !root.is_host() {
        return sink;
    }
    match Journal::new(sink, &root.at("/run/systemd/journal/socket")) {
        Ok(journal) => Box::new(journal),
        Err(sink) => sink,
    }
}

/// The settings, and what is wrong with them.
fn framework(
    root: &Root,
    environment: &Environment,
    shell: &ConfinedBash,
) -> Result<(Framework, Vec<String>), Failure> {
    let mut scope = Vars::new();
    // Set to themselves: the signing settings are expanded again for each kernel.
    scope.set("kernelver", "$kernelver");
    let request =
        FrameworkRequest { directory: "/etc/dkms".into(), scope, environment: environment.variables.clone() };
    let loaded = load_framework(root, &request, shell).map_err(|e| Failure::BadConf {
        path: "/etc/dkms/framework.conf".into(),
        findings: vec![e.to_string()],
    })?;
    let complaints = loaded.findings.iter().map(|finding| finding.message.clone()).collect();
    Ok((loaded.framework, complaints))
}

/// The settings of evermod's own; where nobody could mend them at once, the defaults and what is wrong. A hook must
/// not stop a transaction for them, nor `dkms`, which scripts of packages call.
fn own_settings(
    root: &Root,
    audience: Audience,
    unattended: bool,
) -> Result<(EvermodToml, Option<String>), Failure> {
    match evermod_toml::load(root) {
        Ok(own) => Ok((own, None)),
        Err(bad) if audience == Audience::Caller && !unattended => {
            let BadToml { path, line, column, message } = bad;
            Err(Failure::BadSettings { path, line, column, message })
        }
        Err(bad) => Ok((EvermodToml::default(), Some(format!("{bad}; the defaults count")))),
    }
}

fn settings(
    common: &Common,
    toml: &EvermodToml,
    mut framework: Framework,
    distribution: &Distribution,
    addon: Option<&str>,
    keys: KeyPlaces,
    weak_modules: Option<WeakTool>,
) -> Settings {
    let path = |path: &Option<PathBuf>| path.as_ref().map(|p| p.display().to_string());
    // Who names a key of his own means that one, for all kernels.
    let is_own = framework.mok_signing_key.is_some() || framework.mok_certificate.is_some();
    framework.symlink_modules |= common.symlink_modules;
    framework.modprobe_on_install |= common.modprobe;
    framework.verbose |= common.verbose || common.debug;
    let destination = distribution.module_directory(addon, "").display().to_string();
    Settings {
        destination: Some(destination).filter(|d| !d.is_empty()),
        archive_originals: distribution.archives_originals(),
        weak_modules,
        jobs: common
            .jobs
            .or(toml.build.jobs.map(usize::from))
            .or(framework.parallel_jobs.and_then(|n| usize::try_from(n).ok())),
        signing: Signing {
            off: (framework.try_sign_modules == TrySign::False)
                .then(|| "switched off by try_sign_modules".into()),
            key: framework.mok_signing_key.clone().unwrap_or(keys.key),
            certificate: path(&framework.mok_certificate).unwrap_or(keys.certificate),
            of_kernel: keys.of_kernel,
            maker: keys.maker.filter(|_| !is_own),
            is_named: false,
        },
        sandbox: if common.no_sandbox { SandboxMode::Off } else { toml.build.sandbox },
        depmod: !common.no_depmod,
        kernel_source: common.kernel_source.clone(),
        kernel_config: common.kernel_config.clone(),
        debug: common.debug,
        log_only: false,
        early: common.early,
        hidden: Vec::new(),
        dates: BTreeMap::new(),
        framework,
    }
}

fn environment() -> Result<Environment, Failure> {
    let uname = rustix::system::uname();
    let variables: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let memory = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("MemAvailable:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    });
    let seconds =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs());
    Ok(Environment {
        running: KernelRelease::new(&uname.release().to_string_lossy())?,
        arch: Arch::new(&uname.machine().to_string_lossy())?,
        cpus: std::thread::available_parallelism().map_or(1, usize::from),
        memory: memory.map_or(0, |kib| kib * 1024),
        is_root: rustix::process::geteuid().is_root(),
        variables,
        now: date(seconds),
    })
}

/// Seconds since the epoch as `date -u` prints them; days to dates after Howard Hinnant's `civil_from_days`.
fn date(seconds: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb"];
    let days = seconds / 86_400;
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = year_of_era + era * 400 + u64::from(month >= 10);
    let name = |names: &[&'static str], index: u64| {
        usize::try_from(index).ok().and_then(|i| names.get(i).copied()).unwrap_or_default()
    };
    format!(
        "{} {} {day:>2} {:02}:{:02}:{:02} UTC {year}",
        name(&DAYS, days % 7),
        name(&MONTHS, month),
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use super::date;
    use crate::cli::testing::Fixture;

    /// Root is no answer to it, and was told to run it as root.
    #[test]
    fn a_file_in_the_place_of_the_state_is_named() {
        let fixture = Fixture::debian();
        fixture.file("/var/lib/evermod", "");
        let failure = fixture.context().require_writable().unwrap_err();
        assert!(failure.to_string().contains("/var/lib/evermod"), "{failure}");
        assert!(!matches!(failure, crate::model::Failure::NotWritable { .. }), "{failure:?}");
    }

    #[test]
    fn dates() {
        assert_eq!(date(0), "Thu Jan  1 00:00:00 UTC 1970");
        assert_eq!(date(951_782_400), "Tue Feb 29 00:00:00 UTC 2000");
        assert_eq!(date(1_795_442_714), "Mon Nov 23 14:05:14 UTC 2026");
    }
}
