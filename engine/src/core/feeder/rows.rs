//! Rows as a user hands them over, checked against the schema of their source.

use std::fmt;

use sluicedb_sql::{SqlError, Value};

use super::Feeder;
use crate::core::limits::{BATCH_BYTES_MAX, BATCH_TEXT_BYTES_MAX, MORSEL_ROWS_MAX};
use crate::core::morsel::Morsel;

/// Why rows cannot be pushed. Nothing of the batch was taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RowsError {
    /// More rows than one push takes.
    TooManyRows {
        /// Rows in the batch.
        rows: usize,
    },
    /// A row has more or fewer values than the source has columns.
    Width {
        /// Which row.
        row: usize,
        /// Its values.
        values: usize,
        /// The columns of the source.
        columns: usize,
    },
    /// A value does not fit its column.
    Value {
        /// Which row.
        row: usize,
        /// What is wrong, with the name of the column.
        error: SqlError,
    },
    /// The texts of the batch together are longer than a batch may hold.
    Texts {
        /// Their length.
        bytes: usize,
    },
    /// The batch is larger than a record of the log may be.
    Batch {
        /// Its size there, at most.
        bytes: usize,
    },
}

impl fmt::Display for RowsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RowsError::TooManyRows { rows } => {
                write!(
                    f,
                    "{rows} rows in one push, which takes at most {MORSEL_ROWS_MAX}: split it"
                )
            }
            RowsError::Width { row, values, columns } => {
                write!(f, "row {row} has {values} values for {columns} columns")
            }
            RowsError::Value { row, error } => write!(f, "row {row}: {error}"),
            RowsError::Texts { bytes } => write!(
                f,
                "{bytes} bytes of text in one push, which takes at most {BATCH_TEXT_BYTES_MAX}: \
                 split it"
            ),
            RowsError::Batch { bytes } => write!(
                f,
                "{bytes} bytes in one push, which takes at most {BATCH_BYTES_MAX}: split it"
            ),
        }
    }
}

impl std::error::Error for RowsError {}

/// What a value takes in a record of the log beside its text: at most 16 bytes, and its share of the nulls.
const CELL_BYTES: usize = 17;
/// What a row takes beside its values: weight, tie and lateness.
const MARK_BYTES: usize = 32;
/// What a batch takes beside its rows: marks of the statement, and the rounding of bitmaps.
const HEADER_BYTES: usize = 64 << 10;

/// Bytes of a batch as a record of the log, at most.
pub(crate) const fn record_bytes_max(columns: usize, rows: usize, text_bytes: usize) -> usize {
    text_bytes + HEADER_BYTES + rows * (columns * CELL_BYTES + MARK_BYTES)
}

impl Feeder {
    /// Fills an empty morsel of the source's shape with rows, or says which does not fit.
    pub fn fill(&self, rows: &[Vec<Value>], morsel: &mut Morsel) -> Result<(), RowsError> {
        assert!(morsel.is_empty(), "rows are filled into an empty morsel");
        if rows.len() > MORSEL_ROWS_MAX {
            return Err(RowsError::TooManyRows { rows: rows.len() });
        }
        let mut text_bytes = 0;
        for (row, values) in rows.iter().enumerate() {
            text_bytes += self.check(row, values)?;
        }
        if text_bytes > BATCH_TEXT_BYTES_MAX {
            return Err(RowsError::Texts { bytes: text_bytes });
        }
        let columns = self.options.schema.len();
        let bytes = record_bytes_max(columns, rows.len(), text_bytes);
        if bytes > BATCH_BYTES_MAX {
            return Err(RowsError::Batch { bytes });
        }
        rows.iter().for_each(|values| morsel.push_row(values, 1));
        Ok(())
    }

    /// Bytes of text in a row that fits the schema.
    fn check(&self, row: usize, values: &[Value]) -> Result<usize, RowsError> {
        let fields = self.options.schema.fields();
        if values.len() != fields.len() {
            return Err(RowsError::Width { row, values: values.len(), columns: fields.len() });
        }
        let mut text_bytes = 0;
        for (value, field) in values.iter().zip(fields) {
            value.fits(field).map_err(|error| RowsError::Value { row, error })?;
            if let Value::Text(text) = value {
                text_bytes += text.len();
            }
        }
        Ok(text_bytes)
    }
}
