//! The same sequences of commands for Debian 13's dkms and for evermod, and where they part.
//!
//! `grammar` has the words and `writer` makes sequences of them, `side` has a program run one in a fresh copy of the same root and tells what it saw
//! after each step, `compare` finds the differences, `allowed` knows those that are meant, `session` does it for many at
//! once, and shrinks a sequence that differs.

pub mod allowed;
pub mod compare;
pub mod grammar;
pub mod random;
pub mod session;
pub mod side;
mod writer;
