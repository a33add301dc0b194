//! How long the first row of a closing window waits, through the database.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sluicedb::db::{Changes, Database, InlineDatabase, Source};

use super::{Trade, builder, database, text};
use crate::clock::Clock;
use crate::close::{CLOSES_PER_RUN, Closes, GROUPS};
use crate::subject::Setup;
use crate::sys;
use crate::trades::{Query, SECOND, plan};

/// Rows in a push.
const BATCH: usize = 1024;

/// How long a window may take to close.
const PATIENCE_NS: u64 = 10_000_000_000;

/// What the subscriber tells the thread that pushes.
#[derive(Default)]
struct Seen {
    /// Rows of closed windows so far.
    rows: AtomicU64,
    /// When the first and the last rows of the window came that closed last.
    first_ns: AtomicU64,
    last_ns: AtomicU64,
}

fn watch(clock: Clock, seen: &Arc<Seen>) -> impl FnMut(&Changes<'_>) + Clone + Send + 'static {
    let seen = Arc::clone(seen);
    move |changes| {
        let now = clock.now_ns();
        let before = seen.rows.load(Ordering::Relaxed);
        if before.is_multiple_of(GROUPS as u64) {
            seen.first_ns.store(now, Ordering::Relaxed);
        }
        seen.last_ns.store(now, Ordering::Relaxed);
        seen.rows.store(before + changes.len() as u64, Ordering::Release);
    }
}

/// A database in which windows close, and whoever turns it.
enum Host {
    Threads(Database),
    Inline(Box<InlineDatabase>),
}

impl Host {
    fn idle(&mut self) {
        match self {
            Host::Threads(_) => std::hint::spin_loop(),
            Host::Inline(inline) => drop(inline.turn()),
        }
    }

    fn flush(&mut self) -> Result<(), String> {
        match self {
            Host::Threads(database) => database.flush().map_err(text),
            Host::Inline(inline) => inline.flush().map_err(text),
        }
    }
}

/// Fills and closes `closes` windows of [`GROUPS`] groups each, in databases of one shard.
pub fn run(closes: usize, is_inline: bool) -> Result<Closes, String> {
    let setup = Setup::new(Query::Tumble, 1)?;
    let names: Vec<String> = (0..GROUPS).map(|n| format!("SYM{n:05}")).collect();
    let mut closed = Closes { first: Vec::new(), all: Vec::new() };
    for start in (0..closes).step_by(CLOSES_PER_RUN) {
        let some = CLOSES_PER_RUN.min(closes - start);
        let seen = Arc::default();
        let plan = plan(setup.query).map_err(text)?;
        let relation = setup.query.relation();
        let call = watch(setup.clock, &seen);
        let (host, source) = if is_inline {
            let mut inline = builder(&setup).inline(&plan).map_err(text)?;
            inline.on_changes(relation, call).map_err(text)?;
            let source = inline.source("trades").map_err(text)?;
            (Host::Inline(Box::new(inline)), source)
        } else {
            let database = database(&setup, &plan)?;
            database.on_changes(relation, call).map_err(text)?;
            let source = database.source("trades").map_err(text)?;
            (Host::Threads(database), source)
        };
        let _pinned = sys::pin(setup.cpus.producer)?;
        Windows { source, host, seen, clock: setup.clock }.close(some, &names, &mut closed)?;
    }
    closed.first.sort_unstable();
    closed.all.sort_unstable();
    Ok(closed)
}

struct Windows<'a> {
    source: Source<Trade<'a>>,
    host: Host,
    seen: Arc<Seen>,
    clock: Clock,
}

impl<'a> Windows<'a> {
    fn close(
        mut self,
        closes: usize,
        names: &'a [String],
        closed: &mut Closes,
    ) -> Result<(), String> {
        for second in 0..=closes as i64 {
            // The first row of a second closes the window of the one before.
            let row = |group: usize| Trade {
                symbol: &names[group],
                price: group as i64 + 1,
                size: 1,
                ts: second * SECOND,
            };
            let start = self.clock.now_ns();
            self.source.push(&row(0)).map_err(text)?;
            self.await_rows(second as u64 * GROUPS as u64)?;
            if second > 0 {
                let since = |at: &AtomicU64| {
                    Duration::from_nanos(at.load(Ordering::Relaxed).saturating_sub(start))
                };
                closed.first.push(since(&self.seen.first_ns));
                closed.all.push(since(&self.seen.last_ns));
            }
            let rows: Vec<Trade<'a>> = (1..GROUPS).map(row).collect();
            for batch in rows.chunks(BATCH) {
                while let Err(error) = self.source.push_all(batch) {
                    assert!(error.is_full(), "{error}");
                    self.host.idle();
                }
            }
            self.host.flush()?;
        }
        Ok(())
    }

    fn await_rows(&mut self, rows: u64) -> Result<(), String> {
        let start = self.clock.now_ns();
        while self.seen.rows.load(Ordering::Acquire) < rows {
            self.host.idle();
            if self.clock.now_ns() > start + PATIENCE_NS {
                return Err("a window did not close within ten seconds".into());
            }
        }
        Ok(())
    }
}
