//! Where rows go in: handles that an application pushes with.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use ::arrow::array::RecordBatch;
use sluicedb_sql::{Schema, SqlError};

use super::arrow::Batch;
use super::connect::{Fault, Link};
use super::error::{BatchRefused, Error, PushError};
use super::row::{Row, RowAt};
use crate::core::feeder::{BatchWriter, Position, Refused, RowsError};
use crate::core::ids::Time;
use crate::core::limits::MORSEL_ROWS_MAX;
use crate::core::morsel::Morsel;
use crate::shell::inlet::{Inlet, RowRefused};

/// Takes rows of a struct for one source.
///
/// A source may have any number of handles, on any threads; each counts as a partition of the
/// source, with a watermark of its own. Rows of one handle keep their order. A handle that is idle
/// holds nothing back but the source's watermark; dropping it releases that too.
///
/// Nothing waits in the handle: what `push` has taken is on its way to its shard.
pub struct Source<R: Row> {
    inlet: Inlet,
    rows: PhantomData<fn(&R)>,
}

impl<R: Row> Source<R> {
    pub(super) fn new(inlet: Inlet) -> Source<R> {
        Source { inlet, rows: PhantomData }
    }

    /// Pushes one row. Never waits: where a shard is behind it says so, and nothing was taken.
    #[inline]
    pub fn push(&mut self, row: &R) -> Result<(), PushError> {
        self.inlet.push_row(|cells| row.write(cells)).map_err(refused)
    }

    /// Pushes one row that borrows for this call alone, as [`Source::push`] does.
    #[inline]
    pub fn push_as(&mut self, row: &R::At<'_>) -> Result<(), PushError>
    where
        R: RowAt,
    {
        self.inlet.push_row(|cells| row.write(cells)).map_err(refused)
    }

    /// Pushes one row that borrows for this call alone, and waits while the engine is behind.
    pub fn push_as_wait(&mut self, row: &R::At<'_>) -> Result<(), PushError>
    where
        R: RowAt,
    {
        loop {
            match self.push_as(row) {
                Err(error) if error.is_full() => wait_for_room(&self.inlet)?,
                other => return other,
            }
        }
    }

    /// Pushes one row, and waits while the engine is behind.
    pub fn push_wait(&mut self, row: &R) -> Result<(), PushError> {
        loop {
            match self.push(row) {
                Err(error) if error.is_full() => wait_for_room(&self.inlet)?,
                other => return other,
            }
        }
    }

    /// Pushes one row, and waits as a task while the engine is behind.
    pub async fn push_async(&mut self, row: &R) -> Result<(), PushError> {
        loop {
            match self.push(row) {
                Err(error) if error.is_full() => {}
                other => return other,
            }
            let room = Arc::clone(self.inlet.room());
            room.arm();
            // Room that came before the bell was armed has rung none.
            match self.push(row) {
                Err(error) if error.is_full() => room.rung().await,
                other => {
                    room.disarm();
                    return other;
                }
            }
        }
    }

    /// Pushes rows as one statement, all or none: at most 1 024 of them.
    pub fn push_all<'a>(&mut self, rows: impl IntoIterator<Item = &'a R>) -> Result<(), PushError>
    where
        R: 'a,
    {
        self.inlet.life().check()?;
        let morsel = self.inlet.take();
        let mut writer = self.inlet.feeder().write_batch(morsel);
        let written = rows.into_iter().try_for_each(|row| {
            row.write(&mut writer);
            writer.finish_row()
        });
        let morsel = finish_batch(&mut self.inlet, writer, written)?;
        push_morsel(&mut self.inlet, morsel)
    }

    /// Pushes rows as one statement, all or none, and waits while the engine is behind.
    pub fn push_all_wait<'a>(
        &mut self,
        rows: impl IntoIterator<Item = &'a R> + Clone,
    ) -> Result<(), PushError>
    where
        R: 'a,
    {
        loop {
            match self.push_all(rows.clone()) {
                Err(error) if error.is_full() => wait_for_room(&self.inlet)?,
                other => return other,
            }
        }
    }

    /// The statements this handle has pushed so far: each push is one.
    pub fn pushed(&self) -> u64 {
        self.inlet.sequence()
    }

    /// Rows that this handle pushed whose time was too far ahead of the clock to move the watermark.
    pub fn rows_ahead(&self) -> u64 {
        self.inlet.rows_ahead()
    }

    /// How many of [`Source::pushed`] would survive a crash. Stays behind for ever where the database
    /// lives in memory.
    pub fn durable(&self) -> u64 {
        self.inlet.settled()
    }

    /// Waits until all that was pushed would survive a crash: `source.push(&row)?`, then this, is a row
    /// that is safe. Many rows may share one wait.
    pub fn wait_durable(&self) -> Result<(), Error> {
        wait_for_disk(&self.inlet)
    }
}

