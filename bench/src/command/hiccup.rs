//! `hiccup`: what the machine takes away, with nothing measured beside it.

use std::io::Write;

use super::options::{JSON, Options, PLOT, Spec, spec};
use super::{Command, Failure, finish};
use crate::clock::Clock;
use crate::drive::watch;
use crate::faults::Snapshot;
use crate::plot::{Series, svg};
use crate::report::{Point, duration};
use crate::subject::Cpus;

pub(super) const COMMAND: Command = Command {
    name: "hiccup",
    about: "the delays that the machine puts into a thread that only looks at the clock",
    help: "The percentiles are of the delay that a task would have met which was due at any
microsecond of the time.",
    example: "hiccup --seconds 5",
    options: OPTIONS,
    run,
};

const OPTIONS: &[Spec] = &[
    spec("--seconds", "S", "how long (10)"),
    spec("--cpu", "N", "on which CPU (the first that is allowed)"),
    PLOT,
    JSON,
];

fn run(options: &Options, out: &mut dyn Write) -> Result<(), Failure> {
    let seconds = options.seconds("--seconds", 10.0).map_err(Failure::Usage)?;
    let first = Cpus::choose()?.producer;
    let cpu = options.number("--cpu", first as u64, 0, 1 << 20).map_err(Failure::Usage)?;
    let clock = Clock::calibrated();
    let before = Snapshot::take();
    let hiccups = watch(clock, cpu as usize, seconds)?;
    let change = Snapshot::take().since(&before);
    let delays = hiccups.delays();
    let percentiles = delays.percentiles();
    if let Some(file) = options.text("--plot") {
        let series = [Series { name: format!("CPU {cpu}"), latencies: delays, dashed: true }];
        let write = std::fs::write(file, svg("hiccups", &series));
        write.map_err(|error| format!("{file} cannot be written: {error}"))?;
    }
    let main = change.threads.first().map_or(0, |(_, thread)| thread.waited_ns);
    let point = Point {
        bench: COMMAND.name,
        rows: Some(percentiles.count),
        latencies: vec![percentiles],
        hiccup_p99_ns: Some(percentiles.p99_ns),
        hiccup_max_ns: Some(percentiles.max_ns),
        stolen: Some(change.stolen),
        notes: vec![
            format!("the clock is the {}; a look costs {:.1} ns", clock.source(), clock.cost_ns()),
            format!("the thread was without a CPU for {}", duration(main)),
        ],
        ..Point::default()
    };
    finish(options, out, &[point])
}
