//! The rows of the relations by which a database tells of itself.

use std::sync::Arc;

use ::arrow::array::RecordBatch;
use sluicedb_sql::catalog::{Catalog, Definition, Object, kind_name, system_tables};
use sluicedb_sql::column::arrow::arrow_schema;
use sluicedb_sql::{Column, SqlError, Value};

use super::session::Session;

/// The rows of a system table; refuses a relation that keeps none.
pub(super) fn rows(
    name: &str,
    session: &Session,
    catalog: &Catalog,
) -> Result<Vec<RecordBatch>, SqlError> {
    let Some(table) = system_tables().iter().find(|table| table.name == name) else {
        let kind = catalog.object(name).map_or("relation", |object| kind_name(object.kind()));
        return Err(SqlError::wrong_kind(format!("{kind} \"{name}\" keeps no rows to read"))
            .hint("Create a materialized view of what you want to read."));
    };
    let objects = catalog.objects().filter(|object| belongs(name, object));
    let rows: Vec<Vec<Value>> = objects.map(|object| row(name, object, session)).collect();
    let schema = table.schema();
    let columns = schema.fields().iter().enumerate().map(|(at, field)| {
        Column::of(field.data_type, rows.iter().map(|row| &row[at])).into_array()
    });
    let batch = RecordBatch::try_new(Arc::new(arrow_schema(&schema)), columns.collect());
    Ok(vec![batch.expect("rows of a system table have its columns")])
}

fn belongs(table: &str, object: &Object) -> bool {
    match &object.definition {
        Definition::Source { .. } | Definition::External { .. } => table == "sluice.sources",
        Definition::Stream { .. } | Definition::Late { .. } => table == "sluice.streams",
        Definition::MaterializedView { .. } | Definition::View { .. } => table == "sluice.views",
        Definition::Sink { .. } => table == "sluice.sinks",
        Definition::Subscription { .. } => false,
    }
}

fn row(table: &str, object: &Object, _session: &Session) -> Vec<Value> {
    let name = Value::text(&object.name);
    let definition = Value::text(&object.text);
    match table {
        "sluice.sources" => {
            vec![name, Value::BigInt(object.schema.len() as i64), definition]
        }
        "sluice.views" => vec![name, Value::text(kind_name(object.kind())), definition],
        _ => vec![name, definition],
    }
}
