//! Arrays, maps and structs: their bytes in a column, and their text.
//!
//! The bytes of a value are its one encoding, and they order as the values do: item by item, NULL
//! behind every value, the shorter first where it is the beginning of the longer. So equality,
//! hashes, keys and MIN need no look inside. Every item is a mark and, where it is no NULL, its
//! value: numbers in the order of their bytes, texts and bytes with an escape for zero and a zero at
//! the end. Both zeros of a float are one, and so are all NaN. Two intervals that are equal and not
//! written alike stay apart inside of a nested value: only there `1 mon` is not `30 days`.

mod text;

use std::cmp::Ordering;
use std::fmt;

use crate::interval::Interval;
use crate::json::{self, Json};
use crate::types::DataType;
use crate::value::Value;

pub(crate) use text::{format_array, format_struct, parse};

const END: u8 = 0;
const VALUE: u8 = 1;
const NULL: u8 = 2;

/// Stands behind a zero byte of a text; no mark has its value.
const ESCAPE: u8 = 0xff;

/// Texts by text, sorted by key, every key once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Map(Box<[Pair]>);

/// A key, and what it leads to.
type Pair = (Box<str>, Option<Box<str>>);

impl Map {
    /// A map of these pairs; the last of equal keys counts.
    pub fn new<K: Into<Box<str>>, V: Into<Box<str>>>(
        pairs: impl IntoIterator<Item = (K, Option<V>)>,
    ) -> Map {
        let pairs = pairs.into_iter().map(|(key, value)| (key.into(), value.map(Into::into)));
        let mut pairs: Vec<(Box<str>, Option<Box<str>>)> = pairs.collect();
        pairs.sort_by(|left, right| left.0.cmp(&right.0));
        pairs.reverse();
        pairs.dedup_by(|later, kept| later.0 == kept.0);
        pairs.reverse();
        Map(pairs.into())
    }

    /// Keys and values, by key.
    pub fn pairs(&self) -> impl ExactSizeIterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(key, value)| (&**key, value.as_deref()))
    }

    /// The value of a key; `None` where there is no such key.
    pub fn get(&self, key: &str) -> Option<Option<&str>> {
        let at = self.0.binary_search_by(|pair| (*pair.0).cmp(key)).ok()?;
        Some(self.0[at].1.as_deref())
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Ord for Map {
    /// By keys and values in turn, a NULL behind every value.
    fn cmp(&self, other: &Map) -> Ordering {
        let parts = |map: &Map| -> Vec<(Box<str>, bool, Option<Box<str>>)> {
            map.0.iter().map(|(key, value)| (key.clone(), value.is_none(), value.clone())).collect()
        };
        parts(self).cmp(&parts(other))
    }
}

impl PartialOrd for Map {
    fn partial_cmp(&self, other: &Map) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Map {
    /// As a JSON object.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::from("{");
        for (at, (key, value)) in self.pairs().enumerate() {
            text.push_str(if at == 0 { "" } else { ", " });
            json::quote(key, &mut text);
            text.push_str(": ");
            match value {
                Some(value) => json::quote(value, &mut text),
                None => text.push_str("null"),
            }
        }
        text.push('}');
        f.write_str(&text)
    }
}

/// The bytes of a nested value of type `data_type`.
///
/// # Panics
/// If the value is of another type.
pub fn encoded(value: &Value, data_type: DataType) -> Vec<u8> {
    let mut out = Vec::new();
    encode(value, data_type, &mut out);
    out
}

/// Appends the bytes of a value that is not NULL.
pub(crate) fn encode(value: &Value, data_type: DataType, out: &mut Vec<u8>) {
    match (value, data_type) {
        (Value::Boolean(value), _) => out.push(u8::from(*value)),
        (Value::SmallInt(value), _) => out.extend((value.cast_unsigned() ^ 1 << 15).to_be_bytes()),
        (Value::Int(value) | Value::Date(value), _) => {
            out.extend((value.cast_unsigned() ^ 1 << 31).to_be_bytes());
        }
        (
            Value::BigInt(value)
            | Value::Time(value)
            | Value::Timestamp(value)
            | Value::TimestampTz(value),
            _,
        ) => out.extend((value.cast_unsigned() ^ 1 << 63).to_be_bytes()),
        (Value::Real(value), _) => out.extend(ordered_bits(f64::from(*value)).to_be_bytes()),
        (Value::Double(value), _) => out.extend(ordered_bits(*value).to_be_bytes()),
        (Value::Decimal { units, .. }, _) => put_i128(*units, out),
        (Value::Uuid(bytes), _) => out.extend(bytes),
        (Value::Interval(value), _) => put_i128(value.to_i128(), out),
        (Value::Text(text), _) => put_bytes(text.as_bytes(), out),
        (Value::Bytea(bytes), _) => put_bytes(bytes, out),
        (Value::Json(json), _) => put_bytes(json.as_str().as_bytes(), out),
        (Value::Array { items, .. }, DataType::Array(element)) => {
            items.iter().for_each(|item| put_item(item, *element, out));
            out.push(END);
        }
        (Value::Map(map), _) => {
            for (key, value) in map.pairs() {
                out.push(VALUE);
                put_bytes(key.as_bytes(), out);
                match value {
                    None => out.push(NULL),
                    Some(value) => {
                        out.push(VALUE);
                        put_bytes(value.as_bytes(), out);
                    }
                }
            }
            out.push(END);
        }
        (Value::Struct { values, .. }, DataType::Struct(of)) => {
            assert_eq!(values.len(), of.fields.len(), "values of {data_type}");
            for (value, field) in values.iter().zip(of.fields) {
                put_item(value, field.data_type, out);
            }
        }
        _ => unreachable!("{value:?} as {data_type}"),
    }
}

fn put_item(item: &Value, data_type: DataType, out: &mut Vec<u8>) {
    if item.is_null() {
        return out.push(NULL);
    }
    out.push(VALUE);
    encode(item, data_type, out);
}

fn put_i128(value: i128, out: &mut Vec<u8>) {
    out.extend((value.cast_unsigned() ^ 1 << 127).to_be_bytes());
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        out.push(*byte);
        if *byte == END {
            out.push(ESCAPE);
        }
    }
    out.push(END);
}

