//! The columns of a relation as bytes: their count, and of each the length of its name, the name,
//! whether it may be NULL, and its type. A type is a byte, and behind it what it consists of. Numbers
//! are little endian.

use sluicedb_sql::{DataType, Field, Schema};

/// The types that consist of nothing else, by their bytes.
const PLAIN: [DataType; 16] = [
    DataType::Boolean,
    DataType::SmallInt,
    DataType::Int,
    DataType::BigInt,
    DataType::Real,
    DataType::Double,
    DataType::Text,
    DataType::Bytea,
    DataType::Uuid,
    DataType::Date,
    DataType::Time,
    DataType::Timestamp,
    DataType::TimestampTz,
    DataType::Interval,
    DataType::Json,
    DataType::Map,
];
const DECIMAL: u8 = 100;
const ARRAY: u8 = 101;
const STRUCT: u8 = 102;

pub(super) fn encode(schema: &Schema, out: &mut Vec<u8>) {
    count(schema.len(), out);
    for Field { name, data_type, nullable } in schema.fields() {
        text(name, out);
        out.push(u8::from(*nullable));
        encode_type(*data_type, out);
    }
}

fn encode_type(data_type: DataType, out: &mut Vec<u8>) {
    match data_type {
        DataType::Decimal { precision, scale } => out.extend([DECIMAL, precision, scale]),
        DataType::Array(element) => {
            out.push(ARRAY);
            encode_type(*element, out);
        }
        DataType::Struct(of) => {
            out.push(STRUCT);
            count(of.fields.len(), out);
            for field in of.fields {
                text(field.name, out);
                encode_type(field.data_type, out);
            }
        }
        plain => {
            let at = PLAIN.iter().position(|other| *other == plain);
            out.push(at.expect("every other type consists of nothing else") as u8);
        }
    }
}

fn count(items: usize, out: &mut Vec<u8>) {
    out.extend(u32::try_from(items).expect("a schema is bounded").to_le_bytes());
}

fn text(text: &str, out: &mut Vec<u8>) {
    count(text.len(), out);
    out.extend(text.as_bytes());
}

pub(super) fn decode(rest: &mut &[u8]) -> Option<Schema> {
    let columns = super::number(rest)?;
    let mut fields = Vec::new();
    for _ in 0..columns {
        let name = decode_text(rest)?;
        let nullable = match byte(rest)? {
            0 => false,
            1 => true,
            _ => return None,
        };
        fields.push(Field { name, data_type: decode_type(rest, NESTED_MAX)?, nullable });
    }
    Schema::new(fields).ok()
}

/// Types in each other: more than a schema may have, which is looked at when the type is there.
const NESTED_MAX: usize = 64;

fn decode_type(rest: &mut &[u8], deep: usize) -> Option<DataType> {
    let deep = deep.checked_sub(1)?;
    match byte(rest)? {
        DECIMAL => Some(DataType::Decimal { precision: byte(rest)?, scale: byte(rest)? }),
        ARRAY => DataType::array(decode_type(rest, deep)?).ok(),
        STRUCT => {
            let mut fields = Vec::new();
            for _ in 0..super::number(rest)? {
                fields.push((decode_text(rest)?, decode_type(rest, deep)?));
            }
            let named = fields.iter().map(|(name, data_type)| (name.as_str(), *data_type));
            DataType::structure(named).ok()
        }
        plain => PLAIN.get(usize::from(plain)).copied(),
    }
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (byte, behind) = rest.split_first()?;
    *rest = behind;
    Some(*byte)
}

fn decode_text(rest: &mut &[u8]) -> Option<String> {
    let length = super::number(rest)? as usize;
    let (text, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_all_types_are_read_back() {
        let decimal = DataType::Decimal { precision: 38, scale: 10 };
        let array = DataType::array(decimal).unwrap();
        let structure = [("a b", array), ("c", DataType::Text)];
        let structure = DataType::structure(structure).unwrap();
        let types = PLAIN.into_iter().chain([decimal, array, structure]);
        let field = |(at, data_type): (usize, DataType)| Field {
            name: format!("column \"{at}\""),
            data_type,
            nullable: at % 2 == 0,
        };
        let schema = Schema::new(types.enumerate().map(field).collect()).unwrap();
        let mut bytes = Vec::new();
        encode(&schema, &mut bytes);
        let mut rest = &bytes[..];
        assert_eq!(decode(&mut rest), Some(schema));
        assert!(rest.is_empty());
        for cut in 0..bytes.len() {
            assert_eq!(decode(&mut &bytes[..cut]), None, "{cut} bytes");
        }
    }
}
