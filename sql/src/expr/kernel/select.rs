//! One branch of CASE: a value where the condition is true, another one elsewhere.

use crate::column::{Bitmap, Column, Values};
use crate::expr::kernel::null_word;
use crate::expr::program::{Operand, Register};

pub(super) fn select(
    condition: Operand<'_>,
    then: Operand<'_>,
    otherwise: Operand<'_>,
    out: &mut Register,
) {
    let taken =
        |word: usize| condition.column.bools().words()[word] & !null_word(condition.column, word);
    values(&taken, then.column, otherwise.column, &mut out.column);
    if then.column.has_nulls() || otherwise.column.has_nulls() {
        out.column.fill_nulls(|word| {
            taken(word) & null_word(then.column, word)
                | !taken(word) & null_word(otherwise.column, word)
        });
    }
    let is_taken = |row: usize| bit(taken(row / 64), row);
    let undecided = |row: usize| condition.failed.of(row as u32).is_some();
    out.failed.add_if(condition.failed, |_| true);
    out.failed.add_if(then.failed, is_taken);
    out.failed.add_if(otherwise.failed, |row| !is_taken(row) && !undecided(row));
    for (row, _) in condition.failed.rows() {
        out.column.set_null(*row as usize);
    }
}

fn values(taken: &impl Fn(usize) -> u64, then: &Column, otherwise: &Column, out: &mut Column) {
    match (then.values(), otherwise.values()) {
        (Values::Bool(then), Values::Bool(otherwise)) => {
            let (then, otherwise): (&Bitmap, &Bitmap) = (then, otherwise);
            out.bools_mut().fill_words(|word| {
                let taken = taken(word);
                taken & then.words()[word] | !taken & otherwise.words()[word]
            });
        }
        (Values::I32(then), Values::I32(other)) => pick(taken, then, other, out.i32s_mut()),
        (Values::I64(then), Values::I64(other)) => pick(taken, then, other, out.i64s_mut()),
        (Values::F64(then), Values::F64(other)) => pick(taken, then, other, out.f64s_mut()),
        (Values::I128(then), Values::I128(other)) => pick(taken, then, other, out.i128s_mut()),
        (Values::Text(then), Values::Text(otherwise)) => {
            let rows = out.len();
            let texts = out.texts_mut();
            texts.clear();
            for row in 0..rows {
                let from = if bit(taken(row / 64), row) { then } else { otherwise };
                texts.push_from(from, row);
            }
        }
        _ => unreachable!("a CASE of {} and {}", then.data_type(), otherwise.data_type()),
    }
}

fn pick<T: Copy>(taken: &impl Fn(usize) -> u64, then: &[T], otherwise: &[T], out: &mut [T]) {
    for (word, chunk) in out.chunks_mut(64).enumerate() {
        let (taken, start) = (taken(word), word * 64);
        for (row, slot) in chunk.iter_mut().enumerate() {
            *slot = if bit(taken, row) { then[start + row] } else { otherwise[start + row] };
        }
    }
}

fn bit(word: u64, row: usize) -> bool {
    word >> (row % 64) & 1 == 1
}
