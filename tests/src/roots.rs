//! A Debian root with a throw-away upper layer, held open for as long as the value lives.
//!
//! `tests/roots/make.sh` makes and caches the roots; `enter.sh --hold` mounts one in namespaces of its own and waits.
//! Commands join those namespaces; when the value is dropped the last process ends and every mount vanishes.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::top;

/// What a command inside a root did.
#[derive(Debug, Clone)]
pub struct Output {
    /// Exit code; 128 + n where signal n ended it.
    pub status: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// Wall-clock time.
    pub took: Duration,
}

impl Output {
    /// The output itself where the exit code is 0.
    ///
    /// # Errors
    /// Fails with the code and everything that was printed.
    pub fn ok(self) -> Result<Self> {
        ensure!(
            self.status == 0,
            "exit code {}\nstdout:\n{}\nstderr:\n{}",
            self.status,
            self.stdout,
            self.stderr
        );
        Ok(self)
    }

    /// Both streams, one after the other.
    #[must_use]
    pub fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// How long a command may take where nothing else is said.
const LIMIT: Duration = Duration::from_secs(20 * 60);

/// How a root is entered.
#[derive(Debug, Clone)]
pub struct Entry {
    root: String,
    network: bool,
    size: String,
    limit: Duration,
}

impl Entry {
    /// The root made by `tests/roots/recipes/<root>.sh`.
    #[must_use]
    pub fn new(root: &str) -> Self {
        Self { root: root.to_owned(), network: false, size: "8g".to_owned(), limit: LIMIT }
    }

    /// Leaves the network there; without this a test proves that it works offline.
    #[must_use]
    pub fn online(mut self) -> Self {
        self.network = true;
        self
    }

    /// Size of the file system that takes the writes, as mount(8) writes it.
    #[must_use]
    pub fn size(mut self, size: &str) -> Self {
        size.clone_into(&mut self.size);
        self
    }

    /// How long one command may take; 20 minutes where nothing is said.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Opens the root and installs evermod's package in it with apt. `None` where the package has not been made.
    ///
    /// # Errors
    /// Fails where apt does.
    pub fn with_evermod(self) -> Result<Option<Overlay>> {
        let Some(package) = evermod_package()? else {
            return Ok(None);
        };
        let overlay = self.open()?;
        install_evermod(&overlay, &package)?;
        Ok(Some(overlay))
    }

    /// Makes the root where the cache has none, and opens it.
    ///
    /// # Errors
    /// Fails where the recipe fails or a mount is refused.
    pub fn open(self) -> Result<Overlay> {
        let scripts = top().join("tests/roots");
        let made = Command::new(scripts.join("make.sh"))
            .arg(&self.root)
            .stderr(Stdio::inherit())
            .output()
            .context("tests/roots/make.sh")?;
        ensure!(made.status.success(), "the root {} could not be made", self.root);
        let layers = String::from_utf8(made.stdout)?;

        let mut command = Command::new(scripts.join("enter.sh"));
        command.args(["--hold", "--size", &self.size]);
        if !self.network {
            command.arg("--offline");
        }
        let mut keeper = command
            .arg(layers.trim())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("tests/roots/enter.sh")?;
        let stdin = keeper.stdin.take();
        let stdout = keeper.stdout.take().context("the keeper's output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let pid =
            line.trim().parse().with_context(|| format!("the root {} could not be entered", self.root))?;
        Ok(Overlay { keeper, stdin, pid, limit: self.limit })
    }
}

/// An entered root.
#[derive(Debug)]
pub struct Overlay {
    keeper: Child,
    stdin: Option<ChildStdin>,
    pid: u32,
    limit: Duration,
}

impl Overlay {
    /// Opens a root without the network.
    ///
    /// # Errors
    /// See [`Entry::open`].
    pub fn new(root: &str) -> Result<Self> {
        Entry::new(root).open()
    }

    /// Opens a root without the network, with evermod installed.
    ///
    /// # Errors
    /// See [`Entry::with_evermod`].
    pub fn with_evermod(root: &str) -> Result<Option<Self>> {
        Entry::new(root).with_evermod()
    }

    /// The host's path of a file inside. Absolute links on the way lead out: see [`Overlay::read`].
    #[must_use]
    pub fn path(&self, inside: &str) -> PathBuf {
        Path::new("/proc").join(self.pid.to_string()).join("root").join(inside.trim_start_matches('/'))
    }

    /// The network that the programs inside see, as setns(2) takes it.
    #[must_use]
    pub fn network(&self) -> PathBuf {
        Path::new("/proc").join(self.pid.to_string()).join("ns/net")
    }

