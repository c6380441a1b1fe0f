//! The payload of `.rpm` files: cpio's `newc` form, or rpm's own short form of it, which refers to the header by number.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};

use super::super::error::Problem;
use super::super::{Each, Kind, Member, Next, Span, codec, name};
use super::{DIRECTORY, Files, Listed, REGULAR, SYMLINK, TYPE};

const NEWC: [&[u8]; 2] = [b"070701", b"070702"];
const SHORT: &[u8] = b"07070X";
const END: &[u8] = b"TRAILER!!!";
/// Longer than any path that Linux opens.
const LONGEST_NAME: u64 = 4096;

/// Reads the archive, counting, since everything in it stands at multiples of four.
struct Archive<R> {
    plain: R,
    at: u64,
}

/// What comes next.
enum Head {
    End,
    /// The number of the file in the header, and how many bytes follow where the payload itself says that.
    File(usize, Option<u64>),
}

impl<R: BufRead> Archive<R> {
    fn exactly<const N: usize>(&mut self) -> Result<[u8; N], Problem> {
        let mut bytes = [0; N];
        self.plain.read_exact(&mut bytes).map_err(|why| Problem::decoding(&why))?;
        self.at += N as u64;
        Ok(bytes)
    }

    fn align(&mut self) -> Result<(), Problem> {
        while !self.at.is_multiple_of(4) {
            self.exactly::<1>()?;
        }
        Ok(())
    }

    fn hexadecimal(&mut self) -> Result<u64, Problem> {
        let digits: [u8; 8] = self.exactly()?;
        let text = std::str::from_utf8(&digits).ok().filter(|text| !text.starts_with('+'));
        let number = text.and_then(|text| u64::from_str_radix(text, 16).ok());
        number.ok_or_else(|| Problem::damaged("the description of a member of its payload is damaged"))
    }

    fn head(&mut self, files: &Files) -> Result<Head, Problem> {
        let magic: [u8; 6] = self.exactly()?;
        if magic == SHORT {
            let index = usize::try_from(self.hexadecimal()?).unwrap_or(usize::MAX);
            self.align()?;
            return Ok(Head::File(index, None));
        }
        if !NEWC.contains(&&magic[..]) {
            return Err(Problem::damaged("its payload is no cpio archive"));
        }
        let mut fields = [0; 13];
        for field in &mut fields {
            *field = self.hexadecimal()?;
        }
        let [_, _, _, _, _, _, size, _, _, _, _, length, _] = fields;
        if length > LONGEST_NAME {
            return Err(Problem::damaged("a name in its payload is too long"));
        }
        let mut raw = Vec::new();
        let read =
            self.plain.by_ref().take(length).read_to_end(&mut raw).map_err(|why| Problem::decoding(&why))?;
        self.at += read as u64;
        if read as u64 != length || raw.pop() != Some(0) {
            return Err(Problem::damaged("a name in its payload does not end"));
        }
        self.align()?;
        if raw == END {
            return Ok(Head::End);
        }
        // `./usr/x`, or without the dot where an older rpm wrote it.
        let path = name::path(raw.strip_prefix(b"/").unwrap_or(&raw))?.unwrap_or_default();
        match files.by_name.get(&path) {
            Some(index) => Ok(Head::File(*index, Some(size))),
            None => Err(Problem::refused(&path, "its payload holds it, its header does not name it")),
        }
    }
}

/// Gives every member of the payload to `each`.
pub(super) fn walk(data: Span<'_>, files: &Files, each: &mut Each<'_>) -> Result<(), Problem> {
    let plain = codec::decoder(data).map_err(|why| Problem::decoding(&why))?;
    let mut archive = Archive { plain, at: 0 };
    // Names of files whose bytes come with the last of their names.
    let mut waiting: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    loop {
        let (index, told) = match archive.head(files)? {
            Head::End => break,
            Head::File(index, told) => (index, told),
        };
        let file = files.listed.get(index).filter(|file| !file.ghost);
        let file =
            file.ok_or_else(|| Problem::damaged("its payload holds a file that its header does not name"))?;
        let several =
            files.names.get(&file.file).filter(|(count, _)| *count > 1 && file.mode & TYPE == REGULAR);
        // In the long form, the bytes of a file with several names may come with any of them.
        let empty = match (several, told) {
            (Some(_), Some(size)) => size == 0 && file.size > 0,
            (Some((_, last)), None) => *last != index,
            (None, _) => false,
        };
        if empty {
            waiting.entry(file.file).or_default().push(file.name.clone());
            continue;
        }
        let size = if matches!(file.mode & TYPE, REGULAR | SYMLINK) { file.size } else { 0 };
        if told.is_some_and(|told| told != size) {
            return Err(Problem::damaged(format!("{} is of another size than its header says", file.name)));
        }
        let mut also = Vec::new();
        if several.is_some() {
            also = waiting.remove(&file.file).unwrap_or_default();
        }
        if next(&mut archive, file, size, also, each)? == Next::Stop {
            return Ok(());
        }
        archive.align()?;
    }
    if let Some(name) = waiting.into_values().flatten().next() {
        return Err(Problem::refused(&name, "its bytes are missing"));
    }
    // To the very end, so that the checksums of the compression are looked at; what follows is filling.
    let rest = io::copy(&mut archive.plain.by_ref().take(1 << 20), &mut io::sink());
    match rest.map_err(|why| Problem::decoding(&why))? {
        rest if rest < 1 << 20 => Ok(()),
        _ => Err(Problem::damaged("its payload goes on after its end")),
    }
}

fn next<R: BufRead>(
    archive: &mut Archive<R>,
    file: &Listed,
    size: u64,
    also: Vec<String>,
    each: &mut Each<'_>,
) -> Result<Next, Problem> {
    let mut content = archive.plain.by_ref().take(size);
    let kind = match file.mode & TYPE {
        REGULAR => Kind::File { size, also },
        DIRECTORY => Kind::Directory,
        SYMLINK => {
            // The payload says it again.
            Kind::Symlink(name::target(&file.name, file.target.as_bytes())?)
        }
        _ => Kind::Special,
    };
    let next = if file.name.is_empty() {
        Next::Continue
    } else {
        let (name, mode, modified) = (file.name.clone(), file.mode, file.modified);
        each(Member { name, kind, mode, modified, content: &mut content })?
    };
    io::copy(&mut content, &mut io::sink()).map_err(|why| Problem::decoding(&why))?;
    if content.limit() > 0 {
        return Err(Problem::damaged(format!("it ends within {}", file.name)));
    }
    archive.at += size;
    Ok(next)
}
