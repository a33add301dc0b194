//! A feeder as the outside knows it: what it has to push, what it was told, and what the reference
//! makes of it. It outlives crashes.

use sluicedb::core::feeder::Progress;
use sluicedb::core::ids::{Epoch, SourceId};
use sluicedb_sql::plan::SourceTime;

use crate::load::Batch;
use crate::reference::{Marker, Row};

/// One producer of rows.
pub(super) struct Producer {
    pub(super) source: SourceId,
    statements: Vec<Statement>,
    /// Statements that bear an epoch, from the first on.
    stamped: usize,
    /// The last statement that may not get lost any more.
    acknowledged: u64,
}

struct Statement {
    rows: Vec<Row>,
    epoch: Epoch,
    /// The feeder's watermark after it.
    watermark: i64,
    /// Rows the feeder has numbered after it.
    rows_numbered: u64,
}

impl Producer {
    pub(super) fn new(
        feeder: u16,
        source: SourceId,
        time: Option<SourceTime>,
        batches: &[Batch],
    ) -> Producer {
        let mut marker = Marker::new(feeder, time);
        let mut rows_numbered = 0;
        let statement = |batch: &Batch| {
            rows_numbered += batch.len() as u64;
            Statement {
                rows: batch.iter().map(|row| marker.mark(row.clone())).collect(),
                epoch: Epoch(0),
                watermark: marker.watermark(),
                rows_numbered,
            }
        };
        let statements = batches.iter().map(statement).collect();
        Producer { source, statements, stamped: 0, acknowledged: 0 }
    }

    /// The statement that is pushed next.
    pub(super) fn next(&self) -> Option<usize> {
        (self.stamped < self.statements.len()).then_some(self.stamped)
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

    /// A statement was given its epoch. Checks what its feeder says of it.
    pub(super) fn stamp(&mut self, progress: &Progress) {
        let before = self.stamped.checked_sub(1).map_or(Epoch(0), |at| self.statements[at].epoch);
        assert!(progress.epoch >= before, "{} after {before}", progress.epoch);
        let statement = &mut self.statements[self.stamped];
        statement.epoch = progress.epoch;
        self.stamped += 1;
        self.check(progress);
    }

    /// Compares what is said of the last statement with what the reference knows.
    fn check(&self, progress: &Progress) {
        let Progress { sequence, watermark, rows_numbered, .. } = *progress;
        assert_eq!(sequence, self.stamped as u64, "statements are numbered from 1");
        let last = self.stamped.checked_sub(1).map(|at| &self.statements[at]);
        let expected = last.map_or((i64::MIN, 0), |last| (last.watermark, last.rows_numbered));
        assert_eq!((watermark.0, rows_numbered), expected, "after statement {sequence}");
    }

    /// Statements up to `sequence` may not get lost any more.
    pub(super) fn acknowledge(&mut self, sequence: u64) {
        assert!(sequence <= self.stamped as u64, "a statement is acknowledged before it is pushed");
        self.acknowledged = self.acknowledged.max(sequence);
    }

    /// The database was opened again and goes on behind `progress`.
    pub(super) fn recover(&mut self, progress: &Progress) {
        let Progress { sequence, .. } = *progress;
        let acknowledged = self.acknowledged;
        assert!(
            (acknowledged..=self.stamped as u64).contains(&sequence),
            "statements to {sequence} are there; {acknowledged} were acknowledged and {} pushed",
            self.stamped
        );
        self.stamped = sequence as usize;
        self.check(progress);
        // What was recovered is in every epoch of this life.
        self.statements[..self.stamped].iter_mut().for_each(|s| s.epoch = Epoch(0));
    }

    /// What was pushed by the end of an epoch.
    pub(super) fn rows(&self, epoch: Epoch) -> impl Iterator<Item = &Row> {
        self.by(epoch).iter().flat_map(|statement| &statement.rows)
    }

    /// The watermark at the end of an epoch.
    pub(super) fn watermark(&self, epoch: Epoch) -> i64 {
        self.by(epoch).last().map_or(i64::MIN, |statement| statement.watermark)
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