/// Takes Arrow record batches for one source.
pub struct BatchSource {
    inlet: Inlet,
    schema: Schema,
    /// What is left of the batch that is being pushed; its buffers stay.
    left: Batch,
    /// Of a source that reaches outside, which may be paused.
    link: Option<Link>,
    /// Whether how far it has come is kept.
    keeps: bool,
}

impl BatchSource {
    /// Rows that this handle pushed whose time was too far ahead of the clock to move the watermark.
    pub fn rows_ahead(&self) -> u64 {
        self.inlet.rows_ahead()
    }

    pub(super) fn new(inlet: Inlet, schema: Schema) -> BatchSource {
        BatchSource { inlet, schema, left: Batch::empty(), link: None, keeps: false }
    }

    /// Has what is pushed wait while a source that reaches outside is paused: it reads no further
    /// meanwhile, and nothing is kept here.
    pub(super) fn pause_with(&mut self, link: &Link) {
        self.link = Some(link.clone());
    }

    /// Has the positions that it is pushed to with kept beside the rows, with each checkpoint.
    pub(super) fn keep_positions(&mut self) {
        self.keeps = true;
    }

    /// Where to go on: the position behind the last rows that are there, in the database with a
    /// directory that was opened again. None where nothing has come yet, and in memory.
    pub fn position(&self) -> Option<Position> {
        self.inlet.feeder().position().filter(|_| self.keeps)
    }

    /// Whether it was finished, in this life of the database or in an earlier one.
    pub fn has_finished(&self) -> bool {
        self.inlet.feeder().progress().watermark == Time::MAX
    }

    fn wait_while_paused(&self) {
        self.link.iter().for_each(Link::wait_while_paused);
    }

    /// Pushes a batch of any length. Never waits: where there is no room for all of it, nothing is
    /// taken. What is not pushed comes back with the error, to be pushed again.
    ///
    /// Its buffers are moved where it has at most 1 024 rows, nobody else holds them, and all rows go
    /// to one shard; otherwise rows are copied once. Each 1 024 rows are a statement of their own.
    #[expect(
        clippy::result_large_err,
        reason = "who is refused asks again at once: no box for that"
    )]
    pub fn push(&mut self, batch: RecordBatch) -> Result<(), BatchRefused> {
        self.wait_while_paused();
        if let Err(error) = self.take_up(&batch) {
            self.left.clear();
            return Err(BatchRefused::new(error, batch));
        }
        // From here on nobody else holds the buffers, so that they can move.
        drop(batch);
        loop {
            let mut morsel = self.inlet.take();
            if !self.left.next_into(&mut morsel) {
                self.inlet.put(morsel);
                self.left.clear();
                return Ok(());
            }
            let pushed = self.inlet.push(morsel);
            assert!(pushed.is_ok(), "a lane lost room that was there for the whole batch");
        }
    }

    /// Takes a batch up if it fits the source and there is room for all of it.
    fn take_up(&mut self, batch: &RecordBatch) -> Result<(), PushError> {
        self.inlet.life().check()?;
        let most = self.inlet.frames_max();
        // Who pushes again and again while the engine is behind gets that answer at its least price.
        let at_least = batch.num_rows().div_ceil(MORSEL_ROWS_MAX).min(most);
        if let Some(busy) = self.inlet.lacks_room(at_least) {
            return Err(PushError::Full(busy));
        }
        self.left.share(batch, &self.schema).map_err(PushError::Sql)?;
        let morsels = self.left.morsels_left();
        if morsels > most {
            // Not full: it would never fit.
            return Err(PushError::Sql(
                SqlError::limit_exceeded("statements of one record batch", morsels, most)
                    .hint("Push it in parts, by push_wait, or set lane_frames higher."),
            ));
        }
        self.inlet.lacks_room(morsels).map_or(Ok(()), |busy| Err(PushError::Full(busy)))
    }

    /// Pushes a batch of any length piece by piece, and waits while the engine is behind. If the
    /// database ends meanwhile, the rows before that may have been taken.
    pub fn push_wait(&mut self, batch: RecordBatch) -> Result<(), PushError> {
        self.wait_while_paused();
        self.inlet.life().check()?;
        self.push_all_of(batch, |_| Ok(None))
    }

    /// The same for rows that can be read again. A checkpoint that has rows of it has the position
    /// with it at which reading goes on behind them, and that is [`BatchSource::position`] after a
    /// restart.
    ///
    /// `position` is asked for each statement that the batch makes: behind so many of its rows. It is
    /// asked for none in memory. What it fails by ends the push.
    pub fn push_wait_at(
        &mut self,
        batch: RecordBatch,
        mut position: impl FnMut(usize) -> Result<Position, String>,
    ) -> Result<(), Fault> {
        self.wait_while_paused();
        self.inlet.life().check().map_err(Fault::Ended)?;
        if !self.keeps {
            return self.push_all_of(batch, |_| Ok(None));
        }
        self.push_all_of(batch, |rows| position(rows).map(Some).map_err(Fault::Failed))
    }

    fn push_all_of<E: From<PushError>>(
        &mut self,
        batch: RecordBatch,
        position: impl FnMut(usize) -> Result<Option<Position>, E>,
    ) -> Result<(), E> {
        let shared = self.left.share(&batch, &self.schema).map_err(PushError::Sql);
        drop(batch);
        let pushed = shared.map_err(E::from).and_then(|()| self.push_left(position));
        self.left.clear();
        pushed
    }

    fn push_left<E: From<PushError>>(
        &mut self,
        mut position: impl FnMut(usize) -> Result<Option<Position>, E>,
    ) -> Result<(), E> {
        let mut rows = 0;
        loop {
            let mut morsel = self.inlet.take();
            if !self.left.next_into(&mut morsel) {
                self.inlet.put(morsel);
                return Ok(());
            }
            rows += morsel.rows();
            let position = position(rows)?;
            loop {
                let pushed = match position {
                    Some(position) => self.inlet.push_at(morsel, position),
                    None => self.inlet.push(morsel),
                };
                match pushed {
                    Ok(()) => break,
                    Err(Refused { rows, .. }) => {
                        wait_for_room(&self.inlet)?;
                        morsel = rows;
                    }
                }
            }
        }
    }

    /// Ends this handle with the promise that nothing comes any more: the event time of its source
    /// comes to its end, unless another handle is open, and every window over it closes. What is
    /// pushed to the source by a later handle is late.
    pub fn finish(mut self) -> Result<(), PushError> {
        self.wait_while_paused();
        self.inlet.life().check()?;
        self.inlet.finish();
        Ok(())
    }

    /// The statements this handle has pushed so far: each 1 024 rows of a batch are one.
    pub fn pushed(&self) -> u64 {
        self.inlet.sequence()
    }

    /// How many of [`BatchSource::pushed`] would survive a crash. Stays behind for ever where the
    /// database lives in memory.
    pub fn durable(&self) -> u64 {
        self.inlet.settled()
    }

    /// Waits until all that was pushed would survive a crash.
    pub fn wait_durable(&self) -> Result<(), Error> {
        wait_for_disk(&self.inlet)
    }

    /// The columns of the source.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }
}

