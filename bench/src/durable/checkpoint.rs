//! What a checkpoint costs the shard that goes on meanwhile.
//!
//! A guest of the shard takes the time from turn to turn: with nothing to do but the checkpoint, a long
//! turn is what everybody waited for.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::yield_now;

use sluicedb::db::{Database, Source, values};
use sluicedb::{Plan, Value};

use super::Folder;
use super::recovery::{NEVER, Reading, totals};
use crate::clock::Clock;
use crate::histogram::Latencies;

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asked {
    /// Bytes of state before the first checkpoint that counts.
    pub state_bytes: u64,
    /// Of a hundred rows of state, those that change between two checkpoints.
    pub changed: u64,
    /// Checkpoints that count, without load and again under load.
    pub checkpoints: u64,
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct Stalled {
    /// Turns of the shard while a checkpoint was under way and nothing else.
    pub turns: Latencies,
    /// The longest of them in each checkpoint.
    pub longest: Latencies,
    /// Turns with nothing to do at all, about as many.
    pub calm_turns: Latencies,
    /// From the order to end an epoch until all stages have passed it, for each checkpoint.
    pub barriers: Latencies,
    /// From the order of each checkpoint until it was sealed, without load.
    pub whole: Latencies,
    /// Bytes that a checkpoint wrote, the middle of all.
    pub checkpoint_bytes: u64,
    /// Rows a second under load while none was under way, and while one was.
    pub rows_per_s: [f64; 2],
    /// Rows of state, and their bytes.
    pub state: (u64, u64),
}

/// Rows in a push.
const BATCH: u64 = 256;
/// Batches that wait on the way to the shard: a dip is seen when it happens.
const LANE_FRAMES: usize = 4;
/// Rows after which the size of the state is looked at.
const FILL: u64 = 32 * 1024;

/// Fills a database and saves it again and again.
pub fn run(clock: Clock, base: &Path, asked: Asked) -> Result<Stalled, String> {
    let Asked { state_bytes, changed, checkpoints } = asked;
    let plan = totals().map_err(|error| error.to_string())?;
    let folder = Folder::new(base)?;
    let database = start(&folder, &plan)?;
    let mut source = database.source::<Reading>("readings").map_err(text)?;
    let rows = fill(&database, &mut source, state_bytes)?;
    save(&database)?;
    let part = (rows * changed / 100).max(1);
    let watch = Watch::set(&database, clock)?;
    let mut whole = Latencies::new();
    for _ in 0..checkpoints {
        push(&mut source, (0, part), part)?;
        database.flush().map_err(text)?;
        let begun_ns = clock.now_ns();
        watch.during(Phase::Saving, || save(&database))?;
        let took_ns = clock.now_ns() - begun_ns;
        whole.record(took_ns);
        watch.during(Phase::Calm, || {
            let begun_ns = clock.now_ns();
            while clock.now_ns() - begun_ns < took_ns {
                yield_now();
            }
            Ok(())
        })?;
    }
    let Turns { saving, longest, calm: calm_turns } = watch.end()?;
    let (database, rows_per_s) = load(clock, database, source, (part, checkpoints))?;
    let (barriers, checkpoint_bytes) = epochs(&database)?;
    let state = (rows, database.stats().state_bytes);
    database.close().map_err(text)?;
    Ok(Stalled {
        turns: saving,
        longest,
        calm_turns,
        barriers,
        whole,
        checkpoint_bytes,
        rows_per_s,
        state,
    })
}

fn text(error: sluicedb::db::Error) -> String {
    error.to_string()
}

fn start(folder: &Folder, plan: &Plan) -> Result<Database, String> {
    let builder = Database::builder().shards(1).checkpoint_interval(NEVER);
    builder.lane_frames(LANE_FRAMES).directory(folder.path()).start(plan).map_err(text)
}

fn save(database: &Database) -> Result<(), String> {
    database.execute("CHECKPOINT").map(drop).map_err(text)
}

/// Pushes `count` rows that meet one sensor after the other of the first `part`, from the one after
/// `done` rows on.
fn push(source: &mut Source<Reading>, (done, part): (u64, u64), count: u64) -> Result<(), String> {
    let mut at = done;
    while at < done + count {
        let end = (at + BATCH).min(done + count);
        let of = |at: u64| Reading { sensor: (at % part) as i64, value: at as i64 };
        let readings: Vec<Reading> = (at..end).map(of).collect();
        source.push_all_wait(&readings).map_err(|error| error.to_string())?;
        at = end;
    }
    Ok(())
}

/// Adds sensors until the state is as large as was asked for; how many there are.
fn fill(
    database: &Database,
    source: &mut Source<Reading>,
    state_bytes: u64,
) -> Result<u64, String> {
    let mut rows = 0;
    loop {
        push(source, (rows, u64::MAX), FILL)?;
        rows += FILL;
        database.flush().map_err(text)?;
        if database.stats().state_bytes >= state_bytes {
            return Ok(rows);
        }
    }
}

/// What is under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Other,
    Saving,
    Calm,
    Over,
}

/// The time from turn to turn of the shard, by phase.
struct Watch {
    phase: Arc<AtomicU64>,
    turns: Receiver<Turns>,
}

