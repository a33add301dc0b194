//! Runs of a subject: paced, and at full speed.

use crate::alloc::{self, Counts};
use crate::clock::Clock;
use crate::faults::{Change, Snapshot};
use crate::hiccup::Hiccups;
use crate::histogram::Latencies;
use crate::modes::Mode;
use crate::schedule::{Schedule, Walk};
use crate::subject::{Bulk, Collector, Load, Paced, Setup};
use crate::sys;

/// Fewer samples than this say nothing about one in ten thousand.
pub const SAMPLES_MIN: u64 = 1_000_000;

/// A run on a machine that put a longer delay than this into one moment in a hundred does not count.
pub const HICCUP_P99_MAX_NS: u64 = 20_000;

/// Of the time of a run, the least share in which its hiccups were watched.
const WATCHED_MIN: f64 = 0.01;

/// How trades arrive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arrivals {
    /// At equal distances.
    Fixed,
    /// Independently of each other.
    Poisson {
        /// The same for the same seed.
        seed: u64,
    },
}

/// How long and how fast a paced run is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Pace {
    /// Trades a second.
    pub rate: u64,
    /// At which distances.
    pub arrivals: Arrivals,
    /// Before anything counts.
    pub warm_up_s: f64,
    /// What counts.
    pub seconds: f64,
}

impl Pace {
    fn schedule(&self, seconds: f64) -> Schedule {
        let count = (self.rate as f64 * seconds).round() as usize;
        match self.arrivals {
            Arrivals::Fixed => Schedule::fixed(self.rate, count),
            Arrivals::Poisson { seed } => Schedule::poisson(self.rate, count, seed),
        }
    }
}

/// What a paced run showed after its warm-up.
#[derive(Clone, Debug)]
pub struct Run {
    /// From the moment each trade was due to its answer.
    pub latencies: Latencies,
    /// The delays of the CPU that sent.
    pub hiccups: Latencies,
    /// Faults, switches and waits of all threads.
    pub change: Change,
    /// Requests to the allocator, of all threads.
    pub allocated: Counts,
    /// Trades sent.
    pub sent: u64,
    /// How often there was no room for one.
    pub refused: u64,
    /// How far behind the plan the loop was at its worst.
    pub behind_max_ns: u64,
    /// How long it took, and how much of it the loop polled.
    pub elapsed_ns: u64,
    watched_ns: u64,
}

impl Run {
    /// Why the run does not count because of the machine, if so.
    pub fn noise(&self) -> Option<String> {
        let p99 = self.hiccups.percentiles().p99_ns;
        let text = || format!("the hiccup p99 is {}", crate::report::duration(p99));
        (p99 > HICCUP_P99_MAX_NS).then(text)
    }

    /// Why the run does not count because of how it was asked for.
    pub fn flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        let samples = self.latencies.count();
        if samples < SAMPLES_MIN {
            flaws.push(format!("{samples} samples in a run; a point wants {SAMPLES_MIN}"));
        }
        if (self.watched_ns as f64) < WATCHED_MIN * self.elapsed_ns as f64 {
            flaws.push("the sender was always behind its plan: the rate is too high".into());
        }
        flaws
    }
}

/// From the end of all preparations to the first trade.
const LEAD_NS: u64 = 1_000_000;

/// One paced run: warm-up, then what counts, on a subject of its own.
pub fn paced(mode: &Mode, setup: &Setup, pace_of: &Pace) -> Result<Run, String> {
    let clock = setup.clock;
    let collector = Collector::new(clock);
    let (warm_up, measured) =
        (pace_of.schedule(pace_of.warm_up_s), pace_of.schedule(pace_of.seconds));
    let mut subject = (mode.paced)(setup, &collector)?;
    // Only here, so that the threads of the subject are not born on this CPU.
    let pinned = sys::pin(setup.cpus.producer)?;
    let first = warm_up.offsets().len();
    subject.go(0, Walk::new(clock, clock.now_ns() + LEAD_NS, warm_up))?;
    await_answers(clock, &collector, subject.as_mut(), first as u64, None)?;
    let sent = measured.offsets().len() as u64;
    let last = measured.offsets().last().copied();
    let before = Snapshot::take();
    let start_ns = clock.now_ns() + LEAD_NS;
    collector.measure_from(start_ns);
    let allocated = alloc::of_all_threads();
    let Walk { hiccups, paced, .. } = subject.go(first, Walk::new(clock, start_ns, measured))?;
    let last_ns = last.map(|offset| start_ns + offset);
    await_answers(clock, &collector, subject.as_mut(), first as u64 + sent, last_ns)?;
    let allocated = alloc::of_all_threads() - allocated;
    let elapsed_ns = clock.now_ns() - start_ns;
    let change = Snapshot::take().since(&before);
    drop(pinned);
    drop(subject);
    Ok(Run {
        latencies: collector.finish(),
        hiccups: hiccups.delays(),
        change,
        allocated,
        sent,
        refused: paced.refused,
        behind_max_ns: paced.behind_max_ns,
        elapsed_ns,
        watched_ns: hiccups.watched_ns(),
    })
}

/// How long answers may stay away after the last trade.
const ANSWERS_NS: u64 = 10_000_000_000;

/// How long earlier answers may trail the last one.
const STRAGGLERS_NS: u64 = 100_000_000;

