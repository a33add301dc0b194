//! `core`: one shard of the core beside the loop written by hand, without pinning.

use std::io::Write;
use std::time::{Duration, Instant};

use super::options::{Options, Spec, spec};
use super::throughput::{BATCH_MAX, ROWS_MAX};
use super::{Command, Failure, print};
use crate::core_run::CoreRun;
use crate::hand::Hand;
use crate::rate::Rate;
use crate::trades::{Query, Trades, plan, symbols, trades};

pub(super) const COMMAND: Command = Command {
    name: "core",
    about: "one shard of the core on this thread, beside a loop written by hand",
    help: "Both run in turn over the same rows. The ratio is the figure: both meet the same noise.",
    example: "core --query tumble --rows 2000000",
    options: OPTIONS,
    run,
};

const OPTIONS: &[Spec] = &[
    spec("--query", "filter|tumble", "what is computed (tumble)"),
    spec("--rows", "N", "rows of a run (2000000)"),
    spec("--batch", "N", "rows in a push, at most 1024 (1024)"),
    spec("--runs", "N", "runs (5)"),
];

/// Batches between two barriers: at full speed about one a millisecond.
const BATCHES_PER_EPOCH: usize = 16;

fn run(options: &Options, out: &mut dyn Write) -> Result<(), Failure> {
    let parse = || -> Result<_, String> {
        Ok((
            options.query(Query::Tumble, &[Query::Filter, Query::Tumble])?,
            options.number("--rows", 2_000_000, 1, ROWS_MAX)? as usize,
            options.number("--batch", 1024, 1, BATCH_MAX)? as usize,
            options.number("--runs", 5, 1, 1000)?,
        ))
    };
    let (query, rows, batch, runs) = parse().map_err(Failure::Usage)?;
    let names = symbols();
    let trades = trades(rows, 42);
    let (mut engine, mut hand) = (Vec::new(), Vec::new());
    let mut published = 0;
    for _ in 0..runs {
        // In turn, so that a noisy neighbour meets both.
        let start = Instant::now();
        let mut by_hand = Hand::new(query, &names);
        by_hand.add(&trades, 0..rows);
        std::hint::black_box(by_hand.check());
        hand.push(start.elapsed());
        let (elapsed, rows_out) = run_engine(query, &trades, &names, batch)?;
        engine.push(elapsed);
        published = rows_out;
    }
    let (engine, hand) = (Rate::new(rows, engine), Rate::new(rows, hand));
    let mut text = format!(
        "{query:?}, {rows} rows in batches of {batch}, {runs} runs, {published} rows out\n"
    );
    for (who, rate) in [("core", &engine), ("by hand", &hand)] {
        let (slowest, fastest) = rate.spread();
        text +=
            &format!("{who:>8}: {:8.2} M rows/s   ({slowest:.2} to {fastest:.2})\n", rate.median());
    }
    text += &format!("   ratio: {:8.3}\n", engine.median() / hand.median());
    print(out, &text)
}

fn run_engine(
    query: Query,
    trades: &Trades,
    names: &[String],
    batch: usize,
) -> Result<(Duration, u64), String> {
    let plan = plan(query).map_err(|error| error.to_string())?;
    let mut run = CoreRun::new(&plan).map_err(|error| error.to_string())?;
    let batches = run.batches(trades, names, batch);
    let start = Instant::now();
    for (at, batch) in batches.iter().enumerate() {
        run.push(batch);
        if at % BATCHES_PER_EPOCH == BATCHES_PER_EPOCH - 1 {
            run.end_epoch();
        }
    }
    run.end_epoch();
    Ok((start.elapsed(), run.published))
}
