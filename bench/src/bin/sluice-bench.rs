//! Measures the engine.
#![expect(clippy::print_stdout, reason = "its figures are for a person to read")]
#![expect(clippy::print_stderr, reason = "errors go to the person who typed the command")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use sluicedb_bench::core_run::{CoreRun, RING_ROWS};
use sluicedb_bench::report::Rate;
use sluicedb_bench::trades::{Query, Trades, by_hand, symbols, trades};

const HELP: &str = "\
Measures the engine.

usage: sluice-bench core [--query filter|tumble] [--rows N] [--batch N | --rows-single] [--runs N]

core   one shard of the core on this thread, beside a loop written by hand over the same rows;
       with --rows-single every row is a statement of its own, and the shard works after every 64

example: cargo run --release -p sluicedb-bench -- core --query tumble --rows 2000000
";

/// Batches between two barriers: at full speed about one a millisecond.
const BATCHES_PER_EPOCH: usize = 16;
/// Rows between two barriers, where rows are pushed one by one.
const ROWS_PER_EPOCH: usize = 16 * 1024;

struct Options {
    query: Query,
    rows: usize,
    /// Rows of a statement; none where rows are pushed one by one as records.
    batch: Option<usize>,
    runs: usize,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let outcome = parse(&arguments).map_err(|error| (error, 2));
    let outcome = outcome.and_then(|options| core(&options).map_err(|error| (error, 1)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err((error, code)) => {
            eprintln!("sluice-bench: {error}");
            ExitCode::from(code)
        }
    }
}

fn parse(arguments: &[String]) -> Result<Options, String> {
    let Some(("core", rest)) = arguments.split_first().map(|(first, rest)| (first.as_str(), rest))
    else {
        return Err("the first word says what to measure: core (see --help)".into());
    };
    let mut options = Options { query: Query::Tumble, rows: 2_000_000, batch: Some(1024), runs: 5 };
    let mut rest = rest.iter();
    while let Some(name) = rest.next() {
        if name == "--rows-single" {
            options.batch = None;
            continue;
        }
        let value = rest.next().ok_or_else(|| format!("{name} wants a value"))?;
        match name.as_str() {
            "--query" => {
                options.query = match value.as_str() {
                    "filter" => Query::Filter,
                    "tumble" => Query::Tumble,
                    other => return Err(format!("no query {other}: take filter or tumble")),
                }
            }
            "--rows" => options.rows = number(name, value, 1, 1 << 32)?,
            "--batch" => options.batch = Some(number(name, value, 1, 1024)?),
            "--runs" => options.runs = number(name, value, 1, 1000)?,
            other => return Err(format!("no option {other} (see --help)")),
        }
    }
    Ok(options)
}

fn number(name: &str, value: &str, least: usize, most: usize) -> Result<usize, String> {
    let parsed = value.parse().ok().filter(|number| (least..=most).contains(number));
    parsed.ok_or_else(|| format!("{name} is {value}; it must be a number from {least} to {most}"))
}

fn core(options: &Options) -> Result<(), String> {
    let &Options { query, rows, batch, runs } = options;
    let names = symbols();
    let trades = trades(rows, 42);
    let (mut engine, mut hand) = (Vec::new(), Vec::new());
    let mut last = Run::default();
    for _ in 0..runs {
        // In turn, so that a noisy neighbour meets both.
        let start = Instant::now();
        std::hint::black_box(by_hand(query, &trades, &names));
        hand.push(start.elapsed());
        let run = match batch {
            Some(batch) => run_batches(query, &trades, &names, batch)?,
            None => run_rows(query, &trades, &names)?,
        };
        engine.push(run.elapsed);
        last = run;
    }
    let (engine, hand) = (Rate::new(rows, engine), Rate::new(rows, hand));
    let how = batch.map_or("one by one".to_owned(), |batch| format!("in batches of {batch}"));
    println!("{query:?}, {rows} rows {how}, {runs} runs, {} rows out", last.published);
    for (who, rate) in [("core", &engine), ("by hand", &hand)] {
        let (slowest, fastest) = rate.spread();
        println!("{who:>8}: {:8.2} M rows/s   ({slowest:.2} to {fastest:.2})", rate.median());
    }
    println!("   shard: {:8.1} ns a batch", batch as f64 * 1e3 / alone.median());
    println!("   ratio: {:8.3}", engine.median() / hand.median());
    if batch.is_none() {
        let ns = |time: Duration| time.as_nanos() as f64 / rows as f64;
        let (producer, shard) = (ns(last.producer), ns(last.elapsed - last.producer));
        println!("last run: {producer:.1} ns a row in the producer, {shard:.1} ns in the shard,");
        println!("          {} morsels made", last.morsels_made);
    }
    Ok(())
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

fn run_batches(
    query: Query,
    trades: &Trades,
    names: &[String],
    batch: usize,
) -> Result<Run, String> {
    let mut run = CoreRun::new(query).map_err(|error| error.to_string())?;
    let batches = run.batches(trades, names, batch);
    let start = Instant::now();
    for (at, batch) in batches.iter().enumerate() {
        run.push(batch);
        if at % BATCHES_PER_EPOCH == BATCHES_PER_EPOCH - 1 {
            run.end_epoch();
        }
    }
    run.end_epoch();
    Ok(Run { elapsed: start.elapsed(), published: run.published, ..Run::default() })
}

fn run_rows(query: Query, trades: &Trades, names: &[String]) -> Result<Run, String> {
    let mut run = CoreRun::new(query).map_err(|error| error.to_string())?;
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
