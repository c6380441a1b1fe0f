//! The file by which programs recognise a prebuilt: `/usr/lib/evermod/prebuilt/KERNEL/MODULE.json`. Its format is
//! `docs/prebuilt.schema.json`.

use serde::Serialize;

use super::{ModulePackage, Provenance};
use crate::repository::sha256;
use crate::{Entry, PackageError};

/// Where they lie.
pub(super) const DIRECTORY: &str = "/usr/lib/evermod/prebuilt";

#[derive(Serialize)]
struct Manifest<'a> {
    schema: u32,
    module: &'a str,
    version: &'a str,
    kernel: &'a str,
    arch: &'a str,
    package: &'a str,
    package_version: &'a str,
    files: Vec<File<'a>>,
    provenance: From<'a>,
}

#[derive(Serialize)]
struct File<'a> {
    path: &'a str,
    sha256: String,
}

#[derive(Serialize)]
struct From<'a> {
    source_sha256: &'a str,
    kernel_package: &'a str,
    kernel_package_version: &'a str,
    compiler: &'a str,
    evermod: &'a str,
    build_key: &'a str,
}

/// The entry for a package of this name and version, as its manager writes them; `paths` are those of `package.files`.
///
/// # Errors
/// None that the serializer can have with these values.
pub(super) fn entry(
    package: &ModulePackage,
    name: &str,
    version: &str,
    paths: &[String],
) -> Result<Entry, PackageError> {
    let ModulePackage { module, version: module_version, kernel, provenance, .. } = package;
    let files =
        paths.iter().zip(&package.files).map(|(path, file)| File { path, sha256: sha256(&file.content) });
    let mut files: Vec<File<'_>> = files.collect();
    files.sort_by_key(|file| file.path);
    let Provenance { source_sha256, kernel_package, compiler, evermod, build_key } = provenance;
    let manifest = Manifest {
        schema: 1,
        module,
        version: module_version,
        kernel: &kernel.release,
        arch: &kernel.arch,
        package: name,
        package_version: version,
        files,
        provenance: From {
            source_sha256,
            kernel_package: &kernel_package.name,
            kernel_package_version: &kernel_package.version,
            compiler,
            evermod,
            build_key,
        },
    };
    let mut text = serde_json::to_string_pretty(&manifest).map_err(std::io::Error::from)?;
    text.push('\n');
    Ok(Entry::file(format!("{DIRECTORY}/{}/{module}.json", kernel.release), text))
}
