//! `evermod hook`: the words that the files of package managers are called with, and whose business each is.

use super::context::Context;
use super::verbs::hook;
use super::verbs::preflight::read_request;
use crate::model::Failure;
use clap::Subcommand;
use std::path::Path;
use std::process::ExitCode;

/// What a package manager's file tells.
#[derive(Debug, Subcommand)]
pub(super) enum HookEvent {
    /// A transaction is about to begin; what arrives and goes is on standard input, as JSON
    Preflight,
    /// apt is about to call dpkg; its plan is on standard input
    AptPreflight,
    /// apt talks to its JSON hooks, over standard input and output
    AptJson,
    /// dpkg has ended, for apt
    AptReport,
    /// A kernel's image is being configured
    KernelPostinst {
        release: String,
        #[arg(hide = true)]
        rest: Vec<String>,
    },
    /// A kernel's headers are being configured
    HeaderPostinst {
        release: String,
        #[arg(hide = true)]
        rest: Vec<String>,
    },
    /// A kernel is being removed
    KernelPrerm {
        release: String,
        #[arg(hide = true)]
        rest: Vec<String>,
    },
    /// kernel-install(8) calls its plugins
    KernelInstall {
        #[arg(hide = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
    /// pacman is about to begin a transaction; the paths that come are on standard input
    PacmanPreflight { caller: u32 },
    /// pacman is about to begin a transaction; the paths that go are on standard input, with sources that come
    PacmanRemove { caller: u32 },
    /// pacman has finished a transaction
    PacmanSettle { caller: u32 },
    /// The postinst of a *-dkms package
    CommonPostinst {
        name: Option<String>,
        version: Option<String>,
        #[arg(hide = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
    /// DKMS's dkms_autoinstaller
    Autoinstaller { command: String, release: Option<String> },
    /// The end of a dpkg run
    DpkgTrigger,
    /// dnf 4 is about to change something; the packages are on standard input
    DnfPreflight { moment: hook::dnf::Moment },
    /// dnf 5 is about to change something; it answers on standard input
    Dnf5Preflight { moment: hook::dnf::Moment },
    /// The end of a dnf transaction
    DnfSettle,
    /// The end of an rpm transaction; the files that it brought are on standard input
    RpmSettle,
    /// A commit of zypper's, from its beginning to its end
    ZyppCommit,
}

/// Does what an event asks for.
///
/// # Errors
/// The event's own; none of them is 100, which is a veto.
pub(super) fn handle(context: &Context, event: HookEvent) -> Result<ExitCode, Failure> {
    match event {
        HookEvent::Preflight => {
            return Ok(hook::preflight(context, &read_request(None)?));
        }
        HookEvent::AptPreflight => return hook::apt::preflight(context),
        HookEvent::AptReport => hook::apt::report(context)?,
        HookEvent::AptJson => {}
        HookEvent::KernelPostinst { release, .. } => hook::kernel_postinst(context, &release)?,
        HookEvent::HeaderPostinst { release, .. } => hook::header_postinst(context, &release)?,
        HookEvent::KernelPrerm { release, .. } => hook::kernel_prerm(context, &release)?,
        HookEvent::KernelInstall { words } => hook::kernel_install(context, &words)?,
        HookEvent::PacmanPreflight { caller } => {
            return Ok(hook::pacman::preflight(context, &hook::standard_input()?, caller));
        }
        HookEvent::PacmanRemove { .. } => hook::pacman::remove(context, &hook::standard_input()?)?,
        HookEvent::PacmanSettle { .. } => hook::pacman::settle(context, &hook::standard_input()?)?,
        HookEvent::CommonPostinst { name, version, rest } => match (name, version) {
            (Some(name), Some(version)) => {
                hook::common_postinst(context, &name, &version, rest.first().map(Path::new))?;
            }
            _ => {
                let message = "common.postinst needs NAME and VERSION".into();
                return Err(Failure::Usage { message, code: 1 });
            }
        },
        HookEvent::Autoinstaller { command, release } if command == "start" => {
            let release = release.unwrap_or_else(|| context.environment.running.to_string());
            hook::autoinstaller(context, &release)?;
        }
        HookEvent::Autoinstaller { .. } => {}
        HookEvent::DpkgTrigger => hook::settle(context, "dpkg")?,
        HookEvent::DnfPreflight { moment } => return Ok(hook::dnf::dnf4(context, moment)),
        HookEvent::Dnf5Preflight { moment } => return Ok(hook::dnf::dnf5(context, moment)),
        HookEvent::DnfSettle => hook::settle(context, "dnf")?,
        HookEvent::RpmSettle => hook::zypp::settle_package(context)?,
        HookEvent::ZyppCommit => hook::zypp::commit(context)?,
    }
    Ok(ExitCode::SUCCESS)
}
