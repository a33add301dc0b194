//! The `sluice` command: finds the command that is named first and maps its end to an exit code.

#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, reason = "it talks to a person")]

mod command;
mod demo;
mod doctor;
mod restore;
mod shell;
mod test;
mod topology;
mod version;

use command::{Command, Failure};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

/// In the order in which help names them.
const COMMANDS: &[Command] = &[
    shell::COMMAND,
    demo::COMMAND,
    doctor::COMMAND,
    restore::COMMAND,
    test::COMMAND,
    topology::COMMAND,
    version::COMMAND,
];

fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let mut out = io::BufWriter::new(io::stdout().lock());
    let ended = run(&given, &mut out).and_then(|()| out.flush().map_err(Failure::Output));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough, as `head` does.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(failure) => {
            // What is printed so far belongs before the error.
            let _ = out.flush();
            if !matches!(failure, Failure::Told) {
                eprintln!("sluice: {failure}");
            }
            ExitCode::from(failure.code())
        }
    }
}

fn run(given: &[String], out: &mut dyn Write) -> Result<(), Failure> {
    let words: Vec<&str> = given.iter().map(String::as_str).collect();
    match words[..] {
        ["-h" | "--help" | "help"] => Ok(overview(out)?),
        ["-V" | "--version"] => (version::COMMAND.run)(&[], out),
        ["help", name] => Ok(writeln!(out, "{}", find(name)?.help)?),
        // Without the name of a command it is the shell.
        [] => (shell::COMMAND.run)(given, out),
        [name, ..] if name.starts_with('-') || name.contains('/') || is_directory(name) => {
            (shell::COMMAND.run)(given, out)
        }
        [name, ..] => {
            let command = find(name)?;
            if words.iter().any(|word| matches!(*word, "-h" | "--help")) {
                return Ok(writeln!(out, "{}", command.help)?);
            }
            (command.run)(&given[1..], out)
        }
    }
}

/// Whether a word names a directory, and no command: that comes first.
fn is_directory(name: &str) -> bool {
    Path::new(name).is_dir() && find(name).is_err()
}

fn find(name: &str) -> Result<&'static Command, Failure> {
    let found = COMMANDS.iter().find(|command| command.name == name);
    found.ok_or_else(|| {
        Failure::Usage(format!("there is no command `{name}`; `sluice --help` lists them"))
    })
}

fn overview(out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "SluiceDB: continuous SQL over live data.\n\nUsage: sluice [COMMAND] [OPTIONS]\n"
    )?;
    for Command { name, about, .. } in COMMANDS {
        writeln!(out, "  {name:<10}  {about}")?;
    }
    writeln!(
        out,
        "\n`sluice COMMAND --help` says what a command takes. Try: sluice -c 'SHOW SOURCES'"
    )?;
    writeln!(out, "Exit codes: 0 fine, 1 the command failed, 2 wrong usage.")
}
