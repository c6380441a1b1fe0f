//! The commands of a build: patches, scripts and make, each in the sandbox.

use super::build::{BuildInput, Log};
use super::environment::is_executable;
use super::sandboxed::{Ended, Job};
use super::scripts::{compiler, told};
use super::session::Session;
use crate::build::{Sandbox, make_command, program, quoted, with_jobs};
use crate::model::{Failure, Patch};
use crate::pattern;
use crate::report::Event;
use std::path::{Component, Path};

impl Session<'_> {
    /// Patches, PRE_BUILD and make; false if the sandbox could not be made.
    pub(super) fn run_commands(
        &self,
        input: &BuildInput,
        sandbox: &Sandbox,
        log: &mut Log,
    ) -> Result<bool, Failure> {
        let BuildInput { instance, directives, .. } = input;
        let module = || instance.module.clone();
        let wanted =
            |p: &&Patch| p.matches.as_ref().is_none_or(|m| pattern::matches(m, instance.kernel.as_str()));
        for patch in directives.patches.iter().filter(wanted) {
            let bad = |why| Failure::BadPatch { name: patch.file.clone(), why };
            if Path::new(&patch.file).components().any(|c| !matches!(c, Component::Normal(_))) {
                return Err(bad("it leaves the patches directory"));
            }
            if !sandbox.scratch.join("patches").join(&patch.file).is_file() {
                return Err(bad("it is not in the patches directory"));
            }
            let command = format!("patch -p1 --batch < {}", quoted(&format!("patches/{}", patch.file)));
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
    pub(super) fn run_script(
        &self,
        input: &BuildInput,
        sandbox: &Sandbox,
        log: &mut Log,
        directive: &'static str,
        script: Option<&str>,
    ) -> Result<bool, Failure> {
        let Some(script) = script.filter(|s| !s.trim().is_empty()) else { return Ok(true) };
        let module = &input.instance.module;
        let of_administrator = self.administrators_script(module, script);
        let first = sandbox.scratch.join(script.split_whitespace().next().unwrap_or_default());
        if of_administrator.is_none() && !is_executable(&first) {
            let text = format!(
                "Warning: the {directive} script of {} is not there or not executable, so it is not run: {script}",
                input.instance.module
            );
            self.sink.event(&Event::Warning { text: &text });
            return Ok(true);
        }
        let command = match of_administrator.map(|dir| quoted(&dir.display().to_string())) {
            Some(dir) => format!("cd {dir} && {dir}/{script}"),
            None => format!("{}/{script}", self.places.build_dir_inside(module).display()),
        };
        match self.run(input, sandbox, log, &format!("Running the {directive} script"), &command)? {
            Ended::NoSandbox => Ok(false),
            Ended::Status(0) => Ok(true),
            Ended::Status(status) => Err(Failure::ScriptFailed {
                directive,
                module: input.instance.module.clone(),
                status,
                diagnosis: self.diagnosis(input, log),
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
        self.show(command);
        let date = self.settings.dates.get(&input.instance.kernel).copied();
        let job = Job {
            program: program(&input.variables, command).after(self.trace()),
            description,
            shown: command,
            exports: &exports(input, &self.build_environment(&input.instance)?, date),
            only_path: date
                .map(|_| self.environment.variables.get("PATH").map_or("/usr/bin:/bin", String::as_str)),
            sandbox: sandbox.clone(),
        };
        self.sandbox.run(&job, &self.jobs, &mut log.file, self.sink)
    }
}

/// The exported variables of contract 2.6; the administrator's count for more than what is known of the compiler.
/// With a `date`, what compilers and kbuild would say of time and place (reproducible-builds.org, kernel's
/// `Documentation/kbuild/reproducible-builds.rst`) is settled too.
fn exports(
    input: &BuildInput,
    administrators: &[(String, String)],
    date: Option<u64>,
) -> Vec<(String, String)> {
    let mut all = compiler(&input.toolchain);
    if let Some(date) = date {
        let date = date.to_string();
        let settled = [
            ("SOURCE_DATE_EPOCH", date.as_str()),
            ("KBUILD_BUILD_TIMESTAMP", &format!("@{date}")),
            ("KBUILD_BUILD_USER", "evermod"),
            ("KBUILD_BUILD_HOST", "localhost"),
        ];
        all.extend(settled.map(|(name, value)| (name.to_string(), value.to_string())));
    }
    all.extend(administrators.iter().cloned());
    all.extend(told(&input.instance));
    // A package built upon in the same run has its file only by now.
    let symbols: Vec<_> = input.extra_symbols.iter().filter(|path| path.is_file()).collect();
    if !symbols.is_empty() {
        let files: Vec<_> = symbols.iter().map(|p| p.display().to_string()).collect();
        all.push(("KBUILD_EXTRA_SYMBOLS".to_string(), files.join(" ")));
    }
    all
}
