//! What a subscriber is handed: deltas of one relation and epoch, read where they lie.

use std::marker::PhantomData;

use ::arrow::array::RecordBatch;
use sluicedb_sql::column::Bitmap;
use sluicedb_sql::{Column, Schema, SqlError};

use super::arrow::{BatchSchemas, Weights};
use super::row::{CellOf, FromRow, RowRef, check_read, other_type, unexpected_null};
use crate::core::ids::Epoch;
use crate::core::morsel::Morsel;

/// A relation as its subscribers know it, made once for a subscription.
#[derive(Clone, Debug)]
pub struct Published {
    name: String,
    schema: Schema,
    batches: BatchSchemas,
}

impl Published {
    /// Refuses a relation whose changes cannot be a record batch.
    pub fn new(name: impl Into<String>, schema: Schema) -> Result<Published, SqlError> {
        let batches = BatchSchemas::new(&schema)?;
        Ok(Published { name: name.into(), schema, batches })
    }

    /// The name of the relation.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its columns.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The schemas of its record batches.
    pub fn batches(&self) -> &BatchSchemas {
        &self.batches
    }
}

/// Deltas of one relation: rows that came (weight +1) or went (weight -1) within one epoch.
///
/// A column is looked up once, and its values are then read without allocation:
///
/// ```
/// use sluicedb::db::{Changes, SqlError};
///
/// fn turnover(changes: &Changes<'_>) -> Result<f64, SqlError> {
///     let price = changes.column::<f64>("price")?;
///     let volume = changes.column::<Option<i64>>("volume")?;
///     let one = |row| changes.weight(row) as f64 * price.get(row) * volume.get(row).unwrap_or(0) as f64;
///     Ok((0..changes.len()).map(one).sum())
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Changes<'a> {
    relation: &'a Published,
    epoch: Epoch,
    morsel: &'a Morsel,
}

impl<'a> Changes<'a> {
    /// Deltas of `relation`, whose columns the morsel has.
    pub fn new(relation: &'a Published, epoch: Epoch, morsel: &'a Morsel) -> Changes<'a> {
        let (found, wanted) = (morsel.columns.len(), relation.schema.len());
        assert_eq!(found, wanted, "columns of \"{}\"", relation.name);
        Changes { relation, epoch, morsel }
    }

    /// The name of the view or stream.
    pub fn view(&self) -> &'a str {
        &self.relation.name
    }

    /// Its columns.
    pub fn schema(&self) -> &'a Schema {
        &self.relation.schema
    }

    /// The epoch that the deltas belong to.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// How many deltas there are.
    pub fn len(&self) -> usize {
        self.morsel.rows()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.morsel.is_empty()
    }

    /// How often row `row` came, or, where it is negative, went.
    #[inline]
    pub fn weight(&self, row: usize) -> i64 {
        assert!(row < self.len(), "row {row} of {}", self.len());
        self.morsel.weight(row)
    }

    /// A column by its name, or by its position counted from 0. The types are those of
    /// [`RowRef::get`].
    ///
    /// An error where there is no such column, where it has another type, and where it has a NULL
    /// for which `T` has no place.
    #[inline]
    pub fn column<T: CellOf<'a>>(&self, key: impl ColumnKey) -> Result<ColumnRef<'a, T>, SqlError> {
        let index = key.index(&self.relation.schema)?;
        let column = &self.morsel.columns[index];
        if !T::NULLABLE && column.has_nulls() {
            return Err(unexpected_null::<T>(index));
        }
        let values = T::values(column).ok_or_else(|| other_type::<T>(index, column))?;
        Ok(ColumnRef { values, nulls: column.nulls() })
    }

    /// One row, which must exist.
    pub fn row(&self, row: usize) -> RowRef<'a> {
        assert!(row < self.len(), "row {row} of {}", self.len());
        RowRef::new(&self.morsel.columns, row)
    }

    /// All rows as structs, each with its weight. The first item is an error, and the last, where
    /// the fields of the struct are not the columns of the relation.
    pub fn rows<T: FromRow>(&self) -> Rows<'a, T> {
        let refused = check_read::<T>(self.schema()).err();
        Rows { changes: *self, next: 0, refused, made: PhantomData }
    }

    /// The columns, and the weights of rows that were looked up.
    pub(super) fn parts(&self) -> (&'a [Column], &'a [i64]) {
        (&self.morsel.columns, &self.morsel.weights)
    }

    /// Rows that were looked up, each as often as it is there.
    pub(super) fn present_rows(&self) -> RecordBatch {
        let columns = self.morsel.columns.iter().map(|column| {
            let mut copy = Column::new(column.data_type());
            copy.append_range(column, 0, column.len());
            copy
        });
        self.relation.batches.rows(columns.collect(), &self.morsel.weights)
    }

    /// A copy as an Arrow record batch.
    pub fn to_record_batch(&self, weights: Weights) -> RecordBatch {
        self.relation.batches.copy(self.morsel, weights)
    }
}

/// What names a column: `&str`, or `usize` counted from 0.
pub trait ColumnKey {
    /// The position of the column, or the error that says which there are.
    fn index(self, schema: &Schema) -> Result<usize, SqlError>;
}

impl ColumnKey for &str {
    fn index(self, schema: &Schema) -> Result<usize, SqlError> {
        schema.resolve(self)
    }
}

impl ColumnKey for usize {
    fn index(self, schema: &Schema) -> Result<usize, SqlError> {
        if self < schema.len() {
            return Ok(self);
        }
        Err(SqlError::invalid_parameter(format!("column {self} of {} columns", schema.len()))
            .hint("Columns are counted from 0."))
    }
}

/// The values of one column.
#[derive(Clone, Copy, Debug)]
pub struct ColumnRef<'a, T: CellOf<'a>> {
    values: T::Values,
    nulls: &'a Bitmap,
}

impl<'a, T: CellOf<'a>> ColumnRef<'a, T> {
    /// The value of a row, which must exist.
    #[inline]
    pub fn get(&self, row: usize) -> T {
        T::read(self.values, self.nulls, row).expect("NULLs were looked for with the column")
    }
}

/// The rows of [`Changes`] as structs.
#[derive(Debug)]
pub struct Rows<'a, T> {
    changes: Changes<'a>,
    next: usize,
    refused: Option<SqlError>,
    made: PhantomData<fn() -> T>,
}

impl<T: FromRow> Iterator for Rows<'_, T> {
    type Item = Result<(T, i64), SqlError>;

    fn next(&mut self) -> Option<Self::Item> {
        let len = self.changes.len();
        if let Some(error) = self.refused.take() {
            self.next = len;
            return Some(Err(error));
        }
        let row = self.next;
        if row == len {
            return None;
        }
        self.next += 1;
        Some(T::read(&self.changes.row(row)).map(|read| (read, self.changes.weight(row))))
    }
}

#[cfg(test)]
mod tests;
