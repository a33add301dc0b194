//! Cuts a plan into stages: places every relation and puts an exchange where rows must move.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sluicedb_sql::expr::{Expr, Program};
use sluicedb_sql::plan::{Emit, Node, NodeId, Op, Plan, Retain};
use sluicedb_sql::{DataType, Schema, SqlError};

use super::change::{Lowered, Output, Reader, Relation};
use super::facts::{Facts, place};
use super::origin::{Origin, owners};
use super::pause::{Read, Turns, Wire};
use super::placement::Placement;
use super::{
    Change, EdgeSpec, EntryKey, Graph, Kind, OperatorSpec, SourceSpec, StageSpec, Target, ViewSpec,
};
use crate::core::ids::{EdgeId, OperatorId, SourceId, StageId, ViewId};
use crate::core::limits::{SHAPES_MAX, STAGES_MAX};
use crate::core::morsel::{Shape, ShapeId};
use crate::core::operator::{
    AggregateOptions, MapOptions, OverOptions, Port, RetainOptions, StreamOptions, TopOptions,
    ViewOptions, WindowOptions,
};

/// How feeders place rows on shards.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Route {
    /// By the key that the first operator above asks for, so that it needs no exchange.
    Aligned,
    /// By the whole row, which spreads any input evenly.
    Rows,
}

/// How a graph goes on from another one.
#[derive(Clone, Debug)]
pub struct Growth {
    /// How feeders place rows.
    pub route: Route,
    /// Whether every source that comes tells where its rows came from, whatever the operators above
    /// ask: those that come later may.
    pub tied: bool,
    /// Sources that have been fed: where their rows lie is fixed.
    pub fed: BTreeSet<SourceId>,
    /// Whether rows of the sources that come are logged.
    pub logged: bool,
}

/// Cuts a plan into stages.
pub fn lower(plan: &Plan, route: Route) -> Result<Graph, SqlError> {
    let growth = Growth { route, tied: false, fed: BTreeSet::new(), logged: false };
    let change = change(&Graph::empty(), &Plan::empty(), plan, &growth)?;
    Ok(Arc::unwrap_or_clone(change.graph))
}

/// What becomes of the graph of `before` so that it is one of `after`.
pub fn change(
    graph: &Graph,
    before: &Plan,
    after: &Plan,
    growth: &Growth,
) -> Result<Change, SqlError> {
    let (gone, come) = after.since(before)?;
    let turns = Turns::between(before, after)?;
    let mut lowering = Lowering::new(graph, after, growth);
    lowering.choose_keys()?;
    for id in come {
        lowering.node(id)?;
    }
    lowering.graph.turn(after, &turns, &mut lowering.change)?;
    lowering.finish(&gone)
}

struct Lowering<'a> {
    before: &'a Graph,
    plan: &'a Plan,
    growth: &'a Growth,
    facts: Facts,
    /// What runs before, and what has come.
    graph: Graph,
    /// The numbers of operators that are taken.
    taken: BTreeSet<u32>,
    /// What has come, as what comes with it reads it.
    relations: BTreeMap<NodeId, Relation>,
    /// The node that is being lowered.
    node: NodeId,
    /// What it is made into.
    made: Lowered,
    /// The view or stream that each node is part of.
    owners: BTreeMap<NodeId, String>,
    change: Change,
}

