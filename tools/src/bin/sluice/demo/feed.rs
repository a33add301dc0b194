//! Where the trades come from: prices that walk at random, pushed at a pace.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sluicedb::db::{Database, Source};
use sluicedb::shell::topology::bind_thread;

use super::meter::Meter;
use super::query::{SIZES, Trade};

/// How fast trades are pushed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pace {
    /// So many a second, one by one, each when it is due.
    Rate(u64),
    /// As many as are taken, some hundred at a time.
    Max,
}

/// What was pushed at one pace.
pub(super) struct Fed {
    pub(super) pace: Pace,
    pub(super) rows: u64,
    /// Until all of it was worked on.
    pub(super) time: Duration,
}

/// In microseconds.
const SECOND_US: i64 = 1_000_000;
/// How many symbols there are.
pub(super) const SYMBOLS: usize = 1000;
/// The first few have names.
const NAMED: [&str; 6] = ["ACME", "CYBR", "INIT", "TYRL", "UMBR", "WAYN"];
/// Trades of one push where they are not pushed one by one.
const BATCH: usize = 512;

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// Pushes trades at each pace for its time.
pub(super) fn feed(
    db: &Database,
    phases: &[(Pace, Duration)],
    meter: &Meter,
) -> Result<Vec<Fed>, Failed> {
    // Off the CPUs of shards; where a container forbids it, the kernel decides.
    let housekeeping = &db.placement().housekeeping;
    let _ = bind_thread(housekeeping);
    // A shard that shares the CPU wants its turn; otherwise whoever got it might keep it for long.
    let seats = &db.placement().shards;
    let apart = |cpu: Option<u32>| cpu.is_some_and(|cpu| !housekeeping.contains(&cpu));
    let pause: fn() = match seats.iter().all(|seat| apart(seat.cpu)) {
        true => std::hint::spin_loop,
        false => std::thread::yield_now,
    };
    let symbols = symbols();
    let mut trades = db.source::<Trade>("trades")?;
    let market = &mut Market::new(meter.now_ns());
    let mut done = Vec::new();
    let mut end = market.start_ns;
    for &(pace, time) in phases {
        let start = meter.now_ns();
        // Counted from the first start, so that the last second ends with the demo.
        end += time.as_nanos() as i64;
        let rows = match pace {
            Pace::Rate(rate) => {
                meter.set(true);
                paced(&mut trades, market, &symbols, meter, (start, end), (rate, pause))?
            }
            Pace::Max => at_most(&mut trades, market, &symbols, meter, end)?,
        };
        db.flush()?;
        meter.set(false);
        let time = Duration::from_nanos((meter.now_ns() - start) as u64);
        done.push(Fed { pace, rows, time });
    }
    // Nothing comes any more, so that every window closes, those over other windows too.
    drop(trades);
    db.batch_source("trades")?.finish()?;
    db.flush()?;
    Ok(done)
}

/// Pushes each trade when it is due, and counts the time from then: a feeder that is held up does not
/// hide how long its rows have waited.
fn paced<'a>(
    trades: &mut Source<Trade<'a>>,
    market: &mut Market,
    symbols: &'a [String],
    meter: &Meter,
    (start, end): (i64, i64),
    (rate, pause): (u64, fn()),
) -> Result<u64, Failed> {
    let mut rows = 0;
    loop {
        let due = start + (u128::from(rows) * 1_000_000_000 / u128::from(rate)) as i64;
        let mut now = meter.now_ns();
        if due >= end || now >= end {
            return Ok(rows);
        }
        while now < due {
            pause();
            now = meter.now_ns();
        }
        meter.pushed(due, now);
        trades.push_wait(&market.trade(symbols, due, due))?;
        rows += 1;
    }
}

fn at_most<'a>(
    trades: &mut Source<Trade<'a>>,
    market: &mut Market,
    symbols: &'a [String],
    meter: &Meter,
    end: i64,
) -> Result<u64, Failed> {
    let mut batch = Vec::with_capacity(BATCH);
    let mut rows = 0;
    loop {
        let now = meter.now_ns();
        if now >= end {
            return Ok(rows);
        }
        batch.clear();
        batch.extend((0..BATCH).map(|_| market.trade(symbols, now, 0)));
        trades.push_all_wait(&batch)?;
        rows += BATCH as u64;
    }
}

fn symbols() -> Vec<String> {
    let named = NAMED.iter().map(|name| (*name).to_owned());
    named.chain((NAMED.len()..SYMBOLS).map(|at| format!("S{at:03}"))).collect()
}

/// Prices, and the event time of trades.
struct Market {
    /// By symbol, in cents.
    prices: Vec<i64>,
    random: u64,
    /// The event time of the start, a whole second.
    start_us: i64,
    start_ns: i64,
}

impl Market {
    fn new(start_ns: i64) -> Market {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let prices = (0..SYMBOLS as i64).map(|at| 5_000 + at * 37 % 40_000).collect();
        Market { prices, random: 1, start_us: since.as_secs() as i64 * SECOND_US, start_ns }
    }

    /// The next trade, at a moment of the meter's clock.
    fn trade<'a>(&mut self, symbols: &'a [String], at_ns: i64, sent: i64) -> Trade<'a> {
        let bits = self.bits();
        // The product of two makes the first symbols the busiest.
        let (one, two) = (bits as usize % SYMBOLS, (bits >> 10) as usize % SYMBOLS);
        let symbol = one * two / SYMBOLS;
        let price = &mut self.prices[symbol];
        *price = (*price + (bits >> 40) as i64 % 7 - 3).max(100);
        Trade {
            symbol: &symbols[symbol],
            price: i128::from(*price),
            // Of no shares there is no mean price.
            size: ((bits >> 20) % SIZES) as i64 + 1,
            ts: self.start_us + (at_ns - self.start_ns) / 1000,
            sent,
        }
    }

    /// SplitMix64.
    fn bits(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
