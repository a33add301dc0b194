//! Statements of tests: the clock, and rows that are expected of a relation.

use super::decide::{Decision, assigned};
use super::{Catalog, Definition};
use crate::SqlError;
use crate::bounded::Bounded;
use crate::dialect;
use crate::dialect::syntax::{AdvanceClock, Emit, Expect, ExpectFrom, Name, ObjectKind, Statement};
use crate::schema::{Field, Schema};
use crate::types::DataType;
use crate::value::Value;

/// What the time of day is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// That of the machine.
    System,
    /// It stands still at a time, in microseconds since 1970.
    Still(i64),
}

/// Rows that are expected.
#[derive(Debug)]
pub struct Expectation {
    /// Of what, as it was written.
    pub of: String,
    /// Gives the rows that there are.
    pub found: Bounded,
    /// Gives those that are expected, with the same columns; none where there are to be none.
    pub expected: Option<Bounded>,
    /// Whether they come in that order.
    pub in_order: bool,
    /// The byte of the text at which the rows begin.
    pub at: usize,
}

const CLOCKS: &str = "Write 'system', 'virtual', or the time at which it stands still, such as \
                      '2024-01-01 09:30:00Z'.";

/// `SET CLOCK = ..`.
pub(super) fn set_clock(value: Option<&str>, at: usize) -> Result<Decision, SqlError> {
    let clock = match value {
        None => Clock::System,
        Some(value) if value.eq_ignore_ascii_case("system") => Clock::System,
        Some(value) if value.eq_ignore_ascii_case("virtual") => Clock::Still(0),
        Some(value) => match Value::parse(value, DataType::TimestampTz) {
            Ok(Value::TimestampTz(us)) => Clock::Still(us),
            _ => {
                let message = format!("\"{value}\" is no clock");
                return Err(SqlError::invalid_parameter(message).hint(CLOCKS).at(at));
            }
        },
    };
    Ok(Decision::SetClock(clock))
}

impl Catalog {
    /// `ADVANCE CLOCK`: a query with the time that it is to be, as one value.
    pub(super) fn advance_clock(
        &self,
        advance: &AdvanceClock,
        text: &str,
    ) -> Result<Decision, SqlError> {
        let AdvanceClock { value, to, at } = advance;
        let value = if *to {
            format!("CAST({value} AS TIMESTAMPTZ)")
        } else {
            format!("now() + ({value})")
        };
        let refused = || {
            let message = format!("the clock cannot be moved by {}", text[*at..].trim());
            let hint = "ADVANCE CLOCK BY INTERVAL '5 seconds', or TO '2024-01-01 09:30:00Z'.";
            SqlError::datatype_mismatch(message).hint(hint).at(*at)
        };
        let query = match self.of_text(&format!("SELECT {value}"), *at) {
            Err(error) if error.sqlstate == refused().sqlstate => return Err(refused()),
            query => query?,
        };
        if query.schema()?.field(0).data_type != DataType::TimestampTz
            || query.reads().next().is_some()
        {
            return Err(refused());
        }
        Ok(Decision::AdvanceClock(Box::new(query)))
    }

    /// `EXPECT`.
    pub(super) fn expect(&self, expect: &Expect, text: &str) -> Result<Decision, SqlError> {
        let Expect { rows, from, in_order, at } = expect;
        let (of, found) = match from {
            ExpectFrom::Name(name) => self.all_of(name)?,
            ExpectFrom::Query(query) => {
                ("the query".to_owned(), Bounded::new(query.as_ref().clone(), self, text, None)?)
            }
        };
        let schema = found.schema()?;
        // What is expected may be NULL where nothing is.
        let nullable = |field: &Field| Field::nullable(field.name.clone(), field.data_type);
        let schema = Schema::new(schema.fields().iter().map(nullable).collect())?;
        if let Some(row) = rows.iter().find(|row| row.len() != schema.len()) {
            let names: Vec<&str> = schema.names().collect();
            let (wanted, given) = (schema.len(), row.len());
            let message =
                format!("{of} has {wanted} columns and a row that is expected {given} values");
            let hint = format!("The columns are: {}.", names.join(", "));
            return Err(SqlError::syntax(message).hint(hint).at(*at));
        }
        let targets: Vec<usize> = (0..schema.len()).collect();
        let expected = match rows.is_empty() {
            true => None,
            false => {
                let values = super::create::values(&assigned(rows, &schema, &targets))?;
                Some(Bounded::new(values, self, text, None)?.assigned(&schema, &targets)?)
            }
        };
        let (in_order, at) = (*in_order, *at);
        Ok(Decision::Expect(Box::new(Expectation { of, found, expected, in_order, at })))
    }

    /// `CHECK VIEW name`.
    pub(super) fn check(&self, name: &Name) -> Result<Decision, SqlError> {
        let object = self.named(name)?;
        if !matches!(object.definition, Definition::MaterializedView { .. }) {
            return Err(self.kind_error(name, object.kind(), ObjectKind::MaterializedView));
        }
        let refuse = |why: &str, hint: &str| {
            let error = SqlError::unsupported(format!("CHECK of \"{}\", {why}", name.name));
            error.hint(hint).at(name.at)
        };
        let made = dialect::parse(&object.text)?.pop().map(|parsed| parsed.statement);
        let Some(Statement::CreateQuery(create)) = made else {
            return Err(refuse("which no statement made", "Compare it with a query of your own."));
        };
        if matches!(create.query.emit, Some(Emit::OnWindowClose | Emit::Final)) {
            let hint = "A query that is asked once has the rows of open windows, too: EXPECT those that \
                        are closed.";
            return Err(refuse("which has the rows of closed windows alone", hint));
        }
        let query = create.query.query.as_ref().clone();
        let expected = Bounded::new(query, self, &object.text, None);
        let expected = expected.map_err(|error| SqlError { position: Some(name.at), ..error })?;
        let (of, found) = self.all_of(name)?;
        let expected = Some(expected);
        let view = Expectation { of, found, expected, in_order: false, at: name.at };
        Ok(Decision::Check(Box::new(view)))
    }

    /// All rows of a relation, and what it is called.
    fn all_of(&self, name: &Name) -> Result<(String, Bounded), SqlError> {
        let query = self.of_text(&format!("SELECT * FROM {name}"), name.at)?;
        Ok((format!("\"{}\"", name.name), query))
    }

    /// A query of our own making; what is wrong with it is so because of what stands at `at`.
    fn of_text(&self, text: &str, at: usize) -> Result<Bounded, SqlError> {
        let placed = |error: SqlError| SqlError { position: Some(at), ..error };
        let mut parsed = dialect::parse(text).map_err(placed)?;
        let Some(Statement::Query(query)) = parsed.pop().map(|parsed| parsed.statement) else {
            return Err(SqlError::syntax("a value is expected").at(at));
        };
        Bounded::new(*query, self, text, None).map_err(placed)
    }
}
