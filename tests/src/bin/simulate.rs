//! Replays a seed of the simulated world, or runs many.

use std::io::{IsTerminal, Write as _};
use std::process::ExitCode;

use sluicedb_tests::demo;
use sluicedb_tests::options::Fault;
use sluicedb_tests::sweep::sweep;
use sluicedb_tests::world::{Failure, Replay, Summary, replay};

const HELP: &str = "\
Runs the engine in a simulated world: shards, lanes, feeders, disk and clock in one thread, with
loss of power and other faults, all decided by a seed. Every view is compared with a slow reference.

Usage:
  simulate SEED [--without FAULT]...              replay one seed and print its trace
  simulate --seeds N [--start S] [--without FAULT]...   run many seeds on all cores
  simulate --demo                                 run a readable scenario and say what it did

FAULT is one of crash, torn_write, failed_sync, pause: leave kinds out to find the one that matters.

Examples:
  cargo sim 1234
  cargo sim 1234 --without torn_write
  cargo sim --seeds 10000 --start 5000
  cargo sim --demo

Exit codes: 0 all went well, 1 a run showed a bug, 2 wrong usage.
";

/// What was asked.
enum Command {
    Help,
    Demo,
    Replay { seed: u64, without: Vec<Fault> },
    Many { seeds: u64, start: u64, without: Vec<Fault> },
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match parse(&arguments) {
        Ok(Command::Help) => {
            print(HELP);
            ExitCode::SUCCESS
        }
        Ok(Command::Demo) => match demo::run() {
            Ok(text) => {
                print(&text);
                ExitCode::SUCCESS
            }
            Err(failure) => failed(&failure),
        },
        Ok(Command::Replay { seed, without }) => show(replay(seed, &without)),
        Ok(Command::Many { seeds, start, without }) => many(seeds, start, &without),
        Err(problem) => {
            print(&format!("simulate: {problem}\nTry: simulate --help\n"));
            ExitCode::from(2)
        }
    }
}

/// Prints what somebody may have stopped reading.
fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn parse(arguments: &[String]) -> Result<Command, String> {
    let (mut seed, mut seeds, mut start, mut without) = (None, None, 0, Vec::new());
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || rest.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--help" | "-h" => return Ok(Command::Help),
            "--demo" => return Ok(Command::Demo),
            "--seeds" => seeds = Some(number(value()?)?),
            "--start" => start = number(value()?)?,
            "--without" => without.push(fault(value()?)?),
            text if seed.is_none() => seed = Some(number(text)?),
            text => return Err(format!("what is {text}?")),
        }
    }
    match (seed, seeds) {
        (Some(seed), None) => Ok(Command::Replay { seed, without }),
        (None, Some(seeds)) => Ok(Command::Many { seeds, start, without }),
        (None, None) => Ok(Command::Help),
        (Some(_), Some(_)) => Err("a seed and --seeds exclude each other".to_owned()),
    }
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text} is not a number from 0 to {}", u64::MAX))
}

fn fault(text: &str) -> Result<Fault, String> {
    let found = Fault::ALL.iter().find(|(name, _)| *name == text);
    let names: Vec<&str> = Fault::ALL.iter().map(|(name, _)| *name).collect();
    let (_, fault) = found.ok_or(format!("{text} is not one of {}", names.join(", ")))?;
    Ok(*fault)
}

fn show(replay: Replay) -> ExitCode {
    let Replay { lines, result } = replay;
    lines.iter().for_each(|line| print(&format!("{line}\n")));
    match result {
        Ok(summary) => {
            print(&format!("\n{summary}\n"));
            ExitCode::SUCCESS
        }
        // The trace ends with the lines that the failure would show.
        Err(failure) => failed(&Failure { tail: Vec::new(), ..*failure }),
    }
}

fn failed(failure: &Failure) -> ExitCode {
    print(&format!("{failure}\n"));
    ExitCode::FAILURE
}

fn many(seeds: u64, start: u64, without: &[Fault]) -> ExitCode {
    let Some(end) = start.checked_add(seeds) else {
        print("simulate: --start and --seeds together leave 64 bits\n");
        return ExitCode::from(2);
    };
    let shows = std::io::stdout().is_terminal();
    let mut done: u64 = 0;
    let progress = |_: &Summary| {
        done += 1;
        if shows && done.is_multiple_of(16) {
            print(&format!("\r{done} of {seeds} seeds"));
            let _ = std::io::stdout().flush();
        }
    };
    let summaries = match sweep(start..end, without, progress) {
        Ok(summaries) => summaries,
        Err(failure) => return failed(&failure),
    };
    let sum = |of: fn(&Summary) -> u64| summaries.iter().map(of).sum::<u64>();
    let (turns, rows) = (sum(|summary| summary.turns), sum(|summary| summary.rows));
    let crashes = sum(|summary| summary.seen.get("crash").copied().unwrap_or(0));
    let clear = if shows { "\r" } else { "" };
    print(&format!(
        "{clear}{seeds} seeds, 0 failures: {turns} turns, {rows} rows, {crashes} crashes\n"
    ));
    ExitCode::SUCCESS
}
