//! What a statement came to, and the rows that a query gave.

use std::sync::Arc;

use ::arrow::array::{ArrayRef, RecordBatch};
use ::arrow::datatypes::SchemaRef;
use sluicedb_sql::catalog::{Notice, Table};
use sluicedb_sql::column::arrow::{Incoming, arrow_schema, type_of_field};
use sluicedb_sql::{Column, Field, SqlError};

use super::error::Error;
use super::row::{self, FromRow, RowRef, StaticField};
use super::subscribe::Subscription;
use crate::core::limits::MORSEL_ROWS_MAX;

/// What a statement came to.
pub enum Outcome {
    /// It is done.
    Done(Done),
    /// It gave rows.
    Rows(RowSet),
    /// It follows the changes of a relation.
    Changes(Box<Subscription>),
    /// It sets something of the session, which is whoever asked.
    Set {
        /// What, in lower case.
        name: String,
        /// To what; none for the value it began with.
        value: Option<String>,
    },
}

impl Outcome {
    /// The rows, of a statement that gives some.
    pub(super) fn into_rows(self) -> Result<RowSet, Error> {
        match self {
            Outcome::Rows(rows) => Ok(rows),
            _ => Err(Error::Sql(SqlError::syntax("the statement gives no rows"))),
        }
    }
}

/// A statement that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// What it was: `CREATE SOURCE`, `INSERT`.
    pub tag: &'static str,
    /// How many rows it was about, where it was about rows.
    pub rows: Option<u64>,
    /// What the user should know.
    pub notices: Vec<Notice>,
}

/// The rows of a query.
///
/// They are Arrow record batches, and structs where that is more convenient:
///
/// ```
/// use sluicedb::db::{Database, FromRow};
///
/// #[derive(FromRow, Debug, PartialEq)]
/// struct High {
///     symbol: String,
///     high: Option<i64>,
/// }
///
/// let db = Database::builder().shards(1).start(&sluicedb::plan::Plan::empty())?;
/// let rows = db.query("SELECT 3 AS trades, 'ACME' AS symbol, 107::BIGINT AS high")?;
/// // Fields find their columns by name; columns that no field names are left out.
/// assert_eq!(rows.to::<High>()?, [High { symbol: "ACME".into(), high: Some(107) }]);
///
/// let other = db.query("SELECT 'ACME' AS symbol, 107::INT AS high")?;
/// let error = other.to::<High>().unwrap_err();
/// assert!(error.to_string().contains("column \"high\" is INT and field \"high\" is BIGINT"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct RowSet {
    /// Their columns.
    pub schema: SchemaRef,
    /// The rows, in the order that the query asks for.
    pub batches: Vec<RecordBatch>,
}

impl RowSet {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All rows as structs.
    pub fn to<T: FromRow>(&self) -> Result<Vec<T>, SqlError> {
        self.iter().collect()
    }

    /// The rows as structs, one after the other. The first item is an error, and the last, where a
    /// field has no column of its name and type.
    pub fn iter<T: FromRow>(&self) -> Structs<'_, T> {
        let (places, refused) = match places::<T>(self) {
            Ok(places) => (places, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        Structs {
            rows: self,
            places,
            refused,
            batch: 0,
            start: 0,
            columns: Vec::new(),
            next: 0,
            len: 0,
            made: std::marker::PhantomData,
        }
    }

    pub(super) fn of(table: &Table) -> RowSet {
        let schema = Arc::new(arrow_schema(&table.schema));
        let fields = table.schema.fields().iter().enumerate();
        let column = |(at, field): (usize, &Field)| -> ArrayRef {
            Column::of(field.data_type, table.rows.iter().map(|row| &row[at])).into_array()
        };
        let columns = fields.map(column).collect();
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns);
        let batch = batch.expect("rows of a table have its columns");
        RowSet { schema, batches: vec![batch] }
    }
}

/// The column of each field of a struct.
fn places<T: FromRow>(rows: &RowSet) -> Result<Vec<usize>, SqlError> {
    let name = std::any::type_name::<T>();
    let refuse = |what: String| {
        SqlError::datatype_mismatch(format!("{name} is not a row of this result: {what}"))
    };
    let place = |field: &StaticField| {
        let found = rows.schema.fields().iter().position(|column| *column.name() == field.name);
        let Some(at) = found else {
            let names: Vec<&str> =
                rows.schema.fields().iter().map(|column| column.name().as_str()).collect();
            return Err(refuse(format!("field \"{}\" has no column", field.name))
                .hint(format!("The columns are: {}.", names.join(", "))));
        };
        let found = type_of_field(rows.schema.field(at))?;
        if found == Some(field.data_type) {
            return Ok(at);
        }
        let column = match found {
            Some(found) => found.to_string(),
            None => rows.schema.field(at).data_type().to_string(),
        };
        let error = refuse(format!(
            "column \"{0}\" is {column} and field \"{0}\" is {1}",
            field.name, field.data_type
        ));
        Err(match found {
            Some(found) => error.hint(row::advice(field.name, &Field::nullable(field.name, found))),
            None => error.hint("Cast the column in the query."),
        })
    };
    T::fields().iter().map(place).collect()
}

/// The rows of a [`RowSet`] as structs.
#[derive(Debug)]
pub struct Structs<'a, T> {
    rows: &'a RowSet,
    /// The column of each field.
    places: Vec<usize>,
    refused: Option<SqlError>,
    /// The batch that is read, and how many of its rows have been made into columns.
    batch: usize,
    start: usize,
    /// The rows that are read, by field.
    columns: Vec<Column>,
    next: usize,
    len: usize,
    made: std::marker::PhantomData<fn() -> T>,
}

impl<T: FromRow> Structs<'_, T> {
    /// Makes the next rows into columns; false when there are none left.
    fn fill(&mut self) -> Result<bool, SqlError> {
        let fields = T::fields();
        loop {
            let Some(batch) = self.rows.batches.get(self.batch) else { return Ok(false) };
            let len = (batch.num_rows() - self.start).min(MORSEL_ROWS_MAX);
            if len == 0 {
                (self.batch, self.start) = (self.batch + 1, 0);
                continue;
            }
            self.columns.clear();
            for (field, at) in fields.iter().zip(&self.places) {
                let wanted = Field::nullable(field.name, field.data_type);
                let array = batch.column(*at).slice(self.start, len);
                let column = Incoming::new(array, &wanted)?.into_column();
                if column.has_nulls() && !field.nullable {
                    return Err(unexpected_null::<T>(field));
                }
                self.columns.push(column);
            }
            (self.next, self.len, self.start) = (0, len, self.start + len);
            return Ok(true);
        }
    }

    fn end(&mut self) {
        (self.batch, self.next, self.len) = (self.rows.batches.len(), 0, 0);
    }
}

#[cold]
fn unexpected_null<T>(field: &StaticField) -> SqlError {
    let StaticField { name, data_type, .. } = field;
    let of = std::any::type_name::<T>();
    SqlError::datatype_mismatch(format!(
        "column \"{name}\" is NULL in a row, and field \"{name}\" of {of} is {data_type} NOT NULL"
    ))
    .hint("Make the field an Option, or select COALESCE of the column and a default.")
}

impl<T: FromRow> Iterator for Structs<'_, T> {
    type Item = Result<T, SqlError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.refused.take() {
            self.end();
            return Some(Err(error));
        }
        if self.next == self.len {
            match self.fill() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.end();
                    return Some(Err(error));
                }
            }
        }
        let row = self.next;
        self.next += 1;
        Some(T::read(&RowRef::new(&self.columns, row)))
    }
}
