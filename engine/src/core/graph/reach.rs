//! What has nothing left to do once some operators are given up.

use std::collections::{BTreeMap, BTreeSet};

use super::{EntryKey, Graph, Kind, OperatorSpec, StageSpec, Target};
use crate::core::ids::OperatorId;

impl Graph {
    /// These operators, all that is made of what they put out, and what feeds nothing else. Results that
    /// can be read, and rows that sources keep, are there for themselves: they go only where they are
    /// made of what goes.
    pub fn reach(&self, of: impl IntoIterator<Item = OperatorId>) -> BTreeSet<OperatorId> {
        let feeds = self.feeds();
        let mut gone: BTreeSet<OperatorId> = of.into_iter().collect();
        let mut next: Vec<OperatorId> = gone.iter().copied().collect();
        while let Some(id) = next.pop() {
            let above = feeds.get(&id).map_or(&[][..], |(_, above)| above);
            next.extend(above.iter().filter(|id| gone.insert(**id)));
        }
        // From the last stage to the first: what an operator feeds comes behind it.
        let below = self.stages.iter().rev().flat_map(|stage| stage.operators.iter().rev());
        for operator in below {
            let (serves, above) = &feeds[&operator.id];
            if *serves && !above.is_empty() && above.iter().all(|id| gone.contains(id)) {
                gone.insert(operator.id);
            }
        }
        gone
    }

    /// By operator, whether it is there for others only, and whom it feeds.
    fn feeds(&self) -> BTreeMap<OperatorId, (bool, Vec<OperatorId>)> {
        let mut feeds = BTreeMap::new();
        for stage in &self.stages {
            for operator in &stage.operators {
                let serves =
                    !matches!(operator.kind, Kind::View(_) | Kind::Stream(_) | Kind::Retain(_));
                feeds.insert(operator.id, (serves, self.fed_by(stage, operator)));
            }
        }
        feeds
    }

    fn fed_by(&self, stage: &StageSpec, operator: &OperatorSpec) -> Vec<OperatorId> {
        let ids = |stage: &StageSpec, targets: &[Target]| -> Vec<OperatorId> {
            targets.iter().map(|target| stage.operators[target.operator].id).collect()
        };
        let Kind::Exchange(edge) = operator.kind else {
            return operator.outputs.iter().flat_map(|targets| ids(stage, targets)).collect();
        };
        let to = &self.stages[self.edges[edge.index()].to_stage.index()];
        let mut entries = to.entries.iter().filter(|(key, _)| *key == EntryKey::Edge(edge));
        entries.next().map_or_else(Vec::new, |(_, targets)| ids(to, targets))
    }
}

#[cfg(test)]
mod tests {
    use sluicedb_sql::plan::{AggregateSpec, Builder};
    use sluicedb_sql::{DataType, Field, Schema, SqlError};

    use super::*;
    use crate::core::graph::{Route, lower};

    /// Two views over one source, each with a sum; a third counts rows of the first.
    fn graph() -> Result<Graph, SqlError> {
        let mut b = Builder::new();
        let field = |name| Field::not_null(name, DataType::BigInt);
        let source = b.source("t", Schema::new(vec![field("k"), field("v")])?, None)?;
        let by = |column: &str| AggregateSpec::by([column]).count_rows("n");
        let keys = b.aggregate(source, &by("k"))?;
        let keys = b.view(keys, "keys", &["k"])?;
        let values = b.aggregate(source, &by("v"))?;
        b.view(values, "values", &["v"])?;
        let counts = b.aggregate(keys, &AggregateSpec::by(["n"]).count_rows("m"))?;
        b.view(counts, "counts", &["n"])?;
        lower(&b.finish()?, Route::Rows)
    }

    fn reached(relation: &str, kind: &str) -> BTreeSet<String> {
        let graph = graph().expect("the plan is written down");
        let operators = || graph.stages.iter().flat_map(|stage| &stage.operators);
        let mut of = operators().filter(|operator| operator.origin.relation == relation);
        let from = of.find(|operator| operator.kind.name() == kind).expect("one of them");
        let gone = graph.reach([from.id]);
        let gone = operators().filter(|operator| gone.contains(&operator.id));
        let name = |of: &OperatorSpec| format!("{} {}", of.origin.relation, of.kind.name());
        gone.map(name).collect()
    }

    #[test]
    fn what_reads_a_query_goes_with_it_and_so_does_what_feeds_nothing_else() {
        let all = reached("keys", "aggregate");
        for gone in ["keys exchange", "keys view", "counts aggregate", "counts view"] {
            assert!(all.contains(gone), "{gone} is not in {all:?}");
        }
        assert!(all.iter().all(|name| !name.starts_with("values")), "{all:?}");
    }

    #[test]
    fn a_view_stays_when_its_only_reader_goes() {
        let all = reached("counts", "view");
        assert!(all.contains("counts aggregate") && all.contains("counts view"), "{all:?}");
        assert!(all.iter().all(|name| name.starts_with("counts")), "{all:?}");
    }
}
