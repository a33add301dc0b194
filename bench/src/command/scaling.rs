//! `scaling`: more shards over one, with rows preloaded on the shards and no feeder.

use std::io::Write;
use std::sync::Arc;

use super::options::{JSON, Options, Spec, spec};
use super::throughput::{BATCH_MAX, ROWS_MAX};
use super::{Command, Failure, finish};
use crate::drive::watch;
use crate::engine::scaling;
use crate::faults::Snapshot;
use crate::hand;
use crate::histogram::{Latencies, Spread};
use crate::report::Point;
use crate::subject::Setup;
use crate::trades::{Query, trades};

pub(super) const COMMAND: Command = Command {
    name: "scaling",
    about: "several shards over one, with rows preloaded on the shards",
    help:
        "Every row lies ready, as Arrow has it, with the shard that owns its symbol, and a function
on the shard's own thread pushes a batch a turn. One shard and several run in turn, and beside
them a loop written by hand and as many of these at once, each on a CPU of its own: what there
is to be had of these CPUs. With as many shards as CPUs one of them shares its CPU with the
housekeeping.",
    example: "scaling --shards 2",
    options: OPTIONS,
    run,
};

const OPTIONS: &[Spec] = &[
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
            options.number("--batch", 1024, 1, BATCH_MAX)?,
            options.number("--shards", 2, 1, 64)?,
            options.number("--rows", 4_000_000, 1, ROWS_MAX)?,
            options.number("--runs", 5, 1, 1000)?,
        ))
    };
    let (batch, shards, rows, runs) = parse().map_err(Failure::Usage)?;
    let query = Query::Tumble;
    let load = Arc::new(trades(rows as usize, 42));
    let (one, many) = (Setup::new(query, 1)?, Setup::new(query, shards as usize)?);
    let mut hiccups = Latencies::new();
    let (mut times, mut by_hand) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    let before = Snapshot::take();
    for _ in 0..runs {
        hiccups.add(&watch(one.clock, one.cpus.producer, WATCH_S)?.delays());
        for (at, setup) in [&one, &many].into_iter().enumerate() {
            times[at].push(scaling::run(setup, &load, batch as usize)?);
            by_hand[at].push(hand::race(setup, &load)?);
        }
    }
    let stolen = Snapshot::take().since(&before).stolen;
    let over = |spreads: &[Spread; 2], at: usize| {
        spreads[0].median as f64 / spreads[at].median.max(1) as f64
    };
    let (times, by_hand) = (times.map(Spread::of), by_hand.map(Spread::of));
    let points = [1, shards].into_iter().enumerate().map(|(at, shards)| {
        let speeds = |spread: Spread| {
            [spread.median, spread.max, spread.min].map(|ns| rows as f64 * 1e3 / ns.max(1) as f64)
        };
        let ([speed, least, most], [hand, ..]) = (speeds(times[at]), speeds(by_hand[at]));
        let (scale, hand_scale) = (over(&times, at), over(&by_hand, at));
        Point {
            bench: COMMAND.name,
            query: Some(query.name()),
            batch: Some(batch),
            shards: Some(shards),
            rows: Some(rows),
            rows_per_s: Some(speed * 1e6),
            hiccup_p99_ns: Some(hiccups.percentiles().p99_ns),
            hiccup_max_ns: Some(hiccups.percentiles().max_ns),
            stolen: Some(stolen),
            ratios: vec![("over_one_shard", scale), ("hand_over_one_loop", hand_scale)],
            notes: vec![
                format!("{runs} runs, {least:.2} to {most:.2} M rows/s"),
                format!("{scale:.3} times one shard"),
                format!("by hand {hand:.2} M rows/s, {hand_scale:.3} times one loop"),
            ],
            ..Point::default()
        }
    });
    let points: Vec<Point> = points.collect();
    finish(options, out, &points)
}
