//! From a column to an array. Where the layouts agree no value is copied.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryViewArray, BooleanArray, Date32Array, Decimal128Array,
    FixedSizeBinaryArray, Float32Array, Float64Array, Int16Array, Int32Array, Int64Array,
    IntervalMonthDayNanoArray, ListArray, MapArray, StringArray, StringViewArray, StructArray,
    Time64MicrosecondArray, TimestampMicrosecondArray,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::IntervalMonthDayNano;

use super::schema::{arrow_field, arrow_type, map_entries};
use crate::binary::uuid_of_i128;
use crate::column::{Bitmap, Column, Text, Values};
use crate::interval::{DAY_US, Interval};
use crate::types::{DataType, StructType};
use crate::value::Value;

impl Column {
    /// The column as an array of [`arrow_type`], in the same memory unless
    /// Arrow lays the type out in another way.
    pub fn into_array(self) -> ArrayRef {
        match self.data_type {
            DataType::Array(element) => return list(&self, *element),
            DataType::Map => return map(&self),
            DataType::Struct(of) => return structure(&self, of),
            _ => {}
        }
        let Column { data_type, values, nulls } = self;
        let nulls = validity(nulls);
        match (values, data_type) {
            (Values::Bool(bits), _) => Arc::new(BooleanArray::new(bits_of(bits), nulls)),
            (Values::I32(values), DataType::SmallInt) => {
                let values: Vec<i16> = values.into_iter().map(|value| value as i16).collect();
                Arc::new(Int16Array::new(values.into(), nulls))
            }
            (Values::I32(values), DataType::Date) => {
                Arc::new(Date32Array::new(values.into(), nulls))
            }
            (Values::I32(values), _) => Arc::new(Int32Array::new(values.into(), nulls)),
            (Values::I64(values), DataType::Time) => {
                Arc::new(Time64MicrosecondArray::new(values.into(), nulls))
            }
            (Values::I64(values), DataType::Timestamp) => {
                Arc::new(TimestampMicrosecondArray::new(values.into(), nulls))
            }
            (Values::I64(values), DataType::TimestampTz) => {
                let array = TimestampMicrosecondArray::new(values.into(), nulls);
                Arc::new(array.with_timezone("+00:00"))
            }
            (Values::I64(values), _) => Arc::new(Int64Array::new(values.into(), nulls)),
            (Values::F64(values), DataType::Real) => {
                let values: Vec<f32> = values.into_iter().map(|value| value as f32).collect();
                Arc::new(Float32Array::new(values.into(), nulls))
            }
            (Values::F64(values), _) => Arc::new(Float64Array::new(values.into(), nulls)),
            (Values::I128(values), data_type) => wide(values, data_type, nulls),
            (Values::Text(text), DataType::Bytea) => {
                let (views, heap) = views_of(text);
                Arc::new(BinaryViewArray::new(views, heap, nulls))
            }
            (Values::Text(text), _) => {
                let (views, heap) = views_of(text);
                Arc::new(StringViewArray::new(views, heap, nulls))
            }
        }
    }
}

fn wide(values: Vec<i128>, data_type: DataType, nulls: Option<NullBuffer>) -> ArrayRef {
    match data_type {
        DataType::Decimal { precision, scale } => {
            let array = Decimal128Array::new(values.into(), nulls)
                .with_precision_and_scale(precision, scale as i8);
            Arc::new(array.expect("a schema has checked precision and scale"))
        }
        DataType::Uuid => {
            let bytes: Vec<u8> = values.into_iter().flat_map(uuid_of_i128).collect();
            Arc::new(FixedSizeBinaryArray::new(16, Buffer::from_vec(bytes), nulls))
        }
        DataType::Interval => {
            let parts: Vec<IntervalMonthDayNano> = values.into_iter().map(parts).collect();
            Arc::new(IntervalMonthDayNanoArray::new(parts.into(), nulls))
        }
        other => unreachable!("{other} is not laid out as i128"),
    }
}

