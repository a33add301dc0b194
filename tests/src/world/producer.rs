//! A feeder as the outside knows it: what it has to push, what it was told, and what the reference
//! makes of it. It outlives crashes.

use std::sync::Arc;

use sluicedb::core::effect::{FeederMark, ProducerMark};
use sluicedb::core::feeder::{Position, Progress};
use sluicedb::core::ids::{Epoch, FeederId, SourceId};
use sluicedb_sql::plan::SourceTime;

use crate::load::Batch;
use crate::reference::{Marker, Row};

/// One producer of rows.
#[derive(Clone)]
pub(super) struct Producer {
    pub(super) source: SourceId,
    /// How it calls itself, if it does, and the epoch at which it last came.
    name: Option<Arc<str>>,
    came: Option<Epoch>,
    /// Whether a sealed checkpoint has the name.
    named: bool,
    statements: Vec<Statement>,
    /// Statements that bear an epoch, from the first on.
    stamped: usize,
    /// The statement that is pushed next: one that was stamped before, if the producer remembers
    /// less than the database.
    next: usize,
    /// The last statement that may not get lost any more.
    acknowledged: u64,
    /// What marks the next statement that is not stamped.
    marker: Marker,
    /// The same before the first.
    fresh: Marker,
}

#[derive(Clone)]
struct Statement {
    batch: Arc<Batch>,
    /// As they were marked when it was stamped, and the marker behind them.
    rows: Arc<Vec<Row>>,
    after: Marker,
    epoch: Epoch,
    /// Rows the feeder has numbered after it.
    rows_numbered: u64,
    /// Where its producer said to go on behind it, when it was pushed last, and what the database
    /// knows of that.
    offered: Option<Position>,
    position: Option<Position>,
}

impl Producer {
    pub(super) fn new(
        feeder: u16,
        source: SourceId,
        time: Option<SourceTime>,
        batches: &[Batch],
    ) -> Producer {
        let marker = Marker::new(feeder, time);
        let mut rows_numbered = 0;
        let statement = |batch: &Batch| {
            rows_numbered += batch.len() as u64;
            Statement {
                batch: Arc::new(batch.clone()),
                rows: Arc::default(),
                after: marker.clone(),
                epoch: Epoch(0),
                rows_numbered,
                offered: None,
                position: None,
            }
        };
        let statements = batches.iter().map(statement).collect();
        let fresh = marker.clone();
        let name = (feeder % 2 == 1).then(|| format!("p{feeder}").into());
        let (came, named, stamped, next, acknowledged) = (None, false, 0, 0, 0);
        Producer {
            source,
            name,
            came,
            named,
            statements,
            stamped,
            next,
            acknowledged,
            marker,
            fresh,
        }
    }

    /// How it calls itself, if it does.
    pub(super) fn name(&self) -> Option<Arc<str>> {
        self.name.clone()
    }

    /// A checkpoint of an epoch is sealed.
    pub(super) fn seal(&mut self, epoch: Epoch) {
        self.named |= self.name.is_some() && self.came.is_some_and(|came| came <= epoch);
    }

    /// The database was opened again, and knows this of its feeder's name. Tells whether it does.
    pub(super) fn recognise(&mut self, feeder: FeederId, found: Option<&ProducerMark>) -> bool {
        let expected = |name: &Arc<str>| {
            let (source, name) = (self.source, Arc::clone(name));
            ProducerMark { feeder, source, name }
        };
        let expected = self.name.as_ref().map(expected);
        if self.named || found.is_some() {
            // A checkpoint may have been sealed without anybody hearing of it.
            assert_eq!(found, expected.as_ref(), "the producer of {feeder}");
        }
        (self.named, self.came) = (found.is_some(), None);
        self.named
    }

    /// The statement that is pushed next.
    pub(super) fn next(&self) -> Option<usize> {
        (self.next < self.statements.len()).then_some(self.next)
    }

    /// Its rows.
    pub(super) fn batch(&self, statement: usize) -> &Batch {
        &self.statements[statement].batch
    }

    pub(super) fn is_published(&self) -> bool {
        self.next().is_none()
    }

    pub(super) fn is_acknowledged(&self) -> bool {
        self.acknowledged == self.statements.len() as u64
    }

    pub(super) fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// The last statement bears an epoch.
    pub(super) fn stamped(&self) -> u64 {
        self.stamped as u64
    }

    /// Rows that are behind only because of where the feeder was attached.
    pub(super) fn behind_floor(&self) -> u64 {
        self.marker.behind_floor()
    }

    /// The statement is pushed, with a position or without one.
    pub(super) fn offer(&mut self, statement: usize, told: bool) -> Option<Position> {
        let statement_of = &mut self.statements[statement];
        let (offset, check) = (statement as u64 + 1, statement_of.rows_numbered);
        statement_of.offered = told.then_some(Position { offset, check });
        statement_of.offered
    }

    /// Where the database has its producer go on behind so many statements.
    pub(super) fn position(&self, statements: u64) -> Option<Position> {
        self.statements[..statements as usize].last().and_then(|statement| statement.position)
    }

    /// Its feeder is attached at `floor`. Checks where it is told to go on.
    pub(super) fn attach(&mut self, progress: &Progress, position: Option<Position>, floor: i64) {
        assert_eq!(position, self.position(progress.sequence), "the position it goes on from");
        self.came = Some(progress.epoch);
        self.marker.raise(floor);
        self.next = self.stamped;
        assert_eq!(progress.opening, progress.watermark, "nothing was published since");
        self.check(progress);
        assert_eq!(progress.watermark.0, floor, "the watermark at which it is attached");
    }

