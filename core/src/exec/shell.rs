//! A bash that can read and compute, and nothing else.

use super::confine::{Confinement, Files, confine_thread};
use crate::config::shell::{Shell, ShellError, ShellJob, ShellOutput, Task, parse_report};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Resource, Rlimit, Signal};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// More than any report holds.
const OUTPUT_LIMIT: usize = 4 << 20;
/// Enough of stderr to say what went wrong.
const NOTES_LIMIT: usize = 64 << 10;
/// Linux's limit for one argument of a program.
const PROGRAM_LIMIT: usize = 128 << 10;

/// Evaluates in `bash --norc --noprofile`, confined by Landlock and seccomp, with limits of time, memory and file
/// size, an environment of `PATH` and `LANG=C` and nothing to write to but `/dev/null`.
///
/// A file that leaves processes behind has them killed. Where the kernel cannot confine, the file is evaluated
/// nevertheless, as DKMS would, and [`Self::confinement`] says so.
#[derive(Debug)]
pub struct ConfinedBash {
    program: PathBuf,
    system: Vec<PathBuf>,
    scratch: Option<PathBuf>,
    limit: Duration,
    confinement: OnceLock<Confinement>,
}

impl Default for ConfinedBash {
    fn default() -> Self {
        let system = [
            "/usr",
            "/bin",
            "/sbin",
            "/lib",
            "/lib32",
            "/lib64",
            "/libx32",
            "/etc",
            "/opt",
            "/boot",
            "/proc",
            "/sys",
            "/var/lib/dkms",
        ];
        Self {
            program: PathBuf::from("bash"),
            system: system.iter().map(PathBuf::from).collect(),
            scratch: None,
            limit: Duration::from_secs(10),
            confinement: OnceLock::new(),
        }
    }
}

impl ConfinedBash {
    /// Ten seconds for each evaluation.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another time limit.
    #[must_use]
    pub fn with_limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// A directory in which a private one may be made for here-documents that do not fit in a pipe (bash writes
    /// those to `TMPDIR`). Without it such a here-document is empty.
    #[must_use]
    pub fn with_scratch(self, directory: impl Into<PathBuf>) -> Self {
        Self { scratch: Some(directory.into()), ..self }
    }

    /// What confined the evaluations so far; `None` before the first.
    pub fn confinement(&self) -> Option<&Confinement> {
        self.confinement.get()
    }

    /// A private directory, if the file may hold here-documents.
    fn scratch_for(&self, job: &ShellJob) -> Option<tempfile::TempDir> {
        let Task::Source(path) = &job.task else { return None };
        let text = fs_err::read(path).ok()?;
        let here_document = text.windows(2).any(|pair| pair == b"<<");
        tempfile::Builder::new()
            .prefix("evermod-")
            .tempdir_in(self.scratch.as_ref().filter(|_| here_document)?)
            .ok()
    }

    fn start(&self, job: &ShellJob, scratch: Option<&tempfile::TempDir>) -> Result<Child, ShellError> {
        // The child begins when its stdin ends, which is when its limits have been set.
        let program = format!("read -r __evermod_go\n{}", job.program());
        if program.len() >= PROGRAM_LIMIT {
            return Err(ShellError::TooLarge { size: program.len() });
        }
        let mut files = Files { read: self.system.clone(), write: Vec::new() };
        files.read.extend(job.readable.iter().cloned());
        files.read.push(job.directory.clone());
        let mut command = Command::new(&self.program);
        command
            .args(["--norc", "--noprofile", "-c"])
            .arg(program)
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LANG", "C")
            .current_dir(if job.directory.is_dir() { job.directory.as_path() } else { "/".as_ref() })
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        if let Some(scratch) = scratch {
            command.env("TMPDIR", scratch.path());
            files.write.push(scratch.path().to_path_buf());
        }
        // Confinement belongs to a thread and its children, so a thread of its own starts the child.
        let launcher = std::thread::Builder::new().name("launcher".to_string()).spawn(move || {
            let confinement = confine_thread(&files);
            (confinement, command.spawn())
        })?;
        let (confinement, child) =
            launcher.join().map_err(|_| std::io::Error::other("the launching thread broke"))?;
        let _ = self.confinement.set(confinement);
        child.map_err(|source| ShellError::Start { program: self.program.clone(), source })
    }
}

impl Shell for ConfinedBash {
    fn evaluate(&self, job: &ShellJob) -> Result<ShellOutput, ShellError> {
        let scratch = self.scratch_for(job);
        let child = self.start(job, scratch.as_ref())?;
        let ended = Running::new(child, self.limit).finish()?;
        if let Some(signal) = ended.signal {
            return Err(ShellError::Killed { signal, notes: ended.notes });
        }
        let report = parse_report(&ended.stdout)?;
        let mut notes = ended.notes;
        if report.lossy {
            notes.push("some values are not UTF-8; their bytes were replaced".to_string());
        }
        // Half a report means that the file's own output came after it, or a trap: nothing to rely on.
        let vars = if report.complete { report.vars } else { Default::default() };
        Ok(ShellOutput { vars, exited: if report.complete { None } else { Some(ended.status) }, notes })
    }
}

