//! The `evermod` program, which is DKMS when called `dkms`.

fn main() -> std::process::ExitCode {
    evermod_core::cli::main(std::env::args_os().collect())
}
