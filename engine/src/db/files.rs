//! Files that statements read without having created them.

use sluicedb_sql::SqlError;
use sluicedb_sql::catalog::external::{Columns, Reached};
use sluicedb_sql::catalog::{Catalog, Decision, Definition, Variables};
use sluicedb_sql::dialect::{self, Parsed};

use super::connect::Connectors;

/// The connectors, if the application has linked some.
pub(super) fn linked(connectors: Option<&dyn Connectors>) -> Result<&dyn Connectors, SqlError> {
    connectors.ok_or_else(|| {
        SqlError::unsupported("this database reaches nothing outside")
            .hint("Give its builder connectors, or push rows from the application.")
    })
}

/// What a statement asks for, and what it reaches outside, where `columns` tells what columns there
/// are. A query that runs on creates a source for each file that it reads.
pub(super) fn decide(
    columns: Columns<'_>,
    catalog: &Catalog,
    statement: &Parsed,
    text: &str,
    variables: Variables<'_>,
) -> Result<(Option<Reached>, Decision), SqlError> {
    dialect::deep(|| {
        let Some(reached) = catalog.reach(statement, text, columns)? else {
            return Ok((None, catalog.decide(statement, text, variables)?));
        };
        let mut decision = reached.catalog.decide(&reached.statement, text, variables)?;
        if let Decision::Change(change) = &mut decision {
            change.created.splice(0..0, reached.names.iter().cloned());
        }
        Ok((Some(reached), decision))
    })
}

/// Reads the files that a query which runs once is about.
pub(super) fn read(
    connectors: Option<&dyn Connectors>,
    mut decision: Decision,
    reached: Option<Reached>,
) -> Result<Decision, SqlError> {
    let query = match &mut decision {
        Decision::Query(query) => query.as_mut(),
        Decision::Insert(insertion) => &mut insertion.rows,
        _ => return Ok(decision),
    };
    let Some(Reached { catalog, .. }) = reached else { return Ok(decision) };
    let read: Vec<String> = query.reads().map(str::to_owned).collect();
    for object in read.iter().filter_map(|name| catalog.object(name)) {
        if let Definition::External { connector, .. } = &object.definition {
            let rows = linked(connectors)?.rows(connector, &object.schema)?;
            query.give(&object.name, rows);
        }
    }
    Ok(decision)
}
