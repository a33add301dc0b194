//! `sql`: continuous queries in SQL, beside the same asked once.

use std::io::Write;

use arrow::array::RecordBatch;

use super::options::{JSON, Options, Spec, spec};
use super::throughput::ROWS_MAX;
use super::{Command, Failure, finish};
use crate::bounded::{self, Bounded};
use crate::continuous::{Continuous, Run};
use crate::drive::watch;
use crate::engine::bulk::record_batch;
use crate::faults::Snapshot;
use crate::histogram::{Latencies, Spread};
use crate::nexmark::SOURCES;
use crate::nexmark::events::{Events, Order, Source};
use crate::nexmark::queries::QUERIES;
use crate::queries::{HOP, SOURCE, TRADING, TUMBLE};
use crate::report::Point;
use crate::subject::Setup;
use crate::sys;
use crate::trades::{Query, Trades, plan, trades};

pub(super) const COMMAND: Command = Command {
    name: "sql",
    about: "continuous queries in SQL on one shard, beside the same asked once of DataFusion",
    help: "Queries over trades (filter, tumble, hop, session, running) and those of Nexmark. One thread
pushes all rows and turns the database; DataFusion runs over the same rows in memory, on one
thread, and has planned before its time counts. Both are made to give as many rows. The tumble
also runs as a plan put together by hand, and the hop has ten times the windows of the tumble.
Before the rows that count come half as many, so that sources retain as much as they will and
their memory has been touched: with the default, a million trades.
A ratio is the median over runs of what was measured one after the other.",
    example: "sql --query tumble,hop,q15 --rows 1000000 --events 100000",
    options: OPTIONS,
    run,
};

const OPTIONS: &[Spec] = &[
    spec("--query", "NAME[,NAME..]", "of the queries (all of them)"),
    spec("--rows", "N", "trades of a run (2000000)"),
    spec("--events", "N", "events of Nexmark in a run (200000)"),
    spec("--runs", "N", "runs (5)"),
    JSON,
];

/// How long hiccups are watched before a run.
const WATCH_S: f64 = 0.1;
/// Rows in a push.
const BATCH: usize = 1024;
/// A tumble in SQL may cost this many times that of the plan builder.
const OF_BUILDER_MAX: f64 = 1.15;
/// Ten windows over each row may cost this many times one window.
const OF_TUMBLE_MAX: f64 = 1.6;

/// A query of either kind.
#[derive(Clone, Copy, Debug)]
struct Asked {
    name: &'static str,
    result: &'static str,
    sql: &'static str,
    plain: &'static str,
    bids: bool,
}

fn all() -> impl Iterator<Item = Asked> {
    let trading = TRADING.iter().map(|query| Asked {
        name: query.name,
        result: query.result,
        sql: query.sql,
        plain: query.plain,
        bids: false,
    });
    let of_bids = QUERIES.iter().filter(|query| query.of_bids());
    trading.chain(of_bids.map(|query| Asked {
        name: query.name,
        result: query.name,
        sql: query.sql,
        plain: query.plain(),
        bids: true,
    }))
}

fn asked(options: &Options) -> Result<Vec<Asked>, String> {
    let Some(list) = options.text("--query") else { return Ok(all().collect()) };
    let find = |name: &str| {
        let names: Vec<&str> = all().map(|query| query.name).collect();
        let found = all().find(|query| query.name == name);
        found.ok_or_else(|| format!("no query {name}: take some of {}", names.join(", ")))
    };
    list.split(',').map(find).collect()
}

