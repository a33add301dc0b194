//! Measures the engine.
#![expect(clippy::print_stderr, reason = "errors go to the person who typed the command")]

use std::process::ExitCode;

use sluicedb_bench::alloc::Counting;
use sluicedb_bench::command;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match command::run(&words, &mut std::io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("sluice-bench: {}", failure.text());
            ExitCode::from(failure.exit_code())
        }
    }
}
