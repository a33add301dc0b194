//! Cuts a plan into stages: places every relation and puts an exchange where rows must move.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sluicedb_sql::expr::{Expr, Program};
use sluicedb_sql::plan::{Emit, Node, NodeId, Op, Plan};
use sluicedb_sql::{DataType, Schema, SqlError};

use super::placement::Placement;
use super::{
    EdgeSpec, EntryKey, Graph, Kind, OperatorSpec, SourceSpec, StageSpec, Target, ViewSpec,
};
use crate::core::ids::{EdgeId, OperatorId, SourceId, StageId, ViewId};
use crate::core::limits::STAGES_MAX;
use crate::core::morsel::{Shape, ShapeId};
use crate::core::operator::{
    AggregateOptions, JoinOptions, MapOptions, Port, StreamOptions, ViewOptions, WindowOptions,
};

/// How feeders place rows on shards.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Route {
    /// By the key that the first operator above asks for, so that it needs no exchange.
    Aligned,
    /// By the whole row, which spreads any input evenly.
    Rows,
}

/// Cuts a plan into stages.
pub fn lower(plan: &Plan, route: Route) -> Result<Graph, SqlError> {
    let mut lowering = Lowering::new(plan, route);
    for at in 0..plan.nodes().len() {
        lowering.node(NodeId(at as u32))?;
    }
    lowering.finish()
}

/// A relation that has been lowered.
#[derive(Clone, Debug)]
struct Relation {
    stage: StageId,
    placement: Placement,
    output: Output,
}

/// Where a relation's rows come out.
#[derive(Clone, Copy, Debug)]
enum Output {
    Entry(EntryKey),
    Operator { index: usize, port: Port },
}

#[derive(Default)]
struct StageDraft {
    entries: BTreeMap<EntryKey, Vec<Target>>,
    operators: Vec<OperatorSpec>,
    feeds: BTreeSet<StageId>,
    fed_by: BTreeSet<StageId>,
}

struct Lowering<'a> {
    plan: &'a Plan,
    route: Route,
    facts: Facts,
    shapes: Vec<Shape>,
    sources: Vec<SourceSpec>,
    stages: Vec<StageDraft>,
    edges: Vec<EdgeSpec>,
    views: Vec<ViewSpec>,
    operators: usize,
    relations: Vec<Option<Relation>>,
}

impl<'a> Lowering<'a> {
    fn new(plan: &'a Plan, route: Route) -> Lowering<'a> {
        Lowering {
            plan,
            route,
            facts: Facts::of(plan),
            shapes: Vec::new(),
            sources: Vec::new(),
            stages: vec![StageDraft::default()],
            edges: Vec::new(),
            views: Vec::new(),
            operators: 0,
            relations: Vec::new(),
        }
    }

    fn node(&mut self, id: NodeId) -> Result<(), SqlError> {
        let plan = self.plan;
        let node = plan.node(id);
        let relation = match &node.op {
            Op::Source { .. } => Some(self.source(id)),
            Op::Filter { input, predicate } => self.filter(id, *input, predicate)?,
            Op::Project { input, outputs } => Some(self.project(id, *input, outputs)?),
            Op::Aggregate { input, .. } => Some(self.aggregate(id, *input)?),
            Op::Late { aggregate } => Some(self.late(*aggregate)),
            Op::Join { left, right, .. } => Some(self.join(id, *left, *right)?),
            Op::View { input, name, key } => {
                self.view(id, *input, name, key)?;
                // Whoever reads the view reads the changes that make it.
                Some(self.relation(*input))
            }
            Op::Stream { input, name } => {
                self.stream(id, *input, name);
                Some(self.relation(*input))
            }
        };
        self.relations.push(relation);
        Ok(())
    }

    fn relation(&self, id: NodeId) -> Relation {
        let relation = self.relations[id.0 as usize].clone();
        relation.expect("a relation that is read was lowered before")
    }

    fn schema(&self, id: NodeId) -> &'a Schema {
        &self.plan.node(id).schema
    }

