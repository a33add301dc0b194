//! The commands of `sluice-bench`: one a file, each with its options, its help and an example.

mod allocations;
mod checkpoint;
mod close;
mod core;
mod faults;
mod hiccup;
mod latency;
mod nexmark;
mod options;
mod recovery;
mod rings;
mod scaling;
mod sql;
mod throughput;
mod wal;

use std::io::Write;

use options::Options;

use crate::machine::Machine;
use crate::modes::MODES;
use crate::report::{Point, render};

/// Why a command gave no figures.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The words on the command line mean nothing.
    Usage(String),
    /// The measurement could not be made.
    Run(String),
}

impl Failure {
    /// For the person who typed the command.
    pub fn text(&self) -> &str {
        match self {
            Failure::Usage(text) | Failure::Run(text) => text,
        }
    }

    /// How the process ends.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Usage(_) => 2,
            Failure::Run(_) => 1,
        }
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Failure {
        Failure::Run(text)
    }
}

/// One command.
struct Command {
    name: &'static str,
    about: &'static str,
    /// Below the line that says how it is used.
    help: &'static str,
    /// Works as it is, behind the name of the program.
    example: &'static str,
    options: &'static [options::Spec],
    run: fn(&Options, &mut dyn Write) -> Result<(), Failure>,
}

const COMMANDS: &[Command] = &[
    rings::COMMAND,
    hiccup::COMMAND,
    latency::COMMAND,
    throughput::COMMAND,
    close::COMMAND,
    scaling::COMMAND,
    allocations::COMMAND,
    faults::COMMAND,
    core::COMMAND,
    sql::COMMAND,
    nexmark::COMMAND,
    wal::COMMAND,
    recovery::COMMAND,
    checkpoint::COMMAND,
];

const PROGRAM: &str = "cargo run --release --bin sluice-bench --";

/// Runs the command that the words name, and writes its figures.
pub fn run(words: &[String], out: &mut dyn Write) -> Result<(), Failure> {
    let asks = |word: &String| word == "--help" || word == "-h";
    let Some((name, rest)) = words.split_first() else {
        return Err(Failure::Usage(format!("which measurement? {}", known())));
    };
    if asks(name) || name == "help" {
        return print(out, &overview());
    }
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        return Err(Failure::Usage(format!("no measurement {name}: {}", known())));
    };
    if rest.iter().any(asks) {
        return print(out, &command.page());
    }
    let options = Options::parse(command.name, command.options, rest).map_err(Failure::Usage)?;
    (command.run)(&options, out)
}

fn known() -> String {
    let names: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
    format!("take one of {} (see --help)", names.join(", "))
}

fn overview() -> String {
    let mut out = String::from("Measures the engine.\n\nusage: sluice-bench COMMAND [OPTIONS]\n\n");
    for Command { name, about, .. } in COMMANDS {
        out += &format!("  {name:<12} {about}\n");
    }
    out += "\nEach command takes --help.\n";
    out + &format!("\nexample: {PROGRAM} {}\n", latency::COMMAND.example)
}

impl Command {
    fn page(&self) -> String {
        let mut out = format!("sluice-bench {}: {}\n\n", self.name, self.about);
        out += &format!("{}\n\n", self.help);
        for spec in self.options {
            out += &format!("  {:<28} {}\n", spec.shown(), spec.about);
        }
        if self.options.iter().any(|spec| spec.name == "--mode") {
            out += "\nmodes:\n";
            for mode in MODES {
                out += &format!("  {:<28} {}\n", mode.name, mode.about);
            }
        }
        out + &format!("\nexample: {PROGRAM} {}\n", self.example)
    }
}

fn print(out: &mut dyn Write, text: &str) -> Result<(), Failure> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whoever reads a part of it and goes away has seen enough.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::Run(format!("the figures cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes points as a table or as JSON.
fn finish(options: &Options, out: &mut dyn Write, points: &[Point]) -> Result<(), Failure> {
    print(out, &render(points, &Machine::here(), options.flag("--json")))
}

#[cfg(test)]
mod tests;
