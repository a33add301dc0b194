//! `core`: one shard of the core beside the loop written by hand, without pinning.

use std::io::Write;
use std::time::{Duration, Instant};

use super::close::lines;
use super::options::{Options, Spec, spec};
use super::throughput::{BATCH_MAX, ROWS_MAX};
use super::{Command, Failure, print};
use crate::close;
use crate::core_run::{CoreRun, RING_ROWS};
use crate::hand::Hand;
use crate::rate::Rate;
use crate::trades::{Query, Trades, plan, symbols, trades};

pub(super) const COMMAND: Command = Command {
    name: "core",
    about: "one shard of the core on this thread, beside a loop written by hand",
    help: "Both run in turn over the same rows. The ratio is the figure: both meet the same noise.
`shard` is without the producer's end and without barriers. Query close is how long the first
rows of a window of 10000 groups take to come out, over --runs windows.",
    example: "core --query tumble --rows 10000000",
    options: OPTIONS,
    run,
};

const OPTIONS: &[Spec] = &[
    spec("--query", "filter|tumble|close", "what is computed (tumble)"),
    spec("--rows", "N", "rows of a run (2000000)"),
    spec("--batch", "N", "rows in a push, at most 1024 (1024)"),
    spec("--rows-single", "", "rows are pushed one by one, and the shard works after every 64"),
    spec("--runs", "N", "runs (5), or windows that close (1000)"),
];

/// Batches between two barriers: at full speed about one a millisecond.
const BATCHES_PER_EPOCH: usize = 16;
/// Rows between two barriers, where rows are pushed one by one.
const ROWS_PER_EPOCH: usize = 16 * 1024;

/// What is asked for.
struct Request {
    query: Query,
    rows: usize,
    /// Rows of a push; none where they are pushed one by one.
    batch: Option<usize>,
    runs: u64,
}

fn run(options: &Options, out: &mut dyn Write) -> Result<(), Failure> {
    if options.text("--query") == Some("close") {
        let closes = options.number("--runs", 1000, 1, 1 << 20).map_err(Failure::Usage)?;
        return print(out, &closes_text(closes as usize)?);
    }
    let request = parse(options).map_err(Failure::Usage)?;
    print(out, &measure(&request)?)
}

fn parse(options: &Options) -> Result<Request, String> {
    let batch = options.number("--batch", 1024, 1, BATCH_MAX)? as usize;
    let query = match options.text("--query") {
        Some("filter") => Query::Filter,
        None | Some("tumble") => Query::Tumble,
        Some(other) => return Err(format!("no query {other}: take filter, tumble or close")),
    };
    Ok(Request {
        query,
        rows: options.number("--rows", 2_000_000, 1, ROWS_MAX)? as usize,
        batch: (!options.flag("--rows-single")).then_some(batch),
        runs: options.number("--runs", 5, 1, 1000)?,
    })
}

fn measure(request: &Request) -> Result<String, String> {
    let &Request { query, rows, batch, runs } = request;
    let names = symbols();
    let trades = trades(rows, 42);
    let (mut engine, mut alone, mut hand) = (Vec::new(), Vec::new(), Vec::new());
    let mut last = Run::default();
    for _ in 0..runs {
        // In turn, so that a noisy neighbour meets all.
        let start = Instant::now();
        let mut by_hand = Hand::new(query, &names);
        by_hand.add(&trades, 0..rows);
        std::hint::black_box(by_hand.check());
        hand.push(start.elapsed());
        last = match batch {
            Some(batch) => run_batches(query, &trades, &names, batch)?,
            None => run_rows(query, &trades, &names)?,
        };
        engine.push(last.elapsed);
        alone.push(match batch {
            Some(batch) => run_shard(query, &trades, &names, batch)?,
            None => last.elapsed - last.producer,
        });
    }
    let [engine, alone, hand] = [engine, alone, hand].map(|times| Rate::new(rows, times));
    let how = batch.map_or("one by one".to_owned(), |batch| format!("in batches of {batch}"));
    let mut text =
        format!("{query:?}, {rows} rows {how}, {runs} runs, {} rows out\n", last.published);
    for (who, rate) in [("core", &engine), ("shard", &alone), ("by hand", &hand)] {
        let (slowest, fastest) = rate.spread();
        text +=
            &format!("{who:>8}: {:8.2} M rows/s   ({slowest:.2} to {fastest:.2})\n", rate.median());
    }
    text += &format!("   ratio: {:8.3}\n", engine.median() / hand.median());
    if batch.is_none() {
        let ns = |time: Duration| time.as_nanos() as f64 / rows as f64;
        let (producer, shard) = (ns(last.producer), ns(last.elapsed - last.producer));
        text += &format!(
            "last run: {producer:.1} ns a row in the producer, {shard:.1} ns in the shard, {} \
             morsels made\n",
            last.morsels_made
        );
    }
    Ok(text)
}