impl<'a> Lowering<'a> {
    fn new(before: &'a Graph, plan: &'a Plan, growth: &'a Growth) -> Lowering<'a> {
        let operators = before.stages.iter().flat_map(|stage| &stage.operators);
        let empty = Change {
            graph: Arc::new(Graph::empty()),
            come: Vec::new(),
            gone: Vec::new(),
            sources_come: Vec::new(),
            sources_gone: Vec::new(),
            keyed: Vec::new(),
            views_gone: Vec::new(),
            sinks_come: Vec::new(),
            readers: Vec::new(),
            marks: Vec::new(),
            pairs: Vec::new(),
            logged: growth.logged,
            history: Arc::from([]),
        };
        Lowering {
            before,
            plan,
            growth,
            facts: Facts::of(plan),
            graph: before.clone(),
            taken: operators.map(|operator| operator.id.0).collect(),
            relations: BTreeMap::new(),
            node: NodeId(0),
            made: Lowered::default(),
            owners: owners(plan),
            change: empty,
        }
    }

    /// What a source's first reader wants of it, as long as nobody has fed or read it.
    fn choose_keys(&mut self) -> Result<(), SqlError> {
        let nodes = self.graph.nodes.iter();
        let sources = nodes.filter_map(|(id, node)| Some((*id, node.source?)));
        for (id, source) in sources.collect::<Vec<_>>() {
            let Some(at) = self.plan.position(id) else { continue };
            let fixed = self.growth.fed.contains(&source) || self.is_read(source);
            let (tied, wanted) = (self.facts.tied[at], self.facts.wanted_keys[at].clone());
            let wanted = wanted.filter(|_| self.growth.route == Route::Aligned);
            let spec = self.graph.sources.get_mut(source.index()).expect("a source of the graph");
            if fixed {
                if tied && !spec.tied {
                    return Err(SqlError::unsupported(format!(
                        "FIRST and LAST over source \"{}\", which was started without them",
                        spec.name
                    ))
                    .hint("Create the source anew while the database runs, or have such a query in the plan it starts with."));
                }
                continue;
            }
            let key = wanted.filter(|key| *key != spec.key);
            if key.is_some() || tied && !spec.tied {
                spec.tied |= tied;
                let Some(key) = key else {
                    self.change.keyed.push(source);
                    continue;
                };
                spec.key.clone_from(&key);
                let node = self.graph.nodes.get_mut(&id).expect("taken from there");
                let relation = node.relation.as_mut().expect("a source is a relation");
                relation.placement = Placement::Hashed(key);
                self.change.keyed.push(source);
            }
        }
        Ok(())
    }

    /// Whether somebody reads a source that has been lowered, beside the operator that keeps its
    /// rows.
    fn is_read(&self, source: SourceId) -> bool {
        let stage = &self.graph.stages[0];
        let targets = match &self.graph.sources[source.index()].retained {
            Some((id, _)) => {
                let at = stage.position(*id).expect("it is there as long as its source");
                Some(&stage.operators[at].outputs[0])
            }
            None => {
                let key = EntryKey::Source(source);
                stage.entries.iter().find(|(other, _)| *other == key).map(|(_, targets)| targets)
            }
        };
        let kept = self.graph.sources[source.index()].retained.as_ref();
        let owed = kept
            .is_some_and(|(id, _)| self.graph.is_owed(Output::Operator { id: *id, port: Port(0) }));
        owed || targets.is_some_and(|targets| !targets.is_empty())
    }

    fn fact(&self, id: NodeId) -> usize {
        place(self.plan, id)
    }

    fn node(&mut self, id: NodeId) -> Result<(), SqlError> {
        (self.node, self.made) = (id, Lowered::default());
        let node = self.plan.node(id);
        node.op.inputs().try_for_each(|input| self.check_late(input))?;
        let relation = match &node.op {
            Op::Source { .. } => Some(self.source(id)?),
            Op::Filter { input, predicate } => self.filter(id, *input, predicate)?,
            Op::Project { input, outputs } => Some(self.project(id, *input, outputs)?),
            Op::Aggregate { input, .. } => Some(self.aggregate(id, *input)?),
            Op::Over { input, .. } => Some(self.over(id, *input)?),
            Op::Top { input, .. } => Some(self.top(id, *input)?),
            Op::Late { aggregate } => Some(self.late(*aggregate)),
            Op::Join { left, right, .. } => Some(self.join(id, *left, *right)?),
            Op::View { input, name, key } => {
                let kept = self.view(id, *input, name, key)?;
                // Whoever comes later reads the view itself, which owes it what it holds.
                self.made.relation = Some(kept);
                // Whoever comes with the view reads the changes that make it.
                Some(self.handed_on(id, *input))
            }
            Op::Stream { input, name } => {
                self.stream(id, *input, name)?;
                Some(self.handed_on(id, *input))
            }
        };
        let mut made = std::mem::take(&mut self.made);
        self.check_paused(&made)?;
        made.relation = made.relation.or_else(|| relation.clone());
        self.graph.nodes.insert(id, made);
        self.relations.extend(relation.map(|relation| (id, relation)));
        Ok(())
    }

    /// Refuses to read from its middle on what takes rows back: nobody has kept the rows that were
    /// put out before, and they could not be taken back.
    fn check_late(&self, input: NodeId) -> Result<(), SqlError> {
        let node = self.plan.node(input);
        let Op::Stream { name, .. } = &node.op else { return Ok(()) };
        if self.relations.contains_key(&input) || !node.retracts {
            return Ok(());
        }
        let what = format!("a query on \"{name}\", a stream that runs already and takes rows back");
        Err(SqlError::unsupported(what).hint("Make it a view, which keeps its rows."))
    }

    /// Refuses to read what stands still where nothing keeps its rows: all that its source has would
    /// be owed, and not yet.
    fn check_paused(&self, made: &Lowered) -> Result<(), SqlError> {
        let mut through = made.reads.iter().flat_map(|read| &read.through);
        let Some(paused) = through.find(|id| self.plan.paused().contains_key(id)) else {
            return Ok(());
        };
        let name = self.plan.node(*paused).op.name().unwrap_or_default();
        let error = SqlError::unsupported(format!("a query on \"{name}\", which is paused"));
        Err(error.hint("RESUME it first."))
    }

    /// What a node hands on as it was given it.
    fn handed_on(&self, id: NodeId, input: NodeId) -> Relation {
        let mut relation = self.relation(input);
        relation.through.push(id);
        relation
    }

    fn relation(&self, id: NodeId) -> Relation {
        let before = || self.before_relation(id);
        let relation = self.relations.get(&id).cloned().or_else(before);
        relation.expect("a relation that is read was lowered before")
    }

    fn before_relation(&self, id: NodeId) -> Option<Relation> {
        self.graph.nodes.get(&id).and_then(|node| node.relation.clone())
    }

    fn schema(&self, id: NodeId) -> &'a Schema {
        &self.plan.node(id).schema
    }

