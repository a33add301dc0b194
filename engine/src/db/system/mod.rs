//! The rows of the relations by which a database tells of itself.

mod epochs;
mod letters;
mod objects;
mod operators;
mod producers;
mod withheld;

use std::sync::Arc;

use ::arrow::array::RecordBatch;
use sluicedb_sql::catalog::{Catalog, kind_name, system_tables};
use sluicedb_sql::column::arrow::arrow_schema;
use sluicedb_sql::{Column, SqlError, Value};

use super::Stats;
use super::connect::LinkStatus;
use super::error::Error;
use super::rejected::{Rejected, Rejections};
use super::session::{Patience, Session};
use crate::core::ids::Time;
use crate::shell::survey::Survey;
use operators::Operators;

/// What reaches outside, as whoever starts it knows it.
pub(super) struct Outside {
    pub(super) links: Vec<LinkStatus>,
    pub(super) rejections: Arc<Rejections>,
}

impl Outside {
    /// What was counted so far, here and on the shards.
    pub(super) fn stats(&self, session: &Session) -> Stats {
        let mut stats = session.stats();
        stats.dead_letters += self.links.iter().map(|link| link.rejected).sum::<u64>();
        stats.dead_letters_gone += self.rejections.gone();
        stats
    }
}

/// What there is to tell at about one moment.
pub(super) struct Status {
    survey: Survey,
    operators: Operators,
    links: Vec<LinkStatus>,
    rejected: Vec<Rejected>,
    stats: Stats,
}

impl Status {
    /// Asks all who know something.
    pub(super) fn of(
        session: &Session,
        patience: &mut impl Patience,
        outside: &Outside,
    ) -> Result<Status, Error> {
        let survey = session.survey(patience)?;
        Ok(Status {
            operators: Operators::of(&survey),
            survey,
            links: outside.links.clone(),
            rejected: outside.rejections.look(),
            stats: outside.stats(session),
        })
    }

    /// How the source or sink of this name fares, if it reaches outside.
    fn link(&self, name: &str) -> Option<&LinkStatus> {
        self.links.iter().find(|link| link.name == name)
    }
}

/// Whether a relation is one of these.
pub(super) fn is_one(name: &str) -> bool {
    system_tables().iter().any(|table| table.name == name)
}

/// The rows of a system table; refuses a relation that keeps none. The status is there where any
/// system table is read.
pub(super) fn rows(
    name: &str,
    status: Option<&Status>,
    catalog: &Catalog,
) -> Result<Vec<RecordBatch>, SqlError> {
    let table = system_tables().iter().find(|table| table.name == name);
    let (Some(table), Some(status)) = (table, status) else {
        let kind = catalog.object(name).map_or("relation", |object| kind_name(object.kind()));
        return Err(SqlError::wrong_kind(format!("{kind} \"{name}\" keeps no rows to read"))
            .hint("Create a materialized view of what you want to read."));
    };
    let rows = match name {
        "sluice.operators" => status.operators.rows(),
        "sluice.late_rows" => letters::late_rows(&status.survey),
        "sluice.dead_letters" => letters::dead_letters(&status.survey, &status.rejected),
        "sluice.withheld" => withheld::rows(&status.survey),
        "sluice.epochs" => epochs::rows(&status.survey.epochs),
        "sluice.producers" => producers::rows(&status.survey),
        "sluice.stats" => stats(&status.stats),
        name => objects::rows(name, status, catalog),
    };
    let schema = table.schema();
    let columns = schema.fields().iter().enumerate().map(|(at, field)| {
        Column::of(field.data_type, rows.iter().map(|row| &row[at])).into_array()
    });
    let batch = RecordBatch::try_new(Arc::new(arrow_schema(&schema)), columns.collect());
    Ok(vec![batch.expect("rows of a system table have its columns")])
}

fn stats(stats: &Stats) -> Vec<Vec<Value>> {
    // No `..`: a figure that is not shown does not compile.
    let Stats {
        dead_letters,
        dead_letters_gone,
        late_rows,
        late_rows_gone,
        state_bytes,
        state_bytes_max,
        feeders_slowed,
        rows_in,
        rows_out,
    } = *stats;
    let figures = [
        ("rows_in", rows_in),
        ("rows_out", rows_out),
        ("late_rows", late_rows),
        ("late_rows_gone", late_rows_gone),
        ("dead_letters", dead_letters),
        ("dead_letters_gone", dead_letters_gone),
        ("state_bytes", state_bytes),
        ("state_bytes_max", state_bytes_max),
        ("feeders_slowed", feeders_slowed),
    ];
    figures.map(|(name, value)| vec![Value::text(name), count(value)]).to_vec()
}

fn count(value: u64) -> Value {
    Value::BigInt(i64::try_from(value).unwrap_or(i64::MAX))
}

fn text(value: Option<&str>) -> Value {
    value.map_or(Value::Null, Value::text)
}

/// A watermark; none before there is one.
fn moment(time: Option<Time>) -> Value {
    time.filter(|time| *time > Time::MIN).map_or(Value::Null, |time| Value::Timestamp(time.0))
}
