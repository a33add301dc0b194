//! Typed rows: from a struct to the cells of a source, and from columns to a struct, without text in
//! between.

use sluicedb_sql::binary::uuid_of_i128;
use sluicedb_sql::column::{Bitmap, Text, Values};
use sluicedb_sql::{Column, DataType, Field, Interval, Json, Schema, SqlError, Value};

use super::time::{Date, Time, Timestamptz};

pub use crate::core::feeder::Cells;

/// A struct whose fields are the columns of a source, so that it can be pushed.
///
/// `#[derive(Row)]` writes it for structs with named fields. By hand it is two functions that agree
/// on the order of the columns:
///
/// ```
/// use sluicedb::db::{Cells, DataType, Field, Row, schema};
///
/// struct Trade {
///     symbol: [u8; 4],
///     price_cents: u64,
/// }
///
/// impl Row for Trade {
///     fn fields() -> Vec<Field> {
///         let price = DataType::Decimal { precision: 18, scale: 2 };
///         vec![Field::not_null("symbol", DataType::Text), Field::not_null("price", price)]
///     }
///
///     fn write(&self, cells: &mut impl Cells) {
///         cells.text(std::str::from_utf8(&self.symbol).unwrap_or("?"));
///         cells.i128(self.price_cents.into());
///     }
/// }
///
/// let schema = schema::<Trade>()?;
/// assert_eq!(schema.to_string(), "(symbol TEXT NOT NULL, price DECIMAL(18,2) NOT NULL)");
/// # Ok::<(), sluicedb::db::SqlError>(())
/// ```
pub trait Row {
    /// The columns, in the order in which [`Row::write`] writes them.
    fn fields() -> Vec<Field>;

    /// Writes one cell for each column, in order.
    fn write(&self, cells: &mut impl Cells);
}

/// A struct that borrows, at any lifetime: what [`Source::push_as`](super::Source::push_as) takes.
///
/// `derive(Row)` writes it. A source of `Trade<'static>` then takes rows that live for one push:
///
/// ```
/// use sluicedb::db::{Row, RowAt, Source};
///
/// #[derive(Row)]
/// struct Trade<'a> {
///     symbol: &'a str,
///     price: f64,
/// }
///
/// fn feed(source: &mut Source<Trade<'static>>, line: &str) -> Option<()> {
///     let (symbol, price) = line.split_once(' ')?;
///     source.push_as(&Trade { symbol, price: price.parse().ok()? }).ok()
/// }
/// ```
pub trait RowAt: Row {
    /// The same struct, borrowing for `'r`.
    type At<'r>: Row;
}

/// A column of a struct that is read, known when the program is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaticField {
    /// The name of the column.
    pub name: &'static str,
    /// Its type.
    pub data_type: DataType,
    /// Whether the struct can hold NULL there.
    pub nullable: bool,
}

/// A struct whose fields are the columns of a view, so that its rows can be read.
///
/// `#[derive(FromRow)]` writes it for structs with named fields. By hand:
///
/// ```
/// use sluicedb::db::{DataType, FromRow, RowRef, SqlError, StaticField};
///
/// struct Level {
///     at: std::time::Duration,
///     price: Option<f64>,
/// }
///
/// impl FromRow for Level {
///     fn fields() -> &'static [StaticField] {
///         &[
///             StaticField { name: "ts", data_type: DataType::Timestamp, nullable: false },
///             StaticField { name: "price", data_type: DataType::Double, nullable: true },
///         ]
///     }
///
///     fn read(row: &RowRef<'_>) -> Result<Level, SqlError> {
///         let us: i64 = row.get(0)?;
///         let at = std::time::Duration::from_micros(us.unsigned_abs());
///         Ok(Level { at, price: row.get(1)? })
///     }
/// }
/// ```
pub trait FromRow: Sized {
    /// The columns, in order.
    fn fields() -> &'static [StaticField];

