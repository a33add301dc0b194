//! All connectors by their kinds.

use std::sync::Arc;

use arrow::array::RecordBatch;
use sluicedb::db::{Connectors, Drain, Feed, KeptDrain, Schema, SqlError};
use sluicedb_sql::dialect::syntax::{Connector, ConnectorKind};

use crate::file::Options;
use crate::sink::file::{FileSink, KeptFile};
use crate::source::file::{self, FileSource, infer};
use crate::source::generator::{self, Generator};

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

    fn columns(&self, connector: &Connector) -> Result<Schema, SqlError> {
        match connector.kind {
            ConnectorKind::Generator => generator::columns(connector),
            ConnectorKind::File => infer::columns(&Options::of_relation(connector)?),
            kind => Err(unknown("source", "FROM", kind, "GENERATOR and FILE", connector.at)),
        }
    }

    fn rows(&self, connector: &Connector, schema: &Schema) -> Result<Vec<RecordBatch>, SqlError> {
        file::rows(&Options::of_relation(connector)?, schema)
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

    fn kept_sink(
        &self,
        connector: &Connector,
        schema: &Schema,
        retracts: bool,
    ) -> Result<Box<dyn KeptDrain>, SqlError> {
        match connector.kind {
            ConnectorKind::File => Ok(Box::new(KeptFile::new(connector, schema, retracts)?)),
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
