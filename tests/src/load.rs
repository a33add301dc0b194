//! What a run feeds the database: a plan, and every statement of every feeder, drawn beforehand.

use std::collections::BTreeSet;

use sluicedb_sql::plan::{Op, Plan, SourceTime};
use sluicedb_sql::{Schema, Value};

use crate::options::Options;
use crate::prng::Prng;
use crate::workload::Workload;

/// Rows of one statement.
pub type Batch = Vec<Vec<Value>>;

/// A plan and its input.
#[derive(Clone, Debug)]
pub struct Load {
    /// What is computed.
    pub plan: Plan,
    /// By feeder: its source, and its statements in order. Feeders of a source follow each other.
    pub feeders: Vec<FeederLoad>,
    /// Constructs of the plan that are worth counting.
    pub features: BTreeSet<&'static str>,
}

/// What one feeder pushes.
#[derive(Clone, Debug)]
pub struct FeederLoad {
    /// Which source of the plan.
    pub source: usize,
    /// Its statements; none is empty.
    pub batches: Vec<Batch>,
}

impl Load {
    /// Any plan, with as many statements as the options say.
    pub fn draw(prng: &mut Prng, options: &Options) -> Load {
        let workload = Workload::draw(prng);
        let sources = workload.sources.len();
        let feeders = sources * options.feeders;
        let mut streams: Vec<_> = (0..feeders)
            .map(|feeder| {
                let purpose = format!("feeder {feeder}");
                let source = feeder / options.feeders;
                (source, workload.rows(source, prng.split(&purpose)), Vec::new())
            })
            .collect();
        // Some feeders say little or nothing.
        for _ in 0..options.statements {
            let feeder = prng.below(feeders).min(prng.below(feeders * 2));
            let rows = 1 + prng.below(options.rows_max);
            let (_, stream, batches) = &mut streams[feeder];
            batches.push(stream.rows(rows));
        }
        let feeder = |(source, _, batches)| FeederLoad { source, batches };
        Load {
            features: workload.features().clone(),
            feeders: streams.into_iter().map(feeder).collect(),
            plan: workload.plan,
        }
    }

    /// Name, columns and event time of each source, in the order of the plan.
    pub fn sources(&self) -> impl Iterator<Item = (&str, &Schema, Option<SourceTime>)> {
        self.plan.nodes().iter().filter_map(|node| match &node.op {
            Op::Source { name, time, .. } => Some((name.as_str(), &node.schema, *time)),
            _ => None,
        })
    }

    /// Rows of all statements.
    pub fn rows(&self) -> usize {
        self.feeders.iter().flat_map(|feeder| &feeder.batches).map(Vec::len).sum()
    }
}
