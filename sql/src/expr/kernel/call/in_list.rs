//! IN over constants: a set that is made once.

use std::sync::Arc;

use crate::column::{Column, Values};
use crate::error::SqlError;
use crate::expr::function::Argument;
use crate::expr::kernel::call::hash;
use crate::expr::kernel::strict;
use crate::expr::program::{Operand, Register};
use crate::limits::IN_LIST_MAX;

/// Constants up to which looking at each of them is the fastest.
const FEW: usize = 8;

/// A place of the table without a constant.
const EMPTY: u32 = u32::MAX;

/// The constants of an IN, each once.
#[derive(Clone, Debug)]
pub(in crate::expr) struct Set(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    values: Column,
    /// Places of values by hash, twice as many as there are values; none where they are few.
    table: Box<[u32]>,
    /// Whether NULL is among the constants: what is not found may yet be in.
    null: bool,
}

impl Set {
    pub(super) fn new(args: &[Argument<'_>]) -> Result<Set, SqlError> {
        let (of, listed) = (args[0].data_type, &args[1..]);
        if listed.len() > IN_LIST_MAX {
            return Err(SqlError::limit_exceeded("constants of an IN", listed.len(), IN_LIST_MAX));
        }
        let mut inner = Inner { values: Column::new(of), table: Box::new([]), null: false };
        let slots = (listed.len() * 2).next_power_of_two();
        let mut table = vec![EMPTY; slots];
        for arg in listed {
            let value = arg.constant.ok_or_else(|| {
                SqlError::out_of_range(format!("a constant of an IN is outside the range of {of}"))
            })?;
            if value.is_null() {
                inner.null = true;
                continue;
            }
            let row = inner.values.len();
            inner.values.push(value);
            let start = hash::of_value(&inner.values, row) as usize;
            let place = probe(&table, start, |other| inner.values.equal(other, &inner.values, row));
            match table[place] {
                EMPTY => table[place] = row as u32,
                _ => inner.values.truncate(row),
            }
        }
        if inner.values.len() > FEW {
            inner.table = table.into();
        }
        Ok(Set(Arc::new(inner)))
    }

    /// Whether both hold the same constants in the same order.
    pub(super) fn same(&self, other: &Set) -> bool {
        self.0.null == other.0.null && self.0.values == other.0.values
    }

    fn holds(&self, column: &Column, row: usize) -> bool {
        let Inner { values, table, .. } = &*self.0;
        if table.is_empty() {
            return (0..values.len()).any(|at| values.equal(at, column, row));
        }
        let start = hash::of_value(column, row) as usize;
        table[probe(table, start, |at| values.equal(at, column, row))] != EMPTY
    }
}

/// The first place from `start` on that is empty or that `found` says.
fn probe(table: &[u32], start: usize, found: impl Fn(usize) -> bool) -> usize {
    let mask = table.len() - 1;
    let mut place = start & mask;
    while table[place] != EMPTY && !found(table[place] as usize) {
        place = (place + 1) & mask;
    }
    place
}

/// True where found, NULL where not and NULL is among the constants.
pub(super) fn in_list(set: &Set, args: &[Operand<'_>], out: &mut Register) {
    strict(args, out);
    let column = args[0].column;
    match (column.values(), set.0.values.values()) {
        _ if !set.0.table.is_empty() => find(out, |row| set.holds(column, row)),
        (Values::I32(input), Values::I32(few)) => find(out, |row| few.contains(&input[row])),
        (Values::I64(input), Values::I64(few)) => find(out, |row| few.contains(&input[row])),
        (Values::Text(input), Values::Text(few)) => {
            find(out, |row| (0..few.len()).any(|at| few.equal(at, input, row)));
        }
        _ => find(out, |row| set.holds(column, row)),
    }
    if set.0.null {
        for row in 0..column.len() {
            if !out.column.bools().get(row) && !out.column.is_null(row) {
                out.column.set_null(row);
            }
        }
    }
}

fn find(out: &mut Register, found: impl Fn(usize) -> bool) {
    super::fill::truths(out, found);
}
