//! Writes an archive.

use super::{BINARIES_ONLY, Codec, MAIN_TREE, SOURCE_TREE};
use crate::install::files::TEMPORARY;
use crate::model::{ArchiveProblem, Failure, Instance, ModuleId};
use std::fs::{File, Metadata, Permissions};
use std::io::{self, BufWriter};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tar::{Builder, EntryType, Header};

/// What an archive is to hold. All paths are places on the machine.
#[derive(Debug, Clone, Default)]
pub struct Contents {
    /// The source directory.
    pub source: Option<PathBuf>,
    /// In its place: the module and its dkms.conf.
    pub binaries_only: Option<(ModuleId, PathBuf)>,
    /// `T/M/V/K/A` of each build.
    pub builds: Vec<(Instance, PathBuf)>,
}

/// The parts of a build that are handed out. The rest is about the machine that built it.
const PARTS: [&str; 2] = ["log", "module"];

/// Writes an archive to `target`, compressed as its name says. It is there whole or not at all.
///
/// # Errors
/// The place cannot be written to, or something cannot be read.
pub fn pack(contents: &Contents, target: &Path) -> Result<(), Failure> {
    let failed = |problem| Failure::Archive { path: target.to_path_buf(), problem };
    let unwritable = |e: io::Error| failed(ArchiveProblem::Target(e.to_string()));
    let stopped = |e: io::Error| failed(ArchiveProblem::Write(e.to_string()));
    let dir = target.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if target.is_dir() {
        return Err(unwritable(io::Error::other("it is a directory")));
    }
    std::fs::create_dir_all(dir).map_err(unwritable)?;
    let file = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(dir).map_err(unwritable)?;
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let handle = file.as_file().try_clone().map_err(unwritable)?;
    let encoder = Codec::of_name(&name).encoder(BufWriter::new(handle)).map_err(stopped)?;
    let mut builder = Builder::new(encoder);
    write(&mut builder, contents).map_err(stopped)?;
    builder.into_inner().and_then(|encoder| encoder.finish()).map_err(stopped)?;
    let handle = file.as_file();
    handle
        .set_permissions(Permissions::from_mode(0o644))
        .and_then(|()| handle.sync_all())
        .map_err(stopped)?;
    file.persist(target).map_err(|e| unwritable(e.error))?;
    Ok(())
}

fn write<W: io::Write>(builder: &mut Builder<W>, contents: &Contents) -> io::Result<()> {
    // Also where it is empty: DKMS takes what has none for some other archive.
    directory(builder, Path::new(MAIN_TREE))?;
    for (instance, dir) in &contents.builds {
        let kernel = Path::new(MAIN_TREE).join(instance.kernel.as_str());
        let place = kernel.join(instance.arch.as_str());
        directory(builder, &kernel)?;
        directory(builder, &place)?;
        for part in PARTS {
            if dir.join(part).is_dir() {
                tree(builder, &dir.join(part), &place.join(part))?;
            }
        }
    }
    if let Some(source) = &contents.source {
        tree(builder, source, Path::new(SOURCE_TREE))?;
    }
    if let Some((module, conf)) = &contents.binaries_only {
        let place = Path::new(BINARIES_ONLY);
        directory(builder, place)?;
        for (name, text) in [("PACKAGE_NAME", &module.name), ("PACKAGE_VERSION", &module.version)] {
            let text = format!("{text}\n");
            let mut header = header(EntryType::Regular, 0o644, 0);
            header.set_size(text.len() as u64);
            builder.append_data(&mut header, place.join(name), text.as_bytes())?;
        }
        one(builder, conf, &place.join("dkms.conf"), &fs_err::metadata(conf)?)?;
    }
    builder.finish()
}

/// A header of a member that belongs to root.
fn header(kind: EntryType, mode: u32, modified: i64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode & 0o777);
    header.set_mtime(u64::try_from(modified).unwrap_or_default());
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    header
}

/// The directories of the layout itself.
fn directory<W: io::Write>(builder: &mut Builder<W>, place: &Path) -> io::Result<()> {
    named(builder, place, header(EntryType::Directory, 0o755, 0))
}

/// A directory's name ends with a slash, as tar(1) writes it.
fn named<W: io::Write>(builder: &mut Builder<W>, place: &Path, mut header: Header) -> io::Result<()> {
    builder.append_data(&mut header, place.join(""), io::empty())
}

/// A directory with all in it, in the order of names: the same tree gives the same archive.
fn tree<W: io::Write>(builder: &mut Builder<W>, dir: &Path, place: &Path) -> io::Result<()> {
    let meta = fs_err::metadata(dir)?;
    named(builder, place, header(EntryType::Directory, meta.mode(), meta.mtime()))?;
    let mut names = fs_err::read_dir(dir)?.map(|e| Ok(e?.file_name())).collect::<io::Result<Vec<_>>>()?;
    names.sort();
    for name in names {
        let (file, place) = (dir.join(&name), place.join(&name));
        let meta = fs_err::symlink_metadata(&file)?;
        if meta.is_dir() {
            tree(builder, &file, &place)?;
        } else {
            one(builder, &file, &place, &meta)?;
        }
    }
    Ok(())
}

fn one<W: io::Write>(builder: &mut Builder<W>, file: &Path, place: &Path, meta: &Metadata) -> io::Result<()> {
    if meta.is_symlink() {
        let mut header = header(EntryType::Symlink, 0o777, meta.mtime());
        return builder.append_link(&mut header, place, fs_err::read_link(file)?);
    }
    if !meta.is_file() {
        let what = format!("{} is neither a file nor a directory nor a link", file.display());
        return Err(io::Error::other(what));
    }
    let mut header = header(EntryType::Regular, meta.mode(), meta.mtime());
    header.set_size(meta.len());
    let mut data = io::Read::take(File::open(file)?, meta.len());
    builder.append_data(&mut header, place, &mut data)?;
    if data.limit() > 0 {
        // What follows would be shifted.
        return Err(io::Error::other(format!("{} became shorter meanwhile", file.display())));
    }
    Ok(())
}
