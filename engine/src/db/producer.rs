//! Producers with names: what they push is in the database once, whatever they push again.

use std::collections::VecDeque;
use std::marker::PhantomData;

use ::arrow::array::RecordBatch;
use sluicedb_sql::{Schema, SqlError};

use super::arrow::Batch;
use super::error::{Error, PushError};
use super::row::Row;
use super::source::{finish_batch, push_refused, wait_for_disk, wait_for_room};
use crate::core::feeder::Position;
use crate::core::limits::{PRODUCER_NAME_BYTES_MAX, UNSETTLED_STATEMENTS_MAX};
use crate::core::morsel::Morsel;
use crate::shell::inlet::Inlet;

/// What became of a push with a sequence number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "rows that were there already are not pushed"]
pub enum Pushed {
    /// The rows are on their way.
    Taken,
    /// The database had this number or a later one: nothing was pushed.
    Known,
}

/// Pushes rows of a struct under a name, exactly once.
///
/// Each push bears a sequence number that the application chooses: the number of a message, the offset
/// in a queue. Numbers grow; they may leave gaps. The database remembers, beside the rows and as
/// durably as them, the last number of each name, and drops what it has: after a crash or a restart an
/// application asks for [`Producer::last_sequence`] and goes on behind it, or simply pushes again from
/// any earlier number.
///
/// ```
/// use sluicedb::db::{Database, Pushed, Row, schema};
///
/// #[derive(Row)]
/// struct Order {
///     id: i64,
///     amount: i64,
/// }
///
/// # let place = std::env::temp_dir().join(format!("sluice-producer-{}", std::process::id()));
/// # let directory = place.clone();
/// let mut plan = sluicedb::plan::Builder::new();
/// let orders = plan.source("orders", schema::<Order>()?, None)?;
/// plan.view(orders, "all", &["id"])?;
/// let plan = plan.finish()?;
///
/// let db = Database::open(&directory, &plan)?;
/// let mut gateway = db.producer::<Order>("orders", "gateway-1")?;
/// assert_eq!(gateway.last_sequence(), None);
/// assert_eq!(gateway.push_at(1, &Order { id: 1, amount: 30 })?, Pushed::Taken);
/// assert_eq!(gateway.push_at(2, &Order { id: 2, amount: 50 })?, Pushed::Taken);
/// gateway.wait_durable()?; // from here on a crash takes neither away
/// assert_eq!(gateway.durable(), Some(2));
/// drop((gateway, db));
///
/// let db = Database::open(&directory, &plan)?;
/// let mut gateway = db.producer::<Order>("orders", "gateway-1")?;
/// assert_eq!(gateway.last_sequence(), Some(2));
/// assert_eq!(gateway.push_at(2, &Order { id: 2, amount: 50 })?, Pushed::Known);
/// assert_eq!(gateway.push_at(3, &Order { id: 3, amount: 20 })?, Pushed::Taken);
/// # db.close()?;
/// # std::fs::remove_dir_all(place)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// - A push is all there after a crash or not at all, with its number, also where its rows go to
///   several shards.
/// - A name belongs to one source, and stays as long as that. It has one handle at a time; a second one
///   is refused. A handle counts as a partition of its source, as that of a [`Source`] does.
/// - A source with a watermark and several producers: open all of them before one pushes. Those that
///   are not there hold the watermark of the source back no more, and what they push again may be late.
/// - In memory the numbers last as long as the database.
///
/// [`Source`]: super::Source
pub struct Producer<R: Row> {
    ledger: Ledger,
    rows: PhantomData<fn(&R)>,
}

impl<R: Row> Producer<R> {
    pub(super) fn new(inlet: Inlet) -> Producer<R> {
        Producer { ledger: Ledger::new(inlet), rows: PhantomData }
    }

    /// Pushes one row under a number. Never waits: where a shard is behind it says so, and nothing was
    /// taken.
    pub fn push_at(&mut self, sequence: u64, row: &R) -> Result<Pushed, PushError> {
        self.push_all_at(sequence, std::iter::once(row))
    }

    /// Pushes one row under a number, and waits while the engine is behind.
    pub fn push_at_wait(&mut self, sequence: u64, row: &R) -> Result<Pushed, PushError> {
        self.push_all_at_wait(sequence, std::iter::once(row))
    }

    /// Pushes rows under one number, all or none: at most 1 024 of them.
    pub fn push_all_at<'a>(
        &mut self,
        sequence: u64,
        rows: impl IntoIterator<Item = &'a R>,
    ) -> Result<Pushed, PushError>
    where
        R: 'a,
    {
        if self.ledger.knows(sequence)? {
            return Ok(Pushed::Known);
        }
        let morsel = self.ledger.inlet.take();
        let mut writer = self.ledger.inlet.feeder().write_batch(morsel);
        let written = rows.into_iter().try_for_each(|row| {
            row.write(&mut writer);
            writer.finish_row()
        });
        let morsel = finish_batch(&mut self.ledger.inlet, writer, written)?;
        self.ledger.push(sequence, morsel)
    }

    /// Pushes rows under one number, all or none, and waits while the engine is behind.
    pub fn push_all_at_wait<'a>(
        &mut self,
        sequence: u64,
        rows: impl IntoIterator<Item = &'a R> + Clone,
    ) -> Result<Pushed, PushError>
    where
        R: 'a,
    {
        loop {
            match self.push_all_at(sequence, rows.clone()) {
                Err(error) if error.is_full() => wait_for_room(&self.ledger.inlet)?,
                other => return other,
            }
        }
    }
}

