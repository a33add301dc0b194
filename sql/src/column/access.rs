//! Typed access to a column. Asking for another type than the column has is a bug of the caller.

use super::{Bitmap, Column, Text, Values, View};
use crate::binary::{uuid_of_i128, uuid_to_i128};
use crate::interval::{Interval, span_of};
use crate::json::Json;
use crate::nested;
use crate::types::DataType;
use crate::value::{Value, compare_doubles};

/// Accessors of one layout: the values to read, the values to overwrite, one more value.
macro_rules! typed {
    ($variant:ident, $type:ty, $read:ident, $write:ident, $push:ident) => {
        #[doc = concat!("The values of a column of `", stringify!($type), "`.")]
        #[inline]
        pub fn $read(&self) -> &[$type] {
            match &self.values {
                Values::$variant(values) => values,
                _ => panic!("a column of {} is read as {}", self.data_type, stringify!($read)),
            }
        }

        #[doc = concat!("The values of a column of `", stringify!($type), "`, to overwrite.")]
        #[inline]
        pub fn $write(&mut self) -> &mut [$type] {
            match &mut self.values {
                Values::$variant(values) => values,
                _ => panic!("a column of {} is written as {}", self.data_type, stringify!($read)),
            }
        }

        #[doc = concat!("One more value of a column of `", stringify!($type), "`.")]
        #[inline]
        pub fn $push(&mut self, value: $type) {
            match &mut self.values {
                Values::$variant(values) => values.push(value),
                _ => panic!("a column of {} was pushed by {}", self.data_type, stringify!($push)),
            }
            self.note_value();
        }
    };
}

impl Column {
    typed!(I32, i32, i32s, i32s_mut, push_i32);
    typed!(I64, i64, i64s, i64s_mut, push_i64);
    typed!(F64, f64, f64s, f64s_mut, push_f64);
    typed!(I128, i128, i128s, i128s_mut, push_i128);

    /// The values of a BOOLEAN column.
    #[inline]
    pub fn bools(&self) -> &Bitmap {
        match &self.values {
            Values::Bool(bits) => bits,
            _ => panic!("a column of {} is read as bools", self.data_type),
        }
    }

    /// The values of a BOOLEAN column, to overwrite; their number must stay.
    #[inline]
    pub(crate) fn bools_mut(&mut self) -> &mut Bitmap {
        match &mut self.values {
            Values::Bool(bits) => bits,
            _ => panic!("a column of {} is written as bools", self.data_type),
        }
    }

    /// One more value of a BOOLEAN column.
    #[inline]
    pub fn push_bool(&mut self, value: bool) {
        self.bools_mut().push(value);
        self.note_value();
    }

    /// The values of a TEXT column.
    #[inline]
    pub fn texts(&self) -> &Text {
        match &self.values {
            Values::Text(text) => text,
            _ => panic!("a column of {} is read as texts", self.data_type),
        }
    }

    #[inline]
    pub(crate) fn texts_mut(&mut self) -> &mut Text {
        match &mut self.values {
            Values::Text(text) => text,
            _ => panic!("a column of {} is written as texts", self.data_type),
        }
    }

    /// One more value of a TEXT or JSON column; of JSON it must be the one text that equal values
    /// have.
    #[inline]
    pub fn push_text(&mut self, value: &str) {
        self.texts_mut().push(value);
        self.note_value();
    }

    /// One more value in the layout of texts, as its bytes. For TEXT and JSON they must be UTF-8,
    /// for a nested type what [`nested::encoded`] gives.
    #[inline]
    pub fn push_bytes(&mut self, value: &[u8]) {
        debug_assert!(!self.data_type.is_utf8() || std::str::from_utf8(value).is_ok());
        self.texts_mut().push_bytes(value);
        self.note_value();
    }

    /// One more value of a TEXT column, which is short.
    #[inline]
    pub fn push_short(&mut self, view: View) {
        self.texts_mut().push_short(view);
        self.note_value();
    }

    /// Row `row` of a TEXT or JSON column; empty where it is NULL.
    pub fn text(&self, row: usize) -> &str {
        self.texts().get(row)
    }

    /// The bytes of row `row` in the layout of texts; empty where it is NULL.
    #[inline]
    pub fn bytes(&self, row: usize) -> &[u8] {
        self.texts().bytes(row)
    }