    /// Forgets statements after some earlier one, and returns its number and the rows by then.
    pub(super) fn forget(&mut self, statements: usize) -> (u64, u64) {
        self.next = self.stamped - statements;
        (self.next as u64, self.rows_numbered(self.next))
    }

    /// A statement was given its epoch. Checks what its feeder says of it; tells if it was pushed
    /// before.
    pub(super) fn stamp(&mut self, progress: &Progress) -> bool {
        let again = self.next < self.stamped;
        self.next += 1;
        if !again {
            let before = self.last_epoch();
            assert!(progress.epoch >= before, "{} after {before}", progress.epoch);
            let statement = &mut self.statements[self.stamped];
            statement.epoch = progress.epoch;
            let rows = statement.batch.iter().map(|row| self.marker.mark(row.clone()));
            statement.rows = Arc::new(rows.collect());
            statement.after = self.marker.clone();
            statement.position = statement.offered;
            self.stamped += 1;
        }
        self.check(progress);
        again
    }

    /// Compares what is said of the last statement with what the reference knows.
    fn check(&self, progress: &Progress) {
        let Progress { sequence, watermark, rows_numbered, .. } = *progress;
        assert_eq!(sequence, self.next as u64, "statements are numbered from 1");
        let expected = (self.marker.watermark(), self.rows_numbered(self.next));
        assert_eq!((watermark.0, rows_numbered), expected, "after statement {sequence}");
    }

    fn rows_numbered(&self, statements: usize) -> u64 {
        statements.checked_sub(1).map_or(0, |last| self.statements[last].rows_numbered)
    }

    /// Statements up to `sequence` may not get lost any more.
    pub(super) fn acknowledge(&mut self, sequence: u64) {
        assert!(sequence <= self.stamped as u64, "a statement is acknowledged before it is pushed");
        self.acknowledged = self.acknowledged.max(sequence);
    }

    /// The database was opened again and has statements up to that of the mark; without one it does
    /// not know the feeder. Returns the watermark of the last of them.
    pub(super) fn recover(&mut self, mark: Option<&FeederMark>) -> i64 {
        let sequence = mark.map_or(0, |mark| mark.sequence);
        let acknowledged = self.acknowledged;
        assert!(
            (acknowledged..=self.stamped as u64).contains(&sequence),
            "statements to {sequence} are there; {acknowledged} were acknowledged and {} pushed",
            self.stamped
        );
        self.stamped = sequence as usize;
        self.next = self.stamped;
        if let Some(mark) = mark.filter(|mark| mark.sequence > 0) {
            assert_eq!(mark.position, self.position(sequence), "the position behind {sequence}");
            assert_eq!(mark.source, self.source, "the source that was fed");
            assert_eq!(mark.rows_numbered, self.rows_numbered(self.stamped));
        }
        // What was recovered is in every epoch of this life.
        self.statements[..self.stamped].iter_mut().for_each(|s| s.epoch = Epoch(0));
        // Where it was attached before does not count, unless the database says so.
        self.marker = match self.stamped.checked_sub(1) {
            Some(last) => self.statements[last].after.clone(),
            None => self.fresh.clone(),
        };
        self.marker.watermark()
    }

    /// What was pushed by the end of an epoch.
    pub(super) fn rows(&self, epoch: Epoch) -> impl Iterator<Item = &Row> {
        self.by(epoch).iter().flat_map(|statement| statement.rows.iter())
    }

    /// Those of them that were pushed behind so many statements.
    pub(super) fn rows_behind(&self, before: usize, epoch: Epoch) -> impl Iterator<Item = &Row> {
        self.by(epoch).iter().skip(before).flat_map(|statement| statement.rows.iter())
    }

    /// Those of so many statements.
    pub(super) fn rows_before(&self, statements: usize) -> impl Iterator<Item = &Row> {
        self.statements[..statements].iter().flat_map(|statement| statement.rows.iter())
    }

    /// How many statements were pushed by the end of an epoch.
    pub(super) fn statements_by(&self, epoch: Epoch) -> usize {
        self.by(epoch).len()
    }

    /// Rows of an epoch that are below `floor` are behind it; whether some were not behind as much.
    pub(super) fn raise(&mut self, epoch: Epoch, floor: i64) -> bool {
        let mut any = false;
        for statement in self.statements[..self.stamped].iter_mut().filter(|s| s.epoch == epoch) {
            let raised = |row: &Row| self.marker.is_below(row, floor) && row.behind < floor;
            if statement.rows.iter().any(raised) {
                let rows = Arc::make_mut(&mut statement.rows).iter_mut();
                rows.filter(|row| raised(row)).for_each(|row| row.behind = floor);
                any = true;
            }
        }
        any
    }

    /// The watermark after the last statement by the end of an epoch.
    pub(super) fn watermark(&self, epoch: Epoch) -> i64 {
        self.by(epoch).last().map_or(i64::MIN, |statement| statement.after.watermark())
    }

    /// The epoch of the last statement that was pushed.
    pub(super) fn last_epoch(&self) -> Epoch {
        self.by(Epoch(u64::MAX)).last().map_or(Epoch(0), |statement| statement.epoch)
    }

    fn by(&self, epoch: Epoch) -> &[Statement] {
        let stamped = &self.statements[..self.stamped];
        &stamped[..stamped.partition_point(|statement| statement.epoch <= epoch)]
    }
}