    /// Reads one row.
    fn read(row: &RowRef<'_>) -> Result<Self, SqlError>;
}

/// The schema of a source that takes rows of this struct.
pub fn schema<R: Row>() -> Result<Schema, SqlError> {
    Schema::new(R::fields())
}

/// Refuses a struct whose fields are not, in order, the columns of a source.
///
/// A field that is never NULL fits a column that may be.
pub fn check<R: Row>(schema: &Schema) -> Result<(), SqlError> {
    let fields = R::fields();
    let found = fields.iter().map(|field| (field.name.as_str(), field.data_type, field.nullable));
    first_difference::<R>(found, schema)?;
    let nullable = |(found, wanted): &(&Field, &Field)| found.nullable && !wanted.nullable;
    match fields.iter().zip(schema.fields()).find(nullable) {
        None => Ok(()),
        Some((field, _)) => Err(mismatch::<R>(format!(
            "field \"{0}\" may be NULL and column \"{0}\" is NOT NULL",
            field.name
        ))
        .hint("Take the Option off the field, or declare the column without NOT NULL.")),
    }
}

/// Refuses a struct whose fields are not, in order, the columns of a view.
///
/// A field that may be NULL fits a column that never is.
pub fn check_read<R: FromRow>(schema: &Schema) -> Result<(), SqlError> {
    let fields = R::fields();
    let found = fields.iter().map(|field| (field.name, field.data_type, field.nullable));
    first_difference::<R>(found, schema)?;
    let null = |(found, wanted): &(&StaticField, &Field)| !found.nullable && wanted.nullable;
    match fields.iter().zip(schema.fields()).find(null) {
        None => Ok(()),
        Some((field, _)) => Err(mismatch::<R>(format!(
            "column \"{0}\" may be NULL and field \"{0}\" cannot hold that",
            field.name
        ))
        .hint("Make the field an Option, or select COALESCE of the column and a default.")),
    }
}

/// Compares names and types in order. Nothing is allocated unless they differ.
fn first_difference<'a, R>(
    mut found: impl ExactSizeIterator<Item = (&'a str, DataType, bool)>,
    schema: &Schema,
) -> Result<(), SqlError> {
    let columns = found.len();
    for (at, wanted) in schema.fields().iter().enumerate() {
        let shown = |name: &str, data_type: DataType, nullable: bool| {
            format!("\"{name}\" {data_type}{}", if nullable { "" } else { " NOT NULL" })
        };
        let column = || shown(&wanted.name, wanted.data_type, wanted.nullable);
        let number = at + 1;
        match found.next() {
            Some((name, data_type, _)) if name == wanted.name && data_type == wanted.data_type => {}
            Some((name, data_type, nullable)) => {
                let found = shown(name, data_type, nullable);
                let message = format!("field {number} is {found} and column {number} {}", column());
                return Err(mismatch::<R>(message).hint(advice(name, wanted)));
            }
            None => {
                let message = format!("there is no field for column {number}, {}", column());
                return Err(mismatch::<R>(message).hint("Add it at the end of the struct."));
            }
        }
    }
    match found.next() {
        None => Ok(()),
        Some((name, ..)) => {
            let wanted = schema.len();
            let message =
                format!("field \"{name}\" has no column: {columns} fields, {wanted} columns");
            Err(mismatch::<R>(message).hint("Take the field out of the struct."))
        }
    }
}

fn mismatch<R>(message: String) -> SqlError {
    let name = std::any::type_name::<R>();
    SqlError::datatype_mismatch(format!("{name} is not a row of this relation: {message}"))
}

pub(super) fn advice(name: &str, wanted: &Field) -> String {
    let (column, data_type) = (&wanted.name, wanted.data_type);
    if name != column {
        return format!(
            "Fields go in the order of the columns: put that of \"{column}\" here, or name this one \
             with #[row(name = \"{column}\")]."
        );
    }
    let held = match data_type {
        DataType::Boolean => "bool".to_owned(),
        DataType::SmallInt => "i16".to_owned(),
        DataType::Int => "i32".to_owned(),
        DataType::BigInt => "i64".to_owned(),
        DataType::Real => "f32".to_owned(),
        DataType::Double => "f64".to_owned(),
        DataType::Text => "String".to_owned(),
        DataType::Bytea => "Vec<u8>".to_owned(),
        DataType::Uuid => "[u8; 16]".to_owned(),
        DataType::Date => "sluicedb::db::Date".to_owned(),
        DataType::Time => "sluicedb::db::Time".to_owned(),
        DataType::TimestampTz => "sluicedb::db::Timestamptz".to_owned(),
        DataType::Interval => "sluicedb::db::Interval".to_owned(),
        DataType::Json => "sluicedb::db::Json".to_owned(),
        DataType::Array(_) | DataType::Map | DataType::Struct(_) => {
            return format!("No field holds {data_type}: read it as an Arrow batch, or cast it.");
        }
        DataType::Timestamp => "i64 with #[row(timestamp)]".to_owned(),
        DataType::Decimal { precision, scale } => {
            format!("i128 with #[row(decimal({precision}, {scale}))]")
        }
    };
    format!("Make the field {held}.")
}

/// One row of some columns.
#[derive(Clone, Copy, Debug)]
pub struct RowRef<'a> {
    columns: &'a [Column],
    row: usize,
}

