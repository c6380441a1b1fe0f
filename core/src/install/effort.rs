//! `compress_gzip_opts`, `compress_xz_opts` and `compress_zstd_opts` of framework.conf: what of the programs' options
//! means something to a compressor in process (contract 2.8).

/// How hard to compress, and in which form. What is not set is as evermod has it: hard, and such that the kernel itself can
/// read it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effort {
    /// gzip's level, 1 to 9.
    pub gzip: Option<u32>,
    /// xz's preset, 0 to 9.
    pub xz: Option<u32>,
    /// xz's `-e`.
    pub xz_extreme: bool,
    /// xz's dictionary in bytes.
    pub xz_dictionary: Option<u32>,
    /// xz's integrity check.
    pub xz_check: XzCheck,
    /// zstd's level, 1 to 22, or negative for `--fast`.
    pub zstd: Option<i32>,
}

/// xz's integrity checks. The kernel knows only the first two.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum XzCheck {
    /// CRC32.
    #[default]
    Crc32,
    /// None.
    None,
    /// CRC64.
    Crc64,
    /// SHA-256.
    Sha256,
}

impl Effort {
    /// Reads the three lists of options; the second value holds those that mean nothing here.
    pub fn parse(gzip: &[String], xz: &[String], zstd: &[String]) -> (Self, Vec<String>) {
        let mut effort = Self::default();
        let mut unknown = Vec::new();
        for (program, words) in [("gzip", gzip), ("xz", xz), ("zstd", zstd)] {
            for word in words {
                let known = match program {
                    "gzip" => effort.gzip_option(word),
                    "xz" => effort.xz_option(word),
                    _ => effort.zstd_option(word),
                };
                if known.is_none() {
                    unknown.push(format!("{program} {word}"));
                }
            }
        }
        (effort, unknown)
    }

    fn gzip_option(&mut self, word: &str) -> Option<()> {
        self.gzip = Some(match word {
            "--fast" => 1,
            "--best" => 9,
            // Names, times, old files and messages are none of a compressor's business.
            "-n" | "--no-name" | "-f" | "--force" | "-q" | "--quiet" | "--rsyncable" => return Some(()),
            _ => digit(word).filter(|level| *level > 0)?,
        });
        Some(())
    }

    fn xz_option(&mut self, word: &str) -> Option<()> {
        match word {
            "-e" | "--extreme" => self.xz_extreme = true,
            "--fast" => self.xz = Some(0),
            "--best" => self.xz = Some(9),
            "-f" | "--force" | "-q" | "--quiet" | "-z" | "--compress" => {}
            _ if word.starts_with("-T") || word.starts_with("--threads=") => {}
            _ => {
                if let Some(check) = word.strip_prefix("--check=") {
                    self.xz_check = match check {
                        "crc32" => XzCheck::Crc32,
                        "none" => XzCheck::None,
                        "crc64" => XzCheck::Crc64,
                        "sha256" => XzCheck::Sha256,
                        _ => return None,
                    };
                } else if let Some(options) = word.strip_prefix("--lzma2=") {
                    options.split(',').try_for_each(|option| self.lzma2_option(option))?;
                } else if let Some(preset) = word.strip_suffix('e').and_then(digit) {
                    (self.xz, self.xz_extreme) = (Some(preset), true);
                } else {
                    self.xz = Some(digit(word)?);
                }
            }
        }
        Some(())
    }

    fn lzma2_option(&mut self, option: &str) -> Option<()> {
        match option.split_once('=')? {
            ("dict", size) => self.xz_dictionary = Some(bytes(size)?),
            ("preset", preset) => self.xz = Some(preset.parse().ok().filter(|preset| *preset <= 9)?),
            _ => return None,
        }
        Some(())
    }

    fn zstd_option(&mut self, word: &str) -> Option<()> {
        match word {
            "--rm" | "-q" | "--quiet" | "-f" | "--force" | "--ultra" | "--check" | "-C" => return Some(()),
            _ if word.starts_with("-T") || word.starts_with("--threads=") => return Some(()),
            _ => {}
        }
        let fast = word.strip_prefix("--fast").map(|rest| rest.strip_prefix('=').unwrap_or("1"));
        let level: i32 = match fast {
            Some(factor) => -factor.parse::<i32>().ok().filter(|factor| (1..=1000).contains(factor))?,
            None => word.strip_prefix('-')?.parse().ok().filter(|level| (1..=22).contains(level))?,
        };
        self.zstd = Some(level);
        Some(())
    }
}

/// `-N` with one digit.
fn digit(word: &str) -> Option<u32> {
    let digits = word.strip_prefix('-')?;
    (digits.len() == 1).then(|| digits.parse().ok()).flatten()
}

/// A size as xz writes it: `1MiB`, `512KiB`, `65536`.
fn bytes(text: &str) -> Option<u32> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let unit = match unit.to_ascii_lowercase().trim_end_matches("ib").trim_end_matches('b') {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        _ => return None,
    };
    // liblzma's smallest and largest.
    number.parse::<u32>().ok()?.checked_mul(unit).filter(|size| (4096..=1_610_612_736).contains(size))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(gzip: &str, xz: &str, zstd: &str) -> (Effort, Vec<String>) {
        let words = |text: &str| text.split_whitespace().map(str::to_string).collect::<Vec<_>>();
        Effort::parse(&words(gzip), &words(xz), &words(zstd))
    }

    #[test]
    fn options() {
        let own = Effort::default();
        let dict = |size| Effort { xz_dictionary: Some(size), ..own };
        for (gzip, xz, zstd, expected) in [
            ("", "--check=crc32 --lzma2=dict=1MiB", "-q --rm -T0", dict(1 << 20)),
            ("-9 -n", "", "", Effort { gzip: Some(9), ..own }),
            ("--fast", "-6", "", Effort { gzip: Some(1), xz: Some(6), ..own }),
            ("", "-9e -T0", "-19", Effort { xz: Some(9), xz_extreme: true, zstd: Some(19), ..own }),
            (
                "",
                "--check=sha256",
                "--ultra -22",
                Effort { xz_check: XzCheck::Sha256, zstd: Some(22), ..own },
            ),
            ("", "--lzma2=preset=3,dict=512KiB", "", Effort { xz: Some(3), ..dict(512 << 10) }),
            ("", "--lzma2=dict=65536", "--fast=3", Effort { zstd: Some(-3), ..dict(65536) }),
        ] {
            assert_eq!(parsed(gzip, xz, zstd), (expected, Vec::new()), "{gzip} / {xz} / {zstd}");
        }
        let (effort, unknown) =
            parsed("-S .x", "--lzma2=pb=9 --check=md5 --lzma2=dict=9GiB", "-99 --long=27");
        assert_eq!(effort, own);
        assert_eq!(unknown.len(), 7, "{unknown:?}");
    }

    proptest::proptest! {
        #[test]
        fn any_words(words in proptest::collection::vec("(-|--fast=|--lzma2=dict=|--check=)?\\PC{0,6}", 0..4)) {
            let _ = Effort::parse(&words, &words, &words);
        }
    }
}
