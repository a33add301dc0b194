//! One readable run: trades through a filter and a windowed aggregate into a view, on three shards,
//! with a loss of power in the middle.

use std::fmt::Write as _;

use sluicedb::core::graph::Route;
use sluicedb_sql::expr::{Expr, lit};
use sluicedb_sql::plan::{AggregateSpec, Builder, Call, Emit, Function, Plan, Window};
use sluicedb_sql::{DataType, Field, Schema, SqlError, Value};

use crate::disk::CrashMode;
use crate::load::{Batch, FeederLoad, Load};
use crate::options::{Comings, Faults, Options, Weights};
use crate::prng::Prng;
use crate::world::{Failure, World, run_load};

const SEED: u64 = 1;
const SECOND_US: i64 = 1_000_000;
const FEEDERS: usize = 2;
const STATEMENTS: usize = 40;
const ROWS: usize = 12;
/// Power is lost behind this many moves of the disk.
const CRASH_AT: u64 = 150;
const ROWS_SHOWN: usize = 8;

/// Runs it and says what it did.
pub fn run() -> Result<String, Box<Failure>> {
    let (options, load) = (options(), load());
    let mut text = format!(
        "{} trades of {FEEDERS} feeders, power lost in the middle.\n\nPlan:\n{}\nOptions:\n{options}\n",
        load.rows(),
        load.plan,
    );
    let set = |world: &mut World| {
        world.keep_trace();
        world.crash_at(CRASH_AT, CrashMode::Random { torn: true });
    };
    let tell = |world: &World| {
        let _ = write!(text, "\nWhat happened:\n{}\n{}", milestones(world), views(world));
    };
    let summary = run_load(SEED, options, load, set, tell)?;
    let _ = write!(text, "\n{summary}\n");
    Ok(text)
}

/// The lines of the trace that tell the story.
fn milestones(world: &World) -> String {
    let told = [" crash mode", " open found", " coordinator sealed", " reader compare", " calm "];
    let lines = world.lines().filter(|line| told.iter().any(|what| line.contains(what)));
    lines.fold(String::new(), |text, line| text + line + "\n")
}

fn views(world: &World) -> String {
    let mut text = String::new();
    for (name, relation) in world.views() {
        let _ = writeln!(text, "View {name} at the end, {} rows, the first:", relation.len());
        for (row, _) in relation.iter().take(ROWS_SHOWN) {
            let values: Vec<String> = row.iter().map(Value::to_string).collect();
            let _ = writeln!(text, "  {}", values.join(" | "));
        }
    }
    text
}

fn options() -> Options {
    let ms = 1_000_000;
    Options {
        shards: 3,
        feeders: FEEDERS,
        lane_frames: 4,
        feeder_lane_frames: 4,
        fuel_max: 64,
        route: Route::Rows,
        logged: 1,
        segment_blocks: 16,
        epoch_interval_ns: 10 * ms,
        checkpoint_interval_ns: 40 * ms,
        checkpoint_deltas_max: 2,
        checkpoint_writes_max: 2,
        state_blocks: 1024,
        shadow_blocks: 512,
        statements: STATEMENTS,
        rows_max: ROWS,
        disk_turns_max: 10,
        weights: Weights::EVEN,
        comings: Comings::NONE,
        installs: 0,
        reshapings: 0,
        faults: Faults::NONE,
    }
}

fn load() -> Load {
    let plan = plan().expect("a plan that is written down");
    let mut prng = Prng::new(SEED);
    let feeder = |_| FeederLoad {
        source: 0,
        batches: (0..STATEMENTS / FEEDERS).map(|at| batch(at, &mut prng)).collect(),
    };
    let feeders = (0..FEEDERS).map(feeder).collect();
    Load { plan, feeders, features: std::collections::BTreeSet::new() }
}

/// What one feeder saw in a fifth of a second.
fn batch(at: usize, prng: &mut Prng) -> Batch {
    let trade = |row: usize, prng: &mut Prng| {
        let step_us = SECOND_US / 5 / ROWS as i64;
        let time_us = (at * ROWS + row) as i64 * step_us - prng.range(0..3) * step_us;
        vec![
            Value::text(["ACME", "INIT", "UMBR", "WAYN"][prng.below(4)]),
            Value::Decimal { units: i128::from(prng.range(9_000..11_000)), scale: 2 },
            Value::Int(prng.range(1..100) as i32),
            Value::Timestamp(time_us),
        ]
    };
    (0..ROWS).map(|row| trade(row, prng)).collect()
}

fn plan() -> Result<Plan, SqlError> {
    let mut builder = Builder::new();
    let trades = Schema::new(vec![
        Field::not_null("symbol", DataType::Text),
        Field::not_null("price", DataType::Decimal { precision: 18, scale: 2 }),
        Field::not_null("volume", DataType::Int),
        Field::not_null("ts", DataType::Timestamp),
    ])?;
    let source = builder.source("trades", trades, Some(("ts", SECOND_US / 10)))?;
    let large = builder.filter(source, &Expr::col("volume").gt(lit(10_i32)))?;
    let bars = builder.aggregate(
        large,
        &AggregateSpec {
            window: Some(Window::Tumble {
                time: "ts".to_owned(),
                size_us: SECOND_US,
                offset_us: 0,
            }),
            keys: vec!["symbol".to_owned()],
            calls: vec![
                Call::count_rows("trades"),
                Call::of("volume", Function::Sum, "volume"),
                Call::of("high", Function::Max, "price"),
                Call::by("close", Function::Last, "price", "ts"),
            ],
            emit: Emit::Changes,
            allowed_lateness_us: 0,
        },
    )?;
    builder.view(bars, "bars", &["symbol", "window_start"])?;
    builder.finish()
}
