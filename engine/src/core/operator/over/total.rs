//! An aggregate of the rows of a frame, which grows with the frame.

use std::cmp::Ordering;

use sluicedb_sql::column::Values;
use sluicedb_sql::interval::span_of;
use sluicedb_sql::plan::Function;
use sluicedb_sql::value::compare_doubles;
use sluicedb_sql::{Column, DataType, decimal};

use crate::core::operator::aggregate::Wide;

/// What is known of the rows that were added.
pub(super) struct Total<'a> {
    function: Function,
    argument: Option<&'a Column>,
    filter: Option<&'a Column>,
    count: i64,
    sum: Wide,
    double: f64,
    /// Whether all doubles that were added are finite.
    finite: bool,
    /// The row of the least or the greatest value.
    best: Option<usize>,
    trues: i64,
}

impl<'a> Total<'a> {
    pub(super) fn new(
        function: Function,
        argument: Option<&'a Column>,
        filter: Option<&'a Column>,
    ) -> Total<'a> {
        let (sum, best) = (Wide::default(), None);
        Total {
            function,
            argument,
            filter,
            count: 0,
            sum,
            double: 0.0,
            finite: true,
            best,
            trues: 0,
        }
    }

    /// Forgets all rows.
    pub(super) fn clear(&mut self) {
        *self = Total::new(self.function, self.argument, self.filter);
    }

    /// Adds a row.
    pub(super) fn add(&mut self, row: usize) {
        let passes = |filter: &Column| !filter.is_null(row) && filter.bools().get(row);
        if !self.filter.is_none_or(passes) {
            return;
        }
        let Some(column) = self.argument else {
            self.count += 1;
            return;
        };
        if column.is_null(row) {
            return;
        }
        self.count += 1;
        match self.function {
            Function::Sum | Function::Avg => self.add_number(column, row),
            Function::Min => self.offer(column, row, Ordering::Less),
            Function::Max => self.offer(column, row, Ordering::Greater),
            Function::BoolAnd | Function::BoolOr => {
                self.trues += i64::from(column.bools().get(row));
            }
            _ => {}
        }
    }

    fn add_number(&mut self, column: &Column, row: usize) {
        let exact = match column.values() {
            Values::I32(values) => i128::from(values[row]),
            Values::I64(values) => i128::from(values[row]),
            Values::I128(values) => values[row],
            Values::F64(values) => {
                self.double += values[row];
                self.finite &= values[row].is_finite();
                return;
            }
            Values::Bool(_) | Values::Text(_) => {
                unreachable!("the plan lets only numbers be summed")
            }
        };
        self.sum = self.sum.plus(Wide::product(exact, 1));
    }

    fn offer(&mut self, column: &Column, row: usize, wanted: Ordering) {
        if self.best.is_none_or(|best| compare(column, row, best) == wanted) {
            self.best = Some(row);
        }
    }

    /// Appends the result; false, and NULL is there, if it does not fit.
    pub(super) fn push(&self, out: &mut Column) -> bool {
        match self.function {
            Function::Count | Function::CountRows => out.push_i64(self.count),
            _ if self.count == 0 => out.push_null(),
            Function::Min | Function::Max => {
                let column = self.argument.expect("it has an argument");
                out.push_from(column, self.best.expect("a value was added"));
            }
            Function::BoolAnd => out.push_bool(self.trues == self.count),
            Function::BoolOr => out.push_bool(self.trues > 0),
            _ => return self.push_sum(out),
        }
        true
    }

    fn push_sum(&self, out: &mut Column) -> bool {
        let mean = self.function == Function::Avg;
        let scale = |data_type| match data_type {
            DataType::Decimal { scale, .. } => scale,
            _ => 0,
        };
        let argument = self.argument.expect("it has an argument").data_type();
        let output = out.data_type();
        if let DataType::Real | DataType::Double = output {
            let result = if mean { self.double / self.count as f64 } else { self.double };
            let result = if output == DataType::Real { f64::from(result as f32) } else { result };
            let fits = result.is_finite() || !self.finite;
            if fits {
                out.push_f64(result)
            } else {
                out.push_null()
            }
            return fits;
        }
        let result = if mean {
            let factor = decimal::power(scale(output) - scale(argument));
            let factor = u64::try_from(factor).expect("a mean adds at most 16 digits");
            self.sum.scaled_quotient(factor, self.count)
        } else {
            self.sum.narrow()
        };
        match (output, result) {
            (DataType::BigInt, Some(sum)) if i64::try_from(sum).is_ok() => out.push_i64(sum as i64),
            (DataType::Decimal { precision, .. }, Some(sum)) if decimal::fits(sum, precision) => {
                out.push_i128(sum);
            }
            _ => {
                out.push_null();
                return false;
            }
        }
        true
    }
}

/// Orders two values of a column, neither of them NULL.
fn compare(column: &Column, left: usize, right: usize) -> Ordering {
    match column.values() {
        Values::Bool(bits) => bits.get(left).cmp(&bits.get(right)),
        Values::I32(values) => values[left].cmp(&values[right]),
        Values::I64(values) => values[left].cmp(&values[right]),
        Values::F64(values) => compare_doubles(values[left], values[right]),
        Values::I128(values) if column.data_type() == DataType::Interval => {
            span_of(values[left]).cmp(&span_of(values[right]))
        }
        Values::I128(values) => values[left].cmp(&values[right]),
        Values::Text(texts) => texts.bytes(left).cmp(texts.bytes(right)),
    }
}