struct Turns {
    saving: Latencies,
    longest: Latencies,
    calm: Latencies,
}

impl Watch {
    fn set(database: &Database, clock: Clock) -> Result<Watch, String> {
        let phase = Arc::new(AtomicU64::new(Phase::Other as u64));
        let (give, turns) = channel();
        let seen = Arc::clone(&phase);
        let [saving, longest, calm] = [(); 3].map(|()| Latencies::new());
        let mut kept = Turns { saving, longest, calm };
        let (mut before, mut last_ns, mut long_ns) = (Phase::Other as u64, clock.now_ns(), 0);
        let guest = move || {
            let now_ns = clock.now_ns();
            let turn_ns = now_ns - last_ns;
            last_ns = now_ns;
            let phase = seen.load(Ordering::Acquire);
            // A turn counts for the phase in which it began.
            if before == Phase::Saving as u64 {
                kept.saving.record(turn_ns);
                long_ns = long_ns.max(turn_ns);
            } else if before == Phase::Calm as u64 {
                kept.calm.record(turn_ns);
            }
            if long_ns > 0 && phase != Phase::Saving as u64 {
                kept.longest.record(std::mem::take(&mut long_ns));
            }
            before = phase;
            if phase == Phase::Over as u64 {
                let [saving, longest, calm] = [(); 3].map(|()| Latencies::new());
                let all = std::mem::replace(&mut kept, Turns { saving, longest, calm });
                // Where nobody waits for it the run has failed.
                let _ = give.send(all);
                return None;
            }
            // It keeps the shard from sleeping, which is no turn.
            Some(true)
        };
        database.run_on(0, guest).map_err(text)?;
        Ok(Watch { phase, turns })
    }

    /// Counts the turns while something is done.
    fn during(
        &self,
        phase: Phase,
        mut act: impl FnMut() -> Result<(), String>,
    ) -> Result<(), String> {
        self.phase.store(phase as u64, Ordering::Release);
        let done = act();
        self.phase.store(Phase::Other as u64, Ordering::Release);
        done
    }

    fn end(self) -> Result<Turns, String> {
        self.phase.store(Phase::Over as u64, Ordering::Release);
        self.turns.recv().map_err(|_| "the shard has ended".to_owned())
    }
}

/// Rows and nanoseconds, without a checkpoint and with one under way.
type Paces = [(u64, u64); 2];

/// Pushes as fast as the shard takes rows while checkpoints come, each after all of the part has changed
/// again; rows a second without one and with one.
fn load(
    clock: Clock,
    database: Database,
    source: Source<Reading>,
    (part, checkpoints): (u64, u64),
) -> Result<(Database, [f64; 2]), String> {
    let (open, stop) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let pushed = Arc::new(AtomicU64::new(0));
    let (opened, stopped, told) = (Arc::clone(&open), Arc::clone(&stop), Arc::clone(&pushed));
    let producer = move || -> Result<Paces, String> {
        let (mut source, mut paces, mut done) = (source, Paces::default(), 0);
        let mut last_ns = clock.now_ns();
        while !stopped.load(Ordering::Acquire) {
            let with = usize::from(opened.load(Ordering::Acquire));
            push(&mut source, (done, part), BATCH)?;
            done += BATCH;
            told.store(done, Ordering::Release);
            let now_ns = clock.now_ns();
            paces[with].0 += BATCH;
            paces[with].1 += now_ns - last_ns;
            last_ns = now_ns;
        }
        Ok(paces)
    };
    let thread = std::thread::spawn(producer);
    let saves = || -> Result<(), String> {
        for _ in 0..checkpoints {
            let wanted = pushed.load(Ordering::Acquire) + part.max(BATCH);
            while pushed.load(Ordering::Acquire) < wanted && !thread.is_finished() {
                yield_now();
            }
            open.store(true, Ordering::Release);
            save(&database)?;
            open.store(false, Ordering::Release);
        }
        Ok(())
    };
    let saved = saves();
    stop.store(true, Ordering::Release);
    let paces = thread.join().map_err(|_| "the producer has panicked".to_owned())??;
    saved?;
    let pace = |(rows, ns): (u64, u64)| rows as f64 * 1e9 / ns.max(1) as f64;
    Ok((database, paces.map(pace)))
}

/// How long the last checkpoints held epochs up, and the bytes of the middle one.
fn epochs(database: &Database) -> Result<(Latencies, u64), String> {
    let query = "SELECT barrier_us, checkpoint_bytes FROM sluice.epochs
                 WHERE checkpoint AND sealed_at IS NOT NULL ORDER BY checkpoint_bytes";
    let found = database.query(query).map_err(text)?;
    let (mut barriers, mut bytes) = (Latencies::new(), Vec::new());
    for row in found.batches.iter().flat_map(values) {
        let [Value::BigInt(us), Value::BigInt(written)] = row[..] else {
            return Err(format!("two numbers were asked for, and {row:?} came"));
        };
        barriers.record(us as u64 * 1000);
        bytes.push(written as u64);
    }
    let middle = bytes.get(bytes.len() / 2).copied();
    Ok((barriers, middle.ok_or("no checkpoint is remembered")?))
}