    fn shape(&mut self, types: &[DataType]) -> ShapeId {
        let known = self.shapes.iter().position(|shape| *shape.0 == *types);
        let at = known.unwrap_or_else(|| {
            self.shapes.push(Shape(types.into()));
            self.shapes.len() - 1
        });
        ShapeId(at as u16)
    }

    fn source(&mut self, id: NodeId) -> Relation {
        let Node { op: Op::Source { name, time }, schema, .. } = self.plan.node(id) else {
            unreachable!("called for sources")
        };
        let source = SourceId(self.sources.len() as u16);
        let wanted = match self.route {
            Route::Aligned => self.facts.wanted_keys[id.0 as usize].clone(),
            Route::Rows => None,
        };
        let key = wanted.unwrap_or_else(|| (0..schema.len()).collect());
        let shape = self.shape(&types(schema));
        self.sources.push(SourceSpec {
            name: name.clone(),
            schema: schema.clone(),
            shape,
            key: key.clone(),
            time: *time,
            tied: self.facts.tied[id.0 as usize],
        });
        let entry = EntryKey::Source(source);
        self.stages[0].entries.insert(entry, Vec::new());
        Relation {
            stage: StageId(0),
            placement: Placement::Hashed(key),
            output: Output::Entry(entry),
        }
    }

    /// A filter whose only reader is a projection is left to that.
    fn filter(
        &mut self,
        id: NodeId,
        input: NodeId,
        predicate: &Expr,
    ) -> Result<Option<Relation>, SqlError> {
        if self.facts.fused[id.0 as usize] {
            return Ok(None);
        }
        let from = self.relation(input);
        let schema = self.schema(input);
        let shape = self.shape(&types(schema));
        let program = Arc::new(Program::compile(std::slice::from_ref(predicate), schema)?);
        let options =
            MapOptions { predicate: Some(program), outputs: None, input: shape, output: shape };
        let output = self.map(&from, options);
        Ok(Some(Relation { output, ..from }))
    }

    fn project(
        &mut self,
        id: NodeId,
        input: NodeId,
        outputs: &[(String, Expr)],
    ) -> Result<Relation, SqlError> {
        let (from, predicate) = match &self.plan.node(input).op {
            Op::Filter { input: below, predicate } if self.facts.fused[input.0 as usize] => {
                let program =
                    Program::compile(std::slice::from_ref(predicate), self.schema(*below))?;
                (self.relation(*below), Some(Arc::new(program)))
            }
            _ => (self.relation(input), None),
        };
        let exprs: Vec<Expr> = outputs.iter().map(|(_, expr)| expr.clone()).collect();
        let program = Program::compile(&exprs, self.schema(input))?;
        let options = MapOptions {
            predicate,
            outputs: Some(Arc::new(program)),
            input: self.shape(&types(self.schema(input))),
            output: self.shape(&types(self.schema(id))),
        };
        let output = self.map(&from, options);
        let passed = |column| exprs.iter().position(|expr| *expr == Expr::Column(column));
        Ok(Relation { stage: from.stage, placement: from.placement.project(passed), output })
    }

    fn map(&mut self, from: &Relation, options: MapOptions) -> Output {
        let index = self.operator(from.stage, Kind::Map(options), 1);
        self.wire(from, Target { operator: index, port: Port(0) });
        Output::Operator { index, port: Port(0) }
    }

    fn aggregate(&mut self, id: NodeId, input: NodeId) -> Result<Relation, SqlError> {
        let node = self.plan.node(id);
        let Op::Aggregate { window, keys, calls, emit, allowed_lateness_us, .. } = &node.op else {
            unreachable!("called for aggregates")
        };
        let below = self.plan.node(input);
        let from = self.relation(input);
        let from =
            if from.placement.gathers(keys) { from } else { self.exchange(&from, None, keys)? };
        let window = window.clone().map(|window| {
            let lag = below.times.iter().find(|time| time.column == *window.time());
            WindowOptions {
                window,
                lag_us: lag.map(|time| time.lag_us),
                allowed_lateness_us: *allowed_lateness_us,
                on_close: *emit == Emit::OnClose,
            }
        });
        let ahead = if window.is_some() { 2 } else { 0 };
        let options = AggregateOptions {
            window,
            keys: keys.clone(),
            calls: calls.clone(),
            retracts: below.retracts,
            input: types(&below.schema),
            output: types(&node.schema),
            output_shape: self.shape(&types(&node.schema)),
            late_shape: self.shape(&types(&below.schema)),
        };
        let index = self.operator(from.stage, Kind::Aggregate(options), 2);
        self.wire(&from, Target { operator: index, port: Port(0) });
        let passed = |column| keys.iter().position(|&key| key == column).map(|at| at + ahead);
        Ok(Relation {
            stage: from.stage,
            placement: from.placement.project(passed),
            output: Output::Operator { index, port: Port(0) },
        })
    }