fn push_morsel(inlet: &mut Inlet, morsel: Morsel) -> Result<(), PushError> {
    inlet.push(morsel).map_err(|refused| push_refused(inlet, refused))
}

/// Takes back rows that were refused, which whoever pushes writes again.
pub(super) fn push_refused(inlet: &mut Inlet, refused: Refused) -> PushError {
    let Refused { error, mut rows } = refused;
    rows.clear();
    inlet.put(rows);
    PushError::Full(error)
}

/// The rows that were written, unless one of them does not fit.
pub(super) fn finish_batch(
    inlet: &mut Inlet,
    writer: BatchWriter,
    written: Result<(), RowsError>,
) -> Result<Morsel, PushError> {
    let mut rows = writer.into_morsel();
    match written {
        Ok(()) => Ok(rows),
        Err(error) => {
            rows.clear();
            inlet.put(rows);
            Err(PushError::Rows(error))
        }
    }
}

#[cold]
fn refused(refused: RowRefused) -> PushError {
    match refused {
        RowRefused::Rows(error) => PushError::Rows(error),
        RowRefused::Push(busy) => PushError::Full(busy),
        RowRefused::Ended(ending) => PushError::Ended(ending),
    }
}

/// How long a producer sleeps at most before it looks again: a disk that is behind rings no bell.
const ROOM_RETRY: Duration = Duration::from_millis(1);

/// Sleeps until shards have taken something, or for a moment.
pub(super) fn wait_for_room(inlet: &Inlet) -> Result<(), PushError> {
    inlet.life().check()?;
    if !inlet.may_wait() {
        return Err(PushError::WouldWait);
    }
    inlet.room().arm();
    inlet.room().sleep(Some(ROOM_RETRY));
    Ok(())
}

/// Sleeps until all that was pushed is safe from a crash.
pub(super) fn wait_for_disk(inlet: &Inlet) -> Result<(), Error> {
    if !inlet.saves() {
        let error =
            SqlError::unsupported("nothing that is pushed to a database in memory is durable");
        return Err(Error::Sql(error.hint("Open it in a directory.")));
    }
    let is_safe = || inlet.settled() >= inlet.sequence();
    while !is_safe() {
        inlet.life().check()?;
        if !inlet.may_wait() {
            return Err(Error::WouldWait);
        }
        inlet.room().arm();
        // What settled before the bell was armed has rung none.
        match is_safe() {
            true => inlet.room().disarm(),
            false => inlet.room().sleep(Some(ROOM_RETRY)),
        }
    }
    Ok(())
}
