//! `recovery`: how long a database takes to be there again after it was cut off.

use std::io::Write;
use std::path::PathBuf;

use super::options::{JSON, Options, Spec, spec};
use super::{Command, Failure, finish};
use crate::clock::Clock;
use crate::durable::recovery::{Left, Recovered, run as recover};
use crate::histogram::Spread;
use crate::report::{Point, duration};

pub(super) const COMMAND: Command = Command {
    name: "recovery",
    about: "seconds until a database that was cut off is there again",
    help: "A database is filled, and its files are copied while it is open, as a crash would leave
them. The time is that of opening the copy, until every row is in its view again. Logged rows are in no
checkpoint and meet a thousand groups; rows of state are groups of their own, in a checkpoint.",
    example: "recovery --logged 1000000 --state 1000000 --dir .",
    options: OPTIONS,
    run,
};

const OPTIONS: &[Spec] = &[
    spec("--logged", "N[,N..]", "rows in the log, 0 for no such run (1000000)"),
    spec("--state", "N[,N..]", "rows of state in a checkpoint, 0 for no such run (1000000)"),
    spec("--runs", "N", "runs (3)"),
    spec("--dir", "DIR", "where files are made for the time of a run (the temporary folder)"),
    JSON,
];

const ROWS_MAX: u64 = 1 << 32;

fn run(options: &Options, out: &mut dyn Write) -> Result<(), Failure> {
    let parse = || -> Result<_, String> {
        let logged = options.numbers("--logged", 1_000_000, 0, ROWS_MAX)?;
        let state = options.numbers("--state", 1_000_000, 0, ROWS_MAX)?;
        Ok((logged, state, options.number("--runs", 3, 1, 1000)?))
    };
    let (logged, state, runs) = parse().map_err(Failure::Usage)?;
    let base = options.text("--dir").map_or_else(std::env::temp_dir, PathBuf::from);
    let clock = Clock::calibrated();
    let mut points = Vec::new();
    for (left, rows) in [(Left::Log, logged), (Left::State, state)] {
        for rows in rows.into_iter().filter(|rows| *rows > 0) {
            let found = (0..runs).map(|_| recover(clock, &base, left, rows));
            points.push(point(left, rows, &found.collect::<Result<Vec<_>, _>>()?));
        }
    }
    finish(options, out, &points)
}

fn point(left: Left, rows: u64, runs: &[Recovered]) -> Point {
    let elapsed = Spread::of(runs.iter().map(|run| run.elapsed_ns));
    let last = runs.last().expect("there is at least one run");
    let seconds = elapsed.median as f64 / 1e9;
    Point {
        bench: COMMAND.name,
        mode: Some(if left == Left::Log { "log" } else { "state" }),
        shards: Some(1),
        rows: Some(rows),
        rows_per_s: Some(rows as f64 / seconds.max(1e-9)),
        state_bytes: Some(last.state_bytes),
        ratios: vec![
            ("seconds", seconds),
            ("file_bytes", last.file_bytes as f64),
            ("seconds_per_gib", seconds * (1u64 << 30) as f64 / last.file_bytes.max(1) as f64),
        ],
        notes: vec![
            format!(
                "there again after {}, {} to {} in {} runs",
                duration(elapsed.median),
                duration(elapsed.min),
                duration(elapsed.max),
                runs.len()
            ),
            format!("{:.1} MB of files", last.file_bytes as f64 / 1e6),
        ],
        ..Point::default()
    }
}
