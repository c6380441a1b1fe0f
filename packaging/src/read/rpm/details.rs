//! What the header of an `.rpm` says to repositories, and whether the package is what its digests say.

use std::fs::File;
use std::io::Read;
use std::ops::Range;

use sha2::{Digest, Sha256};

use super::super::error::Problem;
use super::super::{Listed, ListedKind, Span};
use super::header::{Header, tag};
use super::{DIRECTORY, Layout, TYPE};

/// The words and numbers of a header, as rpm has them; what is not there is empty or zero.
#[derive(Debug, Default, Clone)]
#[allow(missing_docs)]
pub struct RpmDetails {
    pub epoch: u64,
    pub version: String,
    pub release: String,
    pub summary: String,
    pub description: String,
    pub packager: String,
    pub url: String,
    pub license: String,
    pub vendor: String,
    pub group: String,
    pub build_host: String,
    pub source_rpm: String,
    /// In seconds since 1970.
    pub build_time: u64,
    /// What the files take, in bytes.
    pub installed_size: u64,
    /// The payload without its compression, in bytes.
    pub archive_size: u64,
    /// Where the header lies in the file.
    pub header: Range<u64>,
    /// Whether it carries an OpenPGP signature over its header.
    pub is_signed: bool,
    /// Whether it is of version 6 of the format, whose signatures are in other places than those of version 4.
    pub is_version_6: bool,
    /// By kind.
    pub relations: Vec<(RpmRelations, Vec<RpmRelation>)>,
    /// The newest first.
    pub changelog: Vec<RpmChange>,
}

/// The kinds of relations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum RpmRelations {
    Provides,
    Requires,
    Conflicts,
    Obsoletes,
    Suggests,
    Enhances,
    Recommends,
    Supplements,
}

/// One relation: a name, and perhaps a range of versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpmRelation {
    /// A package, a file, or anything that is provided; also a rich relation in brackets.
    pub name: String,
    /// rpm's flags (`RPMSENSE_*`).
    pub flags: u64,
    /// `[epoch:]version[-release]`; empty for any.
    pub version: String,
}

/// One entry of the changelog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpmChange {
    /// Who and, mostly, which version.
    pub author: String,
    /// In seconds since 1970.
    pub time: u64,
    /// What changed.
    pub text: String,
}

/// Each kind with the tags of names, flags and versions.
const RELATIONS: [(RpmRelations, [u32; 3]); 8] = [
    (RpmRelations::Provides, [1047, 1112, 1113]),
    (RpmRelations::Requires, [1049, 1048, 1050]),
    (RpmRelations::Conflicts, [1054, 1053, 1055]),
    (RpmRelations::Obsoletes, [1090, 1114, 1115]),
    (RpmRelations::Suggests, [5049, 5051, 5050]),
    (RpmRelations::Enhances, [5055, 5057, 5056]),
    (RpmRelations::Recommends, [5046, 5048, 5047]),
    (RpmRelations::Supplements, [5052, 5054, 5053]),
];

/// SHA-256 in the words of OpenPGP, which rpm uses.
const SHA256: u64 = 8;

