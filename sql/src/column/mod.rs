//! A column of a morsel: plain values, and which of them are NULL.

mod access;
#[cfg(feature = "arrow")]
pub mod arrow;
mod bitmap;
mod copy;
mod text;

use crate::types::{DataType, Physical};
use crate::value::Value;

pub use bitmap::Bitmap;
pub use text::{Text, View};

/// The values of a column, by layout. The slot of a NULL holds the default value.
#[derive(Clone, Debug)]
pub enum Values {
    /// BOOLEAN.
    Bool(Bitmap),
    /// INT, SMALLINT and DATE.
    I32(Vec<i32>),
    /// BIGINT, TIME, TIMESTAMP and TIMESTAMPTZ.
    I64(Vec<i64>),
    /// DOUBLE, and REAL as the doubles that an `f32` can be.
    F64(Vec<f64>),
    /// DECIMAL, and UUID and INTERVAL as numbers in the order of their values.
    I128(Vec<i128>),
    /// TEXT, BYTEA and JSON, and arrays, maps and structs as their encoding.
    Text(Text),
}

/// Runs the same expression on whichever buffer the column has; `$bits` is for a [`Bitmap`],
/// `$text` for a [`Text`].
macro_rules! each {
    ($values:expr, $vec:ident => $on_vec:expr, $bits:ident => $on_bits:expr,
     $text:ident => $on_text:expr) => {
        match $values {
            Values::Bool($bits) => $on_bits,
            Values::I32($vec) => $on_vec,
            Values::I64($vec) => $on_vec,
            Values::F64($vec) => $on_vec,
            Values::I128($vec) => $on_vec,
            Values::Text($text) => $on_text,
        }
    };
}

/// One column.
///
/// Invariant: `nulls` is empty, which says that nothing is NULL, or as long as `values`.
#[derive(Clone, Debug)]
pub struct Column {
    data_type: DataType,
    values: Values,
    nulls: Bitmap,
}

impl Column {
    /// No rows.
    pub fn new(data_type: DataType) -> Column {
        Column::with_capacity(data_type, 0)
    }

    /// No rows, room for `rows`.
    pub fn with_capacity(data_type: DataType, rows: usize) -> Column {
        let values = match data_type.physical() {
            Physical::Bool => Values::Bool(Bitmap::with_capacity(rows)),
            Physical::I32 => Values::I32(Vec::with_capacity(rows)),
            Physical::I64 => Values::I64(Vec::with_capacity(rows)),
            Physical::F64 => Values::F64(Vec::with_capacity(rows)),
            Physical::I128 => Values::I128(Vec::with_capacity(rows)),
            Physical::Text => Values::Text(Text::with_capacity(rows)),
        };
        Column { data_type, values, nulls: Bitmap::default() }
    }

    /// A column of these values, each of which must be of `data_type`.
    pub fn of<'a>(data_type: DataType, values: impl IntoIterator<Item = &'a Value>) -> Column {
        let mut column = Column::new(data_type);
        values.into_iter().for_each(|value| column.push(value));
        column
    }

    /// The type of every value.
    #[inline]
    pub fn data_type(&self) -> DataType {
        self.data_type
    }

    /// The buffer.
    #[inline]
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// How many rows there are.
    #[inline]
    pub fn len(&self) -> usize {
        each!(&self.values, values => values.len(), bits => bits.len(), text => text.len())
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets all rows and keeps the room.
    #[inline]
    pub fn clear(&mut self) {
        each!(&mut self.values, values => values.clear(), bits => bits.clear(),
              text => text.clear());
        self.nulls.clear();
    }

    /// Forgets the rows from `rows` on, and the bytes of their texts.
    pub fn truncate(&mut self, rows: usize) {
        if rows < self.len() {
            self.resize(rows);
            if let Values::Text(text) = &mut self.values {
                text.trim_heap();
            }
        }
    }

    /// Makes the column `rows` long; rows that are added hold the default value, not NULL.
    #[inline]
    pub fn resize(&mut self, rows: usize) {
        if self.len() != rows {
            self.change_len(rows);
        }
    }

    fn change_len(&mut self, rows: usize) {
        each!(&mut self.values, values => values.resize(rows, Default::default()),
              bits => bits.resize(rows), text => text.resize(rows));
        if !self.nulls.is_empty() {
            self.nulls.resize(rows);
            self.forget_nulls_if_none();
        }
    }

    /// Whether any row is NULL.
    #[inline]
    pub fn has_nulls(&self) -> bool {
        !self.nulls.is_empty()
    }

    /// Whether row `row` is NULL.
    #[inline]
    pub fn is_null(&self, row: usize) -> bool {
        !self.nulls.is_empty() && self.nulls.get(row)
    }

    /// One bit a row, set where it is NULL; empty where no row is.
    #[inline]
    pub fn nulls(&self) -> &Bitmap {
        &self.nulls
    }

    /// Makes row `row` NULL.
    pub fn set_null(&mut self, row: usize) {
        assert!(row < self.len(), "row {row} of {}", self.len());
        if self.nulls.is_empty() {
            self.nulls.resize(self.len());
        }
        self.nulls.set(row, true);
        self.blank(row);
    }

    /// Sets which rows are NULL, 64 a word; every word comes from its index.
    pub(crate) fn fill_nulls(&mut self, words: impl FnMut(usize) -> u64) {
        self.nulls.resize(self.len());
        self.nulls.fill_words(words);
        self.forget_nulls_if_none();
    }

    /// No row is NULL from here on.
    #[inline]
    pub(crate) fn clear_nulls(&mut self) {
        self.nulls.clear();
    }

    /// Gives every NULL the default value, after a loop that computed all slots alike.
    #[inline]
    pub(crate) fn blank_nulls(&mut self) {
        if self.has_nulls() {
            self.blank_all_nulls();
        }
    }

    fn blank_all_nulls(&mut self) {
        let nulls = std::mem::take(&mut self.nulls);
        nulls.ones().for_each(|row| self.blank(row));
        self.nulls = nulls;
    }

    fn blank(&mut self, row: usize) {
        each!(&mut self.values, values => values[row] = Default::default(),
              bits => bits.set(row, false), text => text.blank(row));
    }

    fn forget_nulls_if_none(&mut self) {
        if self.nulls.words().iter().all(|word| *word == 0) {
            self.nulls.clear();
        }
    }

    /// Bytes of text that do not fit their views.
    pub fn text_bytes(&self) -> usize {
        match &self.values {
            Values::Text(text) => text.heap().len(),
            _ => 0,
        }
    }

    /// Bytes of memory held, used or not.
    pub fn memory_bytes(&self) -> usize {
        let values = each!(&self.values, values => values.capacity() * item_bytes(values),
                           bits => bits.memory_bytes(), text => text.memory_bytes());
        values + self.nulls.memory_bytes()
    }
}

fn item_bytes<T>(_: &[T]) -> usize {
    size_of::<T>()
}

impl PartialEq for Column {
    /// Equal types and equal values, row by row: NaN equals NaN, NULL equals NULL.
    fn eq(&self, other: &Column) -> bool {
        self.data_type == other.data_type
            && self.len() == other.len()
            && (0..self.len()).all(|row| self.equal(row, other, row))
    }
}

impl Eq for Column {}

#[cfg(test)]
mod tests;
