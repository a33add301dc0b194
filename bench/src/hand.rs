//! The queries by hand: columns in, one hash table, no engine. The yardstick of a run, and in a
//! paced run the cost of the harness itself.

use std::ops::Range;
use std::sync::Barrier;

use rustc_hash::FxHashMap;

use crate::subject::{Bulk, Collector, Load, Paced, Recorder, Setup, one_shard};
use crate::sys;
use crate::trades::{DEAR, Query, SECOND, Tick, Trades};

/// A loop over the trades, between two stretches.
#[derive(Clone, Debug)]
pub struct Hand<'a> {
    query: Query,
    names: &'a [String],
    /// By symbol: count, volume, highest and lowest price; or count and value.
    groups: FxHashMap<&'a str, [i64; 4]>,
    second: i64,
    check: u64,
}

/// What the mode is called.
pub const NAME: &str = "hand";

const EMPTY_BAR: [i64; 4] = [0, 0, i64::MIN, i64::MAX];

impl<'a> Hand<'a> {
    /// A loop that has seen nothing.
    pub fn new(query: Query, names: &'a [String]) -> Hand<'a> {
        Hand { query, names, groups: FxHashMap::default(), second: 0, check: 0 }
    }

    /// A number that depends on all results so far, so that none of the work can be left out.
    pub fn check(&self) -> u64 {
        let open = self.groups.values().map(|group| group[0] as u64);
        open.fold(self.check, u64::wrapping_add)
    }

    /// A stretch of rows.
    pub fn add(&mut self, trades: &Trades, rows: Range<usize>) {
        match self.query {
            Query::Filter => self.filter(trades, rows),
            Query::Tumble => self.tumble(trades, rows),
            Query::Lookup => self.totals(trades, rows),
        }
    }

    fn filter(&mut self, trades: &Trades, rows: Range<usize>) {
        let mut kept = self.check;
        for row in rows {
            if trades.prices[row] > DEAR {
                let value = trades.prices[row].wrapping_mul(trades.sizes[row]);
                let name = &self.names[trades.symbols[row]];
                kept = kept.wrapping_add((value as u64) ^ name.len() as u64);
            }
        }
        self.check = kept;
    }

    fn tumble(&mut self, trades: &Trades, rows: Range<usize>) {
        for row in rows {
            let (price, size) = (trades.prices[row], trades.sizes[row]);
            self.bar(trades.symbols[row], price, size, trades.times[row]);
        }
    }

    #[inline]
    fn bar(&mut self, symbol: usize, price: i64, size: i64, ts_us: i64) {
        if ts_us / SECOND != self.second {
            self.second = ts_us / SECOND;
            let closed = self.groups.drain().map(|(_, bar)| bar.iter().sum::<i64>() as u64);
            self.check = closed.fold(self.check, u64::wrapping_add);
        }
        let bar = self.groups.entry(self.names[symbol].as_str()).or_insert(EMPTY_BAR);
        bar[0] += 1;
        bar[1] += size;
        bar[2] = bar[2].max(price);
        bar[3] = bar[3].min(price);
    }

    fn totals(&mut self, trades: &Trades, rows: Range<usize>) {
        for row in rows {
            self.total(trades.symbols[row], trades.prices[row], trades.sizes[row]);
        }
    }

    #[inline]
    fn total(&mut self, symbol: usize, price: i64, size: i64) {
        if price > DEAR {
            let total = self.groups.entry(self.names[symbol].as_str()).or_default();
            total[0] += 1;
            total[1] = total[1].wrapping_add(price.wrapping_mul(size));
        }
    }
}

struct HandPaced<'a> {
    hand: Hand<'a>,
    recorder: Recorder,
}

impl Paced for HandPaced<'_> {
    fn send(&mut self, tick: Tick) -> bool {
        let Tick { symbol, price, size, ts_us, sent } = tick;
        match self.hand.query {
            Query::Filter if price > DEAR => {
                self.hand.check = self.hand.check.wrapping_add(price.wrapping_mul(size) as u64);
            }
            Query::Filter => return true,
            Query::Tumble => self.hand.bar(symbol, price, size, ts_us),
            Query::Lookup => {
                let name = self.hand.names[symbol].as_str();
                std::hint::black_box(self.hand.groups.get(name));
            }
        }
        self.recorder.arrived(sent as u64);
        true
    }

    fn idle(&mut self) {}
}

