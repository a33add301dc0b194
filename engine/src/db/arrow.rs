//! Morsels from record batches and back, buffers moved where that is possible.

use std::sync::Arc;

use ::arrow::array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, UInt64Array};
use ::arrow::compute::take_record_batch;
use ::arrow::datatypes::SchemaRef;
use ::arrow::datatypes::{DataType as ArrowType, Field as ArrowField, Schema as ArrowSchema};
use sluicedb_sql::column::arrow::{Incoming, arrow_schema, check_columns};
use sluicedb_sql::{Column, Physical, Schema, SqlError};

use crate::core::feeder::record_bytes_max;
use crate::core::limits::{BATCH_BYTES_MAX, BATCH_TEXT_BYTES_MAX, MORSEL_ROWS_MAX, TEXT_BYTES_MAX};
use crate::core::morsel::Morsel;

/// The column of a batch that says how often each row came (+1) or went (-1).
pub const WEIGHT_COLUMN: &str = "_weight";

/// A record batch on its way into a source: every row fits, and what is left is taken morsel by
/// morsel.
#[derive(Clone, Debug)]
pub struct Batch {
    columns: Vec<Incoming>,
    /// The columns of texts, which bound how many rows a morsel takes.
    texts: Vec<usize>,
    /// No more than this in all texts.
    text_bytes_max: usize,
    rows: usize,
    taken: usize,
}

impl Batch {
    /// No rows; used for one batch after another.
    pub fn empty() -> Batch {
        Batch { columns: Vec::new(), texts: Vec::new(), text_bytes_max: 0, rows: 0, taken: 0 }
    }

    /// A batch that nobody else holds.
    pub fn new(batch: RecordBatch, schema: &Schema) -> Result<Batch, SqlError> {
        let mut taken = Batch::empty();
        taken.share(&batch, schema)?;
        Ok(taken)
    }

    /// Takes up a batch in place of the one before, and shares its buffers with it: they move where
    /// the batch itself is dropped before rows are taken.
    ///
    /// Refuses a batch that has other columns or a row that the source does not hold. Nothing can
    /// fail later, so that a batch is taken whole or not at all.
    pub fn share(&mut self, batch: &RecordBatch, schema: &Schema) -> Result<(), SqlError> {
        self.clear();
        check_columns(batch.schema_ref(), schema)?;
        for (at, (array, field)) in batch.columns().iter().zip(schema.fields()).enumerate() {
            let column = Incoming::new(Arc::clone(array), field)?;
            if field.data_type.physical() == Physical::Text {
                self.texts.push(at);
                self.text_bytes_max += column.text_bytes_max();
            }
            self.columns.push(column);
        }
        self.rows = batch.num_rows();
        self.check_rows()
    }

    /// Lets go of all that is left.
    pub fn clear(&mut self) {
        self.columns.clear();
        self.texts.clear();
        (self.text_bytes_max, self.rows, self.taken) = (0, 0, 0);
    }

    /// How many rows are left.
    pub fn rows_left(&self) -> usize {
        self.rows - self.taken
    }

    /// Moves the next rows into an empty morsel of the source's shape: as many as one push may have.
    /// False, and the morsel stays empty, when none is left.
    ///
    /// A batch that fits one morsel keeps its buffers, which replace those of the morsel.
    pub fn next_into(&mut self, morsel: &mut Morsel) -> bool {
        assert!(morsel.is_empty(), "rows are moved into an empty morsel");
        assert!(
            self.rows_left() == 0 || morsel.columns.len() == self.columns.len(),
            "a batch was checked for another source"
        );
        let (start, end) = (self.taken, self.cut(self.taken));
        if start == end {
            return false;
        }
        if start == 0 && end == self.rows {
            let moved = self.columns.drain(..).map(Incoming::into_column);
            morsel.columns.iter_mut().zip(moved).for_each(|(column, moved)| *column = moved);
        } else {
            for (column, incoming) in morsel.columns.iter_mut().zip(&self.columns) {
                incoming.append_to(start..end, column);
            }
        }
        morsel.set_rows(end - start);
        self.taken = end;
        true
    }

    /// How many morsels the rows that are left make.
    pub fn morsels_left(&self) -> usize {
        let mut morsels = 0;
        let mut from = self.taken;
        while from < self.rows {
            from = self.cut(from);
            morsels += 1;
        }
        morsels
    }

    /// Where the morsel ends that begins with row `from`.
    fn cut(&self, from: usize) -> usize {
        let most = self.rows.min(from + MORSEL_ROWS_MAX);
        let bytes = record_bytes_max(self.columns.len(), most - from, self.text_bytes_max);
        if self.text_bytes_max <= BATCH_TEXT_BYTES_MAX && bytes <= BATCH_BYTES_MAX {
            return most;
        }
        let mut text_bytes = 0;
        for row in from..most {
            text_bytes += self.text_bytes(row);
            let rows = row + 1 - from;
            let bytes = record_bytes_max(self.columns.len(), rows, text_bytes);
            if text_bytes > BATCH_TEXT_BYTES_MAX || bytes > BATCH_BYTES_MAX {
                assert!(row > from, "one row that fits was looked for");
                return row;
            }
        }
        most
    }

