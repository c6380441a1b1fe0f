//! Builds one instance: sources into a directory of its own, patches, scripts and make in the sandbox, then strip, sign,
//! compress, and the result into the tree in one step.

use super::process;
use super::sandboxed::{Ended, Job};
use super::session::Session;
use crate::build::{Sandbox, diagnose, log, make_command, program, with_jobs};
use crate::config::Toolchain;
use crate::install::Compression;
use crate::install::files::{
    copy_tree, remove_empty_upwards, remove_if_there, remove_tree_if_there, write_atomically,
};
use crate::model::{
    BuildKey, BuildRecord, Directives, Failure, FailureRecord, Instance, Isolation, Record, Signature,
};
use crate::pattern;
use crate::places::RECORD;
use crate::report::Event;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::PoisonError;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Everything that one build needs to know.
#[derive(Debug, Clone)]
pub struct BuildInput {
    /// Which instance.
    pub instance: Instance,
    /// Its directives for this kernel.
    pub directives: Directives,
    /// Indices of modules that are not meant for this kernel.
    pub excluded: Vec<usize>,
    /// The source directory, on the machine.
    pub source: PathBuf,
    /// `KS`, inside the root.
    pub kernel_source: PathBuf,
    /// The kernel's compiler.
    pub toolchain: Toolchain,
    /// `CONFIG_MODULE_SIG_HASH`.
    pub sig_hash: Option<String>,
    /// How the kernel's modules are compressed.
    pub compression: Compression,
    /// The framework's variables, which commands may use.
    pub variables: BTreeMap<String, String>,
    /// Key of the inputs.
    pub key: BuildKey,
    /// Identity of the configuration files.
    pub conf: String,
    /// `Module.symvers` of the packages that this one is built upon, inside the root.
    pub extra_symbols: Vec<PathBuf>,
}

/// The log of a build that is going on.
struct Log {
    file: File,
    path: PathBuf,
}

