//! The database that an application links: [`Database`] on threads of its own, [`InlineDatabase`]
//! inside a loop of the application's.
//!
//! | Type | Is | Threads |
//! | --- | --- | --- |
//! | [`Database`] | the database; the last handle ends it | `Send`, `Sync`, cheap to clone |
//! | [`InlineDatabase`] | the same without threads | stays where it was made |
//! | [`Source`], [`BatchSource`] | one producer's way in | one thread at a time |
//! | [`Producer`], [`BatchProducer`] | the same under a name and with numbers: exactly once | one thread at a time |
//! | [`Subscription`], [`BatchStream`] | one consumer's changes | one thread at a time |
//! | [`View`] | lookups in a view by its key | one thread at a time |
//! | [`Prepared`] | a statement that was planned once | one thread at a time |
//! | [`Changes`] | rows that came and went, read where they lie | borrowed |
//!
//! - **Rows** are structs with `derive(Row)`, whose fields are the columns in order, or Arrow record
//!   batches. Nothing is parsed on the way.
//! - **Pressure** comes back to whoever pushes: `push` says full and has taken nothing, `push_wait`
//!   and `push_async` wait. Subscribers that do not keep up are treated as
//!   [`SubscribeOptions`] say, and by default disconnected: they never stop the engine unasked.
//! - **Event time** is a column of the source. A handle that was made and has pushed nothing yet, or
//!   rests, holds the watermark of its source back until it pushes or is dropped; so make all handles
//!   first, and drop those that are done.
//! - **Waiting** for the database inside a callback would be waiting for itself, and is an error
//!   ([`Error::WouldWait`]).
//! - **Errors** say what to do. After a disk or a shard has failed the database is over: every later
//!   call and every subscription returns the cause, the application lives, and opening it again
//!   recovers what was durable.

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "handles of applications wait, and are shared"
)]

mod aggregate;
pub mod arrow;
mod backup;
mod builder;
pub mod catalog;
mod changes;
mod connect;
mod database;
mod error;
mod files;
mod follow;
mod history;
mod inline;
mod kept;
mod keyed;
mod loss;
mod named;
mod outcome;
mod parameters;
mod prepared;
mod producer;
mod rejected;
pub mod row;
mod session;
mod source;
mod statement;
mod subscribe;
mod system;
mod time;
mod values;
mod view;

pub use self::arrow::Weights;
pub use crate::core::feeder::Position;
pub use crate::shell::{Ending, Overflow, Runtime};
pub use aggregate::{Aggregate, AggregateArgs, AggregateOutput, AggregateState, Retract};
pub use backup::Backup;
pub use builder::{Builder, Durability, Latency};
pub use changes::{Changes, ColumnKey, ColumnRef, Published, Rows};
pub use connect::{Connectors, Drain, Fault, Feed, KeptDrain, Link, LinkStatus};
pub use database::{Database, Stats};
pub use error::{BatchRefused, Error, PushError};
pub use inline::InlineDatabase;
pub use kept::{Given, Kept};
pub use loss::DataLoss;
pub use outcome::{Done, Outcome, RowSet, Structs};
pub use parameters::Parameters;
pub use prepared::Prepared;
pub use producer::{BatchProducer, Producer, Pushed};
pub use row::{CellOf, Cells, FromRow, Row, RowAt, RowRef, StaticField, check, check_read, schema};
pub use sluicedb_derive::{FromRow, Row};
pub use sluicedb_sql::catalog::{
    Catalog, Definition, FunctionOutcome, Object, kind_name, system_tables,
};
pub use sluicedb_sql::dialect::{Parsed, Statement, is_unfinished, parse, statements};
pub use sluicedb_sql::{
    DataType, Field, Interval, Json, Map, Schema, SqlError, StructField, StructType, Value, binary,
};
pub use sluicedb_wal::SyncPath;
pub use source::{BatchSource, Source};
pub use subscribe::{BatchStream, ChangeSet, SubscribeOptions, Subscription};
pub use time::{Date, Time, Timestamptz};
pub use values::values;
pub use view::{Key, KeyWriter, View};

#[cfg(test)]
mod tests;
