//! `latency`: from the moment a trade was due to its result.

use std::collections::BTreeMap;
use std::io::Write;

use super::options::{JSON, Options, PLOT, Spec, spec};
use super::{Command, Failure, finish};
use crate::drive::{Arrivals, Pace, Run, paced};
use crate::histogram::{Latencies, Percentiles};
use crate::modes::Mode;
use crate::plot::{Series, svg};
use crate::report::{Point, duration};
use crate::rings;
use crate::subject::Setup;
use crate::trades::Query;

pub(super) const COMMAND: Command = Command {
    name: "latency",
    about: "from the moment a trade was due to its result, at a fixed rate",
    help: "Open loop: the plan of all trades is made before the first, nothing delays it, and a
latency counts from the planned moment. The sender spins between trades, which is the
hiccup meter of its CPU; a run whose hiccup p99 is above 20 us is repeated. A point
wants a million samples a run.",
    example: "latency --query tumble --mode cross,inline --rate 100000 --seconds 10 --runs 3",
    options: OPTIONS,
    run,
};

const OPTIONS: &[Spec] = &[
    spec("--query", "filter|tumble|lookup", "what is computed (filter)"),
    spec("--mode", "MODE[,MODE..]", "who computes it (cross)"),
    spec("--rate", "N[,N..]", "trades a second (100000)"),
    spec("--arrivals", "fixed|poisson", "at equal distances, or independently (fixed)"),
    spec("--seed", "N", "of independent arrivals (42)"),
    spec("--warm-up", "S", "seconds before anything counts (2)"),
    spec("--seconds", "S", "seconds that count, in each run (10)"),
    spec("--shards", "N", "shards of the database (1)"),
    spec("--runs", "N", "runs that count (5)"),
    spec("--repeats", "N", "how often a noisy run is repeated (5)"),
    PLOT,
    JSON,
];

const RATE_MAX: u64 = 100_000_000;

fn run(options: &Options, out: &mut dyn Write) -> Result<(), Failure> {
    let request = Request::parse(options).map_err(Failure::Usage)?;
    let (mut points, mut series) = (Vec::new(), Vec::new());
    for mode in &request.modes {
        for &rate in &request.rates {
            let runs = request.runs(mode, &Pace { rate, ..request.pace })?;
            series.extend(runs.series(&format!("{} at {rate}/s", mode.name)));
            points.push(runs.point(&request, mode, rate));
        }
    }
    if let Some(file) = options.text("--plot") {
        let title = format!("latency of {}", request.query.name());
        let write = std::fs::write(file, svg(&title, &series));
        write.map_err(|error| format!("{file} cannot be written: {error}"))?;
    }
    finish(options, out, &points)
}

struct Request {
    query: Query,
    modes: Vec<&'static Mode>,
    rates: Vec<u64>,
    pace: Pace,
    shards: u64,
    runs: u64,
    repeats: u64,
}

impl Request {
    fn parse(options: &Options) -> Result<Request, String> {
        let seed = options.number("--seed", 42, 0, u64::MAX)?;
        let pace = Pace {
            rate: 0,
            arrivals: match options.text("--arrivals") {
                None | Some("fixed") => Arrivals::Fixed,
                Some("poisson") => Arrivals::Poisson { seed },
                Some(other) => return Err(format!("no arrivals {other}: take fixed or poisson")),
            },
            warm_up_s: options.seconds("--warm-up", 2.0)?,
            seconds: options.seconds("--seconds", 10.0)?,
        };
        Ok(Request {
            query: options.query(Query::Filter, &Query::ALL)?,
            modes: options.modes()?,
            rates: options.numbers("--rate", 100_000, 1, RATE_MAX)?,
            pace,
            shards: options.number("--shards", 1, 1, 1024)?,
            runs: options.number("--runs", 5, 1, 1000)?,
            repeats: options.number("--repeats", 5, 0, 1000)?,
        })
    }

