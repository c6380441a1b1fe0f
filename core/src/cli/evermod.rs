//! evermod's own dialect.

use super::context::{Audience, Common, Context};
use super::errors;
use super::hooks::{HookEvent, handle};
use super::package_arguments::{self, PackageArguments};
use super::verbs::build::Options;
use super::verbs::ldtarball::{Loaded, ldtarball};
use super::verbs::plan::take_stock;
use super::verbs::preflight::{VETO, preflight, read_request};
use super::verbs::status::{Filter, report};
use super::verbs::uninstall::Scope;
use super::verbs::{
    add, autoinstall, build, doctor, generate_mok, hook, lint, log, matching, mend, mktarball, publish, sync,
    uninstall,
};
use crate::config::lint::Level;
use crate::inventory::Kernel;
use crate::model::{Failure, KernelRelease, ModuleId};
use crate::plan::Request;
use crate::report::Lines;
use crate::report::lint::{LintReport, count, lint_text};
use crate::report::status::table;
use clap::{Args, CommandFactory, Parser, Subcommand};
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Keeps out-of-tree kernel modules built, signed and installed for every kernel
#[derive(Debug, Parser)]
#[command(name = "evermod", version, about, max_term_width = 100)]
struct Arguments {
    #[command(flatten)]
    common: CommonArguments,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Args)]
struct CommonArguments {
    /// Work on this root file system in place of /
    #[arg(long, global = true, value_name = "DIR")]
    root: Option<PathBuf>,
    /// How many compilers at once, for all builds together
    #[arg(short, long, global = true, value_name = "N")]
    jobs: Option<usize>,
    /// Say nothing but errors
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Build without a sandbox
    #[arg(long, global = true)]
    no_sandbox: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show every module for every kernel: what is installed, what is not, and why
    Status(StatusArguments),
    /// Show what sync would do
    Plan(PlanArguments),
    /// Build and install what is missing, rebuild what is stale
    Sync(SyncArguments),
    /// Say what a transaction of a package manager will leave behind, before anything is changed
    ///
    /// Modules in `critical` of evermod.toml(5) are built now, from the packages that have been downloaded; the results
    /// wait for the kernel. The exit code is 100 if the transaction should be stopped.
    Preflight(PreflightArguments),
    /// Look for everything that can be wrong, and say what mends it
    ///
    /// Changes nothing. The exit code is 1 if something wants to be mended, else 0. What is only a note wants nothing.
    Doctor(DoctorArguments),
    /// Show the log of the last build
    Log(LogArguments),
    /// Look for mistakes in the configuration of modules
    Lint(LintArguments),
    /// Register a module's source
    Add(AddArguments),
    /// Compile a module for kernels
    Build(BuildArguments),
    /// Compile a module for kernels if need be, and install it
    Install(BuildArguments),
    /// Take an installed module away from kernels
    Uninstall(RemoveArguments),
    /// Take a module away from kernels and delete its builds
    Unbuild(RemoveArguments),
    /// Take a module away from kernels, and forget it if none is left
    Remove(RemoveArguments),
    /// Install all modules that ask for it, for one kernel
    Autoinstall {
        /// The kernel; the running one by default
        #[arg(short, long, value_name = "RELEASE")]
        kernel: Option<String>,
    },
    /// Write an archive of a module: its source and what is built of it
    Mktarball(MktarballArguments),
    /// Take a module in from an archive
    Ldtarball {
        /// The archive
        #[arg(value_name = "FILE")]
        archive: PathBuf,
        /// Replace a module of the same name and version
        #[arg(long)]
        force: bool,
    },
    /// Make packages of prebuilt modules
    ///
    /// Modules are built for kernels of this machine, or for kernels whose headers only lie in package files, without root.
    /// Nothing is installed. For each kernel there is a package with its modules, for each flavour of kernels a metapackage
    /// that follows the newest, and for each module a package with its sources. The exit code is 11 if a module could not be
    /// built for a kernel; all others are packaged all the same.
    Package(PackageArguments),
    /// Install for a kernel what is installed for another one
    Match {
        /// The kernel that has it
        #[arg(long, value_name = "RELEASE")]
        templatekernel: String,
        /// Only this module
        #[arg(value_name = "MODULE[/VERSION]")]
        module: Option<String>,
        /// The kernel that gets it; the running one by default
        #[arg(short, long, value_name = "RELEASE")]
        kernel: Option<String>,
    },
    /// Put packages into a repository for APT, dnf or pacman, and sign it
    ///
    /// Creates the repository, or adds to it. What it is follows from the packages; one directory can be all three. Says
    /// what a client writes into its sources.
    Publish(publish::PublishArguments),
    /// Find the key that signs modules, or make one
    #[command(name = "generate-mok")]
    GenerateMok,
    /// What package managers' hooks call
    #[command(hide = true)]
    Hook {
        #[command(subcommand)]
        event: HookEvent,
    },
}