    fn shape(&mut self, types: &[DataType]) -> Result<ShapeId, SqlError> {
        let known = self.graph.shapes.iter().position(|shape| *shape.0 == *types);
        let at = known.unwrap_or_else(|| {
            self.graph.shapes.push(Shape(types.into()));
            self.graph.shapes.len() - 1
        });
        // Morsels may come back long after the last operator of their kind is gone, so that the
        // number of a kind is not used again.
        let limit = |_| SqlError::limit_exceeded("kinds of rows", at + 1, SHAPES_MAX);
        u16::try_from(at).map(ShapeId).map_err(limit)
    }

    fn source(&mut self, id: NodeId) -> Result<Relation, SqlError> {
        let Node { op: Op::Source { name, time, retain }, schema, .. } = self.plan.node(id) else {
            unreachable!("called for sources")
        };
        let at = self.fact(id);
        let wanted = match self.growth.route {
            Route::Aligned => self.facts.wanted_keys[at].clone(),
            Route::Rows => None,
        };
        let key = wanted.unwrap_or_else(|| (0..schema.len()).collect());
        let shape = self.shape(&types(schema))?;
        let source = self.graph.sources.add(SourceSpec {
            name: name.clone(),
            schema: schema.clone(),
            shape,
            key: key.clone(),
            time: *time,
            // Who comes later may ask where the rows came from that are kept.
            tied: self.growth.tied || self.facts.tied[at] || retain.is_some(),
            retained: None,
        });
        let source = SourceId(u16::try_from(source).expect("a plan has far fewer nodes"));
        self.made.source = Some(source);
        self.change.sources_come.push(source);
        let entry = EntryKey::Source(source);
        self.graph.stages[0].entries.push((entry, Vec::new()));
        let relation = Relation {
            stage: StageId(0),
            placement: Placement::Hashed(key),
            output: Output::Entry(entry),
            through: Vec::new(),
        };
        let Some(retain) = *retain else { return Ok(relation) };
        let Retain { rows, bytes, age_us } = retain;
        let age = time.as_ref().zip(age_us);
        let age = age.map(|(time, age_us)| (time.column, time.unit, age_us));
        let timed = time.is_some();
        let options = RetainOptions { types: types(schema), shape, rows, bytes, timed, age };
        let (id, target) = self.operator(StageId(0), Kind::Retain(options.clone()), 1);
        self.wire(&relation, target);
        let spec = self.graph.sources.get_mut(source.index()).expect("added above");
        spec.retained = Some((id, options));
        Ok(Relation { output: Output::Operator { id, port: Port(0) }, ..relation })
    }

