//! The header structure of `.rpm` files: an index of tags, and a store of their values.

use std::fs::File;

use super::super::Span;
use super::super::error::Problem;

/// The tags that are looked at.
pub(super) mod tag {
    pub(in super::super) const NAME: u32 = 1000;
    pub(in super::super) const VERSION: u32 = 1001;
    pub(in super::super) const RELEASE: u32 = 1002;
    pub(in super::super) const EPOCH: u32 = 1003;
    pub(in super::super) const ARCH: u32 = 1022;
    pub(in super::super) const FILE_SIZES: u32 = 1028;
    pub(in super::super) const FILE_MODES: u32 = 1030;
    pub(in super::super) const FILE_TIMES: u32 = 1034;
    pub(in super::super) const FILE_LINKS: u32 = 1036;
    pub(in super::super) const FILE_FLAGS: u32 = 1037;
    pub(in super::super) const FILE_INODES: u32 = 1096;
    pub(in super::super) const SOURCE_PACKAGE: u32 = 1106;
    pub(in super::super) const DIR_INDEXES: u32 = 1116;
    pub(in super::super) const BASE_NAMES: u32 = 1117;
    pub(in super::super) const DIR_NAMES: u32 = 1118;
    pub(in super::super) const LONG_FILE_SIZES: u32 = 5008;

    pub(in super::super) const SUMMARY: u32 = 1004;
    pub(in super::super) const DESCRIPTION: u32 = 1005;
    pub(in super::super) const BUILD_TIME: u32 = 1006;
    pub(in super::super) const BUILD_HOST: u32 = 1007;
    pub(in super::super) const SIZE: u32 = 1009;
    pub(in super::super) const VENDOR: u32 = 1011;
    pub(in super::super) const LICENSE: u32 = 1014;
    pub(in super::super) const PACKAGER: u32 = 1015;
    pub(in super::super) const GROUP: u32 = 1016;
    pub(in super::super) const URL: u32 = 1020;
    pub(in super::super) const SOURCE_RPM: u32 = 1044;
    pub(in super::super) const CHANGE_TIMES: u32 = 1080;
    pub(in super::super) const CHANGE_AUTHORS: u32 = 1081;
    pub(in super::super) const CHANGE_TEXTS: u32 = 1082;
    pub(in super::super) const LONG_SIZE: u32 = 5009;
    pub(in super::super) const PAYLOAD_DIGESTS: u32 = 5092;
    pub(in super::super) const PAYLOAD_DIGEST_ALGORITHM: u32 = 5093;

    pub(in super::super) const FORMAT: u32 = 5114;

    // Of the header of signatures.
    pub(in super::super) const DSA: u32 = 267;
    pub(in super::super) const RSA: u32 = 268;
    pub(in super::super) const HEADER_SHA256: u32 = 273;
    pub(in super::super) const OPENPGP: u32 = 278;
    pub(in super::super) const PAYLOAD_SIZE: u32 = 1007;
}

const MAGIC: [u8; 4] = [0x8e, 0xad, 0xe8, 0x01];
const INTRODUCTION: usize = 16;
const ENTRY: usize = 16;
/// rpm's own limits.
const MOST_ENTRIES: u32 = 0xffff;
const LARGEST: u32 = 256 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    tag: u32,
    kind: u32,
    offset: u32,
    count: u32,
}

/// One header. Values are looked at when they are asked for.
#[derive(Debug)]
pub(super) struct Header {
    entries: Vec<Entry>,
    store: Vec<u8>,
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

impl Header {
    /// Reads the header at `at`; says where it ends.
    pub(super) fn read(file: &File, at: u64, length: u64) -> Result<(Self, u64), Problem> {
        let short = || Problem::damaged("it ends too early: within a header");
        let mut span = Span::new(file, at, length);
        let mut first = [0; INTRODUCTION];
        if span.fill(&mut first).map_err(Problem::Read)? != INTRODUCTION {
            return Err(short());
        }
        let (Some(entries), Some(size)) = (word(&first, 8), word(&first, 12)) else {
            return Err(short());
        };
        if !first.starts_with(&MAGIC) {
            return Err(Problem::damaged("a header is not where it should be"));
        }
        if entries > MOST_ENTRIES || size > LARGEST {
            return Err(Problem::damaged("a header is larger than rpm allows"));
        }
        // Nothing is reserved for what is not there.
        let index = u64::from(entries) * ENTRY as u64;
        let end = at + INTRODUCTION as u64 + index + u64::from(size);
        if end > length {
            return Err(short());
        }
        let mut whole = vec![0; usize::try_from(index + u64::from(size)).map_err(|_| short())?];
        if span.fill(&mut whole).map_err(Problem::Read)? != whole.len() {
            return Err(short());
        }
        let store = whole.split_off(usize::try_from(index).map_err(|_| short())?);
        let entry = |bytes: &[u8]| {
            Some(Entry {
                tag: word(bytes, 0)?,
                kind: word(bytes, 4)?,
                offset: word(bytes, 8)?,
                count: word(bytes, 12)?,
            })
        };
        let entries = whole.chunks_exact(ENTRY).filter_map(entry).collect();
        Ok((Self { entries, store }, end))
    }

    fn entry(&self, tag: u32) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.tag == tag)
    }

    /// The store from where a value begins.
    fn value(&self, entry: &Entry) -> Result<&[u8], Problem> {
        let at = usize::try_from(entry.offset).ok();
        at.and_then(|at| self.store.get(at..)).ok_or_else(|| wrong(entry.tag))
    }

    pub(super) fn has(&self, tag: u32) -> bool {
        self.entry(tag).is_some()
    }

    /// A string, or the first of several; `None` where there is none.
    pub(super) fn text(&self, tag: u32) -> Result<Option<String>, Problem> {
        Ok(self.texts(tag)?.first().map(|text| (*text).to_owned()))
    }

    /// Strings; none where the tag is not there.
    pub(super) fn texts(&self, tag: u32) -> Result<Vec<&str>, Problem> {
        let Some(entry) = self.entry(tag) else {
            return Ok(Vec::new());
        };
        let count = match entry.kind {
            6 => 1,
            8 | 9 => entry.count,
            _ => return Err(wrong(tag)),
        };
        let mut rest = self.value(entry)?;
        let mut texts = Vec::new();
        for _ in 0..count {
            let end = rest.iter().position(|byte| *byte == 0).ok_or_else(|| wrong(tag))?;
            let (text, after) = rest.split_at(end);
            texts.push(std::str::from_utf8(text).map_err(|_| wrong(tag))?);
            rest = after.get(1..).unwrap_or_default();
        }
        Ok(texts)
    }

    /// Numbers of any width; none where the tag is not there.
    pub(super) fn numbers(&self, tag: u32) -> Result<Vec<u64>, Problem> {
        let Some(entry) = self.entry(tag) else {
            return Ok(Vec::new());
        };
        let width = match entry.kind {
            2 => 1,
            3 => 2,
            4 => 4,
            5 => 8,
            _ => return Err(wrong(tag)),
        };
        let length = usize::try_from(entry.count).ok().and_then(|count| count.checked_mul(width));
        let bytes =
            length.and_then(|length| self.value(entry).ok()?.get(..length)).ok_or_else(|| wrong(tag))?;
        let number = |bytes: &[u8]| bytes.iter().fold(0, |sum: u64, byte| (sum << 8) | u64::from(*byte));
        Ok(bytes.chunks_exact(width).map(number).collect())
    }
}

fn wrong(tag: u32) -> Problem {
    Problem::damaged(format!("the value of tag {tag} in its header is damaged"))
}
