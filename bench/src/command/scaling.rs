//! `scaling`: more shards over one, with rows preloaded on the shards and no feeder.

use std::io::Write;

use super::options::{JSON, Options, Spec, spec};
use super::throughput::{BATCH_MAX, ROWS_MAX};
use super::{Command, Failure, finish};
use crate::drive::watch;
use crate::engine::scaling;
use crate::faults::Snapshot;
use crate::histogram::{Latencies, Spread};
use crate::report::Point;
use crate::subject::Setup;
use crate::trades::{Query, trades};

pub(super) const COMMAND: Command = Command {
    name: "scaling",
    about: "several shards over one, with rows preloaded on the shards",
    help:
        "Every row lies ready, as Arrow has it, with the shard that owns its symbol, and a function
on the shard's own thread pushes a batch a turn. One shard and several run in turn. With as
many shards as CPUs one of them shares its CPU with the housekeeping.",
    example: "scaling --query tumble --shards 2",
    options: OPTIONS,
    run,
};

const OPTIONS: &[Spec] = &[
    spec("--query", "filter|tumble", "what is computed (tumble)"),
    spec("--batch", "N", "rows in a push, at most 1024 (1024)"),
    spec("--shards", "N", "shards to compare with one (2)"),
    spec("--rows", "N", "rows of a run (4000000)"),
    spec("--runs", "N", "runs (5)"),
    JSON,
];

/// How long hiccups are watched before a run.
const WATCH_S: f64 = 0.1;

fn run(options: &Options, out: &mut dyn Write) -> Result<(), Failure> {
    let parse = || -> Result<_, String> {
        Ok((
            options.query(Query::Tumble, &[Query::Filter, Query::Tumble])?,
            options.number("--batch", 1024, 1, BATCH_MAX)?,
            options.number("--shards", 2, 1, 64)?,
            options.number("--rows", 4_000_000, 1, ROWS_MAX)?,
            options.number("--runs", 5, 1, 1000)?,
        ))
    };
    let (query, batch, shards, rows, runs) = parse().map_err(Failure::Usage)?;
    let load = trades(rows as usize, 42);
    let (one, many) = (Setup::new(query, 1)?, Setup::new(query, shards as usize)?);
    let (mut hiccups, mut times) = (Latencies::new(), [Vec::new(), Vec::new()]);
    let before = Snapshot::take();
    for _ in 0..runs {
        hiccups.add(&watch(one.clock, one.cpus.producer, WATCH_S)?.delays());
        times[0].push(scaling::run(&one, &load, batch as usize)?);
        times[1].push(scaling::run(&many, &load, batch as usize)?);
    }
    let stolen = Snapshot::take().since(&before).stolen;
    let [alone, together] = times.map(Spread::of);
    let speed = |ns: u64| rows as f64 * 1e9 / ns.max(1) as f64;
    let points = [(1, alone), (shards, together)].map(|(shards, spread)| Point {
        bench: COMMAND.name,
        query: Some(query.name()),
        batch: Some(batch),
        shards: Some(shards),
        rows: Some(rows),
        rows_per_s: Some(speed(spread.median)),
        hiccup_p99_ns: Some(hiccups.percentiles().p99_ns),
        hiccup_max_ns: Some(hiccups.percentiles().max_ns),
        stolen: Some(stolen),
        notes: vec![
            format!(
                "{runs} runs, {:.2} to {:.2} M rows/s",
                speed(spread.max) / 1e6,
                speed(spread.min) / 1e6
            ),
            format!("{:.3} times one shard", alone.median as f64 / spread.median.max(1) as f64),
        ],
        ..Point::default()
    });
    finish(options, out, &points)
}
