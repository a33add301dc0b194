//! Joins: every row of one side beside every row of the other.

use sluicedb_sql::Value;
use sluicedb_sql::expr::Expr;
use sluicedb_sql::plan::{JoinKind, Within};

use super::expr::{self, Failure};
use super::{Row, Unsupported};

/// A join, and how wide its sides are.
pub(super) struct Join<'a> {
    pub(super) kind: JoinKind,
    pub(super) keys: [&'a [usize]; 2],
    pub(super) widths: [usize; 2],
    pub(super) nulls_equal: bool,
    pub(super) condition: Option<&'a Expr>,
    pub(super) within: Option<Within>,
}

impl Join<'_> {
    pub(super) fn rows(&self, left: &[Row], right: &[Row]) -> Result<Vec<Row>, Unsupported> {
        let taken = |side: usize, rows: &[Row]| -> Vec<Row> {
            rows.iter().filter(|row| !self.refuses(side, row)).cloned().collect()
        };
        let (left, right) = (&taken(0, left)[..], &taken(1, right)[..]);
        let mut matched = [vec![false; left.len()], vec![false; right.len()]];
        let mut rows = Vec::new();
        for (at, l) in left.iter().enumerate() {
            for (other, r) in right.iter().enumerate() {
                if !self.equal(l, r) {
                    continue;
                }
                let values = [l.values.as_slice(), &r.values].concat();
                if !self.holds(&values)? {
                    continue;
                }
                matched[0][at] = true;
                matched[1][other] = true;
                if self.pairs() {
                    let tie = low(l.tie) << 64 | low(r.tie);
                    rows.push(Row { values, tie, behind: i64::MIN });
                }
            }
        }
        let [left_matched, right_matched] = matched;
        for (l, matched) in left.iter().zip(left_matched) {
            let values = |more: Vec<Value>| [l.values.clone(), more].concat();
            let values = match self.kind {
                JoinKind::Left | JoinKind::Full if !matched => values(nulls(self.widths[1])),
                JoinKind::Semi if matched => values(Vec::new()),
                JoinKind::Anti if !matched => values(Vec::new()),
                JoinKind::Mark => values(vec![Value::Boolean(matched)]),
                _ => continue,
            };
            let tie = if self.pairs() { low(l.tie) << 64 } else { low(l.tie) };
            rows.push(Row { values, tie, behind: i64::MIN });
        }
        let alone = |kind| matches!(kind, JoinKind::Right | JoinKind::Full);
        for (r, _) in right.iter().zip(right_matched).filter(|(_, matched)| !matched) {
            if alone(self.kind) {
                let values = [nulls(self.widths[0]), r.values.clone()].concat();
                rows.push(Row { values, tie: low(r.tie), behind: i64::MIN });
            }
        }
        Ok(rows)
    }

    /// Whether a row is too late: the watermark that it was behind had passed its time, and what it
    /// matches goes some time.
    fn refuses(&self, side: usize, row: &Row) -> bool {
        let Some(within) = self.within else { return false };
        let bound = if side == 0 { within.most_us } else { within.least_us };
        let time = match row.values[within.columns[side]] {
            Value::Timestamp(us) | Value::TimestampTz(us) => us,
            ref other => panic!("{other:?} is no event time"),
        };
        let passed = i128::from(row.behind) - i128::from(within.lags_us[side]);
        bound.is_some() && row.behind != i64::MIN && passed > i128::from(time)
    }

    fn pairs(&self) -> bool {
        use JoinKind::{Full, Inner, Left, Right};
        matches!(self.kind, Inner | Left | Right | Full)
    }

    /// Whether the keys are equal; a NULL is equal to a NULL at most.
    fn equal(&self, left: &Row, right: &Row) -> bool {
        let mut pairs = self.keys[0].iter().zip(self.keys[1]);
        pairs.all(|(&l, &r)| {
            let (l, r) = (&left.values[l], &right.values[r]);
            if l.is_null() || r.is_null() {
                return self.nulls_equal && l.is_null() && r.is_null();
            }
            l == r
        })
    }

    /// A condition that cannot be computed does not hold.
    fn holds(&self, values: &[Value]) -> Result<bool, Unsupported> {
        let Some(condition) = self.condition else { return Ok(true) };
        match expr::evaluate(condition, values) {
            Ok(value) => Ok(value == Value::Boolean(true)),
            Err(Failure::Row(_)) => Ok(false),
            Err(Failure::Unsupported(what)) => Err(Unsupported(what)),
        }
    }
}

/// Of a tie, what has room beside another.
fn low(tie: u128) -> u128 {
    tie & u128::from(u64::MAX)
}

fn nulls(width: usize) -> Vec<Value> {
    vec![Value::Null; width]
}
