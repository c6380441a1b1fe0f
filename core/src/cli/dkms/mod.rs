//! DKMS's dialect: what `dkms` answers to.

pub mod arguments;