fn run(options: &Options, out: &mut dyn Write) -> Result<(), Failure> {
    let parse = || -> Result<_, String> {
        Ok((
            asked(options)?,
            options.number("--rows", 2_000_000, 1, ROWS_MAX)?,
            options.number("--events", 200_000, 50, ROWS_MAX)?,
            options.number("--runs", 5, 1, 1000)?,
        ))
    };
    let (queries, rows, events, runs) = parse().map_err(Failure::Usage)?;
    let bids = queries.iter().any(|query| query.bids);
    let events = if bids { events as usize } else { 0 };
    let load = Load {
        setup: Setup::new(Query::Tumble, 1)?,
        trades: trades(with_warm_up(rows as usize), 42),
        events: Events::first(with_warm_up(events), Order::Sorted),
    };
    let mut measured: Vec<Measured> = queries.iter().map(Measured::of).collect();
    let mut hiccups = Latencies::new();
    let before = Snapshot::take();
    for _ in 0..runs {
        let mut tumble = None;
        for one in &mut measured {
            let cpu = load.setup.cpus.producer;
            hiccups.add(&watch(load.setup.clock, cpu, WATCH_S)?.delays());
            one.round(&load, &mut tumble)?;
        }
    }
    let stolen = Snapshot::take().since(&before).stolen;
    let noise = hiccups.percentiles();
    let points: Vec<Point> = measured
        .iter()
        .map(|one| Point {
            hiccup_p99_ns: Some(noise.p99_ns),
            hiccup_max_ns: Some(noise.max_ns),
            stolen: Some(stolen),
            ..one.point(&load)
        })
        .collect();
    finish(options, out, &points)
}

/// So many rows, and those before them that do not count.
fn with_warm_up(rows: usize) -> usize {
    rows + rows / 2
}

/// The rows of all runs.
struct Load {
    setup: Setup,
    trades: Trades,
    events: Events,
}

impl Load {
    /// All rows of a run.
    fn rows(&self, of: &Asked) -> u64 {
        if of.bids {
            self.events.count(Source::Bid) as u64
        } else {
            self.trades.prices.len() as u64
        }
    }

    fn batches(&self, of: &Asked, rows: usize) -> Result<Vec<RecordBatch>, String> {
        if of.bids {
            return Ok(self.events.batches(Source::Bid, rows));
        }
        let plan = plan(Query::Tumble).map_err(|error| error.to_string())?;
        let source = plan.source("trades").expect("the plan is over trades");
        let schema = &plan.node(source).schema;
        let count = self.trades.prices.len();
        let batch = |from: usize| {
            let rows = from..count.min(from + rows);
            record_batch(&self.trades, &self.setup.names, rows, schema)
        };
        Ok((0..count).step_by(rows).map(batch).collect())
    }

    fn source(of: &Asked) -> &'static str {
        if of.bids { Source::Bid.name() } else { "trades" }
    }

    /// Of all batches, how many come before those that count.
    fn warm_up(&self, of: &Asked) -> usize {
        (self.rows(of) as usize).div_ceil(BATCH) / 3
    }

    /// The rows that count.
    fn counted(&self, of: &Asked) -> u64 {
        self.rows(of) - (self.warm_up(of) * BATCH) as u64
    }

    fn run(&self, database: Continuous, of: &Asked) -> Result<Run, String> {
        let batches = self.batches(of, BATCH)?;
        let _pinned = sys::pin(self.setup.cpus.producer)?;
        database.run(Load::source(of), batches, self.warm_up(of))
    }
}

/// All runs of one query.
struct Measured {
    asked: Asked,
    /// In nanoseconds.
    own: Vec<u64>,
    bounded: Vec<u64>,
    /// Of the same query as a plan put together by hand.
    by_plan: Vec<u64>,
    /// Of the tumble before it, for the hop.
    tumbles: Vec<u64>,
    state_bytes: u64,
}

impl Measured {
    fn of(asked: &Asked) -> Measured {
        let none = Vec::new;
        let (own, bounded, by_plan, tumbles) = (none(), none(), none(), none());
        Measured { asked: *asked, own, bounded, by_plan, tumbles, state_bytes: 0 }
    }

