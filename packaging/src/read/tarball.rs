//! Members of a tar archive, for dpkg's and pacman's packages.

use std::io::{self, Read};

use tar::{Archive, EntryType};

use super::error::Problem;
use super::metered::Metered;
use super::{Each, Kind, Member, Next, codec, name};

/// What one member's own bookkeeping (headers, long names, attributes) may take, and what may follow the end, in bytes.
const OVERHEAD: u64 = 1 << 20;
const AFTERWARDS: u64 = 64 << 20;

/// Gives every member of the archive `data`, compressed or not, to `each`.
///
/// Members that `each` has not read are passed over. Where nobody stops it, the archive is read to its very end, so
/// that the checksums of the compression are looked at.
pub(super) fn walk<'a>(data: impl Read + 'a, each: &mut Each<'_>) -> Result<(), Problem> {
    let plain = codec::decoder(data).map_err(|why| Problem::decoding(&why))?;
    let (plain, meter) = Metered::new(plain);
    meter.allow(OVERHEAD);
    let mut archive = Archive::new(plain);
    for entry in archive.entries().map_err(|why| decoding(&why))? {
        let mut entry = entry.map_err(|why| decoding(&why))?;
        meter.allow(entry.size().saturating_add(OVERHEAD));
        if next(&mut entry, each)? == Next::Stop {
            return Ok(());
        }
        io::copy(&mut entry, &mut io::sink()).map_err(|why| decoding(&why))?;
        meter.allow(OVERHEAD);
    }
    meter.allow(AFTERWARDS);
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(|why| decoding(&why))?;
    // Every archive ends with blocks of zeros.
    if meter.zeros() < 512 {
        return Err(Problem::damaged("the end of its archive is missing"));
    }
    Ok(())
}

fn next<R: Read>(entry: &mut tar::Entry<'_, R>, each: &mut Each<'_>) -> Result<Next, Problem> {
    let kind = entry.header().entry_type();
    if kind == EntryType::XGlobalHeader {
        return Ok(Next::Continue);
    }
    let raw = entry.path_bytes().into_owned();
    let Some(name) = name::path(&raw)? else {
        return match kind {
            EntryType::Directory => Ok(Next::Continue),
            _ => Err(Problem::refused(&String::from_utf8_lossy(&raw), "it has no name")),
        };
    };
    let mode = entry.header().mode().map_err(|why| decoding(&why))?;
    let modified = entry.header().mtime().unwrap_or_default();
    let link = entry.link_name_bytes().map(|bytes| bytes.into_owned()).unwrap_or_default();
    let kind = match kind {
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
            Kind::File { size: entry.size(), also: Vec::new() }
        }
        EntryType::Directory => Kind::Directory,
        EntryType::Symlink => Kind::Symlink(name::target(&name, &link)?),
        EntryType::Link => {
            let target = name::path(&link)?;
            Kind::HardLink(target.ok_or_else(|| Problem::refused(&name, "it is a hard link to no file"))?)
        }
        _ => Kind::Special,
    };
    each(Member { name, kind, mode, modified, content: entry })
}

/// An error without what the file holds: the archive's reader quotes it.
fn decoding(why: &io::Error) -> Problem {
    let text = why.to_string();
    if text.contains(" when getting ") || text.contains("checksum mismatch") {
        return Problem::damaged("a member's description is damaged");
    }
    Problem::decoding(why)
}

/// The whole of a small file.
pub(super) fn small(member: &mut Member<'_>, limit: u64) -> Result<Vec<u8>, Problem> {
    let Kind::File { size, .. } = member.kind else {
        return Err(Problem::refused(&member.name, "it is no file"));
    };
    if size > limit {
        return Err(Problem::refused(&member.name, format!("it is larger than {} MiB", limit >> 20)));
    }
    let mut content = Vec::new();
    member.content.take(limit).read_to_end(&mut content).map_err(|why| decoding(&why))?;
    if content.len() as u64 != size {
        return Err(Problem::damaged(format!("it ends within {}", member.name)));
    }
    Ok(content)
}
