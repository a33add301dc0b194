//! `faults`: what the steady state costs the kernel.

use std::io::Write;

use super::options::{JSON, Options, Spec, spec};
use super::{Command, Failure, finish};
use crate::drive::{Arrivals, Pace, Run, paced};
use crate::modes::Mode;
use crate::report::{Point, duration};
use crate::subject::Setup;
use crate::trades::Query;

pub(super) const COMMAND: Command = Command {
    name: "faults",
    about: "page faults and context switches per second in the steady state",
    help: "Trades come at a fixed rate. After the warm-up the kernel's counts are read, and again
after the time that counts; the threads say who it was.",
    example: "faults --query tumble --mode cross --rate 100000 --seconds 5",
    options: OPTIONS,
    run,
};

const OPTIONS: &[Spec] = &[
    spec("--query", "filter|tumble|lookup", "what is computed (tumble)"),
    spec("--mode", "MODE[,MODE..]", "who computes it (cross)"),
    spec("--rate", "N", "trades a second (100000)"),
    spec("--shards", "N", "shards of the database (1)"),
    spec("--warm-up", "S", "seconds before anything counts (3)"),
    spec("--seconds", "S", "seconds that count (10)"),
    JSON,
];

fn run(options: &Options, out: &mut dyn Write) -> Result<(), Failure> {
    let parse = || -> Result<_, String> {
        let pace = Pace {
            rate: options.number("--rate", 100_000, 1, 100_000_000)?,
            arrivals: Arrivals::Fixed,
            warm_up_s: options.seconds("--warm-up", 3.0)?,
            seconds: options.seconds("--seconds", 10.0)?,
        };
        let query = options.query(Query::Tumble, &Query::ALL)?;
        Ok((pace, query, options.modes()?, options.number("--shards", 1, 1, 1024)?))
    };
    let (pace, query, modes, shards) = parse().map_err(Failure::Usage)?;
    let setup = Setup::new(query, shards as usize)?;
    let mut points = Vec::new();
    for &mode in &modes {
        let run = paced(mode, &setup, &pace)?;
        points.push(point(mode, &setup, &pace, &run));
    }
    finish(options, out, &points)
}

fn point(mode: &Mode, setup: &Setup, pace: &Pace, run: &Run) -> Point {
    let seconds = run.elapsed_ns as f64 / 1e9;
    let process = run.change.process;
    let switches = process.voluntary_switches + process.involuntary_switches;
    let threads = run.change.threads.iter().map(|(id, thread)| {
        let usage = thread.usage;
        format!(
            "thread {} ({id}): {} minor and {} major faults, {} waits, {} times put aside, {} \
             without a CPU",
            thread.name,
            usage.minor_faults,
            usage.major_faults,
            usage.voluntary_switches,
            usage.involuntary_switches,
            duration(thread.waited_ns)
        )
    });
    Point {
        bench: COMMAND.name,
        query: Some(setup.query.name()),
        mode: Some(mode.name),
        shards: Some(setup.shards as u64),
        rate: Some(pace.rate),
        rows: Some(run.sent),
        hiccup_p99_ns: Some(run.hiccups.percentiles().p99_ns),
        stolen: Some(run.change.stolen),
        minor_faults_per_s: Some(process.minor_faults as f64 / seconds),
        major_faults_per_s: Some(process.major_faults as f64 / seconds),
        switches_per_s: Some(switches as f64 / seconds),
        notes: threads.collect(),
        ..Point::default()
    }
}
