//! `checkpoint`: what checkpoints cost the shard that goes on meanwhile.

use std::io::Write;
use std::path::PathBuf;

use super::options::{JSON, Options, Spec, spec};
use super::{Command, Failure, finish};
use crate::clock::Clock;
use crate::durable::checkpoint::{Asked, Stalled, run as stall};
use crate::histogram::{Latencies, Spread};
use crate::report::{Point, duration};

pub(super) const COMMAND: Command = Command {
    name: "checkpoint",
    about: "how long a shard stalls at a checkpoint, and what it costs under load",
    help: "A database of one shard is filled, and a part of its state changes between checkpoints. First
the shard has nothing else to do, and the time of its turns while a checkpoint is under way is what
others would wait; beside it stand turns without one. A barrier is from the order to end an epoch until
all stages have passed it. Then rows come as fast as they are taken, and the rows a second while a
checkpoint is under way stand beside those while none is.",
    example: "checkpoint --state-mib 1024 --changed 1,100 --dir .",
    options: OPTIONS,
    run,
};

const OPTIONS: &[Spec] = &[
    spec("--state-mib", "N", "MiB of state (1024)"),
    spec("--changed", "N[,N..]", "of a hundred rows of state, those that change (1,100)"),
    spec("--checkpoints", "N", "checkpoints of a run, without load and again under load (20)"),
    spec("--runs", "N", "runs (3)"),
    spec("--dir", "DIR", "where files are made for the time of a run (the temporary folder)"),
    JSON,
];

/// Fewer say nothing about the longest of a hundred.
const CHECKPOINTS_MIN: u64 = 20;

fn run(options: &Options, out: &mut dyn Write) -> Result<(), Failure> {
    let parse = || -> Result<_, String> {
        let changed = match options.text("--changed") {
            Some(_) => options.numbers("--changed", 1, 1, 100)?,
            None => vec![1, 100],
        };
        let state_mib = options.number("--state-mib", 1024, 1, 1 << 20)?;
        let checkpoints = options.number("--checkpoints", 20, 1, 100)?;
        Ok((changed, state_mib << 20, checkpoints, options.number("--runs", 3, 1, 1000)?))
    };
    let (changed, state_bytes, checkpoints, runs) = parse().map_err(Failure::Usage)?;
    let base = options.text("--dir").map_or_else(std::env::temp_dir, PathBuf::from);
    let clock = Clock::calibrated();
    let mut points = Vec::new();
    for changed in changed {
        let asked = Asked { state_bytes, changed, checkpoints };
        let found = (0..runs).map(|_| stall(clock, &base, asked));
        points.push(point(asked, &found.collect::<Result<Vec<_>, _>>()?));
    }
    finish(options, out, &points)
}

fn point(asked: Asked, runs: &[Stalled]) -> Point {
    let middle = |of: &dyn Fn(&Stalled) -> u64| Spread::of(runs.iter().map(of)).median;
    let most = |of: fn(&Stalled) -> &Latencies| middle(&|run| of(run).at_quantile(1.0));
    let p99 = |of: fn(&Stalled) -> &Latencies| middle(&|run| of(run).at_quantile(0.99));
    let (turn, calm) = (p99(|run| &run.turns), p99(|run| &run.calm_turns));
    let (turn_max, calm_max) = (most(|run| &run.turns), most(|run| &run.calm_turns));
    let longest = middle(&|run| run.longest.at_quantile(0.5));
    let (barrier, barrier_max) = (p99(|run| &run.barriers), most(|run| &run.barriers));
    let whole = middle(&|run| run.whole.at_quantile(0.5));
    let bytes = middle(&|run| run.checkpoint_bytes);
    let [without, with] = [0, 1].map(|at| middle(&|run| run.rows_per_s[at] as u64) as f64);
    let kept = with / without.max(1.0);
    let last = runs.last().expect("there is at least one run");
    let short = asked.checkpoints < CHECKPOINTS_MIN;
    Point {
        bench: COMMAND.name,
        shards: Some(1),
        rows: Some(last.state.0),
        rows_per_s: Some(with),
        state_bytes: Some(last.state.1),
        ratios: vec![
            ("changed_percent", asked.changed as f64),
            ("checkpoint_bytes", bytes as f64),
            ("checkpoint_ns", whole as f64),
            ("turn_p99_ns", turn as f64),
            ("turn_max_ns", turn_max as f64),
            ("longest_turn_p50_ns", longest as f64),
            ("calm_turn_p99_ns", calm as f64),
            ("calm_turn_max_ns", calm_max as f64),
            ("barrier_p99_ns", barrier as f64),
            ("barrier_max_ns", barrier_max as f64),
            ("rows_per_s_without", without),
            ("throughput_kept", kept),
        ],
        flaws: short
            .then(|| {
                format!(
                    "{} checkpoints in a run; a point wants {CHECKPOINTS_MIN}",
                    asked.checkpoints
                )
            })
            .into_iter()
            .collect(),
        notes: vec![
            format!(
                "{} % of {:.0} MB changed; {:.1} MB written in {}",
                asked.changed,
                last.state.1 as f64 / 1e6,
                bytes as f64 / 1e6,
                duration(whole)
            ),
            format!(
                "turns p99 {}, longest {} ({} in half of the checkpoints); without one p99 {}, longest {}",
                duration(turn),
                duration(turn_max),
                duration(longest),
                duration(calm),
                duration(calm_max)
            ),
            format!("barriers p99 {}, longest {}", duration(barrier), duration(barrier_max)),
            format!(
                "under load {:.3} M rows/s, {:.3} without a checkpoint: {:.3} of it is kept",
                with / 1e6,
                without / 1e6,
                kept
            ),
        ],
        ..Point::default()
    }
}
