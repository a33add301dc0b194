//! Statements of tests: the clock is set and moved on, and rows are compared with those expected.

use std::collections::BTreeMap;

use sluicedb_sql::catalog::{Clock, Decision, Expectation, Table};
use sluicedb_sql::{DataType, Field, Schema, SqlError, Value};

use super::super::outcome::{Done, Outcome, RowSet};
use super::super::session::{Patience, Session};
use super::super::values::values;
use super::{Cut, Error, Known, at_once, query_once};

/// As many rows of each kind are shown of those that differ.
const SHOWN_MAX: usize = 20;

/// A value as it is shown; NULL is none, and no text.
type Cells = Vec<Option<String>>;

/// Carries out what is about the clock, or expects rows.
pub(super) fn carry_out(
    session: &Session,
    patience: &mut impl Patience,
    decision: Decision,
    known: Known<'_>,
) -> Result<Outcome, Error> {
    match decision {
        Decision::SetClock(clock) => Ok(Outcome::Done(set_clock(session, clock))),
        Decision::ShowClock => show_clock(session).map(Outcome::Rows),
        Decision::AdvanceClock(to) => {
            let to = query_once(session, patience, *to, known)?;
            advance_clock(session, patience, &to).map(Outcome::Done)
        }
        Decision::Expect(rows) => expect(session, patience, *rows, known).map(Outcome::Done),
        Decision::Check(rows) => check(session, patience, *rows, known).map(Outcome::Done),
        _ => unreachable!("the caller has looked"),
    }
}

/// Has the time of day be another.
fn set_clock(session: &Session, clock: Clock) -> Done {
    let still_us = match clock {
        Clock::System => None,
        Clock::Still(us) => Some(us),
    };
    session.contact.day.set(still_us);
    Done { tag: "SET", rows: None, notices: Vec::new() }
}

/// What the clock is: that of the system, or the time at which it stands.
fn show_clock(session: &Session) -> Result<RowSet, Error> {
    let clock = match session.contact.day.still_us() {
        Some(us) => Value::TimestampTz(us).to_string(),
        None => "system".to_owned(),
    };
    let schema = Schema::new(vec![Field::nullable("clock", DataType::Text)])?;
    Ok(RowSet::of(&Table { schema, rows: vec![vec![Value::text(&clock)]] }))
}

/// Moves the clock on, and waits until what is due by then has been done.
fn advance_clock(
    session: &Session,
    patience: &mut impl Patience,
    to: &RowSet,
) -> Result<Done, Error> {
    let rows = to.batches.iter().flat_map(values).collect::<Vec<_>>();
    let to_us = match rows.first().and_then(|row| row.first()) {
        Some(Value::TimestampTz(us)) => *us,
        _ => {
            return Err(Error::Sql(SqlError::invalid_parameter(
                "the clock cannot be moved to NULL",
            )));
        }
    };
    session.contact.day.advance(to_us).map_err(|why| {
        Error::Sql(match why {
            None => SqlError::invalid_parameter("the clock is the system's, which goes by itself")
                .hint("SET CLOCK = 'virtual' has it stand still until it is advanced."),
            Some(now_us) => {
                let (now, to) = (Value::TimestampTz(now_us), Value::TimestampTz(to_us));
                let message = format!("the clock stands at {now} and cannot go back to {to}");
                SqlError::invalid_parameter(message).hint("SET CLOCK sets it to any time.")
            }
        })
    })?;
    // The coordinator reads the time at the start of a turn: what the first flush ends may have begun
    // before the clock was moved.
    session.flush(patience)?;
    session.flush(patience)?;
    Ok(Done { tag: "ADVANCE CLOCK", rows: None, notices: Vec::new() })
}