impl Session<'_> {
    /// Builds and puts the result into the tree, replacing an older build of the same instance; a failure leaves that
    /// one untouched and is remembered with the key of its inputs.
    ///
    /// # Errors
    /// The build's own failure, or what kept it from starting.
    pub fn build(&self, input: &BuildInput) -> Result<BuildRecord, Failure> {
        // The implicit token of the make that is started below: a build begins when there is room for it.
        let _token = self.jobs.acquire()?;
        self.sink.event(&Event::BuildStarted { instance: &input.instance });
        let started = Instant::now();
        let result = self.attempt(input, started);
        let remembered = self.places.failure_record(&input.instance);
        if let Err(failure) = &result {
            self.remember(input, failure, &remembered)?;
        }
        result
    }

    fn attempt(&self, input: &BuildInput, started: Instant) -> Result<BuildRecord, Failure> {
        check_source(input)?;
        match self.attempt_in(input, started, self.sandbox.owner())? {
            Some(record) => Ok(record),
            // The sandbox could not be made, which is noted by now: once more without it.
            None => self
                .attempt_in(input, started, None)?
                .ok_or_else(|| std::io::Error::other("a build without a sandbox cannot lack one").into()),
        }
    }

    /// One attempt; `None` if the sandbox could not be made.
    fn attempt_in(
        &self,
        input: &BuildInput,
        started: Instant,
        owner: Option<(u32, u32)>,
    ) -> Result<Option<BuildRecord>, Failure> {
        let instance = &input.instance;
        let build_dir = self.places.build_dir(&instance.module);
        let turn = self.turn(instance);
        let _turn = owner.is_none().then(|| turn.lock().unwrap_or_else(PoisonError::into_inner));
        let scratch = if owner.is_some() { self.places.scratch(instance) } else { build_dir.clone() };
        remove_tree_if_there(&scratch)?;
        copy_tree(&input.source, &scratch, owner)?;
        // The administrator's patches come over the package's own (DKMS 3.4.0).
        let patches = self.places.root.at(self.places.overrides.join(&instance.module.name).join("patches"));
        if patches.is_dir() {
            copy_tree(&patches, &scratch.join("patches"), owner)?;
        }
        // Where the build believes to be must exist for the sandbox's mount.
        fs_err::create_dir_all(&build_dir)?;
        let mut log = self.start_log(input)?;
        let sandbox =
            Sandbox { scratch: scratch.clone(), build_dir, staged: None, user: owner.unwrap_or((0, 0)) };

        let ended = self.run_commands(input, &sandbox, &mut log);
        let result = match ended {
            Ok(false) => {
                remove_tree_if_there(&scratch)?;
                return Ok(None);
            }
            Ok(true) => self.finish(input, &sandbox, &mut log, started),
            Err(failure) => Err(failure),
        };
        match result {
            Ok(record) => {
                if scratch != self.places.build_dir(&instance.module) {
                    remove_tree_if_there(&scratch)?;
                }
                self.tidy_up(instance)?;
                Ok(Some(record))
            }
            Err(failure) => {
                self.keep_failed(input, &scratch, &mut log)?;
                Err(failure)
            }
        }
    }

    fn start_log(&self, input: &BuildInput) -> Result<Log, Failure> {
        let path = self.places.failure_log(&input.instance);
        if let Some(dir) = path.parent() {
            fs_err::create_dir_all(dir)?;
        }
        let isolation = match self.sandbox.isolation() {
            Isolation::Bubblewrap => "bubblewrap, unprivileged user, no network".to_string(),
            Isolation::None { why } => format!("none ({why})"),
        };
        fs_err::write(&path, log::head(&input.instance, &self.environment.now, &isolation))?;
        let file = fs_err::OpenOptions::new().read(true).append(true).open(&path)?.into_parts().0;
        Ok(Log { file, path })
    }

    /// Patches, PRE_BUILD and make; false if the sandbox could not be made.
    fn run_commands(&self, input: &BuildInput, sandbox: &Sandbox, log: &mut Log) -> Result<bool, Failure> {
        let BuildInput { instance, directives, .. } = input;
        let module = || instance.module.clone();
        let wanted = |p: &&crate::model::Patch| {
            p.matches.as_ref().is_none_or(|m| pattern::matches(m, instance.kernel.as_str()))
        };
        for patch in directives.patches.iter().filter(wanted) {
            let bad = |why| Failure::BadPatch { name: patch.file.clone(), why };
            if Path::new(&patch.file).components().any(|c| !matches!(c, std::path::Component::Normal(_))) {
                return Err(bad("it leaves the patches directory"));
            }
            if !sandbox.scratch.join("patches").join(&patch.file).is_file() {
                return Err(bad("it is not in the patches directory"));
            }
            let command =
                format!("patch -p1 --batch < {}", crate::build::quoted(&format!("patches/{}", patch.file)));
            match self.run(input, sandbox, log, &format!("Applying patch {}", patch.file), &command)? {
                Ended::NoSandbox => return Ok(false),
                Ended::Status(0) => {}
                Ended::Status(_) => {
                    return Err(Failure::PatchRejected {
                        name: patch.file.clone(),
                        module: module(),
                        kernel: instance.kernel.clone(),
                        log: self.inside(&log.path),
                    });
                }
            }
        }
        if !self.run_script(input, sandbox, log, "PRE_BUILD", directives.pre_build.as_deref())? {
            return Ok(false);
        }
        let plain = make_command(
            directives,
            instance.kernel.as_str(),
            &input.kernel_source,
            &self.places.build_dir_inside(&instance.module),
            input.toolchain.llvm,
        );
        let jobs = self.settings.jobs.unwrap_or_else(|| self.environment.jobs());
        let command = with_jobs(&plain, jobs, instance.kernel.as_str());
        match self.run(input, sandbox, log, "Building module(s)", &command)? {
            Ended::NoSandbox => Ok(false),
            Ended::Status(0) => Ok(true),
            Ended::Status(status) => Err(Failure::BuildFailed {
                module: module(),
                kernel: instance.kernel.clone(),
                status,
                diagnosis: self.diagnosis(input, log),
                log: self.inside(&log.path),
            }),
        }
    }

    /// PRE_BUILD or POST_BUILD; false if the sandbox could not be made.
    fn run_script(
        &self,
        input: &BuildInput,
        sandbox: &Sandbox,
        log: &mut Log,
        directive: &'static str,
        script: Option<&str>,
    ) -> Result<bool, Failure> {
        let Some(script) = script.filter(|s| !s.trim().is_empty()) else { return Ok(true) };
        let first = sandbox.scratch.join(script.split_whitespace().next().unwrap_or_default());
        if !super::install::is_executable(&first) {
            let text = format!(
                "The {directive} script of {} is not there or not executable, so it is not run: {script}",
                input.instance.module
            );
            self.sink.event(&Event::Note { text: &text });
            return Ok(true);
        }
        let command = format!("{}/{script}", self.places.build_dir_inside(&input.instance.module).display());
        match self.run(input, sandbox, log, &format!("Running the {directive} script"), &command)? {
            Ended::NoSandbox => Ok(false),
            Ended::Status(0) => Ok(true),
            Ended::Status(status) => Err(Failure::ScriptFailed {
                directive,
                module: input.instance.module.clone(),
                status,
                log: Some(self.inside(&log.path)),
            }),
        }
    }

    fn run(
        &self,
        input: &BuildInput,
        sandbox: &Sandbox,
        log: &mut Log,
        description: &str,
        command: &str,
    ) -> Result<Ended, Failure> {
        let job = Job {
            program: program(&input.variables, command),
            description,
            shown: command,
            exports: &exports(input),
            sandbox: sandbox.clone(),
        };
        self.sandbox.run(&job, &self.jobs, &mut log.file, self.sink)
    }

    /// Collects what make produced, makes it ready, and moves it into the tree.
    fn finish(
        &self,
        input: &BuildInput,
        sandbox: &Sandbox,
        log: &mut Log,
        started: Instant,
    ) -> Result<BuildRecord, Failure> {
        let instance = &input.instance;
        let target = self.places.instance_dir(instance);
        let parent = target.parent().unwrap_or(&target);
        fs_err::create_dir_all(parent)?;
        let staging =
            tempfile::Builder::new().prefix(&format!(".tmp_{}_", instance.arch)).tempdir_in(parent)?;
        let module_dir = staging.path().join("module");
        fs_err::create_dir_all(&module_dir)?;
        fs_err::create_dir_all(staging.path().join("log"))?;

        let records = self.records(&input.directives, &input.excluded);
        let mut files = Vec::new();
        for record in &records {
            let built = self.produced(input, sandbox, record, log)?;
            let file = module_dir.join(format!("{}.ko", record.dest_name));
            fs_err::copy(&built, &file)?;
            files.push((file, record.strip));
        }
        self.strip(input, &files)?;
        let method = self.signing_method(instance, input.sig_hash.as_deref())?;
        let mut signature = None;
        for (file, _) in &files {
            signature = Some(self.sign(&method, instance, file)?);
            self.compress(file, input.compression)?;
        }
        let symvers = sandbox.scratch.join("Module.symvers");
        if symvers.symlink_metadata().is_ok_and(|m| m.is_file()) {
            fs_err::copy(&symvers, module_dir.join("Module.symvers"))?;
        }
        use std::os::unix::fs::PermissionsExt;
        for dir in [staging.path(), &module_dir, &staging.path().join("log")] {
            fs_err::set_permissions(dir, std::fs::Permissions::from_mode(0o755))?;
        }
        let record = BuildRecord {
            version: 1,
            key: input.key.clone(),
            adopted: false,
            directives: input.directives.clone(),
            conf: input.conf.clone(),
            isolation: Some(self.sandbox.isolation()),
            signature: signature.or(Some(Signature::Unsigned("it has no modules".into()))),
            milliseconds: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            refused: None,
        };
        self.post_build(input, sandbox, log, staging.path())?;
        fs_err::copy(&log.path, staging.path().join("log/make.log"))?;
        let text = serde_json::to_vec_pretty(&record).map_err(std::io::Error::from)?;
        fs_err::write(staging.path().join(RECORD), text)?;
        replace(staging, &target)?;
        Ok(record)
    }

    /// POST_BUILD finds the instance where it will be, and may add to it.
    fn post_build(
        &self,
        input: &BuildInput,
        sandbox: &Sandbox,
        log: &mut Log,
        staging: &Path,
    ) -> Result<(), Failure> {
        let Some(script) = input.directives.post_build.as_deref() else { return Ok(()) };
        let place = self.places.instance_dir(&input.instance);
        let Some(owner) = self.sandbox.owner() else {
            // Without mounts, the instance has to be there for the time of the script.
            let old = replace_with_link(staging, &place)?;
            let result = self.run_script(input, sandbox, log, "POST_BUILD", Some(script));
            remove_if_there(&place)?;
            if let Some(old) = old {
                fs_err::rename(old, &place)?;
            }
            return result.map(|_| ());
        };
        chown_tree(staging, owner)?;
        let sandbox = Sandbox { staged: Some((staging.to_path_buf(), place)), ..sandbox.clone() };
        let result = self.run_script(input, &sandbox, log, "POST_BUILD", Some(script));
        chown_tree(staging, (0, 0))?;
        result.map(|_| ())
    }

    /// The module that make produced for a record, never one outside the build directory.
    fn produced(
        &self,
        input: &BuildInput,
        sandbox: &Sandbox,
        record: &Record,
        log: &Log,
    ) -> Result<PathBuf, Failure> {
        let file = format!("{}{}.ko", record.built_location, record.built_name);
        let missing = || Failure::NotProduced {
            module: input.instance.module.clone(),
            kernel: input.instance.kernel.clone(),
            file: file.clone(),
            log: self.inside(&log.path),
        };
        // The build ran unprivileged: a link of its making must not have root read anything else.
        let scratch = fs_err::canonicalize(&sandbox.scratch)?;
        let place = std::fs::canonicalize(scratch.join(&file)).map_err(|_| missing())?;
        if place.starts_with(&scratch) && place.is_file() { Ok(place) } else { Err(missing()) }
    }

    fn strip(&self, input: &BuildInput, files: &[(PathBuf, bool)]) -> Result<(), Failure> {
        let files: Vec<_> = files.iter().filter(|(_, strip)| *strip).map(|(file, _)| file).collect();
        let name = if input.toolchain.cc.as_deref() == Some("clang") { "llvm-strip" } else { "strip" };
        let (false, Some(strip)) = (files.is_empty(), self.environment.program(name)) else { return Ok(()) };
        let output = process::output(Command::new(strip).arg("-g").args(&files))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            self.sink.event(&Event::Note {
                text: &format!(
                    "{name} failed for {}, which keeps its debugging symbols: {}",
                    input.instance.module,
                    said.trim()
                ),
            });
        }
        Ok(())
    }

    fn compress(&self, file: &Path, compression: Compression) -> Result<(), Failure> {
        if compression != Compression::None {
            let packed = compression.compress(&fs_err::read(file)?)?;
            fs_err::write(file.with_extension(format!("ko{}", compression.suffix())), packed)?;
            fs_err::remove_file(file)?;
        }
        Ok(())
    }

    fn diagnosis(&self, input: &BuildInput, log: &mut Log) -> Option<crate::model::Diagnosis> {
        let mut text = Vec::new();
        log.file.seek(SeekFrom::Start(0)).ok()?;
        log.file.read_to_end(&mut text).ok()?;
        let build_dir = self.places.build_dir_inside(&input.instance.module);
        diagnose(&String::from_utf8_lossy(&text), &build_dir.display().to_string())
    }

    /// What an earlier failure left in `T/M/V/build` goes with the last of the module's failures.
    fn tidy_up(&self, instance: &Instance) -> Result<(), Failure> {
        let module = &instance.module;
        remove_if_there(&self.places.failure_record(instance))?;
        let failed = self.places.state("failed").join(&module.name).join(&module.version);
        let log = self.places.failure_log(instance);
        remove_if_there(&log)?;
        if let Some(dir) = log.parent() {
            remove_empty_upwards(dir, &self.places.state("failed"));
        }
        if !failed.exists() {
            clear(&self.places.build_dir(module))?;
        }
        Ok(())
    }

    /// Leaves the build directory and its log where people look for them.
    fn keep_failed(&self, input: &BuildInput, scratch: &Path, log: &mut Log) -> Result<(), Failure> {
        let build_dir = self.places.build_dir(&input.instance.module);
        if scratch != build_dir {
            let turn = self.turn(&input.instance);
            let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
            chown_tree(scratch, (0, 0))?;
            clear(&build_dir)?;
            for entry in fs_err::read_dir(scratch)? {
                let entry = entry?;
                fs_err::rename(entry.path(), build_dir.join(entry.file_name()))?;
            }
            remove_tree_if_there(scratch)?;
        }
        let text = fs_err::read(&log.path)?;
        write_atomically(&build_dir.join("make.log"), &text, 0o644, None)?;
        Ok(())
    }

    fn remember(&self, input: &BuildInput, failure: &Failure, place: &Path) -> Result<(), Failure> {
        let (diagnosis, log) = match failure {
            Failure::BuildFailed { diagnosis, log, .. } => (diagnosis.clone(), Some(log)),
            Failure::NotProduced { log, .. } | Failure::PatchRejected { log, .. } => (None, Some(log)),
            Failure::ScriptFailed { log, .. } => (None, log.as_ref()),
            Failure::BadPatch { .. } => (None, None),
            // Disk full, a missing key, a signal: not the sources' fault, so the next run may try again.
            _ => return Ok(()),
        };
        let record = FailureRecord {
            version: 1,
            instance: input.instance.clone(),
            key: input.key.clone(),
            code: failure.exit_code(),
            message: failure.to_string(),
            diagnosis,
            log: log.cloned().unwrap_or_else(|| self.inside(&self.places.failure_log(&input.instance))),
            time: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()),
        };
        let text = serde_json::to_vec_pretty(&record).map_err(std::io::Error::from)?;
        Ok(write_atomically(place, &text, 0o644, None)?)
    }

    /// A place on the machine as a path inside the root.
    pub(super) fn inside(&self, place: &Path) -> PathBuf {
        Path::new("/").join(place.strip_prefix(self.places.root.dir()).unwrap_or(place))
    }
}

