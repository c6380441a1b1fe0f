//! `package`: prebuilt modules for kernels, as packages of all three formats. Everything is built in a view of its own, where
//! headers may only lie in package files and the DKMS tree is empty; this machine does not change.

mod build;
mod contents;
mod drafts;
mod given;
mod kept;
mod keys;
mod output;
mod side_by_side;
mod stage;
mod targets;
mod write;

use crate::cli::context::Context;
use crate::inventory::KernelPackages;
use crate::model::{Failure, Signature};
use crate::report::Event;
use crate::report::matrix::{Cell, Matrix, Outcome};
use evermod_packaging::openpgp::Signer;
use evermod_packaging::read::Format;
use given::Given;
use kept::Kept;
use keys::Keys;
use output::Output;
use std::os::fd::AsRawFd;
use std::path::PathBuf;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// Modules: registered ones, directories with a dkms.conf, package files with one.
    pub modules: Vec<String>,
    /// Only these kernels.
    pub kernels: Vec<String>,
    /// All kernels of this machine that have headers.
    pub all_kernels: bool,
    /// Package files with headers, and directories with such files, in place of this machine's kernels.
    pub kernels_from: Vec<PathBuf>,
    /// The formats; of each kernel its distribution's own if empty.
    pub formats: Vec<Format>,
    /// Where packages go.
    pub output: PathBuf,
    /// The packaging's own revision.
    pub revision: String,
    /// Who answers for the packages: `Name <address>`.
    pub maintainer: Option<String>,
    /// Whether to make packages of sources, too.
    pub source: bool,
    /// Whether to make metapackages, too.
    pub metapackage: bool,
    /// The key that signs modules and its certificate.
    pub key: Option<(PathBuf, PathBuf)>,
    /// Whether to build what an earlier run has built already.
    pub rebuild: bool,
}

/// Name of the page beside the packages.
const PAGE: &str = "index.html";

/// Builds, packages and tells what became of it. Of this machine only the output directory changes. `signer` signs packages
/// whose managers want it.
///
/// # Errors
/// What keeps everything from being built: names that mean nothing, no kernel, no view. All else is in the matrix.
pub fn package(context: &Context, request: &Request, signer: Option<&dyn Signer>) -> Result<Matrix, Failure> {
    if !context.places.root.is_host() {
        let message =
            "packages are made of what this system has: --root means nothing here; see --kernels-from".into();
        return Err(Failure::Usage { message, code: 2 });
    }
    let date = source_date(context)?;
    let offered = match request.kernels_from.as_slice() {
        [] => None,
        places => Some(KernelPackages::read(places, &context.environment.arch)?),
    };
    let given = request
        .modules
        .iter()
        .map(|text| Given::find(context, text, offered.as_ref()))
        .collect::<Result<Vec<_>, _>>()?;
    let keys = Keys::open(context, request.key.as_ref())?;
    if let Some(why) = keys.unsigned() {
        context.sink.event(&Event::Note {
            text: &format!("Modules will not be signed: {why} (--key, --certificate)."),
        });
    }
    let chosen = targets::choose(context, request, offered.as_ref())?;
    let output = Output::open(&request.output, &given)?;

    let kept = Kept::open(context, &keys, request.rebuild);
    let mut problems = offered.as_ref().map(|offered| offered.problems.clone()).unwrap_or_default();
    let mut staged = stage::stage(context, &given, offered.as_ref(), &chosen, &output, &mut problems)
        .inspect_err(|_| output.withdraw())?;
    let targets = targets::describe(context, chosen, &staged, offered.as_ref(), date);
    if let Some(kept) = &kept {
        staged.places.cache = kept.place();
    }
    let work = build::build(context, &staged, &targets, &keys, &output, kept.as_ref())?;
    let signing = write::Signing { output: &output, signer };
    let written = write::write(context, request, &staged, &targets, &work, &signing, &mut problems)?;

    let mut cells = work.cells;
    for (module, kernel, why) in written.failed {
        for cell in cells.iter_mut().filter(|cell| cell.module == module && cell.kernel == kernel) {
            cell.outcome = Outcome::Failed;
            cell.why = Some(why.clone());
        }
    }
    let is_with_page = offered.is_some();
    keep_logs(&output, &mut cells, &work.logs, is_with_page)?;
    let mut matrix = Matrix {
        version: 1,
        output: request.output.display().to_string(),
        kernels: targets.iter().map(|target| target.release.to_string()).collect(),
        cells,
        packages: written.packages,
        problems,
    };
    matrix.packages.sort_by(|a, b| a.file.cmp(&b.file));
    if is_with_page {
        let made_by = concat!("evermod ", env!("CARGO_PKG_VERSION"));
        output.write(PAGE, crate::report::page::page(&matrix, made_by).as_bytes())?;
    }
    Ok(matrix)
}

/// `SOURCE_DATE_EPOCH`, if the caller has set it.
///
/// # Errors
/// It is no number.
pub fn source_date(context: &Context) -> Result<Option<u64>, Failure> {
    let Some(text) = context.environment.variables.get("SOURCE_DATE_EPOCH") else { return Ok(None) };
    let message = || format!("SOURCE_DATE_EPOCH is to be seconds since 1970, and not {text:?}");
    text.parse().map(Some).map_err(|_| Failure::Usage { message: message(), code: 2 })
}

/// Writes the logs of what was built beside the page, or only of what failed where there is none.
fn keep_logs(
    output: &Output,
    cells: &mut [Cell],
    logs: &[((String, String), Vec<u8>)],
    all: bool,
) -> Result<(), Failure> {
    for cell in cells {
        let key = (cell.module.clone(), cell.kernel.clone().unwrap_or_default());
        let log = logs.iter().find(|(of, _)| *of == key).map(|(_, log)| log);
        if let Some(log) = log.filter(|_| all || cell.outcome == Outcome::Failed) {
            let name = log_name(&cell.module, &key.1);
            output.write(&name, log)?;
            cell.log = Some(name);
        }
    }
    Ok(())
}

/// What was opened before the view was entered, wherever its own path leads by now.
fn opened(file: &impl AsRawFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// Where the log of a module for a kernel goes, below the directory of the packages.
fn log_name(module: &str, kernel: &str) -> String {
    format!("logs/{}-{kernel}.log", module.replace('/', "-"))
}

/// A cell of what was not built.
fn lost(module: &str, kernel: Option<String>, outcome: Outcome, why: String) -> Cell {
    Cell {
        module: module.into(),
        kernel,
        outcome,
        why: Some(why),
        signature: None,
        milliseconds: 0,
        log: None,
    }
}

/// A cell of what was built.
fn won(module: &str, kernel: String, signature: Option<Signature>, milliseconds: u64) -> Cell {
    let outcome = Outcome::Built;
    Cell {
        module: module.into(),
        kernel: Some(kernel),
        outcome,
        why: None,
        signature,
        milliseconds,
        log: None,
    }
}
