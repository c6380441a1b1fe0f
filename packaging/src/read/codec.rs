//! The compression around control data and payloads, told by the first bytes.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};

/// Memory that a decoder may take, in bytes: more than any usual setting of `xz` and `zstd` asks for.
const MEMORY: u64 = 256 << 20;
/// The same for zstd, as a power of two: what `zstd -d` itself allows, and `zstd --ultra -22` needs.
const WINDOW_LOG: u32 = 27;

/// The plain data of `data`.
pub(crate) fn decoder<'a>(mut data: impl Read + 'a) -> io::Result<Box<dyn BufRead + 'a>> {
    let mut first = Vec::new();
    data.by_ref().take(6).read_to_end(&mut first)?;
    let is = |magic: &[u8]| first.starts_with(magic);
    let (gzip, xz, lzma, zstd, bzip2) =
        (is(b"\x1f\x8b"), is(b"\xfd7zXZ\0"), is(b"\x5d\0\0"), is(b"\x28\xb5\x2f\xfd"), is(b"BZh"));
    let whole = BufReader::with_capacity(64 << 10, Cursor::new(first).chain(data));
    let plain: Box<dyn Read + 'a> = if gzip {
        Box::new(MultiGzDecoder::new(whole))
    } else if xz {
        Box::new(XzDecoder::new_stream(whole, Stream::new_stream_decoder(MEMORY, CONCATENATED)?))
    } else if lzma {
        Box::new(XzDecoder::new_stream(whole, Stream::new_lzma_decoder(MEMORY)?))
    } else if zstd {
        let mut decoder = zstd::Decoder::with_buffer(whole)?;
        decoder.window_log_max(WINDOW_LOG)?;
        Box::new(decoder)
    } else if bzip2 {
        return Err(io::Error::other("it is compressed with bzip2, which packages have given up"));
    } else {
        return Ok(Box::new(whole));
    };
    Ok(Box::new(BufReader::with_capacity(64 << 10, plain)))
}
