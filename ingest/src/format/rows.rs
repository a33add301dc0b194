//! Rows gathered into a record batch.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use sluicedb::db::{Schema, SqlError, Value};
use sluicedb_sql::Column;
use sluicedb_sql::column::arrow::arrow_schema;

/// Rows of a batch: what one push takes at a time.
pub(crate) const ROWS_MAX: usize = 1024;

/// Bytes of text of a batch, unless one row has more.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// Rows on their way into a batch.
#[derive(Debug)]
pub(crate) struct Rows {
    schema: Schema,
    arrow: SchemaRef,
    columns: Vec<Column>,
    /// Where reading goes on behind each row.
    ends: Vec<u64>,
}

/// Rows that were read.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) batch: RecordBatch,
    /// Where reading goes on behind each row.
    pub(crate) ends: Vec<u64>,
}

impl Rows {
    /// None yet.
    pub(crate) fn new(schema: &Schema) -> Rows {
        let columns = schema.fields().iter().map(|field| Column::new(field.data_type)).collect();
        let (schema, arrow) = (schema.clone(), Arc::new(arrow_schema(schema)));
        Rows { schema, arrow, columns, ends: Vec::new() }
    }

    /// The columns.
    pub(crate) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Adds a row, or nothing where a column does not hold its value. Behind it reading goes on at `end`.
    pub(crate) fn push(&mut self, row: &[Value], end: u64) -> Result<(), SqlError> {
        assert_eq!(row.len(), self.columns.len(), "a value for each column");
        row.iter().zip(self.schema.fields()).try_for_each(|(value, field)| value.fits(field))?;
        self.columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
        self.ends.push(end);
        Ok(())
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether they are enough for a push.
    pub(crate) fn is_full(&self) -> bool {
        self.len() >= ROWS_MAX || self.columns.iter().any(|c| c.text_bytes() >= TEXT_BYTES_MAX)
    }

    /// All of them, if there are any; goes on with none.
    pub(crate) fn take(&mut self) -> Option<Read> {
        if self.len() == 0 {
            return None;
        }
        let arrays = self.columns.iter_mut().map(|column| {
            let empty = Column::new(column.data_type());
            std::mem::replace(column, empty).into_array()
        });
        let batch = RecordBatch::try_new(Arc::clone(&self.arrow), arrays.collect());
        let batch = batch.expect("the arrays have the types and the length of the columns");
        Some(Read { batch, ends: std::mem::take(&mut self.ends) })
    }
}
