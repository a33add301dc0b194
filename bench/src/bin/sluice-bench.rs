//! Measures the engine.
#![expect(clippy::print_stdout, reason = "its figures are for a person to read")]
#![expect(clippy::print_stderr, reason = "errors go to the person who typed the command")]

use std::process::ExitCode;
use std::time::Instant;

use sluicedb_bench::core_run::CoreRun;
use sluicedb_bench::report::Rate;
use sluicedb_bench::trades::{Query, Trades, by_hand, symbols, trades};

const HELP: &str = "\
Measures the engine.

usage: sluice-bench core [--query filter|tumble] [--rows N] [--batch N] [--runs N]

core   one shard of the core on this thread, beside a loop written by hand over the same rows

example: cargo run --release -p sluicedb-bench -- core --query tumble --rows 2000000
";

/// Batches between two barriers: at full speed about one a millisecond.
const BATCHES_PER_EPOCH: usize = 16;

struct Options {
    query: Query,
    rows: usize,
    batch: usize,
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
    let mut options = Options { query: Query::Tumble, rows: 2_000_000, batch: 1024, runs: 5 };
    let mut rest = rest.iter();
    while let Some(name) = rest.next() {
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
            "--batch" => options.batch = number(name, value, 1, 1024)?,
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
    let mut published = 0;
    for _ in 0..runs {
        // In turn, so that a noisy neighbour meets both.
        let start = Instant::now();
        std::hint::black_box(by_hand(query, &trades, &names));
        hand.push(start.elapsed());
        let (elapsed, rows_out) = run_engine(query, &trades, &names, batch)?;
        engine.push(elapsed);
        published = rows_out;
    }
    let (engine, hand) = (Rate::new(rows, engine), Rate::new(rows, hand));
    println!("{query:?}, {rows} rows in batches of {batch}, {runs} runs, {published} rows out");
    for (who, rate) in [("core", &engine), ("by hand", &hand)] {
        let (slowest, fastest) = rate.spread();
        println!("{who:>8}: {:8.2} M rows/s   ({slowest:.2} to {fastest:.2})", rate.median());
    }
    println!("   ratio: {:8.3}", engine.median() / hand.median());
    Ok(())
}

fn run_engine(
    query: Query,
    trades: &Trades,
    names: &[String],
    batch: usize,
) -> Result<(std::time::Duration, u64), String> {
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
    Ok((start.elapsed(), run.published))
}