    fn late(&self, aggregate: NodeId) -> Relation {
        let from = self.relation(aggregate);
        let Output::Operator { index, .. } = from.output else {
            unreachable!("an aggregate is an operator")
        };
        // The port carries rows of the aggregate's input, wherever that put them.
        Relation {
            placement: Placement::Somewhere,
            output: Output::Operator { index, port: Port(1) },
            ..from
        }
    }

    fn join(&mut self, id: NodeId, left: NodeId, right: NodeId) -> Result<Relation, SqlError> {
        let Op::Join { left_keys, right_keys, .. } = &self.plan.node(id).op else {
            unreachable!("called for joins")
        };
        let sides = [(left, left_keys), (right, right_keys)];
        let inputs = sides.map(|(input, keys)| {
            let relation = self.relation(input);
            let moves = !relation.placement.is_hash_of(keys);
            (relation, moves)
        });
        let stage = inputs.iter().map(|(r, moves)| r.stage.0 + u16::from(*moves)).max();
        let stage = StageId(stage.expect("a join has two sides"));
        let mut placed = Vec::with_capacity(2);
        for ((relation, moves), (_, keys)) in inputs.into_iter().zip(sides) {
            let stays = !moves && relation.stage == stage;
            placed.push(if stays {
                relation
            } else {
                self.exchange(&relation, Some(stage), keys)?
            });
        }
        let options = JoinOptions {
            keys: [left_keys.clone(), right_keys.clone()],
            inputs: [types(self.schema(left)), types(self.schema(right))],
            output_shape: self.shape(&types(self.schema(id))),
        };
        let index = self.operator(stage, Kind::Join(options), 1);
        for (side, relation) in placed.iter().enumerate() {
            self.wire(relation, Target { operator: index, port: Port(side as u8) });
        }
        Ok(Relation {
            stage,
            placement: Placement::Hashed(left_keys.clone()),
            output: Output::Operator { index, port: Port(0) },
        })
    }

    fn view(
        &mut self,
        id: NodeId,
        input: NodeId,
        name: &str,
        key: &[usize],
    ) -> Result<(), SqlError> {
        let from = self.relation(input);
        let findable = key.is_empty() || from.placement.gathers(key);
        let from = if findable { from } else { self.exchange(&from, None, key)? };
        let consolidated = self.facts.rejoins[id.0 as usize];
        let options = self.view_options(input, key, consolidated, true);
        self.publish(&from, name, input, Kind::View(options.clone()), Some(options));
        Ok(())
    }

    /// A stream needs memory only where the changes of an epoch must be summed up.
    fn stream(&mut self, id: NodeId, input: NodeId, name: &str) {
        let kind = if self.facts.rejoins[id.0 as usize] {
            Kind::View(self.view_options(input, &[], true, false))
        } else {
            Kind::Stream(StreamOptions { view: self.next_view() })
        };
        self.publish(&self.relation(input), name, input, kind, None);
    }

    fn next_view(&self) -> ViewId {
        ViewId(self.views.len() as u16)
    }

    fn view_options(
        &mut self,
        input: NodeId,
        key: &[usize],
        consolidated: bool,
        kept: bool,
    ) -> ViewOptions {
        let schema = self.schema(input);
        ViewOptions {
            view: self.next_view(),
            types: types(schema),
            shape: self.shape(&types(schema)),
            key: if key.is_empty() { (0..schema.len()).collect() } else { key.to_vec() },
            consolidated,
            kept,
        }
    }

