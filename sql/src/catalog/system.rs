//! The relations by which the database tells of itself. Whoever runs it gives their rows.

use crate::schema::{Field, Schema};
use crate::types::DataType;

const TEXT: DataType = DataType::Text;
const BIGINT: DataType = DataType::BigInt;
const TIMESTAMP: DataType = DataType::Timestamp;
const TIMESTAMPTZ: DataType = DataType::TimestampTz;
const INTERVAL: DataType = DataType::Interval;

/// A relation of the schema `sluice`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemTable {
    /// With its schema.
    pub name: &'static str,
    /// What its rows are.
    pub about: &'static str,
    columns: &'static [(&'static str, DataType)],
}

const TABLES: &[SystemTable] = &[
    SystemTable {
        name: "sluice.sources",
        about: "the sources, and how they fare",
        columns: &[
            ("name", TEXT),
            ("columns", BIGINT),
            ("rows", BIGINT),
            ("rejected", BIGINT),
            ("watermark", TIMESTAMP),
            ("state", TEXT),
            ("last_error", TEXT),
            ("definition", TEXT),
        ],
    },
    SystemTable {
        name: "sluice.streams",
        about: "the streams, and what they have put out",
        columns: &[
            ("name", TEXT),
            ("rows_out", BIGINT),
            ("late", BIGINT),
            ("dead", BIGINT),
            ("state_bytes", BIGINT),
            ("state", TEXT),
            ("last_error", TEXT),
            ("definition", TEXT),
        ],
    },
    SystemTable {
        name: "sluice.views",
        about: "the views, and the rows they hold",
        columns: &[
            ("name", TEXT),
            ("kind", TEXT),
            ("rows", BIGINT),
            ("late", BIGINT),
            ("dead", BIGINT),
            ("state_bytes", BIGINT),
            ("state", TEXT),
            ("last_error", TEXT),
            ("definition", TEXT),
        ],
    },
    SystemTable {
        name: "sluice.sinks",
        about: "the sinks, and how they fare",
        columns: &[
            ("name", TEXT),
            ("rows_out", BIGINT),
            ("late", BIGINT),
            ("dead", BIGINT),
            ("rejected", BIGINT),
            ("state", TEXT),
            ("last_error", TEXT),
            ("definition", TEXT),
        ],
    },
    SystemTable {
        name: "sluice.operators",
        about: "the steps of the queries that run, over all shards",
        columns: &[
            ("relation", TEXT),
            ("operator", BIGINT),
            ("kind", TEXT),
            ("stage", BIGINT),
            ("sources", TEXT),
            ("rows_in", BIGINT),
            ("rows_out", BIGINT),
            ("late", BIGINT),
            ("dead", BIGINT),
            ("state_bytes", BIGINT),
            ("watermark", TIMESTAMP),
            ("lag", INTERVAL),
            ("withheld", BIGINT),
        ],
    },
    SystemTable {
        name: "sluice.withheld",
        about: "the groups that have no row because a result does not fit its type",
        columns: &[
            ("seen_at", TIMESTAMPTZ),
            ("source", TEXT),
            ("relation", TEXT),
            ("operator", BIGINT),
            ("sqlstate", TEXT),
            ("reason", TEXT),
            ("data", DataType::Json),
        ],
    },
    SystemTable {
        name: "sluice.late_rows",
        about: "the newest rows that came too late for a query",
        columns: &[
            ("seen_at", TIMESTAMPTZ),
            ("source", TEXT),
            ("relation", TEXT),
            ("watermark", TIMESTAMP),
            ("event_time", TIMESTAMP),
            ("late_by", INTERVAL),
            ("weight", BIGINT),
            ("data", DataType::Json),
        ],
    },
    SystemTable {
        name: "sluice.dead_letters",
        about: "the newest rows that could not be read, or whose expression failed",
        columns: &[
            ("seen_at", TIMESTAMPTZ),
            ("source", TEXT),
            ("relation", TEXT),
            ("operator", TEXT),
            ("position", TEXT),
            ("source_offset", BIGINT),
            ("sqlstate", TEXT),
            ("reason", TEXT),
            ("weight", BIGINT),
            ("data", DataType::Json),
            ("raw", DataType::Bytea),
        ],
    },
    SystemTable {
        name: "sluice.epochs",
        about: "the last epochs, and how long each took",
        columns: &[
            ("epoch", BIGINT),
            ("opened_at", TIMESTAMPTZ),
            ("closed_at", TIMESTAMPTZ),
            ("passed_at", TIMESTAMPTZ),
            ("sealed_at", TIMESTAMPTZ),
            ("rows", BIGINT),
            ("barrier_us", BIGINT),
            ("checkpoint", DataType::Boolean),
            ("checkpoint_bytes", BIGINT),
        ],
    },
    SystemTable {
        name: "sluice.producers",
        about: "who pushes under a name, and the last number of each",
        columns: &[
            ("source", TEXT),
            ("producer", TEXT),
            ("last_sequence", BIGINT),
            ("connected", DataType::Boolean),
        ],
    },
    SystemTable {
        name: "sluice.stats",
        about: "what is counted over all",
        columns: &[("name", TEXT), ("value", BIGINT)],
    },
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
