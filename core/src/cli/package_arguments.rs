//! The options of `package`.

use super::context::Context;
use super::evermod::{json, print};
use super::openpgp::KeyArguments;
use super::verbs::package;
use crate::model::Failure;
use crate::report::matrix::text;
use clap::Args;
use evermod_packaging::read::Format;
use std::path::PathBuf;
use std::process::ExitCode;

/// What to package, for what, and where to.
#[derive(Debug, Args)]
pub(super) struct PackageArguments {
    /// Registered modules, directories with a dkms.conf, or package files with one
    #[arg(value_name = "MODULE[/VERSION]|DIR|FILE", required = true)]
    modules: Vec<String>,
    /// The kernels; the running one by default, with --kernels-from all that there are
    #[arg(short, long, value_name = "RELEASE", conflicts_with = "all_kernels")]
    kernel: Vec<String>,
    /// All kernels of this machine that have headers
    #[arg(long, conflicts_with = "kernels_from")]
    all_kernels: bool,
    /// Package files with kernels' headers (.deb, .rpm, .pkg.tar.*), or directories of such files
    #[arg(long, value_name = "DIR|FILE", num_args = 1)]
    kernels_from: Vec<PathBuf>,
    /// The formats, with commas between them: deb, rpm, arch; by default that of the kernel's own packages
    #[arg(long, value_name = "FORMATS", value_delimiter = ',', hide_possible_values = true)]
    format: Vec<PackageFormat>,
    /// Where the packages go
    #[arg(short, long, value_name = "DIR", default_value = "packages")]
    output: PathBuf,
    /// The packaging's own revision
    #[arg(long, value_name = "TEXT", default_value = "1")]
    revision: String,
    /// Who answers for the packages; by default DEBFULLNAME and DEBEMAIL
    #[arg(long, value_name = "NAME <ADDRESS>")]
    maintainer: Option<String>,
    /// The private key that signs modules; by default what this machine signs with
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
    /// The certificate of the key
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    #[command(flatten)]
    package_key: KeyArguments,
    /// Make no packages of sources
    #[arg(long)]
    no_source: bool,
    /// Make no metapackages
    #[arg(long)]
    no_metapackage: bool,
    /// Build what an earlier run has built already, too
    #[arg(long)]
    rebuild: bool,
    /// Print versioned JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// The formats of packages, as a caller names them.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum PackageFormat {
    Deb,
    Rpm,
    Arch,
}

/// Runs the verb and prints what became of it.
///
/// # Errors
/// Nothing could be built at all.
pub(super) fn run(context: &Context, arguments: PackageArguments) -> Result<ExitCode, Failure> {
    let mut formats: Vec<Format> = Vec::new();
    for format in arguments.format {
        let format = match format {
            PackageFormat::Deb => Format::Deb,
            PackageFormat::Rpm => Format::Rpm,
            PackageFormat::Arch => Format::Arch,
        };
        if !formats.contains(&format) {
            formats.push(format);
        }
    }
    let request = package::Request {
        modules: arguments.modules,
        kernels: arguments.kernel,
        all_kernels: arguments.all_kernels,
        kernels_from: arguments.kernels_from,
        formats,
        output: arguments.output,
        revision: arguments.revision,
        maintainer: arguments.maintainer,
        source: !arguments.no_source,
        metapackage: !arguments.no_metapackage,
        key: arguments.key.zip(arguments.certificate),
        rebuild: arguments.rebuild,
    };
    let signer = arguments.package_key.signer(context)?;
    let matrix = package::package(context, &request, signer.as_deref())?;
    if arguments.json {
        json(&matrix)?;
    } else {
        print(&format!("\n{}", text(&matrix, context.is_coloured())));
    }
    let short = Failure::Autoinstall(1).exit_code();
    Ok(if matrix.is_short() { ExitCode::from(short) } else { ExitCode::SUCCESS })
}
