//! Random windows, and what the other side reads in their place: a row for each window that a row
//! is in.

use super::expr::Grammar;
use super::text::Pair;

/// A window of a GROUP BY.
pub(super) struct Window {
    /// `tumble(ts, ..)`
    pub(super) call: String,
    kind: Kind,
}

enum Kind {
    Tumble { size_s: i64, offset_s: i64 },
    Hop { size_s: i64, slide_s: i64 },
    Cumulate { size_s: i64, step_s: i64 },
    Session { gap_s: i64 },
}

impl Grammar<'_> {
    pub(super) fn window(&mut self) -> Window {
        let prng = &mut *self.prng;
        let span = |seconds: i64| format!("INTERVAL '{seconds}' SECOND");
        let (call, kind, construct) = match prng.below(4) {
            0 => {
                let size_s = prng.range(1..40);
                let offset_s = if prng.chance(30) { prng.range(0..size_s) } else { 0 };
                let call = match offset_s {
                    0 if prng.chance(30) => format!("time_bucket('{size_s}s', ts)"),
                    0 => format!("tumble(ts, {})", span(size_s)),
                    _ => format!("tumble(ts, {}, {})", span(size_s), span(offset_s)),
                };
                (call, Kind::Tumble { size_s, offset_s }, "tumble")
            }
            1 => {
                let slide_s = prng.range(1..12);
                let size_s = slide_s + prng.range(0..30);
                let call = format!("hop(ts, size => {}, slide => {})", span(size_s), span(slide_s));
                (call, Kind::Hop { size_s, slide_s }, "hop")
            }
            2 => {
                let step_s = prng.range(1..12);
                let size_s = step_s * prng.range(1..7);
                let call = format!("cumulate(ts, {}, {})", span(step_s), span(size_s));
                (call, Kind::Cumulate { size_s, step_s }, "cumulate")
            }
            _ => {
                let gap_s = prng.range(1..8);
                (format!("session(ts, {})", span(gap_s)), Kind::Session { gap_s }, "session")
            }
        };
        self.uses(construct);
        Window { call, kind }
    }
}

impl Window {
    /// The relation that the other side groups by `window_start` and `window_end`. Its columns are
    /// those of `rows`, which is a SELECT, and these two.
    pub(super) fn exploded(&self, rows: &str, keys: &[Pair]) -> String {
        let span = |seconds: i64| format!("INTERVAL '{seconds} seconds'");
        let bin = |size: i64, offset: i64| {
            let origin = format!("TIMESTAMP '1970-01-01T00:00:{offset:02}'");
            format!("date_bin({}, ts, {origin})", span(size))
        };
        let spans = |spans: Vec<i64>| {
            let rows: Vec<String> = spans.into_iter().map(|s| format!("({})", span(s))).collect();
            format!("(VALUES {}) AS o(apart)", rows.join(", "))
        };
        match self.kind {
            Kind::Tumble { size_s, offset_s } => {
                let start = bin(size_s, offset_s);
                format!(
                    "(SELECT w.*, {start} AS window_start, {start} + {} AS window_end FROM ({rows}) AS w)",
                    span(size_s)
                )
            }
            Kind::Hop { size_s, slide_s } => {
                let apart = (0..size_s).step_by(slide_s as usize).collect();
                let (start, size) = (format!("{} - o.apart", bin(slide_s, 0)), span(size_s));
                format!(
                    "(SELECT w.*, {start} AS window_start, {start} + {size} AS window_end FROM ({rows}) AS w CROSS JOIN {} WHERE w.ts < {start} + {size})",
                    spans(apart)
                )
            }
            Kind::Cumulate { size_s, step_s } => {
                let apart = (1..=size_s / step_s).map(|steps| steps * step_s).collect();
                let start = bin(size_s, 0);
                format!(
                    "(SELECT w.*, {start} AS window_start, {start} + o.apart AS window_end FROM ({rows}) AS w CROSS JOIN {} WHERE w.ts < {start} + o.apart)",
                    spans(apart)
                )
            }
            Kind::Session { gap_s } => sessions(rows, keys, &span(gap_s)),
        }
    }
}

/// A session begins where the row before, of the same keys, is a gap or more behind.
fn sessions(rows: &str, keys: &[Pair], gap: &str) -> String {
    let keys: Vec<&str> = keys.iter().map(|key| key.theirs.as_str()).collect();
    let by =
        if keys.is_empty() { String::new() } else { format!("PARTITION BY {} ", keys.join(", ")) };
    let within = if by.is_empty() {
        "PARTITION BY session ".to_owned()
    } else {
        by.replacen("PARTITION BY ", "PARTITION BY session, ", 1)
    };
    let begins = format!(
        "SELECT w.*, CASE WHEN ts < lag(ts) OVER ({by}ORDER BY ts) + {gap} THEN 0 ELSE 1 END AS begins FROM ({rows}) AS w"
    );
    let numbered = format!(
        "SELECT b.*, sum(begins) OVER ({by}ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS session FROM ({begins}) AS b"
    );
    format!(
        "(SELECT n.*, min(ts) OVER ({}) AS window_start, max(ts) OVER ({0}) + {gap} AS window_end FROM ({numbered}) AS n)",
        within.trim_end()
    )
}
