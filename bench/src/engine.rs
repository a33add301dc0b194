//! The modes of the database itself: its shards on CPUs of their own, or on the thread that sends.

pub mod bulk;
pub mod close;
pub mod inline;
pub mod paced;
pub mod same;
pub mod scaling;
#[cfg(test)]
mod steady;

use std::fmt::Display;

use sluicedb::Plan;
use sluicedb::db::{Builder, Changes, Database, Latency, Row};

use crate::subject::{Recorder, Setup};
use crate::trades::{Tick, Trades};

/// A trade of a run at full speed.
#[derive(Row, Clone, Copy, Debug)]
pub struct Trade<'a> {
    symbol: &'a str,
    price: i64,
    size: i64,
    #[row(timestamp)]
    ts: i64,
}

/// A trade that bears when it was due.
#[derive(Row, Clone, Copy, Debug)]
pub struct TimedTrade<'a> {
    symbol: &'a str,
    price: i64,
    size: i64,
    #[row(timestamp)]
    ts: i64,
    sent: i64,
}

impl<'a> Trade<'a> {
    /// One row of a stretch.
    pub fn of(trades: &Trades, names: &'a [String], row: usize) -> Trade<'a> {
        Trade {
            symbol: &names[trades.symbols[row]],
            price: trades.prices[row],
            size: trades.sizes[row],
            ts: trades.times[row],
        }
    }
}

impl<'a> TimedTrade<'a> {
    #[inline]
    fn of(tick: Tick, names: &'a [String]) -> TimedTrade<'a> {
        let Tick { symbol, price, size, ts_us, sent } = tick;
        TimedTrade { symbol: &names[symbol], price, size, ts: ts_us, sent }
    }
}

fn text(error: impl Display) -> String {
    error.to_string()
}

fn builder(setup: &Setup) -> Builder {
    Database::builder().latency(Latency::Lowest).lane_frames(setup.lane_frames)
}

/// A database whose shards keep off the CPU of the producer as long as there are others.
pub fn database(setup: &Setup, plan: &Plan) -> Result<Database, String> {
    let producer = [setup.cpus.producer];
    let all = setup.cpus.shards.iter().chain(&producer);
    let mut cores: Vec<u32> = all.take(setup.shards).map(|&cpu| cpu as u32).collect();
    cores.dedup();
    builder(setup).shards(setup.shards).cores(cores).start(plan).map_err(text)
}

/// Notes the answers in changes of a timed plan. Rows that are taken back are none.
fn answers(mut recorder: Recorder) -> impl FnMut(&Changes<'_>) + Clone + Send + 'static {
    move |changes| {
        let last = changes.schema().len() - 1;
        let sent = changes.column::<i64>(last).expect("a timed plan ends in this column");
        for row in 0..changes.len() {
            if changes.weight(row) > 0 {
                recorder.arrived(sent.get(row) as u64);
            }
        }
    }
}