fn check_source(input: &BuildInput) -> Result<(), Failure> {
    // A dkms.conf alone builds nothing.
    if fs_err::read_dir(&input.source)?.take(2).count() < 2 {
        return Err(Failure::EmptySource { path: input.source.clone() });
    }
    Ok(())
}

/// Empties a directory without removing it: it is the mount point of every other build of the module, and removing a
/// mount point unmounts it in the sandboxes too.
fn clear(dir: &Path) -> Result<(), Failure> {
    for entry in std::fs::read_dir(dir).into_iter().flatten() {
        let path = entry?.path();
        if path.symlink_metadata()?.is_dir() {
            fs_err::remove_dir_all(path)?;
        } else {
            fs_err::remove_file(path)?;
        }
    }
    Ok(())
}

/// The exported variables of contract 2.6.
fn exports(input: &BuildInput) -> Vec<(String, String)> {
    let Instance { module, kernel, arch } = &input.instance;
    let mut all = vec![
        ("module".to_string(), module.name.clone()),
        ("module_version".to_string(), module.version.clone()),
        ("kernelver".to_string(), kernel.to_string()),
        ("arch".to_string(), arch.to_string()),
    ];
    for (value, names) in
        [(&input.toolchain.cc, ["CC", "KERNEL_CC"]), (&input.toolchain.ld, ["LD", "KERNEL_LD"])]
    {
        if let Some(value) = value {
            all.extend(names.map(|name| (name.to_string(), value.clone())));
        }
    }
    // A package built upon in the same run has its file only by now.
    let symbols: Vec<_> = input.extra_symbols.iter().filter(|path| path.is_file()).collect();
    if !symbols.is_empty() {
        let files: Vec<_> = symbols.iter().map(|p| p.display().to_string()).collect();
        all.push(("KBUILD_EXTRA_SYMBOLS".to_string(), files.join(" ")));
    }
    all
}

