//! `build_environment` of framework.conf: a file that bash sources, whose exported variables builds get (DKMS 3.3.0).
//!
//! It is the administrator's, as framework.conf is, and runs outside the sandbox: it need not be readable to the
//! unprivileged user that builds, and may ask programs of the machine. What it names in `PATH` is there
//! inside, too: the sandbox shows the whole system, read-only.

use super::process;
use super::session::Session;
use crate::build::quoted;
use crate::model::{Failure, Instance};
use crate::report::Event;
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Arc, PoisonError};

/// What bash sets by itself.
const BASHS_OWN: [&str; 4] = ["_", "SHLVL", "PWD", "OLDPWD"];

/// What a caller's environment must not decide in builds and scripts (contract 1.9), and what would have bash or make
/// do other things than they are told.
pub(super) const UNSET: [&str; 10] =
    ["CC", "CXX", "CFLAGS", "CXXFLAGS", "LDFLAGS", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "BASH_ENV", "ENV"];

/// What says more than `LANG` (locale(7)).
const OVER_LANG: [&str; 14] = [
    "LANGUAGE",
    "LC_ADDRESS",
    "LC_ALL",
    "LC_COLLATE",
    "LC_CTYPE",
    "LC_IDENTIFICATION",
    "LC_MEASUREMENT",
    "LC_MESSAGES",
    "LC_MONETARY",
    "LC_NAME",
    "LC_NUMERIC",
    "LC_PAPER",
    "LC_TELEPHONE",
    "LC_TIME",
];

/// Has a command's programs speak English, whatever the caller does: their errors are read, and shown as they are. In this
/// locale none of the hundreds that a build starts has files of its own to read for that, either.
pub(super) fn speak_english(command: &mut Command) {
    for name in OVER_LANG {
        command.env_remove(name);
    }
    command.env("LANG", "C");
}

impl Session<'_> {
    /// The variables that the file exports and that are not in the caller's environment already; found out once for each
    /// kernel of a run.
    ///
    /// # Errors
    /// framework.conf cannot be read for this kernel, or bash cannot be started.
    pub(super) fn build_environment(
        &self,
        instance: &Instance,
    ) -> Result<Arc<Vec<(String, String)>>, Failure> {
        if self.settings.framework.build_environment.is_none() {
            return Ok(Arc::default());
        }
        let mut known = self.reread.exports.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (instance.kernel.clone(), instance.arch.clone());
        if let Some(exports) = known.get(&key) {
            return Ok(exports.clone());
        }
        let exports = Arc::new(self.source_build_environment(instance)?);
        known.insert(key, exports.clone());
        Ok(exports)
    }

    fn source_build_environment(&self, instance: &Instance) -> Result<Vec<(String, String)>, Failure> {
        let framework = self.framework_for(&instance.kernel, &instance.arch)?;
        let Some(file) = &framework.build_environment else { return Ok(Vec::new()) };
        let note = |why: &str| {
            let text = format!("build_environment {} {why}; builds go on without it.", file.display());
            self.sink.event(&Event::Note { text: &text });
        };
        let place = self.places.root.resolve(file)?;
        if !place.is_file() {
            note("is not there");
            return Ok(Vec::new());
        }
        let program = format!(
            "kernelver={}\narch={}\n. {} >/dev/null\nexec /usr/bin/env -0",
            quoted(instance.kernel.as_str()),
            quoted(instance.arch.as_str()),
            quoted(&place.display().to_string()),
        );
        self.show(&format!(". {}", file.display()));
        let mut bash = Command::new("bash");
        UNSET.iter().for_each(|name| {
            bash.env_remove(name);
        });
        let output = process::output(bash.args(["--norc", "--noprofile", "-c", &program]))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            note(&format!(
                "cannot be sourced ({})",
                said.lines().last().unwrap_or("it ended the shell").trim()
            ));
            return Ok(Vec::new());
        }
        Ok(exported(&output.stdout, &self.environment.variables))
    }
}

/// What `env -0` printed, less what was there before.
fn exported(printed: &[u8], before: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let pairs =
        printed.split(|byte| *byte == 0).filter_map(|pair| std::str::from_utf8(pair).ok()?.split_once('='));
    pairs
        .filter(|(name, value)| {
            !BASHS_OWN.contains(name)
                && (UNSET.contains(name) || before.get(*name).map(String::as_str) != Some(*value))
        })
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_file_exports_is_taken() {
        let before = BTreeMap::from(
            [("PATH", "/bin"), ("HOME", "/root"), ("CC", "caller")]
                .map(|(n, v)| (n.to_string(), v.to_string())),
        );
        let printed =
            b"PATH=/opt/gcc:/bin\0HOME=/root\0CC=caller\0SHLVL=2\0_=/usr/bin/env\0X=a\nb=c\0BAD=\xff\0";
        let found = exported(printed, &before);
        let texts: Vec<_> = found.iter().map(|(n, v)| format!("{n}={v}")).collect();
        assert_eq!(texts, ["PATH=/opt/gcc:/bin", "CC=caller", "X=a\nb=c"]);
    }
}
