//! Reads package **files**: what arrives with a transaction, before the package manager has touched anything.
//!
//! A file is a stranger's: nothing in it is believed before it was looked at. Sizes are checked against what is there,
//! names against what a package may hold, and [`PackageFile::unpack`] writes nothing outside the directory that it is
//! given, whatever names and links a package has. Scripts are never run, signatures never checked: the package manager
//! does both, before and after.

mod arch;
mod codec;
mod deb;
mod destination;
mod error;
mod inside;
mod metered;
mod name;
mod rpm;
mod span;
mod tarball;

#[cfg(test)]
pub(crate) mod tests;

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

pub(crate) use codec::decoder;
use destination::Destination;
use error::Problem;
use span::Span;

pub use error::ReadError;
pub use rpm::details::{RpmChange, RpmDetails, RpmRelation, RpmRelations};

/// The formats of package files, told by the first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// dpkg's `.deb`.
    Deb,
    /// `.rpm`, version 4 or 6 of the format.
    Rpm,
    /// pacman's `.pkg.tar`, compressed or not.
    Arch,
}

impl Format {
    /// As callers and programs name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Rpm => "rpm",
            Self::Arch => "arch",
        }
    }
}

/// A package file that is open, of which the control data was read.
#[derive(Debug)]
pub struct PackageFile {
    /// How it is written.
    pub format: Format,
    /// The package's name.
    pub name: String,
    /// Its version as the manager prints it: `[epoch:]version[-release]`, without an epoch of 0.
    pub version: String,
    /// The machines it is for, in the format's own words (`amd64`, `x86_64`, `all`, `noarch`, `any`).
    pub architecture: String,
    path: PathBuf,
    file: File,
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Deb(deb::Members),
    Rpm(rpm::Layout),
    /// The text of `.PKGINFO`.
    Arch(String),
}

/// One path of a package, as [`PackageFile::listing`] gives it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// Without leading `/` or `./`, and without a `/` at the end.
    pub path: String,
    /// What is there.
    pub kind: ListedKind,
}

/// What a listed path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ListedKind {
    /// A file, a link, or anything else that is no directory.
    File,
    /// A directory.
    Directory,
    /// rpm's `%ghost`: named, but not brought.
    Ghost,
}

/// The words that every format has.
#[derive(Debug, Default)]
struct Identity {
    name: String,
    version: String,
    architecture: String,
}

/// One thing in a package's payload.
struct Member<'a> {
    /// Without leading `/` or `./`.
    name: String,
    kind: Kind,
    /// Permission bits, and what else the format keeps beside them.
    mode: u32,
    /// Seconds since 1970.
    modified: u64,
    content: &'a mut dyn io::Read,
}

enum Kind {
    /// A regular file of so many bytes, and the other names it is linked to.
    File {
        size: u64,
        also: Vec<String>,
    },
    Directory,
    Symlink(String),
    /// Another name of a file that came before.
    HardLink(String),
    /// A device, a pipe, a socket.
    Special,
}

/// Whether the members that follow are wanted too.
#[derive(PartialEq, Eq)]
enum Next {
    Continue,
    Stop,
}

/// What is done with each member.
type Each<'a> = dyn FnMut(Member<'_>) -> Result<Next, Problem> + 'a;

