//! Continuous SQL over live data, answered in microseconds, on one machine.
//!
//! An application links this crate, says what is to be computed, pushes rows, and reads results that
//! are up to date. There is no server: the database is threads of the application, one for each shard,
//! each on a core of its own; or it has no thread at all and runs inside a loop of the application's
//! ([`db::InlineDatabase`]).
//!
//! Queries are put together with [`plan::Builder`], the typed interface beneath SQL text:
//!
//! ```
//! use sluicedb::db::{Database, Row, schema};
//! use sluicedb::expr::{Expr, lit};
//! use sluicedb::plan::{AggregateSpec, Builder, Function};
//!
//! #[derive(Row)]
//! struct Order<'a> {
//!     customer: &'a str,
//!     amount: i64,
//! }
//!
//! // SELECT customer, count(*), sum(amount) FROM orders WHERE amount > 0 GROUP BY customer
//! let mut plan = Builder::new();
//! let orders = plan.source("orders", schema::<Order>()?, None)?;
//! let orders = plan.filter(orders, &Expr::col("amount").gt(lit(0_i64)))?;
//! let by_customer = AggregateSpec::by(["customer"]);
//! let totals = by_customer.count_rows("orders").compute("total", Function::Sum, "amount");
//! let totals = plan.aggregate(orders, &totals)?;
//! plan.view(totals, "totals", &["customer"])?;
//!
//! let db = Database::memory(&plan.finish()?)?;
//! let mut orders = db.source::<Order>("orders")?;
//! orders.push(&Order { customer: "ada", amount: 30 })?;
//! orders.push(&Order { customer: "ada", amount: 12 })?;
//! db.flush()?; // what was pushed is in the view now
//!
//! let mut totals = db.view("totals")?;
//! let ada = totals.get("ada")?;
//! assert_eq!(ada.column::<i64>("orders")?.get(0), 2);
//! assert_eq!(ada.column::<i128>("total")?.get(0), 42);
//! db.close()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to go on
//!
//! | For | Read |
//! | --- | --- |
//! | rows in: one by one, many at once, Arrow batches; full lanes | [`db::Source`], [`db::BatchSource`] |
//! | results out: an iterator, a callback, a stream of batches | [`db::Subscription`], [`db::Database::on_changes`], [`db::BatchStream`] |
//! | results out: the rows of a key | [`db::View`] |
//! | cores, memory, files, what an idle shard does | [`db::Builder`] |
//! | filters, projections, windows, aggregates, joins | [`plan::Builder`], [`expr::Expr`] |
//! | functions and aggregates of your own in SQL | [`db::Builder::scalar_function`], [`db::Aggregate`] |
//! | no thread at all | [`db::InlineDatabase`] |
//! | whole programs | `engine/examples` in the repository |
//!
//! [`core`] is the dataflow itself, which knows no clock, file or thread and can be built alone
//! (without the feature `shell`); [`shell`] runs it on a machine. Applications need neither.

pub mod core;
#[cfg(feature = "shell")]
pub mod db;
#[cfg(feature = "shell")]
pub mod shell;

/// Arrow in the version whose record batches are taken and given here. An application that uses this
/// one needs no `arrow` of its own, and cannot have another by mistake.
#[cfg(feature = "shell")]
pub use arrow;

// What an application needs of `sql` to say what it wants.
pub use sluicedb_sql::{DataType, Field, Plan, Schema, SqlError, Value, expr, plan};

// What `derive` writes names this crate, in its own tests too.
#[cfg(test)]
extern crate self as sluicedb;
