//! `cargo tidy`: prints what is not as it should be, ends with 1 if there is anything.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it talks to a person")]

use std::process::ExitCode;

use sluicedb_tools::{tidy, workspace};

const HELP: &str = "\
Checks the habits that no compiler checks, over all files that git tracks or would track.
Prints one line a finding: PATH:LINE: WHAT: HOW TO MEND IT.

Usage: cargo tidy

Exit codes: 0 nothing found, 1 something found, 2 wrong usage or an error.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {}
        ["-h" | "--help"] => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("tidy: takes no arguments; see --help");
            return ExitCode::from(2);
        }
    }
    match workspace::root().and_then(|root| tidy::workspace(&root)) {
        Ok(findings) if findings.is_empty() => ExitCode::SUCCESS,
        Ok(findings) => {
            findings.iter().for_each(|finding| println!("{finding}"));
            eprintln!("tidy: {} to mend", findings.len());
            ExitCode::from(1)
        }
        Err(error) => {
            eprintln!("tidy: {error}");
            ExitCode::from(2)
        }
    }
}
