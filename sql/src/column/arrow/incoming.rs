//! From an array to a column.
//!
//! An array is checked once and brought to the array whose buffers a column of the type has: its
//! *carrier*. Where Arrow lays the type out alike that is the array itself, by another name.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryViewArray, LargeStringArray,
    PrimitiveArray, StringArray, StringViewArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    DataType as ArrowType, Date32Type, Decimal128Type, Float64Type, Int32Type, Int64Type,
    Time64MicrosecondType, TimestampMicrosecondType,
};

use super::carrier::carrier;
use super::moved;
use super::schema::check_type;
use crate::column::{Column, Values};
use crate::error::SqlError;
use crate::limits::{MORSEL_ROWS_MAX, TEXT_BYTES_MAX};
use crate::schema::Field;
use crate::types::{DataType, Physical};

/// An array every row of which fits a column.
#[derive(Clone, Debug)]
pub struct Incoming {
    array: ArrayRef,
    data_type: DataType,
}

impl Incoming {
    /// Refuses an array of another type, NULLs where there may be none and values that the column
    /// does not hold.
    pub fn new(array: ArrayRef, field: &Field) -> Result<Incoming, SqlError> {
        check_type(array.data_type(), field)?;
        if array.logical_null_count() > 0 && !field.nullable {
            let nulls = array.logical_nulls().expect("a NULL was counted");
            let row = (0..array.len()).find(|row| nulls.is_null(*row)).expect("one was counted");
            return Err(SqlError::not_null(&field.name).hint(format!(
                "Row {row} of the batch is NULL: fill it, or declare the column without NOT NULL."
            )));
        }
        let array = carrier(array, field)?;
        if field.data_type.physical() == Physical::Text {
            check_bytes(&*array, field)?;
        }
        Ok(Incoming { array, data_type: field.data_type })
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.array.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.array.is_empty()
    }

    /// Bytes of a row in the layout of texts; none for other types and NULL.
    pub fn text_bytes(&self, row: usize) -> usize {
        if self.data_type.physical() != Physical::Text || self.array.is_null(row) {
            return 0;
        }
        Texts::of(&*self.array).get(row).len()
    }

    /// At least the bytes of all texts; none for other types. One pass without a look at any text.
    pub fn text_bytes_max(&self) -> usize {
        if self.data_type.physical() != Physical::Text {
            return 0;
        }
        match self.array.data_type() {
            ArrowType::BinaryView => {
                self.array.as_binary_view().lengths().map(|bytes| bytes as usize).sum()
            }
            ArrowType::Utf8View => {
                self.array.as_string_view().lengths().map(|bytes| bytes as usize).sum()
            }
            ArrowType::Utf8 => self.array.as_string::<i32>().values().len(),
            _ => self.array.as_string::<i64>().values().len(),
        }
    }

    /// The whole array as a column of at most [`MORSEL_ROWS_MAX`] rows. The buffer moves where the
    /// array is its only owner and its layout is that of the column.
    pub fn into_column(self) -> Column {
        let rows = self.len();
        assert!(rows <= MORSEL_ROWS_MAX, "{rows} rows as one column");
        let Incoming { array, data_type } = self;
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0).cloned();
        let mut column = match move_values(array, data_type) {
            Ok(values) => Column { data_type, values, nulls: Default::default() },
            Err(array) => {
                let mut column = Column::with_capacity(data_type, rows);
                Incoming { array, data_type }.append_to(0..rows, &mut column);
                return column;
            }
        };
        if let Some(nulls) = nulls {
            let valid = moved::bits(nulls.into_inner());
            column.fill_nulls(|index| !valid.words()[index]);
            column.blank_nulls();
        }
        column
    }

    /// Some of the rows, at most [`MORSEL_ROWS_MAX`], as a column.
    pub fn part(&self, rows: Range<usize>) -> Column {
        assert!(rows.len() <= MORSEL_ROWS_MAX, "{} rows as one column", rows.len());
        let mut column = Column::with_capacity(self.data_type, rows.len());
        self.append_to(rows, &mut column);
        column
    }

    /// Appends some of the rows to a column of the type that was checked.
    pub fn append_to(&self, rows: Range<usize>, column: &mut Column) {
        assert_eq!(column.data_type, self.data_type, "an array was checked for another column");
        let (before, array) = (column.len(), &*self.array);
        match &mut column.values {
            Values::Bool(to) => {
                let bits = array.as_boolean().values();
                rows.clone().for_each(|row| to.push(bits.value(row)));
            }
            Values::I32(to) => to.extend_from_slice(&narrow(array)[rows.clone()]),
            Values::I64(to) => to.extend_from_slice(&wide(array)[rows.clone()]),
            Values::F64(to) => to.extend_from_slice(&slice::<Float64Type>(array)[rows.clone()]),
            Values::I128(to) => {
                to.extend_from_slice(&slice::<Decimal128Type>(array)[rows.clone()]);
            }
            Values::Text(to) => {
                let texts = Texts::of(array);
                let bytes = |row| if array.is_null(row) { &[][..] } else { texts.get(row) };
                rows.clone().for_each(|row| to.push_bytes(bytes(row)));
            }
        }
        append_nulls(array.nulls(), rows, before, column);
    }
}

