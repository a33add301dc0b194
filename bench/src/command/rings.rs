//! `rings`: the floor of everything that crosses to another CPU.

use std::io::Write;

use super::options::{JSON, Options, PLOT, Spec, spec};
use super::{Command, Failure, finish};
use crate::clock::Clock;
use crate::drive::{SAMPLES_MIN, watch};
use crate::histogram::{Latencies, Percentiles, Spread, spreads};
use crate::plot::{Series, svg};
use crate::report::{Point, duration};
use crate::rings::{bulk, round_trips};
use crate::subject::Cpus;

pub(super) const COMMAND: Command = Command {
    name: "rings",
    about: "the floor: a round trip between two CPUs over nothing but two rings",
    help: "Items of 64 bytes go from the first CPU that is allowed to the second and back, one at a
time; then in bursts one way, as fast as the ring takes them. One way is half of a round
trip. The hiccups are those of half a second before.",
    example: "rings --samples 1000000",
    options: OPTIONS,
    run,
};

const OPTIONS: &[Spec] = &[
    spec("--samples", "N", "round trips of a run, after 100000 of warm-up (1000000)"),
    spec("--items", "N", "items sent one way (5000000)"),
    spec("--runs", "N", "runs (3)"),
    PLOT,
    JSON,
];

/// How many items are published at once, one way.
const BURSTS: [usize; 2] = [1, 64];

const WATCH_S: f64 = 0.5;

fn run(options: &Options, out: &mut dyn Write) -> Result<(), Failure> {
    let usage = Failure::Usage;
    let samples = options.number("--samples", SAMPLES_MIN, 1, 1 << 40).map_err(usage)?;
    let items = options.number("--items", 5_000_000, 1, 1 << 40).map_err(usage)?;
    let runs = options.number("--runs", 3, 1, 1000).map_err(usage)?;
    let (clock, cpus) = (Clock::calibrated(), Cpus::choose()?);
    let (here, there) = (cpus.producer, cpus.shards[0]);
    if here == there {
        return Err(Failure::Run("a round trip wants two CPUs, and one is allowed".into()));
    }
    let hiccups = watch(clock, here, WATCH_S)?.delays();
    let (mut latencies, mut all) = (Vec::new(), Latencies::new());
    for _ in 0..runs {
        let trips = round_trips(clock, here, there, samples)?;
        latencies.push(trips.percentiles());
        all.add(&trips);
    }
    let mut points = vec![round_trip(here, there, latencies, &hiccups)];
    for burst in BURSTS {
        let mut speeds = Vec::new();
        for _ in 0..runs {
            speeds.push(bulk(clock, here, there, burst, items)? as u64);
        }
        points.push(one_way(burst, items, &speeds));
    }
    if let Some(file) = options.text("--plot") {
        let name = format!("round trip, CPU {here} to {there}");
        let series = [
            Series { name, latencies: all, dashed: false },
            Series { name: "hiccups before".into(), latencies: hiccups, dashed: true },
        ];
        let write = std::fs::write(file, svg("two rings between two CPUs", &series));
        write.map_err(|error| format!("{file} cannot be written: {error}"))?;
    }
    finish(options, out, &points)
}

fn round_trip(
    here: usize,
    there: usize,
    latencies: Vec<Percentiles>,
    hiccups: &Latencies,
) -> Point {
    let median = |at: usize| spreads(&latencies)[at].1.median;
    let [p50, p99, p999] = [0, 2, 3].map(median);
    let [one, most, rare] = [p50, p99, p999].map(|ns| duration(ns / 2));
    let samples = latencies[0].count;
    let few = format!("{samples} samples in a run; a point wants {SAMPLES_MIN}");
    let hiccups = hiccups.percentiles();
    Point {
        bench: COMMAND.name,
        mode: Some("round trip"),
        batch: Some(1),
        rows: Some(samples),
        floor_p50_ns: Some(p50),
        hiccup_p99_ns: Some(hiccups.p99_ns),
        hiccup_max_ns: Some(hiccups.max_ns),
        flaws: (samples < SAMPLES_MIN).then_some(few).into_iter().collect(),
        notes: vec![format!("CPU {here} to {there}, one way: p50 {one}, p99 {most}, p99.9 {rare}")],
        latencies,
        ..Point::default()
    }
}

fn one_way(burst: usize, items: u64, speeds: &[u64]) -> Point {
    let Spread { min, median, max } = Spread::of(speeds.iter().copied());
    let [min, max] = [min, max].map(|speed| speed as f64 / 1e6);
    Point {
        bench: COMMAND.name,
        mode: Some("one way"),
        batch: Some(burst as u64),
        rows: Some(items),
        rows_per_s: Some(median as f64),
        notes: vec![format!("{} runs, {min:.2} to {max:.2} M items/s", speeds.len())],
        ..Point::default()
    }
}