/// What of the microseconds is more than Arrow's nanoseconds hold becomes days, which leaves the
/// interval an equal one.
fn parts(packed: i128) -> IntervalMonthDayNano {
    let interval = Interval::of_i128(packed);
    let (mut days, mut micros) = (interval.days(), interval.micros());
    let nanos = micros.checked_mul(1000).unwrap_or_else(|| {
        days += (micros / DAY_US) as i32;
        micros %= DAY_US;
        micros * 1000
    });
    IntervalMonthDayNano::new(interval.months(), days, nanos)
}

fn list(column: &Column, element: DataType) -> ArrayRef {
    let mut inner = Column::new(element);
    let mut lengths = Vec::with_capacity(column.len());
    for row in 0..column.len() {
        let Value::Array { items, .. } = column.value(row) else {
            lengths.push(0);
            continue;
        };
        items.iter().for_each(|item| inner.push(item));
        lengths.push(items.len());
    }
    let field = Arc::new(arrow_field("item", element, true));
    let offsets = OffsetBuffer::from_lengths(lengths);
    Arc::new(ListArray::new(field, offsets, inner.into_array(), nulls_of(column)))
}

fn map(column: &Column) -> ArrayRef {
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    let mut lengths = Vec::with_capacity(column.len());
    for row in 0..column.len() {
        let Value::Map(map) = column.value(row) else {
            lengths.push(0);
            continue;
        };
        for (key, value) in map.pairs() {
            keys.push(key.to_owned());
            values.push(value.map(str::to_owned));
        }
        lengths.push(map.len());
    }
    let field = map_entries();
    let keys: ArrayRef = Arc::new(StringArray::from(keys));
    let values: ArrayRef = Arc::new(StringArray::from(values));
    let arrow::datatypes::DataType::Struct(fields) = field.data_type() else {
        unreachable!("entries are structs")
    };
    let entries = StructArray::new(fields.clone(), vec![keys, values], None);
    let offsets = OffsetBuffer::from_lengths(lengths);
    Arc::new(MapArray::new(Arc::clone(&field), offsets, entries, nulls_of(column), true))
}

fn structure(column: &Column, of: &'static StructType) -> ArrayRef {
    let mut inner: Vec<Column> = of
        .fields
        .iter()
        .map(|field| Column::with_capacity(field.data_type, column.len()))
        .collect();
    for row in 0..column.len() {
        match column.value(row) {
            Value::Struct { values, .. } => {
                inner.iter_mut().zip(&values).for_each(|(column, value)| column.push(value));
            }
            _ => inner.iter_mut().for_each(Column::push_null),
        }
    }
    let arrow::datatypes::DataType::Struct(fields) = arrow_type(column.data_type) else {
        unreachable!("a struct is one in Arrow")
    };
    let arrays = inner.into_iter().map(Column::into_array).collect();
    let array = StructArray::new(fields, arrays, nulls_of(column));
    debug_assert_eq!(array.len(), column.len());
    Arc::new(array)
}

fn nulls_of(column: &Column) -> Option<NullBuffer> {
    validity(column.nulls.clone())
}

fn views_of(text: Text) -> (ScalarBuffer<u128>, Vec<Buffer>) {
    let (views, heap) = text.into_views();
    let heap = (!heap.is_empty()).then(|| Buffer::from_vec(heap));
    (ScalarBuffer::from(views), heap.into_iter().collect())
}

fn bits_of(bits: Bitmap) -> BooleanBuffer {
    let len = bits.len();
    let mut words = bits.into_words();
    words.iter_mut().for_each(|word| *word = word.to_le());
    BooleanBuffer::new(Buffer::from_vec(words), 0, len)
}

/// Arrow sets a bit where there is a value.
fn validity(nulls: Bitmap) -> Option<NullBuffer> {
    if nulls.is_empty() {
        return None;
    }
    let len = nulls.len();
    let words = nulls.into_words().into_iter().map(|word| !word).collect();
    Some(NullBuffer::new(bits_of(Bitmap::of_words(words, len))))
}
