//! The tar archives in packages of Debian and Arch.

use std::collections::BTreeSet;
use std::io;

use tar::{EntryType, Header};

use crate::{Content, Entry};

/// The size of a name in tar's old header.
const NAME: usize = 100;

/// Adds the directories above the entries, where they are not among them, and sorts by name.
pub(crate) fn add_parents(entries: &mut Vec<Entry>) {
    let there: BTreeSet<String> = entries.iter().map(|entry| entry.path.clone()).collect();
    let parents: BTreeSet<String> = there
        .iter()
        .flat_map(|path| path.match_indices('/').skip(1).map(|(at, _)| path[..at].to_owned()))
        .filter(|path| !there.contains(path))
        .collect();
    entries.extend(parents.into_iter().map(Entry::directory));
    entries.sort_by(|a, b| a.path.cmp(&b.path));
}

/// Writes `entries`, in their order, with names that begin with `prefix`: `./` for dpkg, nothing for pacman.
///
/// The `tar` crate's own functions drop `./`, which dpkg's tools print and some rely upon, so names are
/// put into the header by hand, and long ones before it as GNU tar does.
///
/// # Errors
/// A file beyond what the header can say.
pub(crate) fn write(entries: &[Entry], prefix: &str, mtime: u64) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    if !prefix.is_empty() {
        append(&mut archive, &Entry::directory("/"), prefix, mtime)?;
    }
    for entry in entries {
        append(&mut archive, entry, prefix, mtime)?;
    }
    archive.into_inner()
}

fn append(archive: &mut tar::Builder<Vec<u8>>, entry: &Entry, prefix: &str, mtime: u64) -> io::Result<()> {
    let (kind, data, slash): (_, &[u8], _) = match &entry.content {
        Content::File(content) | Content::Configuration(content) => (EntryType::Regular, content, ""),
        Content::Symlink(_) => (EntryType::Symlink, &[], ""),
        Content::Directory => (EntryType::Directory, &[], if entry.path == "/" { "" } else { "/" }),
    };
    let name = format!("{prefix}{}{slash}", entry.path.trim_start_matches('/'));
    if name.len() > NAME {
        long(archive, EntryType::GNULongName, &name)?;
    }
    let mut header = header(kind, data.len(), mtime);
    header.set_mode(entry.mode);
    // Numbers differ between machines; managers look the names up and take the numbers where there is no such name.
    header.set_username(&entry.owner)?;
    header.set_groupname(&entry.group)?;
    put(&mut header.as_old_mut().name, &name);
    if let Content::Symlink(target) = &entry.content {
        if target.len() > NAME {
            long(archive, EntryType::GNULongLink, target)?;
        }
        put(&mut header.as_old_mut().linkname, target);
    }
    header.set_cksum();
    archive.append(&header, data)
}

/// An entry that carries the name of the next one.
fn long(archive: &mut tar::Builder<Vec<u8>>, kind: EntryType, name: &str) -> io::Result<()> {
    let mut data = name.as_bytes().to_vec();
    data.push(0);
    let mut header = header(kind, data.len(), 0);
    header.set_mode(0o644);
    put(&mut header.as_old_mut().name, "././@LongLink");
    header.set_cksum();
    archive.append(&header, data.as_slice())
}

fn header(kind: EntryType, size: usize, mtime: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size as u64);
    header.set_mtime(mtime);
    header.set_uid(0);
    header.set_gid(0);
    header
}

fn put(field: &mut [u8], text: &str) {
    for (to, from) in field.iter_mut().zip(text.bytes()) {
        *to = from;
    }
}
