//! From an array to a column.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, LargeStringArray, PrimitiveArray, StringArray,
    StringViewArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    DataType as ArrowType, Date32Type, Date64Type, Decimal128Type, Float64Type, Int32Type,
    Int64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampSecondType,
};

use super::moved;
use super::schema::{check_type, microseconds};
use crate::column::{Column, Values};
use crate::decimal;
use crate::error::SqlError;
use crate::limits::{MORSEL_ROWS_MAX, TEXT_BYTES_MAX, TIMESTAMP_US_MAX};
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
        if array.null_count() > 0 && !field.nullable {
            let row = (0..array.len()).find(|row| array.is_null(*row)).expect("a NULL was counted");
            return Err(SqlError::not_null(&field.name).hint(format!(
                "Row {row} of the batch is NULL: fill it, or declare the column without NOT NULL."
            )));
        }
        match field.data_type {
            DataType::Timestamp => check_moments(&*array, field)?,
            DataType::Decimal { precision, .. } => check_digits(&*array, precision, field)?,
            DataType::Text => check_texts(&*array, field)?,
            DataType::Boolean | DataType::Int | DataType::BigInt | DataType::Double => {}
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

    /// Bytes of the text of a row; none for other types and NULL.
    pub fn text_bytes(&self, row: usize) -> usize {
        if self.data_type != DataType::Text || self.array.is_null(row) {
            return 0;
        }
        Texts::of(&*self.array).get(row).len()
    }

    /// At least the bytes of all texts; none for other types. One pass without a look at any text.
    pub fn text_bytes_max(&self) -> usize {
        if self.data_type != DataType::Text {
            return 0;
        }
        match self.array.data_type() {
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

    /// Appends some of the rows to a column of the type that was checked.
    pub fn append_to(&self, rows: Range<usize>, column: &mut Column) {
        assert_eq!(column.data_type, self.data_type, "an array was checked for another column");
        let (before, array) = (column.len(), &*self.array);
        match &mut column.values {
            Values::Bool(to) => {
                let bits = array.as_boolean().values();
                rows.clone().for_each(|row| to.push(bits.value(row)));
            }
            Values::I32(to) => to.extend_from_slice(&slice::<Int32Type>(array)[rows.clone()]),
            Values::I64(to) if self.data_type == DataType::BigInt => {
                to.extend_from_slice(&slice::<Int64Type>(array)[rows.clone()]);
            }
            Values::I64(to) => append_moments(array, rows.clone(), to),
            Values::F64(to) => to.extend_from_slice(&slice::<Float64Type>(array)[rows.clone()]),
            Values::I128(to) => {
                to.extend_from_slice(&slice::<Decimal128Type>(array)[rows.clone()]);
            }
            Values::Text(to) => {
                let texts = Texts::of(array);
                let text = |row| if array.is_null(row) { "" } else { texts.get(row) };
                rows.clone().for_each(|row| to.push(text(row)));
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
        Physical::I32 => Values::I32(move_primitive::<Int32Type>(array)),
        Physical::I64 if data_type == DataType::BigInt => {
            Values::I64(move_primitive::<Int64Type>(array))
        }
        Physical::I64 => match microseconds(array.data_type()) {
            Some(1) => Values::I64(move_primitive::<TimestampMicrosecondType>(array)),
            _ => return Err(array),
        },
        Physical::F64 => Values::F64(move_primitive::<Float64Type>(array)),
        Physical::I128 => Values::I128(move_primitive::<Decimal128Type>(array)),
        Physical::Text => {
            let Some(texts) = array.as_string_view_opt().cloned() else { return Err(array) };
            drop(array);
            Values::Text(moved::texts(texts).map_err(|texts| Arc::new(texts) as ArrayRef)?)
        }
    })
}

fn move_primitive<T: ArrowPrimitiveType>(array: ArrayRef) -> Vec<T::Native> {
    let owned: PrimitiveArray<T> = array.as_primitive::<T>().clone();
    // The clone shares the buffer; when the array is gone it may be the only one that does.
    drop(array);
    moved::values(owned.into_parts().1)
}

fn slice<T: ArrowPrimitiveType>(array: &dyn Array) -> &[T::Native] {
    array.as_primitive::<T>().values()
}

/// An array of texts in any of the layouts that are taken.
enum Texts<'a> {
    View(&'a StringViewArray),
    Small(&'a StringArray),
    Large(&'a LargeStringArray),
}

impl<'a> Texts<'a> {
    fn of(array: &'a dyn Array) -> Texts<'a> {
        match array.data_type() {
            ArrowType::Utf8View => Texts::View(array.as_string_view()),
            ArrowType::Utf8 => Texts::Small(array.as_string()),
            ArrowType::LargeUtf8 => Texts::Large(array.as_string()),
            other => unreachable!("{other} is refused for TEXT"),
        }
    }

    fn get(&self, row: usize) -> &'a str {
        match self {
            Texts::View(texts) => texts.value(row),
            Texts::Small(texts) => texts.value(row),
            Texts::Large(texts) => texts.value(row),
        }
    }
}

/// What a NULL holds may be anything: it is blanked with the nulls, so that it may wrap here.
fn append_moments(array: &dyn Array, rows: Range<usize>, to: &mut Vec<i64>) {
    let factor = microseconds(array.data_type()).expect("checked to be an array of moments");
    match array.data_type() {
        ArrowType::Date32 => to.extend(
            slice::<Date32Type>(array)[rows]
                .iter()
                .map(|days| i64::from(*days).wrapping_mul(factor)),
        ),
        _ => to.extend(units(array)[rows].iter().map(|units| units.wrapping_mul(factor))),
    }
}

/// The numbers of an array of moments that are 64 bits wide.
fn units(array: &dyn Array) -> &[i64] {
    match array.data_type() {
        ArrowType::Timestamp(TimeUnit::Second, _) => slice::<TimestampSecondType>(array),
        ArrowType::Timestamp(TimeUnit::Millisecond, _) => slice::<TimestampMillisecondType>(array),
        ArrowType::Timestamp(TimeUnit::Microsecond, _) => slice::<TimestampMicrosecondType>(array),
        ArrowType::Date64 => slice::<Date64Type>(array),
        other => unreachable!("{other} is refused for TIMESTAMP"),
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

/// The first row that has a value which is not good. A NULL may hold anything.
fn first_bad<T: Copy>(array: &dyn Array, values: &[T], good: impl Fn(T) -> bool) -> Option<usize> {
    if values.iter().all(|value| good(*value)) {
        return None;
    }
    (0..values.len()).find(|row| array.is_valid(*row) && !good(values[*row]))
}

fn check_moments(array: &dyn Array, field: &Field) -> Result<(), SqlError> {
    let factor = microseconds(array.data_type()).expect("checked to be an array of moments");
    let max = (TIMESTAMP_US_MAX / factor) as u64;
    let bad = match array.data_type() {
        ArrowType::Date32 => {
            let days = slice::<Date32Type>(array);
            first_bad(array, days, |days| u64::from(days.unsigned_abs()) <= max)
                .map(|row| (row, i64::from(days[row])))
        }
        _ => first_bad(array, units(array), |units| units.unsigned_abs() <= max)
            .map(|row| (row, units(array)[row])),
    };
    let Some((row, value)) = bad else { return Ok(()) };
    let (name, unit) = (&field.name, array.data_type());
    Err(SqlError::out_of_range(format!(
        "row {row} of column \"{name}\": {value} as {unit} is farther from 1970 than \
         {TIMESTAMP_US_MAX} us"
    ))
    .hint("Leave the row out, or make the value NULL."))
}

fn check_digits(array: &dyn Array, precision: u8, field: &Field) -> Result<(), SqlError> {
    let values = slice::<Decimal128Type>(array);
    let bad = first_bad(array, values, |units| decimal::fits(units, precision));
    let Some(row) = bad else { return Ok(()) };
    let (name, wanted) = (&field.name, field.data_type);
    Err(SqlError::out_of_range(format!(
        "row {row} of column \"{name}\" has more than the {precision} digits of {wanted}"
    ))
    .hint("Leave the row out, or declare the column with more digits."))
}

fn check_texts(array: &dyn Array, field: &Field) -> Result<(), SqlError> {
    let texts = Texts::of(array);
    let long = |row: &usize| array.is_valid(*row) && texts.get(*row).len() > TEXT_BYTES_MAX;
    let Some(row) = (0..array.len()).find(long) else { return Ok(()) };
    let what = format!("bytes of the text in row {row} of column \"{}\"", field.name);
    Err(SqlError::limit_exceeded(&what, texts.get(row).len(), TEXT_BYTES_MAX)
        .hint("Shorten the text, or keep it elsewhere and store a reference."))
}
