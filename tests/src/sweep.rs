//! Runs many seeds on all cores.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use crate::options::Fault;
use crate::world::{Failure, Summary, run};

/// What came of one run.
pub type Ran = Result<Summary, Box<Failure>>;

/// Runs all seeds; the first failure ends it. `each` hears of every run that went well.
pub fn sweep(
    seeds: Range<u64>,
    without: &[Fault],
    each: impl FnMut(&Summary),
) -> Result<Vec<Summary>, Box<Failure>> {
    let count = seeds.end - seeds.start;
    let mut summaries = spread(count, |at| run(seeds.start + at, without), each)?;
    summaries.sort_unstable_by_key(|summary| summary.seed);
    Ok(summaries)
}

/// Calls `work` with every number below `count`, on all cores; the first failure ends it.
pub fn spread<T: Send, E: Send>(
    count: u64,
    work: impl Fn(u64) -> Result<T, E> + Sync,
    mut each: impl FnMut(&T),
) -> Result<Vec<T>, E> {
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let (told, results) = mpsc::channel();
    let cpus = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cpus {
            let (told, next, stop, work) = (told.clone(), &next, &stop, &work);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count || told.send(work(at)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(told);
        let noted = results.iter().map(|result| result.inspect(|item| each(item)));
        let gathered = noted.collect();
        stop.store(true, Ordering::Relaxed);
        gathered
    })
}
