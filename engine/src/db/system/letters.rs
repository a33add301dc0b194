//! `sluice.late_rows` and `sluice.dead_letters`: rows that no result has, and why.

use sluicedb_sql::json::write_row;
use sluicedb_sql::{Interval, Json, Value};

use super::super::rejected::Rejected;
use super::text;
use crate::core::graph::{Kind, Origin};
use crate::core::ids::Time;
use crate::shell::letters::Letter;
use crate::shell::survey::Survey;

/// Rows by when they were seen.
struct Rows(Vec<(i64, Vec<Value>)>);

impl Rows {
    fn push(&mut self, seen_us: i64, rest: impl IntoIterator<Item = Value>) {
        let row = std::iter::once(Value::TimestampTz(seen_us)).chain(rest).collect();
        self.0.push((seen_us, row));
    }

    fn into_rows(mut self) -> Vec<Vec<Value>> {
        self.0.sort_by_key(|(seen_us, _)| *seen_us);
        self.0.into_iter().map(|(_, row)| row).collect()
    }
}

/// The row as it reached an operator.
fn data(origin: &Origin, values: Vec<Value>) -> Value {
    object(origin.input.names().zip(values))
}

/// A row as an object.
pub(super) fn object<'n>(fields: impl Iterator<Item = (&'n str, Value)>) -> Value {
    let mut text = String::new();
    write_row(fields, None, &mut text);
    // A row that fits memory may be longer as a text than a text may be.
    Json::parse(&text).map_or(Value::Null, Value::Json)
}

fn sources(origin: &Origin) -> Value {
    Value::text(&origin.sources.join(", "))
}

fn moment_of(value: &Value) -> Option<i64> {
    match value {
        Value::Timestamp(us) | Value::TimestampTz(us) => Some(*us),
        _ => None,
    }
}

pub(super) fn late_rows(survey: &Survey) -> Vec<Vec<Value>> {
    let mut rows = Rows(Vec::new());
    for shard in &survey.shards {
        shard.late.each(|letter| {
            let Letter { seen_us, operator, values, weight, behind, error: _ } = letter;
            let happened = match &operator.kind {
                Kind::Aggregate(options) => options
                    .window
                    .as_ref()
                    .and_then(|window| moment_of(&values[*window.window.time()])),
                Kind::Join(options) => options.within.and_then(|within| {
                    // The side that the row is not of is NULL.
                    let [left, right] = within.columns;
                    let right = options.inputs[0].len() + right;
                    moment_of(&values[left]).or_else(|| moment_of(&values[right]))
                }),
                _ => None,
            };
            let late_by = happened.map(|us| behind.0.saturating_sub(us));
            let late_by = late_by.and_then(|us| Interval::new(0, 0, us));
            rows.push(
                seen_us,
                [
                    sources(&operator.origin),
                    Value::text(&operator.origin.relation),
                    super::moment(Some(behind).filter(|time| *time > Time::MIN)),
                    happened.map_or(Value::Null, Value::Timestamp),
                    late_by.map_or(Value::Null, Value::Interval),
                    Value::BigInt(weight),
                    data(&operator.origin, values),
                ],
            );
        });
    }
    rows.into_rows()
}

pub(super) fn dead_letters(survey: &Survey, rejected: &[Rejected]) -> Vec<Vec<Value>> {
    let mut rows = Rows(Vec::new());
    for shard in &survey.shards {
        shard.dead.each(|letter| {
            let Letter { seen_us, operator, values, weight, behind: _, error } = letter;
            rows.push(
                seen_us,
                [
                    sources(&operator.origin),
                    Value::text(&operator.origin.relation),
                    Value::text(operator.kind.name()),
                    Value::Null,
                    Value::Null,
                    text(error.map(|error| error.sqlstate())),
                    error.map_or(Value::Null, |error| Value::text(&error.to_string())),
                    Value::BigInt(weight),
                    data(&operator.origin, values),
                    Value::Null,
                ],
            );
        });
    }
    for Rejected { seen_us, name, position, offset, raw, reason } in rejected {
        let offset = offset.and_then(|offset| i64::try_from(offset).ok());
        rows.push(
            *seen_us,
            [
                Value::text(name),
                Value::Null,
                Value::Null,
                text(position.as_deref()),
                offset.map_or(Value::Null, Value::BigInt),
                Value::Null,
                Value::text(reason),
                Value::BigInt(1),
                Value::Null,
                raw.as_ref().map_or(Value::Null, |raw| Value::Bytea(raw.as_slice().into())),
            ],
        );
    }
    rows.into_rows()
}
