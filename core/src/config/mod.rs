//! What files say: `dkms.conf` and its overrides, `framework.conf`, kernel configurations, `os-release`.
//!
//! Parsers are pure; loaders read through [`crate::root::Root`]. Nothing here runs a program: what needs a shell
//! goes to a [`shell::Shell`] that the caller passes in.

mod addon;
pub mod directive_table;
pub mod directives;
pub mod distribution;
mod evaluate;
pub mod evermod_toml;
mod findings;
pub mod framework;
pub mod framework_table;
pub mod kconfig;
pub mod lint;
pub mod literal;
mod load;
pub mod mangle;
mod nearest;
pub mod os_release;
pub mod shell;
pub mod stack;
mod toolchain;
pub mod vars;
mod word;

pub use addon::addon_modules_dir;
pub use distribution::{ArchRule, Distribution, Evidence, HeaderHint, KeyPlaces};
pub use evaluate::{ConfigError, Content, EvaluatedBy, Evaluation, Note, Source};
pub use evermod_toml::{BadToml, BuiltBefore, EvermodToml, Importance, Policy, Preflight};
pub use findings::{Finding, FindingKind, Severity};
pub use framework::{Framework, FrameworkRequest, LoadedFramework, TrySign, load_framework};
pub use kconfig::KernelConfig;
pub use load::{LoadRequest, LoadedModule, load_module};
pub use nearest::nearest;
pub use os_release::OsRelease;
pub use stack::overrides;
pub use toolchain::{Toolchain, toolchain};
pub use vars::Vars;
