//! The canonical text of rows: what results of different engines are compared as.
//!
//! A row is a line, its values with tabs between them. A value is written as PostgreSQL does:
//! numbers with all digits of their scale, moments without the zeros that end a fraction. NULL is
//! `\N`; in texts a tab is `\t`, a line feed `\n` and a backslash `\\`. The order of lines is that
//! of their bytes.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::RecordBatch;
use sluicedb_sql::column::arrow::{Incoming, type_of_field};
use sluicedb_sql::limits::MORSEL_ROWS_MAX;
use sluicedb_sql::{Column, Field, SqlError, Value};

/// The rows of batches as lines, in the order in which they are there.
pub fn lines(batches: &[RecordBatch]) -> Result<Vec<String>, SqlError> {
    let mut lines = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
    for batch in batches {
        for from in (0..batch.num_rows()).step_by(MORSEL_ROWS_MAX) {
            let part = batch.slice(from, MORSEL_ROWS_MAX.min(batch.num_rows() - from));
            let columns = columns(&part)?;
            lines.extend((0..part.num_rows()).map(|row| line(&columns, row)));
        }
    }
    Ok(lines)
}

fn line(columns: &[Column], row: usize) -> String {
    let mut line = String::new();
    for (at, column) in columns.iter().enumerate() {
        if at > 0 {
            line.push('\t');
        }
        write_value(&mut line, &column.value(row));
    }
    line
}

fn columns(batch: &RecordBatch) -> Result<Vec<Column>, SqlError> {
    let schema = batch.schema();
    let fields = schema.fields().iter().zip(batch.columns());
    let column = |(field, array): (&Arc<arrow::datatypes::Field>, _)| {
        let data_type = type_of_field(field)?.ok_or_else(|| {
            SqlError::datatype_mismatch(format!("a column of {}", field.data_type()))
        })?;
        let field = Field::nullable(field.name(), data_type);
        Ok(Incoming::new(Arc::clone(array), &field)?.into_column())
    };
    fields.map(column).collect()
}

fn write_value(line: &mut String, value: &Value) {
    if *value == Value::Null {
        line.push_str("\\N");
        return;
    }
    let from = line.len();
    write!(line, "{value}").expect("writing to a string does not fail");
    if line[from..].contains(['\t', '\n', '\\']) {
        let text = line.split_off(from);
        line.push_str(&text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Decimal128Array, StringArray, TimestampMicrosecondArray};

    #[test]
    fn a_row_is_a_line_of_values_as_postgresql_writes_them() {
        let numbers = Decimal128Array::from(vec![Some(1_500), None]);
        let numbers = numbers.with_precision_and_scale(10, 3).unwrap();
        let times = TimestampMicrosecondArray::from(vec![1_436_918_400_006_000, 0]);
        let columns: [(&str, ArrayRef); 3] = [
            ("number", Arc::new(numbers)),
            ("text", Arc::new(StringArray::from(vec!["a\tb\\\n", ""]))),
            ("time", Arc::new(times)),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let expected =
            ["1.500\ta\\tb\\\\\\n\t2015-07-15 00:00:00.006", "\\N\t\t1970-01-01 00:00:00"];
        assert_eq!(lines(&[batch]).unwrap(), expected);
    }
}
