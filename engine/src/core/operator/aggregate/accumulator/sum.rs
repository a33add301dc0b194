//! SUM and AVG of integers and decimals, exact in 256 bits.
//!
//! State: the number of values, then their sum in the units of the argument.

use sluicedb_sql::column::Values;
use sluicedb_sql::{Column, DataType, decimal};

use super::rows::Rows;
use super::wide::{WIDE_BYTES, Wide};
use super::{Entry, Store};

/// Bytes of the state.
pub(super) const SUM_BYTES: usize = SUM_AT + WIDE_BYTES;

const SUM_AT: usize = 8;

/// What is made of number and sum.
#[derive(Clone, Copy, Debug)]
pub(super) enum Total {
    /// The sum itself.
    Sum,
    /// The mean; the argument's units are multiplied by `factor` first.
    Mean { factor: u64 },
}

/// A sum or mean of one column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sum {
    column: usize,
    total: Total,
    output: DataType,
}

impl Sum {
    /// The sum, or the mean, of `column`.
    pub(super) fn new(input: DataType, column: usize, output: DataType, mean: bool) -> Sum {
        let scale = |data_type| match data_type {
            DataType::Decimal { scale, .. } => scale,
            _ => 0,
        };
        let shift = scale(output).checked_sub(scale(input));
        let shift = shift.expect("a result has at least the digits of its argument");
        assert!(mean || shift == 0, "a sum has the scale of its argument");
        // At most 10^16, the scale of a quotient of integers.
        let factor = u64::try_from(decimal::power(shift)).expect("a mean adds at most 16 digits");
        let total = if mean { Total::Mean { factor } } else { Total::Sum };
        Sum { column, total, output }
    }

    pub(super) fn update(&self, store: &mut Store<'_>, rows: Rows<'_>) {
        let column = &rows.columns[self.column];
        if rows.plain() && !column.has_nulls() {
            match column.values() {
                Values::I32(values) => {
                    return add_plain(store, rows.entries, |row| i64::from(values[row]));
                }
                Values::I64(values) => return add_plain(store, rows.entries, |row| values[row]),
                _ => {}
            }
        }
        match column.values() {
            Values::I32(values) => self.add(store, rows, |row| i128::from(values[row])),
            Values::I64(values) => self.add(store, rows, |row| i128::from(values[row])),
            Values::I128(values) => self.add(store, rows, |row| values[row]),
            _ => unreachable!("the plan lets only numbers be summed"),
        }
    }

    #[inline]
    fn add(&self, store: &mut Store<'_>, rows: Rows<'_>, value: impl Fn(usize) -> i128) {
        let column = &rows.columns[self.column];
        for entry in rows.entries {
            let row = entry.row as usize;
            if !column.is_null(row) {
                let weight = rows.weight(row);
                merge(
                    store.entry_mut::<SUM_BYTES>(entry),
                    weight,
                    Wide::product(value(row), weight),
                );
            }
        }
    }

    /// Adds one group's state to another's.
    pub(super) fn merge(from: &[u8], into: &mut [u8]) {
        merge(into, count(from), Wide::read(&from[SUM_AT..]));
    }

    /// Whether the result has a place in its type.
    pub(super) fn fits(&self, state: &[u8]) -> bool {
        count(state) == 0 || count(state) > 0 && self.result(state).is_some()
    }

    /// Appends the result.
    pub(super) fn push(&self, state: &[u8], out: &mut Column) {
        if count(state) == 0 {
            return out.push_null();
        }
        let result = self.result(state).expect("only groups whose results fit are put out");
        match self.output {
            DataType::BigInt => out.push_i64(result as i64),
            _ => out.push_i128(result),
        }
    }

    #[inline]
    fn result(&self, state: &[u8]) -> Option<i128> {
        let sum = Wide::read(&state[SUM_AT..]);
        let result = match self.total {
            Total::Sum => sum.narrow()?,
            Total::Mean { factor } => sum.scaled_quotient(factor, count(state))?,
        };
        let fits = match self.output {
            DataType::BigInt => i64::try_from(result).is_ok(),
            DataType::Decimal { precision, .. } => decimal::fits(result, precision),
            other => unreachable!("no sum is {other}"),
        };
        fits.then_some(result)
    }
}

/// Adds a value of each row, each once.
#[inline]
fn add_plain(store: &mut Store<'_>, entries: &[Entry], value: impl Fn(usize) -> i64) {
    for entry in entries {
        let state = store.entry_mut::<SUM_BYTES>(entry);
        super::add_i64(state, 1);
        Wide::add_i64(&mut state[SUM_AT..], value(entry.row as usize));
    }
}

#[inline]
fn merge(state: &mut [u8], count: i64, sum: Wide) {
    super::add_i64(state, count);
    Wide::read(&state[SUM_AT..]).plus(sum).write(&mut state[SUM_AT..]);
}

fn count(state: &[u8]) -> i64 {
    super::i64_at(state, 0)
}