    /// A filter whose only reader is a projection is left to that.
    fn filter(
        &mut self,
        id: NodeId,
        input: NodeId,
        predicate: &Expr,
    ) -> Result<Option<Relation>, SqlError> {
        if self.facts.fused[self.fact(id)] {
            return Ok(None);
        }
        let from = self.relation(input);
        let schema = self.schema(input);
        let shape = self.shape(&types(schema))?;
        let program = Arc::new(Program::compile(std::slice::from_ref(predicate), schema)?);
        let options =
            MapOptions { predicate: Some(program), outputs: None, input: shape, output: shape };
        let output = self.map(&from, options);
        Ok(Some(Relation { output, through: Vec::new(), ..from }))
    }

    fn project(
        &mut self,
        id: NodeId,
        input: NodeId,
        outputs: &[(String, Expr)],
    ) -> Result<Relation, SqlError> {
        let (from, predicate) = match &self.plan.node(input).op {
            Op::Filter { input: below, predicate } if self.facts.fused[self.fact(input)] => {
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
            input: self.shape(&types(self.schema(input)))?,
            output: self.shape(&types(self.schema(id)))?,
        };
        let output = self.map(&from, options);
        let passed = |column| exprs.iter().position(|expr| *expr == Expr::Column(column));
        Ok(Relation {
            stage: from.stage,
            placement: from.placement.project(passed),
            output,
            through: Vec::new(),
        })
    }

    fn map(&mut self, from: &Relation, options: MapOptions) -> Output {
        let (id, target) = self.operator(from.stage, Kind::Map(options), 1);
        self.wire(from, target);
        Output::Operator { id, port: Port(0) }
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
            output_shape: self.shape(&types(&node.schema))?,
            late_shape: self.shape(&types(&below.schema))?,
        };
        let (made, target) = self.operator(from.stage, Kind::Aggregate(options), 2);
        self.wire(&from, target);
        let passed = |column| keys.iter().position(|&key| key == column).map(|at| at + ahead);
        Ok(Relation {
            stage: from.stage,
            placement: from.placement.project(passed),
            output: Output::Operator { id: made, port: Port(0) },
            through: Vec::new(),
        })
    }

    fn top(&mut self, id: NodeId, input: NodeId) -> Result<Relation, SqlError> {
        let Op::Top { partition, by, ranking, first, last, numbered, .. } = &self.plan.node(id).op
        else {
            unreachable!("called for tops")
        };
        let from = self.relation(input);
        let gathers = from.placement.gathers(partition);
        let from = if gathers { from } else { self.exchange(&from, None, partition)? };
        let options = TopOptions {
            partition: partition.clone(),
            by: by.clone(),
            ranking: *ranking,
            first: *first,
            last: *last,
            numbered: *numbered,
            as_they_came: self.plan.comes_in_order(input),
            retracts: self.plan.node(input).retracts,
            input: types(self.schema(input)),
            output_shape: self.shape(&types(self.schema(id)))?,
        };
        let (made, target) = self.operator(from.stage, Kind::Top(options), 1);
        self.wire(&from, target);
        let output = Output::Operator { id: made, port: Port(0) };
        Ok(Relation { output, through: Vec::new(), ..from })
    }

    fn over(&mut self, id: NodeId, input: NodeId) -> Result<Relation, SqlError> {
        let Op::Over { partition, by, calls, .. } = &self.plan.node(id).op else {
            unreachable!("called for results over other rows")
        };
        let from = self.relation(input);
        let gathers = from.placement.gathers(partition);
        let from = if gathers { from } else { self.exchange(&from, None, partition)? };
        let output = types(self.schema(id));
        let input_types = types(self.schema(input));
        let options = OverOptions {
            partition: partition.clone(),
            by: by.clone(),
            calls: calls.clone(),
            as_they_came: self.plan.comes_in_order(input),
            results: output[input_types.len()..].to_vec(),
            input: input_types,
            output_shape: self.shape(&output)?,
        };
        let (made, target) = self.operator(from.stage, Kind::Over(options), 1);
        self.wire(&from, target);
        let output = Output::Operator { id: made, port: Port(0) };
        Ok(Relation { output, through: Vec::new(), ..from })
    }

