//! All connectors by their kinds.

use std::sync::Arc;

use sluicedb::db::{Connectors, Drain, Feed, Schema, SqlError};
use sluicedb_sql::dialect::syntax::{Connector, ConnectorKind};

use crate::sink::file::FileSink;
use crate::source::file::FileSource;
use crate::source::generator::Generator;

/// All connectors that are built in, for
/// [`Builder::connectors`](sluicedb::db::Builder::connectors).
pub fn connectors() -> Arc<dyn Connectors> {
    Arc::new(Linked)
}

#[derive(Debug)]
struct Linked;

impl Connectors for Linked {
    fn source(&self, connector: &Connector, schema: &Schema) -> Result<Box<dyn Feed>, SqlError> {
        match connector.kind {
            ConnectorKind::Generator => Ok(Box::new(Generator::new(connector, schema)?)),
            ConnectorKind::File => Ok(Box::new(FileSource::new(connector, schema)?)),
            kind => Err(unknown("source", "FROM", kind, "GENERATOR and FILE", connector.at)),
        }
    }

    fn sink(
        &self,
        connector: &Connector,
        schema: &Schema,
        retracts: bool,
    ) -> Result<Box<dyn Drain>, SqlError> {
        match connector.kind {
            ConnectorKind::File => Ok(Box::new(FileSink::new(connector, schema, retracts)?)),
            kind => Err(unknown("sink", "INTO", kind, "FILE", connector.at)),
        }
    }
}

fn unknown(what: &str, word: &str, kind: ConnectorKind, known: &str, at: usize) -> SqlError {
    let kind = format!("{kind:?}").to_uppercase();
    let error = SqlError::unsupported(format!("a {what} {word} {kind}"));
    error.hint(format!("There is {known}.")).at(at)
}

/// What stands for `${NAME}` in an option.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
