//! The plan for a person.

use super::{Action, Note, Plan, Step};
use std::fmt;

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, what) = match &self.action {
            Action::Build { instance } => ("build", format!("{} for {}", instance.module, instance.kernel)),
            Action::Install { instance, .. } => {
                ("install", format!("{} for {}", instance.module, instance.kernel))
            }
            Action::Uninstall { instance, .. } => {
                ("uninstall", format!("{} for {}", instance.module, instance.kernel))
            }
            Action::Adopt { instance } => ("adopt", format!("{} for {}", instance.module, instance.kernel)),
            Action::Depmod { kernel, .. } => ("depmod", kernel.to_string()),
            Action::Initramfs { kernel } => ("initramfs", kernel.to_string()),
        };
        write!(f, "{verb:<10} {what}  ({})", self.why)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHeaders { kernel, modules, hint } => {
                let names: Vec<_> = modules.iter().map(ToString::to_string).collect();
                write!(f, "kernel {kernel} has no headers, so it goes without {}", names.join(", "))?;
                hint.as_ref().map_or(Ok(()), |hint| write!(f, "; {hint}"))
            }
            Self::Excluded { instance, why } => {
                write!(f, "{} is not meant for kernel {}: {why}", instance.module, instance.kernel)
            }
            Self::FailedBefore { failure } => {
                f.write_str(&failure.message)?;
                if let Some(diagnosis) = &failure.diagnosis {
                    write!(f, ": {diagnosis}")?;
                }
                write!(f, " (log: {})", failure.log.display())
            }
            Self::Blocked { instance, missing } => write!(
                f,
                "{} for kernel {} waits for {}, which is not there",
                instance.module,
                instance.kernel,
                missing.join(", ")
            ),
            Self::Deferred { instance, missing } => write!(
                f,
                "{} for kernel {} waits until {} is registered",
                instance.module,
                instance.kernel,
                missing.join(", ")
            ),
            Self::OnlyPrebuilt { instance, missing } => write!(
                f,
                "{} for kernel {} is built against {}, of which only prebuilt modules are there: its sources have to be \
                 installed too",
                instance.module,
                instance.kernel,
                missing.join(", ")
            ),
            Self::Refused { instance, why } => {
                write!(f, "{} is not installed for kernel {}: {why}", instance.module, instance.kernel)
            }
            Self::ReadOnly { path, kernels, modules } => {
                let listed = |names: Vec<String>| names.join(", ");
                let kernels = listed(kernels.iter().map(ToString::to_string).collect());
                write!(f, "{} is on a file system that is mounted read-only, so ", path.display())?;
                match modules.as_slice() {
                    [] => write!(f, "depmod cannot be run for kernel {kernels}")?,
                    modules => {
                        let modules = listed(modules.iter().map(ToString::to_string).collect());
                        write!(f, "kernel {kernels} goes without {modules}")?;
                    }
                }
                f.write_str("; once it is mounted to be written to: evermod sync")
            }
            Self::Broken { module } => write!(f, "{module}: broken, its source directory is missing"),
            Self::BadConf { module, path, findings } => {
                write!(f, "{module}: {} cannot be used: {}", path.display(), findings.join("; "))
            }
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.steps.is_empty() && self.notes.is_empty() {
            writeln!(f, "Nothing to do.")?;
        }
        for (index, step) in self.steps.iter().enumerate() {
            writeln!(f, "{:>3}  {step}", index + 1)?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        Ok(())
    }
}
