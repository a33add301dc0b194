//! What made up rows are.

use super::*;

fn content(seed: u64, rate: u64, columns: &[(&str, DataType)]) -> Content {
    let made = columns
        .iter()
        .map(|(name, data_type)| (preset::of(Some("trades"), name, *data_type), *data_type));
    Content { seed, start_us: 1_704_067_200_000_000, per_second: rate, made: made.collect() }
}

const COLUMNS: [(&str, DataType); 5] = [
    ("symbol", DataType::Text),
    ("price", DataType::Double),
    ("volume", DataType::BigInt),
    ("id", DataType::BigInt),
    ("other", DataType::Uuid),
];

#[test]
fn rows_are_a_function_of_the_seed_and_not_of_the_rate() {
    let rows = |seed, rate| -> Vec<Vec<Value>> {
        let content = content(seed, rate, &COLUMNS);
        (0..200).map(|number| content.row(number)).collect()
    };
    assert_eq!(rows(1, 1000), rows(1, 7));
    assert_ne!(rows(1, 1000), rows(2, 1000));
    let symbols: std::collections::BTreeSet<String> =
        rows(1, 1000).iter().map(|row| row[0].to_string()).collect();
    assert_eq!(symbols.len(), 8, "all symbols come up");
}

#[test]
fn event_time_moves_by_what_the_rate_says() {
    let content = content(1, 4, &[("ts", DataType::Timestamp)]);
    let times: Vec<String> = (0..3).map(|number| content.row(number)[0].to_string()).collect();
    let expected = ["2024-01-01 00:00:00", "2024-01-01 00:00:00.25", "2024-01-01 00:00:00.5"];
    assert_eq!(times, expected);
}

#[test]
fn every_type_holds_what_is_made_up_for_it() {
    let decimal = |precision, scale| DataType::Decimal { precision, scale };
    let types = [
        DataType::Boolean,
        DataType::SmallInt,
        DataType::Int,
        DataType::BigInt,
        DataType::Real,
        DataType::Double,
        decimal(3, 1),
        decimal(10, 2),
        decimal(38, 38),
        DataType::Text,
        DataType::Bytea,
        DataType::Uuid,
        DataType::Date,
        DataType::Time,
        DataType::Timestamp,
        DataType::TimestampTz,
        DataType::Interval,
        DataType::Json,
    ];
    for name in ["symbol", "price", "id", "unknown"] {
        for data_type in types {
            let field = sluicedb::db::Field::not_null(name, data_type);
            let content = content(3, 1000, &[(name, data_type)]);
            for number in 0..50 {
                content.row(number)[0].fits(&field).unwrap();
            }
        }
    }
}
