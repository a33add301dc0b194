//! The rows that a source keeps, in its zone: one record for each morsel, as it came.
//!
//! Invariants:
//! - A mark is the count of rows that had come, and the watermark there.
//! - `held` counts the rows of the records, and `came` those and all before them.

use sluicedb_sql::column::Values;
use sluicedb_sql::{DataType, TimeUnit};

use super::{MarkId, RetainCursor, RetainOptions};
use crate::core::arena::bytes::{i64_at, put_i64, put_u32, put_u64, u32_at, u64_at};
use crate::core::arena::{
    Anchor, Appending, Arena, BLOCK_BYTES, BlockId, Blocks, ExtentId, Headroom, Place, Queue,
};
use crate::core::ids::Time;
use crate::core::limits::MARKS_MAX;
use crate::core::morsel::{Morsel, Sink, decode, encode, encoded_len};

// Offsets in the root block.
const QUEUE: u16 = 0;
const HELD: usize = Queue::HEADER_BYTES;
const CAME: usize = HELD + 8;
const WATERMARK: usize = CAME + 8;
const MISSED: usize = WATERMARK + 8;
const MARKS: usize = MISSED + 8;
/// Rows that had come, and the watermark.
const MARK_BYTES: usize = 16;
const _: () = assert!(MARKS + MARKS_MAX * MARK_BYTES <= BLOCK_BYTES);

/// In front of the rows of a record: its bytes behind this, its rows, the latest time in them, and
/// the watermark before them.
const HEAD_BYTES: usize = 24;

/// What is in a zone, and which of it counts.
#[derive(Clone, Debug)]
pub(super) struct Contents {
    root: BlockId,
    queue: Queue,
    types: Vec<DataType>,
    rows_max: u64,
    age: Option<(usize, TimeUnit, i64)>,
    /// The bytes of a record: scratch space.
    bytes: Vec<u8>,
    /// Rows of a record: scratch space.
    picks: Vec<u32>,
}

/// The head of a record.
#[derive(Clone, Copy)]
pub(super) struct Record {
    bytes: usize,
    rows: u64,
    latest: Time,
    watermark: Time,
}

/// A record, and where its rows are.
#[derive(Clone, Copy)]
pub(super) struct Stored {
    record: Record,
    rows_at: Place,
}

impl Stored {
    /// The watermark before its rows.
    pub(super) fn watermark(&self) -> Time {
        self.record.watermark
    }
}

impl Record {
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    fn read(bytes: &[u8]) -> Record {
        Record {
            bytes: u32_at(bytes, 0) as usize,
            rows: u64::from(u32_at(bytes, 4)),
            latest: Time(i64_at(bytes, 8)),
            watermark: Time(i64_at(bytes, 16)),
        }
    }

    fn head(&self) -> [u8; HEAD_BYTES] {
        let mut head = [0; HEAD_BYTES];
        put_u32(&mut head, 0, u32::try_from(self.bytes).expect("a batch is below 8 MiB"));
        put_u32(&mut head, 4, self.rows as u32);
        put_i64(&mut head, 8, self.latest.0);
        put_i64(&mut head, 16, self.watermark.0);
        head
    }
}

impl Sink for Appending<'_> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        Appending::put(self, bytes);
    }
}

impl Contents {
    pub(super) fn new(options: &RetainOptions, root: BlockId) -> Contents {
        // What the memory may be is for the one who writes to know.
        let RetainOptions { types, shape: _, rows, bytes: _, timed: _, age } = options;
        Contents {
            root,
            queue: Queue::open(Anchor::new(root, QUEUE)),
            types: types.clone(),
            rows_max: *rows,
            age: *age,
            bytes: Vec::new(),
            picks: Vec::new(),
        }
    }

    pub(super) fn create(&mut self, arena: &mut Arena, extent: ExtentId) {
        self.queue = Queue::create(arena, extent, Anchor::new(self.root, QUEUE));
        put_i64(arena.block_mut(self.root), WATERMARK, Time::MIN.0);
    }

    /// What it takes at most to append a record of so many bytes and to drop any number.
    pub(super) fn headroom(bytes: usize) -> Headroom {
        Queue::headroom(bytes)
    }

    pub(super) fn types(&self) -> &[DataType] {
        &self.types
    }

    fn count(&self, blocks: &impl Blocks, at: usize) -> u64 {
        u64_at(blocks.block(self.root), at)
    }

    fn put(&self, arena: &mut Arena, at: usize, value: u64) {
        put_u64(arena.block_mut(self.root), at, value);
    }

    /// Rows that ever came.
    pub(super) fn came(&self, blocks: &impl Blocks) -> u64 {
        self.count(blocks, CAME)
    }

