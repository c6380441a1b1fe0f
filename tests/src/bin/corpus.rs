//! `corpus [fast|more|heavy] [NAME]...`: builds the corpus with Debian's dkms and with evermod, and prints a table.
#![allow(clippy::print_stdout)]

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::Result;
use evermod_tests::corpus::{Input, Oracle, Set, inputs};

fn main() -> Result<()> {
    let mut most = Set::Heavy;
    let mut names = Vec::new();
    for word in std::env::args().skip(1) {
        match word.as_str() {
            "fast" => most = Set::Fast,
            "more" => most = Set::More,
            "heavy" => most = Set::Heavy,
            name => names.push(name.to_owned()),
        }
    }
    let chosen: Vec<Input> =
        inputs(most)?.into_iter().filter(|i| names.is_empty() || names.contains(&i.name)).collect();
    let oracle = Oracle::new("dkms")?;
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(0usize);
    // Two at a time: dkms builds one after another, and half of a package's time is not make's.
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(input) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let started = Instant::now();
                    match oracle.ask(input) {
                        Ok(outcomes) => {
                            let row: Vec<String> = outcomes
                                .kernels
                                .iter()
                                .map(|(k, o)| format!("{k} {} {}", o.verdict, o.modules.len()))
                                .collect();
                            println!(
                                "{:<28} {:<36} {:>6.1} s  {}",
                                input.name,
                                outcomes.module,
                                started.elapsed().as_secs_f64(),
                                row.join("; ")
                            );
                        }
                        Err(error) => {
                            println!("{:<28} {error:#}", input.name);
                            if let Ok(mut count) = failures.lock() {
                                *count += 1;
                            }
                        }
                    }
                }
            });
        }
    });
    Ok(())
}
