//! The compression around an archive: written by the file's name, read by its first bytes.

use bzip2::{read::MultiBzDecoder, write::BzEncoder};
use flate2::{read::MultiGzDecoder, write::GzEncoder};
use liblzma::read::XzDecoder;
use liblzma::stream::{CONCATENATED, Check, LzmaOptions, Stream};
use liblzma::write::XzEncoder;
use std::io::{self, BufRead, Read, Write};

/// Memory that a decoder may take, in bytes: more than any usual setting of `xz` and `zstd` asks for.
const DECODER_MEMORY: u64 = 256 << 20;
/// The same for zstd, as a power of two: what `zstd -d` itself allows.
const WINDOW_LOG: u32 = 27;

/// How an archive is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// Not at all.
    Plain,
    /// gzip(1)
    Gzip,
    /// bzip2(1)
    Bzip2,
    /// xz(1)
    Xz,
    /// lzma(1), the older form of xz.
    Lzma,
    /// zstd(1)
    Zstd,
}

/// Ends of file names, as tar(1) takes them.
const SUFFIXES: [(&str, Codec); 15] = [
    (".gz", Codec::Gzip),
    (".tgz", Codec::Gzip),
    (".taz", Codec::Gzip),
    (".bz2", Codec::Bzip2),
    (".tbz", Codec::Bzip2),
    (".tbz2", Codec::Bzip2),
    (".tz2", Codec::Bzip2),
    (".xz", Codec::Xz),
    (".txz", Codec::Xz),
    (".lzma", Codec::Lzma),
    (".tlz", Codec::Lzma),
    (".zst", Codec::Zstd),
    (".tzst", Codec::Zstd),
    (".zstd", Codec::Zstd),
    (".tar", Codec::Plain),
];

/// First bytes of compressed files.
const MAGICS: [(&[u8], Codec); 5] = [
    (b"\x1f\x8b", Codec::Gzip),
    (b"BZh", Codec::Bzip2),
    (b"\xfd7zXZ\0", Codec::Xz),
    (b"\x28\xb5\x2f\xfd", Codec::Zstd),
    (b"\x5d\0\0", Codec::Lzma),
];

/// An encoder whose end has to be written.
pub trait Finish: Write {
    /// Writes what is left to write.
    ///
    /// # Errors
    /// It cannot be written.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

impl Codec {
    /// The compression that a file's name asks for; an unknown end asks for none, as with tar(1).
    pub fn of_name(name: &str) -> Self {
        SUFFIXES.iter().find(|(suffix, _)| name.ends_with(suffix)).map_or(Self::Plain, |(_, codec)| *codec)
    }

    /// The compression of data that begins so.
    pub fn of_data(first: &[u8]) -> Self {
        MAGICS.iter().find(|(magic, _)| first.starts_with(magic)).map_or(Self::Plain, |(_, codec)| *codec)
    }

    /// A reader of the plain archive.
    ///
    /// # Errors
    /// The decoder cannot be made.
    pub fn decoder<'a>(self, data: impl BufRead + 'a) -> io::Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Self::Plain => Box::new(data),
            Self::Gzip => Box::new(MultiGzDecoder::new(data)),
            Self::Bzip2 => Box::new(MultiBzDecoder::new(data)),
            Self::Xz => {
                let stream = Stream::new_stream_decoder(DECODER_MEMORY, CONCATENATED)?;
                Box::new(XzDecoder::new_stream(data, stream))
            }
            Self::Lzma => Box::new(XzDecoder::new_stream(data, Stream::new_lzma_decoder(DECODER_MEMORY)?)),
            Self::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(data)?;
                decoder.window_log_max(WINDOW_LOG)?;
                Box::new(decoder)
            }
        })
    }

    /// A writer that compresses to `out`.
    ///
    /// # Errors
    /// The encoder cannot be made.
    pub fn encoder<W: Write + 'static>(self, out: W) -> io::Result<Box<dyn Finish>> {
        Ok(match self {
            Self::Plain => Box::new(Plain(out)),
            Self::Gzip => Box::new(GzEncoder::new(out, flate2::Compression::default())),
            Self::Bzip2 => Box::new(BzEncoder::new(out, bzip2::Compression::best())),
            Self::Xz => Box::new(XzEncoder::new_stream(out, Stream::new_easy_encoder(6, Check::Crc64)?)),
            Self::Lzma => {
                let options = LzmaOptions::new_preset(6)?;
                Box::new(XzEncoder::new_stream(out, Stream::new_lzma_encoder(&options)?))
            }
            Self::Zstd => {
                let mut encoder = zstd::Encoder::new(out, 9)?;
                encoder.include_checksum(true)?;
                Box::new(encoder)
            }
        })
    }
}

struct Plain<W>(W);

impl<W: Write> Write for Plain<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.write(data)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<W: Write> Finish for Plain<W> {
    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.0.flush()
    }
}

macro_rules! finish {
    ($($encoder:ty),*) => {$(
        impl<W: Write> Finish for $encoder {
            fn finish(self: Box<Self>) -> io::Result<()> {
                (*self).finish()?.flush()
            }
        }
    )*};
}

finish!(GzEncoder<W>, BzEncoder<W>, XzEncoder<W>, zstd::Encoder<'static, W>);

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, data: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(data)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn there_and_back_and_known_by_name_and_by_data() {
        let data: Vec<u8> = (0..50_000u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        for (suffix, codec) in SUFFIXES {
            assert_eq!(Codec::of_name(&format!("m-1{suffix}")), codec);
            let out = Shared::default();
            let mut encoder = codec.encoder(out.clone()).unwrap();
            encoder.write_all(&data).unwrap();
            encoder.finish().unwrap();
            let packed = out.0.lock().unwrap().clone();
            if codec != Codec::Plain {
                assert_eq!(Codec::of_data(&packed), codec, "{suffix}");
                assert!(packed.len() < data.len() / 2, "{suffix}");
            }
            let mut plain = Vec::new();
            codec.decoder(&packed[..]).unwrap().read_to_end(&mut plain).unwrap();
            assert!(plain == data, "{suffix}");
        }
        assert_eq!(Codec::of_name("m-1.dkms"), Codec::Plain);
    }

    #[test]
    fn data_that_was_cut_short_is_an_error() {
        for codec in [Codec::Gzip, Codec::Bzip2, Codec::Xz, Codec::Zstd] {
            let out = Shared::default();
            let mut encoder = codec.encoder(out.clone()).unwrap();
            encoder.write_all(&[7; 5000]).unwrap();
            encoder.finish().unwrap();
            let packed = out.0.lock().unwrap().clone();
            let cut = &packed[..packed.len() - 3];
            assert!(codec.decoder(cut).unwrap().read_to_end(&mut Vec::new()).is_err(), "{codec:?}");
        }
    }
}
