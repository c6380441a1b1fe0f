//! Weak modules: the programs of Red Hat's and SUSE's families that link a module into the other kernels it fits (contract 4.6).

use super::environment::{Environment, is_executable};
use super::process;
use super::session::Session;
use crate::config::Distribution;
use crate::model::{Directives, Instance};
use crate::places::Places;
use crate::report::Event;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Which program there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WeakTool {
    /// `weak-modules`: takes the files' names on standard input.
    RedHat(PathBuf),
    /// `weak-modules2`: takes the kernel.
    Suse(PathBuf),
}

/// The distribution's program, where it is there and nobody forbids it by `NO_WEAK_MODULES` in the environment.
pub fn weak_tool(
    places: &Places,
    distribution: &Distribution,
    environment: &Environment,
) -> Option<WeakTool> {
    let forbidden = environment.variables.get("NO_WEAK_MODULES").map(String::as_str).unwrap_or_default();
    if !places.root.is_host() || !matches!(forbidden.to_ascii_lowercase().as_str(), "" | "no") {
        return None;
    }
    let there = |path: &str| Some(PathBuf::from(path)).filter(|path| is_executable(path));
    // DKMS leaves out Red Hat's own system by an oversight: its name among the families is `fedora`.
    if distribution.is_like(&["rhel", "centos", "fedora"]) {
        there("/usr/sbin/weak-modules").map(WeakTool::RedHat)
    } else if distribution.is_like(&["sles", "suse", "opensuse"]) {
        there("/usr/lib/module-init-tools/weak-modules2").map(WeakTool::Suse)
    } else {
        None
    }
}

/// Whether modules come or go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// They have been installed.
    Added,
    /// They are about to be deleted.
    Removed,
}

impl Session<'_> {
    /// Tells the distribution's program that these files come or go. That it fails is told and fails nothing else: the
    /// module is in place for its own kernel.
    pub(super) fn weak_modules(
        &self,
        instance: &Instance,
        directives: &Directives,
        change: Change,
        files: &[PathBuf],
    ) {
        if directives.no_weak_modules || files.is_empty() {
            return;
        }
        let (mut command, input) = match &self.settings.weak_modules {
            Some(WeakTool::RedHat(program)) => {
                let mut command = Command::new(program);
                let what = if change == Change::Added { "--add-modules" } else { "--remove-modules" };
                command.args(["--no-initramfs", what]);
                (command, files.iter().map(|file| format!("{}\n", file.display())).collect::<String>())
            }
            // It finds what has gone by itself at the next call.
            Some(WeakTool::Suse(program)) if change == Change::Added => {
                let mut command = Command::new(program);
                command.args(["--add-kernel-modules", instance.kernel.as_str()]);
                (command, String::new())
            }
            _ => return,
        };
        self.show(&process::text(&command));
        let ended = (|| {
            let mut child =
                command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
            if let Some(mut stdin) = child.stdin.take() {
                // A program that reads nothing closes its end.
                let _ = stdin.write_all(input.as_bytes());
            }
            child.wait()
        })();
        let problem = match ended {
            Ok(status) if status.success() => return,
            Ok(status) => format!("failed with status {}", process::code(status)),
            Err(error) => format!("cannot be run: {error}"),
        };
        let program = command.get_program().to_string_lossy().into_owned();
        let text = format!("{program} {problem}; other kernels may not get {} by a link.", instance.module);
        self.sink.event(&Event::Note { text: &text });
    }
}
