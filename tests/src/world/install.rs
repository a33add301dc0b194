//! The graph changes while the database runs: views, streams, aggregates and joins come to what is
//! there, and go again. After a crash the graph is the one of the checkpoint that is found, as the
//! history in it says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sluicedb::core::effect::{CoordinatorInput, SinkId};
use sluicedb::core::graph::{Change, Graph, Growth, change};
use sluicedb::core::ids::{Epoch, LaneId, ShardId, ViewId};
use sluicedb::core::shard::check;
use sluicedb_sql::expr::Expr;
use sluicedb_sql::plan::{AggregateSpec, Builder, Call, Emit, Function, NodeId, Op, Plan, Window};
use sluicedb_sql::{DataType, SqlError};

use super::World;
use super::life::ShardLane;
use super::pause::{Stand, Stands};
use super::producer::Producer;
use super::subscriber::Subscriber;
use crate::lane::Lane;
use crate::load::Load;
use crate::options::Options;
use crate::prng::Prng;

/// What has come and gone since the start.
#[derive(Clone)]
pub(super) struct Growing {
    prng: Prng,
    left: usize,
    /// What ran since the start, or will have run if the last crash had not been.
    versions: Vec<Version>,
    /// The plan that is on its way, and the nodes that come with it to a source.
    ahead: Option<(Version, Vec<NodeId>)>,
    /// By producer, the statements that such nodes know nothing of.
    since: BTreeMap<NodeId, Vec<usize>>,
    /// What came together and goes together.
    groups: Vec<Vec<NodeId>>,
    count: usize,
    /// The plan that all shards have.
    installed: Plan,
    under_way: bool,
}

/// What runs from some epoch on.
#[derive(Clone)]
struct Version {
    /// The last epoch before it.
    before: Epoch,
    plan: Plan,
    graph: Arc<Graph>,
    groups: Vec<Vec<NodeId>>,
    stands: Stands,
}

impl Growing {
    pub(super) fn new(root: &Prng, options: &Options, load: &Load, graph: &Arc<Graph>) -> Growing {
        let (plan, graph) = (load.plan.clone(), Arc::clone(graph));
        Growing {
            prng: root.split("installs"),
            left: options.installs,
            versions: vec![Version {
                before: Epoch(0),
                plan,
                graph,
                groups: Vec::new(),
                stands: Stands::new(),
            }],
            ahead: None,
            since: BTreeMap::new(),
            groups: Vec::new(),
            count: 0,
            installed: load.plan.clone(),
            under_way: false,
        }
    }

    pub(super) fn newest(&self) -> &Plan {
        &self.versions.last().expect("there is one from the start").plan
    }

    /// The plan that ran in an epoch.
    pub(super) fn plan_at(&self, epoch: Epoch) -> &Plan {
        &self.versions[self.version_at(epoch)].plan
    }

    /// What stood still in an epoch.
    pub(super) fn stands_at(&self, epoch: Epoch) -> &Stands {
        &self.versions[self.version_at(epoch)].stands
    }

    pub(super) fn all_stands(&mut self) -> impl Iterator<Item = &mut Stand> {
        self.versions.iter_mut().flat_map(|version| version.stands.values_mut())
    }

    /// What came together and goes together.
    pub(super) fn groups(&self) -> &[Vec<NodeId>] {
        &self.groups
    }