/// Gives the subject turns until every trade has its answer. Trades of one symbol that a shard took
/// at once share one, so it is enough that the last trade has its own and no more come.
fn await_answers(
    clock: Clock,
    collector: &Collector,
    subject: &mut dyn Paced,
    sent: u64,
    last_ns: Option<u64>,
) -> Result<(), String> {
    let start = clock.now_ns();
    let mut moved = (start, 0);
    loop {
        let (now, (answered, latest)) = (clock.now_ns(), collector.progress());
        if answered >= sent {
            return Ok(());
        }
        if answered != moved.1 {
            moved = (now, answered);
        }
        let rests = now > moved.0 + STRAGGLERS_NS;
        if rests && last_ns.is_none_or(|last| latest >= last) && answered > 0 {
            return Ok(());
        }
        if now > start + ANSWERS_NS {
            return Err(format!("{answered} of {sent} trades were answered within ten seconds"));
        }
        subject.idle();
    }
}

/// Pushes batches `from..to`, waiting for room.
pub fn push_all(
    clock: Clock,
    subject: &mut dyn Bulk,
    batches: std::ops::Range<usize>,
) -> Result<(), String> {
    for batch in batches {
        let mut refused_at = None;
        while !subject.push(batch) {
            subject.idle();
            let since = *refused_at.get_or_insert_with(|| clock.now_ns());
            if clock.now_ns() > since + ANSWERS_NS {
                return Err(format!("batch {batch} found no room for ten seconds"));
            }
        }
    }
    Ok(())
}

/// The whole load at full speed on a subject of its own, in nanoseconds from the first push until
/// the results of the last are there.
pub fn full_speed(mode: &Mode, setup: &Setup, load: &Load) -> Result<u64, String> {
    let clock = setup.clock;
    let mut subject = (mode.bulk)(setup, load)?;
    let _pinned = sys::pin(setup.cpus.producer)?;
    let start = clock.now_ns();
    push_all(clock, subject.as_mut(), 0..load.batches())?;
    subject.settle()?;
    Ok(clock.now_ns() - start)
}

/// The hiccups of one CPU over a stretch of time in which nothing else is measured.
pub fn watch(clock: Clock, cpu: usize, seconds: f64) -> Result<Hiccups, String> {
    let _pinned = sys::pin(cpu)?;
    let mut hiccups = Hiccups::new();
    let start = clock.now_ns();
    let end = start + (seconds * 1e9) as u64;
    hiccups.resume(start);
    loop {
        let now = clock.now_ns();
        hiccups.poll(now);
        if now >= end {
            return Ok(hiccups);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modes::MODES;
    use crate::trades::{Query, Tick, trades};

    const SHORT: Pace =
        Pace { rate: 50_000, arrivals: Arrivals::Fixed, warm_up_s: 0.01, seconds: 0.05 };

    #[test]
    fn every_trade_of_every_mode_and_query_has_one_answer() {
        for mode in MODES {
            for query in Query::ALL {
                if mode.name == "same" && query == Query::Lookup {
                    continue;
                }
                let setup = Setup::new(query, 1).unwrap();
                let run = paced(mode, &setup, &SHORT).unwrap();
                assert_eq!((run.sent, run.latencies.count()), (2_500, 2_500), "{query:?}");
                assert!(mode.crosses || run.refused == 0);
                assert!(run.latencies.percentiles().p50_ns > 0);
            }
        }
    }

    #[test]
    fn a_run_with_few_samples_has_a_flaw() {
        let setup = Setup::new(Query::Filter, 1).unwrap();
        let run = paced(&MODES[0], &setup, &SHORT).unwrap();
        assert_eq!(run.flaws()[0], "2500 samples in a run; a point wants 1000000");
        let noisy = Run { hiccups: one(30_000), ..run };
        assert!(noisy.noise().unwrap().starts_with("the hiccup p99 is 30.0"));
        assert_eq!(Run { hiccups: one(19_000), ..noisy }.noise(), None);
    }

    fn one(ns: u64) -> Latencies {
        let mut latencies = Latencies::new();
        latencies.record(ns);
        latencies
    }

    #[test]
    fn a_load_runs_at_full_speed_in_every_mode() {
        let load = Load { trades: trades(3_000, 1), batch: 256 };
        for mode in MODES.iter().filter(|mode| mode.name != "same") {
            for query in Query::ALL {
                assert!(full_speed(mode, &Setup::new(query, 1).unwrap(), &load).unwrap() > 0);
            }
        }
    }

    #[test]
    fn modes_without_threads_refuse_a_second_shard() {
        let setup = Setup::new(Query::Tumble, 2).unwrap();
        for mode in MODES.iter().filter(|mode| !mode.crosses) {
            let error = paced(mode, &setup, &SHORT).unwrap_err();
            assert!(error.contains("has one shard, not 2"), "{error}");
        }
    }

    /// Answers only as many trades as it is told to.
    struct Silent(crate::subject::Recorder, usize);

    impl Paced for Silent {
        fn send(&mut self, tick: Tick) -> bool {
            if self.1 > 0 {
                self.1 -= 1;
                self.0.arrived(tick.sent as u64);
            }
            true
        }

        fn idle(&mut self) {}
    }

    #[test]
    fn answers_that_share_a_row_end_a_run_once_the_last_trade_has_its_own() {
        let clock = Clock::calibrated();
        let collector = Collector::new(clock);
        let mut silent = Silent(collector.recorder(), 1);
        silent.send(Tick::new(0, 77));
        assert_eq!(await_answers(clock, &collector, &mut silent, 2, Some(77)), Ok(()));
    }
}
