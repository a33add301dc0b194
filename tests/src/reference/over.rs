//! Results of each row over the rows of its partition, row by row and frame by frame.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use sluicedb_sql::Value;
use sluicedb_sql::plan::{Edge, Frame, Function, OrderBy, OverCall, OverFunction, Unit};

use super::top::order;
use super::{Row, Unsupported};

/// What is computed of each row.
pub(super) struct Over<'a> {
    pub(super) partition: &'a [usize],
    pub(super) by: &'a [OrderBy],
    pub(super) calls: &'a [OverCall],
    /// Whether rows that the order leaves alike follow as they came.
    pub(super) as_they_came: bool,
}

impl Over<'_> {
    pub(super) fn rows(&self, rows: &[Row]) -> Result<Vec<Row>, Unsupported> {
        let mut partitions: BTreeMap<Vec<Value>, Vec<&Row>> = BTreeMap::new();
        for row in rows {
            let key = self.partition.iter().map(|&column| row.values[column].clone());
            partitions.entry(key.collect()).or_default().push(row);
        }
        let mut out = Vec::new();
        for mut rows in partitions.into_values() {
            let tie = |row: &Row| if self.as_they_came { row.tie } else { 0 };
            rows.sort_by(|left, right| {
                order(self.by, left, right)
                    .then_with(|| tie(left).cmp(&tie(right)))
                    .then_with(|| left.values.cmp(&right.values))
            });
            for (at, row) in rows.iter().enumerate() {
                let mut values = row.values.clone();
                for call in self.calls {
                    values.push(self.result(call, &rows, at)?);
                }
                out.push(Row { values, tie: 0, behind: i64::MIN });
            }
        }
        Ok(out)
    }

    fn result(&self, call: &OverCall, rows: &[&Row], at: usize) -> Result<Value, Unsupported> {
        let before = |other: &&&Row| order(self.by, other, rows[at]) == Ordering::Less;
        let in_front = rows.iter().filter(before).count();
        let not_behind = || {
            let upto = |other: &&&Row| order(self.by, other, rows[at]) != Ordering::Greater;
            rows.iter().filter(upto).count()
        };
        let argument = |row: usize| rows[row].values[call.argument.expect("it takes one")].clone();
        let or_null = |found: Option<usize>| found.map_or(Value::Null, argument);
        let frame = || self.frame(&call.frame, rows, at);
        Ok(match call.function {
            OverFunction::RowNumber => Value::BigInt(at as i64 + 1),
            OverFunction::Rank => Value::BigInt(in_front as i64 + 1),
            OverFunction::DenseRank => {
                let groups = (1..in_front)
                    .filter(|&row| order(self.by, rows[row - 1], rows[row]).is_ne())
                    .count();
                Value::BigInt(groups as i64 + 1 + i64::from(in_front > 0))
            }
            OverFunction::PercentRank => {
                Value::Double(in_front as f64 / (rows.len() - 1).max(1) as f64)
            }
            OverFunction::CumeDist => Value::Double(not_behind() as f64 / rows.len() as f64),
            OverFunction::Ntile(parts) => {
                // Parts take turns until no row is left: the first ones have one more.
                let sizes: Vec<usize> = (0..parts as usize)
                    .map(|part| (part..rows.len()).step_by(parts as usize).count())
                    .collect();
                let mut behind = at;
                let part = sizes.iter().position(|&size| {
                    let here = behind < size;
                    behind = behind.saturating_sub(size);
                    here
                });
                Value::BigInt(part.expect("each row is in one part") as i64 + 1)
            }
            OverFunction::Lag(distance) => {
                let other = at as i64 - distance;
                let there = usize::try_from(other).ok().filter(|&other| other < rows.len());
                match (there, call.default) {
                    (None, Some(default)) => rows[at].values[default].clone(),
                    (there, _) => or_null(there),
                }
            }
            OverFunction::FirstValue => or_null(frame().first().copied()),
            OverFunction::LastValue => or_null(frame().last().copied()),
            OverFunction::NthValue(number) => or_null(frame().get(number as usize - 1).copied()),
            OverFunction::Aggregate(function) => {
                let passes = |row: &usize| {
                    call.filter.is_none_or(|of| rows[*row].values[of] == Value::Boolean(true))
                };
                let frame: Vec<usize> = frame().into_iter().filter(passes).collect();
                if function == Function::CountRows {
                    return Ok(Value::BigInt(frame.len() as i64));
                }
                let values: Vec<Value> =
                    frame.into_iter().map(argument).filter(|value| !value.is_null()).collect();
                return aggregate(function, &values);
            }
        })
    }

    /// The rows that a frame has: each is asked whether it is in it.
    fn frame(&self, frame: &Frame, rows: &[&Row], at: usize) -> Vec<usize> {
        let is_in = |other: &usize| {
            let begins = self.reaches(frame, frame.start, rows, (at, *other), true);
            begins && self.reaches(frame, frame.end, rows, (at, *other), false)
        };
        (0..rows.len()).filter(is_in).collect()
    }

    /// Whether a row is not in front of where a frame begins, or not behind where it ends.
    fn reaches(
        &self,
        frame: &Frame,
        edge: Edge,
        rows: &[&Row],
        (at, other): (usize, usize),
        begins: bool,
    ) -> bool {
        let units = match edge {
            Edge::First => return begins,
            Edge::Last => return !begins,
            Edge::Before(units) => -units,
            Edge::Current => 0,
            Edge::After(units) => units,
        };
        let distance = match frame.unit {
            Unit::Rows => other as i128 - at as i128,
            Unit::Groups => self.group(rows, other) - self.group(rows, at),
            Unit::Range => {
                let by_place = (other as i128 - at as i128).signum();
                if order(self.by, rows[at], rows[other]).is_eq()
                    && (units == 0 || self.key(rows[at]).is_none())
                {
                    return true;
                }
                match (edge, self.key(rows[at]), self.key(rows[other])) {
                    (Edge::Current, ..) | (_, None, _) | (_, _, None) => {
                        return if begins { by_place > 0 } else { by_place < 0 };
                    }
                    (_, Some(own), Some(key)) if self.by[0].descending => own - key,
                    (_, Some(own), Some(key)) => key - own,
                }
            }
        };
        if begins { distance >= units } else { distance <= units }
    }

    fn group(&self, rows: &[&Row], at: usize) -> i128 {
        let begins = |row: &usize| order(self.by, rows[row - 1], rows[*row]).is_ne();
        (1..=at).filter(begins).count() as i128
    }

    fn key(&self, row: &Row) -> Option<i128> {
        match row.values[self.by.first()?.column] {
            Value::SmallInt(value) => Some(i128::from(value)),
            Value::Int(value) => Some(i128::from(value)),
            Value::BigInt(value) => Some(i128::from(value)),
            Value::Date(value) => Some(i128::from(value)),
            Value::Time(value) | Value::Timestamp(value) | Value::TimestampTz(value) => {
                Some(i128::from(value))
            }
            Value::Decimal { units, .. } => Some(units),
            _ => None,
        }
    }
}

/// An aggregate of values that are not NULL.
fn aggregate(function: Function, values: &[Value]) -> Result<Value, Unsupported> {
    let unknown = || Unsupported(format!("{function} OVER"));
    Ok(match function {
        Function::Count => Value::BigInt(values.len() as i64),
        Function::Min => values.iter().min().cloned().unwrap_or(Value::Null),
        Function::Max => values.iter().max().cloned().unwrap_or(Value::Null),
        Function::Sum => match values.first() {
            None => Value::Null,
            Some(Value::Int(_)) => {
                let of = |value: &Value| {
                    if let Value::Int(value) = value { i64::from(*value) } else { 0 }
                };
                Value::BigInt(values.iter().map(of).sum())
            }
            Some(Value::BigInt(_)) => {
                let of = |value: &Value| {
                    if let Value::BigInt(value) = value { i128::from(*value) } else { 0 }
                };
                Value::Decimal { units: values.iter().map(of).sum(), scale: 0 }
            }
            Some(_) => return Err(unknown()),
        },
        _ => return Err(unknown()),
    })
}