    pub(super) fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        self.prng.pick(of).clone()
    }

    fn version_at(&self, epoch: Epoch) -> usize {
        let found = self.versions.iter().rposition(|version| version.before < epoch);
        found.expect("there is one from the start")
    }

    /// By producer, the statements that a node knows nothing of.
    pub(super) fn since(&self, node: NodeId) -> Option<&[usize]> {
        self.since.get(&node).map(Vec::as_slice)
    }

    /// The graph that came about as a checkpoint says.
    pub(super) fn recalled(&self, history: &[u8]) -> Arc<Graph> {
        Arc::clone(&self.versions[version_of(history)].graph)
    }

    /// Whether the newest checkpoint is of a graph that has changed.
    pub(super) fn is_sealed(&self, sealed: Option<Epoch>) -> bool {
        sealed.is_some_and(|epoch| self.version_at(epoch) > 0)
    }

    /// The database goes on from this checkpoint, with what ran then.
    pub(super) fn go_back(&mut self, history: &[u8], sealed: Option<Epoch>) {
        let found = version_of(history);
        let ran = sealed.map_or(0, |epoch| self.version_at(epoch));
        assert_eq!(found, ran, "the history of a checkpoint is that of another graph");
        self.versions.truncate(found + 1);
        self.groups.clone_from(&self.versions[found].groups);
        self.installed = self.newest().clone();
        let plan = &self.versions[found].plan;
        self.since.retain(|node, _| plan.position(*node).is_some());
        (self.ahead, self.under_way) = (None, false);
    }

    /// The relations that were there in an epoch, and are on all shards.
    pub(super) fn names_at(&self, epoch: Epoch) -> BTreeSet<String> {
        let before = self.plan_at(epoch);
        let stays = before.ids().filter(|id| self.installed.position(*id).is_some());
        stays.filter_map(|id| before.node(id).op.name().map(str::to_owned)).collect()
    }

    /// An epoch closes; what was ordered before takes effect behind it.
    pub(super) fn closes(&mut self, epoch: Epoch, producers: &[Producer]) {
        let Some((version, fresh)) = self.ahead.take_if(|_| self.under_way) else { return };
        let before: Vec<usize> = producers.iter().map(|p| p.statements_by(epoch)).collect();
        self.since.extend(fresh.into_iter().map(|node| (node, before.clone())));
        let before = &self.versions.last().expect("there is one from the start").stands;
        let stands = Growing::stands_of(&version.plan, before, epoch);
        self.versions.push(Version { before: epoch, stands, ..version });
    }

    /// Another plan, and the nodes in it that come to a source.
    fn draw(&mut self) -> Option<(Plan, Vec<NodeId>)> {
        if self.prng.chance(40)
            && let Some(plan) = self.draw_pause()
        {
            return Some((plan, Vec::new()));
        }
        let plan = self.newest().clone();
        if !self.groups.is_empty() && self.prng.chance(40) {
            let at = self.prng.below(self.groups.len());
            if let Ok(less) = plan.without(&self.groups[at]) {
                self.groups.swap_remove(at);
                return Some((less, Vec::new()));
            }
        }
        // Who comes to a stream sees a part of it that no input tells.
        let kept = |id: &NodeId| matches!(plan.node(*id).op, Op::Source { .. } | Op::View { .. });
        let named: Vec<NodeId> = plan.ids().filter(kept).collect();
        let read = *self.prng.pick(&named);
        let more = self.grow(&plan, read).ok()??;
        let (_, come) = more.since(&plan).expect("it was made over that");
        let source = |id: &NodeId| matches!(more.node(*id).op, Op::Source { .. });
        let fresh =
            come.iter().copied().filter(|id| more.node(*id).op.inputs().any(|i| source(&i)));
        let fresh = fresh.collect();
        self.groups.push(come);
        Some((more, fresh))
    }

    fn grow(&mut self, plan: &Plan, read: NodeId) -> Result<Option<Plan>, SqlError> {
        let schema = &plan.node(read).schema;
        let exact = |at: &usize| schema.field(*at).data_type != DataType::Double;
        let columns: Vec<usize> = (0..schema.len()).filter(exact).collect();
        if columns.is_empty() {
            return Ok(None);
        }
        let column = schema.field(*self.prng.pick(&columns)).name.clone();
        self.count += 1;
        let name = format!("come{}", self.count);
        let counts = AggregateSpec {
            window: None,
            keys: vec![column.clone()],
            calls: vec![Call::count_rows("rows_of_it")],
            emit: Emit::Changes,
            allowed_lateness_us: 0,
        };
        let mut b = Builder::over(plan);
        // Windows over the rows that a source keeps, and what is the last in each.
        if let (Op::Source { time: Some(time), retain: Some(_), .. }, true) =
            (&plan.node(read).op, self.prng.chance(50))
        {
            let ts = schema.field(time.column).name.clone();
            let last = schema.field(*self.prng.pick(&columns)).name.clone();
            let mut bars = AggregateSpec::by([column.clone()])
                .tumble(&ts, *self.prng.pick(&[300_000, 1_500_000]))
                .count_rows("rows_of_it")
                .call(Call::by("its_last", Function::Last, &last, &ts));
            if self.prng.chance(30) {
                bars.window = Some(Window::Session { time: ts.clone(), gap_us: 300_000 });
            }
            let bars = if self.prng.chance(50) { bars.on_close() } else { bars };
            let bars = b.aggregate(read, &bars)?;
            b.view(bars, &name, &[])?;
            return b.finish().map(Some);
        }
        match self.prng.below(4) {
            0 => b.view(read, &name, &[&column])?,
            1 => b.stream(read, &name)?,
            2 => {
                let counts = b.aggregate(read, &counts)?;
                b.view(counts, &name, &[])?
            }
            _ => {
                let counts = b.aggregate(read, &counts)?;
                let renamed = [("its_key", column.as_str()), ("its_rows", "rows_of_it")];
                let renamed = renamed.map(|(to, from)| (to.to_owned(), Expr::col(from)));
                let counts = b.project(counts, renamed.to_vec())?;
                let pairs = b.join(read, counts, &[(&column, "its_key")])?;
                b.view(pairs, &name, &[])?
            }
        };
        b.finish().map(Some)
    }
}

