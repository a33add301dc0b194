//! Vectors that fix the hash for ever, and what it must never confuse.

use sluicedb_sql::{DataType, Value};

use super::*;

fn column(data_type: DataType, values: &[Value]) -> Column {
    let mut column = Column::new(data_type);
    values.iter().for_each(|value| column.push(value));
    column
}

fn hash(data_type: DataType, value: Value) -> u64 {
    let mut hashes = Vec::new();
    hash_rows([column(data_type, &[value])].iter(), 1, &mut hashes);
    hashes[0]
}

fn text(value: &str) -> Value {
    Value::Text(value.into())
}

#[test]
fn integers_of_both_widths_hash_alike() {
    for value in [0, 1, -1, i32::MAX, i32::MIN] {
        let narrow = hash(DataType::Int, Value::Int(value));
        assert_eq!(narrow, hash(DataType::BigInt, Value::BigInt(value.into())));
    }
}

#[test]
fn equal_doubles_hash_alike() {
    let of = |value| hash(DataType::Double, Value::Double(value));
    assert_eq!(of(0.0), of(-0.0));
    assert_eq!(of(f64::NAN), of(-f64::NAN));
    assert_ne!(of(1.0), of(2.0));
}

#[test]
fn null_is_neither_zero_nor_empty() {
    assert_ne!(hash(DataType::BigInt, Value::Null), hash(DataType::BigInt, Value::BigInt(0)));
    assert_ne!(hash(DataType::Text, Value::Null), hash(DataType::Text, text("")));
}

#[test]
fn text_is_not_confused_with_its_padding() {
    assert_ne!(hash(DataType::Text, text("a")), hash(DataType::Text, text("a\0")));
    assert_ne!(hash(DataType::Text, text("12345678")), hash(DataType::Text, text("12345678\0")));
}

#[test]
fn every_shard_owns_a_range_and_every_partition_has_an_owner() {
    for shards in 1..=SHARDS_MAX as u16 {
        let owners: Vec<u16> =
            (0..PARTITIONS as u16).map(|at| owner(Partition(at), shards).0).collect();
        assert!(owners.is_sorted());
        assert_eq!((owners[0], owners[PARTITIONS - 1]), (0, shards - 1));
        for shard in 0..shards {
            let owned = owners.iter().filter(|&&owner| owner == shard).count();
            assert!(owned.abs_diff(PARTITIONS / usize::from(shards)) <= 1, "{shard} of {shards}");
        }
    }
}

#[test]
fn consecutive_keys_spread_over_partitions_and_index_bits() {
    let mut upper = vec![0u32; PARTITIONS];
    let mut lower = vec![0u32; PARTITIONS];
    for key in 0..64 * PARTITIONS as i64 {
        let hash = hash(DataType::BigInt, Value::BigInt(key));
        upper[usize::from(partition(hash).0)] += 1;
        lower[hash as usize % PARTITIONS] += 1;
    }
    // A fair spread of 64 keys a place has a standard deviation of 8.
    for counts in [upper, lower] {
        let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
        assert!(*least > 20 && *most < 120, "{least}..{most}");
    }
}

#[test]
fn the_hash_is_what_it_was_when_databases_were_first_written() {
    let vectors = [
        (DataType::BigInt, Value::BigInt(0), 0x5953_437a_a0c9_b126),
        (DataType::BigInt, Value::BigInt(1), 0xfee8_c7ac_678c_6775),
        (DataType::BigInt, Value::BigInt(-1), 0x2d2a_9f1c_d234_eac1),
        (DataType::Boolean, Value::Boolean(true), 0xfee8_c7ac_678c_6775),
        (DataType::Double, Value::Double(1.5), 0x0ea4_ab38_02fd_5adb),
        (DataType::Double, Value::Double(f64::NAN), 0xf1b4_dac5_ac10_045f),
        (
            DataType::Decimal { precision: 38, scale: 2 },
            Value::Decimal { units: -12345, scale: 2 },
            0x0fbc_1f38_6fc9_b9ab,
        ),
        (DataType::Timestamp, Value::Timestamp(1_700_000_000_000_000), 0xa013_cbd4_1432_659e),
        (DataType::Text, text(""), 0xa08d_b136_c63b_866e),
        (DataType::Text, text("AAPL"), 0x1bdb_2e7a_98ed_c6e0),
        (DataType::Text, text("a text of more than twelve bytes"), 0xbd13_8dc8_8422_b21c),
        (DataType::Text, Value::Null, 0x6436_5dbe_4fcf_77c2),
    ];
    for (data_type, value, expected) in vectors {
        let found = hash(data_type, value.clone());
        assert_eq!(found, expected, "{value} of type {data_type}: {found:#018x}");
    }
    assert_eq!(EMPTY, 0x7047_178b_a597_86d6, "{EMPTY:#018x}");
}

#[test]
fn a_text_hashes_alike_wherever_it_lies() {
    let mut texts = Text::default();
    let all: Vec<String> = (0..=20).map(|len| "abcdefghijklmnopqrstu"[..len].to_owned()).collect();
    all.iter().for_each(|text| texts.push(text));
    for (row, text) in all.iter().enumerate() {
        assert_eq!(fold_text(SEED, &texts, row), fold_bytes(SEED, text.as_bytes()), "{text}");
    }
}

#[test]
fn equal_intervals_hash_alike() {
    let interval = |text| {
        let value = Value::parse(text, DataType::Interval).unwrap();
        hash(DataType::Interval, value)
    };
    assert_eq!(interval("1 mon"), interval("30 days"));
    assert_eq!(interval("1 day"), interval("24:00:00"));
    assert_ne!(interval("1 mon"), interval("31 days"));
}
