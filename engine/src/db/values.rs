//! The rows of record batches as values, for whoever writes them down.

use ::arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch};
use ::arrow::datatypes::{DataType as ArrowType, Field as ArrowField, UInt64Type};
use ::arrow::util::display::{ArrayFormatter, FormatOptions};
use sluicedb_sql::column::arrow::{Incoming, type_of_field};
use sluicedb_sql::{Column, Field, Value};

use crate::core::limits::MORSEL_ROWS_MAX;

/// The values of a batch, row by row. A column of a type that this database does not have comes as
/// the text that Arrow writes for it.
///
/// ```
/// use sluicedb::db::{Database, Value, values};
///
/// let db = Database::builder().shards(1).start(&sluicedb::plan::Plan::empty())?;
/// let found = db.query("SELECT 1 + 1 AS two, 'a' AS letter")?;
/// assert_eq!(values(&found.batches[0]), [vec![Value::Int(2), Value::text("a")]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn values(batch: &RecordBatch) -> Vec<Vec<Value>> {
    let mut rows = vec![Vec::with_capacity(batch.num_columns()); batch.num_rows()];
    for (array, field) in batch.columns().iter().zip(batch.schema_ref().fields()) {
        for (row, value) in rows.iter_mut().zip(column(array, field)) {
            row.push(value);
        }
    }
    rows
}

fn column(array: &ArrayRef, field: &ArrowField) -> Vec<Value> {
    typed(array, field).unwrap_or_else(|| written(array))
}

/// None where no column holds the values exactly.
fn typed(array: &ArrayRef, field: &ArrowField) -> Option<Vec<Value>> {
    if *array.data_type() == ArrowType::UInt64 {
        let number = |number: u64| Value::Decimal { units: i128::from(number), scale: 0 };
        let numbers = array.as_primitive::<UInt64Type>().iter();
        return Some(numbers.map(|found| found.map_or(Value::Null, number)).collect());
    }
    let data_type = type_of_field(field).ok()??;
    let incoming = Incoming::new(array.clone(), &Field::nullable("value", data_type)).ok()?;
    let mut values = Vec::with_capacity(array.len());
    for start in (0..array.len()).step_by(MORSEL_ROWS_MAX) {
        let rows = start..array.len().min(start + MORSEL_ROWS_MAX);
        let mut column = Column::new(data_type);
        let count = rows.len();
        incoming.append_to(rows, &mut column);
        values.extend((0..count).map(|row| column.value(row)));
    }
    Some(values)
}

fn written(array: &ArrayRef) -> Vec<Value> {
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(array, &options).ok();
    let write = |row: usize| {
        let shown = formatter.as_ref().filter(|_| array.is_valid(row));
        shown.map_or(Value::Null, |formatter| Value::text(&formatter.value(row).to_string()))
    };
    (0..array.len()).map(write).collect()
}
