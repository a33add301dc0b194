//! What a user can hand over that must be refused, or go through unharmed.

use std::sync::Arc;

use sluicedb::core::arena::Region;
use sluicedb::core::graph::{Route, lower};
use sluicedb::core::recovery::{DatabaseOptions, open};
use sluicedb_sql::expr::{Expr, lit};
use sluicedb_sql::plan::{AggregateSpec, Builder, Call, Emit, Plan};
use sluicedb_sql::{DataType, Field, Schema, SqlError, Value};
use sluicedb_tests::load::{Batch, FeederLoad, Load};
use sluicedb_tests::options::{Comings, Faults, Options, Weights};
use sluicedb_tests::world::{Outcome, World, run_load};

fn options() -> Options {
    Options {
        shards: 1,
        feeders: 1,
        lane_frames: 4,
        feeder_lane_frames: 4,
        fuel_max: 64,
        route: Route::Rows,
        logged: 3,
        segment_blocks: 4,
        epoch_interval_ns: 10_000_000,
        checkpoint_interval_ns: 20_000_000,
        checkpoint_deltas_max: 2,
        checkpoint_writes_max: 2,
        state_blocks: 4096,
        shadow_blocks: 1024,
        statements: 0,
        rows_max: 0,
        disk_turns_max: 0,
        weights: Weights::EVEN,
        comings: Comings::NONE,
        installs: 0,
        reshapings: 0,
        faults: Faults::NONE,
    }
}

fn ints(names: &[&str]) -> Result<Schema, SqlError> {
    Schema::new(names.iter().map(|&name| Field::not_null(name, DataType::Int)).collect())
}

fn load(plan: Plan, feeders: Vec<(usize, Vec<Batch>)>) -> Load {
    let feeders = feeders.into_iter().map(|(source, batches)| FeederLoad { source, batches });
    Load { plan, feeders: feeders.collect(), features: Default::default() }
}

fn run(load: &Load, end: impl Fn(&World)) {
    for seed in 1..4 {
        let ran = run_load(seed, options(), load.clone(), |_| {}, &end);
        let summary = ran.unwrap_or_else(|failure| panic!("\n{failure}"));
        assert_eq!(summary.outcome, Outcome::Done);
    }
}

/// A join with counts that change, whose left side shows the sign of zero.
fn signs() -> Result<Plan, SqlError> {
    let mut builder = Builder::new();
    let fields = vec![Field::not_null("k", DataType::Int), Field::not_null("x", DataType::Double)];
    let values = builder.source("s", Schema::new(fields)?, None)?;
    let keys = builder.source("t", ints(&["q"])?, None)?;
    let spec = AggregateSpec {
        window: None,
        keys: vec!["q".into()],
        calls: vec![Call::count_rows("n")],
        emit: Emit::Changes,
        allowed_lateness_us: 0,
    };
    let counts = builder.aggregate(keys, &spec)?;
    let joined = builder.join(values, counts, &[("k", "q")])?;
    let text = Expr::col("x").cast(DataType::Text);
    let shown = vec![("n".into(), Expr::col("n")), ("x".into(), text)];
    let shown = builder.project(joined, shown)?;
    builder.view(shown, "v", &[])?;
    builder.finish()
}

#[test]
fn a_retraction_takes_back_what_a_negative_zero_made() {
    let row = |zero| vec![vec![Value::Int(1), Value::Double(zero)]];
    let key = vec![vec![Value::Int(1)]];
    let plan = signs().expect("the plan is written down");
    run(&load(plan, vec![(0, vec![row(0.0), row(-0.0)]), (1, vec![key; 9])]), |_| {});
}

/// Every row becomes a text of a mebibyte.
fn large_texts() -> Result<Plan, SqlError> {
    let mut builder = Builder::new();
    let source = builder.source("s", ints(&["k"])?, None)?;
    let text = lit("x".repeat(1 << 20).as_str());
    let made = builder.project(source, vec![("t".into(), text)])?;
    builder.view(made, "v", &[])?;
    builder.finish()
}

#[test]
fn texts_that_are_larger_together_than_the_memory_go_in_a_few_at_a_time() {
    let plan = large_texts().expect("the plan is written down");
    run(&load(plan, vec![(0, vec![vec![vec![Value::Int(1)]; 20]])]), |_| {});
}

/// `SELECT * FROM l JOIN r ON a = <key>`
fn join_on(key: &str) -> Result<Plan, SqlError> {
    let mut builder = Builder::new();
    let left = builder.source("l", ints(&["a", "b"])?, None)?;
    let right = builder.source("r", ints(&["c", "d"])?, None)?;
    let joined = builder.join(left, right, &[("a", key)])?;
    builder.view(joined, "v", &[])?;
    builder.finish()
}

#[test]
fn state_is_not_handed_to_another_plan() {
    let row = vec![vec![Value::Int(1), Value::Int(2)]];
    let plan = join_on("c").expect("the plan is written down");
    let load = load(plan, vec![(0, vec![row.clone(); 3]), (1, vec![row; 3])]);
    run(&load, |world| {
        let opened = |key: &str, shards| {
            let plan = join_on(key).expect("the plan is written down");
            let graph = lower(&plan, Route::Rows).expect("it has few stages");
            let options = DatabaseOptions {
                shards,
                logged: vec![true, true],
                log: Some(Default::default()),
                epoch_interval_ns: 1,
                checkpoint_interval_ns: 1,
                checkpoint_deltas_max: 1,
                checkpoint_writes_max: 1,
                seed: 0,
            };
            let memory = |_| (Region::heap(4096), Region::heap(64));
            let opened = open(world.files(), &Arc::new(graph), &options, memory);
            opened.map_or_else(|error| error.to_string(), |_| "opened".to_owned())
        };
        assert_eq!(opened("c", 1), "opened");
        let another = opened("d", 1);
        assert!(another.contains("written by another plan"), "{another}");
        assert_eq!(opened("c", 2), "opened", "no statement is behind the checkpoint");
    });
}