/// The bits of a double, in the order of the values when they are read as a number.
fn ordered_bits(value: f64) -> u64 {
    let value = if value.is_nan() { f64::NAN } else { value + 0.0 };
    let bits = value.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

fn double_of(bits: u64) -> f64 {
    f64::from_bits(if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits })
}

/// The value of bytes that [`encoded`] gave for this type; `None` for any others.
pub fn decoded(bytes: &[u8], data_type: DataType) -> Option<Value> {
    let mut rest = bytes;
    let value = decode(&mut rest, data_type)?;
    rest.is_empty().then_some(value)
}

fn decode(rest: &mut &[u8], data_type: DataType) -> Option<Value> {
    Some(match data_type {
        DataType::Boolean => match take::<1>(rest)? {
            [0] => Value::Boolean(false),
            [1] => Value::Boolean(true),
            _ => return None,
        },
        DataType::SmallInt => {
            Value::SmallInt((u16::from_be_bytes(take(rest)?) ^ 1 << 15).cast_signed())
        }
        DataType::Int => Value::Int(take_i32(rest)?),
        DataType::Date => Value::Date(take_i32(rest)?),
        DataType::BigInt => Value::BigInt(take_i64(rest)?),
        DataType::Time => Value::Time(take_i64(rest)?),
        DataType::Timestamp => Value::Timestamp(take_i64(rest)?),
        DataType::TimestampTz => Value::TimestampTz(take_i64(rest)?),
        DataType::Real => Value::Real(double_of(u64::from_be_bytes(take(rest)?)) as f32),
        DataType::Double => Value::Double(double_of(u64::from_be_bytes(take(rest)?))),
        DataType::Decimal { scale, .. } => Value::Decimal { units: take_i128(rest)?, scale },
        DataType::Uuid => Value::Uuid(take(rest)?),
        DataType::Interval => Value::Interval(Interval::of_i128(take_i128(rest)?)),
        DataType::Text => Value::Text(take_text(rest)?),
        DataType::Bytea => Value::Bytea(take_bytes(rest)?.into()),
        DataType::Json => Value::Json(Json::of_canonical(&take_text(rest)?)),
        DataType::Array(element) => {
            let mut items = Vec::new();
            while let Some(item) = take_item(rest, *element)? {
                items.push(item);
            }
            Value::Array { element, items: items.into() }
        }
        DataType::Map => {
            let mut pairs = Vec::new();
            while let Some(key) = take_item(rest, DataType::Text)? {
                let value = take_item(rest, DataType::Text)??;
                pairs.push((into_text(key)?, into_text(value)));
            }
            Value::Map(Map(pairs.into()))
        }
        DataType::Struct(of) => {
            let values = of.fields.iter().map(|field| take_item(rest, field.data_type)?);
            let values: Option<Box<[Value]>> = values.collect();
            Value::Struct { of, values: values? }
        }
    })
}

/// One item behind its mark, or none at the end; the outer `None` is for bytes that are broken.
#[expect(clippy::option_option, reason = "the end and broken bytes are two things")]
fn take_item(rest: &mut &[u8], data_type: DataType) -> Option<Option<Value>> {
    match take::<1>(rest)? {
        [END] => Some(None),
        [VALUE] => decode(rest, data_type).map(Some),
        [NULL] => Some(Some(Value::Null)),
        _ => None,
    }
}

fn into_text(value: Value) -> Option<Box<str>> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(*first)
}

fn take_i32(rest: &mut &[u8]) -> Option<i32> {
    Some((u32::from_be_bytes(take(rest)?) ^ 1 << 31).cast_signed())
}

fn take_i64(rest: &mut &[u8]) -> Option<i64> {
    Some((u64::from_be_bytes(take(rest)?) ^ 1 << 63).cast_signed())
}

fn take_i128(rest: &mut &[u8]) -> Option<i128> {
    Some((u128::from_be_bytes(take(rest)?) ^ 1 << 127).cast_signed())
}

fn take_bytes(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    loop {
        let [byte] = take(rest)?;
        if byte != END {
            out.push(byte);
        } else if rest.first() == Some(&ESCAPE) {
            *rest = &rest[1..];
            out.push(END);
        } else {
            return Some(out);
        }
    }
}

fn take_text(rest: &mut &[u8]) -> Option<Box<str>> {
    String::from_utf8(take_bytes(rest)?).ok().map(Into::into)
}

#[cfg(test)]
mod tests;
