//! `throughput`: batches as fast as they are taken, beside the loop written by hand.

use std::io::Write;

use super::options::{JSON, Options, Spec, spec};
use super::{Command, Failure, finish};
use crate::drive::{full_speed, watch};
use crate::faults::Snapshot;
use crate::hand;
use crate::histogram::{Latencies, Spread};
use crate::modes::{MODES, Mode};
use crate::report::Point;
use crate::subject::{LANE_FRAMES, Load, Setup};
use crate::trades::{Query, trades};

pub(super) const COMMAND: Command = Command {
    name: "throughput",
    about: "batches as fast as they are taken, beside a loop written by hand",
    help: "All batches are ready before the clock starts; it stops when the results of the last are
there. The loop by hand runs over the same rows in turn with each mode, so that a noisy
neighbour meets both; the hiccups are those of a tenth of a second before each run.",
    example: "throughput --query tumble --mode cross --batch 1024 --rows 2000000",
    options: OPTIONS,
    run,
};

const OPTIONS: &[Spec] = &[
    spec("--query", "filter|tumble", "what is computed (tumble)"),
    spec("--mode", "MODE[,MODE..]", "who computes it (cross)"),
    spec("--batch", "N[,N..]", "rows in a push, at most 1024 (1024)"),
    spec("--shards", "N[,N..]", "shards of the database (1)"),
    spec("--lane", "N", "rows or batches that may wait for a shard (256)"),
    spec("--rows", "N", "rows of a run (2000000)"),
    spec("--runs", "N", "runs (5)"),
    JSON,
];

/// How long hiccups are watched before a run.
const WATCH_S: f64 = 0.1;

pub(super) const BATCH_MAX: u64 = 1024;
pub(super) const ROWS_MAX: u64 = 1 << 32;

fn run(options: &Options, out: &mut dyn Write) -> Result<(), Failure> {
    let parse = || -> Result<_, String> {
        let allowed = [Query::Filter, Query::Tumble];
        Ok((
            options.query(Query::Tumble, &allowed)?,
            options.modes()?,
            options.numbers("--batch", 1024, 1, BATCH_MAX)?,
            options.numbers("--shards", 1, 1, 64)?,
            options.number("--lane", LANE_FRAMES as u64, 2, 1 << 16)?,
            options.number("--rows", 2_000_000, 1, ROWS_MAX)?,
            options.number("--runs", 5, 1, 1000)?,
        ))
    };
    let (query, modes, batches, shards, lane, rows, runs) = parse().map_err(Failure::Usage)?;
    let mut load = Load { trades: trades(rows as usize, 42), batch: 0 };
    let mut points = Vec::new();
    for &mode in &modes {
        for &batch in &batches {
            load.batch = batch as usize;
            for &shards in &shards {
                let lane_frames = lane as usize;
                let setup = Setup { lane_frames, ..Setup::new(query, shards as usize)? };
                let measured = Measured::take(mode, &setup, &load, runs)?;
                points.push(measured.point(mode, &setup, &load));
            }
        }
    }
    finish(options, out, &points)
}

struct Measured {
    /// Of each run, in nanoseconds.
    mode: Vec<u64>,
    hand: Vec<u64>,
    hiccups: Latencies,
    stolen: f64,
}

impl Measured {
    fn take(mode: &Mode, setup: &Setup, load: &Load, runs: u64) -> Result<Measured, String> {
        let by_hand = MODES.iter().find(|mode| mode.name == hand::NAME).expect("it is in the list");
        let one = Setup { shards: 1, ..setup.clone() };
        let (mut own, mut by_loop) = (Vec::new(), Vec::new());
        let mut hiccups = Latencies::new();
        let before = Snapshot::take();
        for _ in 0..runs {
            hiccups.add(&watch(setup.clock, setup.cpus.producer, WATCH_S)?.delays());
            by_loop.push(full_speed(by_hand, &one, load)?);
            own.push(full_speed(mode, setup, load)?);
        }
        let stolen = Snapshot::take().since(&before).stolen;
        Ok(Measured { mode: own, hand: by_loop, hiccups, stolen })
    }

    fn point(&self, mode: &Mode, setup: &Setup, load: &Load) -> Point {
        let rows = load.trades.prices.len() as u64;
        let speed = |ns: u64| rows as f64 * 1e9 / ns.max(1) as f64;
        let own = Spread::of(self.mode.iter().copied());
        let by_loop = Spread::of(self.hand.iter().copied());
        let hiccups = self.hiccups.percentiles();
        let range = |spread: Spread| {
            format!("{:.2} to {:.2} M rows/s", speed(spread.max) / 1e6, speed(spread.min) / 1e6)
        };
        Point {
            bench: COMMAND.name,
            query: Some(setup.query.name()),
            mode: Some(mode.name),
            batch: Some(load.batch as u64),
            shards: Some(setup.shards as u64),
            rows: Some(rows),
            rows_per_s: Some(speed(own.median)),
            hiccup_p99_ns: Some(hiccups.p99_ns),
            hiccup_max_ns: Some(hiccups.max_ns),
            stolen: Some(self.stolen),
            notes: vec![
                format!("{} runs, {}", self.mode.len(), range(own)),
                format!("by hand {:.2} M rows/s, {}", speed(by_loop.median) / 1e6, range(by_loop)),
                format!("ratio {:.3}", by_loop.median as f64 / own.median.max(1) as f64),
            ],
            ..Point::default()
        }
    }
}
