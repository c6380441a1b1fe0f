//! Keeps the program startable on older systems than the one it is built on.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        // Rust's library takes these two from glibc 2.39 where it finds them while linking, and does without where it
        // does not. The linker notes down that 2.39 is needed all the same, and Debian 12 (2.36) would not start what was
        // linked on Debian 13 (2.41). An address of zero is what "not there" looks like.
        for symbol in ["pidfd_spawnp", "pidfd_getpid"] {
            println!("cargo:rustc-link-arg-bins=-Wl,--defsym={symbol}=0");
        }
    }
}
