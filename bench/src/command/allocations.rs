//! `allocations`: what the steady state asks of the allocator.

use std::io::Write;

use super::options::{JSON, Options, Spec, spec};
use super::throughput::{BATCH_MAX, ROWS_MAX};
use super::{Command, Failure, finish};
use crate::alloc;
use crate::drive::push_all;
use crate::modes::Mode;
use crate::report::Point;
use crate::subject::{Load, Setup};
use crate::sys;
use crate::trades::{Query, trades};

pub(super) const COMMAND: Command = Command {
    name: "allocations",
    about: "requests to the allocator per row in the steady state, of all threads",
    help:
        "The first half of the rows is warm-up: buffers reach their sizes and windows have closed.
Over the second half every request of every thread is counted.",
    example: "allocations --query lookup --mode cross --batch 1024",
    options: OPTIONS,
    run,
};

const OPTIONS: &[Spec] = &[
    spec("--query", "filter|tumble|lookup", "lookup: filter, project, aggregate, view (lookup)"),
    spec("--mode", "MODE[,MODE..]", "who computes it (cross)"),
    spec("--batch", "N[,N..]", "rows in a push, at most 1024 (1024)"),
    spec("--shards", "N", "shards of the database (1)"),
    spec("--rows", "N", "rows, of which the second half counts (2000000)"),
    JSON,
];

fn run(options: &Options, out: &mut dyn Write) -> Result<(), Failure> {
    let parse = || -> Result<_, String> {
        Ok((
            options.query(Query::Lookup, &Query::ALL)?,
            options.modes()?,
            options.numbers("--batch", 1024, 1, BATCH_MAX)?,
            options.number("--shards", 1, 1, 1024)?,
            options.number("--rows", 2_000_000, 2, ROWS_MAX)?,
        ))
    };
    let (query, modes, batches, shards, rows) = parse().map_err(Failure::Usage)?;
    if !alloc::counts() {
        return Err(Failure::Run("this program was built without the counting allocator".into()));
    }
    let setup = Setup::new(query, shards as usize)?;
    let mut load = Load { trades: trades(rows as usize, 42), batch: 0 };
    let mut points = Vec::new();
    for &mode in &modes {
        for &batch in &batches {
            load.batch = batch as usize;
            points.push(measure(mode, &setup, &load)?);
        }
    }
    finish(options, out, &points)
}

fn measure(mode: &Mode, setup: &Setup, load: &Load) -> Result<Point, String> {
    let mut subject = (mode.bulk)(setup, load)?;
    let _pinned = sys::pin(setup.cpus.producer)?;
    let half = load.batches() / 2;
    push_all(setup.clock, subject.as_mut(), 0..half)?;
    subject.settle()?;
    let (outcome, asked) = alloc::during(|| {
        push_all(setup.clock, subject.as_mut(), half..load.batches())?;
        subject.settle()
    });
    outcome?;
    let rows = (load.trades.prices.len() - load.rows(half).start) as u64;
    Ok(Point {
        bench: COMMAND.name,
        query: Some(setup.query.name()),
        mode: Some(mode.name),
        batch: Some(load.batch as u64),
        shards: Some(setup.shards as u64),
        rows: Some(rows),
        allocs_per_row: Some(asked.allocations as f64 / rows as f64),
        notes: vec![format!("{} requests for {} bytes in all", asked.allocations, asked.bytes)],
        ..Point::default()
    })
}
