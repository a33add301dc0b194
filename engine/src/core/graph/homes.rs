//! Which columns say on which shard something lies that an operator keeps.

use super::placement::Placement;
use super::{EntryKey, Graph, Kind, OperatorSpec, StageSpec, Target};
use crate::core::ids::EdgeId;

impl Graph {
    /// The columns whose hash says on which shard lies what an operator keeps: of a view and a source
    /// among its columns, of an aggregate among its keys, of a top-N, and of results over other rows, among their columns. A join goes by the keys of its sides. Nothing
    /// where rows that are taken back come to wherever the rows lie that they were made of.
    pub fn home(&self, operator: &OperatorSpec) -> Option<Vec<usize>> {
        match &operator.kind {
            Kind::View(options) => {
                let view = self.views.iter().find(|view| view.operator == operator.id)?;
                let anywhere = || !options.kept || !self.is_taken_back(operator);
                let all = || anywhere().then(|| (0..options.types.len()).collect());
                view.placed.clone().or_else(all)
            }
            Kind::Aggregate(options) => {
                let mut nodes = self.nodes.values();
                let node = nodes.find(|node| node.operators.contains(&operator.id))?;
                let Placement::Hashed(columns) = &node.relation.as_ref()?.placement else {
                    return None;
                };
                // In front of the keys stand the ends of the window.
                let ahead = if options.window.is_some() { 2 } else { 0 };
                Some(columns.iter().map(|column| column - ahead).collect())
            }
            // Its output begins with the columns of its input, which it left where they were.
            Kind::Over(_) | Kind::Top(_) => {
                let mut nodes = self.nodes.values();
                let node = nodes.find(|node| node.operators.contains(&operator.id))?;
                match &node.relation.as_ref()?.placement {
                    Placement::Hashed(columns) => Some(columns.clone()),
                    Placement::Somewhere => None,
                }
            }
            Kind::Retain(_) => {
                let of = |id| id == operator.id;
                let mut sources = self.sources.iter();
                let source =
                    sources.find(|source| source.retained.as_ref().is_some_and(|(id, _)| of(*id)));
                source.map(|source| source.key.clone())
            }
            Kind::Map(_) | Kind::Join(_) | Kind::Stream(_) | Kind::Exchange(_) => Some(Vec::new()),
        }
    }

    /// Whether rows that an operator is given may be taken back.
    fn is_taken_back(&self, operator: &OperatorSpec) -> bool {
        let mut stages = self.stages.iter();
        let Some((stage, at)) =
            stages.find_map(|stage| Some((stage, stage.position(operator.id)?)))
        else {
            return true;
        };
        let feeds = |targets: &[Target]| targets.iter().any(|target| target.operator == at);
        let enters = stage.entries.iter().filter(|(_, targets)| feeds(targets));
        let taken_back = enters.into_iter().any(|(key, _)| match key {
            EntryKey::Source(_) => false,
            EntryKey::Edge(edge) => self.sender(*edge).is_none_or(|from| self.is_taken_back(from)),
        });
        taken_back || self.is_given_what_is_taken_back(stage, feeds)
    }

    fn is_given_what_is_taken_back(
        &self,
        stage: &StageSpec,
        feeds: impl Fn(&[Target]) -> bool,
    ) -> bool {
        stage.operators.iter().any(|from| {
            let mut outputs = from.outputs.iter().enumerate();
            outputs.any(|(port, targets)| feeds(targets) && self.takes_back(from, port))
        })
    }

    /// Whether an operator may take back rows that it has put out.
    fn takes_back(&self, operator: &OperatorSpec, port: usize) -> bool {
        match &operator.kind {
            // The other output has late rows, as they came.
            Kind::Aggregate(options) if port == 0 => {
                let once = options
                    .window
                    .as_ref()
                    .is_some_and(|window| window.on_close && window.allowed_lateness_us == 0);
                options.retracts || !once
            }
            // A row that was alone is taken back when its match comes.
            Kind::Join(options) if options.kind.takes_back() => true,
            Kind::Over(_) | Kind::Top(_) => true,
            _ => self.is_taken_back(operator),
        }
    }

    /// The operator that sends on an edge.
    fn sender(&self, edge: EdgeId) -> Option<&OperatorSpec> {
        let mut operators = self.stages.iter().flat_map(|stage| &stage.operators);
        operators.find(|operator| matches!(operator.kind, Kind::Exchange(of) if of == edge))
    }
}
