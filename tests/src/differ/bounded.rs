//! The other side: DataFusion as it comes, over a table in memory.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType as ArrowType, TimeUnit};
use datafusion::prelude::{SessionConfig, SessionContext};
use sluicedb::db::values;
use sluicedb_sql::Value;

/// DataFusion with its own functions, planner and optimiser.
pub(super) struct Bounded {
    context: SessionContext,
    runtime: tokio::runtime::Runtime,
}

impl Bounded {
    pub(super) fn new() -> Bounded {
        // A literal with a point is exact, as it is in PostgreSQL.
        let config = SessionConfig::new().with_target_partitions(1);
        let config = config.set_bool("datafusion.sql_parser.parse_float_as_decimal", true);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.expect("a thread's own runtime needs nothing");
        let context = SessionContext::new_with_config(config);
        // It loses whether a common expression may be NULL, and is refused by what comes behind it.
        context.remove_optimizer_rule("common_sub_expression_eliminate");
        Bounded { context, runtime }
    }

    /// Makes these the rows of relation `s`.
    pub(super) fn load(&self, rows: RecordBatch) {
        self.context.deregister_table("s").expect("a plain name");
        self.context.register_batch("s", rows).expect("a plain name");
    }

    /// The rows of a query.
    pub(super) fn query(&self, text: &str) -> Result<Vec<Vec<Value>>, String> {
        let batches =
            self.runtime.block_on(async { self.context.sql(text).await?.collect().await });
        let batches = batches.map_err(|error| error.strip_backtrace())?;
        Ok(batches.iter().map(micros).flat_map(|batch| values(&batch)).collect())
    }
}

/// The same with moments in microseconds.
fn micros(batch: &RecordBatch) -> RecordBatch {
    let column = |array: &ArrayRef| match array.data_type() {
        ArrowType::Timestamp(TimeUnit::Nanosecond, zone) => {
            let to = ArrowType::Timestamp(TimeUnit::Microsecond, zone.clone());
            cast(array, &to).expect("a moment stays one")
        }
        _ => array.clone(),
    };
    let columns: Vec<ArrayRef> = batch.columns().iter().map(column).collect();
    let named = batch
        .schema()
        .fields()
        .iter()
        .cloned()
        .zip(&columns)
        .map(|(field, array)| {
            let field = field.as_ref().clone().with_data_type(array.data_type().clone());
            field.with_nullable(true)
        })
        .collect::<Vec<_>>();
    let schema = arrow::datatypes::Schema::new(named);
    RecordBatch::try_new(schema.into(), columns).expect("the same columns")
}
