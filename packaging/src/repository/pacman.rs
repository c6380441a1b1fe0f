//! pacman's repositories: `NAME.db` and `NAME.files`, tar archives with a directory for each package (alpm-repo-db(7),
//! alpm-repo-desc(5), alpm-repo-files(5)).

mod desc;

use std::collections::BTreeMap;

use super::{IndexFile, RepositoryError, Stored, codec};
use crate::read::{Listed, PackageFile};
use crate::{Entry as Member, tarball};

/// A package in the databases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    name: String,
    version: String,
    desc: String,
    files: String,
}

/// What is in the databases: for each package by its name the version, `desc` and `files`. pacman knows one version of
/// each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Database {
    packages: BTreeMap<String, Entry>,
}

/// One version of a package in the place of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// The package.
    pub name: String,
    /// The version that was there.
    pub old: String,
    /// The version that is there now.
    pub new: String,
}

/// The name of a package's file: `NAME-VERSION-RELEASE-ARCH.pkg.tar.*`.
///
/// # Errors
/// Its file has another package's name, or one that pacman refuses.
pub fn package_path(package: &PackageFile, file_name: &str) -> Result<String, RepositoryError> {
    let PackageFile { name, version, architecture, .. } = package;
    let own = format!("{name}-{version}-{architecture}.pkg.tar");
    if !file_name.strip_prefix(&own).is_some_and(|end| ["", ".zst", ".xz", ".gz"].contains(&end)) {
        return Err(RepositoryError::package(format!(
            "by what it says of itself its file should be called {own}.zst"
        )));
    }
    let known = |b: u8| b.is_ascii_alphanumeric() || b"@._+-:~".contains(&b);
    if !own.bytes().all(known) {
        return Err(RepositoryError::package(
            "its name, version or architecture has characters that pacman does not know",
        ));
    }
    if version.rsplit_once('-').is_none_or(|(version, release)| version.is_empty() || release.is_empty()) {
        return Err(RepositoryError::package(format!("its version `{version}` has no release")));
    }
    Ok(file_name.to_owned())
}

/// What the databases say of a package.
///
/// # Errors
/// Its `.PKGINFO` has what no database can hold.
pub fn entry(package: &PackageFile, listing: &[Listed], stored: &Stored) -> Result<Entry, RepositoryError> {
    let PackageFile { name, version, .. } = package;
    Ok(Entry {
        name: name.clone(),
        version: version.clone(),
        desc: desc::desc(package.control_text(), name, version, stored)?,
        files: desc::files(listing),
    })
}

impl Database {
    /// Reads the plain archive of `NAME.files`, which has all that `NAME.db` has.
    ///
    /// # Errors
    /// It is no such archive.
    pub fn parse(archive: &[u8]) -> Result<Self, RepositoryError> {
        let damaged = |why: &str| RepositoryError::Index(format!("the database {why}"));
        let mut packages: BTreeMap<String, Entry> = BTreeMap::new();
        let mut archive = tar::Archive::new(archive);
        for member in archive.entries()? {
            let mut member = member?;
            if !member.header().entry_type().is_file() {
                continue;
            }
            let path = String::from_utf8(member.path_bytes().into_owned());
            let path = path.map_err(|_| damaged("has a name that is not UTF-8"))?;
            let mut text = String::new();
            std::io::Read::read_to_string(&mut member, &mut text)?;
            let (dir, file) =
                path.rsplit_once('/').ok_or_else(|| damaged("has a file outside of a package"))?;
            let mut parts = dir.rsplitn(3, '-');
            let (Some(release), Some(version), Some(name)) = (parts.next(), parts.next(), parts.next())
            else {
                return Err(damaged("has a directory that is no package's"));
            };
            let entry = packages.entry(name.to_owned()).or_insert_with(|| Entry {
                name: name.to_owned(),
                version: format!("{version}-{release}"),
                desc: String::new(),
                files: String::new(),
            });
            match file {
                "desc" => entry.desc = text,
                "files" => entry.files = text,
                _ => {}
            }
        }
        Ok(Self { packages })
    }

    /// Puts packages in, each in place of any other version of its name. Says which it replaced, or `None` where all
    /// are there already.
    ///
    /// # Errors
    /// One is there in this version with other contents.
    pub fn merge(&mut self, added: &[Entry]) -> Result<Option<Vec<Replaced>>, RepositoryError> {
        let mut replaced = Vec::new();
        let mut changed = false;
        for entry in added {
            if let Some(old) = self.packages.get(&entry.name) {
                if old == entry {
                    continue;
                }
                if old.version == entry.version && desc::digest(&old.desc) != desc::digest(&entry.desc) {
                    let architecture = desc::value(&entry.desc, "ARCH");
                    return Err(RepositoryError::other_contents(&entry.name, &entry.version, architecture));
                }
                let (old, new) = (old.version.clone(), entry.version.clone());
                replaced.push(Replaced { name: entry.name.clone(), old, new });
            }
            changed = true;
            self.packages.insert(entry.name.clone(), entry.clone());
        }
        replaced.retain(|replaced| replaced.old != replaced.new);
        Ok(changed.then_some(replaced))
    }

    /// The architecture of its packages, where one of them is not for all.
    pub fn architecture(&self) -> Option<&str> {
        let mut all = self.packages.values().map(|entry| desc::value(&entry.desc, "ARCH"));
        all.find(|architecture| *architecture != "any")
    }

    /// Whether it refers to this file.
    pub fn refers_to(&self, path: &str) -> bool {
        self.packages.values().any(|entry| desc::value(&entry.desc, "FILENAME") == path)
    }

    /// The databases as files: `NAME.db.tar.zst` and `NAME.files.tar.zst`.
    ///
    /// # Errors
    /// A compressor fails.
    pub fn files(&self, name: &str, time: u64) -> Result<Vec<IndexFile>, RepositoryError> {
        let mut out = Vec::new();
        for (kind, with_files) in [("db", false), ("files", true)] {
            let mut members = Vec::with_capacity(self.packages.len() * 3);
            for entry in self.packages.values() {
                let dir = format!("/{}-{}", entry.name, entry.version);
                members.push(Member::directory(dir.as_str()));
                members.push(Member::file(format!("{dir}/desc"), entry.desc.as_str()));
                if with_files {
                    members.push(Member::file(format!("{dir}/files"), entry.files.as_str()));
                }
            }
            let archive = tarball::write(&members, "", time)?;
            out.push(IndexFile { name: format!("{name}.{kind}.tar.zst"), content: codec::zstd(&archive)? });
        }
        Ok(out)
    }
}
