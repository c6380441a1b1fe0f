//! Rules about the files that a configuration names.

use super::rules::of_kind;
use super::{Level, Linter};
use crate::config::directive_table;
use crate::config::load::LoadedModule;
use std::path::Path;

/// What there is among the sources under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing, or no file.
    Absent,
    /// A file that cannot be run.
    Plain,
    /// A file that can.
    Executable,
}

/// The sources around a `dkms.conf`.
pub trait Files {
    /// What there is at `path` below their top.
    fn kind(&self, path: &Path) -> Kind;
}

pub(super) fn check(linter: &mut Linter<'_>, loaded: &LoadedModule, files: &dyn Files) {
    for (index, name) in loaded.vars.elements("PATCH").into_iter().flatten() {
        let span = linter.value_of("PATCH", *index);
        if name.split('/').any(|part| part == "..") {
            let message = format!("patch '{name}' lies outside the package");
            linter.say(Level::Error, "patch", span, message, "put it into the directory patches");
        } else if !name.is_empty() && files.kind(&Path::new("patches").join(name)) == Kind::Absent {
            let message = format!("there is no file patches/{name}");
            linter.say(Level::Error, "patch", span, message, "name a file in the directory patches");
        }
    }
    for directive in of_kind(directive_table::Kind::Script) {
        let Some(program) = loaded.vars.scalar(directive).and_then(|value| value.split_whitespace().next())
        else {
            continue;
        };
        let span = linter.value_of(directive, 0);
        // PRE_BUILD may well make what POST_BUILD runs.
        match files.kind(Path::new(program)) {
            Kind::Executable => {}
            Kind::Absent => linter.say(
                Level::Warning,
                "script",
                span,
                format!("{directive} names '{program}', which is not among the sources"),
                "the first word must be a file of the package; a shell's own commands do not count",
            ),
            Kind::Plain => linter.say(
                Level::Warning,
                "script",
                span,
                format!("{directive} names '{program}', which is not executable, so it is not run"),
                format!("chmod +x {program}"),
            ),
        }
    }
}
