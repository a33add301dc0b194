//! `tools/mutants`: plants the bugs of `tests/mutants` and checks that the suite catches each.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it talks to a person")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use sluicedb_tools::error::Error;
use sluicedb_tools::mutants::{self, Mutant, Options};
use sluicedb_tools::workspace;

const HELP: &str = "\
Applies each tests/mutants/NAME.patch to a copy of the workspace and runs the test it names,
with as many copies side by side as there are CPUs, up to four.
A mutant is caught if the copy compiles, a test ran, and it failed.

Usage: tools/mutants [--limit SECONDS] [--part K/N] [NAME..]
       tools/mutants --list

  --limit SECONDS  how long the tests of one mutant may run (120)
  --part K/N       every Nth mutant, from the Kth on
  --list           print name and bug of each mutant

The copies and their builds are kept in the folder `mutants` of the target folder;
SLUICE_MUTANTS_DIR names another.

Header of a patch, before the diff: the first line says which bug it plants, then
  test: FILTER..      tests that must fail (one of them is enough)
  package: NAME       their package (sluicedb-tests)
  features: A,B       further features, args: ARG.. further arguments of cargo test
  hang: yes           a test that does not end counts as caught, limit: SECONDS shortens the wait

Exit codes: 0 all caught, 1 one was missed, 2 wrong usage or an error.";

#[derive(Debug, Default)]
struct Arguments {
    list: bool,
    limit_s: Option<u64>,
    part: Part,
    names: Vec<String>,
}

/// Every so many of the mutants, from which on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    first: usize,
    of: usize,
}

impl Default for Part {
    fn default() -> Part {
        Part { first: 1, of: 1 }
    }
}

impl Part {
    fn parse(text: &str) -> Option<Part> {
        let (first, of) = text.split_once('/')?;
        let part = Part { first: first.parse().ok()?, of: of.parse().ok()? };
        (1..=part.of).contains(&part.first).then_some(part)
    }
}

fn main() -> ExitCode {
    let arguments = match parse(std::env::args().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(why) => return usage(&why),
    };
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => usage(&error.to_string()),
    }
}

fn usage(why: &str) -> ExitCode {
    eprintln!("mutants: {why}");
    ExitCode::from(2)
}

/// `None` if help is asked for.
fn parse(mut given: impl Iterator<Item = String>) -> Result<Option<Arguments>, String> {
    let mut arguments = Arguments::default();
    while let Some(argument) = given.next() {
        match argument.as_str() {
            "-h" | "--help" => return Ok(None),
            "--list" => arguments.list = true,
            "--limit" => {
                let seconds = given.next().and_then(|value| value.parse().ok());
                arguments.limit_s = Some(seconds.ok_or("--limit takes a number of seconds")?);
            }
            "--part" => {
                let part = given.next().and_then(|value| Part::parse(&value));
                arguments.part = part.ok_or("--part takes K/N, with K from 1 to N")?;
            }
            option if option.starts_with('-') => {
                return Err(format!("no option `{option}`; see --help"));
            }
            _ => arguments.names.push(argument),
        }
    }
    Ok(Some(arguments))
}

fn run(arguments: &Arguments) -> Result<ExitCode, Error> {
    let root = workspace::root()?;
    let mut mutants = mutants::all(&root)?;
    if let Some(name) = unknown(&arguments.names, &mutants) {
        return Ok(usage(&format!("no mutant `{name}`; see --list")));
    }
    if !arguments.names.is_empty() {
        mutants.retain(|mutant| arguments.names.contains(&mutant.name));
    }
    let Part { first, of } = arguments.part;
    let mut place = 0;
    mutants.retain(|_| {
        place += 1;
        place % of == first % of
    });
    if mutants.is_empty() {
        eprintln!("mutants: no mutants found in tests/mutants");
        return Ok(ExitCode::from(1));
    }
    if arguments.list {
        mutants.iter().for_each(|mutant| println!("{}: {}", mutant.name, mutant.bug));
        return Ok(ExitCode::SUCCESS);
    }
    let limit = Duration::from_secs(arguments.limit_s.unwrap_or(120));
    // A build spends half of its time in one crate or in the linker, on one CPU.
    let copies = std::thread::available_parallelism().map_or(1, usize::from).min(4);
    let options = Options { scratch: scratch(&root), copies, limit };
    let missed = mutants::hunt(&root, &mutants, &options, &mut std::io::stdout())?;
    Ok(ExitCode::from(u8::from(missed > 0)))
}

fn unknown<'a>(names: &'a [String], mutants: &[Mutant]) -> Option<&'a String> {
    names.iter().find(|name| mutants.iter().all(|mutant| mutant.name != **name))
}

fn scratch(root: &Path) -> PathBuf {
    let folder = |name| std::env::var_os(name).map(PathBuf::from);
    folder("SLUICE_MUTANTS_DIR").unwrap_or_else(|| {
        let target = folder("CARGO_TARGET_DIR").unwrap_or_else(|| root.join("target"));
        target.join("mutants")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_one_of_so_many() {
        assert_eq!(Part::parse("2/3"), Some(Part { first: 2, of: 3 }));
        for wrong in ["", "2", "0/2", "3/2", "1/0", "a/b", "-1/2"] {
            assert_eq!(Part::parse(wrong), None, "{wrong}");
        }
    }
}
