//! The edge: where rows come from and where changes go.
//!
//! Sources, sinks, formats and servers live here, each in a file of its own. They reach shards only
//! through what the engine offers to an app, and know nothing of how an operator works.
//!
//! ```no_run
//! use sluicedb::db::Database;
//! use sluicedb::plan::Plan;
//!
//! let db = Database::builder().connectors(sluicedb_ingest::connectors()).start(&Plan::empty())?;
//! db.execute("CREATE SOURCE trades (symbol TEXT, price BIGINT) FROM FILE (path = 'trades.csv')")?;
//! db.execute("CREATE SINK high INTO FILE (path = 'high.ndjson') AS SELECT * FROM trades WHERE price > 100")?;
//! db.drain()?;
//! db.close()?;
//! # Ok::<(), sluicedb::db::Error>(())
//! ```

mod file;
mod format;
mod linked;
mod sink;
mod source;
mod witness;

pub use linked::connectors;
