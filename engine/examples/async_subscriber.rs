//! Results in asynchronous code: one task pushes readings and waits as a task where the engine is
//! behind, another takes the changes of a view as Arrow record batches.
//!
//! `cargo run --release --example async_subscriber`
//!
//! Any executor does. With tokio the two functions are what `tokio::spawn` and `block_on` take; here
//! is an executor of a dozen lines instead. The subscription is a `futures_core::Stream` too.

#![expect(clippy::print_stdout, reason = "it shows what it does")]
#![expect(clippy::disallowed_methods, reason = "its executor is a thread for each task")]

use std::error::Error;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use sluicedb::arrow::array::{AsArray as _, RecordBatch};
use sluicedb::arrow::datatypes::{Float64Type, Int64Type};
use sluicedb::db::{BatchStream, Database, PushError, Row, Source, SqlError, Weights, schema};
use sluicedb::plan::{AggregateSpec, Builder, Function, Plan};

#[derive(Row)]
struct Reading {
    sensor: i64,
    celsius: f64,
    #[row(timestamp)]
    ts: i64, // microseconds since 1970
}

const SENSORS: i64 = 8;
const READINGS: i64 = 400_000;
/// One reading each millisecond of event time.
const STEP_US: i64 = 1_000;
const MINUTE_US: i64 = 60_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let db = Database::memory(&plan()?)?;
    let readings = db.source::<Reading>("readings")?;
    // Closed windows take nothing back, so that no batch needs a column of weights.
    let minutes = db.subscribe("minutes")?.batches(Weights::WhereNeeded);

    let feeding = thread::spawn(move || block_on(feed(readings)));
    let listening = thread::spawn(move || block_on(listen(minutes)));
    feeding.join().expect("no panic")?;
    // Works off what was pushed; the stream ends behind it.
    db.close()?;
    let rows = listening.join().expect("no panic")?;
    println!("{READINGS} readings became {rows} rows");
    Ok(())
}

async fn feed(mut readings: Source<Reading>) -> Result<(), PushError> {
    for n in 0..READINGS {
        let sensor = n * 5 % SENSORS;
        let celsius = 20.0 + sensor as f64 + (n % 977) as f64 / 100.0;
        readings.push_async(&Reading { sensor, celsius, ts: n * STEP_US }).await?;
    }
    Ok(())
}

async fn listen(mut minutes: BatchStream) -> Result<usize, sluicedb::db::Error> {
    let mut rows = 0;
    while let Some(batch) = minutes.next().await {
        let batch = batch?;
        rows += batch.num_rows();
        println!("{}", hottest(&batch));
    }
    Ok(rows)
}

/// One line a batch: any code that takes Arrow could stand here.
fn hottest(batch: &RecordBatch) -> String {
    let column = |name| batch.column_by_name(name).expect("the plan has it");
    let sensors = column("sensor").as_primitive::<Int64Type>();
    let peaks = column("peak").as_primitive::<Float64Type>();
    let hottest = (0..batch.num_rows()).max_by(|a, b| peaks.value(*a).total_cmp(&peaks.value(*b)));
    match hottest {
        None => "an empty batch".to_owned(),
        Some(at) => format!(
            "a batch of {:>2} rows, the hottest sensor is {} with {:.2} degrees",
            batch.num_rows(),
            sensors.value(at),
            peaks.value(at),
        ),
    }
}

fn plan() -> Result<Plan, SqlError> {
    let mut plan = Builder::new();
    let readings = plan.source("readings", schema::<Reading>()?, Some(("ts", 0)))?;
    let minutes = AggregateSpec::by(["sensor"])
        .tumble("ts", MINUTE_US)
        .count_rows("readings")
        .compute("mean", Function::Avg, "celsius")
        .compute("peak", Function::Max, "celsius")
        .on_close();
    let minutes = plan.aggregate(readings, &minutes)?;
    plan.stream(minutes, "minutes")?;
    plan.finish()
}

/// Runs a task on this thread, which sleeps while the task waits.
fn block_on<T>(task: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Unpark>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut task = pin!(task);
    loop {
        match task.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(done) => return done,
            Poll::Pending => thread::park(),
        }
    }
}
