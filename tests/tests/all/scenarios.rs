//! Named runs, written by hand.

use sluicedb::core::graph::Route;
use sluicedb_sql::plan::{AggregateSpec, Builder, Call, Emit, Function, Plan};
use sluicedb_sql::{DataType, Field, Schema, SqlError, Value};
use sluicedb_tests::disk::CrashMode;
use sluicedb_tests::load::{Batch, FeederLoad, Load};
use sluicedb_tests::options::{Comings, Faults, Options, STATE_BLOCKS, Weights};
use sluicedb_tests::world::{Outcome, Summary, World, run_load};

fn options() -> Options {
    Options {
        shards: 2,
        feeders: 1,
        lane_frames: 4,
        feeder_lane_frames: 4,
        fuel_max: 64,
        route: Route::Rows,
        logged: 1,
        segment_blocks: 4,
        epoch_interval_ns: 10_000_000,
        checkpoint_interval_ns: 20_000_000,
        checkpoint_deltas_max: 2,
        checkpoint_writes_max: 2,
        state_blocks: STATE_BLOCKS,
        shadow_blocks: 256,
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

fn schema() -> Result<Schema, SqlError> {
    let fields = vec![Field::not_null("k", DataType::Int), Field::not_null("v", DataType::BigInt)];
    Schema::new(fields)
}

/// `SELECT k, count(*), sum(v) FROM t GROUP BY k`
fn sums() -> Result<Plan, SqlError> {
    let mut builder = Builder::new();
    let source = builder.source("t", schema()?, None)?;
    let spec = AggregateSpec {
        window: None,
        keys: vec!["k".to_owned()],
        calls: vec![Call::count_rows("n"), Call::of("total", Function::Sum, "v")],
        emit: Emit::Changes,
        allowed_lateness_us: 0,
    };
    let groups = builder.aggregate(source, &spec)?;
    builder.view(groups, "sums", &["k"])?;
    builder.finish()
}

/// `SELECT * FROM t JOIN u USING (k)`
fn pairs() -> Result<Plan, SqlError> {
    let mut builder = Builder::new();
    let left = builder.source("t", schema()?, None)?;
    let fields =
        vec![Field::not_null("k2", DataType::Int), Field::not_null("v2", DataType::BigInt)];
    let right = builder.source("u", Schema::new(fields)?, None)?;
    let joined = builder.join(left, right, &[("k", "k2")])?;
    let groups = AggregateSpec {
        window: None,
        keys: vec!["v".to_owned()],
        calls: vec![Call::count_rows("n")],
        emit: Emit::Changes,
        allowed_lateness_us: 0,
    };
    builder.view(joined, "pairs", &[])?;
    let counted = builder.aggregate(joined, &groups)?;
    builder.view(counted, "counted", &["v"])?;
    builder.finish()
}

/// A row per number, spread over `keys`.
fn batch(numbers: std::ops::Range<i64>, keys: i64) -> Batch {
    numbers.map(|n| vec![Value::Int((n % keys) as i32), Value::BigInt(n)]).collect()
}

fn load(plan: Result<Plan, SqlError>, feeders: Vec<(usize, Vec<Batch>)>) -> Load {
    let plan = plan.expect("the plan is written down");
    let feeders = feeders.into_iter().map(|(source, batches)| FeederLoad { source, batches });
    Load { plan, feeders: feeders.collect(), features: Default::default() }
}

fn play(options: Options, load: Load, script: impl FnOnce(&mut World)) -> Summary {
    run_load(1, options, load, script, |_| {}).unwrap_or_else(|failure| panic!("\n{failure}"))
}

/// Twenty statements of five rows.
fn twenty() -> Vec<Batch> {
    (0..20).map(|at| batch(at * 5..at * 5 + 5, 7)).collect()
}

#[test]
fn a_crash_between_the_acknowledgements_of_two_shards_leaves_the_checkpoint_before() {
    for mode in [CrashMode::DropAll, CrashMode::KeepAll] {
        let options = Options { logged: 0, ..options() };
        play(options, load(sums(), vec![(0, twenty())]), |world| {
            world.run_until(&["coordinator sealed"]);
            let before = world.newest_sealed();
            world.run_until(&["coordinator report", "acknowledged"]);
            assert_eq!(world.newest_sealed(), before, "one shard does not seal");
            world.crash(mode);
            assert_eq!(world.newest_sealed(), before, "one shard has not sealed");
        });
    }
}

#[test]
fn a_manifest_whose_renaming_survives_counts_and_one_that_does_not_is_forgotten() {
    for (mode, counts) in [(CrashMode::DropAll, false), (CrashMode::KeepAll, true)] {
        play(options(), load(sums(), vec![(0, twenty())]), |world| {
            world.run_until(&["coordinator sealed"]);
            let before = world.newest_sealed();
            world.run_until(&["disk complete rename manifest"]);
            assert_eq!(world.newest_sealed(), before, "a name that is not synced seals nothing");
            world.crash(mode);
            assert_eq!(world.newest_sealed() > before, counts, "{mode:?}");
        });
    }
}

#[test]
fn a_barrier_that_overtakes_on_one_lane_holds_that_lane() {
    play(options(), load(sums(), vec![(0, twenty())]), |world| {
        world.hide(1, 0, true);
        world.run_until(&["s0 frame lane=s0.g0>s0.g1 barrier"]);
        assert!(!world.accepts(0, 0), "the lane has delivered its barrier");
        world.run_for(500);
        assert!(!world.accepts(0, 0), "the other lane has not");
        world.hide(1, 0, false);
        world.run_until(&["s0 frame lane=s1.g0>s0.g1 barrier"]);
    });
}

#[test]
fn an_idle_feeder_holds_no_epoch_back() {
    let feeders = vec![(0, twenty()), (0, Vec::new()), (0, vec![batch(0..5, 3)])];
    let summary = play(options(), load(sums(), feeders), |world| {
        world.run_until(&["reader compare"]);
        world.run_until(&["coordinator sealed"]);
    });
    assert_eq!(summary.outcome, Outcome::Done);
}

#[test]
fn a_query_that_an_arena_is_too_small_for_is_given_up_and_nothing_else() {
    let rows = (0..40).map(|at| batch(at * 100..at * 100 + 100, 1_000_000)).collect();
    let options = Options { state_blocks: 80, ..options() };
    let summary = play(options, load(sums(), vec![(0, rows)]), |_| {});
    assert_eq!(summary.outcome, Outcome::Done);
    assert!(summary.seen["query given up"] > 0);
}

/// `SELECT * FROM t`, all of which lies where its key does, beside [`sums`].
fn rows_and_sums() -> Result<Plan, SqlError> {
    let sums = sums()?;
    let source = sums.ids().next().expect("the source comes first");
    let mut builder = Builder::over(&sums);
    builder.view(source, "rows", &["k"])?;
    builder.finish()
}

#[test]
fn a_query_that_one_shard_gives_up_is_gone_on_all() {
    let rows = (0..150).map(|at| batch(at * 100..at * 100 + 100, 1)).collect();
    let options = Options { state_blocks: 120, ..options() };
    let summary = play(options, load(rows_and_sums(), vec![(0, rows)]), |world| {
        let line = world.run_until(&["coordinator stopped"]);
        assert!(line.contains("stopped rows"), "the view of all rows keeps the most: {line}");
    });
    assert_eq!(summary.outcome, Outcome::Done);
    assert_eq!(summary.seen["query given up"], 1, "the other shard has none of it");
}

#[test]
fn a_join_that_explodes_passes_through_lanes_of_two_frames() {
    let side = || (0..3).map(|at| batch(at * 20..at * 20 + 20, 1)).collect();
    for fuel_max in [1, 7, 1000] {
        let options = Options { lane_frames: 2, feeder_lane_frames: 1, fuel_max, ..options() };
        let options = Options { logged: 3, state_blocks: 1024, ..options };
        let summary = play(options, load(pairs(), vec![(0, side()), (1, side())]), |_| {});
        assert_eq!(summary.outcome, Outcome::Done);
    }
}

#[test]
fn a_failed_sync_acknowledges_nothing_and_what_was_acknowledged_is_there() {
    let summary = play(options(), load(sums(), vec![(0, twenty())]), |world| {
        world.run_until(&["settled"]);
        world.fail_next();
        world.run_until(&["coordinator poisoned"]);
        let before = world.acknowledged();
        world.run_for(20);
        assert_eq!(world.acknowledged(), before, "a database that stopped acknowledged");
    });
    assert!(summary.seen["stopped by the disk"] > 0);
}

#[test]
fn epochs_that_left_a_trace_are_not_used_again() {
    let batches = (0..60).map(|at| batch(at * 5..at * 5 + 5, 7)).collect();
    play(options(), load(sums(), vec![(0, batches)]), |world| {
        for _ in 0..2 {
            world.run_until(&["coordinator sealed"]);
            let before = world.newest_sealed().expect("one was sealed");
            world.crash(CrashMode::DropAll);
            assert!(world.open_epoch() > before);
        }
    });
}
