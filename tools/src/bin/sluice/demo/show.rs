//! What the demo prints.

use std::io::{self, Write};
use std::time::Duration;

use hdrhistogram::Histogram;
use sluicedb::db::{Database, Value};
use sluicedb::shell::Runtime;

use super::feed::{Fed, Pace, SYMBOLS};
use super::meter::Meter;
use super::query::Shown;
use crate::shell::sheet::Sheet;
use crate::shell::table::table;
use crate::shell::terminal;

/// Where it runs.
pub(super) fn start(out: &mut dyn Write, db: &Database) -> io::Result<()> {
    writeln!(out, "A database in memory on {}.", runs_on(db))?;
    writeln!(out, "Trades of {SYMBOLS} symbols are pushed; results are shown when they come.")
}

/// Prints rows that came of a relation together, in their order by the first columns.
pub(super) fn rows(out: &mut dyn Write, shown: &mut Shown) -> io::Result<()> {
    let Shown { changes, came } = shown;
    let Some(first) = came.first() else { return Ok(()) };
    let mut sheet = Sheet::of(&first.schema(), came);
    // Of rows that only come there is nothing to say beside them.
    if sheet.rows.iter().all(|row| row.last() == Some(&Value::BigInt(1))) {
        sheet.names.pop();
        sheet.numeric.pop();
        sheet.rows.iter_mut().for_each(|row| drop(row.pop()));
    }
    let texts = |row: &Vec<Value>| row.iter().map(Value::to_string).collect::<Vec<_>>();
    sheet.rows.sort_by_cached_key(texts);
    let width = terminal::size().map(|(columns, _)| columns);
    write!(out, "\n{}\n{}", changes.relation(), table(&sheet, width))?;
    came.clear();
    Ok(())
}

/// Prints what it took.
pub(super) fn summary(
    out: &mut dyn Write,
    db: &Database,
    fed: &[Fed],
    meter: &Meter,
) -> io::Result<()> {
    writeln!(out)?;
    for Fed { pace, rows, time } in fed {
        let per_second = digits((*rows as f64 / time.as_secs_f64()) as u64);
        let how = match pace {
            Pace::Rate(rate) => format!("pushed one by one, {} a second asked for", digits(*rate)),
            Pace::Max => "as fast as they were taken, 512 a push".to_owned(),
        };
        let (rows, time) = (digits(*rows), time.as_secs_f64());
        writeln!(out, "rows     {per_second} rows/s: {rows} rows in {time:.1} s, {how}")?;
    }
    writeln!(out, "latency  {}", latency(meter))?;
    let stats = db.stats();
    let (state, limit) = (mebibytes(stats.state_bytes), mebibytes(stats.state_bytes_max));
    write!(out, "memory   {state} of operator state (it may grow to {limit})")?;
    match resident_bytes() {
        Some(bytes) => writeln!(out, ", {} resident in all", mebibytes(bytes))?,
        None => writeln!(out)?,
    }
    writeln!(out, "runs on  {}", runs_on(db))?;
    writeln!(
        out,
        "\nOther figures, with their spread: cargo run --release --bin sluice-bench -- --help"
    )
}

fn latency(meter: &Meter) -> String {
    let measured = meter.latency_ns();
    if measured.is_empty() {
        return "not measured: rows that are pushed as fast as they are taken only wait in line; \
                give a --rate"
            .to_owned();
    }
    let (samples, results) = (digits(measured.len()), quantiles(&measured));
    let late = quantiles(&meter.late_ns());
    format!(
        "from when a row was due to the changed result in a callback, {samples} results:\n         \
         {results}\nnoise    of which it came this late to the push, because the machine was \
         elsewhere:\n         {late}"
    )
}

fn quantiles(of: &Histogram<u64>) -> String {
    let at = |quantile| micros(of.value_at_quantile(quantile));
    let (p50, p90, p99, p999) = (at(0.5), at(0.9), at(0.99), at(0.999));
    format!("p50 {p50}, p90 {p90}, p99 {p99}, p99.9 {p999}, max {}", micros(of.max()))
}

fn runs_on(db: &Database) -> String {
    let seats = &db.placement().shards;
    let seat = |(at, cpu): (usize, Option<u32>)| match cpu {
        Some(cpu) => format!("shard {at} on cpu {cpu}"),
        None => format!("shard {at} on any cpu"),
    };
    let seats: Vec<String> = seats.iter().map(|s| s.cpu).enumerate().map(seat).collect();
    let runtime = match (db.runtime(), db.fallback()) {
        (Runtime::Glommio, _) => "glommio, over io_uring".to_owned(),
        (Runtime::Thread, None) => "plain threads".to_owned(),
        (Runtime::Thread, Some(why)) => format!("plain threads, because {why}"),
    };
    format!("{} ({runtime})", seats.join(", "))
}

/// Says on a terminal that something is going on.
#[expect(clippy::print_stderr, reason = "progress is no output")]
pub(super) fn progress(on: bool, elapsed: Duration) {
    if on {
        eprint!("\r  {:.1} s", elapsed.as_secs_f64());
    }
}

/// Takes the progress off the terminal.
#[expect(clippy::print_stderr, reason = "progress is no output")]
pub(super) fn clear_progress(on: bool) {
    if on {
        eprint!("\r\x1b[K");
    }
}

/// Bytes of this process that are in memory, as the kernel counts them.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let rest = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / (1 << 20) as f64)
}

fn micros(ns: u64) -> String {
    format!("{:.1} us", ns as f64 / 1000.0)
}

/// The digits of a number in groups of three.
fn digits(number: u64) -> String {
    let plain = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in plain.chars().enumerate() {
        if at > 0 && (plain.len() - at).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_as_people_read_them() {
        let shown = [0, 999, 1000, 1_234_567].map(digits);
        assert_eq!(shown, ["0", "999", "1 000", "1 234 567"]);
        assert_eq!(micros(1_250), "1.2 us");
    }
}
