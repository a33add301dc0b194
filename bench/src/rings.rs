//! The floor: what a round trip between two CPUs costs over nothing but two rings.

use rtrb::{Consumer, Producer, RingBuffer};

use crate::clock::Clock;
use crate::histogram::Latencies;
use crate::sys;

/// What travels: a cache line.
pub type Item = [u64; 8];

/// Items that a ring holds; of no influence on a round trip of one.
const CAPACITY: usize = 1024;

/// Round trips of which nothing is kept, so that both CPUs are awake and the rings in their caches.
const WARM_UP: u64 = 100_000;

/// Round trips of [`floor`], enough for a median.
const FLOOR_SAMPLES: u64 = 50_000;

/// Round trips of one item from CPU `here` to CPU `there` and back.
pub fn round_trips(
    clock: Clock,
    here: usize,
    there: usize,
    count: u64,
) -> Result<Latencies, String> {
    let (mut out, mut inbox) = RingBuffer::<Item>::new(CAPACITY);
    let (mut back, mut answers) = RingBuffer::<Item>::new(CAPACITY);
    let total = count + WARM_UP.min(count);
    std::thread::scope(|scope| {
        let echo = scope.spawn(move || {
            let pinned = sys::pin(there);
            // Without its CPU it still answers: whoever waits for it must not wait for ever.
            for _ in 0..total {
                give(&mut back, take(&mut inbox));
            }
            pinned.map(drop)
        });
        let pinned = sys::pin(here);
        let mut latencies = Latencies::new();
        for at in 0..total {
            let start = clock.now_ns();
            give(&mut out, [at; 8]);
            let answer = take(&mut answers);
            let elapsed = clock.now_ns().saturating_sub(start);
            assert_eq!(answer[0], at, "a ring keeps the order");
            if at >= total - count {
                latencies.record(elapsed);
            }
        }
        echo.join().expect("the echo does not panic")?;
        pinned?;
        Ok(latencies)
    })
}

/// Items a second from CPU `here` to CPU `there`, `burst` published at once.
pub fn bulk(
    clock: Clock,
    here: usize,
    there: usize,
    burst: usize,
    count: u64,
) -> Result<f64, String> {
    assert!((1..=CAPACITY).contains(&burst), "a burst fits into the ring");
    let (mut out, mut inbox) = RingBuffer::<Item>::new(CAPACITY);
    std::thread::scope(|scope| {
        let consumer = scope.spawn(move || {
            let pinned = sys::pin(there);
            let sum = drain(&mut inbox, count);
            pinned.map(|_| sum)
        });
        let pinned = sys::pin(here);
        let start = clock.now_ns();
        let mut sent = 0;
        while sent < count {
            let burst = burst.min((count - sent) as usize);
            if let Ok(chunk) = out.write_chunk_uninit(burst) {
                chunk.fill_from_iter((sent..).map(|at| [at; 8]));
                sent += burst as u64;
            }
        }
        let sum = consumer.join().expect("the consumer does not panic")?;
        let elapsed = clock.now_ns() - start;
        pinned?;
        assert_eq!(sum, (0..count).fold(0, u64::wrapping_add), "every item arrives once");
        Ok(count as f64 * 1e9 / elapsed as f64)
    })
}

/// The median round trip, measured in a moment; nothing where there is one CPU.
pub fn floor(clock: Clock, here: usize, there: usize) -> Result<Option<u64>, String> {
    if here == there {
        return Ok(None);
    }
    round_trips(clock, here, there, FLOOR_SAMPLES).map(|trips| Some(trips.percentiles().p50_ns))
}

/// Takes whatever is there at once, as a shard does.
fn drain(inbox: &mut Consumer<Item>, count: u64) -> u64 {
    let (mut taken, mut sum) = (0, 0_u64);
    while taken < count {
        let ready = inbox.slots();
        if let Ok(chunk) = inbox.read_chunk(ready) {
            sum = chunk.into_iter().fold(sum, |sum, item| sum.wrapping_add(item[0]));
            taken += ready as u64;
        }
    }
    sum
}

fn give(ring: &mut Producer<Item>, item: Item) {
    while ring.push(item).is_err() {
        std::hint::spin_loop();
    }
}

fn take(ring: &mut Consumer<Item>) -> Item {
    loop {
        if let Ok(item) = ring.pop() {
            return item;
        }
        std::hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two CPUs, if there are: on one, each hop waits for a turn of the scheduler.
    fn ends() -> Option<(usize, usize)> {
        let cpus = sys::allowed_cpus().unwrap();
        (cpus.len() > 1).then(|| (cpus[0], cpus[1]))
    }

    #[test]
    fn every_round_trip_after_the_warm_up_is_a_sample() {
        let Some((here, there)) = ends() else { return };
        let trips = round_trips(Clock::calibrated(), here, there, 2_000).unwrap();
        assert_eq!(trips.count(), 2_000);
        assert!(trips.percentiles().p50_ns > 0);
    }

    #[test]
    fn bursts_arrive_whole_also_where_the_last_is_shorter() {
        let Some((here, there)) = ends() else { return };
        assert!(bulk(Clock::calibrated(), here, there, 64, 10_007).unwrap() > 0.0);
    }

    #[test]
    fn one_cpu_has_no_floor() {
        assert_eq!(floor(Clock::calibrated(), 0, 0), Ok(None));
    }

    #[test]
    fn a_cpu_that_does_not_exist_is_refused_and_nobody_waits() {
        let Some((here, _)) = ends() else { return };
        assert!(round_trips(Clock::calibrated(), here, 1 << 20, 10).is_err());
    }
}
