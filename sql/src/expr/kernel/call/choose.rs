//! Functions that choose among their arguments or ask whether they are NULL.

use std::cmp::Ordering;

use crate::column::{Column, Values};
use crate::decimal;
use crate::expr::kernel::call::fill::truths;
use crate::expr::kernel::call::texts::spread_failures;
use crate::expr::program::{Operand, Register};
use crate::interval::span_of;
use crate::types::DataType;
use crate::value::compare_doubles;

/// The order of two values, neither of them NULL, of columns that are compared.
pub(super) fn order(left: &Column, right: &Column, row: usize) -> Ordering {
    match (left.values(), right.values()) {
        (Values::Bool(left), Values::Bool(right)) => left.get(row).cmp(&right.get(row)),
        (Values::I32(left), Values::I32(right)) => left[row].cmp(&right[row]),
        (Values::I64(left), Values::I64(right)) => left[row].cmp(&right[row]),
        (Values::F64(left), Values::F64(right)) => compare_doubles(left[row], right[row]),
        (Values::I128(l), Values::I128(r)) => match (left.data_type(), right.data_type()) {
            (DataType::Decimal { scale: left, .. }, DataType::Decimal { scale: right, .. }) => {
                decimal::compare(l[row], left, r[row], right)
            }
            (DataType::Interval, _) => span_of(l[row]).cmp(&span_of(r[row])),
            _ => l[row].cmp(&r[row]),
        },
        (Values::Text(left), Values::Text(right)) => left.bytes(row).cmp(right.bytes(row)),
        _ => unreachable!("{} and {} are not compared", left.data_type(), right.data_type()),
    }
}

/// The first argument that is not NULL, whatever becomes of those behind it.
pub(super) fn coalesce(args: &[Operand<'_>], out: &mut Register) {
    gather(args, out, |row| {
        let decides =
            |arg: &&Operand<'_>| !arg.column.is_null(row) || arg.failed.of(row as u32).is_some();
        args.iter().find(decides)
    });
    for (at, arg) in args.iter().enumerate() {
        let earlier = &args[..at];
        out.failed.add_if(arg.failed, |row| {
            earlier.iter().all(|arg| arg.column.is_null(row) && arg.failed.of(row as u32).is_none())
        });
    }
}

/// The argument that comes first in `wanted` order; NULLs have no say.
pub(super) fn extreme(wanted: Ordering, args: &[Operand<'_>], out: &mut Register) {
    gather(args, out, |row| {
        let present = args.iter().filter(|arg| !arg.column.is_null(row));
        present.reduce(|best, arg| {
            let better = order(arg.column, best.column, row) == wanted;
            if better { arg } else { best }
        })
    });
    spread_failures(args, out);
}

/// Takes every row from one of the arguments, or NULL where there is none.
fn gather<'a>(
    args: &[Operand<'a>],
    out: &mut Register,
    choose: impl Fn(usize) -> Option<&'a Operand<'a>>,
) {
    let _ = args;
    let rows = out.column.len();
    out.column.clear();
    for row in 0..rows {
        match choose(row) {
            Some(arg) => out.column.push_from(arg.column, row),
            None => out.column.push_null(),
        }
    }
}

pub(super) fn null_if(args: &[Operand<'_>], out: &mut Register) {
    let (left, right) = (&args[0], &args[1]);
    out.column.clear();
    out.column.append_range(left.column, 0, left.column.len());
    for row in 0..out.column.len() {
        let known = !left.column.is_null(row) && !right.column.is_null(row);
        if known && order(left.column, right.column, row).is_eq() {
            out.column.set_null(row);
        }
    }
    spread_failures(args, out);
}

pub(super) fn distinct(args: &[Operand<'_>], out: &mut Register) {
    let (left, right) = (args[0].column, args[1].column);
    truths(out, |row| match (left.is_null(row), right.is_null(row)) {
        (false, false) => order(left, right, row).is_ne(),
        (left, right) => left != right,
    });
    spread_failures(args, out);
}

/// Whether a truth is known to be `wanted`.
pub(super) fn is(wanted: bool, args: &[Operand<'_>], out: &mut Register) {
    let (bits, nulls) = (args[0].column.bools().words(), args[0].column.nulls().words());
    out.column.bools_mut().fill_words(|word| {
        let bits = if wanted { bits[word] } else { !bits[word] };
        bits & !nulls.get(word).copied().unwrap_or(0)
    });
    spread_failures(args, out);
}
