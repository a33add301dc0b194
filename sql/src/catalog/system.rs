//! The relations by which the database tells of itself. Whoever runs it gives their rows.

use crate::schema::{Field, Schema};
use crate::types::DataType;

const TEXT: DataType = DataType::Text;
const BIGINT: DataType = DataType::BigInt;

/// A relation of the schema `sluice`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemTable {
    /// With its schema.
    pub name: &'static str,
    columns: &'static [(&'static str, DataType)],
}

const TABLES: &[SystemTable] = &[
    SystemTable {
        name: "sluice.sources",
        columns: &[("name", TEXT), ("columns", BIGINT), ("definition", TEXT)],
    },
    SystemTable { name: "sluice.streams", columns: &[("name", TEXT), ("definition", TEXT)] },
    SystemTable {
        name: "sluice.views",
        columns: &[("name", TEXT), ("kind", TEXT), ("definition", TEXT)],
    },
    SystemTable { name: "sluice.sinks", columns: &[("name", TEXT), ("definition", TEXT)] },
];

/// All of them.
pub fn system_tables() -> &'static [SystemTable] {
    TABLES
}

/// The one of this name.
pub(super) fn system_table(name: &str) -> Option<&'static SystemTable> {
    TABLES.iter().find(|table| table.name == name)
}

impl SystemTable {
    /// Its columns.
    pub fn schema(&self) -> Schema {
        let field = |(name, of): &(&'static str, DataType)| Field::nullable(*name, *of);
        Schema::new(self.columns.iter().map(field).collect()).expect("the names differ")
    }
}
