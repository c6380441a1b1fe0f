//! The compression of module files (contract 4.5), in process.

use super::effort::{Effort, XzCheck};
use crate::model::compare;
use flate2::write::GzEncoder;
use memchr::memmem;
use std::cmp::Ordering;
use std::io::{self, BufRead, Read, Write};

/// How a kernel's modules are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// `.ko`
    None,
    /// `.ko.gz`
    Gzip,
    /// `.ko.xz`
    Xz,
    /// `.ko.zst`
    Zstd,
}

/// All, with the suffix-less one last, so that a look-up by suffix tries the longer ones first.
pub const ALL: [Compression; 4] = [Compression::Gzip, Compression::Xz, Compression::Zstd, Compression::None];

impl Compression {
    /// What follows `.ko`.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Xz => ".xz",
            Self::Zstd => ".zst",
        }
    }

    /// The compression that a module file's name tells.
    pub fn of_file(name: &str) -> Self {
        ALL.into_iter().find(|c| name.ends_with(&format!(".ko{}", c.suffix()))).unwrap_or(Self::None)
    }

    /// The compression of a kernel's own modules, read off its `modules.dep`: that of the first that its
    /// `modules.order` names, for other modules may lie below `kernel/` too, which were put there later. Without that
    /// list the first below `kernel/` counts. `None` if the kernel has no module of its own there.
    pub fn of_kernel(modules_dep: impl BufRead, modules_order: Option<&[u8]>) -> Option<Self> {
        let is_own = |path: &str| modules_order.is_none_or(|order| names(order, stem(path)));
        for line in modules_dep.split(b'\n') {
            let line = line.ok()?;
            let path = line.split(|byte| *byte == b':').next().and_then(text).unwrap_or_default();
            if path.starts_with("kernel/") && is_own(path) {
                return Some(Self::of_file(path));
            }
        }
        None
    }

    /// The compression that the kernel's configuration names, for a kernel without modules of its own yet. Since
    /// Linux 6.12 it only tells what the kernel can read, unless CONFIG_MODULE_COMPRESS_ALL is set.
    pub fn of_config(release: &str, option: &dyn Fn(&str) -> Option<String>) -> Self {
        let is_set = |name: &str| option(name).as_deref() == Some("y");
        let tells = is_set("CONFIG_MODULE_COMPRESS_ALL") || compare(release, "6.12") == Ordering::Less;
        if !tells {
            Self::None
        } else if is_set("CONFIG_MODULE_COMPRESS_XZ") {
            Self::Xz
        } else if is_set("CONFIG_MODULE_COMPRESS_ZSTD") {
            Self::Zstd
        } else if is_set("CONFIG_MODULE_COMPRESS_GZIP") {
            Self::Gzip
        } else {
            Self::None
        }
    }

    /// Compresses as the kernel itself can read it: xz with CRC32 and a dictionary of 1 MiB, its only form.
    ///
    /// # Errors
    /// The encoder cannot be made.
    pub fn compress(self, data: &[u8]) -> io::Result<Vec<u8>> {
        self.compress_as(data, Effort::default())
    }

    /// Compresses as an administrator wants it.
    ///
    /// # Errors
    /// The encoder cannot be made.
    pub fn compress_as(self, data: &[u8], effort: Effort) -> io::Result<Vec<u8>> {
        match self {
            Self::None => Ok(data.to_vec()),
            Self::Gzip => {
                let mut encoder =
                    GzEncoder::new(Vec::new(), flate2::Compression::new(effort.gzip.unwrap_or(9)));
                encoder.write_all(data)?;
                encoder.finish()
            }
            Self::Xz => {
                use liblzma::stream::{Check, Filters, LzmaOptions, PRESET_EXTREME, Stream};
                let extreme = if effort.xz_extreme { PRESET_EXTREME } else { 0 };
                let preset = effort.xz.unwrap_or(6) | extreme;
                let mut options = LzmaOptions::new_preset(preset).map_err(io::Error::other)?;
                options.dict_size(effort.xz_dictionary.unwrap_or(1 << 20));
                let check = match effort.xz_check {
                    XzCheck::Crc32 => Check::Crc32,
                    XzCheck::None => Check::None,
                    XzCheck::Crc64 => Check::Crc64,
                    XzCheck::Sha256 => Check::Sha256,
                };
                let mut filters = Filters::new();
                filters.lzma2(&options);
                let stream = Stream::new_stream_encoder(&filters, check).map_err(io::Error::other)?;
                let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
                encoder.write_all(data)?;
                encoder.finish()
            }
            Self::Zstd => {
                let mut encoder = zstd::Encoder::new(Vec::new(), effort.zstd.unwrap_or(19))?;
                encoder.include_checksum(true)?;
                encoder.set_pledged_src_size(Some(data.len() as u64))?;
                encoder.include_contentsize(true)?;
                encoder.write_all(data)?;
                encoder.finish()
            }
        }
    }

    /// The plain module.
    ///
    /// # Errors
    /// The data is damaged.
    pub fn decompress(self, data: &[u8]) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        match self {
            Self::None => plain.extend_from_slice(data),
            Self::Gzip => {
                flate2::read::MultiGzDecoder::new(data).read_to_end(&mut plain)?;
            }
            Self::Xz => {
                liblzma::read::XzDecoder::new_multi_decoder(data).read_to_end(&mut plain)?;
            }
            Self::Zstd => {
                zstd::Decoder::new(data)?.read_to_end(&mut plain)?;
            }
        }
        Ok(plain)
    }
}