    fn late(&self, aggregate: NodeId) -> Relation {
        let from = self.relation(aggregate);
        let Output::Operator { id, .. } = from.output else {
            unreachable!("an aggregate is an operator")
        };
        // The port carries rows of the aggregate's input, wherever that put them.
        Relation {
            placement: Placement::Somewhere,
            output: Output::Operator { id, port: Port(1) },
            ..from
        }
    }

    /// A view, as those read it who come later.
    fn view(
        &mut self,
        id: NodeId,
        input: NodeId,
        name: &str,
        key: &[usize],
    ) -> Result<Relation, SqlError> {
        let from = self.relation(input);
        let findable = key.is_empty() || from.placement.gathers(key);
        let from = match findable {
            true if self.is_lost(input, &from) => {
                let all: Vec<usize> = (0..self.schema(input).len()).collect();
                self.exchange(&from, None, &all)?
            }
            true => from,
            false => self.exchange(&from, None, key)?,
        };
        let consolidated = self.facts.rejoins[self.fact(id)];
        let options = self.view_options(input, key, consolidated, true)?;
        let kind = Kind::View(options.clone());
        let made = self.publish(&from, name, input, kind, Some(options));
        let output = Output::Operator { id: made, port: Port(0) };
        Ok(Relation { output, through: Vec::new(), ..from })
    }

    /// A stream needs memory only where the changes of an epoch must be summed up.
    fn stream(&mut self, id: NodeId, input: NodeId, name: &str) -> Result<(), SqlError> {
        let kind = if self.facts.rejoins[self.fact(id)] {
            Kind::View(self.view_options(input, &[], true, false)?)
        } else {
            Kind::Stream(StreamOptions { view: self.next_view() })
        };
        self.publish(&self.relation(input), name, input, kind, None);
        Ok(())
    }

    fn next_view(&self) -> ViewId {
        let free = self.graph.views.vacancy();
        ViewId(u16::try_from(free).expect("a plan has far fewer nodes"))
    }

    fn view_options(
        &mut self,
        input: NodeId,
        key: &[usize],
        consolidated: bool,
        kept: bool,
    ) -> Result<ViewOptions, SqlError> {
        let schema = self.schema(input);
        Ok(ViewOptions {
            view: self.next_view(),
            types: types(schema),
            shape: self.shape(&types(schema))?,
            key: if key.is_empty() { (0..schema.len()).collect() } else { key.to_vec() },
            consolidated,
            kept,
        })
    }

    /// Adds the operator that publishes under the next id.
    fn publish(
        &mut self,
        from: &Relation,
        name: &str,
        input: NodeId,
        kind: Kind,
        kept: Option<ViewOptions>,
    ) -> OperatorId {
        // A view puts out what it was given, for those who come to read it later.
        let outputs = usize::from(kept.is_some());
        let (operator, target) = self.operator(from.stage, kind, outputs);
        self.wire(from, target);
        let id = self.next_view();
        let view = ViewSpec {
            name: name.to_owned(),
            schema: self.schema(input).clone(),
            stage: from.stage,
            operator,
            kept,
            placed: match &from.placement {
                Placement::Hashed(columns) => Some(columns.clone()),
                Placement::Somewhere => None,
            },
            id,
        };
        self.graph.views.put(id.index(), view);
        self.made.view = Some(id);
        operator
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
        while self.graph.stages.len() <= to_stage.index() {
            let id = StageId(self.graph.stages.len() as u16);
            self.graph.stages.push(StageSpec::empty(id));
        }
        let from_stage = from.stage;
        let edge = self.graph.edges.add(EdgeSpec { from_stage, to_stage, key: key.to_vec() });
        let edge = EdgeId(u16::try_from(edge).expect("a plan has far fewer nodes"));
        self.made.edges.push(edge);
        let (_, target) = self.operator(from_stage, Kind::Exchange(edge), 0);
        self.wire(from, target);
        self.pair(from_stage, to_stage);
        let entry = EntryKey::Edge(edge);
        self.graph.stages[to_stage.index()].entries.push((entry, Vec::new()));
        Ok(Relation {
            stage: to_stage,
            placement: Placement::Hashed(key.to_vec()),
            output: Output::Entry(entry),
            through: Vec::new(),
        })
    }

