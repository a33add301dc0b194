//! Models: what the shell does with bells and words, cut down to what is shared.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use loom::thread;

use crate::bell::Bell;
use crate::core::feeder::{FEEDER_IDLE, Progress};
use crate::core::ids::{Epoch, Time};
use crate::mark::{Mark, OpenEpoch};

/// With three threads all orders take hours, and those with few switches seconds.
fn few_switches() -> loom::model::Builder {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model
}

#[test]
fn a_sleeper_finds_what_was_published_before_its_bell_was_rung() {
    loom::model(|| {
        let bell = Arc::new(Bell::new());
        let published = Arc::new(AtomicU64::new(0));
        let producer = {
            let (bell, published) = (bell.clone(), published.clone());
            thread::spawn(move || {
                for frame in 1..=2 {
                    published.store(frame, Ordering::Release);
                    bell.ring();
                }
            })
        };
        // A sleeper that misses a ring sleeps for ever, which the checker reports as a deadlock.
        while published.load(Ordering::Acquire) < 2 {
            bell.arm();
            if published.load(Ordering::Acquire) < 2 {
                bell.sleep(None);
            } else {
                bell.disarm();
            }
        }
        producer.join().unwrap();
    });
}

#[test]
fn a_task_that_sleeps_finds_what_was_published_before_its_bell_was_rung() {
    loom::model(|| {
        let bell = Arc::new(Bell::new());
        let mark = Arc::new(Mark::new(&Progress::START));
        let coordinator = {
            let (bell, mark) = (bell.clone(), mark.clone());
            thread::spawn(move || {
                mark.settle(1);
                bell.ring();
            })
        };
        loom::future::block_on(async {
            while mark.settled() < 1 {
                bell.arm();
                if mark.settled() < 1 {
                    bell.rung().await;
                } else {
                    bell.disarm();
                }
            }
        });
        coordinator.join().unwrap();
    });
}

#[test]
fn two_that_ring_at_once_wake_the_sleeper_and_it_finds_both() {
    few_switches().check(|| {
        let bell = Arc::new(Bell::new());
        let published = [Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false))];
        let producers = published.clone().map(|flag| {
            let bell = bell.clone();
            thread::spawn(move || {
                flag.store(true, Ordering::Release);
                bell.ring();
            })
        });
        let all = || published.iter().all(|flag| flag.load(Ordering::Acquire));
        while !all() {
            bell.arm();
            if all() {
                bell.disarm();
            } else {
                bell.sleep(None);
            }
        }
        for producer in producers {
            producer.join().unwrap();
        }
    });
}

const FIRST: Epoch = Epoch(7);

/// What a feeder, a shard and the coordinator share.
struct Shared {
    open: OpenEpoch,
    mark: Mark,
    /// The lane: the epoch of the one frame that is on it, or 0.
    lane: AtomicU64,
    ordered: AtomicBool,
}

/// Publishes one statement as the steps of a feeder say; returns the epoch it was stamped with.
fn publish(shared: &Shared) -> Epoch {
    let mut epoch = shared.open.read();
    loop {
        shared.mark.store_word(epoch.0);
        let again = shared.open.read();
        if again == epoch {
            break;
        }
        epoch = again;
    }
    shared.lane.store(epoch.0, Ordering::Release);
    let opening = Time::MIN;
    let progress = Progress { epoch, sequence: 1, opening, watermark: Time(40), rows_numbered: 1 };
    shared.mark.store_progress(&progress);
    shared.mark.store_word(FEEDER_IDLE);
    epoch
}

/// Looks at a feeder as a shard does that is to end `FIRST`: what it may conclude, if anything.
fn look(shared: &Shared) -> Option<Time> {
    let word = shared.mark.word();
    if word != FEEDER_IDLE && word <= FIRST.0 {
        return None;
    }
    match Epoch(shared.lane.load(Ordering::Acquire)) {
        Epoch(0) => Some(shared.mark.progress()?.watermark_at(FIRST)),
        epoch if epoch > FIRST => Some(Time::MIN),
        // A frame of the epoch: it is taken, and the shard looks again later.
        _ => None,
    }
}

#[test]
fn a_shard_that_ends_an_epoch_has_every_frame_of_it() {
    few_switches().check(|| {
        let shared = Arc::new(Shared {
            open: OpenEpoch::new(FIRST),
            mark: Mark::new(&Progress::START),
            lane: AtomicU64::new(0),
            ordered: AtomicBool::new(false),
        });
        let feeder = {
            let shared = shared.clone();
            thread::spawn(move || publish(&shared))
        };
        let coordinator = {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.open.open(FIRST.next());
                shared.ordered.store(true, Ordering::Release);
            })
        };
        let ordered = shared.ordered.load(Ordering::Acquire);
        let ended = if ordered { look(&shared) } else { None };
        let stamped = feeder.join().unwrap();
        coordinator.join().unwrap();
        if let Some(watermark) = ended {
            assert!(stamped > FIRST, "the epoch was ended without a frame of it");
            assert_eq!(watermark, Time::MIN, "the epoch ended with a watermark of a later one");
        }
    });
}

#[test]
fn a_progress_that_is_read_was_stored_as_a_whole() {
    loom::model(|| {
        let mark = Arc::new(Mark::new(&Progress::START));
        let feeder = {
            let mark = mark.clone();
            thread::spawn(move || {
                let epoch = FIRST;
                mark.store_progress(&Progress {
                    epoch,
                    sequence: 1,
                    opening: Time(2),
                    watermark: Time(3),
                    rows_numbered: 4,
                });
            })
        };
        if let Some(read) = mark.progress() {
            let start = Progress::START;
            assert!(read == start || (read.sequence, read.watermark) == (1, Time(3)), "{read:?}");
        }
        feeder.join().unwrap();
    });
}