    fn text_bytes(&self, row: usize) -> usize {
        self.texts.iter().map(|column| self.columns[*column].text_bytes(row)).sum()
    }

    /// Refuses a row that is too large for any push.
    fn check_rows(&self) -> Result<(), SqlError> {
        if self.texts.len() * TEXT_BYTES_MAX <= BATCH_TEXT_BYTES_MAX {
            return Ok(());
        }
        let large = |row: &usize| self.text_bytes(*row) > BATCH_TEXT_BYTES_MAX;
        let Some(row) = (0..self.rows).find(large) else { return Ok(()) };
        let what = format!("bytes of text in row {row} of the batch");
        Err(SqlError::limit_exceeded(&what, self.text_bytes(row), BATCH_TEXT_BYTES_MAX)
            .hint("Shorten the texts, or keep them elsewhere and store a reference."))
    }
}

// A row whose texts fit always fits a record of the log.
const _: () = assert!(
    record_bytes_max(sluicedb_sql::limits::COLUMNS_MAX, 1, BATCH_TEXT_BYTES_MAX) <= BATCH_BYTES_MAX
);

/// Whether the batches of a subscription have a [`WEIGHT_COLUMN`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Weights {
    /// All batches do, so that all have one schema.
    Always,
    /// Only batches in which some row did not just come once.
    WhereNeeded,
}

/// The Arrow schemas of a relation's changes.
#[derive(Clone, Debug)]
pub struct BatchSchemas {
    plain: SchemaRef,
    weighted: SchemaRef,
}

impl BatchSchemas {
    /// Refuses a relation that has a column of the name that weights go by.
    pub fn new(schema: &Schema) -> Result<BatchSchemas, SqlError> {
        if schema.index_of(WEIGHT_COLUMN).is_some() {
            return Err(SqlError::duplicate_column(WEIGHT_COLUMN));
        }
        let plain = arrow_schema(schema);
        let weight = ArrowField::new(WEIGHT_COLUMN, ArrowType::Int64, false);
        let fields = plain.fields().iter().cloned().chain([Arc::new(weight)]);
        let weighted = ArrowSchema::new(fields.collect::<Vec<_>>());
        Ok(BatchSchemas { plain: Arc::new(plain), weighted: Arc::new(weighted) })
    }

    /// The schema of batches with or without weights.
    pub fn schema(&self, weighted: bool) -> &SchemaRef {
        if weighted { &self.weighted } else { &self.plain }
    }

    /// Gives the buffers of a published morsel away and leaves it empty.
    pub fn give(&self, morsel: &mut Morsel, weights: Weights) -> RecordBatch {
        let rows = morsel.rows();
        let give = |column: &mut Column| {
            let empty = Column::new(column.data_type());
            std::mem::replace(column, empty)
        };
        let columns = morsel.columns.iter_mut().map(give).collect();
        let taken = std::mem::take(&mut morsel.weights);
        morsel.clear();
        self.batch(columns, taken, rows, weights)
    }

    /// A copy of a published morsel.
    pub fn copy(&self, morsel: &Morsel, weights: Weights) -> RecordBatch {
        self.batch(morsel.columns.clone(), morsel.weights.clone(), morsel.rows(), weights)
    }

    /// Rows of a view, each as often as it is there.
    pub fn rows(&self, columns: Vec<Column>, weights: &[i64]) -> RecordBatch {
        let batch = self.batch(columns, Vec::new(), weights.len(), Weights::WhereNeeded);
        if weights.iter().all(|weight| *weight == 1) {
            return batch;
        }
        let repeated = (0_u64..).zip(weights).flat_map(|(row, &weight)| {
            std::iter::repeat_n(row, usize::try_from(weight).unwrap_or(0))
        });
        let picks = UInt64Array::from_iter_values(repeated);
        take_record_batch(&batch, &picks).expect("every pick is a row of the batch")
    }

    fn batch(
        &self,
        columns: Vec<Column>,
        mut signed: Vec<i64>,
        rows: usize,
        weights: Weights,
    ) -> RecordBatch {
        let weighted = match weights {
            Weights::Always => true,
            Weights::WhereNeeded => signed.iter().any(|weight| *weight != 1),
        };
        let mut arrays: Vec<ArrayRef> = columns.into_iter().map(Column::into_array).collect();
        if weighted {
            signed.resize(rows, 1);
            arrays.push(Arc::new(Int64Array::new(signed.into(), None)));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(self.schema(weighted).clone(), arrays, &options)
            .expect("a published morsel has the columns of its relation")
    }
}

#[cfg(test)]
mod tests;
