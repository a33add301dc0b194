//! A case as a script, for whoever looks into a difference.

use std::fmt::Write as _;

use sluicedb_sql::Value;

use super::case::Case;
use super::compare::{self, Row};
use super::data::Data;

/// Statements that create what the case reads, push its rows and read its view; and what the other
/// side was asked and said.
pub(super) fn script(data: &Data, case: &Case, wanted: &[Row]) -> String {
    let mut script = format!("{};\n", data.create());
    if case.creates.iter().any(|text| text.contains("everything")) {
        script += "CREATE MATERIALIZED VIEW everything AS SELECT * FROM s;\n";
    }
    for create in &case.creates {
        writeln!(script, "{create};").expect("a text takes all");
    }
    for row in &data.rows {
        let cells: Vec<String> = row.iter().map(literal).collect();
        writeln!(script, "INSERT INTO s VALUES ({});", cells.join(", ")).expect("a text takes all");
    }
    writeln!(script, "SELECT * FROM {};", case.name).expect("a text takes all");
    writeln!(script, "-- bounded: {}", case.theirs).expect("a text takes all");
    for row in wanted {
        writeln!(script, "-- {}", compare::text(row)).expect("a text takes all");
    }
    script
}

/// A value as INSERT takes it.
fn literal(value: &Value) -> String {
    match value {
        Value::Null
        | Value::Boolean(_)
        | Value::SmallInt(_)
        | Value::Int(_)
        | Value::BigInt(_)
        | Value::Decimal { .. } => value.to_string(),
        other => format!("'{}'", other.to_string().replace('\'', "''")),
    }
}