impl<'a> RowRef<'a> {
    pub(crate) fn new(columns: &'a [Column], row: usize) -> RowRef<'a> {
        let len = columns.first().map_or(usize::MAX, Column::len);
        assert!(row < len, "row {row} of {len}");
        RowRef { columns, row }
    }

    /// How many columns there are.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether there are no columns.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The value of column `index`: a `bool`, `i16`, `i32` (also DATE in days), `i64` (also TIME,
    /// TIMESTAMP and TIMESTAMPTZ in microseconds), `f32`, `f64`, `i128` (the digits of a DECIMAL),
    /// `&str`, `String` or `Cow<str>` (TEXT and JSON), `&[u8]` or `Vec<u8>` (BYTEA), `[u8; 16]`
    /// (UUID), [`Date`], [`Time`], [`Timestamptz`], [`Interval`] or [`Json`], or an `Option` of one of
    /// them where the column may hold NULL.
    #[inline]
    pub fn get<T: CellOf<'a>>(&self, index: usize) -> Result<T, SqlError> {
        let column = self.columns.get(index).ok_or_else(|| no_column(index, self.columns.len()))?;
        let values = T::values(column).ok_or_else(|| other_type::<T>(index, column))?;
        T::read(values, column.nulls(), self.row).ok_or_else(|| unexpected_null::<T>(index))
    }

    /// The value of column `index`, which must exist, whatever its type.
    pub fn value(&self, index: usize) -> Value {
        self.columns[index].value(self.row)
    }
}

#[cold]
fn no_column(index: usize, columns: usize) -> SqlError {
    SqlError::invalid_parameter(format!("column {index} of a row of {columns} columns"))
        .hint("Columns are counted from 0.")
}

#[cold]
pub(super) fn other_type<T>(index: usize, column: &Column) -> SqlError {
    let (found, wanted) = (column.data_type(), std::any::type_name::<T>());
    SqlError::datatype_mismatch(format!("column {index} is {found} and is read as {wanted}"))
        .hint("Read it as the type that holds it, or cast it in the query.")
}

#[cold]
pub(super) fn unexpected_null<T>(index: usize) -> SqlError {
    let wanted = std::any::type_name::<T>();
    SqlError::datatype_mismatch(format!("column {index} is NULL and is read as {wanted}"))
        .hint(format!("Read it as Option<{wanted}>, or select COALESCE of it and a default."))
}

