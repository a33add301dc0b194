//! A shard's log as the shard uses it: rows in, statements that became durable out.
//!
//! Invariants:
//! - Rows are appended in the order in which the shard works on them, so replay repeats it.
//! - A statement is reported durable once, after the sync that covers it has completed.

use std::collections::VecDeque;

use sluicedb_wal::{Failure, Issued, Log, Lsn, Record, Statement, Ticket};

use crate::core::effect::{Effect, Report};
use crate::core::feeder::{Position, RecordLayout};
use crate::core::frame::{FeederFrame, FeederRow};
use crate::core::ids::{Epoch, FeederId, ShardId, SourceId, Time};
use crate::core::limits::{JOURNAL_PENDING_BYTES_MAX, WITNESS_AFTER_NS};
use crate::core::morsel::{self, DecodeError, Pool, ShapeId};

/// The log of a shard and what waits for it.
pub(super) struct Journal {
    log: Log,
    /// Statements that are not durable, each with the position behind its record.
    waiting: VecDeque<(Lsn, Statement)>,
    opened: bool,
    payload: Vec<u8>,
    now_ns: u64,
    /// When the last group gets a witness, if nothing follows it.
    witness_at: Option<u64>,
}

impl Journal {
    pub(super) fn new(log: Log) -> Journal {
        Journal {
            log,
            waiting: VecDeque::new(),
            opened: false,
            payload: Vec::new(),
            now_ns: 0,
            witness_at: None,
        }
    }

    /// Whether another record may be appended without letting the backlog grow past its bound.
    pub(super) fn has_room(&self) -> bool {
        self.opened && self.log.pending_bytes() < JOURNAL_PENDING_BYTES_MAX
    }

    /// Logs rows that the shard is about to work on.
    pub(super) fn append(&mut self, frame: &FeederFrame) {
        let mut payload = self.payload(frame.source, frame.watermark, frame.rows_numbered);
        morsel::encode(&frame.morsel, &mut payload);
        let FeederFrame { feeder, sequence, parts, epoch, position, .. } = *frame;
        if let Some(Position { offset, check }) = position {
            payload.extend(offset.to_le_bytes());
            payload.extend(check.to_le_bytes());
        }
        self.append_record(epoch, Statement { feeder: feeder.0, sequence, parts }, payload);
    }

    /// Logs a row that the shard is about to work on: the same bytes as a frame of this one row.
    pub(super) fn append_row(
        &mut self,
        row: &FeederRow,
        shard: ShardId,
        layout: &RecordLayout,
        tied: bool,
    ) {
        let mut payload = self.payload(row.source, row.watermark, row.rows_numbered);
        layout.encode(row, tied, &mut payload);
        let FeederRow { feeder, sequence, epoch, .. } = *row;
        let statement = Statement { feeder: feeder.0, sequence, parts: 1 << shard.0 };
        self.append_record(epoch, statement, payload);
    }

    /// The pooled buffer of a record, with what stands before the rows.
    fn payload(&mut self, source: SourceId, watermark: Time, rows_numbered: u64) -> Vec<u8> {
        let mut payload = std::mem::take(&mut self.payload);
        payload.clear();
        payload.extend(source.0.to_le_bytes());
        payload.extend(watermark.0.to_le_bytes());
        payload.extend(rows_numbered.to_le_bytes());
        payload
    }

    fn append_record(&mut self, epoch: Epoch, statement: Statement, payload: Vec<u8>) {
        let record = Record { epoch: epoch.0, statement, payload };
        let lsn = self.log.append(&record);
        self.payload = record.payload;
        self.waiting.push_back((lsn, statement));
        self.witness_at = None;
    }

    /// Behind the last record.
    pub(super) fn end(&self) -> Lsn {
        self.log.end()
    }

    /// Everything before this is durable.
    pub(super) fn durable(&self) -> Lsn {
        self.log.durable()
    }

    /// Issues what can go on.
    pub(super) fn pump(&mut self, effects: &mut Vec<Effect>) {
        let mut issued = Vec::new();
        self.log.pump(&mut issued);
        tell(issued, effects);
    }