/// Puts a staged directory in a place, in one step also where there is one already.
fn replace(staging: tempfile::TempDir, target: &Path) -> Result<(), Failure> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    let staged = staging.path().to_path_buf();
    if target.symlink_metadata().is_err() {
        fs_err::rename(&staged, target)?;
        let _moved = staging.keep();
    } else {
        // The old build leaves with the temporary directory.
        renameat_with(CWD, &staged, CWD, target, RenameFlags::EXCHANGE).map_err(std::io::Error::from)?;
    }
    if let Some(parent) = target.parent() {
        crate::install::files::sync_directory(parent)?;
    }
    Ok(())
}

/// Makes `place` lead to `staging`; what was there is moved aside and its new place returned.
fn replace_with_link(staging: &Path, place: &Path) -> Result<Option<PathBuf>, Failure> {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    let aside = place.with_file_name(format!(".tmp_{name}_aside"));
    let old = place.symlink_metadata().is_ok();
    if old {
        fs_err::rename(place, &aside)?;
    }
    fs_err::os::unix::fs::symlink(staging, place)?;
    Ok(old.then_some(aside))
}

fn chown_tree(dir: &Path, (user, group): (u32, u32)) -> Result<(), Failure> {
    let at = |path: &Path| {
        std::os::unix::fs::lchown(path, Some(user), Some(group))
            .map_err(|e| std::io::Error::new(e.kind(), format!("{}: {e}", path.display())))
    };
    at(dir)?;
    for entry in fs_err::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            chown_tree(&entry.path(), (user, group))?;
        } else {
            at(&entry.path())?;
        }
    }
    Ok(())
}
