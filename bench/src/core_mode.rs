//! The mode `core`: one shard of the core on the thread that sends.

use sluicedb::core::morsel::Morsel;
use sluicedb_sql::plan::Plan;
use sluicedb_sql::{Column, Value};

use crate::core_run::CoreRun;
use crate::subject::{Bulk, Collector, Load, Paced, Recorder, Setup, one_shard};
use crate::trades::{Query, Tick, plan, timed_plan};

/// Pushes between two barriers: batches at full speed are about one a millisecond.
const BATCHES_PER_EPOCH: usize = 16;
const TICKS_PER_EPOCH: usize = 1024;

fn run(plan: &Plan) -> Result<CoreRun, String> {
    CoreRun::new(plan).map_err(|error| error.to_string())
}

struct CorePaced<'a> {
    run: CoreRun,
    names: &'a [String],
    pushed: usize,
}

impl Paced for CorePaced<'_> {
    fn send(&mut self, tick: Tick) -> bool {
        self.run.push_tick(tick, &self.names[tick.symbol]);
        self.pushed += 1;
        if self.pushed.is_multiple_of(TICKS_PER_EPOCH) {
            self.run.end_epoch();
        }
        true
    }

    fn idle(&mut self) {}
}

struct CoreLookup {
    run: CoreRun,
    recorder: Recorder,
    keys: Vec<[Value; 1]>,
    out: Vec<Column>,
    weights: Vec<i64>,
}

impl Paced for CoreLookup {
    fn send(&mut self, tick: Tick) -> bool {
        self.out.iter_mut().for_each(Column::clear);
        self.weights.clear();
        self.run.find(&self.keys[tick.symbol], &mut self.out, &mut self.weights);
        assert_eq!(self.weights, [1], "every symbol has its totals");
        self.recorder.arrived(tick.sent as u64);
        true
    }

    fn idle(&mut self) {}
}

/// For a paced run.
pub fn paced<'a>(setup: &'a Setup, collector: &Collector) -> Result<Box<dyn Paced + 'a>, String> {
    one_shard(setup, "core")?;
    let plan = timed_plan(setup.query).map_err(|error| error.to_string())?;
    let mut run = run(&plan)?;
    let (names, recorder) = (&setup.names[..], collector.recorder());
    if setup.query != Query::Lookup {
        run.recorder = Some(recorder);
        return Ok(Box::new(CorePaced { run, names, pushed: 0 }));
    }
    let mut fill = CorePaced { run, names, pushed: 0 };
    (0..names.len()).for_each(|at| assert!(fill.send(Tick::new(at, 0)), "the core has room"));
    fill.run.end_epoch();
    let view = plan.view(setup.query.relation()).expect("the plan of a lookup has this view");
    let fields = plan.node(view).schema.fields().iter();
    Ok(Box::new(CoreLookup {
        run: fill.run,
        recorder,
        keys: names.iter().map(|name| [Value::Text(name.as_str().into())]).collect(),
        out: fields.map(|field| Column::new(field.data_type)).collect(),
        weights: Vec::new(),
    }))
}

struct CoreBulk {
    run: CoreRun,
    batches: Vec<Option<Morsel>>,
}

impl Bulk for CoreBulk {
    fn push(&mut self, batch: usize) -> bool {
        self.run.push(self.batches[batch].take().expect("each batch is pushed once"));
        if (batch + 1).is_multiple_of(BATCHES_PER_EPOCH) {
            self.run.end_epoch();
        }
        true
    }

    fn idle(&mut self) {}

    fn settle(&mut self) -> Result<(), String> {
        self.run.end_epoch();
        Ok(())
    }
}

/// For a run at full speed.
pub fn bulk<'a>(setup: &'a Setup, load: &'a Load) -> Result<Box<dyn Bulk + 'a>, String> {
    one_shard(setup, "core")?;
    let mut run = run(&plan(setup.query).map_err(|error| error.to_string())?)?;
    let batches = run.batches(&load.trades, &setup.names, load.batch);
    Ok(Box::new(CoreBulk { run, batches: batches.into_iter().map(Some).collect() }))
}