    /// One run of each: what is compared runs one after the other, so that noise meets both.
    fn round(&mut self, load: &Load, tumble: &mut Option<u64>) -> Result<(), String> {
        let Asked { name, result, sql, plain, bids } = self.asked;
        let sources = if bids { SOURCES } else { SOURCE };
        let sources = sources.split_inclusive(';').filter(|text| !text.trim().is_empty());
        let database = Continuous::of_statements(sources.chain([sql]), result)?;
        let own = load.run(database, &self.asked)?;
        self.own.push(own.ns);
        self.state_bytes = own.state_bytes;
        if name == TUMBLE {
            *tumble = Some(own.ns);
            let plan = plan(Query::Tumble).map_err(|error| error.to_string())?;
            let database = Continuous::of_plan(&plan, Query::Tumble.relation())?;
            self.by_plan.push(load.run(database, &self.asked)?.ns);
        }
        if name == HOP {
            self.tumbles.extend(*tumble);
        }
        let other = Bounded::new()?;
        other.add(Load::source(&self.asked), load.batches(&self.asked, bounded::BATCH)?)?;
        let _pinned = sys::pin(load.setup.cpus.producer)?;
        let (ns, rows) = other.run(plain).map_err(|error| format!("{error}, in\n{plain}"))?;
        if rows != own.rows {
            return Err(format!("{name} gives {} rows, and {rows} asked once", own.rows));
        }
        // It runs over all rows: what it takes for as many as count here.
        let share = load.counted(&self.asked) as f64 / load.rows(&self.asked) as f64;
        self.bounded.push((ns as f64 * share) as u64);
        Ok(())
    }

    fn point(&self, load: &Load) -> Point {
        let rows = load.counted(&self.asked);
        let speed = |ns: u64| rows as f64 * 1e9 / ns.max(1) as f64;
        let own = Spread::of(self.own.iter().copied());
        let other = speed(Spread::of(self.bounded.iter().copied()).median) / 1e6;
        let runs = self.own.len();
        let (least, most) = (speed(own.max) / 1e6, speed(own.min) / 1e6);
        let over = median_ratio(&self.bounded, &self.own);
        let mut ratios = vec![("over_datafusion", over)];
        let mut notes = vec![
            format!("{runs} runs, {least:.2} to {most:.2} M rows/s"),
            format!("{over:.2} times the speed of DataFusion, which has {other:.2} M rows/s"),
        ];
        let mut cost = |name, of: &[u64], what: &str, at_most: f64| {
            if of.len() == self.own.len() {
                let ratio = median_ratio(&self.own, of);
                ratios.push((name, ratio));
                notes
                    .push(format!("{ratio:.2} times the cost of {what}; at most {at_most} wanted"));
            }
        };
        cost("cost_of_builder", &self.by_plan, "the tumble of the plan builder", OF_BUILDER_MAX);
        cost("cost_of_tumble", &self.tumbles, "the tumble", OF_TUMBLE_MAX);
        Point {
            bench: COMMAND.name,
            query: Some(self.asked.name),
            mode: Some("inline"),
            batch: Some(BATCH as u64),
            shards: Some(1),
            rows: Some(rows),
            rows_per_s: Some(speed(own.median)),
            state_bytes: Some(self.state_bytes),
            ratios,
            notes,
            ..Point::default()
        }
    }
}

/// The median over runs of how many times `one` is `other`.
fn median_ratio(one: &[u64], other: &[u64]) -> f64 {
    let ratios = one.iter().zip(other).map(|(&one, &other)| one as f64 / other.max(1) as f64);
    let mut ratios: Vec<f64> = ratios.collect();
    ratios.sort_unstable_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_that_of_the_middle_run() {
        assert_eq!(median_ratio(&[10, 40, 90], &[10, 20, 30]), 2.0);
    }

    #[test]
    fn every_query_gives_as_many_rows_as_asked_once() {
        let words = ["--rows", "30000", "--events", "2000", "--runs", "1"].map(str::to_owned);
        let options = Options::parse("sql", OPTIONS, &words).unwrap();
        let mut out = Vec::new();
        run(&options, &mut out).unwrap();
        let table = String::from_utf8(out).unwrap();
        for query in all() {
            assert!(
                table.contains(&format!("\nsql  query {}  mode inline", query.name)),
                "{table}"
            );
        }
        assert!(table.contains(" times the cost of the tumble of the plan builder; at most 1.15"));
        assert!(table.contains(" times the cost of the tumble; at most 1.6"));
    }
}
