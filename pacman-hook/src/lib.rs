//! What pacman says, in its own terms: the targets of a hook (alpm-hooks(5)), its command line and configuration, names of
//! package files, hooks of others. Text in, values out; nothing is read here.
//!
//! A hook learns which paths come and go, not of which packages. So the packages are looked for: the command line names
//! files (`-U`), the configuration says where downloads are, and names tell which files may have a path.

mod command_line;
mod conf;
mod hook_file;
mod package;
mod targets;

pub use command_line::{CommandLine, Operand};
pub use conf::Conf;
pub use hook_file::HookFile;
pub use package::{may_have, version_of};
pub use targets::{Part, Targets};

#[cfg(test)]
mod tests;