    /// As many runs as are wanted. A noisy one is repeated; if all repetitions are noisy, the least
    /// noisy of them stands in, and the point says so.
    fn runs(&self, mode: &Mode, pace: &Pace) -> Result<Runs, String> {
        let setup = Setup::new(self.query, self.shards as usize)?;
        let mut runs = Runs { kept: Vec::new(), repeated: Vec::new(), floor_p50_ns: None };
        if mode.crosses {
            runs.floor_p50_ns =
                rings::floor(setup.clock, setup.cpus.producer, setup.cpus.shards[0])?;
        }
        for _ in 0..self.runs {
            let mut tries = vec![paced(mode, &setup, pace)?];
            while tries.len() as u64 <= self.repeats
                && tries.iter().all(|run| run.noise().is_some())
            {
                tries.push(paced(mode, &setup, pace)?);
            }
            let p99 = |at: &usize| tries[*at].hiccups.percentiles().p99_ns;
            let quietest = (0..tries.len()).min_by_key(p99).expect("there is a run");
            runs.kept.push(tries.swap_remove(quietest));
            runs.repeated.extend(tries.iter().filter_map(Run::noise));
        }
        Ok(runs)
    }
}

/// The runs of one point.
struct Runs {
    kept: Vec<Run>,
    /// Why each run that is not kept does not count.
    repeated: Vec<String>,
    floor_p50_ns: Option<u64>,
}

impl Runs {
    fn merged(&self, of: fn(&Run) -> &Latencies) -> Latencies {
        let mut all = Latencies::new();
        self.kept.iter().for_each(|run| all.add(of(run)));
        all
    }

    fn series(&self, name: &str) -> [Series; 2] {
        let latencies = self.merged(|run| &run.latencies);
        let hiccups = self.merged(|run| &run.hiccups);
        [
            Series { name: name.into(), latencies, dashed: false },
            Series { name: format!("hiccups beside {name}"), latencies: hiccups, dashed: true },
        ]
    }

    fn point(&self, request: &Request, mode: &Mode, rate: u64) -> Point {
        let latencies: Vec<Percentiles> =
            self.kept.iter().map(|run| run.latencies.percentiles()).collect();
        let hiccups = self.merged(|run| &run.hiccups).percentiles();
        let sum = |figure: fn(&Run) -> u64| self.kept.iter().map(figure).sum::<u64>();
        let sent = sum(|run| run.sent);
        let count = self.kept.len() as f64;
        let mut flaws: Vec<String> = self.kept.iter().filter_map(Run::noise).collect();
        flaws.extend(self.kept.iter().flat_map(Run::flaws));
        flaws.sort_unstable();
        flaws.dedup();
        Point {
            bench: COMMAND.name,
            query: Some(request.query.name()),
            mode: Some(mode.name),
            shards: Some(request.shards),
            rate: Some(rate),
            rows: latencies.iter().map(|run| run.count).min(),
            rows_per_s: Some(sent as f64 * 1e9 / sum(|run| run.elapsed_ns) as f64),
            floor_p50_ns: self.floor_p50_ns,
            hiccup_p99_ns: Some(hiccups.p99_ns),
            hiccup_max_ns: Some(hiccups.max_ns),
            stolen: Some(self.kept.iter().map(|run| run.change.stolen).sum::<f64>() / count),
            allocs_per_row: Some(sum(|run| run.allocated.allocations) as f64 / sent as f64),
            latencies,
            flaws,
            notes: self.notes(sent),
            ..Point::default()
        }
    }

    fn notes(&self, sent: u64) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.repeated.is_empty() {
            let list = self.repeated.join("; ");
            notes.push(format!(
                "{} runs do not count and were repeated: {list}",
                self.repeated.len()
            ));
        }
        let answered: u64 = self.kept.iter().map(|run| run.latencies.count()).sum();
        if answered < sent {
            notes.push(format!("{} trades shared the answer of a later one", sent - answered));
        }
        let refused: u64 = self.kept.iter().map(|run| run.refused).sum();
        if refused > 0 {
            notes.push(format!("{refused} times there was no room for a trade"));
        }
        let behind = self.kept.iter().map(|run| run.behind_max_ns).max().unwrap_or(0);
        notes.push(format!("the sender was at most {} behind its plan", duration(behind)));
        // Of all runs: the threads of each are others, and have the same names.
        let mut waits = BTreeMap::<&str, u64>::new();
        for (_, thread) in self.kept.iter().flat_map(|run| &run.change.threads) {
            *waits.entry(&thread.name).or_default() += thread.waited_ns;
        }
        for (name, waited_ns) in waits.iter().filter(|(_, waited_ns)| **waited_ns > 0) {
            let time = duration(*waited_ns);
            notes.push(format!("in all runs, thread {name} was {time} without a CPU"));
        }
        notes
    }
}
