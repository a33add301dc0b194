//! Runs a world to its end, and says how that went.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use super::World;
use crate::load::Load;
use crate::options::{Fault, Options};
use crate::prng::Prng;

/// What came of a run that went well.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Summary {
    /// Its seed.
    pub seed: u64,
    /// Turns it took.
    pub turns: u64,
    /// Stands for everything that happened.
    pub hash: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// Disk operations carried out or completed.
    pub disk_moves: u64,
    /// Rows of all statements.
    pub rows: u64,
    /// The most blocks of state that a shard was seen to use.
    pub blocks_seen: u32,
    /// How often things happened that a run may or may not see.
    pub seen: BTreeMap<&'static str, u64>,
}

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Everything was published, sealed and acknowledged.
    Done,
    /// State grew to its limit, and the database said so.
    Exhausted,
}

/// A run that showed a bug.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// What was wrong.
    pub cause: String,
    /// Its options, expanded.
    pub options: String,
    /// The last lines of its trace.
    pub tail: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { seed, cause, options, tail } = self;
        writeln!(f, "{}\n", tail.join("\n"))?;
        writeln!(f, "{options}\n")?;
        writeln!(f, "seed {seed}: {cause}")?;
        write!(f, "replay it with: cargo sim {seed}")
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { seed, turns, hash, outcome, disk_moves, rows, blocks_seen, seen } = self;
        writeln!(f, "seed {seed}: {outcome:?} after {turns} turns, trace {hash:016x}")?;
        write!(f, "{rows} rows, {disk_moves} moves of the disk, {blocks_seen} blocks of state")?;
        seen.iter().try_for_each(|(what, count)| write!(f, "\n{count:>8} {what}"))
    }
}

/// A run with all lines of its trace.
#[derive(Clone, Debug)]
pub struct Replay {
    /// Its options, then line by line what happened.
    pub lines: Vec<String>,
    /// What came of it.
    pub result: Result<Summary, Box<Failure>>,
}

/// The options and the load of a seed, without some kinds of faults.
pub fn draw(seed: u64, without: &[Fault]) -> (Options, Load) {
    let root = Prng::new(seed);
    let mut options = Options::draw(&mut root.split("options"));
    for fault in without {
        options.faults = options.faults.without(*fault);
    }
    let load = Load::draw(&mut root.split("input"), &options);
    (options, load)
}

/// Runs a seed without some kinds of faults.
pub fn run(seed: u64, without: &[Fault]) -> Result<Summary, Box<Failure>> {
    let (options, load) = draw(seed, without);
    run_load(seed, options, load, |_| {}, |_| {})
}

/// Runs a seed and keeps all lines of its trace.
pub fn replay(seed: u64, without: &[Fault]) -> Replay {
    let (options, load) = draw(seed, without);
    let mut lines = vec![load.plan.to_string(), options.to_string()];
    let keep = |world: &World| lines.extend(world.lines().map(str::to_owned));
    let result = run_load(seed, options, load, World::keep_trace, keep);
    Replay { lines, result }
}

/// Runs a load; `set` may set the world up, and `end` look at it whatever came of it.
pub fn run_load(
    seed: u64,
    options: Options,
    load: Load,
    set: impl FnOnce(&mut World),
    end: impl FnOnce(&World),
) -> Result<Summary, Box<Failure>> {
    let printed = options.to_string();
    let fail = |cause, tail| Box::new(Failure { seed, cause, options: printed.clone(), tail });
    let mut world = match quietly(|| World::new(seed, options, load)) {
        Ok(Ok(world)) => world,
        Ok(Err(error)) => return Err(fail(format!("the plan is refused: {error}"), Vec::new())),
        Err(cause) => return Err(fail(cause, Vec::new())),
    };
    let ran = quietly(|| {
        set(&mut world);
        world.run();
    });
    end(&world);
    match ran {
        Ok(()) => Ok(world.summary(seed)),
        Err(cause) => Err(fail(cause, world.trace.tail().map(str::to_owned).collect())),
    }
}

impl World {
    fn summary(&self, seed: u64) -> Summary {
        let mut seen = self.seen.clone();
        for feature in &self.load.features {
            *seen.entry(feature).or_insert(0) += 1;
        }
        let exhausted = self.life.exhausted().is_some();
        Summary {
            seed,
            turns: self.turn,
            hash: self.trace.hash(),
            outcome: if exhausted { Outcome::Exhausted } else { Outcome::Done },
            disk_moves: self.disk.moves(),
            rows: self.load.rows() as u64,
            blocks_seen: self.blocks_seen,
            seen,
        }
    }

    /// Keeps all lines of the trace, not only the last.
    pub fn keep_trace(&mut self) {
        self.trace.keep_all();
    }

    /// The lines of the trace that were kept.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.trace.lines()
    }
}

thread_local! {
    /// Where the thread's last panic happened, while a run is watched.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
    static WATCHED: RefCell<bool> = const { RefCell::new(false) };
}

/// Runs `body`; a panic in it is told as text instead of printed.
pub fn quietly<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !WATCHED.with(|watched| *watched.borrow()) {
                return before(info);
            }
            let place = info.location().map_or(String::new(), |at| format!(" ({at})"));
            PANIC.with(|panic| *panic.borrow_mut() = Some(place));
        }));
    });
    WATCHED.with(|watched| *watched.borrow_mut() = true);
    let result = catch_unwind(AssertUnwindSafe(body));
    WATCHED.with(|watched| *watched.borrow_mut() = false);
    result.map_err(|payload| {
        let place = PANIC.with(|panic| panic.borrow_mut().take()).unwrap_or_default();
        format!("{}{place}", text(payload.as_ref()))
    })
}

fn text(payload: &(dyn Any + Send)) -> String {
    let short = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = short.or_else(|| payload.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without words".to_owned())
}
