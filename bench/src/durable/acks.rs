//! Rows that are acknowledged once they are durable: how many a second, and how late.

use std::fs;
use std::path::Path;

use sluicedb::db::{Database, Source, SyncPath};

use super::{Folder, raw};
use crate::clock::Clock;
use crate::engine::Trade;
use crate::histogram::Latencies;
use crate::trades::{Query, Trades, plan, symbols, trades};

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// How the log is synced.
    pub path: SyncPath,
    /// Handles, each with one row that is not acknowledged.
    pub producers: usize,
    /// Rows in all.
    pub acks: u64,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Acked {
    /// From each push to its acknowledgement.
    pub latencies: Latencies,
    /// From the first push to the last acknowledgement.
    pub elapsed_ns: u64,
    /// What the process had written, checkpoints included; none where the kernel does not say.
    pub written_bytes: Option<u64>,
    /// The groups of the log.
    pub groups: Groups,
    /// The same sizes without a database.
    pub raw: Latencies,
}

/// Groups with records in what is left of a log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Groups {
    /// How many.
    pub count: u64,
    /// Rows in them.
    pub rows: u64,
    /// Their bytes on the disk.
    pub bytes: u64,
}

/// An acknowledgement that takes as long as this never comes.
const PATIENCE_NS: u64 = 30_000_000_000;

/// Rows that are different.
const ROWS: usize = 4096;

/// Writes and syncs without a database beside each run, at most.
const RAW_MAX: u64 = 2000;

/// One run, on a database of its own in `base`.
pub fn run(clock: Clock, base: &Path, asked: Asked) -> Result<Acked, String> {
    let folder = Folder::new(base)?;
    let text = |error: sluicedb::db::Error| error.to_string();
    let plan = plan(Query::Filter).map_err(|error| error.to_string())?;
    let builder = Database::builder().shards(1).sync_path(asked.path);
    let database = builder.directory(folder.path()).start(&plan).map_err(text)?;
    let (rows, names) = (trades(ROWS, 42), symbols());
    let mut producers = Vec::new();
    for _ in 0..asked.producers {
        let source = database.source::<Trade<'_>>("trades").map_err(text)?;
        producers.push(Producer { source, begun_ns: None });
    }
    let before = written_bytes();
    let (latencies, elapsed_ns) = drive(clock, &mut producers, (&rows, &names), asked.acks)?;
    let written_bytes = written_bytes().zip(before).map(|(after, before)| after - before);
    drop(producers);
    let groups = groups(folder.path())?;
    database.close().map_err(text)?;
    let mean = groups.bytes.checked_div(groups.count).unwrap_or(0).max(1);
    let raw = raw::writes(clock, folder.path(), mean, asked.acks.min(RAW_MAX))?;
    Ok(Acked { latencies, elapsed_ns, written_bytes, groups, raw })
}

/// Pushes a row whenever the one before is acknowledged.
struct Producer<'a> {
    source: Source<Trade<'a>>,
    /// When the row that is not acknowledged was pushed.
    begun_ns: Option<u64>,
}

fn drive<'a>(
    clock: Clock,
    producers: &mut [Producer<'a>],
    (rows, names): (&Trades, &'a [String]),
    acks: u64,
) -> Result<(Latencies, u64), String> {
    let mut latencies = Latencies::new();
    let (start_ns, mut pushed) = (clock.now_ns(), 0);
    let mut latest_ns = start_ns;
    while latencies.count() < acks {
        let mut idle = true;
        for producer in producers.iter_mut() {
            if producer.source.durable() < producer.source.pushed() {
                continue;
            }
            let now_ns = clock.now_ns();
            if let Some(begun_ns) = producer.begun_ns.take() {
                latencies.record(now_ns - begun_ns);
                (latest_ns, idle) = (now_ns, false);
            }
            if pushed < acks {
                let row = Trade::of(rows, names, pushed as usize % ROWS);
                producer.source.push_wait(&row).map_err(|error| error.to_string())?;
                producer.begun_ns = Some(now_ns);
                (pushed, idle) = (pushed + 1, false);
            }
        }
        if idle && clock.now_ns() - latest_ns > PATIENCE_NS {
            return Err("no row was acknowledged for half a minute".to_owned());
        }
        if idle {
            std::thread::yield_now();
        }
    }
    Ok((latencies, latest_ns - start_ns))
}

/// What this process has had the kernel write to disks.
fn written_bytes() -> Option<u64> {
    let counts = fs::read_to_string("/proc/self/io").ok()?;
    let line = counts.lines().find_map(|line| line.strip_prefix("write_bytes: "))?;
    line.trim().parse().ok()
}

/// Walks over the segments of a folder, as `wal/FORMAT.md` lays them out.
pub fn groups(folder: &Path) -> Result<Groups, String> {
    let said = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut groups = Groups::default();
    for entry in fs::read_dir(folder).map_err(said)? {
        let path = entry.map_err(said)?.path();
        if path.extension().is_some_and(|extension| extension == "log") {
            walk(&fs::read(&path).map_err(said)?, &mut groups);
        }
    }
    Ok(groups)
}

const BLOCK_BYTES: usize = 4096;
const HEADER_BYTES: usize = 64;
const PIECE_BYTES: usize = 8192;

fn walk(segment: &[u8], groups: &mut Groups) {
    let mut at = BLOCK_BYTES;
    while let Some(header) = segment.get(at..at + HEADER_BYTES)
        && header[8..16] != [0; 8]
    {
        let number = |from: usize| {
            let bytes = header[from..from + 4].try_into().expect("four bytes of the header");
            u32::from_le_bytes(bytes) as usize
        };
        let (payload, records) = (number(40), number(44));
        let table = if payload > PIECE_BYTES { 4 * payload.div_ceil(PIECE_BYTES) } else { 0 };
        let bytes = (HEADER_BYTES + table + payload).next_multiple_of(BLOCK_BYTES);
        if records > 0 {
            groups.count += 1;
            groups.rows += records as u64;
            groups.bytes += bytes as u64;
        }
        at += bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_acknowledged_once_and_lies_in_a_group() {
        let asked = Asked { path: SyncPath::Blocking, producers: 3, acks: 40 };
        let acked = run(Clock::calibrated(), &std::env::temp_dir(), asked).unwrap();
        assert_eq!((acked.latencies.count(), acked.groups.rows), (40, 40));
        let Groups { count, rows: _, bytes } = acked.groups;
        assert!((14..=40).contains(&count) && bytes == count * 4096, "{:?}", acked.groups);
        assert_eq!(acked.raw.count(), 40);
    }
}
