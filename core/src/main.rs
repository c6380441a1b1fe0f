//! The `evermod` program, which is DKMS when called `dkms`.
fn main() {}
