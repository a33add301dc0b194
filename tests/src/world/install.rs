//! The graph changes while the database runs: views, streams, aggregates and joins come to what is
//! there, and go again.
//!
//! What files hold of a graph that has changed is not opened again yet, so that this happens in runs
//! without crashes only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sluicedb::core::effect::CoordinatorInput;
use sluicedb::core::graph::{Change, Growth, change};
use sluicedb::core::ids::{Epoch, LaneId, ShardId};
use sluicedb::core::shard::check;
use sluicedb_sql::expr::Expr;
use sluicedb_sql::plan::{AggregateSpec, Builder, Call, Emit, Function, NodeId, Op, Plan, Window};
use sluicedb_sql::{DataType, SqlError};

use super::World;
use super::life::ShardLane;
use super::subscriber::Subscriber;
use crate::lane::Lane;
use crate::load::Load;
use crate::options::Options;
use crate::prng::Prng;

/// What has come and gone since the start.
pub(super) struct Growing {
    prng: Prng,
    left: usize,
    /// Each plan with the last epoch before it.
    plans: Vec<(Epoch, Plan)>,
    /// The plan that is on its way, and the nodes that come with it to a source.
    ahead: Option<(Plan, Vec<NodeId>)>,
    /// The last epoch that such nodes know nothing of.
    since: BTreeMap<NodeId, Epoch>,
    /// What came together and goes together.
    groups: Vec<Vec<NodeId>>,
    count: usize,
    /// The plan that all shards have.
    installed: Plan,
    under_way: bool,
}

impl Growing {
    pub(super) fn new(root: &Prng, options: &Options, load: &Load) -> Growing {
        let calm = options.faults.crashes == 0 && !options.faults.failed_sync;
        Growing {
            prng: root.split("installs"),
            left: if calm { options.installs } else { 0 },
            plans: vec![(Epoch(0), load.plan.clone())],
            ahead: None,
            since: BTreeMap::new(),
            groups: Vec::new(),
            count: 0,
            installed: load.plan.clone(),
            under_way: false,
        }
    }

    fn newest(&self) -> &Plan {
        &self.plans.last().expect("there is one from the start").1
    }

    /// The plan that ran in an epoch.
    pub(super) fn plan_at(&self, epoch: Epoch) -> &Plan {
        let found = self.plans.iter().rfind(|(before, _)| *before < epoch);
        &found.expect("there is one from the start").1
    }

    /// The last epoch that a node knows nothing of.
    pub(super) fn since(&self, node: NodeId) -> Option<Epoch> {
        self.since.get(&node).copied()
    }

    /// The relations that were there in an epoch, and are on all shards.
    pub(super) fn names_at(&self, epoch: Epoch) -> BTreeSet<String> {
        let before = self.plan_at(epoch);
        let stays = before.ids().filter(|id| self.installed.position(*id).is_some());
        stays.filter_map(|id| before.node(id).op.name().map(str::to_owned)).collect()
    }

    /// An epoch closes; what was ordered before takes effect behind it.
    pub(super) fn closes(&mut self, epoch: Epoch) {
        let Some((plan, fresh)) = self.ahead.take_if(|_| self.under_way) else { return };
        self.since.extend(fresh.into_iter().map(|node| (node, epoch)));
        self.plans.push((epoch, plan));
    }

    /// Another plan, and the nodes in it that come to a source.
    fn draw(&mut self) -> Option<(Plan, Vec<NodeId>)> {
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

impl World {
    /// Whether something may come or go. Not while state is read: what goes could not be compared.
    pub(super) fn may_install(&self) -> bool {
        let quiet = self.life.reading.is_none() && !self.growth.under_way;
        let whole = self.life.ready && self.life.poison.is_none();
        let alone = self.lives == 1 && self.crash_at.is_empty();
        self.growth.left > 0 && quiet && whole && alone && self.is_rough()
    }

    /// Something comes or goes.
    pub(super) fn install(&mut self) {
        self.growth.left -= 1;
        let Some((plan, fresh)) = self.growth.draw() else { return };
        let fed = self.producers.iter().map(|producer| producer.source).collect();
        let growth = Growth { route: self.options.route, tied: true, fed, logged: false };
        let made = change(&self.graph, self.growth.newest(), &plan, &growth);
        let made = Arc::new(made.expect("what is drawn can be lowered"));
        check(&made).expect("its rows are not too large");
        let what = format_args!("come={:?} gone={:?}", made.come, made.gone);
        self.trace.add(self.turn, &"install", what);
        self.growth.ahead = Some((plan, fresh));
        self.growth.under_way = true;
        self.add_lanes(&made);
        self.saw("graph changed");
        if !made.gone.is_empty() {
            self.saw("relation dropped");
        }
        if made.readers.iter().any(|r| made.graph.stages[r.stage.index()].is_kept(r.from)) {
            self.saw("rows owed to who came");
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
        self.graph = Arc::clone(&change.graph);
        self.growth.under_way = false;
        self.growth.installed = self.growth.newest().clone();
    }
}
