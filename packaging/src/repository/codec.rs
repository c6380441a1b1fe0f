//! Compression of indexes.

use std::io::{self, Read, Write};

use liblzma::stream::{Check, Stream};

/// Larger than any index of a distribution.
const LARGEST: u64 = 4 << 30;

/// What is in a file of an index, however it is compressed.
///
/// # Errors
/// It is damaged, or larger than any index.
pub fn plain(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    crate::read::decoder(content)?.take(LARGEST + 1).read_to_end(&mut out)?;
    if out.len() as u64 > LARGEST {
        return Err(io::Error::other("it is larger than 4 GiB"));
    }
    Ok(out)
}

/// With one thread, so that the machine does not show in it.
pub(super) fn xz(content: &[u8]) -> io::Result<Vec<u8>> {
    let stream = Stream::new_easy_encoder(XZ_PRESET, Check::Crc64)?;
    let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
    encoder.write_all(content)?;
    encoder.finish()
}

/// An index is written at every publication and read by machines that are in no hurry: rather quick than small.
const XZ_PRESET: u32 = 2;

/// Likewise.
const ZSTD_LEVEL: i32 = 9;

pub(super) fn zstd(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = zstd::Encoder::new(Vec::new(), ZSTD_LEVEL)?;
    encoder.include_checksum(true)?;
    encoder.set_pledged_src_size(Some(content.len() as u64))?;
    encoder.write_all(content)?;
    encoder.finish()
}