/// The number of what ran, as it is told to the database.
fn history_of(version: usize) -> Arc<[u8]> {
    Arc::from((version as u64).to_le_bytes())
}

/// What ran at first has no history.
fn version_of(history: &[u8]) -> usize {
    history.try_into().map_or(0, |version| u64::from_le_bytes(version) as usize)
}

impl World {
    /// Whether something may come or go. Not while state is read: what goes could not be compared.
    pub(super) fn may_install(&self) -> bool {
        let quiet = self.life.reading.is_none() && !self.growth.under_way;
        let whole = self.life.ready && self.life.poison.is_none();
        let settled = !self.reshaping.rests() && !self.is_moving();
        self.growth.left > 0 && quiet && whole && self.is_rough() && settled
    }

    /// Something comes or goes.
    pub(super) fn install(&mut self) {
        self.growth.left -= 1;
        let Some((plan, fresh)) = self.growth.draw() else { return };
        let fed = self.producers.iter().map(|producer| producer.source).collect();
        let growth = Growth { route: self.options.route, tied: true, fed, logged: false };
        let made = change(&self.graph, self.growth.newest(), &plan, &growth);
        let mut made = made.expect("what is drawn can be lowered");
        made.history = history_of(self.growth.versions.len());
        let views = made.graph.views.places();
        let come = views.filter(|(_, view)| made.come.binary_search(&view.operator).is_ok());
        // Of this life, where each change that was drawn has its place.
        let number = self.growth.versions.len() as u64 + 1;
        let sink = |at: usize| SinkId { view: ViewId(at as u16), number };
        made.sinks_come = come.map(|(at, _)| sink(at)).collect();
        let made = Arc::new(made);
        check(&made).expect("its rows are not too large");
        let what = format_args!("come={:?} gone={:?}", made.come, made.gone);
        self.trace.add(self.turn, &"install", what);
        let (graph, groups) = (Arc::clone(&made.graph), self.growth.groups.clone());
        let version = Version { before: Epoch(0), plan, graph, groups, stands: Stands::new() };
        self.growth.ahead = Some((version, fresh));
        self.growth.under_way = true;
        self.add_lanes(&made);
        self.saw("graph changed");
        if !made.gone.is_empty() {
            self.saw("relation dropped");
        }
        if made.readers.iter().any(|r| made.graph.stages[r.stage.index()].is_kept(r.from)) {
            self.saw("rows owed to who came");
        }
        if !made.marks.is_empty() {
            self.saw("query stands still");
        }
        if made.readers.iter().any(|reader| reader.since.is_some()) {
            self.saw("query goes on");
        }
        if !made.pairs.is_empty() {
            self.saw("lanes between other stages");
        }
        self.coordinate(CoordinatorInput::Install(made));
    }

    fn add_lanes(&mut self, change: &Change) {
        let shards = self.options.shards;
        let edges = change.graph.edges.len();
        for lane in &mut self.life.lanes {
            lane.watermarks.resize(edges, i64::MIN);
            for edge in 0..edges {
                if self.graph.edges.get(edge).is_none() {
                    lane.watermarks[edge] = i64::MIN;
                }
            }
        }
        let ids = (0..shards).flat_map(|shard| change.lanes(ShardId(shard), shards));
        let lane = |id: LaneId| ShardLane {
            id,
            lane: Lane::new(self.options.lane_frames),
            barrier: None,
            watermarks: vec![i64::MIN; edges],
        };
        self.life.lanes.extend(ids.map(lane));
        self.life.lanes.sort_by_key(|lane| lane.id);
    }

    /// A shard has another graph.
    pub(super) fn changed(&mut self, shard: usize, change: &Change) {
        self.trace.add(self.turn, &ShardId(shard as u16), format_args!("changed"));
        self.life.seats[shard].shard.arena().verify();
        if let Some(reading) = &mut self.life.reading {
            // A read that was asked for before goes on without what is gone.
            let names =
                change.views_gone.iter().filter_map(|view| self.graph.views.get(view.index()));
            names.for_each(|view| reading.forget(&view.name));
        }
        self.sinks_come(change);
        let subscribers = &mut self.life.subscribers;
        subscribers.resize_with(subscribers.len().max(change.graph.views.len()), || None);
        for (at, view) in change.graph.views.places() {
            subscribers[at].get_or_insert_with(|| Subscriber::new(&view.name, true));
        }
    }

    /// All shards have it.
    pub(super) fn installed(&mut self, change: &Change) {
        for view in &change.views_gone {
            self.life.subscribers[view.index()] = None;
        }
        self.sinks_go(change);
        self.graph = Arc::clone(&change.graph);
        self.growth.under_way = false;
        self.growth.installed = self.growth.newest().clone();
    }
}
