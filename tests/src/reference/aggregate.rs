//! Groups of rows, in windows or not.

use std::collections::BTreeMap;

use sluicedb_sql::plan::{Call, Emit, Window};
use sluicedb_sql::{DataType, Schema, Value};

use super::function::result;
use super::window::{Span, covering};
use super::{Known, Row};

/// An aggregate of a plan.
pub(super) struct Aggregate<'a> {
    pub(super) window: Option<&'a Window>,
    /// How far the window's time column stays behind the watermark; `None` where it does not
    /// follow one.
    pub(super) lag_us: Option<i64>,
    pub(super) keys: &'a [usize],
    pub(super) calls: &'a [Call],
    /// The columns of the input.
    pub(super) argument_types: &'a Schema,
    /// Whether rows of the input may be taken back.
    pub(super) retracts: bool,
    pub(super) emit: Emit,
    pub(super) lateness_us: i64,
}

/// The window, if there are any, and the keys.
type Group = (Option<Span>, Vec<Value>);

/// The rows of each group.
type Grouped<'a> = BTreeMap<Group, Vec<&'a Row>>;

impl Aggregate<'_> {
    /// One row for each group that is put out. A group with a result that does not fit its type
    /// is withheld.
    pub(super) fn groups(&self, input: &Known) -> Vec<Row> {
        let mut groups = Grouped::new();
        if self.window.is_none() && self.keys.is_empty() {
            groups.insert((None, Vec::new()), Vec::new());
        }
        for row in &input.rows {
            let keys: Vec<Value> = self.keys.iter().map(|&key| row.values[key].clone()).collect();
            for span in self.counts_in(row) {
                groups.entry((span, keys.clone())).or_default().push(row);
            }
        }
        if let Some(Window::Session { time, gap_us }) = self.window {
            groups = sessions(groups, *time, *gap_us);
        }
        let shown = groups.into_iter().filter(|((span, _), _)| self.shows(*span, input.watermark));
        let rows = shown.filter_map(|((span, keys), rows)| {
            let moment = |time| match self.window.map(|own| self.time_type(own)) {
                Some(DataType::TimestampTz) => Value::TimestampTz(time),
                _ => Value::Timestamp(time),
            };
            let ends = span.map(|span| [span.start, span.end].map(moment));
            let result = |call| result(call, self.argument_types, &rows, self.retracts);
            let results = self.calls.iter().map(result);
            let results: Vec<Value> = results.collect::<Option<_>>()?;
            let values = ends.into_iter().flatten().chain(keys).chain(results).collect();
            Some(Row { values, tie: 0, behind: i64::MIN })
        });
        rows.collect()
    }

    /// The rows that are too late for every window that holds them.
    pub(super) fn late(&self, rows: &[Row]) -> Vec<Row> {
        let is_late = |row: &&Row| {
            let spans = self.covering(row);
            !spans.is_empty() && spans.iter().all(|span| self.is_late(row, *span))
        };
        rows.iter().filter(is_late).cloned().collect()
    }

    /// The windows, or the one group without window, that a row belongs to.
    fn counts_in(&self, row: &Row) -> Vec<Option<Span>> {
        if self.window.is_none() {
            return vec![None];
        }
        let spans = self.covering(row).into_iter();
        spans.filter(|span| !self.is_late(row, *span)).map(Some).collect()
    }

    fn covering(&self, row: &Row) -> Vec<Span> {
        let Some(window) = self.window else { return Vec::new() };
        let time = time_of(row, *window.time());
        time.map_or_else(Vec::new, |time| covering(window, time))
    }

    fn time_type(&self, window: &Window) -> DataType {
        self.argument_types.field(*window.time()).data_type
    }

    /// Whether the row came after the window had stopped taking rows.
    fn is_late(&self, row: &Row, span: Span) -> bool {
        let Some(lag_us) = self.lag_us else { return false };
        let column_watermark = i128::from(row.behind) - i128::from(lag_us);
        let end = match self.window {
            // A session goes on where it was: its row is late once it is behind the watermark.
            Some(Window::Session { .. }) => i128::from(span.start) + 1,
            _ => i128::from(span.end),
        };
        let until = end + i128::from(self.lateness_us);
        row.behind != i64::MIN && until <= column_watermark
    }

    /// Whether groups of the window are put out once the watermark is there.
    fn shows(&self, span: Option<Span>, watermark: i64) -> bool {
        match (self.emit, span, self.lag_us) {
            (Emit::Changes, _, _) => true,
            (Emit::OnClose, Some(span), Some(lag_us)) => {
                let column_watermark = i128::from(watermark) - i128::from(lag_us);
                watermark != i64::MIN && i128::from(span.end) <= column_watermark
            }
            (Emit::OnClose, _, _) => unreachable!("the builder refuses what never closes"),
        }
    }
}

fn time_of(row: &Row, column: usize) -> Option<i64> {
    match row.values[column] {
        Value::Timestamp(time) | Value::TimestampTz(time) => Some(time),
        _ => None,
    }
}

/// Puts the groups of single moments together, key by key, while they are less than a gap apart.
fn sessions(moments: Grouped<'_>, time: usize, gap_us: i64) -> Grouped<'_> {
    let mut keys: BTreeMap<Vec<Value>, Vec<&Row>> = BTreeMap::new();
    for ((_, key), rows) in moments {
        keys.entry(key).or_default().extend(rows);
    }
    let at = |row: &Row| time_of(row, time).expect("a row without a time is in no window");
    let mut groups = Grouped::new();
    for (key, mut rows) in keys {
        rows.sort_by_key(|row| at(row));
        let apart =
            |left: &&Row, right: &&Row| at(right).abs_diff(at(left)) < gap_us.unsigned_abs();
        for session in rows.chunk_by(apart) {
            let (first, last) = (session[0], session[session.len() - 1]);
            let span = Span { start: at(first), end: at(last) + gap_us };
            groups.insert((Some(span), key.clone()), session.to_vec());
        }
    }
    groups
}