    /// Rows that came and were gone when the rows were last owed to somebody.
    pub(super) fn missed(&self, blocks: &impl Blocks) -> u64 {
        self.count(blocks, MISSED)
    }

    /// Takes note that somebody knows so many of the rows that came.
    pub(super) fn note_missed(&self, arena: &mut Arena, known: u64) {
        let missed = self.count(arena, CAME) - known;
        self.put_missed(arena, missed);
    }

    /// Counts rows that were gone when they were owed.
    pub(super) fn put_missed(&self, arena: &mut Arena, missed: u64) {
        self.put(arena, MISSED, missed);
    }

    /// All records, oldest first, each with how many rows came before it.
    pub(super) fn stored(&self, blocks: &impl Blocks) -> Vec<(u64, Stored)> {
        let end = self.count(blocks, CAME);
        let mut before = end - self.count(blocks, HELD);
        let (mut stored, mut place, mut bytes) = (Vec::new(), None, Vec::new());
        while before < end {
            let at: Place = place.unwrap_or_else(|| self.queue.first(blocks));
            bytes.clear();
            let rows_at = at.read(blocks, HEAD_BYTES, &mut bytes);
            let record = Record::read(&bytes);
            bytes.clear();
            place = Some(rows_at.read(blocks, record.bytes, &mut bytes));
            stored.push((before, Stored { record, rows_at }));
            before += record.rows;
        }
        stored
    }

    /// Appends the rows of a record.
    pub(super) fn read_stored(&mut self, blocks: &impl Blocks, stored: Stored, out: &mut Morsel) {
        self.bytes.clear();
        stored.rows_at.read(blocks, stored.record.bytes, &mut self.bytes);
        decode(&self.bytes, out).expect("what is in the arena was encoded");
    }

    /// Remembers how far the source has come.
    pub(super) fn set_mark(&self, arena: &mut Arena, mark: MarkId) {
        let (came, watermark) = (self.count(arena, CAME), self.watermark(arena));
        self.put_mark(arena, mark, (came, watermark));
    }

    /// Has a mark behind so many rows that came, and the watermark there.
    pub(super) fn put_mark(&self, arena: &mut Arena, mark: MarkId, (came, watermark): (u64, Time)) {
        let at = mark_at(mark);
        self.put(arena, at, came);
        put_i64(arena.block_mut(self.root), at + 8, watermark.0);
    }

    /// The rows that had come, and the watermark, when a place was remembered.
    pub(super) fn mark(&self, blocks: &impl Blocks, mark: MarkId) -> (u64, Time) {
        let at = mark_at(mark);
        (self.count(blocks, at), Time(i64_at(blocks.block(self.root), at + 8)))
    }

    pub(super) fn blocks(&self, blocks: &impl Blocks) -> u32 {
        self.queue.blocks(blocks)
    }

    /// The bytes of the record that keeps these rows.
    pub(super) fn record_bytes(morsel: &Morsel) -> usize {
        HEAD_BYTES + encoded_len(morsel)
    }

    /// Keeps rows, whose record has so many bytes.
    pub(super) fn append(&self, arena: &mut Arena, morsel: &Morsel, bytes: usize) {
        let latest = self.age.and_then(|(column, unit, _)| match morsel.columns[column].values() {
            Values::I64(counts) => counts.iter().map(|count| moment(unit, *count)).max(),
            _ => unreachable!("event time is a TIMESTAMP, or counts"),
        });
        let record = Record {
            bytes: bytes - HEAD_BYTES,
            rows: morsel.rows() as u64,
            latest: Time(latest.unwrap_or(i64::MAX)),
            watermark: self.watermark(arena),
        };
        let rows = record.rows;
        let mut appending = self.queue.appending(arena);
        appending.put(&record.head());
        encode(morsel, &mut appending);
        appending.finish();
        self.put(arena, HELD, self.count(arena, HELD) + rows);
        self.put(arena, CAME, self.count(arena, CAME) + rows);
    }

    /// Keeps nothing of all that came, nor of so many rows that have come now.
    pub(super) fn pass_over(&mut self, arena: &mut Arena, rows: u64) {
        self.drop_while(arena, |_, _, _| true);
        self.put(arena, CAME, self.count(arena, CAME) + rows);
    }

    pub(super) fn watermark(&self, blocks: &impl Blocks) -> Time {
        Time(i64_at(blocks.block(self.root), WATERMARK))
    }

    /// The watermark of the source has moved. The one that ends all time makes no row old.
    pub(super) fn pass(&self, arena: &mut Arena, time: Time) {
        if time == Time::MAX {
            return;
        }
        put_i64(arena.block_mut(self.root), WATERMARK, time.0);
    }