/// Compares rows with those that are expected.
fn expect(
    session: &Session,
    patience: &mut impl Patience,
    expectation: Expectation,
    known: Known<'_>,
) -> Result<Done, Error> {
    let Expectation { of, found, expected, in_order, at } = expectation;
    let queries = std::iter::once(found).chain(expected).collect();
    let Cut { rows, .. } = at_once(session, patience, queries, known)?;
    let (found, expected) = (cells(&rows[0]), rows.get(1).map(cells).unwrap_or_default());
    let same = if in_order { found == expected } else { sorted(&found) == sorted(&expected) };
    if same {
        let count = found.len() as u64;
        return Ok(Done { tag: "EXPECT", rows: Some(count), notices: Vec::new() });
    }
    Err(Error::Sql(SqlError::unexpected_rows(differs(&of, &expected, &found)).at(at)))
}

/// Compares a view with what its query gives when it is asked once.
fn check(
    session: &Session,
    patience: &mut impl Patience,
    view: Expectation,
    known: Known<'_>,
) -> Result<Done, Error> {
    let Expectation { of, found, expected, in_order: _, at } = view;
    let queries = std::iter::once(found).chain(expected).collect();
    let Cut { rows, gone } = at_once(session, patience, queries, known)?;
    if let Some((source, gone)) = gone.first() {
        let message =
            format!("{gone} rows of \"{source}\" are gone, so that {of} cannot be checked");
        let hint = "CREATE SOURCE .. WITH (retain = ..) says how many a source keeps.";
        return Err(Error::Sql(SqlError::not_ready(message).hint(hint).at(at)));
    }
    let [found, expected] = [0, 1].map(|of| rows[of].batches.iter().flat_map(values).collect());
    let (expected, found) = without_close(expected, found);
    if expected.is_empty() && found.is_empty() {
        let count = rows[0].len() as u64;
        return Ok(Done { tag: "CHECK VIEW", rows: Some(count), notices: Vec::new() });
    }
    let hint = "If no row came too late for its windows, this is a bug: please report it.";
    let [expected, found] =
        [expected, found].map(|rows| rows.iter().map(|row| shown(row)).collect::<Vec<_>>());
    Err(Error::Sql(SqlError::unexpected_rows(differs(&of, &expected, &found)).hint(hint).at(at)))
}

/// Both without the rows that both have, where floats are the same that differ by what it makes to
/// add in another order.
fn without_close(
    expected: Vec<Vec<Value>>,
    found: Vec<Vec<Value>>,
) -> (Vec<Vec<Value>>, Vec<Vec<Value>>) {
    let mut left: BTreeMap<Vec<Option<String>>, Vec<Vec<Value>>> = BTreeMap::new();
    // Rows that are close are alike in all but their floats.
    let alike = |row: &[Value]| -> Cells {
        let exact = |value: &Value| match value {
            Value::Real(_) | Value::Double(_) => None,
            value => (*value != Value::Null).then(|| value.to_string()),
        };
        row.iter().map(exact).collect()
    };
    for row in expected {
        left.entry(alike(&row)).or_default().push(row);
    }
    let unexpected = found.into_iter().filter(|row| {
        let Some(rows) = left.get_mut(&alike(row)) else { return true };
        let close =
            |other: &Vec<Value>| row.iter().zip(other).all(|(one, other)| is_close(one, other));
        match rows.iter().position(close) {
            Some(at) => {
                rows.swap_remove(at);
                false
            }
            None => true,
        }
    });
    let unexpected = unexpected.collect();
    (left.into_values().flatten().collect(), unexpected)
}

fn is_close(one: &Value, other: &Value) -> bool {
    // How far the type tells numbers apart, with room for some thousands of additions.
    let number = |value: &Value| match value {
        Value::Real(number) => Some((f64::from(*number), 1e-4)),
        Value::Double(number) => Some((*number, 1e-9)),
        _ => None,
    };
    match (number(one), number(other)) {
        (Some((one, apart)), Some((other, _))) => {
            let most = one.abs().max(other.abs()).max(1.0);
            one == other || one.is_nan() && other.is_nan() || (one - other).abs() <= most * apart
        }
        // What is no float is alike, or NULL in both.
        (None, None) => true,
        _ => false,
    }
}