/// A child with its deadline.
struct Running {
    child: Child,
    group: Option<Pid>,
    deadline: Instant,
    limit: Duration,
}

/// What a child left.
struct Ended {
    stdout: Vec<u8>,
    notes: Vec<String>,
    status: i32,
    signal: Option<i32>,
}

impl Running {
    fn new(mut child: Child, limit: Duration) -> Self {
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        // The child may not change its own limits, so they are set from here.
        let limits = [
            (Resource::Core, 0),
            (Resource::Cpu, limit.as_secs().max(1)),
            (Resource::Fsize, 8 << 20),
            (Resource::As, 2 << 30),
            (Resource::Nofile, 256),
        ];
        for (resource, most) in limits {
            let most = Rlimit { current: Some(most), maximum: Some(most) };
            // A child that has already ended needs no limits; a stricter one that is set already stays.
            let _ = rustix::process::prlimit(group, resource, most);
        }
        drop(child.stdin.take());
        Self { child, group, deadline: Instant::now() + limit, limit }
    }

    fn kill(&mut self) {
        if let Some(group) = self.group {
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
    }

    fn finish(mut self) -> Result<Ended, ShellError> {
        let mut out = self.child.stdout.take();
        let mut err = self.child.stderr.take();
        let pidfd = self.group.and_then(|pid| rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok());
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let mut deadline = self.deadline;
        let mut over = false;
        while out.is_some() || err.is_some() || !over {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                if over {
                    // Something outlived its group and holds the pipe; what was read is all there is.
                    break;
                }
                self.kill();
                self.child.wait()?;
                return Err(ShellError::TimedOut { seconds: self.limit.as_secs(), notes: lines(&stderr) });
            }
            // Without a pidfd (before Linux 5.3) the end is looked for now and then.
            let wait = if over || pidfd.is_some() { left } else { left.min(Duration::from_millis(5)) };
            let (out_ready, err_ready, ended) = {
                let mut fds = Vec::with_capacity(3);
                let mut watch = |fd| {
                    fds.push(PollFd::from_borrowed_fd(fd, PollFlags::IN));
                    fds.len() - 1
                };
                let out_at = out.as_ref().map(|pipe| watch(pipe.as_fd()));
                let err_at = err.as_ref().map(|pipe| watch(pipe.as_fd()));
                let pid_at = pidfd.as_ref().filter(|_| !over).map(|fd| watch(fd.as_fd()));
                let timeout =
                    Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) };
                match poll(&mut fds, Some(&timeout)) {
                    Ok(_) | Err(rustix::io::Errno::INTR) => {}
                    Err(error) => {
                        self.kill();
                        return Err(std::io::Error::from(error).into());
                    }
                }
                let ready = |at: Option<usize>| {
                    at.and_then(|at| fds.get(at)).is_some_and(|fd| !fd.revents().is_empty())
                };
                (ready(out_at), ready(err_at), ready(pid_at))
            };
            if out_ready && !read_some(&mut out, &mut stdout, OUTPUT_LIMIT + 1)? {
                out = None;
            }
            if err_ready && !read_some(&mut err, &mut stderr, NOTES_LIMIT)? {
                err = None;
            }
            if stdout.len() > OUTPUT_LIMIT {
                self.kill();
                self.child.wait()?;
                return Err(ShellError::TooMuch { limit: OUTPUT_LIMIT });
            }
            let ended = ended || (pidfd.is_none() && !over && self.child.try_wait()?.is_some());
            if ended {
                // The leader is still a zombie here (with a pidfd), so its group's number is nobody else's.
                self.kill();
                over = true;
                deadline = Instant::now() + Duration::from_secs(1);
            }
        }
        let status = self.child.wait()?;
        Ok(Ended {
            stdout,
            notes: lines(&stderr),
            status: status.code().unwrap_or(-1),
            signal: status.signal(),
        })
    }
}

/// Reads what is there; false at the end. Beyond `most` bytes the rest is read and dropped.
fn read_some(
    pipe: &mut Option<impl std::io::Read>,
    into: &mut Vec<u8>,
    most: usize,
) -> std::io::Result<bool> {
    let Some(pipe) = pipe else { return Ok(false) };
    let mut buffer = [0; 16 << 10];
    match pipe.read(&mut buffer) {
        Ok(0) => Ok(false),
        Ok(length) => {
            let room = most.saturating_sub(into.len()).min(length);
            into.extend_from_slice(buffer.get(..room).unwrap_or_default());
            Ok(true)
        }
        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => Ok(true),
        Err(error) => Err(error),
    }
}

fn lines(stderr: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(stderr)
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(str::to_string)
        .collect()
}