/// Pushes Arrow record batches under a name, exactly once: see [`Producer`].
pub struct BatchProducer {
    ledger: Ledger,
    schema: Schema,
    /// The batch that is being pushed; its buffers stay.
    left: Batch,
}

impl BatchProducer {
    pub(super) fn new(inlet: Inlet, schema: Schema) -> BatchProducer {
        BatchProducer { ledger: Ledger::new(inlet), schema, left: Batch::empty() }
    }

    /// Pushes a batch of at most 1 024 rows under a number, all or none. Never waits: where a shard is
    /// behind it says so, and nothing was taken.
    pub fn push_at(&mut self, sequence: u64, batch: &RecordBatch) -> Result<Pushed, PushError> {
        if self.ledger.knows(sequence)? {
            return Ok(Pushed::Known);
        }
        let shared = self.left.share(batch, &self.schema).and_then(|()| self.one_statement());
        let pushed = shared.map_err(PushError::Sql).and_then(|()| {
            let mut morsel = self.ledger.inlet.take();
            self.left.next_into(&mut morsel);
            self.ledger.push(sequence, morsel)
        });
        self.left.clear();
        pushed
    }

    /// Refuses a batch that would be several statements: it is to be there as a whole or not at all.
    fn one_statement(&self) -> Result<(), SqlError> {
        match self.left.morsels_left() {
            0 | 1 => Ok(()),
            morsels => {
                let what = "statements of one record batch with a sequence number";
                Err(SqlError::limit_exceeded(what, morsels, 1).hint(
                    "A statement has at most 1 024 rows and 4 MiB of text: slice the batch, and give \
                     each slice a number of its own.",
                ))
            }
        }
    }

    /// Pushes a batch under a number, and waits while the engine is behind.
    pub fn push_at_wait(
        &mut self,
        sequence: u64,
        batch: &RecordBatch,
    ) -> Result<Pushed, PushError> {
        loop {
            match self.push_at(sequence, batch) {
                Err(error) if error.is_full() => wait_for_room(&self.ledger.inlet)?,
                other => return other,
            }
        }
    }

    /// The columns of the source.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }
}

/// What rows and batches have in common.
macro_rules! told {
    ($(($($kind:tt)*))*) => {$(
        impl $($kind)* {
            /// The last number that the database has, of this life and of all before. What this handle
            /// has not pushed itself would survive a crash by the time the handle is there.
            pub fn last_sequence(&self) -> Option<u64> {
                self.ledger.last
            }

            /// The last number up to which all would survive a crash. In memory there is none.
            pub fn durable(&mut self) -> Option<u64> {
                self.ledger.durable()
            }

            /// Waits until all that was pushed would survive a crash.
            pub fn wait_durable(&mut self) -> Result<(), Error> {
                wait_for_disk(&self.ledger.inlet)
            }

            /// How many pushes of this handle the database had already.
            pub fn repeated(&self) -> u64 {
                self.ledger.repeated
            }

            /// Rows that this handle pushed whose time was too far ahead of the clock to move the
            /// watermark.
            pub fn rows_ahead(&self) -> u64 {
                self.ledger.inlet.rows_ahead()
            }
        }
    )*};
}

told!((<R: Row> Producer<R>)(BatchProducer));

/// Keeps the numbers of one producer.
struct Ledger {
    inlet: Inlet,
    last: Option<u64>,
    durable: Option<u64>,
    /// Statements that were not durable when somebody last looked, and the number of each.
    open: VecDeque<(u64, u64)>,
    repeated: u64,
}

/// Where not every statement is logged, the later of so many share their numbers.
const OPEN_MAX: usize = UNSETTLED_STATEMENTS_MAX as usize;

impl Ledger {
    fn new(inlet: Inlet) -> Ledger {
        let last = inlet.feeder().position().map(|position| position.offset);
        let durable = last.filter(|_| inlet.saves());
        Ledger { inlet, last, durable, open: VecDeque::new(), repeated: 0 }
    }

    /// Whether the database has this number; an error where it has ended.
    fn knows(&mut self, sequence: u64) -> Result<bool, PushError> {
        self.inlet.life().check()?;
        let known = self.last.is_some_and(|last| sequence <= last);
        self.repeated += u64::from(known);
        Ok(known)
    }

    fn push(&mut self, sequence: u64, rows: Morsel) -> Result<Pushed, PushError> {
        // A statement without rows is none, and its number lasts as long as this handle.
        if rows.is_empty() {
            self.inlet.put(rows);
        } else {
            let pushed = self.inlet.push_at(rows, Position { offset: sequence, check: 0 });
            pushed.map_err(|refused| push_refused(&mut self.inlet, refused))?;
        }
        self.last = Some(sequence);
        if self.inlet.saves() {
            self.settle();
            if self.open.len() == OPEN_MAX {
                self.open.pop_back();
            }
            self.open.push_back((self.inlet.sequence(), sequence));
        }
        Ok(Pushed::Taken)
    }

    fn settle(&mut self) {
        let settled = self.inlet.settled();
        while let Some((_, sequence)) = self.open.pop_front_if(|(at, _)| *at <= settled) {
            self.durable = Some(sequence);
        }
    }

    fn durable(&mut self) -> Option<u64> {
        self.settle();
        self.durable
    }
}

/// Refuses what cannot be the name of a producer.
pub(super) fn check_name(name: &str) -> Result<(), SqlError> {
    if name.is_empty() {
        return Err(SqlError::invalid_name("the name of a producer is empty"));
    }
    if name.len() > PRODUCER_NAME_BYTES_MAX {
        let what = "bytes of the name of a producer";
        return Err(SqlError::limit_exceeded(what, name.len(), PRODUCER_NAME_BYTES_MAX));
    }
    Ok(())
}
