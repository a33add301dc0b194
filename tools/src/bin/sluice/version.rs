//! `sluice version`.

use std::io::Write;

use crate::command::{Command, Failure, Options};

pub(crate) const COMMAND: Command = Command {
    name: "version",
    about: "which version this is",
    help: "\
Prints the version.

Usage: sluice version

Example: sluice version",
    run,
};

fn run(given: &[String], out: &mut dyn Write) -> Result<(), Failure> {
    let mut options = Options::new(COMMAND.name, given);
    if let Some(word) = options.option()? {
        return Err(options.unknown(word));
    }
    Ok(writeln!(out, "sluice {}", env!("CARGO_PKG_VERSION"))?)
}
