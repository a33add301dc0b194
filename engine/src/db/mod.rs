//! The database that an application links: [`Database`] on threads of its own, [`InlineDatabase`]
//! inside a loop of the application's.

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "handles of applications wait, and are shared"
)]

pub mod arrow;
mod builder;
pub mod changes;
mod database;
mod error;
mod inline;
pub mod row;
mod session;
mod source;
mod subscribe;
mod view;

pub use self::arrow::Weights;
pub use builder::{Builder, Durability, Latency};
pub use changes::{Changes, ColumnKey, ColumnRef, Published, Rows};
pub use database::{Database, Stats};
pub use error::{Error, PushError};
pub use inline::InlineDatabase;
pub use row::{CellOf, Cells, FromRow, Row, RowRef, StaticField, check, check_read, schema};
pub use sluicedb_derive::{FromRow, Row};
pub use sluicedb_sql::{DataType, Field, Schema, SqlError};
pub use source::{BatchSource, Source};
pub use subscribe::{BatchStream, ChangeSet, SubscribeOptions, Subscription};
pub use view::{Key, KeyWriter, View};
