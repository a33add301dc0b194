//! The database that the sending loop turns.

use sluicedb::db::{InlineDatabase, Source, View};

use super::{TimedTrade, Trade, answers, builder, text};
use crate::subject::{Bulk, Collector, Load, Paced, Recorder, Setup, one_shard};
use crate::trades::{Query, Tick, plan, timed_plan};

struct Inline<'a> {
    source: Source<TimedTrade<'a>>,
    names: &'a [String],
    database: InlineDatabase,
}

impl Paced for Inline<'_> {
    #[inline]
    fn send(&mut self, tick: Tick) -> bool {
        match self.source.push(&TimedTrade::of(tick, self.names)) {
            Ok(()) => {
                self.database.turn();
                true
            }
            Err(error) => {
                assert!(error.is_full(), "{error}");
                false
            }
        }
    }

    #[inline]
    fn idle(&mut self) {
        self.database.turn();
    }
}

struct InlineLookup<'a> {
    view: View,
    recorder: Recorder,
    names: &'a [String],
    database: InlineDatabase,
}

impl Paced for InlineLookup<'_> {
    #[inline]
    fn send(&mut self, tick: Tick) -> bool {
        let found = self.database.get(&mut self.view, self.names[tick.symbol].as_str());
        let found = found.expect("the database runs, and the key is a text");
        assert_eq!(found.len(), 1, "every symbol has its totals");
        self.recorder.arrived(tick.sent as u64);
        true
    }

    #[inline]
    fn idle(&mut self) {
        self.database.turn();
    }
}

/// For a paced run.
pub fn paced<'a>(setup: &'a Setup, collector: &Collector) -> Result<Box<dyn Paced + 'a>, String> {
    one_shard(setup, "inline")?;
    let plan = timed_plan(setup.query).map_err(text)?;
    let mut database = builder(setup).inline(&plan).map_err(text)?;
    let mut source = database.source::<TimedTrade<'a>>("trades").map_err(text)?;
    let (names, relation) = (&setup.names[..], setup.query.relation());
    if setup.query != Query::Lookup {
        database.on_changes(relation, answers(collector.recorder())).map_err(text)?;
        return Ok(Box::new(Inline { source, names, database }));
    }
    for symbol in 0..names.len() {
        source.push(&TimedTrade::of(Tick::new(symbol, 0), names)).map_err(text)?;
        database.turn();
    }
    database.flush().map_err(text)?;
    let view = database.view(relation).map_err(text)?;
    Ok(Box::new(InlineLookup { view, recorder: collector.recorder(), names, database }))
}

struct InlineBulk<'a> {
    source: Source<Trade<'a>>,
    rows: Vec<Trade<'a>>,
    load: &'a Load,
    database: InlineDatabase,
}

impl Bulk for InlineBulk<'_> {
    fn push(&mut self, batch: usize) -> bool {
        let rows = &self.rows[self.load.rows(batch)];
        let pushed = match rows {
            [row] => self.source.push(row),
            rows => self.source.push_all(rows),
        };
        match pushed {
            Ok(()) => {
                // Single rows wait for a turn together, as they would behind a loop of their own.
                if rows.len() > 1 || batch.is_multiple_of(ROWS_PER_TURN) {
                    self.database.turn();
                }
                true
            }
            Err(error) => {
                assert!(error.is_full(), "{error}");
                false
            }
        }
    }

    fn idle(&mut self) {
        self.database.turn();
    }

    fn settle(&mut self) -> Result<(), String> {
        self.database.flush().map_err(text)
    }
}

const ROWS_PER_TURN: usize = 64;

/// For a run at full speed.
pub fn bulk<'a>(setup: &'a Setup, load: &'a Load) -> Result<Box<dyn Bulk + 'a>, String> {
    one_shard(setup, "inline")?;
    let plan = plan(setup.query).map_err(text)?;
    let mut database = builder(setup).inline(&plan).map_err(text)?;
    let source = database.source::<Trade<'a>>("trades").map_err(text)?;
    database.on_changes(setup.query.relation(), super::bulk::seen()).map_err(text)?;
    let rows = super::bulk::rows(setup, load);
    Ok(Box::new(InlineBulk { source, rows, load, database }))
}
