//! A query for one key of a view, with what is needed to ask for it again and again.

use std::sync::Arc;

use ::arrow::array::RecordBatch;
use ::arrow::datatypes::SchemaRef;
use sluicedb_sql::bounded::{Bounded, Lookup};
use sluicedb_sql::column::arrow::arrow_schema;
use sluicedb_sql::{Column, Value};

use super::error::Error;
use super::outcome::RowSet;
use super::session::{Patience, Session};
use super::view::View;

/// A query that one lookup answers.
pub(super) struct Keyed {
    lookup: Lookup,
    view: View,
    /// Of the result, where the planner has no part in it.
    schema: Option<SchemaRef>,
}

impl Keyed {
    pub(super) fn new(
        session: &Session,
        patience: &mut impl Patience,
        lookup: Lookup,
    ) -> Result<Keyed, Error> {
        let view = session.view(patience, lookup.view())?;
        let schema = lookup.schema().map(|schema| Arc::new(arrow_schema(schema)));
        Ok(Keyed { lookup, view, schema })
    }

    /// The rows for these values of the parameters of `query`, whose lookup this is.
    pub(super) fn run(
        &mut self,
        patience: &mut impl Patience,
        query: &Bounded,
        values: &[Value],
    ) -> Result<RowSet, Error> {
        let Keyed { lookup, view, schema } = self;
        let found = patience.find(view, &lookup.key(values))?;
        let Some(schema) = schema else {
            let (schema, batches) =
                query.with_values(values)?.run(|_| Ok(vec![found.present_rows()]))?;
            return Ok(RowSet { schema, batches });
        };
        let (columns, weights) = found.parts();
        let columns = lookup.rows(columns, weights, values)?;
        let arrays = columns.into_iter().map(Column::into_array).collect();
        let batch = RecordBatch::try_new(Arc::clone(schema), arrays);
        let batch = batch.expect("programs give the columns that they were compiled for");
        Ok(RowSet { schema: Arc::clone(schema), batches: vec![batch] })
    }
}