impl PackageFile {
    /// Opens a package and reads its control data, never its payload: a few kilobytes, of an `.rpm` its header.
    ///
    /// # Errors
    /// The file is not there or not readable, is no package of a known format, or is damaged.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let failed = |problem| ReadError::new(path, problem);
        // A pipe in the place of a file must not make anybody wait.
        let file = File::options().read(true).custom_flags(never_waiting()).open(path);
        let file = file.map_err(|why| failed(Problem::Open(why)))?;
        let meta = file.metadata().map_err(|why| failed(Problem::Open(why)))?;
        if !meta.is_file() {
            return Err(failed(Problem::not_a_package("it is no regular file")));
        }
        let (format, identity, inner) = Self::control(&file, meta.len()).map_err(failed)?;
        for (field, value) in [
            ("name", &identity.name),
            ("version", &identity.version),
            ("architecture", &identity.architecture),
        ] {
            name::word(field, value).map_err(failed)?;
        }
        let Identity { name, version, architecture } = identity;
        Ok(Self { format, name, version, architecture, path: path.to_path_buf(), file, inner })
    }

    fn control(file: &File, length: u64) -> Result<(Format, Identity, Inner), Problem> {
        let mut magic = [0; 8];
        let read = Span::new(file, 0, length).fill(&mut magic).map_err(Problem::Read)?;
        let magic = magic.get(..read).unwrap_or_default();
        if magic.starts_with(deb::MAGIC) {
            let (identity, members) = deb::open(file, length)?;
            Ok((Format::Deb, identity, Inner::Deb(members)))
        } else if magic.starts_with(&rpm::MAGIC) {
            let (identity, layout) = rpm::open(file, length)?;
            Ok((Format::Rpm, identity, Inner::Rpm(layout)))
        } else {
            let (identity, info) = arch::open(Span::new(file, 0, length))?;
            Ok((Format::Arch, identity, Inner::Arch(info)))
        }
    }

    /// The paths that the package brings, without leading `/` or `./` and without a `/` at the end of directories.
    ///
    /// The cheapest list that the format has, none of which needs the payload: of an `.rpm` the header (all but
    /// `%ghost` files), of an Arch package the `.MTREE`, of a `.deb` the `md5sums`, **which name regular files only**,
    /// without links, directories and configuration files. Only where a package lacks that list the payload is read.
    ///
    /// # Errors
    /// The package is damaged, or names what no package may hold.
    pub fn paths(&self) -> Result<Vec<String>, ReadError> {
        let listed = match &self.inner {
            Inner::Deb(members) => deb::listed(&self.file, members),
            Inner::Rpm(layout) => layout.paths().map(Some),
            Inner::Arch(_) => self.whole().and_then(arch::listed),
        };
        let paths = match listed {
            Ok(None) => self.names(),
            Ok(Some(paths)) => Ok(paths),
            Err(problem) => Err(problem),
        };
        paths.map_err(|problem| ReadError::new(&self.path, problem))
    }

    /// Unpacks the paths that `wanted` says yes to into the directory `into`, and tells what it has made, in the
    /// package's order.
    ///
    /// `wanted` gets paths as [`Self::paths`] gives them, links and directories too. Directories above what is wanted
    /// are made. Symbolic links are kept as they are, absolute ones too; hard links stay links. Permissions and times
    /// are kept, but no set-user-ID bits; everything belongs to the caller. Devices, pipes and sockets are an error
    /// where they are wanted. Files that are there already are replaced.
    ///
    /// `into` is the root of a file system to whoever unpacks: links in it that were there before (`lib -> usr/lib`)
    /// are followed as if it were `/`. Nothing is ever written through a link that comes from the package itself.
    ///
    /// # Errors
    /// As [`Self::paths`]; the package holds more than 4 GiB; `into` cannot be written. What was made until then stays.
    pub fn unpack(&self, into: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<String>, ReadError> {
        let run = || {
            let mut destination = Destination::open(into, wanted)?;
            self.members(&mut |member| destination.take(member))?;
            // Only a hard link to a file that was not wanted needs its bytes from a second reading.
            if destination.owes() {
                self.members(&mut |member| destination.take_owed(member))?;
            }
            destination.finish()
        };
        run().map_err(|problem| ReadError::new(&self.path, problem))
    }

    /// The text of a `.deb`'s control file or of an Arch package's `.PKGINFO`; of an `.rpm`, whose words are in
    /// [`Self::rpm_details`], nothing.
    pub fn control_text(&self) -> &str {
        match &self.inner {
            Inner::Deb(members) => &members.text,
            Inner::Rpm(_) => "",
            Inner::Arch(info) => info,
        }
    }

    /// What the header of an `.rpm` says to repositories; `None` for other formats.
    ///
    /// # Errors
    /// The header is damaged.
    pub fn rpm_details(&self) -> Result<Option<RpmDetails>, ReadError> {
        let Inner::Rpm(layout) = &self.inner else { return Ok(None) };
        layout.details().map(Some).map_err(|problem| ReadError::new(&self.path, problem))
    }

    /// Reads all of the package, and gives every path that it has, sorted.
    ///
    /// Unlike [`Self::paths`] this finds any damage that the format's own checksums and sizes tell of.
    ///
    /// # Errors
    /// The package is damaged, or names what no package may hold.
    pub fn listing(&self) -> Result<Vec<Listed>, ReadError> {
        let read = || {
            let mut all = Vec::new();
            self.members(&mut |member| {
                let listed = |path, kind| Listed { path, kind };
                if let Kind::File { also, .. } = member.kind {
                    all.extend(also.into_iter().map(|path| listed(path, ListedKind::File)));
                    all.push(listed(member.name, ListedKind::File));
                } else {
                    let is_directory = matches!(member.kind, Kind::Directory);
                    let kind = if is_directory { ListedKind::Directory } else { ListedKind::File };
                    all.push(listed(member.name, kind));
                }
                Ok(Next::Continue)
            })?;
            if let Inner::Rpm(layout) = &self.inner {
                layout.check_digests(&self.file)?;
                // The header's word counts: it names what the payload does not bring.
                all = layout.listing()?;
            }
            all.sort();
            Ok(all)
        };
        read().map_err(|problem| ReadError::new(&self.path, problem))
    }

    fn names(&self) -> Result<Vec<String>, Problem> {
        let mut names = Vec::new();
        self.members(&mut |member| {
            if let Kind::File { also, .. } = member.kind {
                names.extend(also);
            }
            names.push(member.name);
            Ok(Next::Continue)
        })?;
        Ok(names)
    }

    fn whole(&self) -> Result<Span<'_>, Problem> {
        Ok(Span::new(&self.file, 0, self.file.metadata().map_err(Problem::Read)?.len()))
    }

    fn members(&self, each: &mut Each<'_>) -> Result<(), Problem> {
        match &self.inner {
            Inner::Deb(members) => deb::members(&self.file, members, each),
            Inner::Rpm(layout) => rpm::members(&self.file, layout, each),
            Inner::Arch(_) => arch::members(self.whole()?, each),
        }
    }
}

fn never_waiting() -> i32 {
    rustix::fs::OFlags::NONBLOCK.bits().cast_signed()
}