struct HandBulk<'a> {
    hand: Hand<'a>,
    load: &'a Load,
}

impl Bulk for HandBulk<'_> {
    fn push(&mut self, batch: usize) -> bool {
        self.hand.add(&self.load.trades, self.load.rows(batch));
        true
    }

    fn idle(&mut self) {}

    fn settle(&mut self) -> Result<(), String> {
        std::hint::black_box(self.hand.check());
        Ok(())
    }
}

/// For a paced run.
pub fn paced<'a>(setup: &'a Setup, collector: &Collector) -> Result<Box<dyn Paced + 'a>, String> {
    one_shard(setup, NAME)?;
    let mut hand = Hand::new(setup.query, &setup.names);
    if setup.query == Query::Lookup {
        let ticks = (0..setup.names.len()).map(|at| Tick::new(at, 0));
        ticks.for_each(|tick| hand.total(tick.symbol, tick.price, tick.size));
    }
    Ok(Box::new(HandPaced { hand, recorder: collector.recorder() }))
}

/// For a run at full speed.
pub fn bulk<'a>(setup: &'a Setup, load: &'a Load) -> Result<Box<dyn Bulk + 'a>, String> {
    one_shard(setup, NAME)?;
    Ok(Box::new(HandBulk { hand: Hand::new(setup.query, &setup.names), load }))
}

/// The time of as many loops at once, each on a CPU of its own and with the trades of its share of
/// the symbols, in nanoseconds: how much more of these CPUs there is than of one.
pub fn race(setup: &Setup, trades: &Trades) -> Result<u64, String> {
    let loops = setup.shards;
    let cpus: Vec<usize> = setup.cpus.shards.iter().copied().chain([setup.cpus.producer]).collect();
    let shares: Vec<Trades> =
        (0..loops).map(|at| trades.only(|symbol| symbol % loops == at)).collect();
    let start = Barrier::new(loops);
    let run = |share: &Trades, cpu: usize| {
        let pinned = sys::pin(cpu);
        let mut hand = Hand::new(setup.query, &setup.names);
        start.wait();
        let begun = setup.clock.now_ns();
        hand.add(share, 0..share.prices.len());
        std::hint::black_box(hand.check());
        pinned.map(|_pinned| (begun, setup.clock.now_ns()))
    };
    let ends = std::thread::scope(|scope| {
        let each = shares.iter().zip(cpus.iter().cycle());
        let threads: Vec<_> = each.map(|(share, cpu)| scope.spawn(|| run(share, *cpu))).collect();
        let ends = threads.into_iter().map(|thread| thread.join().expect("a loop does not panic"));
        ends.collect::<Result<Vec<_>, String>>()
    })?;
    let begun = ends.iter().map(|end| end.0).min().unwrap_or(0);
    Ok(ends.iter().map(|end| end.1).max().unwrap_or(0) - begun)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trades::{symbols, trades};

    #[test]
    fn the_loop_gives_the_same_whole_and_in_stretches() {
        let (names, trades) = (symbols(), trades(5_000, 3));
        let mut checks = Vec::new();
        for query in Query::ALL {
            let mut whole = Hand::new(query, &names);
            whole.add(&trades, 0..5_000);
            let mut parts = Hand::new(query, &names);
            [0..1, 1..4_000, 4_000..5_000].into_iter().for_each(|rows| parts.add(&trades, rows));
            assert_eq!(whole.check(), parts.check(), "{query:?}");
            checks.push(whole.check());
        }
        assert!(checks.iter().all(|check| *check != 0));
    }

    #[test]
    fn every_trade_is_of_one_loop_of_a_race() {
        let trades = trades(5_000, 3);
        let shares = [0, 1, 2].map(|at| trades.only(|symbol| symbol % 3 == at));
        assert_eq!(shares.iter().map(|share| share.prices.len()).sum::<usize>(), 5_000);
        assert!(shares[1].symbols.iter().all(|symbol| symbol % 3 == 1));
        let setup = Setup::new(Query::Tumble, 3).unwrap();
        assert!(race(&setup, &trades).unwrap() > 0);
    }
}
