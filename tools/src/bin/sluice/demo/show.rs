//! What the demo prints.

use std::io::{self, Write};
use std::time::Duration;

use hdrhistogram::Histogram;
use sluicedb::db::Database;
use sluicedb::shell::Runtime;

use super::feed::{Fed, NAMED, Pace, SYMBOLS};
use super::meter::Meter;
use super::query::{Bar, SECOND_US};

/// Where it runs.
pub(super) fn start(out: &mut dyn Write, db: &Database) -> io::Result<()> {
    writeln!(out, "A database in memory on {}.", runs_on(db))?;
    let shown = NAMED.len();
    writeln!(out, "Trades of {SYMBOLS} symbols; of each second {shown} are shown when it closes.")
}

/// Prints seconds that have closed.
pub(super) fn bars(out: &mut dyn Write, closed: &mut Vec<Bar>) -> io::Result<()> {
    closed.sort_by(|a, b| (a.window_start, &a.symbol).cmp(&(b.window_start, &b.symbol)));
    for second in closed.chunk_by(|a, b| a.window_start == b.window_start) {
        let trades = second.iter().map(|bar| bar.trades as u64).sum();
        let (time, trades) = (time_of_day(second[0].window_start), digits(trades));
        writeln!(out, "\n{time}  {trades} trades of {} symbols", second.len())?;
        let [o, h, l, c] = ["open", "high", "low", "close"];
        writeln!(out, "  symbol {o:>9} {h:>9} {l:>9} {c:>9} {:>11} {:>9}", "VWAP", "trades")?;
        for bar in second.iter().filter(|bar| NAMED.contains(&bar.symbol.as_str())) {
            let Bar { symbol, trades, .. } = bar;
            let [o, h, l, c] = [bar.open, bar.high, bar.low, bar.close].map(|p| money(p, 2));
            let (vwap, trades) = (money(bar.vwap, 4), digits(*trades as u64));
            writeln!(out, "  {symbol:<6} {o:>9} {h:>9} {l:>9} {c:>9} {vwap:>11} {trades:>9}")?;
        }
    }
    closed.clear();
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
        "\nOther figures, with their spread: cargo run --release -p sluicedb-bench -- --help"
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

fn money(units: i128, scale: u32) -> String {
    let unit = 10_i128.pow(scale);
    format!("{}.{:02$}", units / unit, units % unit, scale as usize)
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

/// In UTC.
fn time_of_day(us: i64) -> String {
    let seconds = us.div_euclid(SECOND_US).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_as_people_read_them() {
        let shown = [0, 999, 1000, 1_234_567].map(digits);
        assert_eq!(shown, ["0", "999", "1 000", "1 234 567"]);
        assert_eq!(money(10_107, 2), "101.07");
        assert_eq!(money(1_000_500, 4), "100.0500");
        assert_eq!(time_of_day(3_661 * SECOND_US), "01:01:01");
        assert_eq!(micros(1_250), "1.2 us");
    }
}
