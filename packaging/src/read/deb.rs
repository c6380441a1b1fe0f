//! dpkg's packages: an `ar` archive of `debian-binary`, `control.tar` and `data.tar` (deb(5)).

use std::fs::File;
use std::ops::Range;

use super::error::Problem;
use super::{Each, Identity, Next, Span, name, tarball};

/// The first bytes.
pub(super) const MAGIC: &[u8] = b"!<arch>\n";
/// The description of one member of an `ar` archive.
const HEADER: usize = 60;
/// Of `control` and of `md5sums`, in bytes: hundred times what the largest package has.
const LONGEST_CONTROL: u64 = 1 << 20;
const LONGEST_SUMS: u64 = 64 << 20;
/// More members than any package that dpkg reads.
const MOST: usize = 32;

/// Where the two archives are in the file.
#[derive(Debug)]
pub(super) struct Members {
    control: Range<u64>,
    data: Range<u64>,
    /// Of the `control` file.
    pub(super) text: String,
}

/// Finds the archives and reads the `control` file.
pub(super) fn open(file: &File, length: u64) -> Result<(Identity, Members), Problem> {
    let mut members = find(file, length)?;
    let mut text = None;
    tarball::walk(span(file, &members.control), &mut |mut member| {
        if member.name != "control" {
            return Ok(Next::Continue);
        }
        text = Some(tarball::small(&mut member, LONGEST_CONTROL)?);
        Ok(Next::Stop)
    })?;
    let text = text.ok_or_else(|| Problem::not_a_package("it has no control file"))?;
    let text = String::from_utf8(text).map_err(|_| Problem::damaged("its control file is not UTF-8"))?;
    let field = |key: &str| {
        let lines = text.lines().filter_map(|line| line.split_once(':'));
        let mut values = lines.filter(|(name, _)| name.eq_ignore_ascii_case(key));
        values.next().map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let version = field("Version");
    let version = version.strip_prefix("0:").unwrap_or(&version).to_owned();
    let identity = Identity { name: field("Package"), version, architecture: field("Architecture") };
    members.text = text;
    Ok((identity, members))
}

fn span<'a>(file: &'a File, range: &Range<u64>) -> Span<'a> {
    Span::new(file, range.start, range.end)
}

fn find(file: &File, length: u64) -> Result<Members, Problem> {
    let mut at = MAGIC.len() as u64;
    let (mut version, mut control) = (false, None);
    for _ in 0..MOST {
        let mut header = [0; HEADER];
        match Span::new(file, at, length).fill(&mut header).map_err(Problem::Read)? {
            0 => break,
            HEADER => {}
            _ => return Err(Problem::damaged("it ends within the description of a member")),
        }
        let text = std::str::from_utf8(&header).ok().filter(|text| text.ends_with("`\n"));
        let size = text.and_then(|text| text.get(48..58)?.trim_end().parse::<u64>().ok());
        let (Some(text), Some(size)) = (text, size) else {
            return Err(Problem::damaged("the description of a member is damaged"));
        };
        let name = text.get(..16).unwrap_or_default().trim_end().trim_end_matches('/');
        let start = at + HEADER as u64;
        let end = start.checked_add(size).filter(|end| *end <= length);
        let end =
            end.ok_or_else(|| Problem::damaged("it ends too early: a member is longer than what is left"))?;
        match name {
            "debian-binary" if !version => {
                let mut text = [0; 2];
                Span::new(file, start, end).fill(&mut text).map_err(Problem::Read)?;
                if &text != b"2." {
                    return Err(Problem::not_a_package("it is of another version of the format than 2"));
                }
                version = true;
            }
            _ if !version => return Err(Problem::not_a_package("it does not begin with debian-binary")),
            _ if control.is_none() && of(name, "control.tar") => control = Some(start..end),
            _ if of(name, "data.tar") => {
                let control = control.ok_or_else(|| Problem::damaged("its data come before its control"))?;
                return Ok(Members { control, data: start..end, text: String::new() });
            }
            // Left to those who know them, by the format's own rule.
            _ if name.starts_with('_') => {}
            _ => return Err(Problem::damaged(format!("it has an unknown member {}", name.escape_debug()))),
        }
        at = end + (size & 1);
    }
    Err(Problem::damaged(if control.is_none() { "it has no control.tar" } else { "it has no data.tar" }))
}

fn of(name: &str, archive: &str) -> bool {
    name.strip_prefix(archive).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// What `md5sums` names; `None` where a package has none.
pub(super) fn listed(file: &File, members: &Members) -> Result<Option<Vec<String>>, Problem> {
    let mut sums = None;
    tarball::walk(span(file, &members.control), &mut |mut member| {
        if member.name != "md5sums" {
            return Ok(Next::Continue);
        }
        sums = Some(tarball::small(&mut member, LONGEST_SUMS)?);
        Ok(Next::Stop)
    })?;
    let Some(sums) = sums else {
        return Ok(None);
    };
    let mut paths = Vec::new();
    for line in sums.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        // 32 digits, a blank, and a blank or an asterisk.
        let raw = line.get(34..).ok_or_else(|| Problem::damaged("its md5sums are damaged"))?;
        paths.extend(name::path(raw)?);
    }
    Ok(Some(paths))
}

/// The members of the payload.
pub(super) fn members(file: &File, members: &Members, each: &mut Each<'_>) -> Result<(), Problem> {
    tarball::walk(span(file, &members.data), each)
}
