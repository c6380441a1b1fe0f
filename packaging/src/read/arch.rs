//! pacman's packages: a tar archive whose first members, `.PKGINFO` and others with a dot, describe the rest
//! (alpm-package(7)).

use std::io::Read;

use super::error::Problem;
use super::{Each, Identity, Next, Span, codec, name, tarball};

/// Of `.PKGINFO`, and of `.MTREE` as it is and unpacked, in bytes.
const LONGEST_INFO: u64 = 1 << 20;
const LONGEST_TREE: u64 = 64 << 20;

/// Reads `.PKGINFO`, whose text it gives too.
pub(super) fn open(file: Span<'_>) -> Result<(Identity, String), Problem> {
    let text = match described(file, ".PKGINFO", LONGEST_INFO) {
        Ok(Some(text)) => text,
        Ok(None) => {
            return Err(Problem::not_a_package("it has no .PKGINFO, and begins as no other format does"));
        }
        // Anything at all may have been taken for an archive.
        Err(Problem::Damaged(why)) => return Err(Problem::not_a_package(why)),
        Err(problem) => return Err(problem),
    };
    let text = String::from_utf8(text).map_err(|_| Problem::damaged("its .PKGINFO is not UTF-8"))?;
    let mut identity = Identity::default();
    for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
        let place = match key.trim() {
            "pkgname" => &mut identity.name,
            "pkgver" => &mut identity.version,
            "arch" => &mut identity.architecture,
            _ => continue,
        };
        value.trim().clone_into(place);
    }
    if let Some(version) = identity.version.strip_prefix("0:") {
        identity.version = version.to_owned();
    }
    Ok((identity, text))
}

/// One of the members before the payload; `None` where it is not among them.
fn described(file: Span<'_>, wanted: &str, limit: u64) -> Result<Option<Vec<u8>>, Problem> {
    let mut found = None;
    tarball::walk(file, &mut |mut member| {
        if member.name == wanted {
            found = Some(tarball::small(&mut member, limit)?);
        }
        Ok(if found.is_some() || !description(&member.name) { Next::Stop } else { Next::Continue })
    })?;
    Ok(found)
}

/// pacman unpacks nothing whose name begins with a dot.
fn description(name: &str) -> bool {
    name.starts_with('.')
}

/// What `.MTREE` names; `None` where a package has none.
pub(super) fn listed(file: Span<'_>) -> Result<Option<Vec<String>>, Problem> {
    let Some(packed) = described(file, ".MTREE", LONGEST_TREE)? else {
        return Ok(None);
    };
    let mut tree = Vec::new();
    let plain = codec::decoder(&packed[..]).map_err(|why| Problem::decoding(&why))?;
    plain.take(LONGEST_TREE + 1).read_to_end(&mut tree).map_err(|why| Problem::decoding(&why))?;
    if tree.len() as u64 > LONGEST_TREE {
        return Err(Problem::refused(".MTREE", format!("it is larger than {} MiB", LONGEST_TREE >> 20)));
    }
    if !tree.starts_with(b"#mtree") {
        return Err(Problem::damaged("its .MTREE is no list of files"));
    }
    let mut paths = Vec::new();
    for line in tree.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"./")) {
        let word = line.split(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default();
        paths.extend(name::path(&unescaped(word))?.filter(|path| !description(path)));
    }
    Ok(Some(paths))
}

/// `\040` and the like, as mtree(5) writes what is no plain character.
fn unescaped(word: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(word.len());
    let mut rest = word;
    while let [first, tail @ ..] = rest {
        let octal = |byte: &u8| byte.checked_sub(b'0').filter(|digit| *digit < 8).map(u32::from);
        rest = match (first, tail) {
            (b'\\', [a, b, c, after @ ..]) => match (octal(a), octal(b), octal(c)) {
                (Some(a), Some(b), Some(c)) => {
                    plain.extend(u8::try_from(a * 64 + b * 8 + c));
                    after
                }
                _ => {
                    plain.push(*first);
                    tail
                }
            },
            _ => {
                plain.push(*first);
                tail
            }
        };
    }
    plain
}

/// The members of the payload.
pub(super) fn members(file: Span<'_>, each: &mut Each<'_>) -> Result<(), Problem> {
    tarball::walk(file, &mut |member| {
        if description(&member.name) { Ok(Next::Continue) } else { each(member) }
    })
}
