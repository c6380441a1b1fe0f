//! An APT repository: from InRelease over each Packages to every package.

use std::error::Error;

use debian_packaging::repository::RepositoryRootReader;
use debian_packaging::repository::filesystem::FilesystemRepositoryReader;

use crate::package;

/// What an index says of a package beyond the package's own fields.
const OF_THE_INDEX: [&str; 7] = ["Filename", "Size", "MD5sum", "SHA1", "SHA256", "SHA512", "Description-md5"];

/// Prints the packages of a repository, and returns what is wrong with it.
pub async fn run(directory: &str, suite: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let directory = std::fs::canonicalize(directory)?;
    let root = FilesystemRepositoryReader::new(&directory);
    let release = root.release_reader(suite).await?;
    let mut problems = Vec::new();
    if release.release_file().signatures().is_none() {
        problems.push("InRelease carries no signature".to_owned());
    }
    let fetches = release.resolve_package_fetches(Box::new(|_| true), Box::new(|_| true), 1).await?;
    for fetch in fetches {
        let path = fetch.path.clone();
        let indexed: Vec<(String, String)> = fetch
            .control_file
            .iter_fields()
            .map(|field| (field.name().to_owned(), field.value_str().to_owned()))
            .collect();
        let (fields, wrong) = package::fields(root.fetch_binary_package_deb_reader(fetch).await?).await?;
        problems.extend(wrong.into_iter().map(|wrong| format!("{path}: {wrong}")));
        for (name, value) in &indexed {
            if !OF_THE_INDEX.contains(&name.as_str()) && fields.get(name) != Some(value) {
                problems.push(format!("{path}: {name} is {:?}, the index says {value:?}", fields.get(name)));
            }
        }
        for name in fields.keys() {
            if !indexed.iter().any(|(indexed, _)| indexed == name) {
                problems.push(format!("{path}: the index lacks {name}"));
            }
        }
        let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
        println!("{} {} {}", field("Package"), field("Version"), field("Architecture"));
    }
    Ok(problems)
}
