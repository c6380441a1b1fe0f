//! An end to what a reader gives.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// Counts what is read, gives up beyond an allowance, and remembers how many zero bytes came last.
pub(super) struct Metered<R> {
    inner: R,
    meter: Meter,
}

/// The figures of a [`Metered`], which live on beside it.
#[derive(Clone, Default)]
pub(super) struct Meter {
    allowance: Rc<Cell<u64>>,
    zeros: Rc<Cell<u64>>,
}

impl Meter {
    /// From now on so many bytes may be read.
    pub(super) fn allow(&self, bytes: u64) {
        self.allowance.set(bytes);
    }

    /// How many zero bytes came last.
    pub(super) fn zeros(&self) -> u64 {
        self.zeros.get()
    }
}

impl<R> Metered<R> {
    /// Reads `inner`, after [`Meter::allow`].
    pub(super) fn new(inner: R) -> (Self, Meter) {
        let meter = Meter::default();
        (Self { inner, meter: meter.clone() }, meter)
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        let Some(left) = self.meter.allowance.get().checked_sub(n as u64) else {
            return Err(io::Error::other("it holds more than its members account for"));
        };
        self.meter.allowance.set(left);
        let read = buffer.get(..n).unwrap_or_default();
        let tail = read.iter().rev().take_while(|byte| **byte == 0).count();
        self.meter.zeros.set(if tail == n { self.meter.zeros.get() + n as u64 } else { tail as u64 });
        Ok(n)
    }
}