    /// Adds the operator that publishes under the next id.
    fn publish(
        &mut self,
        from: &Relation,
        name: &str,
        input: NodeId,
        kind: Kind,
        kept: Option<ViewOptions>,
    ) {
        let index = self.operator(from.stage, kind, 0);
        self.wire(from, Target { operator: index, port: Port(0) });
        let operator = self.stages[from.stage.index()].operators[index].id;
        self.views.push(ViewSpec {
            name: name.to_owned(),
            schema: self.schema(input).clone(),
            stage: from.stage,
            operator,
            kept,
            placed: match &from.placement {
                Placement::Hashed(columns) => Some(columns.clone()),
                Placement::Somewhere => None,
            },
            id: self.next_view(),
        });
    }

    /// Adds an exchange by `key` to `to_stage`, or to the next stage.
    fn exchange(
        &mut self,
        from: &Relation,
        to_stage: Option<StageId>,
        key: &[usize],
    ) -> Result<Relation, SqlError> {
        let to_stage = to_stage.unwrap_or(StageId(from.stage.0 + 1));
        assert!(from.stage < to_stage, "stages only send upwards");
        if to_stage.index() >= STAGES_MAX {
            return Err(SqlError::limit_exceeded(
                "exchanges in a row",
                to_stage.index(),
                STAGES_MAX,
            ));
        }
        while self.stages.len() <= to_stage.index() {
            self.stages.push(StageDraft::default());
        }
        let edge = EdgeId(self.edges.len() as u16);
        let from_stage = from.stage;
        self.edges.push(EdgeSpec { from_stage, to_stage, key: key.to_vec() });
        let index = self.operator(from_stage, Kind::Exchange(edge), 0);
        self.wire(from, Target { operator: index, port: Port(0) });
        self.stages[from_stage.index()].feeds.insert(to_stage);
        let entry = EntryKey::Edge(edge);
        let next = &mut self.stages[to_stage.index()];
        next.fed_by.insert(from_stage);
        next.entries.insert(entry, Vec::new());
        Ok(Relation {
            stage: to_stage,
            placement: Placement::Hashed(key.to_vec()),
            output: Output::Entry(entry),
        })
    }

    fn operator(&mut self, stage: StageId, kind: Kind, outputs: usize) -> usize {
        let id = OperatorId(self.operators as u32);
        self.operators += 1;
        let stage = &mut self.stages[stage.index()];
        stage.operators.push(OperatorSpec { id, kind, outputs: vec![Vec::new(); outputs] });
        stage.operators.len() - 1
    }

    fn wire(&mut self, from: &Relation, target: Target) {
        let stage = &mut self.stages[from.stage.index()];
        let targets = match from.output {
            Output::Entry(key) => stage.entries.get_mut(&key).expect("the entry was made"),
            Output::Operator { index, port } => {
                assert!(index < target.operator, "operators are in topological order");
                &mut stage.operators[index].outputs[usize::from(port.0)]
            }
        };
        targets.push(target);
    }

    fn finish(self) -> Result<Graph, SqlError> {
        let stage = |(at, draft): (usize, StageDraft)| StageSpec {
            id: StageId(at as u16),
            entries: draft.entries.into_iter().collect(),
            operators: draft.operators,
            feeds: draft.feeds.into_iter().collect(),
            fed_by: draft.fed_by.into_iter().collect(),
        };
        Ok(Graph {
            shapes: self.shapes,
            sources: self.sources,
            stages: self.stages.into_iter().enumerate().map(stage).collect(),
            edges: self.edges,
            views: self.views,
            operators: self.operators,
        })
    }
}

fn types(schema: &Schema) -> Vec<DataType> {
    schema.fields().iter().map(|field| field.data_type).collect()
}

/// What lowering must know of a node from the nodes above or below it.
struct Facts {
    /// Whether an operator above asks where rows came from.
    tied: Vec<bool>,
    /// Whether a filter is left to the projection above it.
    fused: Vec<bool>,
    /// The columns of a source by which the first operator above groups or joins.
    wanted_keys: Vec<Option<Vec<usize>>>,
    /// Whether two paths from one source meet beneath.
    rejoins: Vec<bool>,
}

