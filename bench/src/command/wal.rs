//! `wal`: rows that are acknowledged once they are durable, beside what the device does alone.

use std::io::Write;
use std::path::PathBuf;

use sluicedb::db::SyncPath;
use sluicedb::shell::probe::SyncProbe;

use super::options::{JSON, Options, Spec, spec};
use super::{Command, Failure, finish};
use crate::clock::Clock;
use crate::durable::acks::{Acked, Asked, Groups, run as acknowledge};
use crate::durable::logged;
use crate::histogram::Spread;
use crate::report::{Point, duration};
use crate::trades::trades;

pub(super) const COMMAND: Command = Command {
    name: "wal",
    about: "durable acknowledgements a second and their latency, on each sync path",
    help: "Each producer pushes a row, waits until it is durable, and pushes the next. Beside each
point, and on the same disk, runs of blocks as large as its groups are made durable one by one without
a database. Bytes a row are those the kernel was told to write, checkpoints and room for later groups
included. At the end batches are pushed into a database with a log, and in turn into one in memory.",
    example: "wal --producers 1,16,256 --acks 20000 --dir .",
    options: OPTIONS,
    run,
};

const OPTIONS: &[Spec] = &[
    spec("--path", "PATH[,PATH..]", "how the log is synced (each that can be had)"),
    spec("--producers", "N[,N..]", "rows on their way at a time (1,16,256)"),
    spec("--acks", "N", "rows of a run (20000)"),
    spec("--rows", "N", "rows in batches of 1024 at the end, 0 for none (2000000)"),
    spec("--runs", "N", "runs (3)"),
    spec("--dir", "DIR", "where files are made for the time of a run (the temporary folder)"),
    JSON,
];

const PRODUCERS: &[u64] = &[1, 16, 256];
/// Rows of a batch.
const BATCH: usize = 1024;
/// Fewer say nothing about one in a thousand.
const ACKS_MIN: u64 = 10_000;

fn run(options: &Options, out: &mut dyn Write) -> Result<(), Failure> {
    let parse = || -> Result<_, String> {
        let producers = match options.text("--producers") {
            Some(_) => options.numbers("--producers", 1, 1, 4096)?,
            None => PRODUCERS.to_vec(),
        };
        let acks = options.number("--acks", 20_000, 1, 1 << 32)?;
        let rows = options.number("--rows", 2_000_000, 0, 1 << 32)?;
        Ok((producers, acks, rows, options.number("--runs", 3, 1, 1000)?))
    };
    let (producers, acks, rows, runs) = parse().map_err(Failure::Usage)?;
    let base = options.text("--dir").map_or_else(std::env::temp_dir, PathBuf::from);
    let paths = match options.text("--path") {
        Some(list) => {
            let paths: Result<Vec<SyncPath>, String> = list.split(',').map(str::parse).collect();
            paths.map_err(Failure::Usage)?
        }
        None => {
            let probe = SyncProbe::of(&base);
            let probe = probe.map_err(|error| format!("{}: {error}", base.display()))?;
            let had = probe.paths.into_iter().filter(|(_, timing)| timing.is_ok());
            had.map(|(path, _)| path).collect()
        }
    };
    let clock = Clock::calibrated();
    let mut points = Vec::new();
    for &producers in &producers {
        for &path in &paths {
            let asked = Asked { path, producers: producers as usize, acks };
            let found = (0..runs).map(|_| acknowledge(clock, &base, asked));
            points.push(point(asked, &found.collect::<Result<Vec<_>, _>>()?));
        }
    }
    if rows > 0 {
        let trades = trades(rows as usize, 42);
        let pairs = (0..runs).map(|_| logged::pair(clock, &base, (&trades, BATCH)));
        points.push(beside_memory(rows, &pairs.collect::<Result<Vec<_>, _>>()?));
    }
    finish(options, out, &points)
}

fn point(asked: Asked, runs: &[Acked]) -> Point {
    let middle = |of: &dyn Fn(&Acked) -> u64| Spread::of(runs.iter().map(of)).median as f64;
    let per_s = asked.acks as f64 * 1e9 / middle(&|run| run.elapsed_ns).max(1.0);
    let groups = runs.iter().fold(Groups::default(), |sum, run| Groups {
        count: sum.count + run.groups.count,
        rows: sum.rows + run.groups.rows,
        bytes: sum.bytes + run.groups.bytes,
    });
    let share = |part: u64, of: u64| part as f64 / of.max(1) as f64;
    let percentiles: Vec<_> = runs.iter().map(|run| run.latencies.percentiles()).collect();
    let raw = |quantile: f64| middle(&|run| run.raw.at_quantile(quantile));
    let own = |quantile: f64| middle(&|run| run.latencies.at_quantile(quantile));
    let over = |quantile: f64| own(quantile) / raw(quantile).max(1.0);
    let (raw_p50, raw_p99) = (raw(0.5), raw(0.99));
    let mut ratios = vec![
        ("raw_p50_ns", raw_p50),
        ("raw_p99_ns", raw_p99),
        ("raw_p999_ns", raw(0.999)),
        ("over_raw_p50", over(0.5)),
        ("over_raw_p99", over(0.99)),
        ("rows_per_group", share(groups.rows, groups.count)),
        ("log_bytes_per_row", share(groups.bytes, groups.rows)),
    ];
    let written: Option<Vec<u64>> = runs.iter().map(|run| run.written_bytes).collect();
    let written = written.map(|runs| share(Spread::of(runs).median, asked.acks));
    ratios.extend(written.map(|bytes| ("bytes_per_row", bytes)));
    let mut notes = vec![
        format!("{per_s:.0} acknowledgements a second"),
        format!(
            "raw p50 {}, p99 {} for {:.0} bytes; over raw {:.2} and {:.2}",
            duration(raw_p50 as u64),
            duration(raw_p99 as u64),
            share(groups.bytes, groups.count),
            over(0.5),
            over(0.99),
        ),
        format!(
            "{:.1} rows a group, {:.1} bytes of it a row",
            share(groups.rows, groups.count),
            share(groups.bytes, groups.rows)
        ),
    ];
    notes.extend(written.map(|bytes| format!("{bytes:.1} bytes written a row")));
    let short = asked.acks < ACKS_MIN;
    Point {
        bench: COMMAND.name,
        mode: Some(asked.path.name()),
        producers: Some(asked.producers as u64),
        shards: Some(1),
        rows: Some(asked.acks),
        rows_per_s: Some(per_s),
        latencies: percentiles,
        ratios,
        flaws: short
            .then(|| format!("{} rows in a run; a point wants {ACKS_MIN}", asked.acks))
            .into_iter()
            .collect(),
        notes,
        ..Point::default()
    }
}

/// Batches with a log beside batches in memory.
fn beside_memory(rows: u64, pairs: &[(u64, u64)]) -> Point {
    let memory = Spread::of(pairs.iter().map(|(memory, _)| *memory)).median.max(1);
    let logged = Spread::of(pairs.iter().map(|(_, logged)| *logged)).median.max(1);
    let speed = |ns: u64| rows as f64 * 1e9 / ns as f64;
    let ratio = memory as f64 / logged as f64;
    Point {
        bench: COMMAND.name,
        query: Some("tumble"),
        mode: Some("log"),
        batch: Some(BATCH as u64),
        shards: Some(1),
        rows: Some(rows),
        rows_per_s: Some(speed(logged)),
        ratios: vec![("over_memory", ratio)],
        notes: vec![
            format!("in memory {:.3} M rows/s", speed(memory) / 1e6),
            format!("ratio {ratio:.3}"),
        ],
        ..Point::default()
    }
}
