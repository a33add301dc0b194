//! AND, OR, NOT and IS NULL, 64 rows at a time.

use crate::column::Column;
use crate::expr::BinaryOp;
use crate::expr::kernel::null_word;
use crate::expr::program::{Operand, Register};

/// Three-valued AND and OR. A failed row counts as NULL, and its failure stays only where the
/// result is NULL: where the other side decides, it does not matter what the failed one were.
pub(super) fn combine(op: BinaryOp, left: Operand<'_>, right: Operand<'_>, out: &mut Register) {
    let [(left_true, left_false), (right_true, right_false)] =
        [left.column, right.column].map(|column| {
            (move |word| known(column, word, 0), move |word| known(column, word, u64::MAX))
        });
    let (is_true, is_false): (&dyn Fn(usize) -> u64, &dyn Fn(usize) -> u64) = match op {
        BinaryOp::And => (&|word| left_true(word) & right_true(word), &|word| {
            left_false(word) | right_false(word)
        }),
        BinaryOp::Or => (&|word| left_true(word) | right_true(word), &|word| {
            left_false(word) & right_false(word)
        }),
        other => unreachable!("{other:?} is not AND or OR"),
    };
    out.column.bools_mut().fill_words(is_true);
    if left.column.has_nulls() || right.column.has_nulls() {
        out.column.fill_nulls(|word| !(is_true(word) | is_false(word)));
    }
    let Register { column, failed, .. } = out;
    for operand in [left, right] {
        failed.add_if(operand.failed, |row| column.is_null(row));
    }
}

/// The rows that are not NULL and whose bit differs from `flip`.
fn known(column: &Column, word: usize, flip: u64) -> u64 {
    (column.bools().words()[word] ^ flip) & !null_word(column, word)
}

pub(super) fn not(input: &Column, out: &mut Register) {
    let words = input.bools().words();
    out.column.bools_mut().fill_words(|word| !words[word]);
}

pub(super) fn is_null(input: Operand<'_>, out: &mut Register) {
    out.column.bools_mut().fill_words(|word| null_word(input.column, word));
    for (row, _) in input.failed.rows() {
        out.column.set_null(*row as usize);
    }
    out.failed.add_if(input.failed, |_| true);
}