impl Layout {
    pub(in super::super) fn details(&self) -> Result<RpmDetails, Problem> {
        let header = &self.header;
        let text = |tag| header.text(tag).map(Option::unwrap_or_default);
        let number = |header: &Header, tag| header.numbers(tag).map(|n| n.first().copied().unwrap_or(0));
        let long = number(header, tag::LONG_SIZE)?;
        let mut relations = Vec::new();
        for (kind, tags) in RELATIONS {
            relations.push((kind, relation(header, tags)?));
        }
        let [authors, texts] = [header.texts(tag::CHANGE_AUTHORS)?, header.texts(tag::CHANGE_TEXTS)?];
        let times = header.numbers(tag::CHANGE_TIMES)?;
        if authors.len() != texts.len() || authors.len() != times.len() {
            return Err(Problem::damaged("the lists of its changelog are of different lengths"));
        }
        let changes = authors.iter().zip(texts).zip(times);
        Ok(RpmDetails {
            epoch: number(header, tag::EPOCH)?,
            version: text(tag::VERSION)?,
            release: text(tag::RELEASE)?,
            summary: text(tag::SUMMARY)?,
            description: text(tag::DESCRIPTION)?,
            packager: text(tag::PACKAGER)?,
            url: text(tag::URL)?,
            license: text(tag::LICENSE)?,
            vendor: text(tag::VENDOR)?,
            group: text(tag::GROUP)?,
            build_host: text(tag::BUILD_HOST)?,
            source_rpm: text(tag::SOURCE_RPM)?,
            build_time: number(header, tag::BUILD_TIME)?,
            installed_size: if long > 0 { long } else { number(header, tag::SIZE)? },
            archive_size: number(&self.signature, tag::PAYLOAD_SIZE)?,
            header: self.start..self.payload,
            is_signed: [tag::RSA, tag::DSA, tag::OPENPGP].into_iter().any(|tag| self.signature.has(tag)),
            is_version_6: number(header, tag::FORMAT)? >= 6,
            relations,
            changelog: changes
                .map(|((author, text), time)| RpmChange {
                    author: (*author).to_owned(),
                    time,
                    text: text.to_owned(),
                })
                .collect(),
        })
    }

    /// Every path of the header, `%ghost` files too.
    pub(in super::super) fn listing(&self) -> Result<Vec<Listed>, Problem> {
        let kind = |ghost, mode: u32| match (ghost, mode & TYPE) {
            (true, _) => ListedKind::Ghost,
            (_, DIRECTORY) => ListedKind::Directory,
            _ => ListedKind::File,
        };
        let files = self.files()?.into_iter();
        Ok(files.map(|file| Listed { kind: kind(file.ghost, file.mode), path: file.name }).collect())
    }

    /// Holds header and payload against the digests that the package has for them. Only SHA-256 is looked at, which
    /// every rpm writes since 4.14.
    pub(in super::super) fn check_digests(&self, file: &File) -> Result<(), Problem> {
        let length = file.metadata().map_err(Problem::Read)?.len();
        let mut wanted = Vec::new();
        if let Some(digest) = self.signature.text(tag::HEADER_SHA256)? {
            wanted.push(("header", digest, self.start..self.payload));
        }
        let algorithm = self.header.numbers(tag::PAYLOAD_DIGEST_ALGORITHM)?;
        if algorithm.first() == Some(&SHA256)
            && let Some(digest) = self.header.text(tag::PAYLOAD_DIGESTS)?
        {
            wanted.push(("payload", digest, self.payload..length));
        }
        for (what, digest, range) in wanted {
            if digest_of(file, range)? != digest {
                return Err(Problem::damaged(format!("its {what} does not have the digest that it should")));
            }
        }
        Ok(())
    }
}

fn relation(header: &Header, [names, flags, versions]: [u32; 3]) -> Result<Vec<RpmRelation>, Problem> {
    let (names, flags, versions) = (header.texts(names)?, header.numbers(flags)?, header.texts(versions)?);
    if names.len() != flags.len() || names.len() != versions.len() {
        return Err(Problem::damaged("the lists of its relations are of different lengths"));
    }
    let all = names.into_iter().zip(flags).zip(versions);
    Ok(all
        .map(|((name, flags), version)| RpmRelation { name: name.into(), flags, version: version.into() })
        .collect())
}

fn digest_of(file: &File, range: Range<u64>) -> Result<String, Problem> {
    let mut span = Span::new(file, range.start, range.end);
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match span.read(&mut buffer).map_err(Problem::Read)? {
            0 => return Ok(format!("{:x}", digest.finalize())),
            n => digest.update(buffer.get(..n).unwrap_or_default()),
        }
    }
}
