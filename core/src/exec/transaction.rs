//! `post_transaction` of framework.conf: what the administrator wants done after modules have changed (contract 2.8).

use super::process;
use super::session::Session;
use crate::build::{log, quoted};
use crate::model::{Arch, Failure, KernelRelease};
use crate::report::Event;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::process::Command;
use std::time::Instant;

/// Name of its log, in the DKMS tree.
pub const LOG: &str = "post_transaction.log";

impl Session<'_> {
    /// Runs it once for each kernel whose modules have changed. That it fails is told and fails nothing else.
    pub fn post_transaction(&self, kernels: &BTreeSet<(KernelRelease, Arch)>) {
        // It would change the running system, not another root.
        let is_set = self.settings.framework.post_transaction.is_some() && self.places.root.is_host();
        if !is_set || kernels.is_empty() {
            return;
        }
        if let Err(failure) = self.run_post_transaction(kernels) {
            self.sink.event(&Event::Note { text: &format!("post_transaction could not be run: {failure}") });
        }
    }

    fn run_post_transaction(&self, kernels: &BTreeSet<(KernelRelease, Arch)>) -> Result<(), Failure> {
        let path = self.places.tree().join(LOG);
        // Truncated once for each run, as DKMS does for each kernel: what was done for the others stays to be read.
        let mut log_file = fs_err::File::create(&path)?.into_parts().0;
        for (kernel, arch) in kernels {
            let framework = self.framework_for(kernel, arch)?;
            let Some(command) = framework.post_transaction.as_deref() else { continue };
            let status = self.transaction_command(command, kernel, arch, &mut log_file)?;
            if status != 0 {
                let text = format!(
                    "post_transaction failed with status {status} for kernel {kernel}; the modules stay as they are. \
                     Log: {}",
                    self.inside(&path).display()
                );
                self.sink.event(&Event::Note { text: &text });
            }
        }
        Ok(())
    }

    fn transaction_command(
        &self,
        command: &str,
        kernel: &KernelRelease,
        arch: &Arch,
        log_file: &mut File,
    ) -> Result<i32, Failure> {
        self.show(command);
        let description = format!("Running post_transaction for kernel {kernel}");
        log_file.write_all(log::entry(&description, command).as_bytes())?;
        let started = Instant::now();
        let places = self.places;
        let mut bash = Command::new("bash");
        bash.args(["--norc", "--noprofile", "-c"]);
        bash.arg(format!("exec </dev/null\n{}eval {}", self.trace(), quoted(command)));
        for (name, value) in [
            ("kernelver", kernel.to_string()),
            ("arch", arch.to_string()),
            ("dkms_tree", places.dkms_tree.display().to_string()),
            ("source_tree", places.source_tree.display().to_string()),
            ("install_tree", places.install_tree.display().to_string()),
        ] {
            bash.env(name, value);
        }
        bash.stdout(log_file.try_clone()?).stderr(log_file.try_clone()?);
        let status = process::code(process::status(&mut bash)?);
        log_file.write_all(log::entry_end(status, started.elapsed()).as_bytes())?;
        Ok(status)
    }

    /// Shows a command before it runs, where that is asked for (`verbose`).
    pub(super) fn show(&self, command: &str) {
        if self.settings.framework.verbose {
            self.sink.event(&Event::Note { text: command });
        }
    }

    /// What comes before a program for bash: nothing, or with `--debug` what makes it trace.
    pub(super) fn trace(&self) -> &'static str {
        if self.settings.debug { "set -x\n" } else { "" }
    }
}