/// A Rust type that holds a value of a column. It is implemented here for all there are.
pub trait CellOf<'a>: Sized + sealed::Sealed {
    /// The buffer the values are read from.
    type Values: Copy + 'a;
    /// Whether NULL is one of the values.
    const NULLABLE: bool;

    /// The buffer of a column, if it is of the right layout.
    fn values(column: &'a Column) -> Option<Self::Values>;

    /// The value of a row; `None` where it is NULL and the type has no place for that.
    fn read(values: Self::Values, nulls: &'a Bitmap, row: usize) -> Option<Self>;
}

mod sealed {
    /// Keeps the list of types in one place, so that it can grow.
    pub trait Sealed {}
}

/// One type that holds a value: its variant, the buffer, and how a row is read.
///
/// The types of columns are listed, because several lie alike.
macro_rules! cell {
    ($a:lifetime, $type:ty, $variant:ident, $buffer:ty, $of:pat,
     |$values:ident, $row:ident| $read:expr) => {
        impl<$a> sealed::Sealed for $type {}
        impl<$a> CellOf<$a> for $type {
            type Values = &$a $buffer;
            const NULLABLE: bool = false;

            #[inline]
            fn values(column: &$a Column) -> Option<&$a $buffer> {
                match (column.values(), column.data_type()) {
                    (Values::$variant(values), $of) => Some(values),
                    _ => None,
                }
            }

            #[inline]
            fn read($values: &$a $buffer, nulls: &$a Bitmap, $row: usize) -> Option<Self> {
                if is_null(nulls, $row) { None } else { Some($read) }
            }
        }
    };
}

cell!('a, bool, Bool, Bitmap, _, |values, row| values.get(row));
cell!('a, i16, I32, [i32], DataType::SmallInt, |values, row| values[row] as i16);
cell!('a, i32, I32, [i32], _, |values, row| values[row]);
cell!('a, i64, I64, [i64], _, |values, row| values[row]);
cell!('a, f32, F64, [f64], DataType::Real, |values, row| values[row] as f32);
cell!('a, f64, F64, [f64], _, |values, row| values[row]);
cell!('a, i128, I128, [i128], DataType::Decimal { .. }, |values, row| values[row]);
cell!('a, [u8; 16], I128, [i128], DataType::Uuid, |values, row| uuid_of_i128(values[row]));
cell!('a, Date, I32, [i32], DataType::Date, |values, row| Date(values[row]));
cell!('a, Time, I64, [i64], DataType::Time, |values, row| Time(values[row]));
cell!('a, Timestamptz, I64, [i64], DataType::TimestampTz, |values, row| Timestamptz(values[row]));
cell!('a, Interval, I128, [i128], DataType::Interval, |values, row| {
    Interval::of_i128(values[row])
});
cell!('a, &'a str, Text, Text, DataType::Text | DataType::Json, |values, row| values.get(row));
cell!('a, String, Text, Text, DataType::Text | DataType::Json, |values, row| {
    values.get(row).to_owned()
});
cell!('a, std::borrow::Cow<'_, str>, Text, Text, DataType::Text | DataType::Json, |values, row| {
    values.get(row).to_owned().into()
});
cell!('a, Json, Text, Text, DataType::Json, |values, row| Json::of_canonical(values.get(row)));
cell!('a, &'a [u8], Text, Text, DataType::Bytea, |values, row| values.bytes(row));
cell!('a, Vec<u8>, Text, Text, DataType::Bytea, |values, row| values.bytes(row).to_vec());

impl<T: sealed::Sealed> sealed::Sealed for Option<T> {}

impl<'a, T: CellOf<'a>> CellOf<'a> for Option<T> {
    type Values = T::Values;
    const NULLABLE: bool = true;

    #[inline]
    fn values(column: &'a Column) -> Option<T::Values> {
        T::values(column)
    }

    #[inline]
    fn read(values: T::Values, nulls: &'a Bitmap, row: usize) -> Option<Self> {
        Some(T::read(values, nulls, row))
    }
}

#[inline]
fn is_null(nulls: &Bitmap, row: usize) -> bool {
    !nulls.is_empty() && nulls.get(row)
}

#[cfg(test)]
mod tests;
