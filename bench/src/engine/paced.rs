//! Trades one by one from another CPU than the shard's, and lookups.

use sluicedb::db::{Database, Source, View};

use super::{TimedTrade, answers, database, text};
use crate::subject::{Collector, Paced, Recorder, Setup};
use crate::trades::{Query, Tick, timed_plan};

/// Fields are dropped in order: the handles, then the database.
struct Cross<'a> {
    source: Source<TimedTrade<'a>>,
    names: &'a [String],
    _database: Database,
}

impl Paced for Cross<'_> {
    #[inline]
    fn send(&mut self, tick: Tick) -> bool {
        match self.source.push(&TimedTrade::of(tick, self.names)) {
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

struct CrossLookup<'a> {
    view: View,
    recorder: Recorder,
    names: &'a [String],
    _database: Database,
}

impl Paced for CrossLookup<'_> {
    #[inline]
    fn send(&mut self, tick: Tick) -> bool {
        let found = self.view.get(self.names[tick.symbol].as_str());
        let found = found.expect("the database runs, and the key is a text");
        assert_eq!(found.len(), 1, "every symbol has its totals");
        self.recorder.arrived(tick.sent as u64);
        true
    }

    #[inline]
    fn idle(&mut self) {}
}

/// The database on a CPU of its own.
pub fn cross<'a>(setup: &'a Setup, collector: &Collector) -> Result<Box<dyn Paced + 'a>, String> {
    let plan = timed_plan(setup.query).map_err(text)?;
    let database = database(setup, &plan)?;
    let mut source = database.source::<TimedTrade<'a>>("trades").map_err(text)?;
    let (names, relation) = (&setup.names[..], setup.query.relation());
    if setup.query != Query::Lookup {
        database.on_changes(relation, answers(collector.recorder())).map_err(text)?;
        return Ok(Box::new(Cross { source, names, _database: database }));
    }
    for symbol in 0..names.len() {
        source.push_wait(&TimedTrade::of(Tick::new(symbol, 0), names)).map_err(text)?;
    }
    database.flush().map_err(text)?;
    let view = database.view(relation).map_err(text)?;
    let recorder = collector.recorder();
    Ok(Box::new(CrossLookup { view, recorder, names, _database: database }))
}