/// `kernel/fs/x` of `kernel/fs/x.ko.xz`, and of `kernel/fs/x.o`, as some kernels list it.
fn stem(path: &str) -> &str {
    let plain = path.strip_suffix(Compression::of_file(path).suffix()).unwrap_or(path);
    plain.strip_suffix(".ko").or_else(|| plain.strip_suffix(".o")).unwrap_or(plain)
}

/// Whether a `modules.order` names a module. It has thousands of lines, and nearly always it is asked once.
fn names(order: &[u8], module: &str) -> bool {
    memmem::find_iter(order, module).any(|at| {
        let begins_line =
            at.checked_sub(1).and_then(|before| order.get(before)).is_none_or(|byte| *byte == b'\n');
        let line = order.get(at..).and_then(|rest| text(rest.split(|byte| *byte == b'\n').next()?));
        begins_line && line.is_some_and(|line| stem(line.trim()) == module)
    })
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let data: Vec<u8> = (0..100_000u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        for compression in ALL {
            let packed = compression.compress(&data).unwrap();
            assert_eq!(compression.decompress(&packed).unwrap(), data, "{compression:?}");
            assert_eq!(Compression::of_file(&format!("x.ko{}", compression.suffix())), compression);
        }
        assert!(Compression::Xz.decompress(b"no xz").is_err());
    }

    #[test]
    fn effort_shows() {
        let data: Vec<u8> = (0..60_000u32).flat_map(|n| (n.wrapping_mul(n) / 700).to_le_bytes()).collect();
        let size = |c: Compression, effort| {
            let packed = c.compress_as(&data, effort).unwrap();
            assert_eq!(c.decompress(&packed).unwrap(), data);
            packed.len()
        };
        let low = Effort { gzip: Some(1), xz: Some(0), zstd: Some(1), ..Effort::default() };
        for compression in [Compression::Gzip, Compression::Zstd, Compression::Xz] {
            assert!(size(compression, low) > size(compression, Effort::default()), "{compression:?}");
        }
        let checked = Effort { xz_check: XzCheck::Sha256, xz_extreme: true, ..Effort::default() };
        // The stream's header names the check: 10 is SHA-256, 1 is CRC32.
        assert_eq!(Compression::Xz.compress_as(&data, checked).unwrap().get(7), Some(&10));
        assert_eq!(Compression::Xz.compress(&data).unwrap().get(7), Some(&1));
    }

    #[test]
    fn the_kernels_own() {
        let of_kernel = |dep: &str| Compression::of_kernel(dep.as_bytes(), None);
        assert_eq!(
            of_kernel("updates/dkms/a.ko: \nkernel/fs/x.ko.xz: kernel/lib/y.ko.xz\n"),
            Some(Compression::Xz)
        );
        assert_eq!(of_kernel("kernel/x.ko:\n"), Some(Compression::None));
        assert_eq!(of_kernel("updates/dkms/a.ko.xz:\n"), None);
        assert_eq!(of_kernel(""), None);
    }

    /// Where modules go to DEST_MODULE_LOCATION they lie among the kernel's, as Gentoo has it.
    #[test]
    fn what_was_put_there_later_does_not_count() {
        let of_kernel =
            |dep: &str, order: &str| Compression::of_kernel(dep.as_bytes(), Some(order.as_bytes()));
        let dep = "kernel/drivers/ours.ko:\nkernel/fs/x.ko.zst:\n";
        for order in ["kernel/lib/y.ko\nkernel/fs/x.ko\n", "kernel/fs/x.o\n", "kernel/fs/x.ko "] {
            assert_eq!(of_kernel(dep, order), Some(Compression::Zstd), "{order:?}");
        }
        let others = "kernel/drivers/ours.ko2\nkernel/drivers/ours\u{e4}.ko\nold/kernel/drivers/ours.ko\n";
        for order in ["", others] {
            assert_eq!(of_kernel("kernel/drivers/ours.ko:\n", order), None, "{order:?}");
        }
    }

    #[test]
    fn configurations() {
        let of = |release: &str, set: &[&str]| {
            Compression::of_config(release, &|name| set.contains(&name).then(|| "y".to_string()))
        };
        let (base, all) = ("CONFIG_MODULE_COMPRESS", "CONFIG_MODULE_COMPRESS_ALL");
        assert_eq!(of("6.1.0-56-amd64", &["CONFIG_MODULE_COMPRESS_NONE"]), Compression::None);
        assert_eq!(of("5.10.0-8-amd64", &[base, "CONFIG_MODULE_COMPRESS_GZIP"]), Compression::Gzip);
        assert_eq!(of("6.6.1-arch1-1", &["CONFIG_MODULE_COMPRESS_ZSTD"]), Compression::Zstd);
        assert_eq!(of("6.12.117+deb12-amd64", &[base, all, "CONFIG_MODULE_COMPRESS_XZ"]), Compression::Xz);
        assert_eq!(of("6.12.1", &[base, "CONFIG_MODULE_COMPRESS_XZ"]), Compression::None);
    }
}