    /// One more value, which must be NULL or of the type of the column.
    pub fn push(&mut self, value: &Value) {
        assert!(value.is_of(self.data_type), "{value:?} is pushed to {}", self.data_type);
        match value {
            Value::Null => self.push_null(),
            Value::Boolean(value) => self.push_bool(*value),
            Value::SmallInt(value) => self.push_i32(i32::from(*value)),
            Value::Int(value) | Value::Date(value) => self.push_i32(*value),
            Value::BigInt(value)
            | Value::Time(value)
            | Value::Timestamp(value)
            | Value::TimestampTz(value) => self.push_i64(*value),
            Value::Real(value) => self.push_f64(f64::from(*value)),
            Value::Double(value) => self.push_f64(*value),
            Value::Decimal { units, .. } => self.push_i128(*units),
            Value::Uuid(bytes) => self.push_i128(uuid_to_i128(*bytes)),
            Value::Interval(value) => self.push_i128(value.to_i128()),
            Value::Text(value) => self.push_text(value),
            Value::Json(value) => self.push_text(value.as_str()),
            Value::Bytea(bytes) => self.push_bytes(bytes),
            Value::Array { .. } | Value::Map(_) | Value::Struct { .. } => {
                self.push_bytes(&nested::encoded(value, self.data_type));
            }
        }
    }

    /// One more NULL.
    pub fn push_null(&mut self) {
        let row = self.len();
        self.resize(row + 1);
        self.set_null(row);
    }

    /// Row `row`.
    pub fn value(&self, row: usize) -> Value {
        if self.is_null(row) {
            return Value::Null;
        }
        match (&self.values, self.data_type) {
            (Values::Bool(bits), _) => Value::Boolean(bits.get(row)),
            (Values::I32(values), DataType::SmallInt) => Value::SmallInt(values[row] as i16),
            (Values::I32(values), DataType::Date) => Value::Date(values[row]),
            (Values::I32(values), _) => Value::Int(values[row]),
            (Values::I64(values), DataType::Time) => Value::Time(values[row]),
            (Values::I64(values), DataType::Timestamp) => Value::Timestamp(values[row]),
            (Values::I64(values), DataType::TimestampTz) => Value::TimestampTz(values[row]),
            (Values::I64(values), _) => Value::BigInt(values[row]),
            (Values::F64(values), DataType::Real) => Value::Real(values[row] as f32),
            (Values::F64(values), _) => Value::Double(values[row]),
            (Values::I128(values), DataType::Uuid) => Value::Uuid(uuid_of_i128(values[row])),
            (Values::I128(values), DataType::Interval) => {
                Value::Interval(Interval::of_i128(values[row]))
            }
            (Values::I128(values), DataType::Decimal { scale, .. }) => {
                Value::Decimal { units: values[row], scale }
            }
            (Values::I128(_), other) => unreachable!("{other} is not laid out as i128"),
            (Values::Text(text), DataType::Text) => Value::text(text.get(row)),
            (Values::Text(text), DataType::Json) => Value::Json(Json::of_canonical(text.get(row))),
            (Values::Text(text), DataType::Bytea) => Value::bytea(text.bytes(row)),
            (Values::Text(text), other) => {
                nested::decoded(text.bytes(row), other).expect("only encoded values are pushed")
            }
        }
    }

    /// Whether row `row` equals row `other_row` of a column of the same type; NULL equals NULL.
    pub fn equal(&self, row: usize, other: &Column, other_row: usize) -> bool {
        let (null, other_null) = (self.is_null(row), other.is_null(other_row));
        if null || other_null {
            return null == other_null;
        }
        match (&self.values, &other.values) {
            (Values::Bool(left), Values::Bool(right)) => left.get(row) == right.get(other_row),
            (Values::I32(left), Values::I32(right)) => left[row] == right[other_row],
            (Values::I64(left), Values::I64(right)) => left[row] == right[other_row],
            (Values::F64(left), Values::F64(right)) => {
                compare_doubles(left[row], right[other_row]).is_eq()
            }
            (Values::I128(left), Values::I128(right)) if self.data_type == DataType::Interval => {
                span_of(left[row]) == span_of(right[other_row])
            }
            (Values::I128(left), Values::I128(right)) => left[row] == right[other_row],
            (Values::Text(left), Values::Text(right)) => left.equal(row, right, other_row),
            _ => panic!("{} is compared with {}", self.data_type, other.data_type),
        }
    }

    #[inline]
    fn note_value(&mut self) {
        if !self.nulls.is_empty() {
            self.nulls.push(false);
        }
    }
}
