//! Copying rows from column to column. Nothing allocates once the target has the room.

use super::{Bitmap, Column, Values};

impl Column {
    /// Appends these rows of `from`, which has the same layout.
    pub fn append(&mut self, from: &Column, rows: &[u32]) {
        let start = self.len();
        match (&mut self.values, &from.values) {
            (Values::Bool(to), Values::Bool(from)) => to.append(from, rows),
            (Values::I32(to), Values::I32(from)) => gather(to, from, rows),
            (Values::I64(to), Values::I64(from)) => gather(to, from, rows),
            (Values::F64(to), Values::F64(from)) => gather(to, from, rows),
            (Values::I128(to), Values::I128(from)) => gather(to, from, rows),
            (Values::Text(to), Values::Text(from)) => to.append(from, rows),
            _ => panic!("rows of {} are appended to {}", from.data_type, self.data_type),
        }
        self.append_nulls(from, start, rows.len(), |to, from| to.append(from, rows));
    }

    /// Appends rows `start..start + len` of `from`, which has the same layout.
    pub fn append_range(&mut self, from: &Column, start: usize, len: usize) {
        let (before, rows) = (self.len(), start..start + len);
        match (&mut self.values, &from.values) {
            (Values::Bool(to), Values::Bool(from)) => to.append_range(from, start, len),
            (Values::I32(to), Values::I32(from)) => to.extend_from_slice(&from[rows.clone()]),
            (Values::I64(to), Values::I64(from)) => to.extend_from_slice(&from[rows.clone()]),
            (Values::F64(to), Values::F64(from)) => to.extend_from_slice(&from[rows.clone()]),
            (Values::I128(to), Values::I128(from)) => to.extend_from_slice(&from[rows.clone()]),
            (Values::Text(to), Values::Text(from)) => to.append_range(from, rows),
            _ => panic!("rows of {} are appended to {}", from.data_type, self.data_type),
        }
        self.append_nulls(from, before, len, |to, from| to.append_range(from, start, len));
    }

    /// Appends row `row` of `from`, which has the same layout.
    pub fn push_from(&mut self, from: &Column, row: usize) {
        self.append_range(from, row, 1);
    }

    /// Repeats the last row until there are `rows`.
    pub(crate) fn repeat_last(&mut self, rows: usize) {
        let last = self.len().checked_sub(1).expect("there is a row to repeat");
        let null = self.is_null(last);
        match &mut self.values {
            Values::Bool(bits) => {
                let bit = bits.get(last);
                (last + 1..rows).for_each(|_| bits.push(bit));
            }
            Values::I32(values) => values.resize(rows, values[last]),
            Values::I64(values) => values.resize(rows, values[last]),
            Values::F64(values) => values.resize(rows, values[last]),
            Values::I128(values) => values.resize(rows, values[last]),
            Values::Text(text) => text.repeat_last(rows),
        }
        if self.has_nulls() {
            (last + 1..rows).for_each(|_| self.nulls.push(null));
        }
    }

    fn append_nulls(
        &mut self,
        from: &Column,
        before: usize,
        len: usize,
        append: impl FnOnce(&mut Bitmap, &Bitmap),
    ) {
        if from.nulls.is_empty() {
            if !self.nulls.is_empty() {
                self.nulls.resize(before + len);
            }
            return;
        }
        self.nulls.resize(before);
        append(&mut self.nulls, &from.nulls);
        self.forget_nulls_if_none();
    }
}

fn gather<T: Copy>(to: &mut Vec<T>, from: &[T], rows: &[u32]) {
    to.extend(rows.iter().map(|row| from[*row as usize]));
}
