//! DKMS's dialect: what `dkms` answers to.

pub mod arguments;
mod options;
pub mod table;
mod usage;

use super::context::{Audience, Common, Context};
use super::errors;
use super::verbs::build::Options;
use super::verbs::hook::unpacked::was_registered_early;
use super::verbs::kernel_gone::{Occasion, kernel_gone};
use super::verbs::ldtarball::{Loaded, ldtarball};
use super::verbs::status::{Filter, dkms_status};
use super::verbs::uninstall::Scope;
use super::verbs::{add, autoinstall, build, generate_mok, matching, mktarball, remove, rpm_safe, uninstall};
use crate::inventory::Kernel;
use crate::model::{Failure, ModuleId};
use arguments::{Arguments, Disk, Refused};
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use table::Action;

/// The version of DKMS whose contract this keeps; packages compare it.
pub const DKMS_VERSION: &str = "3.4.3";

struct RealDisk;

impl Disk for RealDisk {
    fn is_file(&self, path: &Path) -> bool {
        path.is_file()
    }
    fn is_dir(&self, path: &Path) -> bool {
        path.is_dir()
    }
}

/// Runs one DKMS command line.
#[allow(clippy::print_stdout, clippy::print_stderr)]
pub fn main(words: &[OsString]) -> ExitCode {
    let words: Vec<String> = words.iter().skip(1).map(|w| w.to_string_lossy().into_owned()).collect();
    let arguments = match arguments::parse(&words, &RealDisk) {
        Ok(arguments) => arguments,
        Err(Refused { failure, quiet: true }) => return ExitCode::from(failure.exit_code()),
        Err(Refused { failure, .. }) => {
            let code = errors::exit(&failure, Audience::Dkms);
            if matches!(failure, Failure::Usage { code: 2, .. }) {
                print!("{}", usage::text());
            }
            return code;
        }
    };
    if arguments.quiet && (arguments.show_version || arguments.show_help) {
        return ExitCode::SUCCESS;
    }
    if arguments.show_version {
        println!("dkms-{DKMS_VERSION}");
        return ExitCode::SUCCESS;
    }
    if arguments.show_help {
        print!("{}", usage::text());
        return ExitCode::SUCCESS;
    }
    for warning in &arguments.warnings {
        eprintln!("{warning}");
    }
    let Some(action) = arguments.action else {
        if !arguments.quiet {
            let what = arguments.module.as_deref().unwrap_or_default();
            eprintln!("\nError! Unknown action specified: \"{what}\"");
            print!("{}", usage::text());
        }
        // DKMS exits with 0 here, which hides typing errors from scripts (docs/differences.md).
        return ExitCode::from(4);
    };
    match run(action, &arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if arguments.quiet => ExitCode::from(failure.exit_code()),
        Err(failure) => errors::exit(&failure, Audience::Dkms),
    }
}

fn common(arguments: &Arguments) -> Common {
    Common {
        root: None,
        dkms_tree: arguments.dkms_tree.clone(),
        source_tree: arguments.source_tree.clone(),
        install_tree: arguments.install_tree.clone(),
        jobs: arguments.jobs,
        quiet: arguments.quiet,
        directives: arguments.directives.clone(),
        kernel_source: arguments.kernel_source.clone(),
        kernel_config: arguments.kernel_config.clone(),
        no_depmod: arguments.no_depmod,
        no_sandbox: false,
        conf: arguments.conf.clone(),
        symlink_modules: arguments.symlink_modules,
        modprobe: arguments.modprobe,
        verbose: arguments.verbose,
        debug: arguments.debug,
        early: false,
        unattended: false,
    }
}

