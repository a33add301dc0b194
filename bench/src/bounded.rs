//! The same work done once: DataFusion over rows that lie in memory, on one thread.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::RecordBatch;
use datafusion::datasource::MemTable;
use datafusion::physical_plan::collect;
use datafusion::prelude::{SessionConfig, SessionContext};
use tokio::runtime::Runtime;

/// Rows of a batch that DataFusion likes best.
pub const BATCH: usize = 8192;

/// DataFusion with relations to ask about.
pub struct Bounded {
    runtime: Runtime,
    context: SessionContext,
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl Bounded {
    /// Knows no relation.
    pub fn new() -> Result<Bounded, String> {
        // Decimals are decimals here as there: floating point would be other work.
        let config = SessionConfig::new()
            .with_target_partitions(1)
            .with_batch_size(BATCH)
            .set_bool("datafusion.sql_parser.parse_float_as_decimal", true);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.map_err(text)?;
        Ok(Bounded { runtime, context: SessionContext::new_with_config(config) })
    }

    /// Takes the rows of a relation.
    pub fn add(&self, name: &str, batches: Vec<RecordBatch>) -> Result<(), String> {
        let schema = batches.first().ok_or("a relation without rows")?.schema();
        let table = MemTable::try_new(schema, vec![batches]).map_err(text)?;
        self.context.register_table(name, Arc::new(table)).map_err(text)?;
        Ok(())
    }

    /// Runs a query: how long that took once it was planned, in nanoseconds, and its rows.
    pub fn run(&self, query: &str) -> Result<(u64, u64), String> {
        self.runtime.block_on(async {
            let planned = self.context.sql(query).await.map_err(text)?;
            let plan = planned.create_physical_plan().await.map_err(text)?;
            let task = self.context.task_ctx();
            let start = Instant::now();
            let batches = collect(plan, task).await.map_err(text)?;
            let ns = start.elapsed().as_nanos() as u64;
            Ok((ns, batches.iter().map(|batch| batch.num_rows() as u64).sum()))
        })
    }
}
