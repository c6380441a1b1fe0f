//! Reading a part of a file.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// A part of a file, read without moving the file's own position.
#[derive(Clone)]
pub(super) struct Span<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl<'a> Span<'a> {
    /// From `at`, up to but not including `end`.
    pub(super) fn new(file: &'a File, at: u64, end: u64) -> Self {
        Self { file, at, end }
    }

    /// Reads until the buffer is full or the part ends; says how much.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match io::Read::read(self, rest) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
                Err(why) => return Err(why),
            }
        }
        Ok(filled)
    }
}

impl io::Read for Span<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let length = buffer.len().min(left);
        let n = self.file.read_at(buffer.get_mut(..length).unwrap_or_default(), self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}
