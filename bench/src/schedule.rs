//! When operations are due, fixed before the first of them, and the steps that keep to it.
//!
//! The loop is open: an operation that is late delays nothing of the plan behind it, and its latency
//! counts from the moment it was due. A system that stalls is charged for all that waited.

use crate::clock::Clock;
use crate::hiccup::Hiccups;
use crate::trades::Random;

/// Offsets from the start, in ascending order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Schedule(Vec<u64>);

const SECOND_NS: f64 = 1e9;

impl Schedule {
    /// `count` operations at equal distances, `rate` a second.
    pub fn fixed(rate: u64, count: usize) -> Schedule {
        let due = |at: usize| (at as u128 * 1_000_000_000 / u128::from(rate)) as u64;
        Schedule((0..count).map(due).collect())
    }

    /// `count` operations whose distances are those of independent arrivals, `rate` a second on
    /// average; the same for the same seed.
    pub fn poisson(rate: u64, count: usize, seed: u64) -> Schedule {
        let mut random = Random::new(seed);
        let mut at = 0.0;
        let mut due = || {
            let offset = at as u64;
            // In (0, 1], so that the logarithm is finite.
            let uniform = ((random.bits() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
            at -= uniform.ln() * SECOND_NS / rate as f64;
            offset
        };
        Schedule((0..count).map(|_| due()).collect())
    }

    /// When each operation is due, in nanoseconds after the start.
    pub fn offsets(&self) -> &[u64] {
        &self.0
    }
}

/// What the loop drives.
pub trait Operations {
    /// Does what was due at `due_ns` of the clock. False: there is no room at this moment.
    fn send(&mut self, at: usize, due_ns: u64) -> bool;
    /// Called between two looks at the clock.
    fn idle(&mut self);
}

/// A system that takes nothing for this long is given up.
const STUCK_NS: u64 = 10_000_000_000;

/// How a loop ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Paced {
    /// How often there was no room.
    pub refused: u64,
    /// How far behind the plan the loop was at its worst.
    pub behind_max_ns: u64,
}

/// A stretch of the plan that is gone through step by step, on whatever thread sends.
#[derive(Debug)]
pub struct Walk {
    clock: Clock,
    start_ns: u64,
    schedule: Schedule,
    /// What the machine took away between two steps.
    pub hiccups: Hiccups,
    /// How it went so far.
    pub paced: Paced,
    at: usize,
    /// Whether the step before was nothing but a look at the clock.
    watching: bool,
    refused_since: Option<u64>,
}

impl Walk {
    /// A stretch that begins at a moment of the clock.
    pub fn new(clock: Clock, start_ns: u64, schedule: Schedule) -> Walk {
        Walk {
            clock,
            start_ns,
            schedule,
            hiccups: Hiccups::new(),
            paced: Paced::default(),
            at: 0,
            watching: false,
            refused_since: None,
        }
    }

    /// Sends the next operation if it is due; otherwise looks at the clock, which is the hiccup
    /// meter of this CPU. An operation is sent at the moment it is due, or as soon after it as the
    /// system takes it; none is left out. False: all are sent.
    #[inline]
    pub fn step(&mut self, operations: &mut (impl Operations + ?Sized)) -> Result<bool, String> {
        let Some(offset) = self.schedule.0.get(self.at) else { return Ok(false) };
        let due = self.start_ns + offset;
        let now = self.clock.now_ns();
        if self.watching {
            self.hiccups.poll(now);
        } else {
            self.hiccups.resume(now);
        }
        self.watching = now < due;
        if self.watching {
            operations.idle();
            return Ok(true);
        }
        if operations.send(self.at, due) {
            self.paced.behind_max_ns = self.paced.behind_max_ns.max(now - due);
            self.at += 1;
            self.refused_since = None;
            return Ok(true);
        }
        self.paced.refused += 1;
        operations.idle();
        if now > *self.refused_since.get_or_insert(now) + STUCK_NS {
            return Err(format!("row {} found no room for ten seconds", self.at));
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Log {
        clock: Clock,
        calls: Vec<(usize, u64, u64)>,
        refuse: u64,
        idled: u64,
        /// How long the first operation takes.
        stall_ns: u64,
    }

    impl Operations for Log {
        fn send(&mut self, at: usize, due_ns: u64) -> bool {
            if self.refuse > 0 {
                self.refuse -= 1;
                return false;
            }
            let now = self.clock.now_ns();
            self.calls.push((at, due_ns, now));
            while at == 0 && self.clock.now_ns() < now + self.stall_ns {}
            true
        }

        fn idle(&mut self) {
            self.idled += 1;
        }
    }

    fn run(schedule: &Schedule, refuse: u64, stall_ns: u64) -> (u64, Log, Paced) {
        let clock = Clock::calibrated();
        let mut log = Log { clock, calls: Vec::new(), refuse, idled: 0, stall_ns };
        let start = clock.now_ns() + 100_000;
        let mut walk = Walk::new(clock, start, schedule.clone());
        while walk.step(&mut log).unwrap() {}
        (start, log, walk.paced)
    }

    #[test]
    fn a_fixed_schedule_has_equal_distances_and_does_not_drift() {
        let schedule = Schedule::fixed(3, 7);
        let thirds = [0, 333_333_333, 666_666_666, 1_000_000_000, 1_333_333_333];
        assert_eq!(schedule.offsets()[..5], thirds);
        assert_eq!(schedule.offsets()[6], 2_000_000_000);
    }

    #[test]
    fn a_poisson_schedule_is_the_same_for_its_seed_and_keeps_its_rate() {
        let schedule = Schedule::poisson(1000, 100_000, 7);
        assert_eq!(schedule, Schedule::poisson(1000, 100_000, 7));
        assert_ne!(schedule, Schedule::poisson(1000, 100_000, 8));
        assert!(schedule.offsets().is_sorted());
        let seconds = schedule.offsets()[99_999] as f64 / SECOND_NS;
        assert!((98.0..102.0).contains(&seconds), "{seconds}");
        // Of exponential distances 63 in 100 are below the mean.
        let short = schedule.offsets().windows(2).filter(|pair| pair[1] - pair[0] < 1_000_000);
        assert!((62_500..64_000).contains(&short.count()));
    }

    #[test]
    fn nothing_is_sent_before_it_is_due() {
        let schedule = Schedule::fixed(100_000, 50);
        let (start, log, _) = run(&schedule, 0, 0);
        assert_eq!(log.calls.len(), 50);
        for (index, &(at, due, sent)) in log.calls.iter().enumerate() {
            assert_eq!((at, due), (index, start + schedule.offsets()[index]));
            assert!(sent >= due);
        }
        assert!(log.idled > 0);
    }

    #[test]
    fn a_stall_moves_no_due_time_and_skips_nothing() {
        let schedule = Schedule::fixed(1_000_000, 100);
        let (start, log, paced) = run(&schedule, 0, 3_000_000);
        assert_eq!(log.calls.len(), 100);
        assert_eq!(log.calls[99].1, start + 99_000);
        // The last was due 99 us after the first, which took 3 ms.
        assert!(log.calls[99].2 - log.calls[99].1 > 2_900_000);
        assert!(paced.behind_max_ns > 2_900_000);
    }

    #[test]
    fn what_finds_no_room_is_offered_again() {
        let (_, log, paced) = run(&Schedule::fixed(1_000_000, 3), 5, 0);
        assert_eq!(log.calls.iter().map(|call| call.0).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(paced.refused, 5);
    }
}
