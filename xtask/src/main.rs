//! Project tasks: papers generated from the command line's tables, and evermod's own packages.

mod arch;
mod contents;
mod control;
mod deb;
mod elf;
mod papers;
mod rpm;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "xtask", about = "Project tasks")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(clap::Args)]
struct Packaging {
    /// The program to package
    #[arg(long, default_value = "target/release/evermod")]
    binary: PathBuf,
    /// Where the package goes
    #[arg(long, default_value = "target/dist")]
    out: PathBuf,
}

#[derive(Subcommand)]
enum Task {
    /// Writes evermod's Debian package
    Deb(Packaging),
    /// Writes evermod's RPM packages
    Rpm(Packaging),
    /// Writes evermod's package for Arch
    Arch(Packaging),
    /// Writes man pages and shell completions
    Papers {
        /// Where they go
        #[arg(long, default_value = "target/papers")]
        out: PathBuf,
    },
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().task {
        Task::Deb(Packaging { binary, out }) => deb::run(&binary, &out),
        Task::Rpm(Packaging { binary, out }) => rpm::run(&binary, &out),
        Task::Arch(Packaging { binary, out }) => arch::run(&binary, &out),
        Task::Papers { out } => papers::run(&out, deb::source_date()),
    }
}

/// The repository's root, wherever the task was started.
fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
