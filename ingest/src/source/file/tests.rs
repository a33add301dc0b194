//! Files that are read on from a position.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::{DataType as ArrowType, Field as ArrowField, Schema as ArrowSchema};
use arrow::ipc::writer::{FileWriter, StreamWriter};
use parquet::arrow::ArrowWriter;
use sluicedb::db::{DataType, Field, Position, Schema};

use super::*;
use crate::file::Format;

const ROWS: i64 = 5_000;

fn place(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("sluice-position-{name}-{}", std::process::id()))
}

/// The numbers up to [`ROWS`] as a file; every hundredth is no row of text, and NULL in columns.
fn write(name: &str) -> Options {
    let (path, rejected) = (place(name), |n: i64| n % 100 == 99);
    let values = (0..ROWS).map(|n| (!rejected(n)).then_some(n));
    let columns = || {
        let field = ArrowField::new("n", ArrowType::Int64, true);
        let schema = Arc::new(ArrowSchema::new(vec![field]));
        let values: Int64Array = values.clone().collect();
        RecordBatch::try_new(schema, vec![Arc::new(values)]).unwrap()
    };
    let format = match name {
        "csv" | "json" => {
            let line = |n: Option<i64>| match (name, n) {
                (_, None) => "no row\n".to_owned(),
                ("csv", Some(n)) => format!("{n}\n"),
                (_, Some(n)) => format!("{{\"n\":{n}}}\n"),
            };
            let header = if name == "csv" { "n\n" } else { "" };
            fs::write(&path, header.to_owned() + &values.map(line).collect::<String>()).unwrap();
            if name == "csv" { Format::Csv } else { Format::Json }
        }
        "parquet" => {
            let (file, batch) = (fs::File::create(&path).unwrap(), columns());
            let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
            writer.write(&batch).unwrap();
            writer.close().unwrap();
            Format::Parquet
        }
        "arrow" => {
            let (file, batch) = (fs::File::create(&path).unwrap(), columns());
            let mut writer = FileWriter::try_new(file, &batch.schema()).unwrap();
            for start in (0..ROWS as usize).step_by(777) {
                let rows = 777.min(ROWS as usize - start);
                writer.write(&batch.slice(start, rows)).unwrap();
            }
            writer.finish().unwrap();
            Format::Arrow
        }
        _ => {
            let (file, batch) = (fs::File::create(&path).unwrap(), columns());
            let mut writer = StreamWriter::try_new(file, &batch.schema()).unwrap();
            writer.write(&batch).unwrap();
            writer.finish().unwrap();
            Format::Arrow
        }
    };
    let path = path.display().to_string();
    Options { path, format, header: true, delimiter: ',', null: String::new(), at: 0 }
}

/// The rows of a file from a position on, each with the position behind it.
fn read(file: &Options, from: Option<Position>) -> Vec<(i64, Position)> {
    let schema = Schema::new(vec![Field::not_null("n", DataType::BigInt)]).unwrap();
    let mut reader = Reader::open(file, &schema, false).unwrap();
    from.map_or(Ok(()), |from| reader.resume(from)).unwrap();
    let mut found = Vec::new();
    loop {
        match reader.next(&mut |_| {}).unwrap() {
            Found::Rows(Read { batch, ends }) => {
                let values = batch.column(0).as_any().downcast_ref::<Int64Array>().unwrap();
                let positions = ends.iter().map(|end| reader.position(*end).unwrap());
                found.extend(values.values().iter().copied().zip(positions));
            }
            Found::Rejected => {}
            Found::Nothing | Found::End => return found,
        }
    }
}

#[test]
fn behind_any_row_the_rest_is_read_and_nothing_else() {
    for name in ["csv", "json", "parquet", "arrow", "arrows"] {
        let file = write(name);
        let all = read(&file, None);
        let expected: Vec<i64> = (0..ROWS).filter(|n| n % 100 != 99).collect();
        assert!(all.iter().map(|(n, _)| *n).eq(expected), "{name}");
        for at in [0, 1, 98, 99, 776, 777, 1_000, 1_023, 1_024, 4_000, all.len() - 1] {
            let rest = read(&file, Some(all[at].1));
            assert!(rest == all[at + 1..], "{name} behind row {at}");
        }
        fs::remove_file(&file.path).unwrap();
    }
}
