//! A database that has nothing to do takes no CPU and ends no epoch.

use std::time::Duration;

use sluicedb::db::{Database, Latency};
use sluicedb::shell::Runtime;

use crate::child::in_child;
use crate::fixture::{Tick, small, tick_plan};
use crate::watchdog::within;

/// How long it is watched.
const WATCH: Duration = Duration::from_millis(300);
/// A spinning thread would take fifteen times this.
const CPU_NS_MAX: u64 = 20_000_000;

/// Nanoseconds of CPU that all threads of the engine have had.
fn engine_cpu_ns() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let of_task = |path: std::path::PathBuf| {
        // A thread may end while it is looked at.
        let name = std::fs::read_to_string(path.join("comm")).unwrap_or_default();
        let times = std::fs::read_to_string(path.join("schedstat")).unwrap_or_default();
        let cpu: u64 = times.split_whitespace().next().map_or(0, |word| word.parse().unwrap());
        if name.starts_with("sluice") { Some(cpu) } else { None }
    };
    let times: Vec<u64> = tasks.filter_map(|task| of_task(task.unwrap().path())).collect();
    assert!(times.len() >= 3, "two shards and the coordinator: {}", times.len());
    times.iter().sum()
}

fn epoch(db: &Database, id: i64) -> u64 {
    let mut subscription = db.subscribe("all").unwrap();
    let mut source = db.source::<Tick>("ticks").unwrap();
    source.push(&Tick { id }).unwrap();
    let set = subscription.next().unwrap().unwrap();
    set.changes().epoch().0
}

fn watch(latency: Latency, runtime: Option<Runtime>) {
    let builder = small(2).latency(latency);
    let builder = match runtime {
        Some(runtime) => builder.runtime(runtime),
        None => builder,
    };
    let db = builder.start(&tick_plan()).unwrap();
    let before = epoch(&db, 1);
    // The epoch of that row, and those in which its handles came and went, are over.
    (0..3).for_each(|_| db.flush().unwrap());
    std::thread::sleep(Duration::from_millis(50));
    let cpu = engine_cpu_ns();
    assert!(cpu > 0, "the kernel does not count the time of threads");
    std::thread::sleep(WATCH);
    let taken = engine_cpu_ns() - cpu;
    let after = epoch(&db, 2);
    println!("{latency:?} {runtime:?}: {taken} ns of CPU, epochs {before} to {after}");
    assert!(taken < CPU_NS_MAX, "{latency:?} {runtime:?}: {taken} ns in {WATCH:?}");
    // Flushes, comings and goings end some; one each 10 ms would be more than thirty.
    assert!(after - before < 16, "epochs {before} to {after}");
}

#[test]
fn an_idle_database_is_silent() {
    in_child("silence::an_idle_database_is_silent", || {
        for latency in [Latency::Balanced, Latency::Eco] {
            for runtime in [None, Some(Runtime::Thread)] {
                within("silence", move || watch(latency, runtime));
            }
        }
    });
}
