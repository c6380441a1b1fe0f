//! Failures to text, hint and exit code: the one place.

use super::context::Audience;
use crate::exec::told;
use crate::model::{ArchiveProblem, Failure};
use crate::report::failure_text;
use crate::root::Root;
use std::process::ExitCode;

/// What helps, where something does.
pub fn hint(failure: &Failure) -> Option<String> {
    Some(match failure {
        Failure::NotRoot { .. } => "run it with sudo".into(),
        Failure::NotWritable { .. } => "run it as root".into(),
        Failure::ReadOnly { .. } => {
            "once it is mounted to be written to, 'evermod sync' makes up for it".into()
        }
        Failure::Told(failure) => return hint(failure),
        Failure::ModuleNotNamed { .. } | Failure::UnknownName { .. } => {
            "'evermod status' lists what there is".into()
        }
        Failure::AlreadyAdded { module } => format!("to build it: evermod build {module}"),
        Failure::NotAdded { module } => format!("to add it: evermod add {module}"),
        Failure::NoSource { .. } => {
            "install the package with the sources, or name a directory that holds them".into()
        }
        Failure::Broken { module } => {
            format!("install its source again, or give it up: evermod remove {module} --all")
        }
        Failure::NoHeaders { hint, .. } => hint.clone(),
        Failure::MissingDepends { .. } => {
            "install those first; 'evermod sync' does it in the right order".into()
        }
        Failure::BuildFailed { module, kernel, .. } | Failure::NotProduced { module, kernel, .. } => {
            format!("the whole log: evermod log {module} -k {kernel}")
        }
        Failure::FailedBefore { .. } => "to try again all the same: evermod sync --retry".into(),
        Failure::Refused { .. } => "to install it all the same: --force".into(),
        Failure::NotBuilt { module, .. } => format!("build it first: evermod build {module} -k KERNEL"),
        Failure::Archive { problem, .. } => match problem {
            ArchiveProblem::AlreadyAdded(_) => "to replace it: --force".into(),
            ArchiveProblem::TooBig(_) => "if you trust it, unpack it and add the directory".into(),
            ArchiveProblem::NoConf | ArchiveProblem::Incomplete => {
                "'dkms mktarball' writes archives that can be loaded".into()
            }
            _ => return None,
        },
        Failure::BadSettings { .. } => "evermod.toml(5) has all settings; an empty file is right too".into(),
        Failure::NoSandbox { .. } => {
            "install bubblewrap, or set sandbox = \"auto\" in /etc/evermod/evermod.toml".into()
        }
        Failure::NoKernel { .. } => "'ls /lib/modules' lists the kernels".into(),
        Failure::Usage { code: 2, .. } => "see --help".into(),
        _ => return None,
    })
}

/// Prints a failure for its audience and gives its exit code.
#[allow(clippy::print_stderr)]
pub fn exit(failure: &Failure, audience: Audience) -> ExitCode {
    let text = failure_text(failure);
    // What is wrong with the whole machine, each hook of a package manager would say.
    let is_of_machine = audience == Audience::Hook && matches!(failure, Failure::ReadOnly { .. });
    if is_of_machine && !told::is_news(&Root::new("/"), &text) {
        return ExitCode::from(failure.exit_code());
    }
    match audience {
        _ if matches!(failure, Failure::Told(_)) => {}
        Audience::Dkms => {
            let word = if matches!(failure, Failure::Excluded { .. }) { "Warning: " } else { "\nError! " };
            eprintln!("{word}{text}");
        }
        Audience::Caller => eprintln!("error: {text}"),
        Audience::Hook => eprintln!("evermod: {text}"),
    }
    if let Some(hint) = hint(failure) {
        let prefix = match audience {
            Audience::Caller => "hint: ",
            Audience::Dkms => "",
            Audience::Hook => "evermod: ",
        };
        eprintln!("{prefix}{hint}");
    }
    ExitCode::from(failure.exit_code())
}
