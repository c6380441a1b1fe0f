//! `.rpm` files, versions 4 and 6: a lead, a header of signatures, the header, and the payload, a compressed cpio
//! archive.
//!
//! The headers are read here and not by the `rpm` crate, which writes our packages: it takes sizes and offsets of a
//! header as they are, and stops the program where they lie.

mod cpio;
pub(super) mod details;
mod header;

use std::collections::BTreeMap;
use std::fs::File;

use header::{Header, tag};

use super::error::Problem;
use super::{Each, Identity, Span, name};

/// The first bytes.
pub(super) const MAGIC: [u8; 4] = [0xed, 0xab, 0xee, 0xdb];
/// Of the lead, which says nothing that the header does not say better.
const LEAD: u64 = 96;

/// `%ghost`: named by the package, but not brought by it.
const GHOST: u32 = 1 << 6;
const TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;
const SYMLINK: u32 = 0o120_000;

/// What the header says of the payload.
#[derive(Debug)]
pub(super) struct Layout {
    signature: Header,
    header: Header,
    /// Where the header begins.
    start: u64,
    /// Where the payload begins.
    payload: u64,
}

/// One file by the header, whose word counts.
#[derive(Debug)]
struct Listed {
    name: String,
    mode: u32,
    size: u64,
    modified: u64,
    target: String,
    ghost: bool,
    /// Those that share a number, within the package, are one file with several names.
    file: u64,
}

/// Reads both headers.
pub(super) fn open(file: &File, length: u64) -> Result<(Identity, Layout), Problem> {
    let (signature, end) = Header::read(file, LEAD, length)?;
    // The header of signatures is filled up to eight bytes.
    let start = end.next_multiple_of(8);
    let (header, payload) = Header::read(file, start, length)?;
    let text = |tag| header.text(tag).map(Option::unwrap_or_default);
    if header.has(tag::SOURCE_PACKAGE) {
        return Err(Problem::not_a_package("it is a source package"));
    }
    let (version, release) = (text(tag::VERSION)?, text(tag::RELEASE)?);
    let epoch = header.numbers(tag::EPOCH)?.first().copied().filter(|epoch| *epoch != 0);
    let epoch = epoch.map(|epoch| format!("{epoch}:")).unwrap_or_default();
    let version = if version.is_empty() { version } else { format!("{epoch}{version}-{release}") };
    let identity = Identity { name: text(tag::NAME)?, version, architecture: text(tag::ARCH)? };
    Ok((identity, Layout { signature, header, start, payload }))
}

impl Layout {
    pub(super) fn paths(&self) -> Result<Vec<String>, Problem> {
        Ok(self.files()?.into_iter().filter(|file| !file.ghost).map(|file| file.name).collect())
    }

    fn files(&self) -> Result<Vec<Listed>, Problem> {
        let header = &self.header;
        let bases = header.texts(tag::BASE_NAMES)?;
        let dirs = header.texts(tag::DIR_NAMES)?;
        let indexes = header.numbers(tag::DIR_INDEXES)?;
        let modes = header.numbers(tag::FILE_MODES)?;
        let times = header.numbers(tag::FILE_TIMES)?;
        let links = header.texts(tag::FILE_LINKS)?;
        let inodes = header.numbers(tag::FILE_INODES)?;
        let flags = header.numbers(tag::FILE_FLAGS)?;
        let mut sizes = header.numbers(tag::LONG_FILE_SIZES)?;
        if sizes.is_empty() {
            sizes = header.numbers(tag::FILE_SIZES)?;
        }
        let lists =
            [indexes.len(), modes.len(), times.len(), links.len(), inodes.len(), flags.len(), sizes.len()];
        if lists.iter().any(|length| *length != bases.len()) {
            return Err(Problem::damaged("its header's lists of files are of different lengths"));
        }
        let at = |list: &[u64], index: usize| list.get(index).copied().unwrap_or_default();
        let small = |list: &[u64], index| u32::try_from(at(list, index)).unwrap_or_default();
        let mut files = Vec::with_capacity(bases.len());
        for (index, base) in bases.iter().enumerate() {
            let dir = usize::try_from(at(&indexes, index)).ok().and_then(|dir| dirs.get(dir));
            let dir =
                dir.ok_or_else(|| Problem::damaged("its header names a directory that is not there"))?;
            let whole = format!("{dir}{base}");
            // The root directory is nobody's to make.
            let name = name::path(whole.strip_prefix('/').unwrap_or(&whole).as_bytes())?.unwrap_or_default();
            files.push(Listed {
                name,
                mode: small(&modes, index),
                size: at(&sizes, index),
                modified: at(&times, index),
                target: (*links.get(index).unwrap_or(&"")).to_owned(),
                ghost: small(&flags, index) & GHOST != 0,
                file: at(&inodes, index),
            });
        }
        Ok(files)
    }
}

/// The members of the payload.
pub(super) fn members(file: &File, layout: &Layout, each: &mut Each<'_>) -> Result<(), Problem> {
    let listed = layout.files()?;
    let length = file.metadata().map_err(Problem::Read)?.len();
    cpio::walk(Span::new(file, layout.payload, length), &Files::new(listed), each)
}

/// The header's files as the payload refers to them.
struct Files {
    listed: Vec<Listed>,
    by_name: BTreeMap<String, usize>,
    /// How many names each file has, and which comes last: that one's member holds the bytes.
    names: BTreeMap<u64, (usize, usize)>,
}

impl Files {
    fn new(listed: Vec<Listed>) -> Self {
        let mut by_name = BTreeMap::new();
        let mut names = BTreeMap::new();
        for (index, file) in listed.iter().enumerate().filter(|(_, file)| !file.ghost) {
            by_name.insert(file.name.clone(), index);
            if file.mode & TYPE == REGULAR {
                let (count, last) = names.entry(file.file).or_insert((0, index));
                *count += 1;
                *last = index;
            }
        }
        Self { listed, by_name, names }
    }
}
