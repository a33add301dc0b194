//! How far apart in event time rows are that a join puts together, as its condition says it.

use crate::expr::{BinaryOp, Expr};
use crate::plan::{EventTime, JoinSpec, Node};
use crate::schema::Schema;
use crate::time_unit::TimeUnit;
use crate::types::DataType;
use crate::value::Value;

const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;

/// Rows of both sides that match are no further apart in event time than this, so that the watermark
/// tells when a row can have no further match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Within {
    /// The column of either side.
    pub columns: [usize; 2],
    /// How far behind the watermark the values of either column may be.
    pub lags_us: [i64; 2],
    /// The least that the time of the left row is ahead of that of the right one; negative where it
    /// may be behind.
    pub least_us: Option<i64>,
    /// The most that it is.
    pub most_us: Option<i64>,
}

impl Within {
    /// How far ahead of a row of this side its matches are at most; any where nothing says so.
    pub const fn ahead_us(&self, side: usize) -> Option<i64> {
        match (side, self.least_us) {
            (0, Some(least)) => least.checked_neg(),
            (0, None) => None,
            _ => self.most_us,
        }
    }

    /// Whether rows of a side go when the watermark has passed all that could match them.
    pub const fn frees(&self, side: usize) -> bool {
        self.ahead_us(side).is_some()
    }

    /// Whether rows of a side are refused that are behind the watermark: what they match may be gone.
    pub const fn refuses(&self, side: usize) -> bool {
        self.frees(1 - side)
    }

    /// The columns of a join that follow the least watermark of both sides, given how many the left
    /// side has and of which sides no value is missing in a row.
    ///
    /// A row is put out, or taken back, when a row of either side comes: its time is that of the row
    /// that comes, or less than that by what they may be apart.
    pub(super) fn times(&self, left_columns: usize, whole: [bool; 2]) -> Vec<EventTime> {
        if !self.frees(0) || !self.frees(1) {
            return Vec::new();
        }
        let time = |side: usize| {
            let ahead = self.ahead_us(side)?;
            let lag_us = self.lags_us[1 - side].checked_add(ahead)?.max(self.lags_us[side]);
            Some(EventTime::new(side * left_columns + self.columns[side], lag_us))
        };
        [0, 1].into_iter().filter(|side| whole[*side]).filter_map(time).collect()
    }

    /// What keys and condition say of two columns that have event time; of several pairs the first that
    /// bounds both sides.
    pub(super) fn of(spec: &JoinSpec, sides: [&Node; 2], both: &Schema) -> Option<Within> {
        let mut pairs = Vec::new();
        let equal = spec.keys.iter().filter(|_| !spec.nulls_equal);
        for &(left, right) in equal {
            note(&mut pairs, sides, [left, right], [Some(0), Some(0)]);
        }
        if let Some(condition) = &spec.condition {
            let mut found = Found { sides, both, pairs };
            found.conjunct(condition);
            pairs = found.pairs;
        }
        let bounds_both = |within: &&Within| within.frees(0) && within.frees(1);
        pairs.iter().find(bounds_both).or(pairs.first()).copied()
    }
}

/// What was found so far.
struct Found<'a> {
    sides: [&'a Node; 2],
    both: &'a Schema,
    pairs: Vec<Within>,
}

impl Found<'_> {
    /// Looks at what must hold.
    fn conjunct(&mut self, expr: &Expr) {
        let Expr::Binary { op, left, right } = expr else { return };
        if *op == BinaryOp::And {
            self.conjunct(left);
            return self.conjunct(right);
        }
        let (Some(left), Some(right)) = (self.moved(left), self.moved(right)) else { return };
        // What the left operand is ahead of the right one, at least and at most.
        let (least, most) = match op {
            BinaryOp::Eq => (Some(0), Some(0)),
            BinaryOp::Lt => (None, Some(-1)),
            BinaryOp::LtEq => (None, Some(0)),
            BinaryOp::Gt => (Some(1), None),
            BinaryOp::GtEq => (Some(0), None),
            _ => return,
        };
        let Some(moved) = right.1.checked_sub(left.1) else { return };
        let [least, most] = [least, most].map(|us: Option<i64>| us?.checked_add(moved));
        let width = self.sides[0].schema.len();
        match (left.0 < width, right.0 < width) {
            (true, false) => {
                note(&mut self.pairs, self.sides, [left.0, right.0 - width], [least, most]);
            }
            (false, true) => {
                let turned = [most, least].map(|us| us?.checked_neg());
                note(&mut self.pairs, self.sides, [right.0, left.0 - width], turned);
            }
            _ => {}
        }
    }

    /// A column of moments, and what is added to it.
    fn moved(&self, expr: &Expr) -> Option<(usize, i64)> {
        match expr {
            Expr::Column(column) => {
                let is_moment = matches!(
                    self.both.field(*column).data_type,
                    DataType::Timestamp | DataType::TimestampTz
                );
                is_moment.then_some((*column, 0))
            }
            Expr::Binary { op: BinaryOp::Add, left, right } => {
                let (moment, by) = match self.span(right) {
                    Some(by) => (left, by),
                    None => (right, self.span(left)?),
                };
                let (column, moved) = self.moved(moment)?;
                Some((column, moved.checked_add(by)?))
            }
            Expr::Binary { op: BinaryOp::Sub, left, right } => {
                let (column, moved) = self.moved(left)?;
                Some((column, moved.checked_sub(self.span(right)?)?))
            }
            _ => None,
        }
    }

    /// The length of an interval that is the same everywhere: months are not.
    fn span(&self, expr: &Expr) -> Option<i64> {
        let Expr::Literal(Value::Interval(interval), _) = expr else { return None };
        let days = i64::from(interval.days()).checked_mul(DAY_US)?;
        (interval.months() == 0).then(|| days.checked_add(interval.micros()))?
    }
}

/// Adds what is known of a pair of columns, if both have event time.
fn note(pairs: &mut Vec<Within>, sides: [&Node; 2], columns: [usize; 2], said: [Option<i64>; 2]) {
    let time = |side: usize| {
        let time = sides[side].time_of(columns[side])?;
        let always = !sides[side].schema.field(columns[side]).nullable;
        (always && time.unit == TimeUnit::Micros).then_some(time.lag_us)
    };
    let (Some(left), Some(right)) = (time(0), time(1)) else { return };
    let [least_us, most_us] = said;
    match pairs.iter_mut().find(|pair| pair.columns == columns) {
        Some(pair) => {
            // No bound is below every bound, and above none.
            pair.least_us = pair.least_us.max(least_us);
            pair.most_us = match (pair.most_us, most_us) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
        None => pairs.push(Within { columns, lags_us: [left, right], least_us, most_us }),
    }
}
