//! A continuous query on one shard, which the thread that pushes turns.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use arrow::array::RecordBatch;
use sluicedb::Plan;
use sluicedb::db::{BatchSource, Database, InlineDatabase};

/// Bytes of state a query may have.
const MEMORY_BYTES: u64 = 4 << 30;

/// A database that is ready for rows.
pub struct Continuous {
    database: InlineDatabase,
    result: String,
    rows_out: Rc<Cell<u64>>,
}

/// What a run came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Run {
    /// From the first push that counts until everything is in the result, every window closed.
    pub ns: u64,
    /// Of operators and views, when all rows were in and no window was closed for their end.
    pub state_bytes: u64,
    /// Of the result at the end; of a stream, which keeps none, the changes that came out.
    pub rows: u64,
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl Continuous {
    /// Of statements, the last of which creates the view or stream of this name.
    pub fn of_statements<'a>(
        statements: impl IntoIterator<Item = &'a str>,
        result: &str,
    ) -> Result<Continuous, String> {
        let mut database = open(&Plan::empty())?;
        for statement in statements {
            database.execute(statement).map_err(|error| format!("{error}, in\n{statement}"))?;
        }
        Continuous::watched(database, result)
    }

    /// Of a plan that has a view or stream of this name.
    pub fn of_plan(plan: &Plan, result: &str) -> Result<Continuous, String> {
        Continuous::watched(open(plan)?, result)
    }

    fn watched(mut database: InlineDatabase, result: &str) -> Result<Continuous, String> {
        let rows_out = Rc::new(Cell::new(0));
        let count = Rc::clone(&rows_out);
        let seen = move |changes: &sluicedb::db::Changes<'_>| {
            count.set(count.get() + changes.len() as u64);
        };
        database.on_changes(result, seen).map_err(text)?;
        Ok(Continuous { database, result: result.to_owned(), rows_out })
    }

    /// Pushes all rows to a source as fast as they are taken, and closes what they leave open. Time
    /// counts from when the first `warm_up` batches are worked through.
    pub fn run(
        mut self,
        source: &str,
        mut batches: Vec<RecordBatch>,
        warm_up: usize,
    ) -> Result<Run, String> {
        let mut into = self.database.batch_source(source).map_err(text)?;
        let counted = batches.split_off(warm_up);
        self.push(&mut into, batches)?;
        let start = Instant::now();
        self.push(&mut into, counted)?;
        let pushed = start.elapsed();
        let state_bytes = self.database.stats().state_bytes;
        let start = Instant::now();
        into.finish().map_err(text)?;
        self.database.flush().map_err(text)?;
        let ns = (pushed + start.elapsed()).as_nanos() as u64;
        Ok(Run { ns, state_bytes, rows: self.rows()? })
    }

    fn push(&mut self, into: &mut BatchSource, batches: Vec<RecordBatch>) -> Result<(), String> {
        for mut batch in batches {
            while let Err(refused) = into.push(batch) {
                if !refused.is_full() {
                    return Err(refused.to_string());
                }
                self.database.turn();
                batch = refused.into_batch();
            }
            self.database.turn();
        }
        self.database.flush().map_err(text)
    }

    fn rows(&mut self) -> Result<u64, String> {
        if self.database.plan().view(&self.result).is_none() {
            return Ok(self.rows_out.get());
        }
        let rows = self.database.query(&format!("SELECT * FROM {}", self.result));
        Ok(rows.map_err(text)?.len() as u64)
    }
}

fn open(plan: &Plan) -> Result<InlineDatabase, String> {
    Database::builder().memory_limit(MEMORY_BYTES).inline(plan).map_err(text)
}