/// What one run came to.
#[derive(Default)]
struct Run {
    elapsed: Duration,
    /// Of it, the time in which rows were written and pushed.
    producer: Duration,
    published: u64,
    morsels_made: u64,
}

fn core_run(query: Query) -> Result<CoreRun, String> {
    let plan = plan(query).map_err(|error| error.to_string())?;
    CoreRun::new(&plan).map_err(|error| error.to_string())
}

fn run_batches(
    query: Query,
    trades: &Trades,
    names: &[String],
    batch: usize,
) -> Result<Run, String> {
    let mut run = core_run(query)?;
    let batches = run.batches(trades, names, batch);
    let start = Instant::now();
    for (at, batch) in batches.into_iter().enumerate() {
        run.push(batch);
        if at % BATCHES_PER_EPOCH == BATCHES_PER_EPOCH - 1 {
            run.end_epoch();
        }
    }
    run.end_epoch();
    Ok(Run { elapsed: start.elapsed(), published: run.published, ..Run::default() })
}

/// The time from a frame on a lane to its result, without the feeder and without barriers.
fn run_shard(
    query: Query,
    trades: &Trades,
    names: &[String],
    batch: usize,
) -> Result<Duration, String> {
    let mut run = core_run(query)?;
    let mut elapsed = Duration::ZERO;
    let mut batches = run.batches(trades, names, batch).into_iter().peekable();
    while batches.peek().is_some() {
        batches.by_ref().take(BATCHES_PER_EPOCH).for_each(|batch| run.enqueue(batch));
        let start = Instant::now();
        run.take_each();
        elapsed += start.elapsed();
        run.end_epoch();
    }
    Ok(elapsed)
}

fn run_rows(query: Query, trades: &Trades, names: &[String]) -> Result<Run, String> {
    let mut run = core_run(query)?;
    let rows = trades.prices.len();
    let mut producer = Duration::ZERO;
    let start = Instant::now();
    for first in (0..rows).step_by(RING_ROWS) {
        let began = Instant::now();
        for row in first..rows.min(first + RING_ROWS) {
            let symbol = &names[trades.symbols[row]];
            run.push_row(symbol, trades.prices[row], trades.sizes[row], trades.times[row]);
        }
        producer += began.elapsed();
        run.take();
        if first % ROWS_PER_EPOCH == ROWS_PER_EPOCH - RING_ROWS {
            run.end_epoch();
        }
    }
    run.end_epoch();
    let (elapsed, morsels_made) = (start.elapsed(), run.morsels_made());
    Ok(Run { elapsed, producer, published: run.published, morsels_made })
}

fn closes_text(closes: usize) -> Result<String, String> {
    let (groups, fuel) = (close::GROUPS, close::TURN_FUEL);
    let text = format!("Close, {closes} windows of {groups} groups, turns of {fuel} rows\n");
    Ok(text + &lines("core", &close::run(closes)?))
}
