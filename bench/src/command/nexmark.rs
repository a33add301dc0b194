//! `nexmark`: the queries of Nexmark, checked against committed results or measured.

use std::fs;
use std::io::Write;
use std::path::Path;

use super::options::{JSON, Options, Spec, spec};
use super::throughput::ROWS_MAX;
use super::{Command, Failure, finish, print};
use crate::continuous::Continuous;
use crate::histogram::Spread;
use crate::nexmark::SOURCES;
use crate::nexmark::canonical::lines;
use crate::nexmark::check::{Case, run as check_case};
use crate::nexmark::events::{Events, Order, Source};
use crate::nexmark::queries::{CHECKED, QUERIES, Query};
use crate::report::Point;
use crate::subject::Cpus;
use crate::sys;

pub(super) const COMMAND: Command = Command {
    name: "nexmark",
    about: "queries of Nexmark: checked against committed results, or rows a second",
    help: "Without --check each query runs alone on one shard, which the thread turns that pushes.
With it all run together over the events in order and out of order, on one, two and three shards,
and every value of their results must be what DuckDB computed. --write puts the events into a
folder, as bench/nexmark/golden.py reads them.",
    example: "nexmark --check",
    options: OPTIONS,
    run,
};

const OPTIONS: &[Spec] = &[
    spec("--query", "NAME[,NAME..]", "what is measured (all)"),
    spec("--events", "N", "events, in groups of 50 of which 46 are bids (100000)"),
    spec("--runs", "N", "runs (5)"),
    spec("--check", "", "hold the results to those that are committed, instead"),
    spec("--write", "FOLDER", "write the events into a folder, instead"),
    JSON,
];

/// Rows in a push.
const BATCH: usize = 1024;
const SHARDS_MAX: usize = 3;

fn run(options: &Options, out: &mut dyn Write) -> Result<(), Failure> {
    let parse = || -> Result<_, String> {
        let events = options.number("--events", 100_000, 50, ROWS_MAX)? as usize;
        let check = options.flag("--check");
        if check && !CHECKED.contains(&events) {
            return Err(format!(
                "results over {events} events are not committed: take {CHECKED:?}"
            ));
        }
        Ok((queries(options)?, events, options.number("--runs", 5, 1, 1000)?, check))
    };
    let (queries, events, runs, check) = parse().map_err(Failure::Usage)?;
    if check {
        return run_check(events, out);
    }
    let set = Events::first(events, Order::Sorted);
    if let Some(folder) = options.text("--write") {
        return Ok(write(&set, Path::new(folder))?);
    }
    let points = queries.iter().map(|query| measure(query, &set, runs));
    finish(options, out, &points.collect::<Result<Vec<Point>, String>>()?)
}

fn queries(options: &Options) -> Result<Vec<Query>, String> {
    let Some(list) = options.text("--query") else { return Ok(QUERIES.to_vec()) };
    let find = |name: &str| {
        let names: Vec<&str> = QUERIES.iter().map(|query| query.name).collect();
        let found = QUERIES.iter().find(|query| query.name == name);
        found.copied().ok_or_else(|| format!("no query {name}: take some of {}", names.join(", ")))
    };
    list.split(',').map(find).collect()
}

fn run_check(events: usize, out: &mut dyn Write) -> Result<(), Failure> {
    let mut differ = Vec::new();
    for order in Order::ALL {
        for shards in 1..=SHARDS_MAX {
            let checked = check_case(&Case { events, order, shards })?;
            let equal = checked.iter().filter(|query| query.difference.is_none()).count();
            let rows: usize = checked.iter().map(|query| query.rows).sum();
            let of = checked.len();
            let case = format!("{events} events {}, {shards} shards", order.name());
            print(out, &format!("{case}: {equal} of {of} queries are equal, {rows} rows\n"))?;
            for query in checked {
                differ
                    .extend(query.difference.map(|what| format!("{} {case}\n{what}", query.query)));
            }
        }
    }
    if differ.is_empty() { Ok(()) } else { Err(Failure::Run(differ.join("\n"))) }
}

fn write(events: &Events, folder: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(failed)?;
    for of in Source::ALL {
        let lines = lines(&events.batches(of, BATCH)).map_err(|error| error.to_string())?;
        let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        fs::write(folder.join(format!("{}.tsv", of.name())), text).map_err(failed)?;
    }
    Ok(())
}

fn measure(query: &Query, events: &Events, runs: u64) -> Result<Point, String> {
    let cpus = Cpus::choose()?;
    let (mut times, mut last) = (Vec::new(), None);
    for _ in 0..runs {
        let sources = SOURCES.split_inclusive(';').filter(|text| !text.trim().is_empty());
        let database = Continuous::of_statements(sources.chain([query.sql]), query.name)?;
        let batches = events.batches(Source::Bid, BATCH);
        let _pinned = sys::pin(cpus.producer)?;
        let run = database.run(Source::Bid.name(), batches, 0)?;
        times.push(run.ns);
        last = Some(run);
    }
    let last = last.expect("there is at least one run");
    let rows = events.count(Source::Bid) as u64;
    let speed = |ns: u64| rows as f64 * 1e9 / ns.max(1) as f64;
    let times = Spread::of(times);
    let (least, most) = (speed(times.max) / 1e6, speed(times.min) / 1e6);
    Ok(Point {
        bench: COMMAND.name,
        query: Some(query.name),
        mode: Some("inline"),
        batch: Some(BATCH as u64),
        shards: Some(1),
        rows: Some(rows),
        rows_per_s: Some(speed(times.median)),
        state_bytes: Some(last.state_bytes),
        notes: vec![
            format!("{runs} runs, {least:.2} to {most:.2} M rows/s"),
            format!("{} rows in the result", last.rows),
        ],
        ..Point::default()
    })
}