    /// Drops the oldest record as long as there is one and `goes` says so.
    pub(super) fn drop_while(
        &mut self,
        arena: &mut Arena,
        goes: impl Fn(&Contents, &Arena, Record) -> bool,
    ) {
        while self.count(arena, HELD) > 0 {
            self.bytes.clear();
            self.queue.first(arena).read(arena, HEAD_BYTES, &mut self.bytes);
            let record = Record::read(&self.bytes);
            if !goes(self, arena, record) {
                return;
            }
            self.queue.drop_first(arena, HEAD_BYTES + record.bytes);
            self.put(arena, HELD, self.count(arena, HELD) - record.rows);
        }
    }

    /// Whether no row of the oldest record counts.
    pub(super) fn is_beyond(&self, blocks: &impl Blocks, first: Record) -> bool {
        self.count(blocks, HELD) - first.rows >= self.rows_max || first.latest < self.oldest(blocks)
    }

    /// The event time before which rows do not count.
    fn oldest(&self, blocks: &impl Blocks) -> Time {
        self.age.map_or(Time::MIN, |(.., age_us)| self.watermark(blocks).minus(age_us))
    }

    /// Appends at most `max` of the next rows that count. There are fewer only at the end, and in
    /// front of a watermark for who wants to be told: then it is returned in place of rows.
    pub(super) fn take(
        &mut self,
        blocks: &impl Blocks,
        from: &mut RetainCursor,
        mut told: Option<&mut Time>,
        max: usize,
        scratch: &mut Morsel,
        out: &mut Morsel,
    ) -> Option<Time> {
        let held = self.count(blocks, HELD);
        let gone = self.count(blocks, CAME) - held;
        let first = held.saturating_sub(self.rows_max).max(from.after.saturating_sub(gone));
        let oldest = self.oldest(blocks);
        let most = out.rows() + max;
        while from.before < held && out.rows() < most {
            let place = from.place.unwrap_or_else(|| self.queue.first(blocks));
            self.bytes.clear();
            let rows_at = place.read(blocks, HEAD_BYTES, &mut self.bytes);
            let record = Record::read(&self.bytes);
            if let Some(told) = told.as_deref_mut().filter(|told| record.watermark > **told) {
                if !out.is_empty() {
                    return None;
                }
                *told = record.watermark;
                return Some(record.watermark);
            }
            self.bytes.clear();
            let behind = rows_at.read(blocks, record.bytes, &mut self.bytes);
            if from.before + record.rows <= first {
                *from = RetainCursor {
                    place: Some(behind),
                    row: 0,
                    before: from.before + record.rows,
                    ..*from
                };
                continue;
            }
            decode(&self.bytes, scratch).expect("what is in the arena was encoded");
            let start = from.row.max(first.saturating_sub(from.before).min(record.rows) as u32);
            let end = self.pick(scratch, start, oldest, most - out.rows());
            if self.picks.len() == scratch.rows() {
                out.append(scratch);
            } else {
                out.gather(scratch, &self.picks);
            }
            scratch.clear();
            *from = if u64::from(end) < record.rows {
                RetainCursor { place: Some(place), row: end, ..*from }
            } else {
                RetainCursor {
                    place: Some(behind),
                    row: 0,
                    before: from.before + record.rows,
                    ..*from
                }
            };
        }
        None
    }

    /// Picks at most `max` rows from `start` on; returns the row behind the last one looked at.
    fn pick(&mut self, morsel: &Morsel, start: u32, oldest: Time, max: usize) -> u32 {
        self.picks.clear();
        let times = self.age.map(|(column, unit, _)| match morsel.columns[column].values() {
            Values::I64(counts) => (counts.as_slice(), unit),
            _ => unreachable!("event time is a TIMESTAMP, or counts"),
        });
        for row in start..morsel.rows() as u32 {
            if self.picks.len() == max {
                return row;
            }
            let young =
                |(counts, unit): (&[i64], TimeUnit)| moment(unit, counts[row as usize]) >= oldest.0;
            if times.is_none_or(young) {
                self.picks.push(row);
            }
        }
        morsel.rows() as u32
    }
}

fn mark_at(mark: MarkId) -> usize {
    assert!(usize::from(mark.0) < MARKS_MAX, "the graph numbers marks below the limit");
    MARKS + usize::from(mark.0) * MARK_BYTES
}

/// A count of event time in microseconds; one that no TIMESTAMP can say does not age.
fn moment(unit: TimeUnit, count: i64) -> i64 {
    match unit {
        TimeUnit::Micros => count,
        unit => unit.to_us(count).unwrap_or(i64::MAX),
    }
}