#[allow(clippy::print_stdout, clippy::print_stderr)]
fn run(action: Action, arguments: &Arguments) -> Result<(), Failure> {
    let context = Context::new(&common(arguments), Audience::Dkms)?;
    // Nothing can be registered under a name that is none.
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let (name, version) = (given(&arguments.module), given(&arguments.version));
    let named = |action| match context.module(action, name.as_deref(), version.as_deref()) {
        Err(Failure::Name(e)) => Err(Failure::Usage { message: e.to_string(), code: 3 }),
        other => other,
    };
    let options = |install| {
        let force = arguments.force || install && arguments.rpm_safe_upgrade;
        Options { install, force, force_version: arguments.force_version }
    };
    match action {
        // Whatever there is to say, nobody wants to hear it.
        Action::Status if arguments.quiet => Ok(()),
        Action::Status => {
            let status = dkms_status(&context, &filter(arguments))?;
            for complaint in &status.complaints {
                eprintln!("{complaint}");
            }
            let mut text = status.lines.join("\n");
            if !text.is_empty() {
                text.push('\n');
            }
            use std::io::Write;
            // A reader that has seen enough (`dkms status | head -1`) is no error.
            let _ = std::io::stdout().write_all(text.as_bytes());
            Ok(())
        }
        Action::Add => {
            let Operand::Module(module) = source_or_name(&context, arguments, "add")? else { return Ok(()) };
            if arguments.rpm_safe_upgrade {
                // Also where it is added already, as in an upgrade to the same version.
                rpm_safe::note(&context, &module)?;
            }
            match add::add(&context, &module, arguments.conf.as_deref()) {
                // By the kernel that came with it; the script of its package need not know.
                Err(Failure::AlreadyAdded { .. }) if was_registered_early(&context, &module) => Ok(()),
                added => added,
            }
        }
        Action::Build | Action::Install => {
            let module = match source_or_name(&context, arguments, action.name())? {
                Operand::Module(module) => {
                    // A path is something to be added, so what is added already is an error here too.
                    if arguments.module.is_none() || arguments.version.is_none() {
                        add::add(&context, &module, arguments.conf.as_deref())?;
                    }
                    module
                }
                Operand::Loaded(Loaded::Module(module)) => module,
                Operand::Loaded(Loaded::Package) => return Ok(()),
            };
            build::build(
                &context,
                &module,
                &kernels(&context, arguments)?,
                options(action == Action::Install),
            )
        }
        Action::Uninstall => {
            uninstall::uninstall(&context, &named("uninstall")?, &scope(&context, arguments)?, false)
        }
        Action::Unbuild => {
            uninstall::uninstall(&context, &named("unbuild")?, &scope(&context, arguments)?, true)
        }
        Action::Remove => {
            let scope = scope(&context, arguments)?;
            remove::remove(&context, &named("remove")?, &scope, arguments.rpm_safe_upgrade)
        }
        Action::Autoinstall => autoinstall::autoinstall(&context, &one_kernel(&context, arguments)?),
        Action::KernelPostinst => autoinstall::autoinstall(&context, &one_kernel(&context, arguments)?),
        Action::KernelPrerm => kernel_gone(&context, &one_kernel(&context, arguments)?, Occasion::Prerm),
        Action::KernelPreinst => kernel_gone(&context, &one_kernel(&context, arguments)?, Occasion::Preinst),
        Action::GenerateMok => generate_mok::generate_mok(&context),
        Action::Match => {
            let kernel = one_kernel(&context, arguments)?;
            let template = arguments.template_kernel.as_deref();
            let template = template.map(|k| context.kernel(k, Some(kernel.arch.as_str()))).transpose()?;
            let module = (arguments.module.as_deref(), arguments.version.as_deref());
            matching::match_kernel(&context, &kernel, template.as_ref(), module)
        }
        Action::Mktarball => {
            let options = mktarball::Options {
                archive: arguments.archive.clone(),
                binaries_only: arguments.binaries_only,
                source_only: arguments.source_only,
            };
            mktarball::mktarball(&context, &named("mktarball")?, &scope(&context, arguments)?, &options)
        }
        Action::Ldtarball => {
            // A file that is not there was taken for a module's name.
            let named = arguments.bare_path.as_ref().or(arguments.module.as_ref()).map(Path::new);
            let archive = arguments
                .archive
                .as_deref()
                .or(named)
                .ok_or_else(|| Failure::Usage { message: "'ldtarball' needs an archive".into(), code: 2 })?;
            ldtarball(&context, archive, arguments.force).map(|_| ())
        }
    }
}

fn filter(arguments: &Arguments) -> Filter {
    Filter {
        module: arguments.module.clone(),
        version: arguments.version.clone(),
        kernels: arguments.kernels.clone(),
        arch: arguments.arches.first().cloned(),
    }
}

/// What `add`, `build` and `install` were given to work on.
enum Operand {
    /// A module whose source is where sources belong.
    Module(ModuleId),
    /// An archive, which has been taken in.
    Loaded(Loaded),
}

/// The module that was named; or else the one whose source directory was, copied to where sources belong; or what an
/// archive held.
fn source_or_name(
    context: &Context,
    arguments: &Arguments,
    action: &'static str,
) -> Result<Operand, Failure> {
    match (&arguments.module, &arguments.version, &arguments.source, &arguments.archive) {
        (Some(name), Some(version), ..) if name.is_empty() || version.is_empty() => {
            Err(Failure::ModuleNotNamed { action })
        }
        // There can be no source directory of a name that is none.
        (Some(name), Some(version), ..) => ModuleId::new(name, version)
            .map(Operand::Module)
            .map_err(|e| Failure::Usage { message: e.to_string(), code: 2 }),
        (_, _, Some(source), _) => add::import(context, source, arguments.force).map(Operand::Module),
        (.., Some(archive)) => ldtarball(context, archive, arguments.force).map(Operand::Loaded),
        _ => Err(Failure::ModuleNotNamed { action }),
    }
}

/// The kernels of `-k`, or the running one.
fn kernels(context: &Context, arguments: &Arguments) -> Result<Vec<Kernel>, Failure> {
    if arguments.kernels.is_empty() {
        let running = context.environment.running.clone();
        return Ok(vec![context.kernel(running.as_str(), arguments.arches.first().map(String::as_str))?]);
    }
    arguments.kernels.iter().map(|(kernel, arch)| context.kernel(kernel, arch.as_deref())).collect()
}

fn one_kernel(context: &Context, arguments: &Arguments) -> Result<Kernel, Failure> {
    let mut kernels = kernels(context, arguments)?;
    kernels.pop().ok_or_else(|| Failure::Usage { message: "no kernel".into(), code: 4 })
}

fn scope(context: &Context, arguments: &Arguments) -> Result<Scope, Failure> {
    if arguments.all { Ok(Scope::All) } else { Ok(Scope::Kernels(kernels(context, arguments)?)) }
}
