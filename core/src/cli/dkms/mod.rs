//! DKMS's dialect: what `dkms` answers to.

pub mod arguments;
mod usage;

use super::context::{Audience, Common, Context};
use super::errors;
use super::verbs::build::Options;
use super::verbs::status::{Filter, dkms_status};
use super::verbs::uninstall::Scope;
use super::verbs::{add, autoinstall, build, generate_mok, kernel_gone, remove, uninstall};
use crate::inventory::Kernel;
use crate::model::{Failure, ModuleId};
use arguments::{Action, Arguments, Disk};
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

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
        Err(failure) => {
            let code = errors::exit(&failure, Audience::Dkms);
            if matches!(failure, Failure::Usage { code: 2, .. }) {
                print!("{}", usage::TEXT);
            }
            return code;
        }
    };
    if arguments.show_version {
        println!("dkms-{DKMS_VERSION}");
        return ExitCode::SUCCESS;
    }
    if arguments.show_help {
        print!("{}", usage::TEXT);
        return ExitCode::SUCCESS;
    }
    for warning in &arguments.warnings {
        eprintln!("{warning}");
    }
    let Some(action) = arguments.action else {
        let what = arguments.module.as_deref().unwrap_or_default();
        eprintln!("\nError! Unknown action specified: \"{what}\"");
        print!("{}", usage::TEXT);
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
    let options =
        |install| Options { install, force: arguments.force, force_version: arguments.force_version };
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
            let module = source_or_name(&context, arguments, "add")?;
            add::add(&context, &module, arguments.conf.as_deref())
        }
        Action::Build => {
            let module = source_or_name(&context, arguments, "build")?;
            build::build(&context, &module, &kernels(&context, arguments)?, options(false))
        }
        Action::Install => {
            let module = source_or_name(&context, arguments, "install")?;
            build::build(&context, &module, &kernels(&context, arguments)?, options(true))
        }
        Action::Uninstall => {
            uninstall::uninstall(&context, &named("uninstall")?, &scope(&context, arguments)?, false)
        }
        Action::Unbuild => {
            uninstall::uninstall(&context, &named("unbuild")?, &scope(&context, arguments)?, true)
        }
        Action::Remove => remove::remove(&context, &named("remove")?, &scope(&context, arguments)?),
        Action::Autoinstall => autoinstall::autoinstall(&context, &one_kernel(&context, arguments)?),
        Action::KernelPostinst => autoinstall::autoinstall(&context, &one_kernel(&context, arguments)?),
        Action::KernelPrerm | Action::KernelPreinst => {
            kernel_gone::kernel_gone(&context, &one_kernel(&context, arguments)?)
        }
        Action::GenerateMok => generate_mok::generate_mok(&context),
        Action::Match | Action::Mktarball | Action::Ldtarball => Err(Failure::Usage {
            message: format!("'{}' is not there yet in this version of evermod", action.name()),
            code: 4,
        }),
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

/// The module that was named, or the one whose source directory was, copied to where sources belong.
fn source_or_name(
    context: &Context,
    arguments: &Arguments,
    action: &'static str,
) -> Result<ModuleId, Failure> {
    match (&arguments.module, &arguments.version, &arguments.source) {
        (Some(name), Some(version), _) if name.is_empty() || version.is_empty() => {
            Err(Failure::ModuleNotNamed { action })
        }
        // There can be no source directory of a name that is none.
        (Some(name), Some(version), _) => {
            ModuleId::new(name, version).map_err(|e| Failure::Usage { message: e.to_string(), code: 2 })
        }
        (_, _, Some(source)) => add::import(context, source, arguments.force),
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
