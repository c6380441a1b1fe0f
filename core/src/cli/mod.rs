//! The command line, in both dialects.

pub mod dkms;