fn shown(row: &[Value]) -> Cells {
    row.iter().map(|value| (*value != Value::Null).then(|| value.to_string())).collect()
}

fn cells(rows: &RowSet) -> Vec<Cells> {
    rows.batches.iter().flat_map(values).map(|row| shown(&row)).collect()
}

fn sorted(rows: &[Cells]) -> Vec<&Cells> {
    let mut rows: Vec<_> = rows.iter().collect();
    rows.sort();
    rows
}

/// In words what differs: rows that are missing with a minus, those that nobody expected with a plus.
fn differs(of: &str, expected: &[Cells], found: &[Cells]) -> String {
    let mut counts: BTreeMap<&Cells, i64> = BTreeMap::new();
    expected.iter().for_each(|row| *counts.entry(row).or_default() -= 1);
    found.iter().for_each(|row| *counts.entry(row).or_default() += 1);
    let of_sign = |sign: i64| {
        let some = counts.iter().filter(move |(_, count)| count.signum() == sign);
        some.flat_map(|(row, count)| std::iter::repeat_n(*row, count.unsigned_abs() as usize))
    };
    let (missing, more) = (of_sign(-1).count(), of_sign(1).count());
    if missing + more == 0 {
        let rows = found.iter().zip(expected).position(|(found, expected)| found != expected);
        let at = rows.map_or(0, |at| at + 1);
        return format!("{of} has the rows that are expected in another order, from row {at} on");
    }
    let are = |count: usize| match count {
        1 => "1 row is".to_owned(),
        count => format!("{count} rows are"),
    };
    let (missed, came) = (are(missing), are(more));
    let mut text = format!("{of} differs: {missed} missing, {came} not expected");
    for (mark, sign) in [('-', -1), ('+', 1)] {
        for row in of_sign(sign).take(SHOWN_MAX) {
            let cells: Vec<&str> =
                row.iter().map(|cell| cell.as_deref().unwrap_or("NULL")).collect();
            text.push_str(&format!("\n  {mark} {}", cells.join(" | ")));
        }
    }
    if missing.max(more) > SHOWN_MAX {
        text.push_str("\n  ..");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(of: &[&str]) -> Vec<Cells> {
        of.iter().map(|cell| vec![Some((*cell).to_owned()), None]).collect()
    }

    #[test]
    fn what_differs_is_shown_as_often_as_it_does() {
        let said = differs("\"v\"", &rows(&["a", "b", "b"]), &rows(&["b", "c", "a", "a"]));
        let expected = "\"v\" differs: 1 row is missing, 2 rows are not expected\n  - b | NULL\n  \
                        + a | NULL\n  + c | NULL";
        assert_eq!(said, expected);
        let said = differs("\"v\"", &rows(&["a", "b", "c"]), &rows(&["a", "c", "b"]));
        assert_eq!(said, "\"v\" has the rows that are expected in another order, from row 2 on");
        let many: Vec<String> = (0..30).map(|at| format!("{at:02}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let said = differs("\"v\"", &rows(&many), &[]);
        assert!(said.ends_with("  - 19 | NULL\n  .."), "{said}");
    }

    #[test]
    fn floats_that_differ_by_the_order_of_additions_are_the_same() {
        let row = |number: f64, name: &str| vec![Value::text(name), Value::Double(number)];
        let null = || vec![Value::text("a"), Value::Null];
        let expected = vec![row(0.3, "a"), row(1e12, "a"), row(f64::NAN, "b"), null()];
        let found = vec![null(), row(f64::NAN, "b"), row(1e12 + 1.0, "a"), row(0.1 + 0.2, "a")];
        assert_eq!(without_close(expected.clone(), found), (Vec::new(), Vec::new()));
        let found = vec![row(0.3, "b"), row(1.001e12, "a"), row(0.3, "a"), row(0.0, "a")];
        let (missing, more) = without_close(expected, found);
        assert_eq!(missing.len(), 3, "{missing:?}");
        assert_eq!(more, [row(0.3, "b"), row(1.001e12, "a"), row(0.0, "a")]);
    }
}
