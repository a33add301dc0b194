//! Rows as the shell shows them: names, values, and which columns hold numbers.

use sluicedb::arrow::array::RecordBatch;
use sluicedb::arrow::datatypes::Schema;
use sluicedb::db::{Value, values};

/// A result.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sheet {
    /// The names of the columns, which may be alike.
    pub(crate) names: Vec<String>,
    /// Whether a column holds numbers.
    pub(crate) numeric: Vec<bool>,
    /// The rows.
    pub(crate) rows: Vec<Vec<Value>>,
}

impl Sheet {
    pub(crate) fn of(schema: &Schema, batches: &[RecordBatch]) -> Sheet {
        let fields = schema.fields();
        Sheet {
            names: fields.iter().map(|field| field.name().clone()).collect(),
            numeric: fields.iter().map(|field| field.data_type().is_numeric()).collect(),
            rows: batches.iter().flat_map(values).collect(),
        }
    }

    /// Texts under names.
    pub(crate) fn texts(names: &[&str], rows: Vec<Vec<Value>>) -> Sheet {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Sheet { numeric: vec![false; names.len()], names, rows }
    }
}
