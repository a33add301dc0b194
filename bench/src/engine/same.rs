//! A function of the application on the shard's own thread: it sends from there.

use std::sync::mpsc::{Receiver, Sender, channel};

use sluicedb::db::{Database, Source};

use super::{TimedTrade, answers, database, text};
use crate::schedule::{Operations, Walk};
use crate::subject::{Bulk, Collector, Load, Paced, Setup, one_shard};
use crate::trades::{Query, Tick, timed_plan};

/// A stretch on its way to the shard's thread: the number of its first trade comes with it.
type Outbound = (usize, Walk);

struct Same {
    stretches: Sender<Outbound>,
    walked: Receiver<Result<Walk, String>>,
    _database: Database,
}

impl Paced for Same {
    fn send(&mut self, _tick: Tick) -> bool {
        unreachable!("its stretches are gone through on the thread of the shard")
    }

    fn idle(&mut self) {}

    fn go(&mut self, first: usize, walk: Walk) -> Result<Walk, String> {
        self.stretches.send((first, walk)).map_err(text)?;
        self.walked.recv().map_err(text)?
    }
}

/// What sends, on the thread of the shard.
struct Guest {
    source: Source<TimedTrade<'static>>,
    names: &'static [String],
    first: usize,
}

impl Operations for Guest {
    #[inline]
    fn send(&mut self, at: usize, due_ns: u64) -> bool {
        let trade = TimedTrade::of(Tick::new(self.first + at, due_ns), self.names);
        match self.source.push(&trade) {
            Ok(()) => true,
            Err(error) => {
                assert!(error.is_full(), "{error}");
                false
            }
        }
    }

    #[inline]
    fn idle(&mut self) {}
}

/// For a paced run.
pub fn paced<'a>(setup: &'a Setup, collector: &Collector) -> Result<Box<dyn Paced + 'a>, String> {
    one_shard(setup, "same")?;
    if setup.query == Query::Lookup {
        return Err("mode same has no lookups: a shard's own thread cannot wait for it".into());
    }
    let plan = timed_plan(setup.query).map_err(text)?;
    let database = database(setup, &plan)?;
    database.on_changes(setup.query.relation(), answers(collector.recorder())).map_err(text)?;
    let source = database.source::<TimedTrade<'static>>("trades").map_err(text)?;
    // A guest outlives the call; a few kilobytes are gone with each run.
    let names: &'static [String] = Vec::leak(setup.names.clone());
    let mut guest = Guest { source, names, first: 0 };
    let (stretches, inbox) = channel::<Outbound>();
    let (outbox, walked) = channel();
    let mut under_way: Option<Walk> = None;
    let turn = move || {
        let Some(walk) = &mut under_way else {
            // Busy all the same: a shard that sleeps would not hear of the next stretch.
            let Ok((first, walk)) = inbox.try_recv() else { return Some(true) };
            guest.first = first;
            under_way = Some(walk);
            return Some(true);
        };
        let over = match walk.step(&mut guest) {
            Ok(true) => return Some(true),
            Ok(false) => Ok(under_way.take().expect("it was stepped")),
            Err(error) => Err(error),
        };
        outbox.send(over).is_ok().then_some(true)
    };
    database.run_on(0, turn).map_err(text)?;
    Ok(Box::new(Same { stretches, walked, _database: database }))
}

/// There is none: a function that never waits for its shard pushes no faster than that works.
pub fn bulk<'a>(_setup: &'a Setup, _load: &'a Load) -> Result<Box<dyn Bulk + 'a>, String> {
    Err("mode same has no bulk runs: take cross or inline, or the command scaling".into())
}
