//! From a column to an array. No value is copied.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int32Array, Int64Array, StringViewArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, ScalarBuffer};

use crate::column::{Bitmap, Column, Text, Values};
use crate::types::DataType;

impl Column {
    /// The column as an array of [`arrow_type`](super::arrow_type), in the same memory.
    pub fn into_array(self) -> ArrayRef {
        let Column { data_type, values, nulls } = self;
        let nulls = validity(nulls);
        match (values, data_type) {
            (Values::Bool(bits), _) => Arc::new(BooleanArray::new(bits_of(bits), nulls)),
            (Values::I32(values), _) => Arc::new(Int32Array::new(values.into(), nulls)),
            (Values::I64(values), DataType::Timestamp) => {
                Arc::new(TimestampMicrosecondArray::new(values.into(), nulls))
            }
            (Values::I64(values), _) => Arc::new(Int64Array::new(values.into(), nulls)),
            (Values::F64(values), _) => Arc::new(Float64Array::new(values.into(), nulls)),
            (Values::I128(values), DataType::Decimal { precision, scale }) => {
                let array = Decimal128Array::new(values.into(), nulls)
                    .with_precision_and_scale(precision, scale as i8);
                Arc::new(array.expect("a schema has checked precision and scale"))
            }
            (Values::I128(_), other) => unreachable!("{other} is not laid out as i128"),
            (Values::Text(text), _) => Arc::new(texts(text, nulls)),
        }
    }
}

fn texts(text: Text, nulls: Option<NullBuffer>) -> StringViewArray {
    let (views, heap) = text.into_views();
    let heap = (!heap.is_empty()).then(|| Buffer::from_vec(heap));
    let heap: Vec<Buffer> = heap.into_iter().collect();
    StringViewArray::new(ScalarBuffer::from(views), heap, nulls)
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