#[derive(Debug, Args)]
struct StatusArguments {
    /// Only this module; shell patterns are understood
    #[arg(value_name = "MODULE[/VERSION]")]
    module: Option<String>,
    /// Only these kernels; shell patterns are understood
    #[arg(short, long, value_name = "RELEASE")]
    kernel: Vec<String>,
    /// Print versioned JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct PreflightArguments {
    /// What arrives and goes, as JSON; from standard input by default
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// Print versioned JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct PlanArguments {
    #[command(flatten)]
    wanted: Wanted,
    /// Print versioned JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct SyncArguments {
    #[command(flatten)]
    wanted: Wanted,
    /// Called at boot: refresh no initramfs
    #[arg(long, hide = true)]
    boot: bool,
    /// What a package manager has done, as JSON; - for standard input. Whoever waits is told whom for
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Wanted {
    /// Only these modules, also if they do not ask for autoinstall
    #[arg(value_name = "MODULE[/VERSION]")]
    modules: Vec<String>,
    /// Only these kernels
    #[arg(short, long, value_name = "RELEASE")]
    kernel: Vec<String>,
    /// Try failed builds again although nothing changed
    #[arg(long)]
    retry: bool,
}

#[derive(Debug, Args)]
struct DoctorArguments {
    /// Print versioned JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct LogArguments {
    /// The module
    #[arg(value_name = "MODULE[/VERSION]")]
    module: String,
    /// For this kernel; for all by default
    #[arg(short, long, value_name = "RELEASE")]
    kernel: Option<String>,
    /// Print the places of the logs, not their text
    #[arg(long)]
    path: bool,
}

#[derive(Debug, Args)]
struct LintArguments {
    /// A dkms.conf, a directory that has one, or a module
    #[arg(value_name = "FILE|DIR|MODULE[/VERSION]", required = true)]
    what: Vec<String>,
    /// Print versioned JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct AddArguments {
    /// A module below the source tree, a directory with a dkms.conf, or an archive
    #[arg(value_name = "MODULE/VERSION|DIR|ARCHIVE")]
    module: String,
    /// Replace a source of the same name and version
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
struct BuildArguments {
    /// The module, or a directory with a dkms.conf
    #[arg(value_name = "MODULE[/VERSION]|DIR")]
    module: String,
    /// The kernels; the running one by default
    #[arg(short, long, value_name = "RELEASE")]
    kernel: Vec<String>,
    /// Build again what is built, install again what is installed
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
struct RemoveArguments {
    /// The module
    #[arg(value_name = "MODULE[/VERSION]")]
    module: String,
    /// The kernels
    #[arg(short, long, value_name = "RELEASE", required_unless_present = "all")]
    kernel: Vec<String>,
    /// All kernels that it is built for
    #[arg(long, conflicts_with = "kernel")]
    all: bool,
}

#[derive(Debug, Args)]
struct MktarballArguments {
    /// The module
    #[arg(value_name = "MODULE[/VERSION]")]
    module: String,
    /// The kernels; the running one by default
    #[arg(short, long, value_name = "RELEASE")]
    kernel: Vec<String>,
    /// All kernels that it is built for
    #[arg(long, conflicts_with = "kernel")]
    all: bool,
    /// Write it here; compressed by the name's end: .gz, .bz2, .xz, .zst
    #[arg(long, value_name = "FILE")]
    archive: Option<PathBuf>,
    /// Leave the source out
    #[arg(long, conflicts_with = "source_only")]
    binaries_only: bool,
    /// Leave what is built out
    #[arg(long)]
    source_only: bool,
}

/// The table of all verbs and options, from which man pages and completions are made.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Runs one command line.
pub fn main(words: Vec<OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(words) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are errors of this kind too, with exit code 0.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let audience =
        if matches!(arguments.verb, Verb::Hook { .. }) { Audience::Hook } else { Audience::Caller };
    let common = Common {
        root: arguments.common.root,
        jobs: arguments.common.jobs,
        quiet: arguments.common.quiet,
        no_sandbox: arguments.common.no_sandbox,
        early: matches!(&arguments.verb, Verb::Hook { event: HookEvent::KernelPostinst { .. } }),
        unattended: matches!(&arguments.verb, Verb::Sync(arguments) if arguments.boot),
        ..Common::default()
    };
    if let Verb::Hook { event: HookEvent::AptJson } = arguments.verb {
        // Called at every turn of apt's: settings are read where there is something to say.
        return hook::apt::converse(&common);
    }
    let is_for_programs = matches!(&arguments.verb, Verb::Package(arguments) if arguments.json);
    let context = Context::new(&common, audience).map(|mut context| {
        if is_for_programs {
            // Standard output is theirs.
            context.sink = Box::new(Lines::new(Box::new(std::io::stderr()), "", false));
        }
        context
    });
    match context.and_then(|context| run(&context, arguments.verb)) {
        Ok(code) => code,
        Err(failure) => errors::exit(&failure, audience),
    }
}

fn run(context: &Context, verb: Verb) -> Result<ExitCode, Failure> {
    match verb {
        Verb::Status(arguments) => {
            let (module, version) = split(arguments.module.as_deref());
            let kernels = arguments.kernel.into_iter().map(|k| (k, None)).collect();
            let report = report(context, &Filter { module, version, kernels, arch: None })?;
            if arguments.json {
                return json(&report);
            }
            print(&table(&report.instances, context.is_coloured()));
        }
        Verb::Plan(arguments) => {
            let request = request(context, arguments.wanted, true)?;
            let finder = context.finder();
            let survey = context.survey(&finder);
            let plan = take_stock(context, &survey, context.tree()?, &request)?.plan;
            if arguments.json {
                return json(&plan);
            }
            print(&plan.to_string());
        }
        Verb::Sync(arguments) => {
            if arguments.boot && context.is_autoinstall_off() {
                return Ok(ExitCode::SUCCESS);
            }
            let mut request = request(context, arguments.wanted, !arguments.boot)?;
            if let Some(file) = &arguments.request {
                request.manager = read_request(Some(file))?.manager;
            }
            let synced = sync::sync(context, &request)?;
            // A unit that fails at every boot for a failure long known would only be switched off.
            let shortfall = if arguments.boot { synced.failed() } else { synced.shortfall() };
            return match shortfall {
                0 => {
                    if synced.plan.is_idle() && synced.plan.notes.is_empty() && !arguments.boot {
                        print("Nothing to do.\n");
                    }
                    Ok(ExitCode::SUCCESS)
                }
                n => Ok(ExitCode::from(Failure::Autoinstall(n).exit_code())),
            };
        }
        Verb::Doctor(arguments) => {
            let diagnosis = doctor::diagnose(context)?;
            if arguments.json {
                json(&diagnosis)?;
            } else {
                print(&doctor::text(&diagnosis));
            }
            return Ok(ExitCode::from(u8::from(diagnosis.wanting() > 0)));
        }
        Verb::Log(arguments) => {
            let (name, version) = split(Some(&arguments.module));
            let name = name.unwrap_or_default();
            for (_, path) in log::logs(context, &name, version.as_deref(), arguments.kernel.as_deref())? {
                if arguments.path {
                    print(&format!("{}\n", path.display()));
                } else {
                    print(&String::from_utf8_lossy(&fs_err::read(path)?));
                }
            }
        }
        Verb::Lint(arguments) => {
            let files = lint::lint_all(context, &arguments.what)?;
            if arguments.json {
                json(&LintReport::of(&files))?;
            } else {
                print(&lint_text(&files, context.is_coloured()));
            }
            if count(&files, Level::Error) > 0 {
                return Ok(ExitCode::FAILURE);
            }
        }
        Verb::Add(arguments) => {
            let path = PathBuf::from(&arguments.module);
            let module = if path.join("dkms.conf").is_file() {
                add::import(context, &path, arguments.force)?
            } else if path.is_file() {
                ldtarball(context, &path, arguments.force)?;
                return Ok(ExitCode::SUCCESS);
            } else {
                arguments.module.parse::<ModuleId>().map_err(|_| Failure::ModuleNotNamed { action: "add" })?
            };
            add::add(context, &module, None)?;
        }
        Verb::Build(arguments) => compile(context, arguments, false)?,
        Verb::Install(arguments) => compile(context, arguments, true)?,
        Verb::Uninstall(arguments) => {
            let scope = scope(context, &arguments)?;
            let module = context.named("uninstall", &arguments.module)?;
            uninstall::uninstall(context, &module, &scope, false)?;
        }
        Verb::Unbuild(arguments) => {
            let scope = scope(context, &arguments)?;
            let module = context.named("unbuild", &arguments.module)?;
            uninstall::uninstall(context, &module, &scope, true)?;
        }
        Verb::Remove(arguments) => {
            let scope = scope(context, &arguments)?;
            mend::remove(context, &context.named("remove", &arguments.module)?, &scope)?;
        }
        Verb::Autoinstall { kernel } => {
            let kernel = kernel.unwrap_or_else(|| context.environment.running.to_string());
            autoinstall::autoinstall(context, &context.kernel(&kernel, None)?)?;
        }
        Verb::Mktarball(arguments) => {
            let module = context.named("mktarball", &arguments.module)?;
            let kernels = kernels(context, &arguments.kernel)?;
            let scope = if arguments.all { Scope::All } else { Scope::Kernels(kernels) };
            let options = mktarball::Options {
                archive: arguments.archive,
                binaries_only: arguments.binaries_only,
                source_only: arguments.source_only,
            };
            mktarball::mktarball(context, &module, &scope, &options)?;
        }
        Verb::Ldtarball { archive, force } => _ = ldtarball(context, &archive, force)?,
        Verb::Package(arguments) => return package_arguments::run(context, arguments),
        Verb::Match { templatekernel, module, kernel } => {
            let kernel = kernel.unwrap_or_else(|| context.environment.running.to_string());
            let template = context.kernel(&templatekernel, None)?;
            let (name, version) = split(module.as_deref());
            let module = (name.as_deref(), version.as_deref());
            matching::match_kernel(context, &context.kernel(&kernel, None)?, Some(&template), module)?;
        }
        Verb::Publish(arguments) => print(&publish::publish(context, &arguments)?),
        Verb::GenerateMok => generate_mok::generate_mok(context)?,
        Verb::Preflight(arguments) => {
            let forecast = preflight(context, &read_request(arguments.request.as_deref())?)?;
            if arguments.json {
                json(&forecast)?;
            } else {
                for text in forecast.told(true) {
                    print(&format!("{text}\n"));
                }
            }
            return Ok(if forecast.veto { ExitCode::from(VETO) } else { ExitCode::SUCCESS });
        }
        Verb::Hook { event } => return handle(context, event),
    }
    Ok(ExitCode::SUCCESS)
}

fn compile(context: &Context, arguments: BuildArguments, install: bool) -> Result<(), Failure> {
    let Some(module) = module_or_path(context, &arguments.module, arguments.force)? else { return Ok(()) };
    let options = Options { install, force: arguments.force, force_version: false };
    build::build(context, &module, &kernels(context, &arguments.kernel)?, options)
}

/// The module that is named, or that a directory or an archive holds; `None` where that was a package of rpm's.
fn module_or_path(context: &Context, text: &str, force: bool) -> Result<Option<ModuleId>, Failure> {
    let path = PathBuf::from(text);
    if path.join("dkms.conf").is_file() {
        return add::import(context, &path, force).map(Some);
    }
    if path.is_file() {
        return Ok(match ldtarball(context, &path, force)? {
            Loaded::Module(module) => Some(module),
            Loaded::Package => None,
        });
    }
    context.named("build", text).map(Some)
}

fn kernels(context: &Context, names: &[String]) -> Result<Vec<Kernel>, Failure> {
    if names.is_empty() {
        return Ok(vec![context.kernel(context.environment.running.as_str(), None)?]);
    }
    names.iter().map(|name| context.kernel(name, None)).collect()
}

fn scope(context: &Context, arguments: &RemoveArguments) -> Result<Scope, Failure> {
    if arguments.all { Ok(Scope::All) } else { Ok(Scope::Kernels(kernels(context, &arguments.kernel)?)) }
}

fn request(context: &Context, wanted: Wanted, initramfs: bool) -> Result<Request, Failure> {
    let modules = wanted.modules.iter().map(|text| context.named("sync", text)).collect::<Result<_, _>>()?;
    let kernels = wanted.kernel.iter().map(|text| KernelRelease::new(text)).collect::<Result<_, _>>()?;
    Ok(Request { kernels, modules, retry: wanted.retry, initramfs, ..Request::default() })
}

fn split(text: Option<&str>) -> (Option<String>, Option<String>) {
    match text.map(|text| text.split_once('/').ok_or(text)) {
        None => (None, None),
        Some(Ok((name, version))) => (Some(name.to_string()), Some(version.to_string())),
        Some(Err(name)) => (Some(name.to_string()), None),
    }
}

pub(super) fn json(value: &impl serde::Serialize) -> Result<ExitCode, Failure> {
    let text = serde_json::to_string_pretty(value).map_err(std::io::Error::from)?;
    print(&format!("{text}\n"));
    Ok(ExitCode::SUCCESS)
}

/// Prints; a reader that has seen enough is no error.
pub(super) fn print(text: &str) {
    let mut out = std::io::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