    /// Reports how a disk operation ended.
    pub(super) fn completed(
        &mut self,
        ticket: Ticket,
        result: Result<(), Failure>,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Failure> {
        let mut issued = Vec::new();
        self.log.completed(ticket, result, &mut issued);
        tell(issued, effects);
        if let Some(failure) = self.log.poisoned() {
            return Err(failure.clone());
        }
        if self.log.is_open() && !self.opened {
            self.opened = true;
            effects.push(Effect::Tell(Report::Open));
        }
        let durable = self.log.durable();
        while let Some((_, statement)) = self.waiting.pop_front_if(|(lsn, _)| *lsn <= durable) {
            effects.push(Effect::Tell(Report::Durable(statement)));
            if self.waiting.is_empty() {
                self.witness_at = Some(self.now_ns.saturating_add(WITNESS_AFTER_NS));
            }
        }
        Ok(())
    }

    /// Time has passed.
    pub(super) fn clock(&mut self, now_ns: u64) {
        assert!(now_ns >= self.now_ns, "monotonic time went back");
        self.now_ns = now_ns;
        if self.witness_at.is_some_and(|at| at <= now_ns) {
            self.witness_at = None;
            self.log.witness();
        }
    }

    /// When time matters next.
    pub(super) fn wake_at(&self) -> Option<u64> {
        self.witness_at
    }

    /// An epoch is sealed; the segments that hold only records below its `log_from`.
    pub(super) fn sealed(&mut self, epoch: Epoch, log_from: Lsn) -> Vec<sluicedb_wal::FileName> {
        self.log.sealed(epoch.0);
        self.log.retire(log_from)
    }
}

fn tell(issued: Vec<Issued>, effects: &mut Vec<Effect>) {
    effects.extend(issued.into_iter().map(Effect::Disk));
}

/// The source that a record feeds.
pub(crate) fn source_of(record: &Record) -> Result<SourceId, DecodeError> {
    split_source(&record.payload).map(|(source, _)| source)
}

/// The frame that a record was made of, to be worked on again in `epoch`.
pub(crate) fn frame_of(
    record: &Record,
    shape: ShapeId,
    pool: &mut Pool,
) -> Result<FeederFrame, DecodeError> {
    let (source, rest) = split_source(&record.payload)?;
    let (watermark, rest) = split_i64(rest)?;
    let (rows_numbered, rest) = split_i64(rest)?;
    let mut rows = pool.take(shape);
    let read = morsel::decode(rest, &mut rows)?;
    let behind = record.payload.len() - rest.len() + read;
    let position = position_of(&rest[read..]).ok_or(DecodeError { offset: behind })?;
    let Statement { feeder, sequence, parts } = record.statement;
    Ok(FeederFrame {
        feeder: FeederId(feeder),
        source,
        epoch: Epoch(record.epoch),
        sequence,
        parts,
        opening: Time::MIN,
        watermark: Time(watermark),
        rows_numbered: rows_numbered as u64,
        position,
        morsel: rows,
    })
}

/// What stands behind the rows: nothing, or the position of the statement.
fn position_of(bytes: &[u8]) -> Option<Option<Position>> {
    match bytes.as_chunks::<8>() {
        ([], []) => Some(None),
        (&[offset, check], []) => {
            let [offset, check] = [offset, check].map(u64::from_le_bytes);
            Some(Some(Position { offset, check }))
        }
        _ => None,
    }
}

fn split_source(bytes: &[u8]) -> Result<(SourceId, &[u8]), DecodeError> {
    let (first, rest) = bytes.split_first_chunk().ok_or(DecodeError { offset: 0 })?;
    Ok((SourceId(u16::from_le_bytes(*first)), rest))
}

fn split_i64(bytes: &[u8]) -> Result<(i64, &[u8]), DecodeError> {
    let (first, rest) = bytes.split_first_chunk().ok_or(DecodeError { offset: 0 })?;
    Ok((i64::from_le_bytes(*first), rest))
}