    /// Runs a program inside, for as long as [`Entry::limit`] lets it.
    ///
    /// # Errors
    /// Fails where the program cannot be started, not where it fails.
    pub fn run(&self, argv: &[&str]) -> Result<Output> {
        let started = Instant::now();
        let pid = self.pid.to_string();
        let output = Command::new("nsenter")
            .args(["--target", &pid, "--mount", "--pid", "--ipc", "--net", "--root", "--wd", "--"])
            .args([
                "/usr/bin/env",
                "-i",
                "HOME=/root",
                "TERM=dumb",
                "LANG=C.UTF-8",
                "DEBIAN_FRONTEND=noninteractive",
            ])
            .arg("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .args(["timeout", "-k", "10", &self.limit.as_secs().to_string()])
            .args(argv)
            .stdin(Stdio::null())
            .output()
            .context("nsenter")?;
        Ok(Output {
            status: code(output.status),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            took: started.elapsed(),
        })
    }

    /// Runs a bash script inside.
    ///
    /// # Errors
    /// See [`Overlay::run`].
    pub fn sh(&self, script: &str) -> Result<Output> {
        self.run(&["bash", "-c", script])
    }

    /// Reads a file as the programs inside would, absolute links included.
    ///
    /// # Errors
    /// Fails where there is no such file.
    pub fn read(&self, inside: &str) -> Result<String> {
        Ok(self.run(&["cat", "--", inside])?.ok().with_context(|| inside.to_owned())?.stdout)
    }

    /// Whether the path exists inside.
    ///
    /// # Errors
    /// See [`Overlay::run`].
    pub fn exists(&self, inside: &str) -> Result<bool> {
        Ok(self.run(&["test", "-e", inside])?.status == 0)
    }

    /// Copies a file or a directory of the host into the root.
    ///
    /// # Errors
    /// Fails where cp(1) does.
    pub fn copy_in(&self, host: &Path, inside: &str) -> Result<()> {
        copy(host, &self.path(inside))
    }

    /// Copies a file or a directory out of the root.
    ///
    /// # Errors
    /// Fails where cp(1) does.
    pub fn copy_out(&self, inside: &str, host: &Path) -> Result<()> {
        copy(&self.path(inside), host)
    }

    /// The kernels that the root was made with, oldest first.
    ///
    /// # Errors
    /// Fails in a root without kernels.
    pub fn kernels(&self) -> Result<Vec<String>> {
        Ok(self.read("/etc/test-kernels")?.lines().map(str::to_owned).collect())
    }
}

impl Drop for Overlay {
    fn drop(&mut self) {
        // The keeper leaves at the end of its input; the kernel then ends whatever else runs inside.
        drop(self.stdin.take());
        // Nothing can be done here about a keeper that is already gone.
        let _ = self.keeper.wait();
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let output = Command::new("cp").args(["-aT", "--"]).arg(from).arg(to).output().context("cp")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

fn code(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

/// A state in which there is something to compare, so that a command in the script that failed is no equality.
pub(crate) fn whole(state: String) -> Result<String> {
    ensure!(state.lines().count() > 1000, "there is nothing to compare: {state}");
    Ok(state)
}

/// Installs evermod's package with apt, as a person would.
///
/// # Errors
/// Fails where apt does.
pub fn install_evermod(root: &Overlay, package: &Path) -> Result<()> {
    root.copy_in(package, "/tmp/evermod.deb")?;
    root.sh("apt-get install -y -q --no-install-recommends /tmp/evermod.deb")?.ok()?;
    Ok(())
}

/// The newest `evermod_*.deb` that `make deb` made.
///
/// # Errors
/// Fails where the directory cannot be read.
pub fn evermod_package() -> Result<Option<PathBuf>> {
    newest_package("evermod_", ".deb")
}

/// The newest package that was made whose name begins and ends so.
///
/// # Errors
/// Fails where the directory cannot be read.
pub fn newest_package(begin: &str, end: &str) -> Result<Option<PathBuf>> {
    let dist = top().join("target/dist");
    if !dist.is_dir() {
        return Ok(None);
    }
    let mut newest = None;
    for entry in fs_err::read_dir(dist)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if name.starts_with(begin) && name.ends_with(end) {
            let modified = fs_err::metadata(&path)?.modified()?;
            newest = newest.max(Some((modified, path)));
        }
    }
    Ok(newest.map(|(_, path)| path))
}

/// The cache of roots and downloads, as `tests/roots/lib.sh` has it.
///
/// # Errors
/// Fails where the environment names no place for it.
pub fn cache() -> Result<PathBuf> {
    let from = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    from("EVERMOD_CACHE")
        .or_else(|| from("XDG_CACHE_HOME").map(|d| d.join("evermod-tests")))
        .or_else(|| from("HOME").map(|d| d.join(".cache/evermod-tests")))
        .context("neither EVERMOD_CACHE nor XDG_CACHE_HOME nor HOME is set")
}