/// The values in the buffer of the array, or the array back where they need another layout.
fn move_values(array: ArrayRef, data_type: DataType) -> Result<Values, ArrayRef> {
    Ok(match data_type.physical() {
        Physical::Bool => {
            let bits = array.as_boolean().clone();
            drop(array);
            Values::Bool(moved::bits(bits.into_parts().0))
        }
        Physical::I32 => Values::I32(match array.data_type() {
            ArrowType::Date32 => move_primitive::<Date32Type>(array),
            _ => move_primitive::<Int32Type>(array),
        }),
        Physical::I64 => Values::I64(match array.data_type() {
            ArrowType::Timestamp(..) => move_primitive::<TimestampMicrosecondType>(array),
            ArrowType::Time64(_) => move_primitive::<Time64MicrosecondType>(array),
            _ => move_primitive::<Int64Type>(array),
        }),
        Physical::F64 => Values::F64(move_primitive::<Float64Type>(array)),
        Physical::I128 => Values::I128(move_primitive::<Decimal128Type>(array)),
        Physical::Text => match array.data_type() {
            ArrowType::Utf8View => {
                let texts = array.as_string_view().clone();
                drop(array);
                Values::Text(moved::texts(texts).map_err(|texts| Arc::new(texts) as ArrayRef)?)
            }
            ArrowType::BinaryView => {
                let bytes = array.as_binary_view().clone();
                drop(array);
                Values::Text(moved::texts(bytes).map_err(|bytes| Arc::new(bytes) as ArrayRef)?)
            }
            _ => return Err(array),
        },
    })
}

fn move_primitive<T: ArrowPrimitiveType>(array: ArrayRef) -> Vec<T::Native> {
    let owned: PrimitiveArray<T> = array.as_primitive::<T>().clone();
    // The clone shares the buffer; when the array is gone it may be the only one that does.
    drop(array);
    moved::values(owned.into_parts().1)
}

/// The numbers of a carrier with 32 bits, which may be days.
fn narrow(array: &dyn Array) -> &[i32] {
    match array.data_type() {
        ArrowType::Date32 => slice::<Date32Type>(array),
        _ => slice::<Int32Type>(array),
    }
}

/// Those of a carrier with 64 bits, which may be microseconds.
fn wide(array: &dyn Array) -> &[i64] {
    match array.data_type() {
        ArrowType::Timestamp(..) => slice::<TimestampMicrosecondType>(array),
        ArrowType::Time64(_) => slice::<Time64MicrosecondType>(array),
        _ => slice::<Int64Type>(array),
    }
}

fn slice<T: ArrowPrimitiveType>(array: &dyn Array) -> &[T::Native] {
    array.as_primitive::<T>().values()
}

/// An array of texts or bytes in any of the layouts that carry them.
enum Texts<'a> {
    View(&'a StringViewArray),
    Small(&'a StringArray),
    Large(&'a LargeStringArray),
    Bytes(&'a BinaryViewArray),
}

impl<'a> Texts<'a> {
    fn of(array: &'a dyn Array) -> Texts<'a> {
        match array.data_type() {
            ArrowType::Utf8View => Texts::View(array.as_string_view()),
            ArrowType::Utf8 => Texts::Small(array.as_string()),
            ArrowType::LargeUtf8 => Texts::Large(array.as_string()),
            ArrowType::BinaryView => Texts::Bytes(array.as_binary_view()),
            other => unreachable!("{other} carries no texts"),
        }
    }

    fn get(&self, row: usize) -> &'a [u8] {
        match self {
            Texts::View(texts) => texts.value(row).as_bytes(),
            Texts::Small(texts) => texts.value(row).as_bytes(),
            Texts::Large(texts) => texts.value(row).as_bytes(),
            Texts::Bytes(bytes) => bytes.value(row),
        }
    }
}

fn append_nulls(from: Option<&NullBuffer>, rows: Range<usize>, before: usize, column: &mut Column) {
    if column.has_nulls() {
        let len = column.len();
        column.nulls.resize(len);
    }
    let Some(nulls) = from else { return };
    for (at, row) in rows.enumerate() {
        if nulls.is_null(row) {
            column.set_null(before + at);
        }
    }
}

fn check_bytes(array: &dyn Array, field: &Field) -> Result<(), SqlError> {
    let texts = Texts::of(array);
    let long = |row: &usize| array.is_valid(*row) && texts.get(*row).len() > TEXT_BYTES_MAX;
    let Some(row) = (0..array.len()).find(long) else { return Ok(()) };
    let what = if field.data_type == DataType::Text { "text" } else { "value" };
    let what = format!("bytes of the {what} in row {row} of column \"{}\"", field.name);
    Err(SqlError::limit_exceeded(&what, texts.get(row).len(), TEXT_BYTES_MAX)
        .hint("Shorten the text, or keep it elsewhere and store a reference."))
}
