//! Random plans, and random rows for their sources.
//!
//! Plans are valid by construction and mostly productive: windows close, joins find partners, and
//! some rows fail, come late or do not fit. Doubles are summed only where every order of addition
//! gives the same sum, so that results can be compared exactly.

mod aggregate;
mod call;
mod draft;
mod exact;
mod expr;
mod features;
mod join;
mod over;
mod source;
mod stream;
mod top;

use std::collections::BTreeSet;

use sluicedb_sql::Plan;

use crate::prng::Prng;
use draft::Draft;

pub use features::FEATURES;
pub use source::{ColumnSpec, SourceSpec, Values};
pub use stream::RowStream;

/// Rows of one source that the sizes of joins are estimated for; a run should not push many more.
pub const SOURCE_ROWS: usize = 300;

/// A plan and what feeds it.
#[derive(Clone, Debug)]
pub struct Workload {
    /// What is computed.
    pub plan: Plan,
    /// What each source is given, in the order of the plan's sources.
    pub sources: Vec<SourceSpec>,
    features: BTreeSet<&'static str>,
}

impl Workload {
    /// Any workload.
    pub fn draw(prng: &mut Prng) -> Workload {
        let mut draft = Draft::new(prng);
        draft.sources();
        draft.steps();
        draft.views();
        let (plan, sources) = draft.finish();
        let features = features::features(&plan, &sources);
        Workload { plan, sources, features }
    }

    /// The constructs that occur, some of [`FEATURES`].
    pub fn features(&self) -> &BTreeSet<&'static str> {
        &self.features
    }

    /// The rows of one feeder of a source. Its event time starts where that of all feeders does.
    pub fn rows(&self, source: usize, prng: Prng) -> RowStream {
        RowStream::new(self.sources[source].clone(), prng)
    }
}

#[cfg(test)]
mod tests;