    /// Sees to it that there are lanes from one stage to another.
    fn pair(&mut self, from: StageId, to: StageId) {
        let feeds = &mut self.graph.stages[from.index()].feeds;
        let Err(at) = feeds.binary_search(&to) else { return };
        feeds.insert(at, to);
        let fed_by = &mut self.graph.stages[to.index()].fed_by;
        let at = fed_by.binary_search(&from).expect_err("both stages know the pair");
        fed_by.insert(at, from);
        self.change.pairs.push((from, to));
    }

    /// Adds an operator; returns it and its first input.
    fn operator(&mut self, stage: StageId, kind: Kind, outputs: usize) -> (OperatorId, Target) {
        let free = (0..).find(|id| !self.taken.contains(id)).expect("a plan has far fewer nodes");
        self.taken.insert(free);
        let id = OperatorId(free);
        self.made.operators.push(id);
        self.change.come.push(id);
        let origin = Arc::new(Origin::new(self.plan, self.node, &self.owners));
        let operators = &mut self.graph.stages[stage.index()].operators;
        operators.push(OperatorSpec { id, kind, outputs: vec![Vec::new(); outputs], origin });
        (id, Target { operator: operators.len() - 1, port: Port(0) })
    }

    fn wire(&mut self, from: &Relation, target: Target) {
        let stage = &mut self.graph.stages[from.stage.index()];
        let targets = match from.output {
            Output::Entry(key) => {
                let entry = stage.entries.iter_mut().find(|(other, _)| *other == key);
                &mut entry.expect("the entry was made").1
            }
            Output::Operator { id, port } => {
                let at = stage.position(id).expect("the operator was made");
                assert!(at < target.operator, "operators are in topological order");
                &mut stage.operators[at].outputs[usize::from(port.0)]
            }
        };
        targets.push(target);
        if self.was_there(from.stage, from.output) {
            let reader = Reader { stage: from.stage, from: from.output, target, since: None };
            self.change.readers.push(reader);
        }
        if !self.is_own(from.output) {
            let to = self.graph.stages[from.stage.index()].operators[target.operator].id;
            let wire = Wire { stage: from.stage, from: from.output, to, port: target.port };
            self.made.reads.push(Read { wire, through: from.through.clone() });
        }
    }

    /// Whether an output belongs to the node that is being lowered.
    fn is_own(&self, output: Output) -> bool {
        match output {
            Output::Operator { id, .. } => self.made.operators.contains(&id),
            Output::Entry(EntryKey::Edge(edge)) => self.made.edges.contains(&edge),
            Output::Entry(EntryKey::Source(source)) => self.made.source == Some(source),
        }
    }

    fn was_there(&self, stage: StageId, output: Output) -> bool {
        let Some(stage) = self.before.stages.get(stage.index()) else { return false };
        match output {
            Output::Entry(key) => stage.entries.iter().any(|(other, _)| *other == key),
            Output::Operator { id, .. } => stage.position(id).is_some(),
        }
    }

    fn finish(mut self, gone: &[NodeId]) -> Result<Change, SqlError> {
        let ids = |graph: &Graph, reader: &Reader| {
            graph.stages[reader.stage.index()].operators[reader.target.operator].id
        };
        let readers: Vec<OperatorId> =
            self.change.readers.iter().map(|reader| ids(&self.graph, reader)).collect();
        let removed = self.graph.remove(gone);
        // Operators may have moved up.
        for (reader, id) in self.change.readers.iter_mut().zip(readers) {
            let stage = &self.graph.stages[reader.stage.index()];
            reader.target.operator = stage.position(id).expect("what comes does not go");
        }
        self.graph.count_operators();
        self.change.gone = removed.iter().flat_map(|node| node.operators.clone()).collect();
        self.change.gone.sort_unstable();
        self.change.come.sort_unstable();
        self.change.sources_gone = removed.iter().filter_map(|node| node.source).collect();
        self.change.views_gone = removed.iter().filter_map(|node| node.view).collect();
        Ok(Change { graph: Arc::new(self.graph), ..self.change })
    }
}

fn types(schema: &Schema) -> Vec<DataType> {
    schema.fields().iter().map(|field| field.data_type).collect()
}

mod join;
#[cfg(test)]
mod tests;
