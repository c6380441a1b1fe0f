//! Runs a build's commands: in bubblewrap where it can be had, all under one job server.

use super::build_environment::{UNSET, speak_english};
use super::environment::Environment;
use super::namespace;
use super::process;
use crate::build::{Program, Sandbox, User, has_started, log};
use crate::model::{Failure, Instance, Isolation, SandboxMode};
use crate::report::{Event, Sink};
use command_fds::CommandFdExt;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Instant;

/// A user that owns nothing; Debian, Fedora and Arch all have it under this id.
const NOBODY: (u32, u32) = (65534, 65534);

/// How builds are kept apart from the machine, found out once per run.
#[derive(Debug)]
pub struct SandboxRunner {
    isolation: Mutex<Isolation>,
    mode: SandboxMode,
    bwrap: Option<PathBuf>,
    user: User,
}

/// One program and what surrounds it.
#[derive(Debug)]
pub struct Job<'a> {
    /// What is run.
    pub program: Program,
    /// What the log calls it.
    pub description: &'a str,
    /// The command as the log shows it.
    pub shown: &'a str,
    /// Exported variables.
    pub exports: &'a [(String, String)],
    /// The caller's PATH, where nothing else of his environment is to be there.
    pub only_path: Option<&'a str>,
    /// Where it runs and what it may touch.
    pub sandbox: Sandbox,
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With this status.
    Status(i32),
    /// bubblewrap could not make its namespaces; nothing was run.
    NoSandbox,
}

impl SandboxRunner {
    /// Looks for bubblewrap and what it needs.
    pub fn find(environment: &Environment, mode: SandboxMode) -> Self {
        let bwrap = environment.program("bwrap");
        let (id, group) = NOBODY;
        let user = if namespace::has_user(id) { User::Switched(id, group) } else { User::Mapped(id, group) };
        let why = if mode == SandboxMode::Off {
            Some("switched off by the caller")
        } else if !environment.is_root {
            Some("not run as root")
        } else if bwrap.is_none() {
            Some("bubblewrap is not installed")
        } else if matches!(user, User::Switched(..)) && environment.program("setpriv").is_none() {
            Some("setpriv is not installed")
        } else {
            None
        };
        let isolation = why.map_or(Isolation::Bubblewrap, |why| Isolation::None { why: why.into() });
        Self { isolation: Mutex::new(isolation), mode, bwrap, user }
    }

    /// What can be had at this moment.
    pub fn isolation(&self) -> Isolation {
        self.isolation.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Refuses to build without a sandbox where one is required.
    ///
    /// # Errors
    /// It is required and cannot be had.
    pub fn check(&self, instance: &Instance) -> Result<(), Failure> {
        match self.isolation() {
            Isolation::None { why } if self.mode == SandboxMode::Required => Err(Failure::NoSandbox {
                module: instance.module.clone(),
                kernel: instance.kernel.clone(),
                why,
            }),
            _ => Ok(()),
        }
    }

    /// What a build had that began as this user: another may have found out since that there is no sandbox.
    pub fn isolation_of(&self, user: Option<User>) -> Isolation {
        user.map_or_else(|| self.isolation(), |_| Isolation::Bubblewrap)
    }

    /// Whom builds run as in the sandbox, where there is one.
    pub fn user(&self) -> Option<User> {
        (self.isolation() == Isolation::Bubblewrap).then_some(self.user)
    }

    /// From now on, build without.
    pub fn give_up(&self, why: &str, sink: &dyn Sink) {
        let mut isolation = self.isolation.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *isolation == Isolation::Bubblewrap {
            *isolation = Isolation::None { why: why.to_string() };
            if self.mode != SandboxMode::Required {
                sink.event(&Event::Note { text: &format!("Builds run as root without a sandbox: {why}.") });
            }
        }
    }

    /// Runs one job with its output in `log_file`.
    ///
    /// # Errors
    /// A program cannot be started.
    pub fn run(
        &self,
        job: &Job<'_>,
        jobs: &jobserver::Client,
        log_file: &mut File,
        sink: &dyn Sink,
    ) -> Result<Ended, Failure> {
        let bwrap = self.bwrap.as_ref().zip(job.sandbox.user);
        let text = job.program.text();
        let bash = ["--norc", "--noprofile", "-c", &text, "evermod"];
        let mut report = None;
        let mut command = match bwrap {
            Some((bwrap, user)) => {
                // A file without a name: a pipe would leak into the builds that other threads start at the same moment.
                let dir = job.sandbox.scratch.parent().unwrap_or(&job.sandbox.scratch);
                let file = tempfile::tempfile_in(dir)?;
                let inherited = OwnedFd::from(file.try_clone()?);
                let mut command = Command::new(bwrap);
                let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
                command
                    .args(job.sandbox.arguments(user, inherited.as_raw_fd(), &real))
                    .preserved_fds(vec![inherited]);
                report = Some(file);
                match &job.program {
                    Program::Make(words) => command.args(words),
                    Program::Bash(_) => command.arg("bash").args(bash),
                };
                command
            }
            None => {
                let mut command = Command::new("bash");
                command.args(bash).current_dir(&job.sandbox.build_dir);
                command
            }
        };
        command.stdin(Stdio::null());
        if let Some(path) = job.only_path {
            command.env_clear().envs([("PATH", path), ("HOME", "/tmp"), ("TZ", "UTC")]);
        }
        for name in UNSET {
            command.env_remove(name);
        }
        speak_english(&mut command);
        if bwrap.is_some() {
            // The host's are not there inside, or not the unprivileged user's.
            command.env("HOME", "/tmp").env_remove("TMPDIR").env_remove("XDG_RUNTIME_DIR");
            // Makefiles read it, and there may be no shell that sets it.
            command.env("PWD", &job.sandbox.build_dir);
        }
        command.envs(job.exports.iter().map(|(name, value)| (name, value)));
        command.stdout(log_file.try_clone()?).stderr(log_file.try_clone()?);
        jobs.configure_make(&mut command);
        let begin = log_file.metadata()?.len();
        log_file.write_all(log::entry(job.description, job.shown).as_bytes())?;
        let started = Instant::now();
        let status = process::status(&mut command)?;
        if let Some(mut report) = report {
            let mut text = String::new();
            report.rewind()?;
            report.read_to_string(&mut text)?;
            if !has_started(&text) {
                let why = tail_since(log_file, begin);
                self.give_up(&format!("bubblewrap cannot make one here ({why})"), sink);
                return Ok(Ended::NoSandbox);
            }
        }
        let code = process::code(status);
        log_file.write_all(log::entry_end(code, started.elapsed()).as_bytes())?;
        Ok(Ended::Status(code))
    }
}

/// The last line that was written to a log since `begin`.
fn tail_since(log_file: &File, begin: u64) -> String {
    use std::os::unix::fs::FileExt;
    let mut buffer = vec![0; 4096];
    let read = log_file.read_at(&mut buffer, begin).unwrap_or(0);
    buffer.truncate(read);
    let text = String::from_utf8_lossy(&buffer);
    text.lines().rev().find(|line| line.starts_with("bwrap")).unwrap_or("it said nothing").to_string()
}
