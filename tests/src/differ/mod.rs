//! Holds continuous queries to bounded ones: random schemas, rows and queries, each query run both
//! by a database that is pushed the rows piece by piece and by DataFusion over all of them at once.
//!
//! The bounded side is plain DataFusion with its own functions: it shares the parser with the
//! engine, and neither planner rules, kernels nor aggregates. Where a function means something else
//! there, a query has two texts that mean the same (`text::Pair`); windows are rewritten as joins
//! and gaps between rows. Where both sides can read the very same text, the database's own bounded
//! queries are held to the view too, value by value and type by type.

mod aggregate;
mod bounded;
mod case;
mod compare;
mod data;
mod expr;
mod fault;
mod group;
mod number;
mod query;
mod run;
mod script;
mod tally;
mod text;
mod texts;
mod window;

pub use run::{Options, run};
pub use tally::Tally;