impl Facts {
    fn of(plan: &Plan) -> Facts {
        let nodes = plan.nodes();
        let mut facts = Facts {
            tied: vec![false; nodes.len()],
            fused: vec![false; nodes.len()],
            wanted_keys: vec![None; nodes.len()],
            rejoins: vec![false; nodes.len()],
        };
        facts.look_down(nodes);
        facts.look_up(nodes);
        facts
    }

    /// From the views down to the sources.
    fn look_down(&mut self, nodes: &[Node]) {
        let mut readers = vec![0; nodes.len()];
        let at = |id: &NodeId| id.0 as usize;
        for node in nodes {
            node.op.inputs().for_each(|input| readers[at(&input)] += 1);
        }
        for (id, node) in nodes.iter().enumerate().rev() {
            match &node.op {
                Op::Source { .. } => {}
                Op::Filter { input, .. } => {
                    self.tied[at(input)] |= self.tied[id];
                    let wanted = self.wanted_keys[id].clone();
                    self.want(at(input), wanted);
                }
                Op::Project { input, outputs } => {
                    self.tied[at(input)] |= self.tied[id];
                    let filter = matches!(nodes[at(input)].op, Op::Filter { .. });
                    self.fused[at(input)] = filter && readers[at(input)] == 1;
                    let wanted = self.wanted_keys[id].clone();
                    self.want(at(input), wanted.and_then(|keys| passed_through(&keys, outputs)));
                }
                Op::Aggregate { input, keys, calls, .. } => {
                    self.tied[at(input)] |= calls.iter().any(|call| call.function.looks_at_ties());
                    self.want(at(input), (!keys.is_empty()).then(|| keys.clone()));
                }
                Op::Late { aggregate } => {
                    // The late rows are the aggregate's input, which has the aggregate's marks.
                    let mut below = nodes[at(aggregate)].op.inputs();
                    let below = below.next().expect("an aggregate has an input");
                    self.tied[at(&below)] |= self.tied[id];
                }
                Op::Join { left, right, left_keys, right_keys } => {
                    self.tied[at(left)] |= self.tied[id];
                    self.tied[at(right)] |= self.tied[id];
                    self.want(at(left), Some(left_keys.clone()));
                    self.want(at(right), Some(right_keys.clone()));
                }
                Op::View { input, key, .. } => {
                    self.tied[at(input)] |= self.tied[id];
                    self.want(at(input), (!key.is_empty()).then(|| key.clone()));
                }
                Op::Stream { input, .. } => {
                    self.tied[at(input)] |= self.tied[id];
                    let wanted = self.wanted_keys[id].clone();
                    self.want(at(input), wanted);
                }
            }
        }
    }

    /// The first reader in plan order decides, and it is met last on the way down.
    fn want(&mut self, node: usize, keys: Option<Vec<usize>>) {
        if keys.is_some() {
            self.wanted_keys[node] = keys;
        }
    }

    /// From the sources up to the views.
    fn look_up(&mut self, nodes: &[Node]) {
        let mut beneath: Vec<BTreeSet<usize>> = Vec::with_capacity(nodes.len());
        for (id, node) in nodes.iter().enumerate() {
            let mut sources = BTreeSet::new();
            if let Op::Source { .. } = node.op {
                sources.insert(id);
            }
            for input in node.op.inputs() {
                let input = input.0 as usize;
                self.rejoins[id] |= self.rejoins[input];
                self.rejoins[id] |= !sources.is_disjoint(&beneath[input]);
                sources.extend(beneath[input].iter().copied());
            }
            beneath.push(sources);
        }
    }
}

/// Where each key column of a projection comes from, if all of them are plain columns.
fn passed_through(keys: &[usize], outputs: &[(String, Expr)]) -> Option<Vec<usize>> {
    let column = |&key: &usize| match outputs[key].1 {
        Expr::Column(column) => Some(column),
        _ => None,
    };
    keys.iter().map(column).collect()
}

#[cfg(test)]
mod tests;
