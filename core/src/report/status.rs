//! What `status` shows: DKMS's lines (contract 3.3), a table, JSON.

use crate::model::{Diagnosis, Instance, Isolation, ModuleId, Prebuilt, Signature};
use serde::Serialize;
use std::path::PathBuf;

/// How far an instance is, as people are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Registered, not built.
    Added,
    /// In the tree.
    Built,
    /// In place below the kernel.
    Installed,
    /// In place below the kernel, brought by a package that was built elsewhere.
    Prebuilt,
    /// Its source is gone.
    Broken,
    /// Its last build failed.
    Failed,
    /// BUILD_EXCLUSIVE rules the kernel out.
    Excluded,
    /// The kernel has no headers to build against.
    NoHeaders,
    /// Asked for, but not there.
    Missing,
}

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The module.
    pub module: ModuleId,
    /// The kernel, unless the line is about the module alone.
    pub kernel: Option<String>,
    /// Its architecture.
    pub arch: Option<String>,
    /// How far.
    pub stage: Stage,
    /// Built from inputs that have changed since.
    pub stale: bool,
    /// Something is wrong with its files; one sentence.
    pub problem: Option<String>,
    /// Who signed its modules, if anyone.
    pub signature: Option<Signature>,
    /// How its build was isolated.
    pub isolation: Option<Isolation>,
    /// The first error of a failed build.
    pub diagnosis: Option<Diagnosis>,
    /// The log of the build.
    pub log: Option<PathBuf>,
    /// The package that serves the kernel.
    pub prebuilt: Option<Served>,
}

/// What a package of prebuilt modules brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Served {
    /// The version of the module.
    pub version: String,
    /// The package.
    pub package: String,
    /// Its version.
    pub package_version: String,
}

impl From<&Prebuilt> for Served {
    fn from(prebuilt: &Prebuilt) -> Self {
        let Prebuilt { module, package, package_version, .. } = prebuilt.clone();
        Self { version: module.version, package, package_version }
    }
}

/// The whole of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Format of this value: 1.
    pub version: u32,
    /// The instances.
    pub instances: Vec<Line>,
}

/// What DKMS says behind a built or installed line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags {
    /// `T/M/original_module/K/A` exists.
    pub originals: bool,
    /// A module is missing in the tree.
    pub built_missing: bool,
    /// A module below the kernel is absent or different.
    pub different: bool,
}

/// DKMS's line for a built or installed instance.
pub fn dkms_line(instance: &Instance, installed: bool, flags: Flags) -> String {
    let Instance { module, kernel, arch } = instance;
    let state = if installed { "installed" } else { "built" };
    let originals = if flags.originals { " (Original modules exist)" } else { "" };
    let files = if flags.built_missing {
        " (Built modules are missing in the kernel modules folder)"
    } else if flags.different {
        " (Differences between built and installed modules)"
    } else {
        ""
    };
    format!("{module}, {kernel}, {arch}: {state}{originals}{files}")
}

impl Stage {
    /// The word in the table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Built => "built",
            Self::Installed => "installed",
            Self::Prebuilt => "prebuilt",
            Self::Broken => "broken",
            Self::Failed => "failed",
            Self::Excluded => "not meant",
            Self::NoHeaders => "no headers",
            Self::Missing => "missing",
        }
    }

    fn colour(self) -> &'static str {
        match self {
            Self::Installed | Self::Prebuilt => "32",
            Self::Built | Self::Added | Self::Missing | Self::NoHeaders => "33",
            Self::Broken | Self::Failed => "31",
            Self::Excluded => "2",
        }
    }
}

impl Line {
    fn remark(&self) -> String {
        let mut parts = Vec::new();
        if self.stale {
            parts.push("stale: its inputs changed".to_string());
        }
        if let Some(Served { version, package, package_version }) = &self.prebuilt {
            parts.push(format!("{version} from {package} {package_version}"));
        }
        parts.extend(self.problem.clone());
        match &self.signature {
            Some(Signature::Signer(name)) => parts.push(format!("signed by {name}")),
            Some(Signature::Unsigned(why)) => parts.push(format!("unsigned: {why}")),
            None => {}
        }
        if let Some(Isolation::None { why }) = &self.isolation {
            parts.push(format!("built without a sandbox: {why}"));
        }
        parts.extend(self.diagnosis.as_ref().map(ToString::to_string));
        parts.join("; ")
    }
}

/// The table; coloured for a terminal.
pub fn table(lines: &[Line], coloured: bool) -> String {
    let width = |head: &str, column: &dyn Fn(&Line) -> usize| {
        lines.iter().map(column).chain([head.len()]).max().unwrap_or(0)
    };
    let kernel = |line: &Line| line.kernel.clone().unwrap_or_else(|| "-".into());
    let module_width = width("MODULE", &|l| l.module.to_string().len());
    let kernel_width = width("KERNEL", &|l| kernel(l).len());
    let mut text =
        format!("{:<module_width$}  {:<kernel_width$}  {:<10}  REMARK\n", "MODULE", "KERNEL", "STATE");
    for line in lines {
        let word = line.stage.word();
        let pad = " ".repeat(10usize.saturating_sub(word.len()));
        let state = if coloured {
            format!("\x1b[{}m{word}\x1b[0m{pad}", line.stage.colour())
        } else {
            format!("{word}{pad}")
        };
        let module = line.module.to_string();
        let row =
            format!("{module:<module_width$}  {:<kernel_width$}  {state}  {}", kernel(line), line.remark());
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Arch, KernelRelease};

    fn instance() -> Instance {
        Instance {
            module: ModuleId::new("m", "1").unwrap(),
            kernel: KernelRelease::new("6.1.0-9-amd64").unwrap(),
            arch: Arch::new("x86_64").unwrap(),
        }
    }

    #[test]
    fn dkms_lines_are_exact() {
        let all = Flags { originals: true, built_missing: true, different: true };
        assert_eq!(dkms_line(&instance(), true, Flags::default()), "m/1, 6.1.0-9-amd64, x86_64: installed");
        assert_eq!(
            dkms_line(&instance(), false, all),
            "m/1, 6.1.0-9-amd64, x86_64: built (Original modules exist) (Built modules are missing in the kernel modules folder)"
        );
        assert_eq!(
            dkms_line(&instance(), true, Flags { different: true, ..Flags::default() }),
            "m/1, 6.1.0-9-amd64, x86_64: installed (Differences between built and installed modules)"
        );
    }

    #[test]
    fn the_table_lines_up() {
        let line = |stage, diagnosis| Line {
            module: instance().module,
            kernel: Some("6.1.0-9-amd64".into()),
            arch: Some("x86_64".into()),
            stage,
            stale: false,
            problem: None,
            signature: None,
            isolation: None,
            diagnosis,
            log: None,
            prebuilt: None,
        };
        let error = Diagnosis::at("m.c:1:2", "no");
        assert_eq!(
            table(&[line(Stage::Installed, None), line(Stage::Failed, Some(error))], false),
            "MODULE  KERNEL         STATE       REMARK\n\
             m/1     6.1.0-9-amd64  installed\n\
             m/1     6.1.0-9-amd64  failed      m.c:1:2: no\n"
        );
        assert!(table(&[line(Stage::Installed, None)], true).contains("\x1b[32minstalled\x1b[0m"));
    }
}
